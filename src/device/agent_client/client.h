/* An agent at the other end of a link; shared by the files of this folder. */
#ifndef ESPOTA_DEVICE_AGENT_CLIENT_CLIENT_H
#define ESPOTA_DEVICE_AGENT_CLIENT_CLIENT_H

#include "espota/agent_client.h"
#include "espota/agent_protocol.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/link.h"
#include "espota/noise.h"
#include "espota/slip.h"

enum {
    CLIENT_MAX_DATA = 4096, /* what an agent may offer at most */
    CLIENT_TIMEOUT_MS = 3000,
    CLIENT_LONG_TIMEOUT_MS = 15000,
    CLIENT_WORK_MS = 180000, /* several times what hashing all of the largest flash takes */
    CLIENT_ATTEMPTS = 5,
    CLIENT_MAX_WINDOW = 64,
    CLIENT_MAX_KEY = 64,
};

struct agent_client {
    struct espota_device device;
    struct espota_link *link;
    struct espota_agent_client_options options;
    struct espota_slip_decoder decoder;
    uint8_t frame[ESPOTA_AGENT_MAX_FRAME(CLIENT_MAX_DATA)];
    uint8_t in[4096]; /* received, not yet decoded */
    size_t in_at, in_count;
    uint32_t sequence;           /* of the last request */
    uint8_t key[CLIENT_MAX_KEY]; /* the device's; its length is in the options. Wiped when closed */
    struct espota_hash *sha256;
    bool sealed; /* a keyed session: frames are encrypted */
    struct espota_noise_keys keys;
    uint32_t sent, received; /* numbers of the last sealed frames */
    unsigned window;
    unsigned max_data;
    struct espota_payload image; /* of begin_image, without its bytes; length 0: none */
    uint32_t image_offset;       /* of the partition that it goes to */
};

struct client_response {
    uint8_t type;
    uint32_t sequence;
    enum espota_agent_status status;
    const uint8_t *data; /* behind the status; in client->frame, valid until the next frame */
    size_t length;
};

/* device.c: the parts of a device that has an agent in it. client_begin fills in `client`, which is zeroed;
 * it may be ended also after a failure. The link stays its owner's. */
extern const struct espota_device_ops client_ops;
int client_begin(struct agent_client *client, struct espota_link *link,
                 const struct espota_agent_client_options *options, struct espota_error *error);
void client_end(struct agent_client *client);

/* frames.c: one frame out, one frame in. Frames that are no valid responses are passed over.
 * client_receive returns ESPOTA_ERR_TIMEOUT when none came until `deadline`, ESPOTA_ERR_DEVICE when the agent
 * does not know the session any more. */
int client_send(struct agent_client *client, enum espota_agent_request type, const void *data, size_t length,
                struct espota_error *error);
int client_receive(struct agent_client *client, uint64_t deadline, struct client_response *response,
                   struct espota_error *error);

/* The response to the last request. An agent that works on it says so, which may take it `timeout_ms` each
 * time; one that says so for ever is broken. */
int client_await(struct agent_client *client, enum espota_agent_request type, unsigned timeout_ms,
                 struct client_response *response, struct espota_error *error);

/* One request and its response, repeated when none comes. A status other than OK is an error in words.
 * `least` is how many bytes must follow the status. */
int client_exchange(struct agent_client *client, enum espota_agent_request type, const void *data,
                    size_t length, unsigned timeout_ms, size_t least, struct client_response *response,
                    struct espota_error *error);

/* The error for a status, while doing `type`. */
int client_fail(struct agent_client *client, enum espota_agent_request type, enum espota_agent_status status,
                struct espota_error *error);

/* session.c: HELLO, HANDSHAKE, INFO. */
int client_greet(struct agent_client *client, struct espota_error *error);

/* write.c: sectors through the window. `at` is the offset within the image. */
int client_write_run(struct agent_client *client, uint32_t at, const uint8_t *data, size_t length,
                     struct espota_error *error);

#endif

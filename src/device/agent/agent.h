/* An agent at the other end of a link; shared by the files of this folder. */
#ifndef ESPOTA_DEVICE_AGENT_AGENT_H
#define ESPOTA_DEVICE_AGENT_AGENT_H

#include "espota/agent_device.h"
#include "espota/agent_protocol.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/link.h"
#include "espota/noise.h"
#include "espota/slip.h"

enum {
    AGENT_MAX_DATA = 4096, /* what an agent may offer at most */
    AGENT_TIMEOUT_MS = 3000,
    AGENT_LONG_TIMEOUT_MS = 15000,
    AGENT_WORK_MS = 180000, /* several times what hashing all of the largest flash takes */
    AGENT_ATTEMPTS = 5,
    AGENT_MAX_WINDOW = 64,
    AGENT_MAX_KEY = 64,
};

struct agent {
    struct espota_device device;
    struct espota_link *link;
    struct espota_agent_options options;
    struct espota_slip_decoder decoder;
    uint8_t frame[ESPOTA_AGENT_MAX_FRAME(AGENT_MAX_DATA)];
    uint8_t in[4096]; /* received, not yet decoded */
    size_t in_at, in_count;
    uint32_t sequence;          /* of the last request */
    uint8_t key[AGENT_MAX_KEY]; /* the device's; its length is in the options. Wiped when closed */
    struct espota_hash *sha256;
    bool sealed; /* a keyed session: frames are encrypted */
    struct espota_noise_keys keys;
    uint32_t sent, received; /* numbers of the last sealed frames */
    unsigned window;
    unsigned max_data;
    struct espota_payload image; /* of begin_image, without its bytes; length 0: none */
    uint32_t image_offset;       /* of the partition that it goes to */
};

struct agent_response {
    uint8_t type;
    uint32_t sequence;
    enum espota_agent_status status;
    const uint8_t *data; /* behind the status; in agent->frame, valid until the next frame */
    size_t length;
};

/* frames.c: one frame out, one frame in. Frames that are no valid responses are passed over.
 * agent_receive returns ESPOTA_ERR_TIMEOUT when none came until `deadline`, ESPOTA_ERR_DEVICE when the agent
 * does not know the session any more. */
int agent_send(struct agent *agent, enum espota_agent_request type, const void *data, size_t length,
               struct espota_error *error);
int agent_receive(struct agent *agent, uint64_t deadline, struct agent_response *response,
                  struct espota_error *error);

/* The response to the last request. An agent that works on it says so, which may take it `timeout_ms` each
 * time; one that says so for ever is broken. */
int agent_await(struct agent *agent, enum espota_agent_request type, unsigned timeout_ms,
                struct agent_response *response, struct espota_error *error);

/* One request and its response, repeated when none comes. A status other than OK is an error in words.
 * `least` is how many bytes must follow the status. */
int agent_exchange(struct agent *agent, enum espota_agent_request type, const void *data, size_t length,
                   unsigned timeout_ms, size_t least, struct agent_response *response,
                   struct espota_error *error);

/* The error for a status, while doing `type`. */
int agent_fail(struct agent *agent, enum espota_agent_request type, enum espota_agent_status status,
               struct espota_error *error);

/* session.c: HELLO, HANDSHAKE, INFO. */
int agent_greet(struct agent *agent, struct espota_error *error);

/* write.c: sectors through the window. `at` is the offset within the image. */
int agent_write_run(struct agent *agent, uint32_t at, const uint8_t *data, size_t length,
                    struct espota_error *error);

#endif

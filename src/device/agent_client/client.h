/* An agent at the other end of a link; shared by the files of this folder. */
#ifndef ESPOTA_DEVICE_AGENT_CLIENT_CLIENT_H
#define ESPOTA_DEVICE_AGENT_CLIENT_CLIENT_H

#include "espota/agent_client.h"
#include "espota/agent_protocol.h"
#include "espota/coder.h"
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
    CLIENT_MAX_FLIGHT = CLIENT_MAX_WINDOW + CLIENT_ATTEMPTS, /* a full window, and a probe a silence */
    CLIENT_MAX_KEY = 64,
    CLIENT_MAX_QUESTION = 16, /* bytes of a request of a series */
};

/* Requests that are not answered yet, oldest first. The agent answers in order: an answer says of all
 * requests before its own that they, or their answers, were lost. */
struct client_flight {
    struct client_request {
        uint32_t sequence;
        uint32_t item; /* the sender's: what it asked for */
        size_t wire;   /* bytes of its frame as they were sent */
        uint64_t sent_ms;
    } request[CLIENT_MAX_FLIGHT];
    unsigned count;
    size_t bytes; /* of all of them */
};

struct agent_client {
    struct espota_device device;
    struct espota_link *link;
    struct espota_agent_client_options options;
    struct espota_slip_decoder decoder;
    uint8_t frame[ESPOTA_AGENT_MAX_FRAME(CLIENT_MAX_DATA)];
    uint8_t in[4096]; /* received, not yet decoded */
    size_t in_at, in_count;
    uint8_t out[ESPOTA_SLIP_MAX_ENCODED(ESPOTA_AGENT_MAX_FRAME(CLIENT_MAX_DATA))]; /* built, not yet sent */
    size_t out_count;
    uint32_t sequence; /* of the last request */
    struct client_flight flight;
    uint32_t probe;              /* the sequence number of one that is not answered yet; 0: none */
    uint64_t slowest_ms;         /* of the last answers */
    uint64_t fastest_ms;         /* of all of them */
    uint8_t key[CLIENT_MAX_KEY]; /* the device's; its length is in the options. Wiped when closed */
    struct espota_hash *sha256;
    bool sealed; /* a keyed session: frames are encrypted */
    struct espota_noise_keys keys;
    uint32_t sent, received; /* numbers of the last sealed frames */
    unsigned window;         /* requests that may be unanswered */
    uint32_t window_bytes;   /* of frames on the wire that may be unanswered */
    unsigned max_data;
    uint32_t capabilities;
    uint32_t coders; /* that it decodes: bits 1 << coder */
    enum espota_isa isa;
    uint8_t table_log;                       /* of the largest context table that its decoder takes */
    uint8_t deep_table_log;                  /* the same with the deep model; 0: it has none */
    uint8_t base_table_log;                  /* the same with a base; 0: it takes none */
    bool deep;                               /* streams are made for that one */
    uint32_t decode_ns;                      /* a byte takes it, as it was measured; 0: not yet */
    uint16_t cpu_mhz;                        /* 0: not known */
    bool coded_refused;                      /* it took a coded stream badly: no more of them */
    bool was_coded;                          /* the last changes went well, some of them coded */
    bool was_patched;                        /* the same, with a base */
    uint32_t changed_offset, changed_length; /* of these */
    struct espota_extent differed;           /* of them, from the first sector that differed to the last */
    uint8_t stream_number;                   /* of the last stream that WRITE began */
    uint32_t rate;                           /* that was agreed on; 0: as it was */
    uint32_t link_rate;                      /* before that, 0 where the link has none */
    struct espota_payload image;             /* of begin_image, without its bytes; length 0: none */
    uint32_t image_offset;                   /* of the partition that it goes to */
    struct espota_stream_cache *streams;     /* that of the options, or its own; NULL: none yet */
    bool base_asked;                         /* for this image */
    unsigned base_failures;                  /* times that this failed, for this image */
    struct espota_payload_base base;         /* that it is sent with; length 0: none */
    struct espota_stream_base *prepared;     /* of it, for this image */
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

static inline struct agent_client *client_of(struct espota_device *device)
{
    return (struct agent_client *)device;
}

/* read.c: operations of the device. */
int client_digests(struct espota_device *device, const struct espota_extent *extent, size_t count,
                   uint32_t block, uint8_t *digests, struct espota_error *error);
int client_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                  struct espota_error *error);
int client_reads(struct espota_device *device, const struct espota_read *read, size_t count,
                 struct espota_error *error);
int client_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                struct espota_error *error);

/* frames.c: one frame out, one frame in. Frames that are no valid responses are passed over.
 * client_receive returns ESPOTA_ERR_TIMEOUT when none came until `deadline`, ESPOTA_ERR_DEVICE when the agent
 * does not know the session any more. */
int client_send(struct agent_client *client, enum espota_agent_request type, const void *data, size_t length,
                struct espota_error *error);
/* The same in two steps: what is built leaves when the agent has room for it (client_may_send). */
int client_build(struct agent_client *client, enum espota_agent_request type, const void *data, size_t length,
                 struct espota_error *error);
int client_send_built(struct agent_client *client, uint32_t item, struct espota_error *error);
/* What has come belongs to a line, or a rate, that is no more. */
void client_forget_input(struct agent_client *client);
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

/* flight.c: what is under way. May the frame that was built be sent? One alone always may. */
bool client_may_send(const struct agent_client *client);
/* How long to wait for a sign of life, from `least_ms` to `most_ms`: what earlier answers took is known, each
 * of `silences` in a row doubles it, and what is under way takes its time on the line. */
unsigned client_patience_ms(const struct agent_client *client, unsigned least_ms, unsigned most_ms,
                            unsigned silences);
/* The request of this sequence number, or NULL. */
struct client_request *client_find_request(struct agent_client *client, uint32_t sequence);
/* Forget the oldest request. */
struct client_request client_drop_oldest(struct agent_client *client);
/* `request` has its answer, by which all before it are forgotten too. */
void client_answered(struct agent_client *client, const struct client_request *request);

/* probe.c. Everything is silent: ask something small. Its answer shows that what was sent before is answered,
 * or lost; until then nothing is sent on top of it. */
int client_send_probe(struct agent_client *client, struct espota_error *error);
bool client_answers_probe(struct agent_client *client, const struct client_response *response);

/* series.c: many requests of a type with the window kept full; what gets lost is asked for again. */
struct client_series {
    enum espota_agent_request type;
    uint32_t count;
    unsigned least_ms, most_ms; /* to wait for a sign of life */
    void *context;
    /* Request number `item`. @return its length, at most CLIENT_MAX_QUESTION. */
    size_t (*compose)(void *context, uint32_t item, uint8_t *payload);
    /* Its answer, with status OK. Each item is answered once. @return 0, or the error to end with. */
    int (*take)(void *context, uint32_t item, const struct client_response *response,
                struct espota_error *error);
};
int client_run_series(struct agent_client *client, const struct client_series *series,
                      struct espota_error *error);

/* The agent answers `type` with too few bytes. */
int client_fail_short(struct agent_client *client, enum espota_agent_request type,
                      struct espota_error *error);

/* It goes on working on `type` longer than anything takes, since `since_ms`. @return 0 while it may. */
int client_check_endless(struct agent_client *client, enum espota_agent_request type, uint64_t since_ms,
                         struct espota_error *error);

/* The error for a status, while doing `type`. */
int client_fail(struct agent_client *client, enum espota_agent_request type, enum espota_agent_status status,
                struct espota_error *error);

/* session.c: HELLO, HANDSHAKE, INFO. */
int client_greet(struct agent_client *client, struct espota_error *error);

/* rate.c: as espota_agent_client_set_rate. */
int client_set_rate(struct agent_client *client, uint32_t baud, struct espota_error *error);
/* Ask for the rate of before, without caring for the answer; or know that it is so. */
void client_take_back_rate(struct agent_client *client);
void client_forget_rate(struct agent_client *client);

/* pull.c: operations of the device. */
int client_pull_start(struct espota_device *device, const struct espota_pull_order *order, uint32_t number,
                      struct espota_error *error);
int client_pull_state(struct espota_device *device, bool cancel, struct espota_pull_state *state,
                      struct espota_error *error);

/* write.c: the sectors that differ, as streams. `at` is where `changes` begins within the image. */
int client_send_changes(struct agent_client *client, const struct espota_changes *changes, uint32_t at,
                        struct espota_error *error);

#endif

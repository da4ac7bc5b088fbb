/* Shared by the files of the puller. */
#ifndef ESPOTA_PULLER_PRIVATE_H
#define ESPOTA_PULLER_PRIVATE_H

#include "puller.h"

#include "espota/image.h"

/* Header of an image, of its first segment, and an app's description. */
#define PULLER_HEAD    288u
#define PULLER_SIDECAR 4096u
#define PULLER_ETAG    128u

enum puller_part { PULLER_PART_SIDECAR, PULLER_PART_IMAGE };

struct espota_puller_work {
    struct espota_pull_order order; /* in the memory below, which is no longer the puller's: the next one may
                                     * come when this one is over, but not yet put away */
    uint8_t *memory;
    uint32_t memory_length;
    char url[ESPOTA_PULL_URL + 1]; /* of the step under way: redirects change it */
    enum puller_part part;
    bool over;    /* done, failed or cancelled */
    bool stopped; /* this answer is of no more use */
    unsigned redirects, attempts, restarts;
    uint32_t furthest;       /* how far the image had come when attempts began to be counted anew */
    bool answered;           /* this attempt was, as it should be */
    bool fresh;              /* nothing that lay in flash before is made use of */
    bool begun;              /* the agent was told of the image */
    bool streaming;          /* it has a stream open */
    uint32_t from;           /* what the answer under way begins with */
    uint32_t length;         /* of the image; 0: not known yet */
    uint32_t at;             /* of the image: the byte that comes next */
    uint32_t resume;         /* where the next attempt goes on: whole sectors; 0: at the start */
    uint32_t compared;       /* up to there, what comes is what flash holds */
    uint32_t kept;           /* bytes that were there before */
    bool same;               /* so far the first sector is as flash has it */
    char etag[PULLER_ETAG];  /* a strong one, of what came so far; empty: none */
    char asked[PULLER_ETAG]; /* the same as this attempt began */
    uint8_t head[PULLER_HEAD];
    bool has_md5;
    uint8_t md5[ESPOTA_MD5_LENGTH];
    uint8_t sha256[ESPOTA_SHA256_LENGTH]; /* of the image, as flash has it */
    const struct espota_partition *target;
    /* A host of the agent below. */
    uint32_t sequence, stream_next;
    uint8_t stream_number;
    struct espota_slip_decoder answer;
    uint8_t answer_frame[64];
    struct espota_agent_port agent_port;
    struct espota_agent_config config;
    struct espota_agent_stream stream;
    struct espota_agent agent;
    /* One after the other: the sidecar; a request to the agent; bytes of flash. */
    union {
        char sidecar[PULLER_SIDECAR + 1];
        uint8_t frame[ESPOTA_AGENT_MAX_FRAME(ESPOTA_AGENT_MAX_DATA)];
    } room;
    uint32_t sidecar_size;
};

/* http.c: what a server says, and where it sends us. */
/* "bytes 100-199/200". */
bool puller_parse_range(const char *text, uint32_t *first, uint32_t *last, uint32_t *total);
/* Where a redirect of `url` leads, which is put there. @return false: nowhere that it may: no http, from
 * https to http, too long. */
bool puller_redirect(char url[ESPOTA_PULL_URL + 1], const char *location);
/* "http://server/app.bin?x" has its sidecar at "http://server/app.bin.md5?x". @return false: it is too long.
 */
bool puller_sidecar_url(char url[ESPOTA_PULL_URL + 1]);
/* The name of a file for its sidecar: the path, cut off behind it. */
void puller_cut_query(char *url);

/* inner.c: requests to the agent of one's own. */
void puller_start_agent(struct espota_puller *puller);
enum espota_agent_status puller_ask(struct espota_puller_work *work, enum espota_agent_request type,
                                    const uint8_t *payload, size_t length);
/* A stream for the image from `offset` on, whole sectors; and bytes of it. */
enum espota_agent_status puller_begin_stream(struct espota_puller_work *work, uint32_t offset);
enum espota_agent_status puller_write(struct espota_puller_work *work, const uint8_t *data, size_t length);

/* flash.c: what flash holds of the image, and the end of it. */
enum espota_agent_status puller_choose(struct espota_puller_work *work);
bool puller_holds(struct espota_puller_work *work, uint32_t at, const uint8_t *data, size_t length);
/* How far the slot was filled when somebody stopped: whole sectors. */
uint32_t puller_filled(struct espota_puller_work *work);
/* All is there: check and choose it. @return OK, or why not; `*reason`: the same for people. */
enum espota_agent_status puller_finish(struct espota_puller *puller, enum espota_pull_reason *reason);

/* image.c */
/* Bytes that come where the image goes on. @return false: no more of this answer is wanted. */
bool puller_take_image(struct espota_puller *puller, const uint8_t *data, size_t length);
/* All of it came. Where something was kept that is of another image, it comes once more. */
void puller_complete(struct espota_puller *puller);

/* tell.c */
void puller_lock(const struct espota_puller *puller, bool taken);
/* What is under way has its time anew. */
void puller_came_on(struct espota_puller *puller);
/* This answer is of no more use; the agent tells why. */
void puller_note(struct espota_puller *puller, enum espota_pull_reason reason,
                 enum espota_agent_status status);
void puller_end(struct espota_puller *puller, enum espota_pull_phase phase);
/* The end, and why; `status` with ESPOTA_PULL_AGENT. @return false. */
bool puller_fail(struct espota_puller *puller, enum espota_pull_reason reason,
                 enum espota_agent_status status);
bool puller_refused(struct espota_puller *puller, enum espota_agent_status status);
/* What was relied on was wrong: all of it comes anew, and nothing of it is kept. @return false. */
bool puller_start_over(struct espota_puller *puller, enum espota_pull_reason reason);
/* Does anything but the server say whether the image is whole? */
bool puller_is_vouched_for(const struct espota_puller_work *work);
/* Change what the agent tells. */
void puller_tell(struct espota_puller *puller, enum espota_pull_phase phase);

#endif

/** The messages of hawkBit's Direct Device Integration (DDI) API, version 1: what a server answers a device
 * that polls, and what the device tells it. Sources: Eclipse hawkBit's API documentation ("DDI API"), and
 * what hawkBit 0.9 and gooseBit 0.2 answer.
 *
 * Answers come from outside: lengths are bounded, and what is not understood is an error, or is passed over
 * where a newer server may add to it. */
#ifndef ESPOTA_DDI_H
#define ESPOTA_DDI_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ESPOTA_DDI_ID = 64, ESPOTA_DDI_TEXT = 128, ESPOTA_DDI_ARTIFACTS = 32, ESPOTA_SHA1_LENGTH = 20 };

/** What a server answers a poll. Addresses are absolute; NULL: it has nothing of that kind. */
struct espota_ddi_poll {
    bool has_sleep;
    uint32_t sleep_s;   /* until the next poll */
    char *config_data;  /* it wants the device's attributes */
    char *deployment;   /* there is something to install */
    char *cancel;       /* what is being installed is to be stopped */
    char *confirmation; /* an installation waits for the device's consent */
};

/** `base` is the address that was polled: others may be relative to it. @return ESPOTA_ERR_NETWORK when it is
 * no such answer. Free it with espota_ddi_poll_free, also after an error. */
int espota_ddi_poll_parse(struct espota_ddi_poll *poll, const char *text, size_t length, const char *base,
                          struct espota_error *error);
void espota_ddi_poll_free(struct espota_ddi_poll *poll);

/** How urgently: not now (or not at all), when it suits, at once. */
enum espota_ddi_handling { ESPOTA_DDI_SKIP, ESPOTA_DDI_ATTEMPT, ESPOTA_DDI_FORCED };

struct espota_ddi_artifact {
    char name[ESPOTA_DDI_TEXT];
    char *url, *plain_url; /* by https, and by http; either may be NULL, not both */
    uint64_t size;         /* bytes; 0: the server does not say */
    bool has_sha256, has_sha1, has_md5;
    uint8_t sha256[ESPOTA_SHA256_LENGTH], sha1[ESPOTA_SHA1_LENGTH], md5[ESPOTA_MD5_LENGTH];
};

struct espota_ddi_deployment {
    char id[ESPOTA_DDI_ID]; /* of the action; empty: there is none after all */
    enum espota_ddi_handling download, update;
    bool window_closed;            /* a maintenance window that is not now: fetch, but do not install */
    char name[ESPOTA_DDI_TEXT];    /* of the software; of its first module where there are several */
    char version[ESPOTA_DDI_TEXT]; /* the same */
    struct espota_ddi_artifact artifact[ESPOTA_DDI_ARTIFACTS];
    size_t count;
};

/** The answer to the address of a deployment, or of a confirmation, which holds the same. A deployment that
 * is null has an empty id. @return ESPOTA_ERR_NETWORK when it is no such answer, ESPOTA_ERR_NOMEM. Free it
 * with espota_ddi_deployment_free, also after an error. */
int espota_ddi_deployment_parse(struct espota_ddi_deployment *deployment, const char *text, size_t length,
                                const char *base, struct espota_error *error);
void espota_ddi_deployment_free(struct espota_ddi_deployment *deployment);

/** The answer to the address of a cancellation: its own id, and that of the action to be stopped. */
struct espota_ddi_cancel {
    char id[ESPOTA_DDI_ID], stop_id[ESPOTA_DDI_ID];
};
int espota_ddi_cancel_parse(struct espota_ddi_cancel *cancel, const char *text, size_t length,
                            struct espota_error *error);

/** What a device tells of an action. */
enum espota_ddi_execution {
    ESPOTA_DDI_PROCEEDING,
    ESPOTA_DDI_DOWNLOADED, /* and no more: that was all that was wanted, or it waits for its time */
    ESPOTA_DDI_CLOSED,
    ESPOTA_DDI_REJECTED, /* a cancellation that came too late */
};
enum espota_ddi_finished { ESPOTA_DDI_NONE, ESPOTA_DDI_SUCCESS, ESPOTA_DDI_FAILURE };

struct espota_ddi_feedback {
    const char *id; /* of the action, or of the cancellation */
    enum espota_ddi_execution execution;
    enum espota_ddi_finished finished;
    unsigned done, of;  /* progress */
    const char *detail; /* a line for people; NULL: none */
};

/** Bodies of requests, for the caller to free; NULL: memory is short. */
char *espota_ddi_feedback_text(const struct espota_ddi_feedback *feedback);
char *espota_ddi_consent_text(bool given, const char *detail);

struct espota_ddi_attribute {
    const char *key, *value; /* at most 128 and 256 bytes: more is cut. NULL: left out */
};
char *espota_ddi_attributes_text(const struct espota_ddi_attribute *attribute, size_t count);

#pragma GCC visibility pop

#endif

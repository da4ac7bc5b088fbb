/** A pull: a device fetches an image by itself, from a URL that it was given in an order.
 *
 * An order is 64 bytes, the URL and the certificate; a state is what a device says of its pull, 60 bytes.
 * Both are numbers in little-endian order, and go by the request PULL: firmware/PROTOCOL.md.
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_PULL_H
#define ESPOTA_PULL_H

#pragma GCC visibility push(default)

#include "espota/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESPOTA_PULL_HEAD        64u
#define ESPOTA_PULL_URL         1023u /* bytes of the longest URL */
#define ESPOTA_PULL_CERTIFICATE 8191u /* of the longest certificate */
#define ESPOTA_PULL_LONGEST     (ESPOTA_PULL_HEAD + ESPOTA_PULL_URL + ESPOTA_PULL_CERTIFICATE)
#define ESPOTA_PULL_STATE       60u

/** What is to be fetched, and how. */
struct espota_pull_order {
    const char *url; /* http or https; not terminated where it was parsed */
    size_t url_length;
    const uint8_t *certificate; /* PEM, of the authority or the server to trust; NULL: those that the device
                                   trusts itself */
    size_t certificate_length;
    bool factory; /* the factory partition, and no slot */
    bool trial;   /* what is fetched boots on trial */
    bool restart; /* the device restarts when all is done */
    bool sidecar; /* the MD5 is fetched too: URL.md5 */
    bool has_md5, has_sha256;
    uint32_t size; /* bytes of the image; 0: not known */
    uint8_t md5[ESPOTA_MD5_LENGTH];
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
};

/** May this be fetched: http or https, a host, nothing in it but what stands for itself in a line of HTTP? */
bool espota_pull_is_url(const char *url, size_t length);
bool espota_pull_is_https(const char *url, size_t length);

/** Take an order apart. URL and certificate stay where they are. @return false when it is none. */
bool espota_pull_order_parse(struct espota_pull_order *order, const uint8_t *data, size_t length);

/** Put it together. `data` may be NULL. @return its bytes, at most ESPOTA_PULL_LONGEST; 0: URL or certificate
 * are too long, or the URL is none. */
size_t espota_pull_order_format(const struct espota_pull_order *order, uint8_t *data);

enum espota_pull_phase {
    ESPOTA_PULL_NONE, /* since the device started */
    ESPOTA_PULL_CONNECTING,
    ESPOTA_PULL_FETCHING,
    ESPOTA_PULL_VERIFYING,
    ESPOTA_PULL_DONE, /* verified, and boots next */
    ESPOTA_PULL_FAILED,
    ESPOTA_PULL_CANCELLED,
};

/** Why a pull failed; while it goes on, what the last trouble was. */
enum espota_pull_reason {
    ESPOTA_PULL_NO_REASON,
    ESPOTA_PULL_NO_MEMORY,
    ESPOTA_PULL_NO_SERVER, /* no connection to it */
    ESPOTA_PULL_UNTRUSTED, /* its certificate is not trusted */
    ESPOTA_PULL_BAD_TRUST, /* the certificate to trust cannot be used */
    ESPOTA_PULL_HTTP,      /* it refuses: `http` */
    ESPOTA_PULL_REDIRECT,  /* it sends the device where that does not go */
    ESPOTA_PULL_LENGTH, /* it does not say how long the image is, or says something else than was ordered */
    ESPOTA_PULL_BROKEN, /* the connection broke, too often */
    ESPOTA_PULL_ANSWER, /* what it sends does not fit together */
    ESPOTA_PULL_NO_SIDECAR, /* there is no MD5 in the sidecar, or there are several */
    ESPOTA_PULL_NO_IMAGE,   /* what it sends begins as no app image does */
    ESPOTA_PULL_OTHER_CHIP, /* it is an image for another chip */
    ESPOTA_PULL_MD5,        /* it has another MD5 than it should */
    ESPOTA_PULL_SHA256,     /* it has another SHA-256 than was ordered */
    ESPOTA_PULL_NO_SLOT,    /* there is nowhere to put it */
    ESPOTA_PULL_AGENT,      /* the agent refuses: `status` */
    ESPOTA_PULL_REASONS,
};

struct espota_pull_state {
    enum espota_pull_phase phase;
    enum espota_pull_reason reason;
    uint8_t status; /* with ESPOTA_PULL_AGENT, as in the agent's protocol */
    bool restart, trial;
    uint16_t http; /* status of the last answer; 0: there was none */
    uint16_t attempts;
    uint32_t number; /* that its order was started with */
    uint32_t offset; /* of the partition; 0: not chosen yet */
    uint32_t done, total;
    uint32_t kept;                        /* of `done`: they lay in flash before */
    uint8_t sha256[ESPOTA_SHA256_LENGTH]; /* of the image, when it is done */
};

/** Is it under way? */
bool espota_pull_is_active(const struct espota_pull_state *state);

void espota_pull_state_format(const struct espota_pull_state *state, uint8_t data[ESPOTA_PULL_STATE]);
/** @return false when phase or reason are none. */
bool espota_pull_state_parse(struct espota_pull_state *state, const uint8_t data[ESPOTA_PULL_STATE]);

#pragma GCC visibility pop

#endif

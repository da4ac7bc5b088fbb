/** Where images come from: http, https (libcurl) and files, into memory, with limits.
 *
 * Several threads may download at once: libcurl prepares itself safely from 7.84 on; with an older one, call
 * curl_global_init before there is a second thread. */
#ifndef ESPOTA_FETCH_H
#define ESPOTA_FETCH_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/clock.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/md5_sidecar.h"
#include "espota/observer.h"

#include <stdbool.h>
#include <stddef.h>

struct espota_fetch_options {
    const char *certificate;   /* PEM file of the CAs (or the server itself) to trust instead of the system's;
                                  or NULL */
    const char *authorization; /* value of that header, for the server of the URL and no other; NULL: none */
    size_t limit;              /* most bytes to accept */
    unsigned connect_timeout_s; /* 0: 15 */
    unsigned
        stall_timeout_s; /* give up, within a second, when less than 1024 bytes arrive in so long; 0: 30 */
    unsigned total_timeout_s; /* for all of it, repeats included; 0: 600 */
    unsigned attempts; /* for a transfer that breaks; 0: 3. It goes on where it broke when the server can */
    const struct espota_observer *observer; /* download progress, details; may be NULL */
    const struct espota_clock *clock;       /* by which it waits and gives up; NULL: the system's */
};

/** A URL with what the user left out: scheme http, `port` (0: the scheme's own), `path`. What the URL says
 * itself wins. @return ESPOTA_ERR_USAGE when it is no http or https URL, or has a user name or password, but
 * no scheme: neither is sent by a scheme that was guessed. `*url` is for the caller to free. */
int espota_fetch_complete_url(const char *text, uint16_t port, const char *path, char **url,
                              struct espota_error *error);

/** `reference`, absolute or relative to `base`, as an absolute URL. @return a string for the caller to free,
 * or NULL when that is no http or https URL. */
char *espota_fetch_absolute_url(const char *base, const char *reference);

/** Do two URLs name the same server: scheme, host and port? What is secret goes to no other. */
bool espota_fetch_same_server(const char *a, const char *b);

/** Get a URL. Redirects are followed, but never from https to http, wherever in a chain. The body is
 * complete: as long as the server announced. Errors and remarks show URLs as espota_address_shown does.
 * @return ESPOTA_ERR_NETWORK (also for an HTTP error status), ESPOTA_ERR_VERIFY when the server's certificate
 * is not trusted, ESPOTA_ERR_TOO_BIG, ESPOTA_ERR_CANCELLED. */
int espota_fetch_url(const char *url, const struct espota_fetch_options *options, struct espota_bytes *body,
                     struct espota_error *error);

/** The MD5 of `file` in its sidecar (espota/md5_sidecar.h), with words for what is wrong. `name` of the
 * sidecar is for messages. @return ESPOTA_ERR_VERIFY when there is none or more than one. */
int espota_md5_sidecar(const struct espota_bytes *text, const char *name, const char *file,
                       uint8_t md5[ESPOTA_MD5_LENGTH], struct espota_error *error);

/** Compare an image with its sidecar's MD5. @return ESPOTA_ERR_VERIFY when they differ. */
int espota_md5_check(const struct espota_bytes *image, const char *name, const uint8_t md5[ESPOTA_MD5_LENGTH],
                     struct espota_error *error);

#pragma GCC visibility pop

#endif

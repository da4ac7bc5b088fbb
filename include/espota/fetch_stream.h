/* A download that does not wait: for who has an event loop, and takes what comes as it comes. Redirects are
 * the caller's matter. */
#ifndef ESPOTA_FETCH_STREAM_H
#define ESPOTA_FETCH_STREAM_H

#pragma GCC visibility push(default)

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct espota_fetch_stream;

/** The head of an answer; texts that are missing are NULL. */
struct espota_fetch_head {
    long status;
    int64_t length; /* of the body; -1: it does not say */
    const char *content_range, *etag, *location, *encoding;
};

struct espota_fetch_stream_request {
    const char *url;
    const void *certificate; /* PEM, to trust instead of the system's; NULL: those */
    size_t certificate_length;
    const char *authorities; /* a file of them instead of the system's; NULL: none */
    uint32_t from;           /* 0: all */
    const char *if_range;    /* or NULL */
    unsigned stall_timeout_s;
    void *context;
    /** @return false: no more of it. */
    bool (*head)(void *context, const struct espota_fetch_head *head);
    bool (*body)(void *context, const void *data, size_t length);
};

enum espota_fetch_stream_state {
    ESPOTA_FETCH_STREAM_GOES_ON,
    ESPOTA_FETCH_STREAM_ALL, /* as much as the server announced */
    ESPOTA_FETCH_STREAM_STOPPED,
    ESPOTA_FETCH_STREAM_NO_SERVER,
    ESPOTA_FETCH_STREAM_UNTRUSTED,
    ESPOTA_FETCH_STREAM_BAD_TRUST,
    ESPOTA_FETCH_STREAM_BROKEN,
};

/** Texts of the request must outlive it. @return NULL: out of memory. */
struct espota_fetch_stream *espota_fetch_stream_begin(const struct espota_fetch_stream_request *request);
void espota_fetch_stream_end(struct espota_fetch_stream *stream); /* may be NULL */

/** What to wait for, at most `room`. @return how many. */
size_t espota_fetch_stream_watch(struct espota_fetch_stream *stream, struct pollfd *p, size_t room);
/** In how many milliseconds to go on at the latest. */
int espota_fetch_stream_timeout(struct espota_fetch_stream *stream);
/** Go on, without waiting. */
enum espota_fetch_stream_state espota_fetch_stream_step(struct espota_fetch_stream *stream);

#pragma GCC visibility pop

#endif

#include "espota/fetch_stream.h"

#include "base/http_header.h"
#include "espota/clock.h"
#include "espota/version.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_WAIT_MS = 200, CONNECT_TIMEOUT_S = 15, STALL_TIMEOUT_S = 30, TEXT = 1100, SOCKETS = 8 };

struct espota_fetch_stream {
    struct espota_fetch_stream_request request;
    CURLM *multi;
    CURL *curl;
    struct curl_slist *headers;
    struct pollfd socket[SOCKETS]; /* that libcurl wants to hear of */
    size_t sockets;
    bool timed; /* it wants to go on at `due_ms` */
    uint64_t due_ms;
    bool told, stopped; /* the caller knows the head; he wants no more */
    char content_range[TEXT], etag[TEXT], location[TEXT], encoding[TEXT];
};

/* ---- what comes -----------------------------------------------------------------------------------------
 */

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static bool tell(struct espota_fetch_stream *s)
{
    struct espota_fetch_head head = { .content_range = or_null(s->content_range),
                                      .etag = or_null(s->etag),
                                      .location = or_null(s->location),
                                      .encoding = or_null(s->encoding) };
    curl_off_t length = -1;
    s->told = true;
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &head.status);
    if (curl_easy_getinfo(s->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) != CURLE_OK)
        length = -1;
    head.length = length;
    s->stopped = !s->request.head(s->request.context, &head);
    return !s->stopped;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct espota_fetch_stream *s = context;
    if (!s->told && !tell(s))
        return 0;
    if (s->request.body(s->request.context, data, size * count))
        return size * count;
    s->stopped = true;
    return 0;
}

/* What is too long to be kept is not there. */
static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct espota_fetch_stream *s = context;
    const struct {
        const char *name;
        char *text;
    } wanted[] = { { "content-range", s->content_range },
                   { "etag", s->etag },
                   { "location", s->location },
                   { "content-encoding", s->encoding } };
    const char *value = NULL;
    size_t left = 0;
    bool first = size * count >= 5 && strncmp(line, "HTTP/", 5) == 0;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (first)
            wanted[i].text[0] = '\0';
        else if (http_header_is(line, size * count, wanted[i].name, &value, &left) && left < TEXT)
            snprintf(wanted[i].text, TEXT, "%.*s", (int)left, value);
    }
    return size * count;
}

/* ---- what libcurl waits for -----------------------------------------------------------------------------
 */

/* Not by curl_multi_fdset, which knows no descriptor from 1024 on. */
static int on_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *unused)
{
    struct espota_fetch_stream *s = context;
    size_t i = 0;
    (void)curl, (void)unused;
    while (i < s->sockets && s->socket[i].fd != fd)
        i++;
    if (what == CURL_POLL_REMOVE) {
        if (i < s->sockets)
            s->socket[i] = s->socket[--s->sockets];
        return 0;
    }
    if (i == SOCKETS)
        return -1; /* the transfer ends */
    s->sockets += i == s->sockets;
    s->socket[i] = (struct pollfd){
        .fd = fd, .events = (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0))
    };
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct espota_fetch_stream *s = context;
    (void)multi;
    s->timed = timeout_ms >= 0;
    s->due_ms = espota_now_ms() + (uint64_t)(s->timed ? timeout_ms : 0);
    return 0;
}

static bool set_callbacks(struct espota_fetch_stream *s)
{
    return curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s) == CURLM_OK &&
           curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s) == CURLM_OK;
}

/* ---- begin and end --------------------------------------------------------------------------------------
 */

static bool set_trust(const struct espota_fetch_stream *s)
{
    const struct espota_fetch_stream_request *r = &s->request;
    union {
        const void *in;
        void *out; /* curl copies it */
    } pem = { .in = r->certificate };
    struct curl_blob blob = { pem.out, r->certificate_length, CURL_BLOB_COPY };
    if (!r->certificate && !r->authorities)
        return true;
    CURLcode code = r->certificate ? curl_easy_setopt(s->curl, CURLOPT_CAINFO_BLOB, &blob)
                                   : curl_easy_setopt(s->curl, CURLOPT_CAINFO, r->authorities);
    return code == CURLE_OK && curl_easy_setopt(s->curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

static bool set_part(struct espota_fetch_stream *s)
{
    const struct espota_fetch_stream_request *r = &s->request;
    char line[24];
    if (r->from == 0)
        return true;
    snprintf(line, sizeof line, "%lu-", (unsigned long)r->from);
    return curl_easy_setopt(s->curl, CURLOPT_RANGE, line) == CURLE_OK &&
           (!r->if_range || (http_header_add(&s->headers, "If-Range", r->if_range) &&
                             curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->headers) == CURLE_OK));
}

static bool set_options(struct espota_fetch_stream *s)
{
    const struct espota_fetch_stream_request *r = &s->request;
    CURL *c = s->curl;
    return curl_easy_setopt(c, CURLOPT_URL, r->url) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USERAGENT, "espota/" ESPOTA_VERSION) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, s) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERDATA, s) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
                            (long)(r->stall_timeout_s ? r->stall_timeout_s : STALL_TIMEOUT_S)) == CURLE_OK &&
           set_trust(s) && set_part(s);
}

struct espota_fetch_stream *espota_fetch_stream_begin(const struct espota_fetch_stream_request *request)
{
    struct espota_fetch_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->request = *request;
    s->multi = curl_multi_init();
    s->curl = curl_easy_init();
    if (s->multi && s->curl && set_options(s) && set_callbacks(s) &&
        curl_multi_add_handle(s->multi, s->curl) == CURLM_OK)
        return s;
    espota_fetch_stream_end(s);
    return NULL;
}

void espota_fetch_stream_end(struct espota_fetch_stream *s)
{
    if (!s)
        return;
    if (s->multi && s->curl)
        (void)curl_multi_remove_handle(s->multi, s->curl);
    curl_easy_cleanup(s->curl);
    curl_multi_cleanup(s->multi);
    curl_slist_free_all(s->headers);
    free(s);
}

/* ---- at work --------------------------------------------------------------------------------------------
 */

size_t espota_fetch_stream_watch(struct espota_fetch_stream *s, struct pollfd *p, size_t room)
{
    size_t count = s->sockets < room ? s->sockets : room;
    memcpy(p, s->socket, count * sizeof *p);
    return count;
}

int espota_fetch_stream_timeout(struct espota_fetch_stream *s)
{
    uint64_t now = espota_now_ms();
    if (!s->timed || s->due_ms > now + LONGEST_WAIT_MS)
        return LONGEST_WAIT_MS;
    return s->due_ms > now ? (int)(s->due_ms - now) : 0;
}

static enum espota_fetch_stream_state state_of(struct espota_fetch_stream *s, CURLcode code)
{
    if (s->stopped)
        return ESPOTA_FETCH_STREAM_STOPPED;
    switch (code) {
    case CURLE_OK:
        return s->told || tell(s) ? ESPOTA_FETCH_STREAM_ALL : ESPOTA_FETCH_STREAM_STOPPED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return ESPOTA_FETCH_STREAM_NO_SERVER;
    case CURLE_PEER_FAILED_VERIFICATION:
        return ESPOTA_FETCH_STREAM_UNTRUSTED;
    case CURLE_SSL_CACERT_BADFILE:
        return s->request.certificate ? ESPOTA_FETCH_STREAM_BAD_TRUST : ESPOTA_FETCH_STREAM_UNTRUSTED;
    default:
        return ESPOTA_FETCH_STREAM_BROKEN;
    }
}

/* What is ready is asked for here: who waits may have watched no more than a part of it. */
static CURLMcode act(struct espota_fetch_stream *s)
{
    struct pollfd ready[SOCKETS];
    int running = 0;
    CURLMcode code = CURLM_OK;
    size_t count = espota_fetch_stream_watch(s, ready, SOCKETS);
    if (poll(ready, count, 0) < 0)
        count = 0; /* another time */
    for (size_t i = 0; code == CURLM_OK && i < count; i++) {
        short got = ready[i].revents;
        int what = (got & POLLIN ? CURL_CSELECT_IN : 0) | (got & POLLOUT ? CURL_CSELECT_OUT : 0) |
                   (got & (POLLERR | POLLHUP | POLLNVAL) ? CURL_CSELECT_ERR : 0);
        if (what)
            code = curl_multi_socket_action(s->multi, ready[i].fd, what, &running);
    }
    if (code != CURLM_OK || !s->timed || espota_now_ms() < s->due_ms)
        return code;
    s->timed = false;
    return curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

enum espota_fetch_stream_state espota_fetch_stream_step(struct espota_fetch_stream *s)
{
    int left = 0;
    if (act(s) != CURLM_OK)
        return ESPOTA_FETCH_STREAM_BROKEN;
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));)
        if (m->msg == CURLMSG_DONE)
            return state_of(s, m->data.result);
    return ESPOTA_FETCH_STREAM_GOES_ON;
}

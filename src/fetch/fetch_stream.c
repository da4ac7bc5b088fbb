#include "espota/fetch_stream.h"

#include "base/http_header.h"
#include "espota/version.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

enum { LONGEST_WAIT_MS = 200, CONNECT_TIMEOUT_S = 15, STALL_TIMEOUT_S = 30, TEXT = 1100 };

struct espota_fetch_stream {
    struct espota_fetch_stream_request request;
    CURLM *multi;
    CURL *curl;
    struct curl_slist *headers;
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
    if (s->multi && s->curl && set_options(s) && curl_multi_add_handle(s->multi, s->curl) == CURLM_OK)
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
    fd_set in, out, except;
    int highest = -1;
    size_t count = 0;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&except);
    if (curl_multi_fdset(s->multi, &in, &out, &except, &highest) != CURLM_OK)
        return 0;
    for (int fd = 0; fd <= highest && count < room; fd++) {
        short events = (short)((FD_ISSET(fd, &in) ? POLLIN : 0) | (FD_ISSET(fd, &out) ? POLLOUT : 0));
        if (events)
            p[count++] = (struct pollfd){ fd, events, 0 };
    }
    return count;
}

/* What it does in threads of its own has no descriptor. */
int espota_fetch_stream_timeout(struct espota_fetch_stream *s)
{
    struct pollfd any;
    long wait = -1;
    (void)curl_multi_timeout(s->multi, &wait);
    if (espota_fetch_stream_watch(s, &any, 1) == 0)
        return wait >= 0 && wait < 10 ? (int)wait : 10;
    return wait >= 0 && wait < LONGEST_WAIT_MS ? (int)wait : LONGEST_WAIT_MS;
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

enum espota_fetch_stream_state espota_fetch_stream_step(struct espota_fetch_stream *s)
{
    int running = 0, left = 0;
    if (curl_multi_perform(s->multi, &running) != CURLM_OK)
        return ESPOTA_FETCH_STREAM_BROKEN;
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));)
        if (m->msg == CURLMSG_DONE)
            return state_of(s, m->data.result);
    return ESPOTA_FETCH_STREAM_GOES_ON;
}

#include "espota/fetch.h"

#include "espota/version.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONNECT_TIMEOUT_S = 15, STALL_TIMEOUT_S = 30, ATTEMPTS = 3, MAX_REDIRECTS = 10, RETRY_MS = 500 };

/* One transfer; several when it breaks. */
struct transfer {
    const char *url;
    const struct espota_fetch_options *options;
    struct espota_bytes *body;
    struct espota_error *error;
    CURL *curl;
    char curl_error[CURL_ERROR_SIZE];
    char validator[256]; /* ETag of what was received so far; empty: it cannot be continued */
    size_t resumed_at;
    bool checked_status; /* of this attempt */
    int failure;         /* a status of ours, raised in a callback */
};

/* ---- URLs -----------------------------------------------------------------------------------------------
 */

static int complete(CURLU *u, const char *text, uint16_t port, const char *path, char **url)
{
    char *has = NULL;
    char number[8];
    if (curl_url_set(u, CURLUPART_URL, text, CURLU_GUESS_SCHEME) != CURLUE_OK)
        return -1;
    if (port != 0 && curl_url_get(u, CURLUPART_PORT, &has, 0) != CURLUE_OK) {
        snprintf(number, sizeof number, "%u", port);
        if (curl_url_set(u, CURLUPART_PORT, number, 0) != CURLUE_OK)
            return -1;
    }
    curl_free(has);
    has = NULL;
    if (curl_url_get(u, CURLUPART_PATH, &has, 0) != CURLUE_OK)
        return -1;
    bool bare = strcmp(has, "/") == 0 || *has == '\0';
    curl_free(has);
    has = NULL;
    if (bare && curl_url_set(u, CURLUPART_PATH, path, 0) != CURLUE_OK)
        return -1;
    if (curl_url_get(u, CURLUPART_URL, &has, 0) != CURLUE_OK)
        return -1;
    *url = strdup(has);
    curl_free(has);
    return *url ? 0 : -1;
}

int espota_fetch_complete_url(const char *text, uint16_t port, const char *path, char **url,
                              struct espota_error *error)
{
    CURLU *u = curl_url();
    int result = u ? complete(u, text, port, path, url) : -1;
    curl_url_cleanup(u);
    if (result == 0 && strncasecmp(*url, "http://", 7) != 0 && strncasecmp(*url, "https://", 8) != 0) {
        free(*url);
        *url = NULL;
        result = -1;
    }
    if (result != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--url '%s' is no http:// or https:// address", text);
    return 0;
}

/* ---- callbacks ------------------------------------------------------------------------------------------
 */

/* A server may answer a request for the rest with the whole: what is there is dropped then. */
static void check_answer(struct transfer *t)
{
    long status = 0;
    t->checked_status = true;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (t->resumed_at > 0 && status != 206)
        t->body->size = 0;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    size_t length = size * count;
    if (!t->checked_status)
        check_answer(t);
    if (length >
        t->options->limit - (t->body->size < t->options->limit ? t->body->size : t->options->limit)) {
        t->failure =
            espota_fail(t->error, ESPOTA_ERR_TOO_BIG, "%s is larger than %zu bytes: no image for an ESP32 is",
                        t->url, t->options->limit);
        return 0;
    }
    if (espota_bytes_append(t->body, data, length, t->error) != 0) {
        t->failure = ESPOTA_ERR_NOMEM;
        return 0;
    }
    return length;
}

/* "bytes 100-199/200" must go on where we are. */
static bool fits_range(const struct transfer *t, const char *value, size_t length)
{
    char text[64];
    uint64_t first = 0;
    snprintf(text, sizeof text, "%.*s", (int)(length < sizeof text ? length : sizeof text - 1), value);
    return sscanf(text, " bytes %" SCNu64 "-", &first) == 1 && first == t->resumed_at;
}

static bool is_header(const char *line, size_t length, const char *name)
{
    size_t n = strlen(name);
    return length > n && strncasecmp(line, name, n) == 0 && line[n] == ':';
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    size_t length = size * count;
    if (length >= 5 && strncmp(line, "HTTP/", 5) == 0) /* of each answer on the way */
        t->validator[0] = '\0';
    if (is_header(line, length, "etag")) {
        const char *value = line + 5;
        size_t left = length - 5;
        while (left > 0 && *value == ' ')
            value++, left--;
        while (left > 0 && (value[left - 1] == '\r' || value[left - 1] == '\n'))
            left--;
        if (left < sizeof t->validator && left > 0 && value[0] == '"') /* weak ones do not vouch for bytes */
            snprintf(t->validator, sizeof t->validator, "%.*s", (int)left, value);
    } else if (is_header(line, length, "content-range") && t->resumed_at > 0 &&
               !fits_range(t, line + 14, length - 14)) {
        t->failure = espota_fail(t->error, ESPOTA_ERR_NETWORK,
                                 "%s: the server sends another part than was asked for", t->url);
        return 0;
    }
    return length;
}

static int watch(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    struct transfer *t = context;
    const struct espota_fetch_options *o = t->options;
    (void)up_total;
    (void)up_now;
    if (o->cancelled && o->cancelled(o->context)) {
        t->failure = espota_fail(t->error, ESPOTA_ERR_CANCELLED, "download of %s stopped on request", t->url);
        return 1;
    }
    if (o->progress && t->checked_status)
        o->progress(o->context, (uint64_t)now + t->resumed_at,
                    total > 0 ? (uint64_t)total + t->resumed_at : 0);
    return 0;
}

/* ---- one attempt ----------------------------------------------------------------------------------------
 */

static bool set_options(struct transfer *t, struct curl_slist **headers)
{
    const struct espota_fetch_options *o = t->options;
    CURL *c = t->curl;
    char line[320];
    bool https = strncasecmp(t->url, "https:", 6) == 0;
    bool ok =
        curl_easy_setopt(c, CURLOPT_URL, t->url) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https") == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_USERAGENT, "espota/" ESPOTA_VERSION) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->curl_error) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_WRITEDATA, t) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_HEADERDATA, t) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, watch) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_XFERINFODATA, t) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
                         (long)(o->stall_timeout_s ? o->stall_timeout_s : STALL_TIMEOUT_S)) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT,
                         (long)(o->connect_timeout_s ? o->connect_timeout_s : CONNECT_TIMEOUT_S)) == CURLE_OK;
    if (ok && o->certificate)
        ok = curl_easy_setopt(c, CURLOPT_CAINFO, o->certificate) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
    if (!ok || t->resumed_at == 0)
        return ok;
    snprintf(line, sizeof line, "If-Range: %s", t->validator);
    *headers = curl_slist_append(NULL, line);
    snprintf(line, sizeof line, "%zu-", t->resumed_at);
    return *headers && curl_easy_setopt(c, CURLOPT_HTTPHEADER, *headers) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_RANGE, line) == CURLE_OK;
}

static CURLcode attempt(struct transfer *t)
{
    struct curl_slist *headers = NULL;
    t->resumed_at = t->validator[0] ? t->body->size : 0;
    if (t->resumed_at == 0)
        t->body->size = 0;
    t->checked_status = false;
    t->curl_error[0] = '\0';
    curl_easy_reset(t->curl);
    CURLcode code = set_options(t, &headers) ? curl_easy_perform(t->curl) : CURLE_OUT_OF_MEMORY;
    curl_slist_free_all(headers);
    return code;
}

/* The way broke, not the server's will. */
static bool worth_repeating(CURLcode code)
{
    return code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
           code == CURLE_GOT_NOTHING || code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM;
}

static int explain(struct transfer *t, CURLcode code)
{
    const char *words = t->curl_error[0] ? t->curl_error : curl_easy_strerror(code);
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    switch (code) {
    case CURLE_HTTP_RETURNED_ERROR:
        return espota_fail(t->error, ESPOTA_ERR_NETWORK,
                           "cannot get %s: the server answers with HTTP status %ld%s", t->url, status,
                           status == 404 ? " (no such file): check the path" : "");
    case CURLE_PEER_FAILED_VERIFICATION:
        return espota_fail(t->error, ESPOTA_ERR_VERIFY,
                           "cannot trust the server of %s: %s; for a private CA give --certificate PEM",
                           t->url, words);
    case CURLE_SSL_CACERT_BADFILE:
        return espota_fail(t->error, ESPOTA_ERR_USAGE,
                           "cannot use --certificate %s: it is not a readable PEM file",
                           t->options->certificate ? t->options->certificate : "");
    case CURLE_OPERATION_TIMEDOUT:
        return espota_fail(t->error, ESPOTA_ERR_NETWORK,
                           "cannot get %s: the server stalled after %zu bytes (%s)", t->url, t->body->size,
                           words);
    case CURLE_PARTIAL_FILE:
        return espota_fail(t->error, ESPOTA_ERR_NETWORK,
                           "cannot get all of %s: the connection ended after %zu bytes (%s)", t->url,
                           t->body->size, words);
    default:
        return espota_fail(t->error, ESPOTA_ERR_NETWORK, "cannot get %s: %s", t->url, words);
    }
}

static void remark(const struct transfer *t, CURLcode code)
{
    char text[512];
    if (!t->options->remark)
        return;
    snprintf(text, sizeof text, "transfer broke after %zu bytes (%s); trying again", t->body->size,
             t->curl_error[0] ? t->curl_error : curl_easy_strerror(code));
    t->options->remark(t->options->context, text);
}

int espota_fetch_url(const char *url, const struct espota_fetch_options *options, struct espota_bytes *body,
                     struct espota_error *error)
{
    struct transfer t = { .url = url, .options = options, .body = body, .error = error };
    unsigned attempts = options->attempts ? options->attempts : ATTEMPTS;
    CURLcode code = CURLE_OK;
    if (options->certificate && !espota_file_exists(options->certificate))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--certificate %s: there is no such file",
                           options->certificate);
    t.curl = curl_easy_init();
    if (!t.curl || espota_bytes_append(body, "", 0, error) != 0) {
        curl_easy_cleanup(t.curl);
        return espota_fail_memory(error, "starting a download");
    }
    for (unsigned i = 0; i < attempts; i++) {
        code = attempt(&t);
        if (code == CURLE_OK || t.failure != 0 || !worth_repeating(code) || i + 1 == attempts)
            break;
        remark(&t, code);
        espota_sleep_ms(RETRY_MS);
    }
    int result = t.failure ? t.failure : code == CURLE_OK ? 0 : explain(&t, code);
    curl_easy_cleanup(t.curl);
    return result;
}

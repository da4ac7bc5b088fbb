#include "url.h"

#include "base/http_header.h"
#include "espota/address.h"
#include "espota/buffer.h"
#include "espota/clock.h"
#include "espota/error.h"
#include "espota/fetch.h"
#include "espota/file.h"
#include "espota/observer.h"
#include "espota/size.h"
#include "espota/version.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_TIMEOUT_S = 15,
    STALL_TIMEOUT_S = 30,
    TOTAL_TIMEOUT_S = 600,
    ATTEMPTS = 3,
    MAX_REDIRECTS = 10,
    RETRY_MS = 500,
    LOOK_MS = 100,  /* whether to stop */
    TRICKLE = 1024, /* bytes: fewer than these in the time of a stall are none */
};

/* One transfer; several when it breaks. */
struct transfer {
    char *url;         /* of the step under way: redirects change it */
    char *shown;       /* the same, for people */
    const char *first; /* what was asked for */
    const struct espota_fetch_options *options;
    struct espota_bytes *body;
    struct espota_error *error;
    CURL *curl;
    CURLM *multi; /* that one alone: libcurl itself would look once a second whether to stop */
    char curl_error[CURL_ERROR_SIZE];
    char validator[256]; /* ETag of what was received so far; empty: it cannot be continued */
    char if_range[256];  /* the validator as this attempt began */
    size_t resumed_at;
    bool checked_status;    /* of this step */
    int failure;            /* a status of ours, raised in a callback */
    uint64_t deadline_ms;   /* for all of it */
    uint64_t heard_ms;      /* when the last TRICKLE bytes had come */
    curl_off_t heard_bytes; /* of this step, until then */
};

/* ---- callbacks ------------------------------------------------------------------------------------------
 */

static long status_of(const struct transfer *t)
{
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* A server may answer a request for the rest with the whole: what is there is dropped then. */
static void check_answer(struct transfer *t)
{
    t->checked_status = true;
    if (t->resumed_at > 0 && status_of(t) != 206)
        t->body->size = 0;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    size_t length = size * count;
    if (is_redirect(status_of(t)))
        return length; /* words for people */
    if (!t->checked_status)
        check_answer(t);
    if (length >
        t->options->limit - (t->body->size < t->options->limit ? t->body->size : t->options->limit)) {
        t->failure =
            espota_fail(t->error, ESPOTA_ERR_TOO_BIG, "%s is larger than %zu bytes: no image for an ESP32 is",
                        t->shown, t->options->limit);
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

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    size_t length = size * count, left = 0;
    const char *value = NULL;
    if (length >= 5 && strncmp(line, "HTTP/", 5) == 0) /* of each answer on the way */
        t->validator[0] = '\0';
    if (http_header_is(line, length, "etag", &value, &left)) {
        if (left < sizeof t->validator && left > 0 && value[0] == '"') /* weak ones do not vouch for bytes */
            snprintf(t->validator, sizeof t->validator, "%.*s", (int)left, value);
    } else if (http_header_is(line, length, "content-range", &value, &left) && t->resumed_at > 0 &&
               !fits_range(t, value, left)) {
        t->failure = espota_fail(t->error, ESPOTA_ERR_NETWORK,
                                 "%s: the server sends another part than was asked for", t->shown);
        return 0;
    }
    return length;
}

/* Seconds without bytes to speak of, once the connection stands. */
static bool is_stalled(struct transfer *t, curl_off_t bytes)
{
    curl_off_t connected = 0;
    unsigned limit = t->options->stall_timeout_s ? t->options->stall_timeout_s : STALL_TIMEOUT_S;
    uint64_t now = espota_clock_now_ms(t->options->clock);
    curl_easy_getinfo(t->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected == 0 || bytes - t->heard_bytes >= TRICKLE) {
        t->heard_ms = now;
        t->heard_bytes = bytes;
    }
    return now - t->heard_ms >= 1000ull * limit;
}

static bool is_stopped(struct transfer *t)
{
    if (espota_observer_cancelled(t->options->observer))
        t->failure =
            espota_fail(t->error, ESPOTA_ERR_CANCELLED, "download of %s stopped on request", t->shown);
    return t->failure != 0;
}

static int on_transfer(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now)
{
    struct transfer *t = context;
    const struct espota_fetch_options *o = t->options;
    (void)up_total;
    (void)up_now;
    if (is_stopped(t))
        return 1;
    if (espota_clock_now_ms(t->options->clock) >= t->deadline_ms)
        t->failure = espota_fail(t->error, ESPOTA_ERR_NETWORK,
                                 "cannot get %s: it takes too long, %zu byte%s came in %u s", t->shown,
                                 t->body->size, ESPOTA_PLURAL(t->body->size),
                                 o->total_timeout_s ? o->total_timeout_s : TOTAL_TIMEOUT_S);
    else if (is_stalled(t, now))
        t->failure =
            espota_fail(t->error, ESPOTA_ERR_NETWORK,
                        "cannot get %s: the server stalled after %zu byte%s (hardly anything came for %u s)",
                        t->shown, t->body->size, ESPOTA_PLURAL(t->body->size),
                        o->stall_timeout_s ? o->stall_timeout_s : STALL_TIMEOUT_S);
    if (t->failure)
        return 1;
    struct espota_progress progress = { ESPOTA_PHASE_DOWNLOAD, NULL, (uint64_t)now + t->resumed_at,
                                        total > 0 ? (uint64_t)total + t->resumed_at : 0 };
    if (t->checked_status)
        espota_observe_progress(o->observer, NULL, &progress);
    return 0;
}

/* ---- one attempt ----------------------------------------------------------------------------------------
 */

static bool set_options(struct transfer *t, struct curl_slist **headers)
{
    const struct espota_fetch_options *o = t->options;
    CURL *c = t->curl;
    char line[32];
    bool ok =
        curl_easy_setopt(c, CURLOPT_URL, t->url) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_USERAGENT, "espota/" ESPOTA_VERSION) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->curl_error) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_WRITEDATA, t) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_HEADERDATA, t) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_transfer) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_XFERINFODATA, t) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT,
                         (long)(o->connect_timeout_s ? o->connect_timeout_s : CONNECT_TIMEOUT_S)) == CURLE_OK;
    if (ok && o->certificate)
        ok = curl_easy_setopt(c, CURLOPT_CAINFO, o->certificate) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
    if (ok && o->authorization && espota_fetch_same_server(t->first, t->url))
        ok = http_header_add(headers, "Authorization", o->authorization);
    if (ok && t->resumed_at > 0) {
        snprintf(line, sizeof line, "%zu-", t->resumed_at);
        ok = http_header_add(headers, "If-Range", t->if_range) &&
             curl_easy_setopt(c, CURLOPT_RANGE, line) == CURLE_OK;
    }
    return ok && (!*headers || curl_easy_setopt(c, CURLOPT_HTTPHEADER, *headers) == CURLE_OK);
}

/* What came of it. */
static CURLcode outcome_of(const struct transfer *t)
{
    int left;
    const CURLMsg *message = curl_multi_info_read(t->multi, &left);
    return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_ABORTED_BY_CALLBACK;
}

static CURLcode perform(struct transfer *t)
{
    int running = 1;
    if (curl_multi_add_handle(t->multi, t->curl) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    CURLMcode code = curl_multi_perform(t->multi, &running);
    while (code == CURLM_OK && running > 0 && !is_stopped(t)) {
        code = curl_multi_poll(t->multi, NULL, 0, LOOK_MS, NULL);
        if (code == CURLM_OK)
            code = curl_multi_perform(t->multi, &running);
    }
    CURLcode outcome = code == CURLM_OK ? outcome_of(t) : CURLE_OUT_OF_MEMORY;
    curl_multi_remove_handle(t->multi, t->curl);
    return outcome;
}

/* One request. */
static CURLcode ask(struct transfer *t)
{
    struct curl_slist *headers = NULL;
    t->checked_status = false;
    t->curl_error[0] = '\0';
    t->heard_ms = espota_clock_now_ms(t->options->clock);
    t->heard_bytes = 0;
    curl_easy_reset(t->curl);
    CURLcode code = set_options(t, &headers) ? perform(t) : CURLE_OUT_OF_MEMORY;
    curl_slist_free_all(headers);
    return code;
}

static int go_to(struct transfer *t, char *url)
{
    char *shown = url ? espota_address_shown(url) : NULL;
    if (!shown) {
        free(url);
        return espota_fail_memory(t->error, "starting a download");
    }
    free(t->url);
    free(t->shown);
    t->url = url;
    t->shown = shown;
    return 0;
}

/* Where the answer sends us. What began encrypted stays encrypted. */
static int follow(struct transfer *t)
{
    const char *location = NULL;
    curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &location);
    char *target = location ? fetch_redirect_target(t->url, location) : NULL;
    char *shown = target ? espota_address_shown(target) : NULL;
    int result = 0;
    if (!shown)
        result = espota_fail(t->error, ESPOTA_ERR_NETWORK,
                             "cannot get %s: the server redirects (HTTP status %ld) without saying where to",
                             t->shown, status_of(t));
    else if (!fetch_is_http(target))
        result = espota_fail(t->error, ESPOTA_ERR_NETWORK,
                             "cannot get %s: the server redirects to %s, which is neither http nor https",
                             t->shown, shown);
    else if (fetch_is_https(t->url) && !fetch_is_https(target))
        result = espota_fail(t->error, ESPOTA_ERR_NETWORK,
                             "cannot get %s: the server redirects from https to %s, which is not encrypted: "
                             "that is not followed",
                             t->shown, shown);
    free(shown);
    if (result == 0)
        return go_to(t, target);
    free(target);
    return result;
}

static int check_status(struct transfer *t)
{
    long status = status_of(t);
    if (status == 200 || (status == 206 && t->resumed_at > 0))
        return 0;
    return espota_fail(t->error, ESPOTA_ERR_NETWORK,
                       "cannot get %s: the server answers with HTTP status %ld%s", t->shown, status,
                       status == 206 ? ", a part, though all was asked for" : "");
}

/* From the URL that was asked for through all redirects. */
static CURLcode attempt(struct transfer *t)
{
    t->resumed_at = t->validator[0] ? t->body->size : 0;
    if (t->resumed_at == 0)
        t->body->size = 0;
    memcpy(t->if_range, t->validator, sizeof t->if_range);
    t->failure = go_to(t, strdup(t->first));
    for (unsigned i = 0; t->failure == 0; i++) {
        CURLcode code = ask(t);
        if (code != CURLE_OK || t->failure)
            return code;
        if (!is_redirect(status_of(t))) {
            t->failure = check_status(t);
            return code;
        }
        t->failure = i < MAX_REDIRECTS
                         ? follow(t)
                         : espota_fail(t->error, ESPOTA_ERR_NETWORK,
                                       "cannot get %s: more than %d redirects, do they go in a circle?",
                                       t->shown, MAX_REDIRECTS);
    }
    return CURLE_OK;
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
    long status = status_of(t);
    switch (code) {
    case CURLE_HTTP_RETURNED_ERROR:
        return espota_fail(t->error, ESPOTA_ERR_NETWORK,
                           "cannot get %s: the server answers with HTTP status %ld%s", t->shown, status,
                           status == 404 ? " (no such file): check the path" : "");
    case CURLE_PEER_FAILED_VERIFICATION:
        return espota_fail_hint(t->error, ESPOTA_ERR_VERIFY, ESPOTA_HINT_PRIVATE_CA,
                                "cannot trust the server of %s: %s", t->shown, words);
    case CURLE_SSL_CACERT_BADFILE:
        if (!t->options->certificate)
            return espota_fail_hint(
                t->error, ESPOTA_ERR_VERIFY, ESPOTA_HINT_PRIVATE_CA,
                "cannot tell whether the server of %s can be trusted: the certificates of "
                "the authorities are not on this system (package ca-certificates)",
                t->shown);
        return espota_fail(t->error, ESPOTA_ERR_USAGE,
                           "cannot use the certificate %s: it is not a readable PEM file",
                           t->options->certificate);
    case CURLE_PARTIAL_FILE:
        return espota_fail(t->error, ESPOTA_ERR_NETWORK,
                           "cannot get all of %s: the connection ended after %zu byte%s (%s)", t->shown,
                           t->body->size, ESPOTA_PLURAL(t->body->size), words);
    default:
        return espota_fail(t->error, ESPOTA_ERR_NETWORK, "cannot get %s: %s", t->shown, words);
    }
}

static void end(struct transfer *t)
{
    curl_easy_cleanup(t->curl);
    if (t->multi)
        curl_multi_cleanup(t->multi);
    free(t->url);
    free(t->shown);
}

int espota_fetch_url(const char *url, const struct espota_fetch_options *options, struct espota_bytes *body,
                     struct espota_error *error)
{
    struct transfer t = { .first = url, .options = options, .body = body, .error = error };
    t.deadline_ms = espota_clock_now_ms(options->clock) +
                    1000ull * (options->total_timeout_s ? options->total_timeout_s : TOTAL_TIMEOUT_S);
    unsigned attempts = options->attempts ? options->attempts : ATTEMPTS;
    CURLcode code = CURLE_OK;
    if (options->certificate && !espota_file_exists(options->certificate))
        return espota_fail(error, ESPOTA_ERR_USAGE, "cannot use the certificate %s: there is no such file",
                           options->certificate);
    t.curl = curl_easy_init();
    t.multi = curl_multi_init();
    if (!t.curl || !t.multi || espota_bytes_append(body, "", 0, error) != 0) {
        end(&t);
        return espota_fail_memory(error, "starting a download");
    }
    for (unsigned i = 0; i < attempts && t.failure == 0; i++) {
        code = attempt(&t);
        if (code == CURLE_OK || t.failure != 0 || !worth_repeating(code) || i + 1 == attempts)
            break;
        espota_observe_message(options->observer, NULL, ESPOTA_MESSAGE_DETAIL,
                               "transfer broke after %zu byte%s (%s); trying again", body->size,
                               ESPOTA_PLURAL(body->size),
                               t.curl_error[0] ? t.curl_error : curl_easy_strerror(code));
        for (unsigned ms = 0; ms < RETRY_MS && !is_stopped(&t); ms += LOOK_MS)
            espota_clock_sleep_ms(options->clock, LOOK_MS);
    }
    int result = t.failure ? t.failure : code == CURLE_OK ? 0 : explain(&t, code);
    end(&t);
    return result;
}

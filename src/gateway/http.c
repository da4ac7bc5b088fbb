/* Small requests by libcurl's multi interface. */
#include "http.h"

#include "base/http_header.h"
#include "espota/address.h"
#include "espota/buffer.h"
#include "espota/fetch.h"
#include "espota/version.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CONNECTIONS = 8, LARGEST_ANSWER = 256 << 10, TIMEOUT_S = 60, CONNECT_TIMEOUT_S = 15 };

struct exchange {
    struct exchange *next, **back;
    CURL *curl;
    struct curl_slist *headers;
    char *url, *body;
    struct espota_bytes answer;
    char etag[256], reason[CURL_ERROR_SIZE];
    gateway_answer_fn *answered;
    void *context;
};

struct gateway_http {
    CURLM *multi;
    const char *certificate;
    struct exchange *exchanges;
    size_t under_way;
};

struct gateway_http *gateway_http_new(const char *certificate)
{
    struct gateway_http *http = calloc(1, sizeof *http);
    if (!http)
        return NULL;
    http->certificate = certificate;
    http->multi = curl_multi_init();
    if (!http->multi ||
        curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)MOST_CONNECTIONS) != CURLM_OK) {
        gateway_http_free(http);
        return NULL;
    }
    return http;
}

static void end(struct gateway_http *http, struct exchange *x)
{
    if (x->curl) {
        curl_multi_remove_handle(http->multi, x->curl);
        curl_easy_cleanup(x->curl);
    }
    if (x->back) {
        *x->back = x->next;
        if (x->next)
            x->next->back = x->back;
        http->under_way--;
    }
    curl_slist_free_all(x->headers);
    espota_bytes_free(&x->answer);
    free(x->url);
    free(x->body);
    free(x);
}

void gateway_http_free(struct gateway_http *http)
{
    if (!http)
        return;
    while (http->exchanges)
        end(http, http->exchanges);
    curl_multi_cleanup(http->multi);
    free(http);
}

size_t gateway_http_under_way(const struct gateway_http *http)
{
    return http->under_way;
}

/* ---- one exchange ---------------------------------------------------------------------------------------
 */

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct exchange *x = context;
    struct espota_error ignored;
    size_t length = size * count;
    if (length > LARGEST_ANSWER - x->answer.size)
        return 0;
    return espota_bytes_append(&x->answer, data, length, &ignored) == 0 ? length : 0;
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct exchange *x = context;
    size_t length = size * count, value_length = 0;
    const char *value = NULL;
    if (http_header_is(line, length, "etag", &value, &value_length) && value_length < sizeof x->etag)
        snprintf(x->etag, sizeof x->etag, "%.*s", (int)value_length, value);
    return length;
}

static bool add_headers(struct exchange *x, const struct gateway_request *r)
{
    return http_header_add(&x->headers, "Accept", "application/hal+json, application/json") &&
           (!r->body || http_header_add(&x->headers, "Content-Type", "application/json")) &&
           (!r->authorization || http_header_add(&x->headers, "Authorization", r->authorization)) &&
           (!r->etag || http_header_add(&x->headers, "If-None-Match", r->etag));
}

/* Redirects are not followed: addresses are the server's own. */
static bool set_options(const struct gateway_http *http, struct exchange *x, const struct gateway_request *r)
{
    CURL *c = x->curl;
    bool ok = curl_easy_setopt(c, CURLOPT_URL, x->url) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_USERAGENT, "espota/" ESPOTA_VERSION) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->reason) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_WRITEDATA, x) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_HEADERDATA, x) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)TIMEOUT_S) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_PRIVATE, x) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK && add_headers(x, r) &&
              curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers) == CURLE_OK;
    if (ok && x->body)
        ok = curl_easy_setopt(c, CURLOPT_POSTFIELDS, x->body) == CURLE_OK;
    if (ok && http->certificate)
        ok = curl_easy_setopt(c, CURLOPT_CAINFO, http->certificate) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
    return ok;
}

int gateway_http_ask(struct gateway_http *http, const struct gateway_request *r, struct espota_error *error)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (!x)
        return espota_fail_memory(error, "asking the server");
    x->answered = r->answered;
    x->context = r->context;
    x->url = strdup(r->url);
    x->body = r->body ? strdup(r->body) : NULL;
    x->curl = curl_easy_init();
    if (!x->url || (r->body && !x->body) || !x->curl || !set_options(http, x, r) ||
        curl_multi_add_handle(http->multi, x->curl) != CURLM_OK) {
        end(http, x);
        return espota_fail_memory(error, "asking the server");
    }
    x->next = http->exchanges;
    x->back = &http->exchanges;
    if (x->next)
        x->next->back = &x->next;
    http->exchanges = x;
    http->under_way++;
    return 0;
}

/* ---- all of them ----------------------------------------------------------------------------------------
 */

static void hand_out(struct exchange *x, CURLcode code)
{
    struct gateway_answer answer = { 0, "", 0, x->etag };
    struct espota_error error;
    if (code == CURLE_OK) {
        curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &answer.status);
        if (x->answer.size > 0)
            answer.text = (const char *)x->answer.data;
        answer.length = x->answer.size;
        x->answered(x->context, &answer, NULL);
        return;
    }
    char *shown = espota_address_shown(x->url);
    espota_fail(&error, code == CURLE_PEER_FAILED_VERIFICATION ? ESPOTA_ERR_VERIFY : ESPOTA_ERR_NETWORK,
                "cannot ask %s: %s", shown ? shown : "the server",
                x->reason[0] ? x->reason : curl_easy_strerror(code));
    free(shown);
    x->answered(x->context, &answer, &error);
}

void gateway_http_wait(struct gateway_http *http, unsigned timeout_ms)
{
    int running = 0, left = 0;
    CURLMsg *message;
    (void)curl_multi_poll(http->multi, NULL, 0, (int)timeout_ms, NULL);
    (void)curl_multi_perform(http->multi, &running);
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        struct exchange *x = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &x);
        hand_out(x, code);
        end(http, x);
    }
}

void gateway_http_wake(struct gateway_http *http)
{
    (void)curl_multi_wakeup(http->multi);
}

#include "exchange.h"

#include "espota/error.h"
#include "espota/version.h"

#include <string.h>

enum {
    LARGEST_PAGE = 256 << 10,
    CONNECT_S = 10,
    STALL_S = 30, /* hardly a byte moved for so long; flash is erased before the first answer */
};

/* ---- one request ----------------------------------------------------------------------------------------
 */

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct exchange *x = context;
    size_t length = size * count;
    if (length > LARGEST_PAGE - x->answer.size ||
        espota_bytes_append(&x->answer, data, length, x->error) != 0) {
        if (length > LARGEST_PAGE - x->answer.size)
            espota_fail(x->error, ESPOTA_ERR_DEVICE, "%s sends a page of more than %d bytes",
                        x->web->device.name, LARGEST_PAGE);
        x->failed = true;
        return 0;
    }
    return length;
}

static int on_transfer(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    struct exchange *x = context;
    (void)down_all, (void)down, (void)up_all;
    if (espota_device_check_cancelled(&x->web->device, x->error) != 0) {
        x->failed = true;
        return 1;
    }
    if (x->sends && (uint64_t)up > x->told) {
        espota_device_moved(&x->web->device, (uint32_t)((uint64_t)up - x->told));
        x->told = (uint64_t)up;
    }
    return 0;
}

static bool set_access(struct exchange *x)
{
    const struct web_device *w = x->web;
    CURL *c = x->curl;
    if (w->certificate && (curl_easy_setopt(c, CURLOPT_CAINFO, w->certificate) != CURLE_OK ||
                           curl_easy_setopt(c, CURLOPT_CAPATH, NULL) != CURLE_OK))
        return false;
    return !w->password ||
           (curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC | CURLAUTH_DIGEST) == CURLE_OK &&
            curl_easy_setopt(c, CURLOPT_USERNAME, w->user ? w->user : "admin") == CURLE_OK &&
            curl_easy_setopt(c, CURLOPT_PASSWORD, w->password) == CURLE_OK);
}

static bool set_up(struct exchange *x, const char *url, long total_s)
{
    CURL *c = x->curl;
    return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USERAGENT, "espota/" ESPOTA_VERSION) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK && /* ElegantOTA's page is gzip */
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->curl_error) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_transfer) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_XFERINFODATA, x) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_S) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT, total_s) == CURLE_OK && set_access(x);
}

long web_status(const struct exchange *x)
{
    long status = 0;
    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static int explain(struct exchange *x, CURLcode code)
{
    const char *name = x->web->device.name;
    const char *words = x->curl_error[0] ? x->curl_error : curl_easy_strerror(code);
    if (x->failed)
        return (int)x->error->status;
    if (code == CURLE_OUT_OF_MEMORY)
        return espota_fail_memory(x->error, "uploading");
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return espota_fail(x->error, ESPOTA_ERR_VERIFY, "%s proves to be somebody else: %s", name, words);
    if (x->sends && x->told >= x->expected)
        return espota_fail(x->error, ESPOTA_ERR_TIMEOUT,
                           "%s was sent all of the image, but did not say that it takes it: %s", name, words);
    return espota_fail(x->error, ESPOTA_ERR_NO_DEVICE, "%s: %s", name, words);
}

/* With what was set before. @return 0, with the page in x->answer and a NUL behind it. */
int web_ask(struct exchange *x, const char *url, long total_s)
{
    x->answer.size = 0;
    x->curl_error[0] = '\0';
    CURLcode code = set_up(x, url, total_s) ? curl_easy_perform(x->curl) : CURLE_OUT_OF_MEMORY;
    if (code != CURLE_OK)
        return explain(x, code);
    return espota_bytes_append(&x->answer, "", 1, x->error);
}

const char *web_page(const struct exchange *x)
{
    return (const char *)x->answer.data;
}

int web_get(struct exchange *x, const char *url, long total_s)
{
    return curl_easy_setopt(x->curl, CURLOPT_HTTPGET, 1L) == CURLE_OK
               ? web_ask(x, url, total_s)
               : espota_fail_memory(x->error, "uploading");
}

int web_exchange_begin(struct exchange *x, struct web_device *web, struct espota_error *error)
{
    *x = (struct exchange){ .web = web, .error = error, .curl = curl_easy_init() };
    return x->curl ? 0 : espota_fail_memory(error, "uploading");
}

void web_exchange_end(struct exchange *x)
{
    if (x->curl)
        curl_easy_cleanup(x->curl);
    espota_bytes_free(&x->answer);
}

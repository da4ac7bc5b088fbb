#include "exchange.h"
#include "page.h"

#include "base/http_header.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_S = 15, ERASE_S = 30, WORDS = 200 };

/* ---- which page -----------------------------------------------------------------------------------------
 */

static int not_let_in(const struct exchange *x)
{
    return espota_fail_hint(x->error, ESPOTA_ERR_FAILED, ESPOTA_HINT_GIVE_PASSWORD,
                            x->web->password ? "%s has another user or password" : "%s asks for a password",
                            x->web->device.name);
}

static int check_page(const struct exchange *x, enum page_kind kind)
{
    const char *name = x->web->device.name;
    long status = web_status(x);
    if (status == 401)
        return not_let_in(x);
    if (status != 200)
        return espota_fail(x->error, ESPOTA_ERR_DEVICE, "%s answers with HTTP status %ld%s", name, status,
                           status == 404 ? " (no such page): check the path" : "");
    if (kind == PAGE_UNKNOWN)
        return espota_fail(x->error, ESPOTA_ERR_UNSUPPORTED,
                           "%s is no page that takes images: neither HTTPUpdateServer, nor ElegantOTA, nor "
                           "Tasmota (whose page is /up)",
                           name);
    return 0;
}

static int join(char **url, const char *root, const char *path, struct espota_error *error)
{
    size_t room = strlen(root) + strlen(path) + 1;
    *url = malloc(room);
    if (!*url)
        return espota_fail_memory(error, "uploading");
    snprintf(*url, room, "%s%s", root, path);
    return 0;
}

/* Version 2 says who it is. */
static int tell_elegant(struct exchange *x, enum page_kind *kind)
{
    char *url;
    int result = join(&url, x->web->root, "/update/identity", x->error);
    if (result == 0)
        result = web_get(x, url, ASK_S);
    if (result == 0)
        *kind = web_status(x) == 200 && strstr(web_page(x), "hardware") ? PAGE_ELEGANT_2 : PAGE_ELEGANT_3;
    free(url);
    return result;
}

/* It was asked for before it was given. */
static void warn_of_basic(const struct exchange *x)
{
    long offered = 0;
    curl_easy_getinfo(x->curl, CURLINFO_HTTPAUTH_AVAIL, &offered);
    bool clear = x->web->password && x->web->device.lacks & ESPOTA_LACKS_ENCRYPTION;
    if (clear && (offered & (long)CURLAUTH_BASIC) && !(offered & (long)CURLAUTH_DIGEST))
        espota_device_warn(&x->web->device,
                           "%s wants its password in a form that everybody on the way can read",
                           x->web->device.name);
}

static int find_kind(struct exchange *x, enum page_kind *kind)
{
    int result = web_get(x, x->web->page, ASK_S);
    if (result != 0)
        return result;
    *kind = page_kind_of(web_page(x));
    result = check_page(x, *kind);
    if (result == 0)
        warn_of_basic(x);
    if (result == 0 && *kind == PAGE_ELEGANT)
        result = tell_elegant(x, kind);
    if (result == 0)
        espota_device_detail(&x->web->device, "%s has %s", x->web->device.name, page_kind_name(*kind));
    return result;
}

/* ---- the upload -----------------------------------------------------------------------------------------
 */

static int said(const struct exchange *x, const char *what)
{
    char words[WORDS];
    page_words(web_page(x), words, sizeof words);
    return espota_fail(x->error, ESPOTA_ERR_DEVICE, "%s %s: it says '%s' (HTTP status %ld)",
                       x->web->device.name, what, words, web_status(x));
}

static bool add_text(curl_mime *form, const char *name, const char *text)
{
    curl_mimepart *part = curl_mime_addpart(form);
    return part && curl_mime_name(part, name) == CURLE_OK &&
           curl_mime_data(part, text, CURL_ZERO_TERMINATED) == CURLE_OK;
}

struct reader {
    const struct espota_payload *payload;
    size_t at;
};

static size_t read_image(char *buffer, size_t size, size_t count, void *context)
{
    struct reader *r = context;
    size_t left = r->payload->size - r->at, length = size * count < left ? size * count : left;
    memcpy(buffer, r->payload->data + r->at, length);
    r->at += length;
    return length;
}

/* A request that is answered by a challenge is made anew. */
static int seek_image(void *context, curl_off_t offset, int origin)
{
    struct reader *r = context;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > r->payload->size)
        return CURL_SEEKFUNC_FAIL;
    r->at = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static bool add_image(curl_mime *form, const char *name, struct reader *reader)
{
    curl_mimepart *part = curl_mime_addpart(form);
    return part && curl_mime_name(part, name) == CURLE_OK &&
           curl_mime_filename(part, "firmware.bin") == CURLE_OK &&
           curl_mime_type(part, "application/octet-stream") == CURLE_OK &&
           curl_mime_data_cb(part, (curl_off_t)reader->payload->size, read_image, seek_image, NULL, reader) ==
               CURLE_OK;
}

static const char *field_of(const struct exchange *x, enum page_kind kind)
{
    if (kind == PAGE_TASMOTA)
        return "u2";
    if (kind == PAGE_ELEGANT_3)
        return "file";
    return x->web->options.file_system ? "filesystem" : "firmware";
}

/* None of these servers knows "Expect: 100-continue", which curl would wait for. */
static int post(struct exchange *x, enum page_kind kind, const char *url, const char *md5,
                struct reader *reader)
{
    struct curl_slist *headers = NULL;
    curl_mime *form = curl_mime_init(x->curl);
    bool ok = form && (kind != PAGE_ELEGANT_2 || add_text(form, "MD5", md5)) &&
              add_image(form, field_of(x, kind), reader) && http_header_add(&headers, "Expect", "") &&
              http_header_add(&headers, "Origin", x->web->root) &&
              http_header_add(&headers, "Referer", x->web->page) &&
              curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
              curl_easy_setopt(x->curl, CURLOPT_MIMEPOST, form) == CURLE_OK;
    x->sends = true;
    x->expected = reader->payload->size;
    int result = ok ? web_ask(x, url, 0) : espota_fail_memory(x->error, "uploading");
    x->sends = false;
    (void)curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, NULL);
    curl_mime_free(form);
    curl_slist_free_all(headers);
    return result;
}

/* ElegantOTA 3 is told first what comes. */
static int announce(struct exchange *x, const char *md5)
{
    char query[96], *url;
    snprintf(query, sizeof query, "/ota/start?mode=%s&hash=%s", x->web->options.file_system ? "fs" : "fr",
             md5);
    int result = join(&url, x->web->root, query, x->error);
    if (result == 0)
        result = web_get(x, url, ERASE_S);
    free(url);
    if (result == 0 && page_judge(PAGE_ELEGANT_3, web_status(x), web_page(x)) != PAGE_DONE)
        result = web_status(x) == 401 ? not_let_in(x) : said(x, "does not take the update");
    return result;
}

static int upload_url(const struct exchange *x, enum page_kind kind, const struct espota_payload *payload,
                      char **url)
{
    char path[48] = "";
    if (kind == PAGE_ELEGANT_3)
        snprintf(path, sizeof path, "/ota/upload");
    else if (kind == PAGE_TASMOTA)
        snprintf(path, sizeof path, "/u2?fsz=%zu", payload->size);
    return join(url, *path ? x->web->root : x->web->page, path, x->error);
}

static int judge(const struct exchange *x, enum page_kind kind)
{
    if (web_status(x) == 401)
        return not_let_in(x);
    switch (page_judge(kind, web_status(x), web_page(x))) {
    case PAGE_DONE:
        return 0;
    case PAGE_FAILED:
        return said(x, "does not take the image");
    case PAGE_SAYS_NEITHER:
        break;
    }
    return said(x, "has the image, and what it says of it is not known here");
}

int web_upload(struct exchange *x, const struct espota_payload *payload)
{
    uint8_t digest[ESPOTA_MD5_LENGTH];
    char md5[2 * ESPOTA_MD5_LENGTH + 1], *url = NULL;
    struct reader reader = { payload, 0 };
    enum page_kind kind = PAGE_UNKNOWN;
    if (espota_md5(payload->data, payload->size, digest) != 0)
        return espota_fail(x->error, ESPOTA_ERR_FAILED, "MD5 is not available from the crypto library");
    espota_hex(digest, sizeof digest, md5);
    int result = find_kind(x, &kind);
    if (result == 0 && x->web->options.file_system && kind == PAGE_TASMOTA)
        result = espota_fail(x->error, ESPOTA_ERR_UNSUPPORTED,
                             "Tasmota takes no image of its file system by this page");
    if (result == 0 && kind == PAGE_ELEGANT_3)
        result = announce(x, md5);
    if (result == 0)
        result = upload_url(x, kind, payload, &url);
    if (result == 0)
        result = post(x, kind, url, md5, &reader);
    if (result == 0)
        result = judge(x, kind);
    free(url);
    return result;
}

#include "exchange.h"

#include "espota/address.h"
#include "espota/clock.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/http_upload.h"
#include "espota/random.h"

#include <stdlib.h>
#include <string.h>

enum { GONE_MS = 1500, LOOK_MS = 1000, LOOK_S = 3 };

static int put_image(struct espota_device *device, const struct espota_payload *payload,
                     struct espota_error *error)
{
    struct exchange x;
    int result = web_exchange_begin(&x, (struct web_device *)device, error);
    if (result == 0)
        result = web_upload(&x, payload);
    web_exchange_end(&x);
    return result;
}

/* ---- afterwards -----------------------------------------------------------------------------------------
 */

/* Back is who answers at all: the new app may have another page. */
static int await_return(struct espota_device *device, unsigned patience_ms, struct espota_error *error)
{
    uint64_t deadline = espota_now_ms() + patience_ms;
    int result = espota_device_pause(device, GONE_MS, error);
    while (result == 0) { /* once at least */
        struct exchange x;
        result = web_exchange_begin(&x, (struct web_device *)device, error);
        int asked = result ? result : web_get(&x, x.web->page, LOOK_S);
        web_exchange_end(&x);
        if (asked == 0 || asked == ESPOTA_ERR_CANCELLED)
            return asked;
        if (espota_now_ms() >= deadline)
            break;
        result = result ? result : espota_device_pause(device, LOOK_MS, error);
    }
    return result ? result
                  : espota_fail(error, ESPOTA_ERR_NO_DEVICE, "%s does not answer any more", device->name);
}

static void close_device(struct espota_device *device)
{
    struct web_device *w = (struct web_device *)device;
    if (w->password)
        espota_wipe(w->password, strlen(w->password));
    free(w->password);
    free(w->certificate);
    curl_free(w->user);
    curl_free(w->page);
    curl_free(w->root);
    free(w);
}

static const struct espota_device_ops web_ops = {
    .put_image = put_image,
    .await_return = await_return,
    .close = close_device,
};

/* ---- opening --------------------------------------------------------------------------------------------
 */

static bool is_http(CURLU *u)
{
    char *scheme = NULL;
    bool http = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return http;
}

static bool has_password(CURLU *u)
{
    char *password = NULL;
    bool has = curl_url_get(u, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK;
    curl_free(password);
    return has;
}

/* The page, and where it is, without whoever asks. */
static bool take_apart(CURLU *u, struct web_device *w)
{
    char *path = NULL;
    (void)curl_url_get(u, CURLUPART_USER, &w->user, CURLU_URLDECODE); /* there may be none */
    bool ok = curl_url_set(u, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
              curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
              (strcmp(path, "/") != 0 || curl_url_set(u, CURLUPART_PATH, "/update", 0) == CURLUE_OK) &&
              curl_url_get(u, CURLUPART_URL, &w->page, 0) == CURLUE_OK &&
              curl_url_set(u, CURLUPART_PATH, NULL, 0) == CURLUE_OK &&
              curl_url_set(u, CURLUPART_QUERY, NULL, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_URL, &w->root, 0) == CURLUE_OK;
    curl_free(path);
    if (ok && w->root[strlen(w->root) - 1] == '/')
        w->root[strlen(w->root) - 1] = '\0';
    return ok;
}

static int take_url(struct web_device *w, const char *url, struct espota_error *error)
{
    CURLU *u = curl_url();
    int result = 0;
    if (!u)
        return espota_fail_memory(error, "opening a device");
    if (curl_url_set(u, CURLUPART_URL, url, CURLU_GUESS_SCHEME) != CURLUE_OK || !is_http(u))
        result = espota_fail(error, ESPOTA_ERR_USAGE, "that is no http or https URL of a device's page");
    else if (has_password(u))
        result = espota_fail(error, ESPOTA_ERR_USAGE,
                             "a password does not belong into a URL, where others can read it");
    else if (!take_apart(u, w))
        result = espota_fail_memory(error, "opening a device");
    curl_url_cleanup(u);
    return result;
}

static int copy(char **to, const char *text, struct espota_error *error)
{
    *to = text ? strdup(text) : NULL;
    return text && !*to ? espota_fail_memory(error, "opening a device") : 0;
}

int espota_http_upload_open(struct espota_device **device, const char *url,
                            const struct espota_http_upload_options *options, struct espota_error *error)
{
    struct web_device *w = calloc(1, sizeof *w);
    if (!w)
        return espota_fail_memory(error, "opening a device");
    w->options = *options;
    int result = take_url(w, url, error);
    char *shown = espota_address_shown(result == 0 ? w->page : url);
    if (result == 0 && !shown)
        result = espota_fail_memory(error, "opening a device");
    espota_device_init(&w->device, &web_ops, "http", ESPOTA_HASH_MD5, shown ? shown : "");
    free(shown);
    w->device.observer = options->observer;
    w->device.info.esp8266 = ESPOTA_MAYBE_ESP8266;
    w->device.lacks = ESPOTA_LACKS_VERIFICATION | ESPOTA_LACKS_RESUME;
    if (result == 0 && !espota_address_after(w->page, "https://"))
        w->device.lacks |= ESPOTA_LACKS_ENCRYPTION;
    if (result == 0)
        result = copy(&w->password, options->password, error);
    if (result == 0)
        result = copy(&w->certificate, options->certificate, error);
    if (result == 0)
        *device = &w->device;
    else
        close_device(&w->device);
    return result;
}

/* Requests to a device's web page, and the upload that consists of them. */
#ifndef ESPOTA_DEVICE_HTTP_UPLOAD_EXCHANGE_H
#define ESPOTA_DEVICE_HTTP_UPLOAD_EXCHANGE_H

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/http_upload.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct web_device {
    struct espota_device device;
    struct espota_http_upload_options options;
    char *password, *certificate, *user;
    char *page; /* URL without user */
    char *root; /* scheme, host and port of it */
};

/* A series of requests, by one handle, which remembers what the server wants of a password. */
struct exchange {
    struct web_device *web;
    struct espota_error *error;
    CURL *curl;
    struct espota_bytes answer;
    char curl_error[CURL_ERROR_SIZE];
    bool failed;       /* error is filled in by a callback */
    bool sends;        /* the image is on its way */
    uint64_t told;     /* bytes of it that the device's observers know of */
    uint64_t expected; /* of all that travels */
};

/* @return ESPOTA_ERR_NOMEM; web_exchange_end in any case. */
int web_exchange_begin(struct exchange *exchange, struct web_device *web, struct espota_error *error);
void web_exchange_end(struct exchange *exchange);

/* With what was set at the handle before, in at most `total_s` seconds (0: as long as bytes move). @return 0,
 * whatever the status, with the page in `answer` and a NUL behind it. */
int web_ask(struct exchange *exchange, const char *url, long total_s);
int web_get(struct exchange *exchange, const char *url, long total_s);
long web_status(const struct exchange *exchange);
const char *web_page(const struct exchange *exchange);

/* upload.c: find out what the page is, and fill it in. */
int web_upload(struct exchange *exchange, const struct espota_payload *payload);

#endif

/* Many small requests to one server at once, on one thread. */
#ifndef ESPOTA_GATEWAY_HTTP_H
#define ESPOTA_GATEWAY_HTTP_H

#include "espota/error.h"

#include <stddef.h>
#include <stdint.h>

struct gateway_http;

struct gateway_answer {
    long status; /* of HTTP */
    const char *text;
    size_t length;
    const char *etag; /* empty: none */
};

/* `error` is NULL when the server answered, with whatever status. */
typedef void gateway_answer_fn(void *context, const struct gateway_answer *answer,
                               const struct espota_error *error);

struct gateway_request {
    const char *method; /* GET, PUT, POST */
    const char *url, *body;
    const char *authorization, *etag; /* NULL: none */
    gateway_answer_fn *answered;      /* from gateway_http_wait */
    void *context;
};

/* `certificate` as in espota/fetch.h; it has to outlive what is returned. NULL: memory is short. */
struct gateway_http *gateway_http_new(const char *certificate);
void gateway_http_free(struct gateway_http *http);

/* Ask; everything is copied. @return 0; then `answered` is called once, unless all ends before. */
int gateway_http_ask(struct gateway_http *http, const struct gateway_request *request,
                     struct espota_error *error);
/* Wait for answers, at most so long, and hand them out. */
void gateway_http_wait(struct gateway_http *http, unsigned timeout_ms);
/* End gateway_http_wait, from another thread. */
void gateway_http_wake(struct gateway_http *http);
size_t gateway_http_under_way(const struct gateway_http *http);

#endif

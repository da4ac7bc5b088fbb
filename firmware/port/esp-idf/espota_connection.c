/* The connection of a fetch. ESP-IDF's own waits for as long as something comes, be it a byte of a handshake
 * each ten seconds, and takes headers for as long as there is memory. This one ends when the pull does, and
 * when it gets nowhere; somebody else's task sees to that, since the one that fetches is in a call. */
#include "espota_private.h"

#include "sdkconfig.h"

#ifdef CONFIG_ESPOTA_PULL

#include "esp_crt_bundle.h"
#include "esp_tls.h"
#include "esp_transport.h"
#include "lwip/sockets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#ifndef CONFIG_ESP_HTTP_CLIENT_ENABLE_CUSTOM_TRANSPORT
#error                                                                                                       \
    "espota fetches images through a transport of its own, which this ESP-IDF's esp_http_client does not take"
#endif

enum {
    HEAD_MOST = 8192,    /* bytes of an answer's head */
    HANDSHAKE_S = 60,    /* the whole of it */
    HANDSHAKE_STEP = 200 /* ms */
};

struct espota_idf_connection {
    struct espota_idf *e;
    esp_transport_handle_t transport;
    esp_tls_cfg_t config;
    esp_tls_t *tls;
    int socket;
    size_t head; /* bytes of an answer that came before its body */
    bool in_body;
    struct espota_idf_tls_error error;
};

static struct espota_idf_connection *connection_of(esp_transport_handle_t transport)
{
    return esp_transport_get_context_data(transport);
}

/* ---- from outside ---------------------------------------------------------------------------------------
 */

static bool gives_up(struct espota_idf *e)
{
    xSemaphoreTake(e->lock, portMAX_DELAY);
    bool up = espota_puller_gives_up(&e->pull.puller);
    xSemaphoreGive(e->lock);
    return up;
}

/* Who waits for bytes on it wakes; who comes later finds it shut. */
void espota_idf_cut_connection(struct espota_idf *e)
{
    if (e->pull.socket < 0 || !espota_puller_gives_up(&e->pull.puller))
        return;
    (void)shutdown(e->pull.socket, SHUT_RDWR);
    e->pull.socket = -1;
}

static void expose(struct espota_idf_connection *c, int socket)
{
    c->socket = socket;
    xSemaphoreTake(c->e->lock, portMAX_DELAY);
    c->e->pull.socket = socket;
    xSemaphoreGive(c->e->lock);
}

/* ---- what it does ---------------------------------------------------------------------------------------
 */

static int wait_for(struct espota_idf_connection *c, bool to_write, int timeout_ms)
{
    struct timeval time = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };
    fd_set ready;
    if (c->socket < 0)
        return -1;
    FD_ZERO(&ready);
    FD_SET(c->socket, &ready);
    return select(c->socket + 1, to_write ? NULL : &ready, to_write ? &ready : NULL, NULL,
                  timeout_ms < 0 ? NULL : &time);
}

static int close_connection(esp_transport_handle_t transport)
{
    struct espota_idf_connection *c = connection_of(transport);
    expose(c, -1);
    if (c->tls)
        (void)esp_tls_conn_destroy(c->tls);
    c->tls = NULL;
    return 0;
}

static void note_error(struct espota_idf_connection *c)
{
    esp_tls_error_handle_t handle;
    if (esp_tls_get_error_handle(c->tls, &handle) == ESP_OK)
        c->error.result = esp_tls_get_and_clear_last_error(handle, &c->error.code, &c->error.flags);
}

/* In steps, as its bytes come. The first one waits for the connection; if that took all its time, there is
 * none. Later ones may be long, since CPUs take seconds for a chain of certificates. */
static bool shake_hands(struct espota_idf_connection *c, const char *host, int port)
{
    TickType_t begun = xTaskGetTickCount();
    for (bool connecting = true;; connecting = false) {
        int done = esp_tls_conn_new_async(host, (int)strlen(host), port, &c->config, c->tls);
        if (done != 0)
            return done > 0;
        if (connecting && esp_tls_get_conn_sockfd(c->tls, &c->socket) == ESP_OK)
            expose(c, c->socket);
        TickType_t spent = xTaskGetTickCount() - begun;
        if ((connecting && spent >= pdMS_TO_TICKS(c->config.timeout_ms)) ||
            spent >= pdMS_TO_TICKS(HANDSHAKE_S * 1000) || gives_up(c->e))
            return false;
        (void)wait_for(c, false, HANDSHAKE_STEP);
    }
}

/* From here on who reads waits, since TLS says nothing sensible of half a record. */
static bool settle(struct espota_idf_connection *c)
{
    int socket = -1;
    if (esp_tls_get_conn_sockfd(c->tls, &socket) != ESP_OK || socket < 0)
        return false;
    int flags = fcntl(socket, F_GETFL, 0);
    if (flags < 0 || fcntl(socket, F_SETFL, flags & ~O_NONBLOCK) < 0)
        return false;
    expose(c, socket);
    return true;
}

static int open_connection(esp_transport_handle_t transport, const char *host, int port, int timeout_ms)
{
    struct espota_idf_connection *c = connection_of(transport);
    c->config.timeout_ms = timeout_ms;
    c->config.non_block = !c->config.is_plain_tcp;
    c->tls = esp_tls_init();
    if (!c->tls)
        return -1;
    bool open = c->config.is_plain_tcp
                    ? esp_tls_conn_new_sync(host, (int)strlen(host), port, &c->config, c->tls) > 0
                    : shake_hands(c, host, port);
    if (open && settle(c))
        return 0;
    note_error(c);
    close_connection(transport);
    return -1;
}

static int poll_read(esp_transport_handle_t transport, int timeout_ms)
{
    struct espota_idf_connection *c = connection_of(transport);
    ssize_t there = c->tls && !c->config.is_plain_tcp ? esp_tls_get_bytes_avail(c->tls) : 0;
    return there > 0 ? (int)there : wait_for(c, false, timeout_ms);
}

static int poll_write(esp_transport_handle_t transport, int timeout_ms)
{
    return wait_for(connection_of(transport), true, timeout_ms);
}

static int read_connection(esp_transport_handle_t transport, char *out, int length, int timeout_ms)
{
    struct espota_idf_connection *c = connection_of(transport);
    if (!c->tls || gives_up(c->e) || (!c->in_body && c->head >= HEAD_MOST))
        return ERR_TCP_TRANSPORT_CONNECTION_FAILED;
    int ready = poll_read(transport, timeout_ms);
    if (ready <= 0)
        return ready == 0 ? ERR_TCP_TRANSPORT_CONNECTION_TIMEOUT : ERR_TCP_TRANSPORT_CONNECTION_FAILED;
    ssize_t got = esp_tls_conn_read(c->tls, out, (size_t)length);
    if (got > 0)
        c->head += c->in_body ? 0 : (size_t)got;
    return got > 0    ? (int)got
           : got == 0 ? ERR_TCP_TRANSPORT_CONNECTION_CLOSED_BY_FIN
                      : ERR_TCP_TRANSPORT_CONNECTION_FAILED;
}

static int write_connection(esp_transport_handle_t transport, const char *data, int length, int timeout_ms)
{
    struct espota_idf_connection *c = connection_of(transport);
    if (!c->tls || gives_up(c->e) || poll_write(transport, timeout_ms) <= 0)
        return -1;
    return (int)esp_tls_conn_write(c->tls, data, (size_t)length);
}

/* ---- for who fetches ------------------------------------------------------------------------------------
 */

struct espota_idf_connection *espota_idf_connection_new(struct espota_idf *e,
                                                        const struct espota_puller_wish *wish)
{
    struct espota_idf_connection *c = calloc(1, sizeof *c);
    esp_transport_handle_t transport = c ? esp_transport_init() : NULL;
    if (!transport) {
        free(c);
        return NULL;
    }
    c->e = e;
    c->socket = -1;
    c->transport = transport;
    c->config.is_plain_tcp = !espota_pull_is_https(wish->url, strlen(wish->url));
    if (wish->certificate) {
        c->config.cacert_buf = wish->certificate;
        c->config.cacert_bytes = wish->certificate_length + 1; /* the puller has a 0 behind it */
    }
#ifdef CONFIG_MBEDTLS_CERTIFICATE_BUNDLE
    c->config.crt_bundle_attach = wish->certificate ? NULL : esp_crt_bundle_attach;
#endif
    esp_transport_set_context_data(transport, c);
    esp_transport_set_func(transport, open_connection, read_connection, write_connection, close_connection,
                           poll_read, poll_write, NULL);
    return c;
}

void espota_idf_connection_free(struct espota_idf_connection *c)
{
    if (!c)
        return;
    close_connection(c->transport);
    esp_transport_destroy(c->transport);
    free(c);
}

struct esp_transport_item_t *espota_idf_connection_transport(struct espota_idf_connection *c)
{
    return c->transport;
}

struct espota_idf_tls_error espota_idf_connection_error(const struct espota_idf_connection *c)
{
    return c->error;
}

void espota_idf_connection_in_body(struct espota_idf_connection *c)
{
    c->in_body = true;
}

#endif

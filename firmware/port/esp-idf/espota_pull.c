/* Images that the device fetches by itself: ESP-IDF's HTTP client in a task, which is there as long as it is
 * needed. What an answer is worth, and what is written, is the puller's matter (firmware/pull). */
#include "espota_private.h"

#include "sdkconfig.h"

#ifdef CONFIG_ESPOTA_PULL

#include "esp_http_client.h"
#include "esp_log.h"
#include "esp_tls_errors.h"
#include "mbedtls/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char tag[] = "espota";

/* A host that is there restarts the device itself. */
enum {
    PIECE = 1024,
    TEXT = 1100,
    HEADERS = 2048,
    REQUEST = 1536,
    PAUSE_MS = 1000,
    RESTART_MS = 3000,
    TURN_MS = 1000
};

/* What mbedTLS says of a certificate that nobody trusts: by itself, and with the bundle. */
enum { X509_VERIFY_FAILED = 0x2700, X509_FATAL = 0x3000 };

/* ---- one answer -----------------------------------------------------------------------------------------
 */

struct answer {
    struct espota_idf_connection *connection;
    char content_range[64], etag[160], location[TEXT], encoding[32];
    uint8_t piece[PIECE];
};

static void keep(char *text, size_t room, const char *value)
{
    size_t length = strlen(value);
    if (length < room)
        memcpy(text, value, length + 1);
}

static esp_err_t on_event(esp_http_client_event_t *event)
{
    struct answer *a = event->user_data;
    if (event->event_id != HTTP_EVENT_ON_HEADER)
        return ESP_OK;
    if (strcasecmp(event->header_key, "content-range") == 0)
        keep(a->content_range, sizeof a->content_range, event->header_value);
    else if (strcasecmp(event->header_key, "etag") == 0)
        keep(a->etag, sizeof a->etag, event->header_value);
    else if (strcasecmp(event->header_key, "location") == 0)
        keep(a->location, sizeof a->location, event->header_value);
    else if (strcasecmp(event->header_key, "content-encoding") == 0)
        keep(a->encoding, sizeof a->encoding, event->header_value);
    return ESP_OK;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static bool tell_head(struct espota_puller *puller, esp_http_client_handle_t client, const struct answer *a)
{
    int64_t length = esp_http_client_get_content_length(client);
    const struct espota_puller_answer answer = {
        .status = (unsigned)esp_http_client_get_status_code(client),
        .length = esp_http_client_is_chunked_response(client) ? -1 : length,
        .content_range = or_null(a->content_range),
        .etag = or_null(a->etag),
        .location = or_null(a->location),
        .encoding = or_null(a->encoding),
    };
    return espota_puller_answered(puller, &answer);
}

static enum espota_puller_end take_body(struct espota_puller *puller, esp_http_client_handle_t client,
                                        struct answer *a)
{
    for (;;) {
        int got = esp_http_client_read(client, (char *)a->piece, sizeof a->piece);
        if (got < 0)
            return ESPOTA_PULLER_BROKEN;
        if (got == 0)
            return esp_http_client_is_complete_data_received(client) ? ESPOTA_PULLER_ALL
                                                                     : ESPOTA_PULLER_BROKEN;
        if (!espota_puller_take(puller, a->piece, (size_t)got))
            return ESPOTA_PULLER_STOPPED;
    }
}

static enum espota_puller_end why_not(const struct espota_idf_connection *connection)
{
    struct espota_idf_tls_error error = espota_idf_connection_error(connection);
    if (error.result == ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED)
        return ESPOTA_PULLER_BAD_TRUST;
    if (error.flags != 0 || abs(error.code) == X509_VERIFY_FAILED || abs(error.code) == X509_FATAL)
        return ESPOTA_PULLER_UNTRUSTED;
    return ESPOTA_PULLER_NO_SERVER;
}

static bool set_part(esp_http_client_handle_t client, const struct espota_puller_wish *wish)
{
    char range[32];
    snprintf(range, sizeof range, "bytes=%lu-", (unsigned long)wish->from);
    return wish->from == 0 ||
           (esp_http_client_set_header(client, "Range", range) == ESP_OK &&
            (!wish->if_range || esp_http_client_set_header(client, "If-Range", wish->if_range) == ESP_OK));
}

/* esp_http_client would send what a URL has of it as it stands, %xx and all, and where it is told to. */
static bool set_credentials(esp_http_client_handle_t client, const char *url, struct answer *a)
{
    enum { SCHEME = sizeof "Basic " - 1 };
    char *who = (char *)a->piece, *header = a->location; /* both are of use later */
    size_t length = espota_puller_credentials(url, who, sizeof a->piece / 2), coded = 0;
    if (length == 0)
        return true;
    memcpy(header, "Basic ", SCHEME);
    bool set = mbedtls_base64_encode((unsigned char *)header + SCHEME, sizeof a->location - SCHEME, &coded,
                                     (const unsigned char *)who, length) == 0 &&
               esp_http_client_set_header(client, "Authorization", header) == ESP_OK;
    memset(a->piece, 0, sizeof a->piece);
    memset(a->location, 0, sizeof a->location);
    return set;
}

static enum espota_puller_end ask(struct espota_puller *puller, const struct espota_puller_wish *wish,
                                  esp_http_client_handle_t client, struct answer *a)
{
    struct espota_idf_connection *connection = a->connection;
    if (!set_part(client, wish) || !set_credentials(client, wish->url, a))
        return ESPOTA_PULLER_BROKEN;
    if (esp_http_client_open(client, 0) != ESP_OK)
        return why_not(connection);
    if (esp_http_client_fetch_headers(client) < 0)
        return ESPOTA_PULLER_BROKEN;
    espota_idf_connection_in_body(connection);
    return tell_head(puller, client, a) ? take_body(puller, client, a) : ESPOTA_PULLER_STOPPED;
}

/* Nobody is trusted unseen, whatever else the app is built with. */
static bool has_trust(const struct espota_puller_wish *wish)
{
#ifdef CONFIG_MBEDTLS_CERTIFICATE_BUNDLE
    return true;
#else
    return wish->certificate || !espota_pull_is_https(wish->url, strlen(wish->url));
#endif
}

static esp_http_client_handle_t new_client(const struct espota_puller_wish *wish, struct answer *a)
{
    const esp_http_client_config_t config = {
        .url = wish->url,
        .user_agent = "espota",
        .timeout_ms = CONFIG_ESPOTA_PULL_TIMEOUT * 1000,
        .buffer_size = HEADERS,
        .buffer_size_tx = REQUEST,
        .disable_auto_redirect = true,
        .event_handler = on_event,
        .user_data = a,
        .transport = espota_idf_connection_transport(a->connection),
    };
    return esp_http_client_init(&config);
}

static enum espota_puller_end fetch(struct espota_idf *e, const struct espota_puller_wish *wish)
{
    if (!has_trust(wish))
        return ESPOTA_PULLER_UNTRUSTED;
    struct answer *a = calloc(1, sizeof *a);
    if (a)
        a->connection = espota_idf_connection_new(e, wish);
    esp_http_client_handle_t client = a && a->connection ? new_client(wish, a) : NULL;
    enum espota_puller_end end = client ? ask(&e->pull.puller, wish, client, a) : ESPOTA_PULLER_BROKEN;
    if (client)
        (void)esp_http_client_cleanup(client);
    espota_idf_connection_free(a ? a->connection : NULL);
    free(a);
    return end;
}

/* ---- the task -------------------------------------------------------------------------------------------
 */

static void wait_ms(struct espota_puller *puller, uint32_t pause_ms)
{
    enum { STEP_MS = 100 };
    for (uint32_t waited = 0; waited < pause_ms && !espota_puller_is_cancelled(puller); waited += STEP_MS)
        vTaskDelay(pdMS_TO_TICKS(STEP_MS));
}

static void fetch_all(struct espota_idf *e)
{
    const struct espota_idf_callbacks *c = &e->config.callbacks;
    struct espota_puller_wish wish;
    bool any = false;
    while (espota_puller_wants(&e->pull.puller, &wish)) {
        any = true;
        wait_ms(&e->pull.puller, wish.pause_ms);
        espota_puller_ended(&e->pull.puller, fetch(e, &wish));
    }
    if (any && c->pulled)
        c->pulled(c->context);
    if (!any || !espota_puller_wants_restart(&e->pull.puller))
        return;
    vTaskDelay(pdMS_TO_TICKS(RESTART_MS));
    e->port.restart(e);
}

/* What is ordered while it ends, it does too. */
static void pull_task(void *argument)
{
    struct espota_idf *e = argument;
    bool wanted = true;
    while (wanted) {
        fetch_all(e);
        xSemaphoreTake(e->lock, portMAX_DELAY);
        wanted = e->pull.puller.wanted;
        if (!wanted)
            e->pull.task = NULL;
        xSemaphoreGive(e->lock);
    }
    vTaskDelete(NULL);
}

/* Called under the lock. */
static void wake(void *context)
{
    struct espota_idf *e = context;
    struct espota_puller *puller = &e->pull.puller;
    if (e->pull.task || !puller->wanted)
        return;
    if (xTaskCreate(pull_task, "espota pull", CONFIG_ESPOTA_PULL_STACK, e, CONFIG_ESPOTA_TASK_PRIORITY,
                    &e->pull.task) == pdPASS)
        return;
    ESP_LOGE(tag, "no memory for the task that fetches images");
    e->pull.task = NULL;
    puller->wanted = false;
    puller->state.phase = ESPOTA_PULL_FAILED;
    puller->state.reason = ESPOTA_PULL_NO_MEMORY;
    espota_puller_forget_order(puller);
}

/* ---- what the puller needs ------------------------------------------------------------------------------
 */

static void *allocate(void *context, size_t length)
{
    (void)context;
    return calloc(1, length);
}

static void release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static void lock(void *context, bool taken)
{
    struct espota_idf *e = context;
    if (taken)
        xSemaphoreTake(e->lock, portMAX_DELAY);
    else
        xSemaphoreGive(e->lock);
}

static void relax(void *context)
{
    struct espota_idf *e = context;
    TickType_t now = xTaskGetTickCount();
    if (now - e->pull.turn < pdMS_TO_TICKS(TURN_MS))
        return;
    vTaskDelay(1);
    e->pull.turn = now;
}

/* The decoder is the other agent's. */
static void done(void *context, enum espota_agent_request request)
{
    struct espota_idf *e = context;
    const struct espota_idf_callbacks *c = &e->config.callbacks;
    if (request != ESPOTA_AGENT_SELECT)
        return;
    e->update_length = 0;
    if (c->updated)
        c->updated(c->context);
}

static void adapt(void *context, struct espota_agent_port *port)
{
    (void)context;
    port->relax = relax;
    port->done = done;
}

static int md5_begin(void *context)
{
    esp_rom_md5_init(context);
    return 0;
}

static int md5_update(void *context, const void *data, size_t length)
{
    esp_rom_md5_update(context, data, (uint32_t)length);
    return 0;
}

static int md5_finish(void *context, uint8_t *digest)
{
    esp_rom_md5_final(digest, context);
    return 0;
}

void espota_idf_set_up_pull(struct espota_idf *e)
{
    e->pull.sha256 = psa_hash_operation_init();
    e->pull.socket = -1;
    e->pull.port = (struct espota_puller_port){
        .context = e,
        .allocate = allocate,
        .release = release,
        .sha256 = espota_idf_sha256(&e->pull.sha256),
        .md5 = { &e->pull.md5, md5_begin, md5_update, md5_finish, NULL },
        .lock = lock,
        .wake = wake,
        .adapt = adapt,
        .pause_ms = PAUSE_MS,
    };
    espota_puller_begin(&e->pull.puller, &e->pull.port, &e->agent, &e->port);
}

/* ---- for the app ----------------------------------------------------------------------------------------
 */

static esp_err_t result_of(enum espota_agent_status status)
{
    switch (status) {
    case ESPOTA_AGENT_OK:
        return ESP_OK;
    case ESPOTA_AGENT_NOT_NOW:
        return ESP_ERR_NO_MEM;
    case ESPOTA_AGENT_PULLING:
    case ESPOTA_AGENT_ORDER:
        return ESP_ERR_INVALID_STATE;
    default:
        return ESP_ERR_INVALID_ARG;
    }
}

esp_err_t espota_idf_pull(const struct espota_idf_pull *pull)
{
    struct espota_idf *e = espota_idf_agent();
    if (!e || !e->lock)
        return ESP_ERR_INVALID_STATE;
    if (!pull || !pull->url)
        return ESP_ERR_INVALID_ARG;
    struct espota_pull_order order = {
        .url = pull->url,
        .url_length = strlen(pull->url),
        .certificate = (const uint8_t *)pull->certificate,
        .certificate_length = pull->certificate ? strlen(pull->certificate) : 0,
        .factory = pull->factory,
        .trial = pull->trial,
        .restart = pull->restart,
        .sidecar = pull->md5,
        .has_sha256 = pull->sha256 != NULL,
        .size = pull->size,
    };
    if (pull->sha256)
        memcpy(order.sha256, pull->sha256, sizeof order.sha256);
    xSemaphoreTake(e->lock, portMAX_DELAY);
    enum espota_agent_status status = espota_puller_order(&e->pull.puller, &order);
    xSemaphoreGive(e->lock);
    return result_of(status);
}

void espota_idf_pull_state(struct espota_idf_pull_state *state)
{
    struct espota_idf *e = espota_idf_agent();
    *state = (struct espota_idf_pull_state){ 0 };
    if (!e || !e->lock)
        return;
    xSemaphoreTake(e->lock, portMAX_DELAY);
    const struct espota_pull_state *s = &e->pull.puller.state;
    *state = (struct espota_idf_pull_state){
        (enum espota_idf_pull_phase)s->phase, (uint8_t)s->reason, s->status, s->http, s->done, s->total
    };
    xSemaphoreGive(e->lock);
}

void espota_idf_pull_cancel(void)
{
    struct espota_idf *e = espota_idf_agent();
    if (!e || !e->lock)
        return;
    xSemaphoreTake(e->lock, portMAX_DELAY);
    espota_puller_cancel(&e->pull.puller);
    espota_idf_cut_connection(e);
    xSemaphoreGive(e->lock);
}

#else

void espota_idf_set_up_pull(struct espota_idf *e)
{
    (void)e;
}

esp_err_t espota_idf_pull(const struct espota_idf_pull *pull)
{
    (void)pull;
    return ESP_ERR_NOT_SUPPORTED;
}

void espota_idf_pull_state(struct espota_idf_pull_state *state)
{
    *state = (struct espota_idf_pull_state){ 0 };
}

void espota_idf_pull_cancel(void)
{
}

#endif

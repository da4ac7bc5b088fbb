/* The streams of the agent: a UART, and TCP, each with a task. */
#include "espota_private.h"

#include "driver/uart.h"
#include "esp_log.h"
#include "freertos/task.h"
#include "lwip/sockets.h"
#include "sdkconfig.h"
#ifdef CONFIG_ESPOTA_MDNS
#include "mdns.h"
#endif

#include <errno.h>
#include <string.h>

static const char tag[] = "espota";

enum { USUAL_BAUD = 115200, USUAL_PORT = 3232, PIECE = 256, SILENCE_S = 30, PAUSE_MS = 1000 };

/* ---- UART -----------------------------------------------------------------------------------------------
 */

static int uart_send(struct espota_stream *stream, const uint8_t *data, size_t length)
{
    return uart_write_bytes((uart_port_t)stream->handle, data, length) == (int)length ? 0 : -1;
}

static void uart_task(void *argument)
{
    struct espota_stream *stream = argument;
    uint8_t piece[PIECE];
    for (;;) {
        int got = uart_read_bytes((uart_port_t)stream->handle, piece, 1, portMAX_DELAY);
        if (got == 1) /* and what came with it */
            got += uart_read_bytes((uart_port_t)stream->handle, piece + 1, sizeof piece - 1, 0);
        if (got > 0)
            espota_idf_hear(stream, piece, (size_t)got);
    }
}

esp_err_t espota_idf_start_uart(struct espota_idf *e)
{
    uart_port_t port = (uart_port_t)e->config.uart.port;
    const uart_config_t config = {
        .baud_rate = e->config.uart.baud ? e->config.uart.baud : USUAL_BAUD,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };
    esp_err_t result = ESP_OK;
    e->uart = (struct espota_stream){ uart_send, e, e->config.uart.port };
    if (!uart_is_driver_installed(port))
        result = uart_driver_install(port, CONFIG_ESPOTA_UART_BUFFER, 0, 0, NULL, 0);
    if (result == ESP_OK)
        result = uart_param_config(port, &config);
    if (result == ESP_OK && xTaskCreate(uart_task, "espota uart", CONFIG_ESPOTA_TASK_STACK, &e->uart,
                                        CONFIG_ESPOTA_TASK_PRIORITY, NULL) != pdPASS)
        result = ESP_ERR_NO_MEM;
    return result;
}

/* ---- TCP ------------------------------------------------------------------------------------------------
 */

static int tcp_send(struct espota_stream *stream, const uint8_t *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(stream->handle, data, length, 0);
        if (sent <= 0)
            return -1;
        data += sent;
        length -= (size_t)sent;
    }
    return 0;
}

/* A host that says nothing for long is gone, and must not keep others out. */
static void serve(struct espota_stream *stream)
{
    const struct timeval silence = { .tv_sec = SILENCE_S };
    const int yes = 1;
    uint8_t piece[PIECE];
    ssize_t got;
    (void)setsockopt(stream->handle, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    (void)setsockopt(stream->handle, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
    (void)setsockopt(stream->handle, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    while ((got = recv(stream->handle, piece, sizeof piece, 0)) > 0)
        espota_idf_hear(stream, piece, (size_t)got);
    espota_idf_forget(stream);
}

static int listen_on(uint16_t port)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_ANY) };
    const int yes = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0)
        return -1;
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0)
        return listener;
    close(listener);
    return -1;
}

static uint16_t port_of(const struct espota_idf *e)
{
    return e->config.tcp.port ? e->config.tcp.port : USUAL_PORT;
}

static void tcp_task(void *argument)
{
    struct espota_stream *stream = argument;
    int listener = -1;
    for (;;) {
        if (listener < 0)
            listener = listen_on(port_of(stream->owner));
        stream->handle = listener < 0 ? -1 : accept(listener, NULL, NULL);
        if (stream->handle >= 0) {
            serve(stream);
            close(stream->handle);
            continue;
        }
        if (listener >= 0) { /* the network went away */
            close(listener);
            listener = -1;
        }
        vTaskDelay(pdMS_TO_TICKS(PAUSE_MS));
    }
}

/* Without mDNS the agent is still there, by its address. */
static void announce(const struct espota_idf *e)
{
#ifdef CONFIG_ESPOTA_MDNS
    const char *name = e->config.tcp.mdns_name;
    if (!name)
        return;
    esp_err_t result = mdns_init();
    if (result == ESP_OK || result == ESP_ERR_INVALID_STATE) /* the app may have begun it */
        result = mdns_hostname_set(name);
    if (result == ESP_OK)
        result = mdns_service_add(NULL, "_espota", "_tcp", port_of(e), NULL, 0);
    if (result != ESP_OK)
        ESP_LOGW(tag, "not announced by mDNS: %s", esp_err_to_name(result));
#else
    if (e->config.tcp.mdns_name)
        ESP_LOGW(tag, "mDNS is not built in (CONFIG_ESPOTA_MDNS)");
#endif
}

esp_err_t espota_idf_start_tcp(struct espota_idf *e)
{
    e->tcp = (struct espota_stream){ tcp_send, e, -1 };
    if (xTaskCreate(tcp_task, "espota tcp", CONFIG_ESPOTA_TASK_STACK, &e->tcp, CONFIG_ESPOTA_TASK_PRIORITY,
                    NULL) != pdPASS)
        return ESP_ERR_NO_MEM;
    announce(e);
    return ESP_OK;
}

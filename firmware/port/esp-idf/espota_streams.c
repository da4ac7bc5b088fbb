/* The streams of the agent: a UART, and TCP, each with a task. */
#include "espota_private.h"

#include "driver/uart.h"
#include "esp_timer.h"
#include "freertos/task.h"
#include "lwip/sockets.h"
#include "sdkconfig.h"
#include <errno.h>

enum { USUAL_BAUD = 115200, USUAL_PORT = 3232, PIECE = 256, PAUSE_MS = 1000 };

/* A request on the wire, and what SLIP adds to most. TCP has a flow control of its own: what does not fit
 * waits at the host. */
enum { REQUEST_ROOM = 1152, TCP_WINDOW = 16 };

/* How often a UART that is silent lets the agent work, and how full its FIFO of 128 gets: the rest is what it
 * may be late at a high rate. */
enum { WORK_MS = 100, FIFO_FULL = 64 };

/* A connection has so long to prove that it knows the key, and may then be silent for so long; what is sent
 * to the host of a session waits for at most so long. */
enum { PROOF_MS = 5000, SEND_S = 10, LOOK_MS = 500 };

/* ---- UART -----------------------------------------------------------------------------------------------
 */

static int uart_send(struct espota_stream *stream, const uint8_t *data, size_t length)
{
    return uart_write_bytes((uart_port_t)stream->handle, data, length) == (int)length ? 0 : -1;
}

static int uart_set_rate(struct espota_stream *stream, uint32_t baud)
{
    uart_port_t port = (uart_port_t)stream->handle;
    if (uart_wait_tx_done(port, pdMS_TO_TICKS(PAUSE_MS)) != ESP_OK)
        return -1;
    return uart_set_baudrate(port, baud) == ESP_OK ? 0 : -1;
}

static void uart_task(void *argument)
{
    struct espota_stream *stream = argument;
    uint8_t piece[PIECE];
    for (;;) {
        int got = uart_read_bytes((uart_port_t)stream->handle, piece, 1, pdMS_TO_TICKS(WORK_MS));
        if (got == 1) /* and what came with it */
            got += uart_read_bytes((uart_port_t)stream->handle, piece + 1, sizeof piece - 1, 0);
        if (got > 0)
            espota_idf_hear(stream, piece, (size_t)got);
        else
            espota_idf_work(stream->owner);
    }
}

/* Without its interrupt in IRAM, what comes while flash is busy is lost, and the host sends nothing ahead. */
static void set_uart_window(struct espota_stream *stream)
{
#ifdef CONFIG_UART_ISR_IN_IRAM
    stream->window = CONFIG_ESPOTA_UART_BUFFER / REQUEST_ROOM;
    stream->window_bytes = CONFIG_ESPOTA_UART_BUFFER;
#else
    stream->window = 1;
    stream->window_bytes = REQUEST_ROOM;
#endif
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
    e->uart = (struct espota_stream){
        .send = uart_send, .set_rate = uart_set_rate, .owner = e, .handle = e->config.uart.port
    };
    e->uart.agent.rate = (uint32_t)config.baud_rate;
    set_uart_window(&e->uart);
    espota_idf_begin(&e->uart);
    if (!uart_is_driver_installed(port))
        result = uart_driver_install(port, CONFIG_ESPOTA_UART_BUFFER, 0, 0, NULL, 0);
    if (result == ESP_OK)
        result = uart_param_config(port, &config);
    if (result == ESP_OK)
        result = uart_set_rx_full_threshold(port, FIFO_FULL);
    if (result == ESP_OK && xTaskCreate(uart_task, "espota uart", CONFIG_ESPOTA_TASK_STACK, &e->uart,
                                        CONFIG_ESPOTA_TASK_PRIORITY, NULL) != pdPASS)
        result = ESP_ERR_NO_MEM;
    return result;
}

/* ---- TCP ------------------------------------------------------------------------------------------------
 */

/* Called by the agent, which holds the lock. A stranger who does not read is not waited for. */
static int tcp_send(struct espota_stream *stream, const uint8_t *data, size_t length)
{
    int flags = espota_agent_serves(&stream->owner->agent, &stream->agent) ? 0 : MSG_DONTWAIT;
    while (length > 0) {
        ssize_t sent = send(stream->handle, data, length, flags);
        if (sent <= 0)
            return -1;
        data += sent;
        length -= (size_t)sent;
    }
    return 0;
}

static uint32_t now_ms(void)
{
    return (uint32_t)(esp_timer_get_time() / 1000);
}

static void hang_up(struct espota_stream *stream)
{
    espota_idf_forget(stream);
    close(stream->handle);
    stream->handle = -1;
}

/* Has this connection proved itself, and is it alive? Only frames that the session's key opens are life. */
static bool overdue(struct espota_stream *stream)
{
    uint32_t silence_ms;
    if (espota_idf_serves(stream, &silence_ms))
        return silence_ms >= ESPOTA_SILENCE_MS;
    return now_ms() - stream->since_ms >= PROOF_MS;
}

/* A place for a newcomer: a free one, or that of the oldest that has not proved itself. */
static struct espota_stream *place(struct espota_idf *e)
{
    struct espota_stream *oldest = NULL;
    uint32_t silence_ms;
    for (int i = 0; i < ESPOTA_CONNECTIONS; i++) {
        struct espota_stream *s = &e->tcp[i];
        if (s->handle < 0)
            return s;
        if (!espota_idf_serves(s, &silence_ms) && (!oldest || (int32_t)(s->since_ms - oldest->since_ms) < 0))
            oldest = s;
    }
    return oldest;
}

/* Was it only this newcomer that did not come: gone again, or no socket or memory left for him? */
static bool goes_on_listening(void)
{
    return errno == ECONNABORTED || errno == ENFILE || errno == EMFILE || errno == ENOMEM ||
           errno == ENOBUFS || errno == EAGAIN || errno == EINTR;
}

/* A newcomer who is not there is nobody else's matter: the sessions that there are go on.
 * @return false when the listener is of no use any more. */
static bool take_newcomer(struct espota_idf *e, int listener)
{
    const struct timeval patience = { .tv_sec = SEND_S };
    const int yes = 1;
    int handle = accept(listener, NULL, NULL);
    if (handle < 0)
        return goes_on_listening();
    (void)setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    (void)setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct espota_stream *s = place(e); /* there is one: one alone has the session */
    if (s->handle >= 0)
        hang_up(s);
    s->handle = handle;
    s->since_ms = now_ms();
    espota_idf_begin(s);
    return true;
}

static void take_bytes(struct espota_stream *stream)
{
    uint8_t piece[PIECE];
    ssize_t got = recv(stream->handle, piece, sizeof piece, MSG_DONTWAIT);
    if (got > 0)
        espota_idf_hear(stream, piece, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        hang_up(stream);
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
    if (bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
        listen(listener, ESPOTA_CONNECTIONS) == 0)
        return listener;
    close(listener);
    return -1;
}

static uint16_t port_of(const struct espota_idf *e)
{
    return e->config.tcp.port ? e->config.tcp.port : USUAL_PORT;
}

/* Wait for something, and take it: first what hosts say, then newcomers. @return false when the listener is
 * of no use any more. */
static bool look(struct espota_idf *e, int listener)
{
    struct timeval wait = { .tv_usec = LOOK_MS * 1000 };
    fd_set ready;
    int highest = listener;
    FD_ZERO(&ready);
    FD_SET(listener, &ready);
    for (int i = 0; i < ESPOTA_CONNECTIONS; i++) {
        if (e->tcp[i].handle < 0)
            continue;
        FD_SET(e->tcp[i].handle, &ready);
        highest = e->tcp[i].handle > highest ? e->tcp[i].handle : highest;
    }
    if (select(highest + 1, &ready, NULL, NULL, &wait) < 0)
        return false;
    for (int i = 0; i < ESPOTA_CONNECTIONS; i++) {
        struct espota_stream *s = &e->tcp[i];
        if (s->handle >= 0 && FD_ISSET(s->handle, &ready))
            take_bytes(s);
        if (s->handle >= 0 && overdue(s))
            hang_up(s);
    }
    espota_idf_work(e);
    return !FD_ISSET(listener, &ready) || take_newcomer(e, listener);
}

/* When the network went away, a new listener is tried now and then. */
static void tcp_task(void *argument)
{
    struct espota_idf *e = argument;
    for (;;) {
        int listener = listen_on(port_of(e));
        while (listener >= 0 && look(e, listener))
            continue;
        for (int i = 0; i < ESPOTA_CONNECTIONS; i++)
            if (e->tcp[i].handle >= 0)
                hang_up(&e->tcp[i]);
        if (listener >= 0)
            close(listener);
        vTaskDelay(pdMS_TO_TICKS(PAUSE_MS));
    }
}

esp_err_t espota_idf_start_tcp(struct espota_idf *e)
{
    for (int i = 0; i < ESPOTA_CONNECTIONS; i++) {
        e->tcp[i] = (struct espota_stream){ .send = tcp_send,
                                            .owner = e,
                                            .handle = -1,
                                            .window = TCP_WINDOW,
                                            .window_bytes = TCP_WINDOW * REQUEST_ROOM };
        espota_idf_begin(&e->tcp[i]);
    }
    if (xTaskCreate(tcp_task, "espota tcp", CONFIG_ESPOTA_TASK_STACK, e, CONFIG_ESPOTA_TASK_PRIORITY, NULL) !=
        pdPASS)
        return ESP_ERR_NO_MEM;
    espota_idf_announce(e, port_of(e));
    return ESP_OK;
}

/* A serial port on another machine: telnet with the COM port control option (RFC 2217). */
#include "link.h"

#include "espota/error.h"
#include "espota/link.h"
#include "espota/telnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PARITY_NONE = 1,
    STOP_ONE = 1,
    PURGE_RECEIVED = 1,
    ANSWER_TIMEOUT_MS = 3000,
    CHUNK = 1024,
    MOST_DRAINED = 1 << 20
};

struct rfc2217 {
    struct espota_link link;
    struct espota_link *tcp;
    struct espota_telnet telnet;
    int dtr, rts;             /* as last sent; -1: never */
    bool refused;             /* the other end knows no COM port control */
    uint32_t confirmed_baud;  /* by the last answer to ESPOTA_COM_BAUDRATE */
    uint8_t early[4 * CHUNK]; /* data that came while an answer was awaited */
    size_t early_at, early_count;
};

/* ---- telnet ---------------------------------------------------------------------------------------------
 */

static int negotiate(struct rfc2217 *r, uint8_t verb, uint8_t option, struct espota_error *error)
{
    const uint8_t message[] = { ESPOTA_TELNET_IAC, verb, option };
    return espota_link_write(r->tcp, message, sizeof message, error);
}

static int command(struct rfc2217 *r, uint8_t what, const void *value, size_t size,
                   struct espota_error *error)
{
    uint8_t message[ESPOTA_COM_MAX_SIZE];
    return espota_link_write(r->tcp, message, espota_com_command(what, value, size, message), error);
}

static int set_byte(struct rfc2217 *r, uint8_t what, uint8_t value, struct espota_error *error)
{
    return command(r, what, &value, 1, error);
}

static void take_answer(struct rfc2217 *r)
{
    const uint8_t *sub = r->telnet.sub;
    if (r->telnet.sub_length == 6 && sub[0] == ESPOTA_TELNET_COM_PORT &&
        sub[1] == ESPOTA_COM_ANSWER + ESPOTA_COM_BAUDRATE)
        r->confirmed_baud = (uint32_t)sub[2] << 24 | (uint32_t)sub[3] << 16 | (uint32_t)sub[4] << 8 | sub[5];
}

/* We offer COM port control and want 8-bit data; everything else is declined. What agrees with us is not
 * answered, as answers to answers never end. */
static int take_option(struct rfc2217 *r, struct espota_error *error)
{
    uint8_t verb = r->telnet.verb, option = r->telnet.option;
    bool ours = option == ESPOTA_TELNET_BINARY || option == ESPOTA_TELNET_SUPPRESS_GO_AHEAD ||
                option == ESPOTA_TELNET_COM_PORT;
    if (option == ESPOTA_TELNET_COM_PORT && verb == ESPOTA_TELNET_DONT)
        r->refused = true;
    if (ours)
        return 0;
    if (verb == ESPOTA_TELNET_DO)
        return negotiate(r, ESPOTA_TELNET_WONT, option, error);
    return verb == ESPOTA_TELNET_WILL ? negotiate(r, ESPOTA_TELNET_DONT, option, error) : 0;
}

/* Read from the connection, and keep of it what is data. */
static int read_some(struct rfc2217 *r, uint8_t *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error)
{
    size_t raw = 0;
    *got = 0;
    int result = espota_link_read(r->tcp, buffer, size, timeout_ms, &raw, error);
    for (size_t i = 0; result == 0 && i < raw; i++) {
        enum espota_telnet_event event = espota_telnet_byte(&r->telnet, buffer[i]);
        if (event == ESPOTA_TELNET_DATA)
            buffer[(*got)++] = buffer[i];
        else if (event == ESPOTA_TELNET_OPTION)
            result = take_option(r, error);
        else if (event == ESPOTA_TELNET_SUB)
            take_answer(r);
    }
    return result;
}

/* Bytes that were all protocol are no silence: keep listening until the time is up. */
static int remote_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                       struct espota_error *error)
{
    struct rfc2217 *r = (struct rfc2217 *)link;
    if (r->early_at < r->early_count) {
        size_t count = r->early_count - r->early_at < size ? r->early_count - r->early_at : size;
        memcpy(buffer, r->early + r->early_at, count);
        r->early_at += count;
        *got = count;
        return 0;
    }
    uint64_t deadline = espota_link_now_ms(&r->link) + timeout_ms;
    for (;;) {
        uint64_t now = espota_link_now_ms(&r->link);
        int result = read_some(r, buffer, size, now < deadline ? (unsigned)(deadline - now) : 0, got, error);
        if (result != 0 || *got > 0 || now >= deadline)
            return result;
    }
}

static int remote_write(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct rfc2217 *r = (struct rfc2217 *)link;
    uint8_t wire[2 * CHUNK];
    const uint8_t *at = data;
    int result = 0;
    r->tcp->cancelled = link->cancelled;
    r->tcp->cancelled_context = link->cancelled_context;
    while (result == 0 && size > 0) {
        size_t count = size < CHUNK ? size : CHUNK;
        result = espota_link_write(r->tcp, wire, espota_telnet_escape(at, count, wire), error);
        at += count;
        size -= count;
    }
    return result;
}

/* ---- the port -------------------------------------------------------------------------------------------
 */

static void keep_early(struct rfc2217 *r, const uint8_t *data, size_t size)
{
    size_t room = sizeof r->early - r->early_count;
    size_t count = size < room ? size : room;
    memcpy(r->early + r->early_count, data, count);
    r->early_count += count;
}

/* The rate has changed only when the other end says so. */
static int remote_set_baud(struct espota_link *link, uint32_t baud, struct espota_error *error)
{
    struct rfc2217 *r = (struct rfc2217 *)link;
    const uint8_t value[4] = { (uint8_t)(baud >> 24), (uint8_t)(baud >> 16), (uint8_t)(baud >> 8),
                               (uint8_t)baud };
    uint64_t deadline = espota_link_now_ms(&r->link) + ANSWER_TIMEOUT_MS;
    if (r->early_at == r->early_count)
        r->early_at = r->early_count = 0;
    r->confirmed_baud = 0;
    int result = command(r, ESPOTA_COM_BAUDRATE, value, sizeof value, error);
    while (result == 0 && r->confirmed_baud == 0 && !r->refused && espota_link_now_ms(&r->link) < deadline) {
        uint8_t data[CHUNK];
        size_t got = 0;
        result = read_some(r, data, sizeof data, 100, &got, error);
        keep_early(r, data, got);
    }
    if (result != 0)
        return result;
    if (r->confirmed_baud == baud)
        return 0;
    return r->confirmed_baud
               ? espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_LOWER_BAUD, "%s does not do %u baud",
                                  link->name, baud)
               : espota_fail(
                     error, ESPOTA_ERR_NO_DEVICE,
                     "%s does not control its serial port: no RFC 2217 server; use tcp:// for a plain one",
                     link->name);
}

static int set_line(struct rfc2217 *r, int *known, bool on, uint8_t on_value, uint8_t off_value,
                    struct espota_error *error)
{
    if (*known == on)
        return 0;
    *known = on;
    return set_byte(r, ESPOTA_COM_CONTROL, on ? on_value : off_value, error);
}

/* Only what changes is sent, without waiting for answers: between DTR and RTS a chip may start, and
 * esp_rfc2217_server takes a line that is let go twice for a wish to reset. */
static int remote_set_lines(struct espota_link *link, bool dtr, bool rts, struct espota_error *error)
{
    struct rfc2217 *r = (struct rfc2217 *)link;
    int result = set_line(r, &r->dtr, dtr, ESPOTA_COM_DTR_ON, ESPOTA_COM_DTR_OFF, error);
    return result ? result : set_line(r, &r->rts, rts, ESPOTA_COM_RTS_ON, ESPOTA_COM_RTS_OFF, error);
}

static void remote_drain(struct espota_link *link)
{
    struct rfc2217 *r = (struct rfc2217 *)link;
    struct espota_error ignored;
    uint8_t data[CHUNK];
    size_t got = 0;
    r->early_at = r->early_count = 0;
    (void)set_byte(r, ESPOTA_COM_PURGE, PURGE_RECEIVED,
                   &ignored); /* the next read or write tells of a broken link */
    for (int i = 0; i < MOST_DRAINED / CHUNK; i++) {
        if (read_some(r, data, sizeof data, 0, &got, &ignored) != 0 || got == 0)
            break;
    }
}

static void remote_close(struct espota_link *link)
{
    struct rfc2217 *r = (struct rfc2217 *)link;
    espota_link_close(r->tcp);
    free(r);
}

static const struct espota_link_ops remote_ops = {
    .read = remote_read,
    .write = remote_write,
    .set_baud = remote_set_baud,
    .set_lines = remote_set_lines,
    .drain = remote_drain,
    .close = remote_close,
};

static int set_up(struct rfc2217 *r, uint32_t baud, struct espota_error *error)
{
    static const struct {
        uint8_t verb, option;
    } wishes[] = { { ESPOTA_TELNET_WILL, ESPOTA_TELNET_BINARY },
                   { ESPOTA_TELNET_DO, ESPOTA_TELNET_BINARY },
                   { ESPOTA_TELNET_DO, ESPOTA_TELNET_SUPPRESS_GO_AHEAD },
                   { ESPOTA_TELNET_WILL, ESPOTA_TELNET_COM_PORT } };
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof wishes / sizeof wishes[0]; i++)
        result = negotiate(r, wishes[i].verb, wishes[i].option, error);
    if (result == 0)
        result = set_byte(r, ESPOTA_COM_DATASIZE, 8, error);
    if (result == 0)
        result = set_byte(r, ESPOTA_COM_PARITY, PARITY_NONE, error);
    if (result == 0)
        result = set_byte(r, ESPOTA_COM_STOPSIZE, STOP_ONE, error);
    if (result == 0)
        result = set_byte(r, ESPOTA_COM_CONTROL, ESPOTA_COM_NO_FLOW_CONTROL, error);
    return result ? result : espota_link_set_baud(&r->link, baud, error);
}

int espota_link_open_rfc2217(struct espota_link **link, const char *address, uint32_t baud,
                             const struct espota_link_patience *patience, struct espota_error *error)
{
    char host[256];
    size_t length = strcspn(address, "?"); /* pySerial puts its options there */
    if (length >= sizeof host)
        return espota_fail(error, ESPOTA_ERR_USAGE, "'rfc2217://%.60s...' is no address", address);
    memcpy(host, address, length);
    host[length] = '\0';
    struct rfc2217 *r = calloc(1, sizeof *r);
    if (!r)
        return espota_fail_memory(error, "opening a connection");
    snprintf(r->link.name, sizeof r->link.name, "rfc2217://%.240s", host);
    r->link.ops = &remote_ops;
    r->link.has_lines = true;
    r->dtr = r->rts = -1;
    int result = espota_link_open_tcp(&r->tcp, host, "rfc2217://", patience, error);
    if (result == 0) {
        snprintf(r->tcp->name, sizeof r->tcp->name, "rfc2217://%.240s", host);
        result = set_up(r, baud, error);
    }
    if (result != 0) {
        remote_close(&r->link);
        return result;
    }
    *link = &r->link;
    return 0;
}

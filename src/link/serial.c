/* Serial ports through libserialport. */
#include "link.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/link.h"
#include "espota/ports.h"

#include <errno.h>
#include <libserialport.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WRITE_TIMEOUT_MS = 10000, LOOK_MS = 100 };

struct serial {
    struct espota_link link;
    struct sp_port *port;
};

static int broken(struct serial *s, struct espota_error *error, const char *what)
{
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot %s %s: %s; was it unplugged?", what, s->link.name,
                       espota_reason(errno));
}

/* As libserialport's own, which waits by select(): that knows no descriptor from 1024 on, and many devices
 * need as many. @return false: it is gone. */
static bool wait_for(const struct serial *s, short events, unsigned timeout_ms)
{
    struct pollfd p = { .fd = -1, .events = events };
    if (sp_get_port_handle(s->port, &p.fd) != SP_OK)
        return false;
    int ready = poll(&p, 1, (int)timeout_ms);
    errno = ready < 0 ? errno : EIO;
    return ready >= 0 ? !(p.revents & (POLLERR | POLLHUP | POLLNVAL)) : errno == EINTR;
}

static int serial_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                       struct espota_error *error)
{
    struct serial *s = (struct serial *)link;
    bool there = wait_for(s, POLLIN, timeout_ms);
    int count = sp_nonblocking_read(s->port, buffer, size);
    if (count < 0 || (count == 0 && !there))
        return broken(s, error, "read from");
    *got = (size_t)count;
    return 0;
}

static int serial_write(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct serial *s = (struct serial *)link;
    const uint8_t *at = data;
    for (int waited = 0; size > 0 && waited < WRITE_TIMEOUT_MS;) {
        bool there = wait_for(s, POLLOUT, LOOK_MS);
        int count = sp_nonblocking_write(s->port, at, size);
        if (count < 0 || !there)
            return broken(s, error, "write to");
        waited = count > 0 ? 0 : waited + LOOK_MS;
        at += count;
        size -= (size_t)count;
        if (size > 0 && espota_link_cancelled(link))
            return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped on request while %s takes no data",
                               link->name);
    }
    if (size > 0)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE,
                           "%s takes no more data: is flow control on, or the other end gone?", link->name);
    return 0;
}

static int serial_set_baud(struct espota_link *link, uint32_t baud, struct espota_error *error)
{
    struct serial *s = (struct serial *)link;
    sp_drain(s->port);
    if (sp_set_baudrate(s->port, (int)baud) != SP_OK)
        return espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_LOWER_BAUD, "%s does not do %u baud",
                                link->name, baud);
    return 0;
}

/* Both lines in one call, which libserialport does not offer: between two calls the reset circuit would see a
 * state that nobody wants. */
static int serial_set_lines(struct espota_link *link, bool dtr, bool rts, struct espota_error *error)
{
    struct serial *s = (struct serial *)link;
    int fd = -1, lines = 0;
    if (sp_get_port_handle(s->port, &fd) != SP_OK || ioctl(fd, TIOCMGET, &lines) != 0)
        return broken(s, error, "drive DTR and RTS of");
    lines &= ~(TIOCM_DTR | TIOCM_RTS);
    lines |= (dtr ? TIOCM_DTR : 0) | (rts ? TIOCM_RTS : 0);
    return ioctl(fd, TIOCMSET, &lines) == 0 ? 0 : broken(s, error, "drive DTR and RTS of");
}

static void serial_drain(struct espota_link *link)
{
    struct serial *s = (struct serial *)link;
    sp_flush(s->port, SP_BUF_INPUT);
}

static int cannot_open(const char *path, struct espota_error *error)
{
    int reason = errno;
    struct espota_port port = { 0 };
    snprintf(port.path, sizeof port.path, "%s", path);
    espota_port_examine(&port);
    if (port.state != ESPOTA_PORT_FREE && !(reason == ENOTTY && port.state == ESPOTA_PORT_BUSY))
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot open port %s: %s", path, port.reason);
    if (reason == ENOENT || reason == EINVAL) /* libserialport's, for a device that is no terminal */
        reason = ENOTTY;
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot open port %s: %s%s", path, espota_reason(reason),
                       reason == EBUSY ? ": close its monitor or terminal" : "");
}

static int configure(struct serial *s, uint32_t baud, struct espota_error *error)
{
    if (sp_set_bits(s->port, 8) != SP_OK || sp_set_parity(s->port, SP_PARITY_NONE) != SP_OK ||
        sp_set_stopbits(s->port, 1) != SP_OK || sp_set_flowcontrol(s->port, SP_FLOWCONTROL_NONE) != SP_OK)
        return broken(s, error, "configure");
    return espota_link_set_baud(&s->link, baud, error);
}

/* Some adapters have no modem lines; asking is the only way to know. */
static bool has_modem_lines(struct sp_port *port)
{
    enum sp_signal signals;
    return sp_get_signals(port, &signals) == SP_OK;
}

static int open_port(struct serial *s, const char *path, uint32_t baud, struct espota_error *error)
{
    int vid = 0, pid = 0;
    if (access(path, R_OK | W_OK) != 0 || sp_get_port_by_name(path, &s->port) != SP_OK)
        return cannot_open(path, error);
    if (sp_open(s->port, SP_MODE_READ_WRITE) != SP_OK) {
        int result = cannot_open(path, error);
        sp_free_port(s->port);
        s->port = NULL;
        return result;
    }
    if (sp_get_port_usb_vid_pid(s->port, &vid, &pid) == SP_OK) {
        s->link.usb_vid = (uint16_t)vid;
        s->link.usb_pid = (uint16_t)pid;
    }
    s->link.has_lines = has_modem_lines(s->port);
    return configure(s, baud, error);
}

static void close_port(struct serial *s)
{
    if (!s->port)
        return;
    sp_close(s->port);
    sp_free_port(s->port);
    s->port = NULL;
}

static int serial_reopen(struct espota_link *link, struct espota_error *error)
{
    struct serial *s = (struct serial *)link;
    close_port(s);
    int result = open_port(s, link->name, link->baud, error);
    if (result != 0)
        close_port(s);
    return result;
}

static void serial_close(struct espota_link *link)
{
    struct serial *s = (struct serial *)link;
    close_port(s);
    free(s);
}

static const struct espota_link_ops serial_ops = {
    .read = serial_read,
    .write = serial_write,
    .set_baud = serial_set_baud,
    .set_lines = serial_set_lines,
    .reopen = serial_reopen,
    .drain = serial_drain,
    .close = serial_close,
};

int espota_link_open_serial(struct espota_link **link, const char *path, uint32_t baud,
                            struct espota_error *error)
{
    struct serial *s = calloc(1, sizeof *s);
    if (!s)
        return espota_fail_memory(error, "opening a serial port");
    s->link.ops = &serial_ops;
    strncpy(s->link.name, path, sizeof s->link.name - 1);
    int result = open_port(s, path, baud, error);
    if (result != 0) {
        serial_close(&s->link);
        return result;
    }
    *link = &s->link;
    return 0;
}

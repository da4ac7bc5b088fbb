#include "link.h"

#include "espota/host.h"

#include <stdio.h>
#include <string.h>

static const char *after_scheme(const char *port, const char *scheme)
{
    size_t length = strlen(scheme);
    return strncmp(port, scheme, length) == 0 ? port + length : NULL;
}

int espota_link_open(struct espota_link **link, const char *port, uint32_t baud, struct espota_error *error)
{
    const char *address = after_scheme(port, "tcp://");
    const char *remote = after_scheme(port, "rfc2217://");
    if (!address)
        address = after_scheme(port, "socket://");
    int result;
    if (remote)
        result = espota_link_open_rfc2217(link, remote, baud, error);
    else if (address)
        result = espota_link_open_tcp(link, address, "tcp://", error);
    else if (strstr(port, "://"))
        result = espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--port '%s': use a device such as /dev/ttyUSB0, tcp://host:port, or rfc2217://host:port", port);
    else if (espota_link_is_pty(port))
        result = espota_link_open_pty(link, port, error);
    else
        result = espota_link_open_serial(link, port, baud, error);
    if (result == 0)
        snprintf((*link)->name, sizeof(*link)->name, "%s", port);
    return result;
}

void espota_link_close(struct espota_link *link)
{
    if (link)
        link->ops->close(link);
}

int espota_link_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error)
{
    *got = 0;
    int result = link->ops->read(link, buffer, size, timeout_ms, got, error);
    link->bytes_in += *got;
    if (*got > 0 && link->trace)
        link->trace(link->trace_context, false, buffer, *got);
    return result;
}

int espota_link_write(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    if (link->trace)
        link->trace(link->trace_context, true, data, size);
    int result = link->ops->write(link, data, size, error);
    if (result == 0)
        link->bytes_out += size;
    return result;
}

int espota_link_set_baud(struct espota_link *link, uint32_t baud, struct espota_error *error)
{
    int result = link->ops->set_baud ? link->ops->set_baud(link, baud, error) : 0;
    if (result == 0 && link->ops->set_baud)
        link->baud = baud;
    return result;
}

int espota_link_set_lines(struct espota_link *link, bool dtr, bool rts, struct espota_error *error)
{
    if (!link->has_lines || !link->ops->set_lines)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s has no DTR and RTS lines", link->name);
    int result = link->ops->set_lines(link, dtr, rts, error);
    if (result == 0) {
        link->dtr = dtr;
        link->rts = rts;
    }
    return result;
}

int espota_link_reopen(struct espota_link *link, unsigned wait_ms, struct espota_error *error)
{
    enum { STEP_MS = 100 };
    if (!link->ops->reopen)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s cannot be opened again", link->name);
    int result = link->ops->reopen(link, error);
    for (unsigned waited = 0; result != 0 && waited < wait_ms; waited += STEP_MS) {
        espota_sleep_ms(STEP_MS);
        result = link->ops->reopen(link, error);
    }
    return result;
}

void espota_link_drain(struct espota_link *link)
{
    link->ops->drain(link);
}

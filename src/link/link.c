#include "espota/link.h"

#include "espota/clock.h"
#include "espota/error.h"

#include <stdlib.h>
#include <string.h>

void espota_link_close(struct espota_link *link)
{
    if (!link)
        return;
    if (link->kept) {
        link->kept = false;
        return;
    }
    free(link->unread);
    link->ops->close(link);
}

void espota_link_unread(struct espota_link *link, const void *data, size_t size)
{
    size_t left = link->unread_count - link->unread_at;
    uint8_t *bytes = size > 0 ? malloc(size + left) : NULL;
    if (!bytes)
        return;
    memcpy(bytes, data, size);
    if (left > 0)
        memcpy(bytes + size, link->unread + link->unread_at, left);
    free(link->unread);
    link->unread = bytes;
    link->unread_at = 0;
    link->unread_count = size + left;
}

static size_t take_unread(struct espota_link *link, void *buffer, size_t size)
{
    size_t left = link->unread_count - link->unread_at, count = size < left ? size : left;
    if (count > 0)
        memcpy(buffer, link->unread + link->unread_at, count);
    link->unread_at += count;
    return count;
}

int espota_link_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error)
{
    *got = take_unread(link, buffer, size);
    if (*got > 0)
        return 0;
    int result = link->ops->read(link, buffer, size, timeout_ms, got, error);
    link->lost |= result == ESPOTA_ERR_NO_DEVICE;
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
    link->lost |= result == ESPOTA_ERR_NO_DEVICE;
    if (result == 0)
        link->bytes_out += size;
    return result;
}

bool espota_link_has_baud(const struct espota_link *link)
{
    return link->ops->set_baud != NULL;
}

int espota_link_set_baud(struct espota_link *link, uint32_t baud, struct espota_error *error)
{
    if (!espota_link_has_baud(link))
        return 0;
    int result = link->ops->set_baud(link, baud, error);
    if (result == 0)
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

bool espota_link_can_reopen(const struct espota_link *link)
{
    return link->ops->reopen != NULL;
}

int espota_link_reopen(struct espota_link *link, unsigned wait_ms, struct espota_error *error)
{
    enum { STEP_MS = 100 };
    if (!espota_link_can_reopen(link))
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s cannot be opened again", link->name);
    int result = link->ops->reopen(link, error);
    for (unsigned waited = 0; result != 0 && waited < wait_ms; waited += STEP_MS) {
        if (espota_link_cancelled(link))
            return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped on request while %s was gone",
                               link->name);
        espota_link_sleep_ms(link, STEP_MS);
        result = link->ops->reopen(link, error);
    }
    if (result == 0)
        link->lost = false;
    return result;
}

int espota_link_call_again(struct espota_link *link, struct espota_error *error)
{
    if (!link->ops->call_again)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s cannot be called again", link->name);
    int result = link->ops->call_again(link, error);
    if (result != 0)
        return result;
    link->lost = false;
    link->unread_at = link->unread_count;
    return 0;
}

bool espota_link_cancelled(const struct espota_link *link)
{
    return link->cancelled && link->cancelled(link->cancelled_context);
}

void espota_link_drain(struct espota_link *link)
{
    link->unread_at = link->unread_count;
    link->ops->drain(link);
}

uint64_t espota_link_now_ms(const struct espota_link *link)
{
    return espota_clock_now_ms(link->clock);
}

void espota_link_sleep_ms(const struct espota_link *link, unsigned ms)
{
    espota_clock_sleep_ms(link->clock, ms);
}

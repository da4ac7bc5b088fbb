#include "espota/slip.h"

size_t espota_slip_encode(const uint8_t *data, size_t size, uint8_t *out)
{
    size_t length = 0;
    out[length++] = ESPOTA_SLIP_END;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == ESPOTA_SLIP_END || data[i] == ESPOTA_SLIP_ESCAPE) {
            out[length++] = ESPOTA_SLIP_ESCAPE;
            out[length++] = data[i] == ESPOTA_SLIP_END ? ESPOTA_SLIP_ESCAPE_END : ESPOTA_SLIP_ESCAPE_ESC;
        } else {
            out[length++] = data[i];
        }
    }
    out[length++] = ESPOTA_SLIP_END;
    return length;
}

void espota_slip_begin(struct espota_slip_decoder *decoder, uint8_t *buffer, size_t capacity)
{
    *decoder = (struct espota_slip_decoder){ .buffer = buffer, .capacity = capacity };
}

static void restart(struct espota_slip_decoder *d)
{
    d->length = 0;
    d->escaped = false;
    d->dropping = false;
    d->complete = false;
}

static enum espota_slip_event end_mark(struct espota_slip_decoder *d)
{
    bool frame = d->length > 0 && !d->dropping && !d->escaped;
    bool cut = d->length > 0 && !d->dropping && d->escaped;
    if (frame) {
        d->complete = true;
        return ESPOTA_SLIP_FRAME;
    }
    restart(d);
    return cut ? ESPOTA_SLIP_BAD : ESPOTA_SLIP_MORE;
}

static enum espota_slip_event drop(struct espota_slip_decoder *d, enum espota_slip_event why)
{
    d->dropping = true;
    return why;
}

enum espota_slip_event espota_slip_byte(struct espota_slip_decoder *d, uint8_t byte)
{
    if (d->complete)
        restart(d);
    if (byte == ESPOTA_SLIP_END)
        return end_mark(d);
    if (d->dropping)
        return ESPOTA_SLIP_MORE;
    if (d->escaped) {
        d->escaped = false;
        if (byte == ESPOTA_SLIP_ESCAPE_END)
            byte = ESPOTA_SLIP_END;
        else if (byte == ESPOTA_SLIP_ESCAPE_ESC)
            byte = ESPOTA_SLIP_ESCAPE;
        else
            return drop(d, ESPOTA_SLIP_BAD);
    } else if (byte == ESPOTA_SLIP_ESCAPE) {
        d->escaped = true;
        return ESPOTA_SLIP_MORE;
    }
    if (d->length == d->capacity)
        return drop(d, ESPOTA_SLIP_OVERFLOW);
    d->buffer[d->length++] = byte;
    return ESPOTA_SLIP_MORE;
}

size_t espota_slip_plain(struct espota_slip_decoder *d, const uint8_t *data, size_t length)
{
    uint8_t *out = d->buffer + d->length;
    size_t taken = 0;
    if (d->complete || d->dropping || d->escaped)
        return 0;
    if (length > d->capacity - d->length)
        length = d->capacity - d->length;
    while (taken < length && data[taken] != ESPOTA_SLIP_END && data[taken] != ESPOTA_SLIP_ESCAPE)
        *out++ = data[taken++];
    d->length += taken;
    return taken;
}

/** SLIP framing: a frame begins and ends with C0; inside it C0 is sent as DB DC, and DB as DB DD.
 *
 * Both the ROM bootloader and the agent frame their packets so. Bytes between frames (boot logs, a console)
 * are frames that make no sense to whoever reads them, and are dropped there.
 * Source: RFC 1055; esptool, docs/en/advanced-topics/serial-protocol.rst.
 *
 * Pure code: no allocation, no I/O, no globals. firmware/ compiles it too. */
#ifndef ESPOTA_SLIP_H
#define ESPOTA_SLIP_H

#pragma GCC visibility push(default)

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESPOTA_SLIP_END        0xC0u
#define ESPOTA_SLIP_ESCAPE     0xDBu
#define ESPOTA_SLIP_ESCAPE_END 0xDCu
#define ESPOTA_SLIP_ESCAPE_ESC 0xDDu

/** Most bytes that a frame of `size` bytes can take on the wire. */
#define ESPOTA_SLIP_MAX_ENCODED(size) (2u * (size) + 2u)

/** Encode `size` bytes with both END marks. `out` has room for ESPOTA_SLIP_MAX_ENCODED(size).
 * @return bytes written to `out`. */
size_t espota_slip_encode(const uint8_t *data, size_t size, uint8_t *out);

/** What the decoder makes of one byte. */
enum espota_slip_event {
    ESPOTA_SLIP_MORE,  /* nothing complete yet */
    ESPOTA_SLIP_FRAME, /* decoder->length bytes in decoder->buffer are a frame; valid until the next byte */
    ESPOTA_SLIP_OVERFLOW, /* the frame is longer than the buffer: it is dropped */
    ESPOTA_SLIP_BAD,      /* an escape that means nothing: the frame is dropped */
};

struct espota_slip_decoder {
    uint8_t *buffer;
    size_t capacity;
    size_t length;
    bool escaped;  /* the last byte was DB */
    bool dropping; /* until the next END */
    bool complete; /* the buffer holds a frame that was handed out */
};

/** Start decoding into `buffer`, which the caller owns. */
void espota_slip_begin(struct espota_slip_decoder *decoder, uint8_t *buffer, size_t capacity);

/** Take one byte. Empty frames (two END marks in a row) are not reported. */
enum espota_slip_event espota_slip_byte(struct espota_slip_decoder *decoder, uint8_t byte);

/** Take the bytes at the start of `data` that stand for themselves within a frame.
 * @return how many; the next one, if there is one, is for espota_slip_byte. */
size_t espota_slip_plain(struct espota_slip_decoder *decoder, const uint8_t *data, size_t length);

#pragma GCC visibility pop

#endif

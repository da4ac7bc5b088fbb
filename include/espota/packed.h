/** Bytes packed for the way to a chip, by repetitions: the stub's program, which a first stage of less than a
 * kilobyte unpacks. For images there is espota/coder.h.
 *
 * The format: bits from bytes, highest first; a byte of bits is taken when its first bit is needed, and whole
 * bytes come in between. A number of 1 and more: as many zeros as it has bits behind its highest, each
 * followed by one of those, then a 1. What is packed is a row of
 * - literals: how many (number), the bytes;
 * - a match: a bit, 1: at the distance of the match before; else its distance less 1, as what is above the
 * low byte, plus 1 (number), and that byte; then its length (number), at another distance less 1;
 * - a bit: 1, another match, at another distance (so without the first bit); 0, literals. */
#ifndef ESPOTA_PACKED_H
#define ESPOTA_PACKED_H

#pragma GCC visibility push(default)

#include <stddef.h>
#include <stdint.h>

/** Until `out` is full.
 * @return how many bytes are there: fewer than `room` where `packed` is damaged. */
size_t espota_unpack(const uint8_t *packed, size_t length, uint8_t *out, size_t room);

#pragma GCC visibility pop

#endif

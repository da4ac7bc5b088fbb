/* The first stage of the stub: a program of less than a kilobyte, which the loader in a chip's ROM loads. It
 * takes the stub, packed, in blocks of any order, at a rate that the host may change and that it gives up by
 * itself when nothing comes, and starts it. What travels is in firmware/PROTOCOL.md, "The first stage".
 * Whoever runs it, a chip or a simulator, includes this once, and has the functions first_port_*. */
#ifndef ESPOTA_STUB_FIRST_H
#define ESPOTA_STUB_FIRST_H

#include "espota/first_stage.h"
#include "espota/packed.h"
#include "espota/slip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct first {
    void *context; /* of the port's */
    uint8_t *packed, *unpacked;
    uint32_t have[2];       /* which blocks are there */
    uint32_t home, divider; /* of the rate: what it was at first, what it is */
    uint32_t heard;         /* cycles, at the last request */
    uint32_t crc;           /* of the frame so far */
    uint16_t length;
    bool escaped;
    uint32_t frame[(ESPOTA_FIRST_HEAD + ESPOTA_FIRST_BLOCK + ESPOTA_FIRST_CRC) / 4];
};

/* Send to where the last byte came from. */
static void first_port_send(struct first *first, const uint8_t *data, size_t length);
/* The register that divides the clock for the UART's rate. It is changed when all has left. */
static uint32_t first_port_divider(struct first *first);
static void first_port_set_divider(struct first *first, uint32_t value);
/* Its id in image headers. */
static uint32_t first_port_chip(struct first *first);
/* Of the CPU. */
static uint32_t first_port_cycles(struct first *first);
/* Into RAM, of which some takes whole words alone. */
static void first_port_store(struct first *first, uint32_t address, const uint32_t *words, size_t count);
/* Never returns on a chip. */
static void first_port_start(struct first *first, uint32_t entry);

/* ---- what it does ---------------------------------------------------------------------------------------
 */

/* Bit by bit: a table has no place in memory that takes words alone. */
static uint32_t add_to_crc(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    for (unsigned i = 0; i < 8; i++)
        crc = crc >> 1 ^ (0xedb88320u & (0 - (crc & 1)));
    return crc;
}

/* Of any frame whose last four bytes are its CRC. */
#define WHOLE 0xdebb20e3u

static void forget_frame(struct first *first)
{
    first->crc = 0xffffffffu;
    first->length = 0;
    first->escaped = false;
}

/* `context`, `packed` (ESPOTA_FIRST_PACKED bytes) and `unpacked` (ESPOTA_FIRST_UNPACKED) are set. */
static void first_begin(struct first *first)
{
    first->have[0] = first->have[1] = 0;
    first->home = first->divider = first_port_divider(first);
    first->heard = first_port_cycles(first);
    forget_frame(first);
}

static uint8_t *put(uint8_t *at, uint8_t byte)
{
    if (byte == ESPOTA_SLIP_END || byte == ESPOTA_SLIP_ESCAPE) {
        *at++ = ESPOTA_SLIP_ESCAPE;
        byte = byte == ESPOTA_SLIP_END ? ESPOTA_SLIP_ESCAPE_END : ESPOTA_SLIP_ESCAPE_ESC;
    }
    *at++ = byte;
    return at;
}

static void answer(struct first *first, uint32_t kind)
{
    uint32_t words[ESPOTA_FIRST_ANSWER / 4] = { kind | (first_port_chip(first) + 1) << 8, first->have[0],
                                                first->have[1], first->divider };
    uint8_t out[2 + 2 * ESPOTA_FIRST_ANSWER], *at = out;
    const uint8_t *in = (const uint8_t *)words;
    uint32_t crc = 0xffffffffu;
    for (unsigned i = 0; i < sizeof words - ESPOTA_FIRST_CRC; i++)
        crc = add_to_crc(crc, in[i]);
    words[ESPOTA_FIRST_ANSWER / 4 - 1] = ~crc;
    *at++ = ESPOTA_SLIP_END;
    for (unsigned i = 0; i < sizeof words; i++)
        at = put(at, in[i]);
    *at++ = ESPOTA_SLIP_END;
    first_port_send(first, out, (size_t)(at - out));
}

static void set_divider(struct first *first, uint32_t value)
{
    first_port_set_divider(first, value);
    first->divider = value;
}

/* What was unpacked is pieces: address, length, words; then 0 and where it starts. */
static void start(struct first *first, size_t packed, size_t unpacked)
{
    const uint32_t *at = (const uint32_t *)(const void *)first->unpacked;
    if (unpacked > ESPOTA_FIRST_UNPACKED ||
        espota_unpack(first->packed, packed, first->unpacked, unpacked) != unpacked)
        return;
    for (; at[0] != 0; at += 2 + at[1] / 4)
        first_port_store(first, at[0], at + 2, at[1] / 4);
    first_port_start(first, at[1]);
}

static void take_block(struct first *first, size_t length)
{
    unsigned index = ((const uint8_t *)first->frame)[1];
    uint32_t *to = (uint32_t *)(void *)first->packed + index * (ESPOTA_FIRST_BLOCK / 4);
    if (index >= ESPOTA_FIRST_BLOCKS || length != ESPOTA_FIRST_HEAD + ESPOTA_FIRST_BLOCK)
        return;
    for (unsigned i = 0; i < ESPOTA_FIRST_BLOCK / 4; i++)
        to[i] = first->frame[1 + i];
    first->have[index / 32] |= 1u << index % 32;
}

static void take_frame(struct first *first)
{
    unsigned kind = ((const uint8_t *)first->frame)[0];
    size_t length = first->length - ESPOTA_FIRST_CRC;
    const uint32_t *word = first->frame + 1;
    first->heard = first_port_cycles(first);
    if (kind == ESPOTA_FIRST_DATA)
        take_block(first, length);
    answer(first, kind);
    if (kind == ESPOTA_FIRST_RATE && length == ESPOTA_FIRST_HEAD + 4)
        set_divider(first, word[0]);
    if (kind == ESPOTA_FIRST_START && length == ESPOTA_FIRST_HEAD + 12 && first->have[0] == word[0] &&
        first->have[1] == word[1]) {
        set_divider(first, first->home);
        start(first, ESPOTA_FIRST_PACKED, word[2]);
    }
}

/* A byte has come. */
static void first_take(struct first *first, uint8_t byte)
{
    uint8_t *frame = (uint8_t *)first->frame;
    if (byte == ESPOTA_SLIP_END) {
        if (first->length >= ESPOTA_FIRST_HEAD + ESPOTA_FIRST_CRC && first->length <= sizeof first->frame &&
            first->crc == WHOLE)
            take_frame(first);
        forget_frame(first);
        return;
    }
    if (byte == ESPOTA_SLIP_ESCAPE) {
        first->escaped = true;
        return;
    }
    if (first->escaped)
        byte = byte == ESPOTA_SLIP_ESCAPE_END ? ESPOTA_SLIP_END : ESPOTA_SLIP_ESCAPE;
    first->escaped = false;
    first->crc = add_to_crc(first->crc, byte);
    if (first->length < sizeof first->frame)
        frame[first->length] = byte;
    if (first->length <= sizeof first->frame) /* a longer one stays too long */
        first->length++;
}

/* None has. */
static void first_idle(struct first *first)
{
    if (first->divider != first->home && first_port_cycles(first) - first->heard > ESPOTA_FIRST_PATIENCE)
        set_divider(first, first->home);
}

#endif

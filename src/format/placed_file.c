#include "espota/placed_file.h"

#include "espota/bytes.h"

#include <stdbool.h>

#define UF2_BLOCK    512u
#define UF2_PAYLOAD  476u
#define UF2_START_0  0x0a324655u
#define UF2_START_1  0x9e5d5157u
#define UF2_END      0x0ab16f30u
#define UF2_NO_FLASH 0x00000001u
#define UF2_FAMILY   0x00002000u

enum { HEX_DATA, HEX_END, HEX_SEGMENT, HEX_SEGMENT_ENTRY, HEX_LINEAR, HEX_LINEAR_ENTRY };

static int fault(struct espota_placed_problem *problem, enum espota_placed_fault code, uint32_t where)
{
    problem->fault = code;
    problem->where = where;
    return -1;
}

/* ---- Intel HEX ------------------------------------------------------------------------------------------
 */

struct hex_line {
    uint8_t bytes[5 + 255]; /* length, address (2, high first), type, data, sum */
    uint32_t base;          /* upper part of the address */
    bool ended;
};

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of a line of `length` characters behind the colon. */
static enum espota_placed_fault decode(struct hex_line *line, const uint8_t *text, size_t length)
{
    uint8_t sum = 0;
    if (length % 2 || length < 10 || length / 2 > sizeof line->bytes)
        return ESPOTA_PLACED_BAD_RECORD;
    for (size_t i = 0; i < length / 2; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return ESPOTA_PLACED_BAD_RECORD;
        line->bytes[i] = (uint8_t)(high << 4 | low);
        sum = (uint8_t)(sum + line->bytes[i]);
    }
    if (line->bytes[0] != length / 2 - 5)
        return ESPOTA_PLACED_BAD_RECORD;
    return sum ? ESPOTA_PLACED_BAD_SUM : ESPOTA_PLACED_OK;
}

static enum espota_placed_fault obey(struct hex_line *line, espota_placed_fn *place, void *context)
{
    const uint8_t *b = line->bytes;
    uint32_t upper = (uint32_t)b[4] << 8 | b[5];
    switch (b[3]) {
    case HEX_DATA:
        return place(context, line->base + ((uint32_t)b[1] << 8 | b[2]), b + 4, b[0]) == 0
                   ? ESPOTA_PLACED_OK
                   : ESPOTA_PLACED_STOPPED;
    case HEX_END:
        line->ended = true;
        return ESPOTA_PLACED_OK;
    case HEX_SEGMENT:
    case HEX_LINEAR:
        line->base = b[3] == HEX_LINEAR ? upper << 16 : upper << 4;
        return b[0] == 2 ? ESPOTA_PLACED_OK : ESPOTA_PLACED_BAD_RECORD;
    case HEX_SEGMENT_ENTRY:
    case HEX_LINEAR_ENTRY:
        return ESPOTA_PLACED_OK;
    default:
        return ESPOTA_PLACED_BAD_TYPE;
    }
}

int espota_intel_hex_walk(const uint8_t *text, size_t size, espota_placed_fn *place, void *context,
                          struct espota_placed_problem *problem)
{
    struct hex_line line = { .base = 0 };
    uint32_t number = 1;
    for (size_t at = 0; at < size && !line.ended;) {
        size_t end = at;
        while (end < size && text[end] != '\n' && text[end] != '\r')
            end++;
        enum espota_placed_fault code = ESPOTA_PLACED_OK;
        if (end > at)
            code = text[at] == ':' ? decode(&line, text + at + 1, end - at - 1) : ESPOTA_PLACED_BAD_RECORD;
        if (end > at && code == ESPOTA_PLACED_OK)
            code = obey(&line, place, context);
        if (code != ESPOTA_PLACED_OK)
            return fault(problem, code, number);
        number += end < size && text[end] == '\n';
        at = end + 1;
    }
    return line.ended ? 0 : fault(problem, ESPOTA_PLACED_NO_END, number);
}

/* ---- UF2 ------------------------------------------------------------------------------------------------
 */

static enum espota_placed_fault take_block(const uint8_t *block, uint32_t family, espota_placed_fn *place,
                                           void *context)
{
    uint32_t flags = espota_get_le32(block + 8), length = espota_get_le32(block + 16);
    if (espota_get_le32(block) != UF2_START_0 || espota_get_le32(block + 4) != UF2_START_1 ||
        espota_get_le32(block + UF2_BLOCK - 4) != UF2_END || length > UF2_PAYLOAD)
        return ESPOTA_PLACED_BAD_RECORD;
    if (flags & UF2_NO_FLASH)
        return ESPOTA_PLACED_OK;
    if (family != 0 && (flags & UF2_FAMILY) && espota_get_le32(block + 28) != family)
        return ESPOTA_PLACED_OTHER_FAMILY;
    return place(context, espota_get_le32(block + 12), block + 32, length) == 0 ? ESPOTA_PLACED_OK
                                                                                : ESPOTA_PLACED_STOPPED;
}

int espota_uf2_walk(const uint8_t *data, size_t size, uint32_t family, espota_placed_fn *place, void *context,
                    struct espota_placed_problem *problem)
{
    uint32_t number = 1, count = size >= UF2_BLOCK ? espota_get_le32(data + 24) : 0;
    for (size_t at = 0; at + UF2_BLOCK <= size; at += UF2_BLOCK, number++) {
        enum espota_placed_fault code = take_block(data + at, family, place, context);
        if (code != ESPOTA_PLACED_OK)
            return fault(problem, code, number);
    }
    if (size % UF2_BLOCK || size / UF2_BLOCK < count || size == 0)
        return fault(problem, ESPOTA_PLACED_NO_END, number);
    return 0;
}

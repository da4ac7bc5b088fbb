#include "espota/merged_image.h"

#include "espota/bytes.h"
#include "espota/digest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEX_LINE = 16, /* bytes of data */
    UF2_BLOCK = 512,
    UF2_ROOM = 476,
    UF2_MD5 = 24, /* address, length and MD5 of a block's data */
    UF2_HEAD = 32,
};

#define UF2_HAS_FAMILY 0x00002000u
#define UF2_HAS_MD5    0x00004000u

struct merging {
    const struct espota_merge_part *part;
    unsigned count;
    const struct espota_merge_options *options;
    struct espota_bytes *out;
    struct espota_error *error;
};

static int fill(struct merging *m, uint8_t byte, uint64_t count)
{
    uint8_t block[4096];
    int result = 0;
    memset(block, byte, sizeof block);
    if (count > ESPOTA_MERGE_MAX_SIZE - m->out->size)
        return espota_fail(m->error, ESPOTA_ERR_TOO_BIG, "the merged image would be larger than 256M");
    for (uint64_t part; result == 0 && count > 0; count -= part) {
        part = count < sizeof block ? count : sizeof block;
        result = espota_bytes_append(m->out, block, (size_t)part, m->error);
    }
    return result;
}

/* ---- raw ------------------------------------------------------------------------------------------------
 */

static int fill_up_to(struct merging *m, uint64_t offset)
{
    uint64_t at = (uint64_t)m->options->target_offset + m->out->size;
    return offset > at ? fill(m, 0xff, offset - at) : 0;
}

static int merge_raw(struct merging *m)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < m->count; i++) {
        result = fill_up_to(m, m->part[i].offset);
        if (result == 0)
            result = espota_bytes_append(m->out, m->part[i].data, m->part[i].size, m->error);
    }
    return result ? result : fill_up_to(m, m->options->pad_to);
}

/* ---- Intel HEX ------------------------------------------------------------------------------------------
 */

static int put_line(struct merging *m, uint8_t type, uint16_t address, const uint8_t *data, unsigned length)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t line[5 + HEX_LINE] = { (uint8_t)length, (uint8_t)(address >> 8), (uint8_t)address, type };
    char text[2 + 2 * sizeof line];
    unsigned used = 0, sum = 0;
    memcpy(line + 4, data, length);
    for (unsigned i = 0; i < length + 4; i++)
        sum += line[i];
    line[length + 4] = (uint8_t)(0u - sum);
    text[used++] = ':';
    for (unsigned i = 0; i < length + 5; i++) {
        text[used++] = digits[line[i] >> 4];
        text[used++] = digits[line[i] & 0x0f];
    }
    text[used++] = '\n';
    if (m->out->size > ESPOTA_MERGE_MAX_SIZE)
        return espota_fail(m->error, ESPOTA_ERR_TOO_BIG, "the merged image would be larger than 256M");
    return espota_bytes_append(m->out, text, used, m->error);
}

/* A byte of the parts, in the order of their addresses. */
struct position {
    unsigned part;
    size_t at;
};

static uint64_t address_of(const struct merging *m, const struct position *p)
{
    return (uint64_t)m->part[p->part].offset + p->at;
}

static bool advance(const struct merging *m, struct position *p)
{
    p->at++;
    while (p->part < m->count && p->at >= m->part[p->part].size) {
        p->part++;
        p->at = 0;
    }
    return p->part < m->count;
}

/* As many as follow each other, up to a line's end or the 64K's: across parts that adjoin too. */
static unsigned take_line(const struct merging *m, struct position *p, uint8_t data[HEX_LINE], bool *more)
{
    uint64_t first = address_of(m, p);
    unsigned length = 0;
    do {
        data[length++] = m->part[p->part].data[p->at];
        *more = advance(m, p);
    } while (*more && length < HEX_LINE && address_of(m, p) == first + length &&
             (first + length) % 0x10000 != 0);
    return length;
}

static int merge_hex(struct merging *m)
{
    struct position p = { 0, (size_t)-1 };
    bool more = m->count > 0 && advance(m, &p);
    const struct espota_merge_part *last = &m->part[m->count - 1];
    bool upper = (uint64_t)last->offset + last->size > 0x10000;
    uint32_t base = UINT32_MAX;
    int result = 0;
    while (result == 0 && more) {
        uint8_t data[HEX_LINE], high[2];
        uint32_t address = (uint32_t)address_of(m, &p);
        high[0] = (uint8_t)(address >> 24);
        high[1] = (uint8_t)(address >> 16);
        if (upper && address >> 16 != base)
            result = put_line(m, 4, 0, high, 2);
        base = address >> 16;
        unsigned length = take_line(m, &p, data, &more);
        if (result == 0)
            result = put_line(m, 0, (uint16_t)address, data, length);
    }
    return result ? result : espota_bytes_append(m->out, ":00000001FF\n", 12, m->error);
}

/* ---- UF2 ------------------------------------------------------------------------------------------------
 */

static int put_block(struct merging *m, uint32_t address, const uint8_t *data, uint32_t length,
                     uint32_t number, uint32_t of)
{
    bool md5 = !m->options->no_md5;
    uint8_t block[UF2_BLOCK] = { 0 };
    espota_put_le32(block, 0x0a324655u);
    espota_put_le32(block + 4, 0x9e5d5157u);
    espota_put_le32(block + 8, UF2_HAS_FAMILY | (md5 ? UF2_HAS_MD5 : 0));
    espota_put_le32(block + 12, address);
    espota_put_le32(block + 16, length);
    espota_put_le32(block + 20, number);
    espota_put_le32(block + 24, of);
    espota_put_le32(block + 28, m->options->family);
    memcpy(block + UF2_HEAD, data, length);
    if (md5) {
        uint8_t *sum = block + UF2_HEAD + length;
        espota_put_le32(sum, address);
        espota_put_le32(sum + 4, length);
        if (espota_md5(data, length, sum + 8) != 0)
            return espota_fail(m->error, ESPOTA_ERR_FAILED, "MD5 is not available from the crypto library");
    }
    espota_put_le32(block + UF2_BLOCK - 4, 0x0ab16f30u);
    if (m->out->size > ESPOTA_MERGE_MAX_SIZE)
        return espota_fail(m->error, ESPOTA_ERR_TOO_BIG, "the merged image would be larger than 256M");
    return espota_bytes_append(m->out, block, sizeof block, m->error);
}

static int merge_uf2(struct merging *m)
{
    uint32_t room = UF2_ROOM - (m->options->no_md5 ? 0 : UF2_MD5),
             chunk = m->options->chunk_size ? m->options->chunk_size : room;
    int result = 0;
    if (chunk > room)
        return espota_fail(m->error, ESPOTA_ERR_USAGE,
                           "a UF2 block has room for 1 to %" PRIu32 " bytes, not %" PRIu32, room, chunk);
    for (unsigned i = 0; i < m->count; i++) {
        const struct espota_merge_part *p = &m->part[i];
        uint32_t blocks = (uint32_t)((p->size + chunk - 1) / chunk);
        for (uint32_t n = 0; result == 0 && n < blocks; n++) {
            size_t at = (size_t)n * chunk, left = p->size - at;
            result = put_block(m, p->offset + (uint32_t)at, p->data + at,
                               left < chunk ? (uint32_t)left : chunk, n, blocks);
        }
    }
    return result;
}

/* ---- all together ---------------------------------------------------------------------------------------
 */

static int compare_parts(const void *one, const void *other)
{
    const struct espota_merge_part *a = one, *b = other;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int check_parts(const struct merging *m)
{
    for (unsigned i = 0; i < m->count; i++) {
        const struct espota_merge_part *p = &m->part[i], *next = p + 1;
        uint64_t end = (uint64_t)p->offset + p->size;
        if (p->offset < m->options->target_offset)
            return espota_fail(m->error, ESPOTA_ERR_USAGE,
                               "%s goes to 0x%" PRIx32 ", before 0x%" PRIx32 " where the merged image begins",
                               p->name, p->offset, m->options->target_offset);
        if (end > UINT32_MAX)
            return espota_fail(m->error, ESPOTA_ERR_TOO_BIG, "%s at 0x%" PRIx32 " ends beyond 4G", p->name,
                               p->offset);
        if (i + 1 < m->count && next->offset < end)
            return espota_fail(m->error, ESPOTA_ERR_USAGE,
                               "%s (0x%" PRIx32 ", %zu bytes) and %s (0x%" PRIx32 ") overlap", p->name,
                               p->offset, p->size, next->name, next->offset);
    }
    return 0;
}

int espota_merge(struct espota_merge_part *parts, unsigned count, const struct espota_merge_options *options,
                 struct espota_bytes *out, struct espota_error *error)
{
    struct merging m = { parts, count, options, out, error };
    if (count == 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "there is nothing to merge");
    qsort(parts, count, sizeof *parts, compare_parts);
    int result = check_parts(&m);
    if (result != 0)
        return result;
    return options->format == ESPOTA_MERGE_HEX   ? merge_hex(&m)
           : options->format == ESPOTA_MERGE_UF2 ? merge_uf2(&m)
                                                 : merge_raw(&m);
}

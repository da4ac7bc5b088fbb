#include "elf_layout.h"

#include "espota/bytes.h"
#include "espota/image.h"

#include <inttypes.h>
#include <string.h>

enum {
    SEGMENT_HEADER = 8,
    BLOCK = 16, /* the checksum is the last byte of one */
    /* What secure boot V1 puts behind the SHA-256: version, signature, and what aligns the whole. */
    SIGNATURE_V1 = 4 + 64 + 12,
};

struct writing {
    struct elf_layout *layout;
    struct espota_error *error;
    unsigned next; /* segment of those that go into memory that is not all in the image yet */
};

/* ---- one segment ----------------------------------------------------------------------------------------
 */

/* The ELF file's hash, if its place is in the segment whose header is at `at`. Source: esptool, bin_image.py,
 * maybe_patch_segment_data. */
static int place_hash(struct writing *w, size_t at, uint32_t length)
{
    static const uint8_t zeros[ESPOTA_SHA256_LENGTH];
    struct elf_layout *l = w->layout;
    if (l->hash_offset == 0 || l->hash_placed || l->hash_offset < at || l->hash_offset >= at + length)
        return 0;
    if (l->hash_offset < at + SEGMENT_HEADER || l->hash_offset + sizeof l->hash > at + length)
        return espota_fail(w->error, ESPOTA_ERR_VERIFY,
                           "%s: the hash at 0x%" PRIx32 " of the image would lie across the end of a segment",
                           l->name, l->hash_offset);
    uint8_t *to = l->image->data + l->hash_offset;
    if (memcmp(to, zeros, sizeof zeros) != 0)
        return espota_fail(w->error, ESPOTA_ERR_VERIFY,
                           "%s: the place of the hash, at 0x%" PRIx32
                           " of the image, is taken: it holds something other than zeros",
                           l->name, l->hash_offset);
    memcpy(to, l->hash, sizeof l->hash);
    l->hash_placed = true;
    return 0;
}

/* `data` NULL: zeros. */
static int put(struct writing *w, uint32_t address, const uint8_t *data, uint32_t length, bool counted)
{
    static const uint8_t zeros[4096];
    struct elf_layout *l = w->layout;
    size_t at = l->image->size;
    uint8_t header[SEGMENT_HEADER];
    if (length >= ESPOTA_IMAGE_MAX_LENGTH || at > ESPOTA_IMAGE_MAX_LENGTH)
        return espota_fail(w->error, ESPOTA_ERR_TOO_BIG, "%s: the image would be larger than 16M", l->name);
    espota_put_le32(header, address);
    espota_put_le32(header + 4, length);
    int result = espota_bytes_append(l->image, header, sizeof header, w->error);
    for (uint32_t done = 0, part; result == 0 && done < length; done += part) {
        part = data || length - done < sizeof zeros ? length - done : (uint32_t)sizeof zeros;
        result = espota_bytes_append(l->image, data ? data : zeros, part, w->error);
    }
    if (result == 0)
        result = place_hash(w, at, length);
    for (size_t i = at + SEGMENT_HEADER; result == 0 && counted && i < l->image->size; i++)
        l->checksum ^= l->image->data[i];
    l->written += counted;
    return result;
}

/* The bootloader of an ESP32 forgets the last page of a mapped segment that hardly reaches into it. Source:
 * esptool, bin_image.py, save_flash_segment. */
static int put_mapped(struct writing *w, struct elf_segment *s, bool counted)
{
    static const uint8_t zeros[64];
    struct elf_layout *l = w->layout;
    size_t end = l->image->size + SEGMENT_HEADER + s->data.size, reach = end % l->page_size;
    int result = reach < l->chip->page_reach
                     ? espota_bytes_append(&s->data, zeros, l->chip->page_reach - reach, w->error)
                     : 0;
    s->at = l->image->size + SEGMENT_HEADER;
    return result ? result : put(w, s->address, s->data.data, (uint32_t)s->data.size, counted);
}

/* ---- the image as the second-stage bootloader loads it --------------------------------------------------
 */

/* Bytes of a segment that has to come before one for `address`, so that the data of that one lies as far
 * behind a multiple of a page as `address` does; 0: none. What is more than a page is as esptool does it. */
static uint32_t padding_before(const struct elf_layout *l, uint32_t address)
{
    int64_t page = l->page_size, past = address % l->page_size - (int64_t)SEGMENT_HEADER;
    int64_t length = page - (int64_t)(l->image->size % l->page_size) + past;
    if (length == 0 || length == page)
        return 0;
    length -= SEGMENT_HEADER;
    return (uint32_t)(length > 0 ? length : length + page);
}

/* With what goes into memory anyway, as far as there is any. */
static int pad(struct writing *w, uint32_t length)
{
    struct elf_layout *l = w->layout;
    if (w->next == l->in_memory || length <= SEGMENT_HEADER)
        return put(w, 0, NULL, length, true);
    struct elf_segment *s = &l->segment[w->next];
    uint32_t left = (uint32_t)s->data.size - s->used, part = left < length ? left : length;
    int result = put(w, s->address + s->used, s->data.data + s->used, part, true);
    s->used += part;
    w->next += part == left;
    return result;
}

/* Fill the gap between two mapped segments in one page: what is there in flash is there in memory. */
static int fill_gap(struct writing *w, const struct elf_segment *before, const struct elf_segment *s)
{
    const struct elf_layout *l = w->layout;
    int64_t gap = (int64_t)(s->address - before->address) - (int64_t)(l->image->size - before->at) -
                  (int64_t)SEGMENT_HEADER;
    if (gap == 0)
        return 0;
    if (gap <= SEGMENT_HEADER)
        return espota_fail(w->error, ESPOTA_ERR_VERIFY,
                           "%s: what is mapped at 0x%08" PRIx32 " and 0x%08" PRIx32
                           " lies in one page, and too close together",
                           l->name, before->address, s->address);
    return put(w, 0, NULL, (uint32_t)(gap - SEGMENT_HEADER), true);
}

static int write_mapped(struct writing *w)
{
    struct elf_layout *l = w->layout;
    int result = 0;
    for (unsigned i = l->in_memory; result == 0 && i < l->count; i++) {
        const struct elf_segment *s = &l->segment[i];
        uint32_t length;
        if (i > l->in_memory && elf_segments_share_page(l, s - 1, s))
            result = fill_gap(w, s - 1, s);
        else
            while (result == 0 && (length = padding_before(l, s->address)) > 0)
                result = pad(w, length);
        if (result == 0)
            result = put_mapped(w, &l->segment[i], true);
    }
    return result;
}

static int write_memory(struct writing *w)
{
    struct elf_layout *l = w->layout;
    int result = 0;
    for (; result == 0 && w->next < l->in_memory; w->next++) {
        const struct elf_segment *s = &l->segment[w->next];
        result = put(w, s->address + s->used, s->data.data + s->used, (uint32_t)s->data.size - s->used, true);
    }
    return result;
}

/* A segment of zeros, so that what follows the image ends with a page. */
static int write_padding(struct writing *w)
{
    struct elf_layout *l = w->layout;
    uint32_t page = l->page_size,
             behind = ESPOTA_SHA256_LENGTH + (l->padding == ESPOTA_ELF_PADDING_V1 ? SIGNATURE_V1 : 0);
    if (l->padding == ESPOTA_ELF_NO_PADDING)
        return 0;
    uint32_t past = (uint32_t)((l->image->size + SEGMENT_HEADER) % page) + BLOCK + behind;
    return put(w, 0, NULL, (2 * page - past) % page, true);
}

static int write_checksum(struct writing *w)
{
    static const uint8_t zeros[BLOCK];
    struct espota_bytes *image = w->layout->image;
    int result = espota_bytes_append(image, zeros, BLOCK - 1 - image->size % BLOCK, w->error);
    return result ? result : espota_bytes_append(image, &w->layout->checksum, 1, w->error);
}

/* ---- the image of which the ROM sees what goes into memory ----------------------------------------------
 */

/* Zeros before a mapped segment; where the image begins in flash counts. */
static int pad_in_flash(struct writing *w, uint32_t address)
{
    const struct elf_layout *l = w->layout;
    uint32_t page = l->page_size, offset = l->chip->bootloader_offset,
             at = (uint32_t)(l->image->size % page) + 2 * SEGMENT_HEADER,
             length = (address % page + 2 * page - at % page) % page;
    return put(w, 0, NULL, length < offset ? length + page - offset : length - offset, false);
}

static int write_for_rom(struct writing *w)
{
    struct elf_layout *l = w->layout;
    int result = write_memory(w);
    if (result == 0)
        result = write_checksum(w);
    for (unsigned i = l->count; result == 0 && i > l->in_memory; i--) {
        result = pad_in_flash(w, l->segment[i - 1].address);
        if (result == 0)
            result = put_mapped(w, &l->segment[i - 1], false);
    }
    return result;
}

int elf_layout_write(struct elf_layout *l, struct espota_error *error)
{
    struct writing w = { l, error, 0 };
    l->checksum = ESPOTA_IMAGE_CHECKSUM_SEED;
    if (l->ram_only_header)
        return write_for_rom(&w);
    int result = write_mapped(&w);
    if (result == 0)
        result = write_memory(&w);
    if (result == 0)
        result = write_padding(&w);
    return result ? result : write_checksum(&w);
}

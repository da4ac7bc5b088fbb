#include "elf_layout.h"

#include "elf_chip.h"

#include "espota/image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 8 }; /* of a segment in an image */

/* ---- sections become segments ---------------------------------------------------------------------------
 */

static uint32_t end_of(const struct elf_segment *s)
{
    return s->address + (uint32_t)s->data.size;
}

static int append_zeros(struct espota_bytes *bytes, size_t count, struct espota_error *error)
{
    static const uint8_t zeros[4096];
    int result = 0;
    for (size_t part; result == 0 && count > 0; count -= part) {
        part = count < sizeof zeros ? count : sizeof zeros;
        result = espota_bytes_append(bytes, zeros, part, error);
    }
    return result;
}

/* Among what the ROM loads by itself, gaps that alignment made are filled. */
static int close_gap(const struct elf_layout *l, struct elf_segment *before, const struct elf_part *part,
                     struct espota_error *error)
{
    uint32_t alignment = part->alignment ? part->alignment : 1, end = end_of(before), past = end % alignment;
    if (!l->ram_only_header || past == 0 || part->address != end + (alignment - past))
        return 0;
    return append_zeros(&before->data, alignment - past, error);
}

/* `last` is the address of the part before: a segment may span kinds of memory, two sections that are joined
 * are of one. */
static int take_part(struct elf_layout *l, const struct elf_part *part, uint32_t last,
                     struct espota_error *error)
{
    struct elf_segment *s = l->count > 0 ? &l->segment[l->count - 1] : NULL;
    int result = s ? close_gap(l, s, part, error) : 0;
    if (result != 0)
        return result;
    if (s && end_of(s) == part->address && elf_same_memory(l->chip, last, part->address)) {
        l->joined++;
    } else {
        s = &l->segment[l->count++];
        *s = (struct elf_segment){ part->name, part->address, part->alignment, { 0 }, 0, 0 };
    }
    if (part->length > ESPOTA_IMAGE_MAX_LENGTH - l->total)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "%s has more than 16M to load: no image can hold that",
                           l->name);
    l->total += part->length;
    result = espota_bytes_append(&s->data, part->data, part->length, error);
    return result ? result : append_zeros(&s->data, (4 - part->length % 4) % 4, error);
}

/* ---- their order ----------------------------------------------------------------------------------------
 */

static void insert(struct elf_segment *list, unsigned from, unsigned to)
{
    struct elf_segment moved = list[from];
    memmove(&list[to + 1], &list[to], (from - to) * sizeof *list);
    list[to] = moved;
}

/* By address, those of one address in the file's order: at most 16, and moved seldom. */
static void sort(struct elf_segment *list, unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        for (unsigned k = 0; k < i; k++)
            if (list[i].address < list[k].address) {
                insert(list, i, k);
                break;
            }
}

static void put_first(struct elf_segment *list, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (list[i].name && strcmp(list[i].name, name) == 0) {
            insert(list, i, 0);
            return;
        }
}

bool elf_segments_share_page(const struct elf_layout *l, const struct elf_segment *first,
                             const struct elf_segment *second)
{
    uint64_t end = (uint64_t)first->address + first->data.size;
    return second->address >= end && (end - 1) / l->page_size == second->address / l->page_size;
}

/* Between two mapped segments in one page the image has room for the header of the second, or for a segment
 * that fills the gap as well; otherwise they are made one. Linkers of esp-hal place them so. */
static int join_mapped(struct elf_layout *l, struct espota_error *error)
{
    int result = 0;
    for (unsigned i = l->in_memory; result == 0 && i + 1 < l->count;) {
        struct elf_segment *a = &l->segment[i], *b = a + 1;
        uint32_t gap = b->address - end_of(a);
        if (!elf_segments_share_page(l, a, b) || gap == HEADER || gap > 2 * HEADER || gap % 4) {
            i++;
            continue;
        }
        result = append_zeros(&a->data, gap, error);
        if (result == 0)
            result = espota_bytes_append(&a->data, b->data.data, b->data.size, error);
        espota_bytes_free(&b->data);
        l->count--;
        l->joined++;
        memmove(b, b + 1, (l->count - i - 1) * sizeof *b);
    }
    return result;
}

/* What is loaded into memory first, then what is mapped; a description is the first of its kind, so that it
 * begins the image. */
static int arrange(struct elf_layout *l, struct espota_error *error)
{
    sort(l->segment, l->count);
    l->in_memory = 0;
    for (unsigned i = 0; i < l->count; i++)
        if (!elf_address_is_mapped(l->chip, l->segment[i].address))
            insert(l->segment, i, l->in_memory++);
    int result = join_mapped(l, error);
    if (result != 0)
        return result;
    put_first(l->segment, l->in_memory, ".dram0.bootdesc");
    put_first(l->segment + l->in_memory, l->count - l->in_memory, ".flash.appdesc");
    return 0;
}

static const char *shown(const struct elf_segment *s)
{
    return s->name ? s->name : "a segment";
}

static int check_overlap(const struct elf_layout *l, struct espota_error *error)
{
    for (unsigned i = 0; i < l->count; i++)
        for (unsigned k = 0; k < l->count; k++) {
            const struct elf_segment *a = &l->segment[i], *b = &l->segment[k];
            if (i != k && b->address >= a->address && b->address - a->address < a->data.size)
                return espota_fail(error, ESPOTA_ERR_VERIFY,
                                   "%s: %s (0x%08" PRIx32 ", %zu bytes) and %s (0x%08" PRIx32
                                   ") overlap in memory: the linker script is at fault",
                                   l->name, shown(a), a->address, a->data.size, shown(b), b->address);
        }
    return 0;
}

static int check_pages(const struct elf_layout *l, struct espota_error *error)
{
    for (unsigned i = l->in_memory; i < l->count; i++)
        if (l->segment[i].address % 4)
            return espota_fail(error, ESPOTA_ERR_VERIFY, "%s: %s begins at 0x%08" PRIx32 ", no multiple of 4",
                               l->name, shown(&l->segment[i]), l->segment[i].address);
    for (unsigned i = l->in_memory + 1; i < l->count; i++) {
        const struct elf_segment *a = &l->segment[i - 1], *b = &l->segment[i];
        if (a->address / l->page_size == b->address / l->page_size && !elf_segments_share_page(l, a, b))
            return espota_fail(
                error, ESPOTA_ERR_VERIFY,
                "%s: %s (0x%08" PRIx32 ") and %s (0x%08" PRIx32 ") lie in one page of %" PRIu32
                "K, and flash can be mapped there once: the linker script has to join them, or "
                "to align the second one to a page",
                l->name, shown(a), a->address, shown(b), b->address, l->page_size / 1024);
    }
    return 0;
}

/* Two at one address overlap, which is refused later. */
static int compare_parts(const void *one, const void *other)
{
    const struct elf_part *a = one, *b = other;
    return a->address < b->address ? -1 : a->address > b->address;
}

static int take_in_order(struct elf_layout *l, struct elf_part *parts, unsigned count,
                         struct espota_error *error)
{
    int result = 0;
    if (l->ram_only_header)
        qsort(parts, count, sizeof *parts, compare_parts);
    for (unsigned i = 0; result == 0 && i < count; i++)
        result = take_part(l, &parts[i], i > 0 ? parts[i - 1].address : 0, error);
    return result;
}

int elf_layout_take(struct elf_layout *l, struct elf_part *parts, unsigned count, struct espota_error *error)
{
    l->segment = calloc(count + 1, sizeof *l->segment);
    int result =
        l->segment ? take_in_order(l, parts, count, error) : espota_fail_memory(error, "making an image");
    if (result == 0 && (l->count == 0 || l->count > ESPOTA_IMAGE_MAX_SEGMENTS))
        result = espota_fail(error, ESPOTA_ERR_VERIFY,
                             "%s has %u separate stretches to load, and an image has 1 to 16 segments%s",
                             l->name, l->count, l->count ? ": the linker script is at fault" : "");
    if (result != 0)
        return result;
    result = arrange(l, error);
    if (result == 0)
        result = check_overlap(l, error);
    return result ? result : check_pages(l, error);
}

void elf_layout_free(struct elf_layout *l)
{
    for (unsigned i = 0; l->segment && i < l->count; i++)
        espota_bytes_free(&l->segment[i].data);
    free(l->segment);
    l->segment = NULL;
}

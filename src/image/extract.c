#include "espota/merged_image.h"

#include "espota/digest.h"
#include "espota/image_file.h"
#include "espota/signature.h"
#include "espota/table_file.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct extracting {
    struct espota_extract *extract;
    const char *name;
    uint32_t base; /* where in flash the merged image begins */
    const uint8_t *data;
    size_t size;
};

static uint64_t end_of(const struct extracting *x)
{
    return (uint64_t)x->base + x->size;
}

static bool is_blank(const uint8_t *data, size_t size)
{
    while (size > 0 && data[size - 1] == 0xff)
        size--;
    return size == 0;
}

/* A name for a file: what a label has that none should have becomes '_', and two do not share one. */
static void name_part(struct espota_extract *e, struct espota_extract_part *part, const char *label)
{
    size_t used = 0;
    for (; used < ESPOTA_LABEL_LENGTH && label[used]; used++) {
        unsigned char c = (unsigned char)label[used];
        part->name[used] = isalnum(c) || c == '_' || c == '-' || (c == '.' && used > 0) ? (char)c : '_';
    }
    part->name[used] = '\0';
    for (unsigned i = 0; i < e->count; i++)
        if (strcasecmp(e->part[i].name, part->name) == 0 || used == 0) {
            snprintf(part->name + used, sizeof part->name - used, "-0x%" PRIx32, part->offset);
            return;
        }
}

/* The range from `offset` on, as far as the merged image has it. */
static struct espota_extract_part *add(struct extracting *x, enum espota_extract_kind kind, const char *label,
                                       uint32_t offset, uint64_t length)
{
    struct espota_extract *e = x->extract;
    if (e->count == ESPOTA_EXTRACT_MAX_PARTS || offset < x->base || offset >= end_of(x))
        return NULL;
    struct espota_extract_part part = { .kind = kind,
                                        .offset = offset,
                                        .data = x->data + (offset - x->base) };
    uint64_t left = end_of(x) - offset;
    part.length = (uint32_t)(left < length ? left : length);
    part.cut = left < length;
    part.blank = is_blank(part.data, part.length);
    name_part(e, &part, label);
    e->part[e->count] = part;
    return &e->part[e->count++];
}

/* An image ends where its header says, or behind its signature; what is none, where FF begins. */
static void trim_image(struct espota_extract_part *part)
{
    struct espota_image image;
    uint32_t length = part->length;
    if (espota_image_examine_memory(&image, part->data, part->length) == ESPOTA_IMAGE_OK) {
        uint32_t block = espota_signature_offset(image.length);
        bool has_sector = block <= part->length && part->length - block >= ESPOTA_SIGNATURE_SECTOR;
        bool is_signed = has_sector && part->data[block] == 0xe7 &&
                         (part->data[block + 1] == 2 || part->data[block + 1] == 3);
        part->length = is_signed ? block + ESPOTA_SIGNATURE_SECTOR : image.length;
        part->cut = false;
        return;
    }
    while (length > 0 && part->data[length - 1] == 0xff)
        length--;
    part->length = length;
}

/* ---- the table ------------------------------------------------------------------------------------------
 */

static int read_table(struct extracting *x, uint32_t at, struct espota_error *error)
{
    uint8_t sector[ESPOTA_TABLE_BINARY_SIZE];
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    size_t left = x->size - at;
    memset(sector, 0xff, sizeof sector);
    memcpy(sector, x->data + at, left < sizeof sector ? left : sizeof sector);
    x->extract->table_offset = x->base + at;
    if (espota_table_parse_flash(&x->extract->table, sector, sizeof sector, x->base + at, 0, espota_md5,
                                 &problem) != 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "the partition table in %s is not valid: %s", x->name,
                           espota_table_problem_text(&problem, words));
    return 0;
}

static void add_partition(struct extracting *x, const struct espota_partition *p)
{
    bool app = p->type == ESPOTA_TYPE_APP || p->type == ESPOTA_TYPE_BOOTLOADER;
    bool otadata = p->type == ESPOTA_TYPE_DATA && p->subtype == ESPOTA_DATA_OTA;
    struct espota_extract_part *part = add(x,
                                           app       ? ESPOTA_EXTRACT_APP
                                           : otadata ? ESPOTA_EXTRACT_OTADATA
                                                     : ESPOTA_EXTRACT_DATA,
                                           p->label, p->offset, p->size);
    if (part && app && !part->blank)
        trim_image(part);
}

/* ---- what no partition explains -------------------------------------------------------------------------
 */

/* The end of the part at `at`, or 0. */
static uint64_t end_of_known(const struct extracting *x, uint64_t at)
{
    const struct espota_table *t = &x->extract->table;
    if (at < (uint64_t)x->extract->table_offset + ESPOTA_SECTOR_SIZE)
        return (uint64_t)x->extract->table_offset + ESPOTA_SECTOR_SIZE;
    for (unsigned i = 0; i < t->count; i++)
        if (t->entry[i].offset <= at && at - t->entry[i].offset < t->entry[i].size)
            return (uint64_t)t->entry[i].offset + t->entry[i].size;
    return 0;
}

static void add_between(struct extracting *x)
{
    for (uint64_t at = x->base, known; at < end_of(x); at = known ? known : at + ESPOTA_SECTOR_SIZE) {
        char name[24];
        uint64_t end = at;
        known = end_of_known(x, at);
        while (end < end_of(x) && !end_of_known(x, end))
            end += ESPOTA_SECTOR_SIZE;
        if (end == at)
            continue;
        known = end;
        snprintf(name, sizeof name, "data-0x%" PRIx64, at);
        struct espota_extract_part *part = add(x, ESPOTA_EXTRACT_BETWEEN, name, (uint32_t)at, end - at);
        if (part) {
            part->cut = false;
            x->extract->count -= part->blank; /* free flash */
            while (part->length > 0 && part->data[part->length - 1] == 0xff)
                part->length--;
        }
    }
}

int espota_extract(struct espota_extract *extract, const char *name, const struct espota_file *about,
                   const uint8_t *data, size_t size, struct espota_error *error)
{
    struct extracting x = { extract, name, about->merged.flash_offset, data, size };
    char words[ESPOTA_FILE_WORDS];
    memset(extract, 0, sizeof *extract);
    if (about->kind != ESPOTA_FILE_MERGED || !about->merged.has_table)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no merged image with a partition table: it is %s",
                           name, espota_file_words(about, words));
    int result = read_table(&x, about->merged.table, error);
    if (result != 0)
        return result;
    if (about->merged.has_bootloader) {
        uint32_t at = x.base + about->merged.bootloader;
        struct espota_extract_part *loader =
            add(&x, ESPOTA_EXTRACT_BOOTLOADER, "bootloader", at, extract->table_offset - at);
        if (loader)
            trim_image(loader);
    }
    struct espota_extract_part *table =
        add(&x, ESPOTA_EXTRACT_TABLE, "partition-table", extract->table_offset, ESPOTA_TABLE_BINARY_SIZE);
    if (table)
        table->cut = false;
    for (unsigned i = 0; i < extract->table.count; i++)
        add_partition(&x, &extract->table.entry[i]);
    add_between(&x);
    return 0;
}

/* A merged image: what esptool's merge-bin makes of bootloader, table, app and more. */
#include "flash_plan.h"

#include "digest.h"

#include "espota/digest.h"
#include "espota/error.h"
#include "espota/flash_holds.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <string.h>

uint32_t flash_merged_base(const struct espota_flash_file *merged)
{
    return merged->file.merged.flash_offset;
}

struct breaches {
    struct espota_flash_notes *notes;
    const char *path;
};

static void note_breach(void *context, const struct espota_table_problem *problem)
{
    const struct breaches *b = context;
    char words[ESPOTA_PROBLEM_TEXT];
    espota_flash_note(b->notes, true, "the partition table in %s: %s", b->path,
                      espota_table_problem_text(problem, words));
}

/* Made long ago perhaps: judged as the bootloader will, and the rest is a warning. */
int flash_read_merged_table(struct flash_planning *p, const struct espota_flash_file *merged,
                            struct espota_table *table)
{
    const struct espota_file *file = &merged->file;
    struct espota_table_problem problem;
    struct breaches breaches = { &p->plan->notes, merged->path };
    char words[ESPOTA_PROBLEM_TEXT];
    uint8_t sector[ESPOTA_TABLE_BINARY_SIZE];
    if (!file->merged.has_table)
        return espota_fail(
            p->error, ESPOTA_ERR_VERIFY,
            "%s holds a bootloader and more, but no partition table: its parts cannot be placed",
            merged->path);
    size_t left = merged->data.size - file->merged.table;
    memset(sector, 0xff, sizeof sector);
    memcpy(sector, merged->data.data + file->merged.table, left < sizeof sector ? left : sizeof sector);
    if (espota_table_parse_flash(table, sector, sizeof sector, flash_merged_base(merged) + file->merged.table,
                                 p->device->info.flash_size, espota_md5, &problem) != 0)
        return espota_fail(p->error, ESPOTA_ERR_VERIFY, "the partition table in %s is not valid: %s",
                           merged->path, espota_table_problem_text(&problem, words));
    (void)espota_table_check(table, note_breach, &breaches);
    return 0;
}

/* What the image has for a range of flash, without the FF at its end. */
static size_t part_of(const struct espota_flash_file *merged, uint32_t offset, uint32_t length,
                      const uint8_t **data)
{
    uint32_t base = flash_merged_base(merged);
    size_t size = merged->data.size;
    if (offset < base || offset - base >= size)
        return 0;
    *data = merged->data.data + (offset - base);
    size_t left = size - (offset - base);
    size_t used = left < length ? left : length;
    while (used > 0 && (*data)[used - 1] == 0xff)
        used--;
    return used;
}

static int add_loader(struct flash_planning *p, const struct espota_flash_file *merged)
{
    const uint8_t *data = NULL;
    if (!merged->file.merged.has_bootloader)
        return 0;
    uint32_t offset = flash_merged_base(merged) + merged->file.merged.bootloader;
    size_t size = part_of(merged, offset, p->plan->table_offset - offset, &data);
    if (p->info.chip && offset != p->info.chip->bootloader_offset)
        return espota_fail(p->error, ESPOTA_ERR_VERIFY,
                           "%s has its bootloader at 0x%" PRIx32 ", but an %s starts it from 0x%" PRIx32,
                           merged->path, offset, p->info.chip->name, p->info.chip->bootloader_offset);
    return flash_add_bootloader(p, merged, data, size);
}

/* Data that the device has in a partition that stays, and that is neither blank nor what the image has, is
 * spared. */
static int is_spared(struct flash_planning *p, const struct espota_partition *partition, const uint8_t *data,
                     size_t size, bool *spared)
{
    bool same = true;
    int result = 0;
    *spared = false;
    if (p->new_layout || p->plan->erase_all)
        return 0;
    for (unsigned i = 0; i < p->plan->erasure_count; i++)
        if (p->plan->erasure[i].offset == partition->offset)
            return 0;
    uint32_t reach = update_reach(p->device), length = partition->size;
    if (reach && reach > partition->offset && length > reach - partition->offset)
        length = reach - partition->offset;
    result = espota_flash_holds(p->device, partition->offset, data, (uint32_t)size, &same, p->error);
    if (result == 0 && !same)
        result = espota_flash_is_blank(p->device, partition->offset, length, &same, NULL, p->error);
    *spared = result == 0 && !same;
    return result;
}

static int add_partition(struct flash_planning *p, const struct espota_flash_file *merged,
                         const struct espota_partition *partition)
{
    const uint8_t *data = NULL;
    bool spared = false;
    size_t size = part_of(merged, partition->offset, partition->size, &data);
    bool app = partition->type == ESPOTA_TYPE_APP;
    bool otadata = partition->type == ESPOTA_TYPE_DATA && partition->subtype == ESPOTA_DATA_OTA;
    int result = size == 0 || app || otadata || partition->type > ESPOTA_TYPE_DATA
                     ? 0
                     : is_spared(p, partition, data, size, &spared);
    if (result != 0 || size == 0 || otadata || partition->type > ESPOTA_TYPE_DATA)
        return result; /* otadata is made to start what the image starts */
    if (spared) {
        espota_flash_note(&p->plan->notes, false,
                          "'%s' stays as the device has it: what %s has for it is not written",
                          partition->label, merged->path);
        return 0;
    }
    return flash_add_piece(p, app ? ESPOTA_PIECE_APP : ESPOTA_PIECE_DATA, partition->label, merged,
                           partition->offset, data, size)
               ? 0
               : (int)p->error->status;
}

/* The end of the part at `at` that belongs to bootloader, table or a partition; 0: it belongs to none. */
static uint64_t end_of_part(const struct flash_planning *p, uint32_t at)
{
    const struct espota_table *table = &p->plan->table;
    if (at < p->plan->table_offset + ESPOTA_TABLE_SECTOR_SIZE)
        return p->plan->table_offset + ESPOTA_TABLE_SECTOR_SIZE;
    for (unsigned i = 0; i < table->count; i++)
        if (table->entry[i].offset <= at && at - table->entry[i].offset < table->entry[i].size)
            return (uint64_t)table->entry[i].offset + table->entry[i].size;
    return 0;
}

/* Data between the partitions is flashed too. */
static int add_between(struct flash_planning *p, const struct espota_flash_file *merged)
{
    uint64_t end = (uint64_t)flash_merged_base(merged) + merged->data.size;
    for (uint64_t at = flash_merged_base(merged); at < end;) {
        const uint8_t *data = NULL;
        uint64_t known = end_of_part(p, (uint32_t)at), from = at;
        if (known) {
            at = known;
            continue;
        }
        for (at += ESPOTA_SECTOR_SIZE; at < end && !end_of_part(p, (uint32_t)at);)
            at += ESPOTA_SECTOR_SIZE;
        size_t size = part_of(merged, (uint32_t)from, (uint32_t)(at - from), &data);
        if (size > 0 && !flash_add_piece(p, ESPOTA_PIECE_DATA, "data outside the partitions", merged,
                                         (uint32_t)from, data, size))
            return (int)p->error->status;
    }
    return 0;
}

int flash_add_merged(struct flash_planning *p, const struct espota_flash_file *merged)
{
    struct espota_table own;
    int result = flash_read_merged_table(p, merged, &own);
    if (result == 0 && !espota_layout_same(&own, &p->plan->table))
        return espota_fail(p->error, ESPOTA_ERR_USAGE,
                           "%s brings its own partition table: it cannot be flashed with another one",
                           merged->path);
    if (result == 0)
        result = add_loader(p, merged);
    for (unsigned i = 0; result == 0 && i < own.count; i++)
        result = add_partition(p, merged, &own.entry[i]);
    return result ? result : add_between(p, merged);
}

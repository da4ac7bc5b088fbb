#include "espota/table.h"

#include <string.h>

#define NVS_READ_WRITE_MINIMUM 0x3000u

uint64_t espota_table_end(const struct espota_table *table)
{
    /* The generator takes the partition with the highest offset, whose end need not be the highest. */
    const struct espota_partition *last = NULL;
    for (unsigned i = 0; i < table->count; i++)
        if (!last || table->entry[i].offset >= last->offset)
            last = &table->entry[i];
    return last ? (uint64_t)last->offset + last->size : 0;
}

const struct espota_partition *espota_table_find(const struct espota_table *table, const char *label)
{
    for (unsigned i = 0; i < table->count; i++)
        if (strcmp(table->entry[i].label, label) == 0)
            return &table->entry[i];
    return NULL;
}

const struct espota_partition *espota_table_find_type(const struct espota_table *table, uint8_t type,
                                                      uint8_t subtype)
{
    for (unsigned i = 0; i < table->count; i++)
        if (table->entry[i].type == type && table->entry[i].subtype == subtype)
            return &table->entry[i];
    return NULL;
}

bool espota_partition_is_slot(const struct espota_partition *partition)
{
    return partition->type == ESPOTA_TYPE_APP && partition->subtype >= ESPOTA_APP_OTA_0 &&
           partition->subtype <= ESPOTA_APP_OTA_15;
}

unsigned espota_table_slot_count(const struct espota_table *table)
{
    unsigned count = 0;
    for (unsigned i = 0; i < table->count; i++)
        count += espota_partition_is_slot(&table->entry[i]);
    return count;
}

const struct espota_partition *espota_table_slot(const struct espota_table *table, unsigned slot)
{
    if (slot > ESPOTA_APP_OTA_15 - ESPOTA_APP_OTA_0)
        return NULL;
    return espota_table_find_type(table, ESPOTA_TYPE_APP, (uint8_t)(ESPOTA_APP_OTA_0 + slot));
}

static int fault(struct espota_table_problem *problem, enum espota_table_fault code,
                 const struct espota_partition *partition, uint32_t a, uint32_t b, uint32_t c)
{
    memset(problem, 0, sizeof *problem);
    problem->fault = code;
    if (partition)
        memcpy(problem->label, partition->label, sizeof problem->label);
    problem->value[0] = a;
    problem->value[1] = b;
    problem->value[2] = c;
    return -1;
}

static int verify_entry(const struct espota_partition *p, struct espota_table_problem *problem)
{
    uint32_t alignment = p->type == ESPOTA_TYPE_APP ? ESPOTA_APP_ALIGNMENT : ESPOTA_SECTOR_SIZE;
    if (p->offset % alignment)
        return fault(problem, ESPOTA_TABLE_MISALIGNED_OFFSET, p, p->offset, alignment, 0);
    if (p->type == ESPOTA_TYPE_APP && p->size % ESPOTA_SECTOR_SIZE)
        return fault(problem, ESPOTA_TABLE_MISALIGNED_SIZE, p, p->size, ESPOTA_SECTOR_SIZE, 0);
    if (p->type != ESPOTA_TYPE_DATA)
        return 0;
    bool readonly = p->flags & ESPOTA_FLAG_READONLY;
    if (readonly && (p->subtype == ESPOTA_DATA_OTA || p->subtype == ESPOTA_DATA_COREDUMP))
        return fault(problem, ESPOTA_TABLE_NOT_READONLY, p, 0, 0, 0);
    if (!readonly && p->subtype == ESPOTA_DATA_NVS && p->size < NVS_READ_WRITE_MINIMUM)
        return fault(problem, ESPOTA_TABLE_NVS_TOO_SMALL, p, p->size, NVS_READ_WRITE_MINIMUM, 0);
    return 0;
}

static int verify_names(const struct espota_table *table, struct espota_table_problem *problem)
{
    for (unsigned i = 0; i < table->count; i++)
        if (espota_table_find(table, table->entry[i].label) != &table->entry[i])
            return fault(problem, ESPOTA_TABLE_DUPLICATE_NAME, &table->entry[i], 0, 0, 0);
    return 0;
}

/* The primary bootloader and the table itself may be listed, and then lie below everything else. */
static bool may_lie_below(const struct espota_partition *p)
{
    return (p->type == ESPOTA_TYPE_BOOTLOADER || p->type == ESPOTA_TYPE_PARTITION_TABLE) && p->subtype == 0;
}

/* In order of offset, each partition must start at or after the end of the one before. */
static int verify_places(const struct espota_table *table, struct espota_table_problem *problem)
{
    unsigned order[ESPOTA_TABLE_MAX_ENTRIES];
    for (unsigned i = 0; i < table->count; i++) {
        unsigned at = i;
        for (; at > 0 && table->entry[order[at - 1]].offset > table->entry[i].offset; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    uint32_t first_usable = table->offset + ESPOTA_TABLE_SECTOR_SIZE;
    const struct espota_partition *last = NULL;
    for (unsigned i = 0; i < table->count; i++) {
        const struct espota_partition *p = &table->entry[order[i]];
        if (p->offset < first_usable && !may_lie_below(p))
            return fault(problem, ESPOTA_TABLE_BELOW_TABLE, p, p->offset, first_usable, 0);
        if (last && p->offset < (uint64_t)last->offset + last->size)
            return fault(problem, ESPOTA_TABLE_OVERLAP, p, p->offset, last->offset,
                         last->offset + last->size - 1);
        last = p;
    }
    return 0;
}

static int verify_otadata(const struct espota_table *table, uint8_t subtype,
                          struct espota_table_problem *problem)
{
    const struct espota_partition *first = espota_table_find_type(table, ESPOTA_TYPE_DATA, subtype);
    if (!first)
        return 0;
    for (unsigned i = 0; i < table->count; i++) {
        const struct espota_partition *p = &table->entry[i];
        if (p != first && p->type == ESPOTA_TYPE_DATA && p->subtype == subtype)
            return fault(problem, ESPOTA_TABLE_SEVERAL_OTADATA, p, subtype, 0, 0);
    }
    if (first->size != ESPOTA_OTADATA_SIZE)
        return fault(problem, ESPOTA_TABLE_OTADATA_SIZE, first, first->size, ESPOTA_OTADATA_SIZE, 0);
    return 0;
}

int espota_table_verify(const struct espota_table *table, struct espota_table_problem *problem)
{
    for (unsigned i = 0; i < table->count; i++)
        if (verify_entry(&table->entry[i], problem) != 0)
            return -1;
    if (verify_names(table, problem) != 0 || verify_places(table, problem) != 0 ||
        verify_otadata(table, ESPOTA_DATA_OTA, problem) != 0)
        return -1;
    return verify_otadata(table, ESPOTA_DATA_TEE_OTA, problem);
}

int espota_table_verify_fits(const struct espota_table *table, uint64_t flash_size,
                             struct espota_table_problem *problem)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct espota_partition *p = &table->entry[i];
        uint64_t end = (uint64_t)p->offset + p->size;
        if (end > flash_size)
            return fault(problem, ESPOTA_TABLE_BEYOND_FLASH, p, end > UINT32_MAX ? UINT32_MAX : (uint32_t)end,
                         flash_size > UINT32_MAX ? UINT32_MAX : (uint32_t)flash_size, 0);
    }
    return 0;
}

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

/* Of several, the bootloader takes the last: it fills in its state entry by entry. */
static bool last_counts(uint8_t type, uint8_t subtype)
{
    return type == ESPOTA_TYPE_APP || (type == ESPOTA_TYPE_DATA && subtype == ESPOTA_DATA_OTA);
}

const struct espota_partition *espota_table_find_type(const struct espota_table *table, uint8_t type,
                                                      uint8_t subtype)
{
    const struct espota_partition *found = NULL;
    for (unsigned i = 0; i < table->count; i++)
        if (table->entry[i].type == type && table->entry[i].subtype == subtype &&
            (!found || last_counts(type, subtype)))
            found = &table->entry[i];
    return found;
}

const struct espota_partition *espota_table_otadata(const struct espota_table *table)
{
    const struct espota_partition *p = espota_table_find_type(table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA);
    return p && p->size >= ESPOTA_OTADATA_SIZE ? p : NULL;
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

uint32_t espota_partition_capacity(const struct espota_partition *partition)
{
    uint32_t lead = (0u - partition->offset) % ESPOTA_SECTOR_SIZE;
    return partition->size < lead ? 0 : (partition->size - lead) / ESPOTA_SECTOR_SIZE * ESPOTA_SECTOR_SIZE;
}

/* An agent on a chip tells nobody what is wrong with its table. */
#ifdef ESPOTA_SMALL
enum { TELLS = false };
#else
enum { TELLS = true };
#endif

static int fault(struct espota_table_problem *problem, enum espota_table_fault code,
                 const struct espota_partition *partition, uint32_t a, uint32_t b, uint32_t c)
{
    if (!TELLS)
        return -1;
    memset(problem, 0, sizeof *problem);
    problem->fault = code;
    memcpy(problem->label, partition->label, sizeof problem->label);
    problem->value[0] = a;
    problem->value[1] = b;
    problem->value[2] = c;
    return -1;
}

/* ---- the generator's rules ------------------------------------------------------------------------------
 */

struct check {
    espota_table_report_fn *report;
    void *context;
    unsigned count;
};

static void breach(struct check *check, enum espota_table_fault code,
                   const struct espota_partition *partition, uint32_t a, uint32_t b, uint32_t c)
{
    struct espota_table_problem problem = { .fault = code };
    check->count++;
    if (!check->report)
        return;
    (void)fault(&problem, code, partition, a, b, c);
    check->report(check->context, &problem);
}

static void check_data(struct check *check, const struct espota_partition *p)
{
    bool readonly = p->flags & ESPOTA_FLAG_READONLY;
    if (readonly && (p->subtype == ESPOTA_DATA_OTA || p->subtype == ESPOTA_DATA_COREDUMP))
        breach(check, ESPOTA_TABLE_NOT_READONLY, p, 0, 0, 0);
    if (!readonly && p->subtype == ESPOTA_DATA_NVS && p->size < NVS_READ_WRITE_MINIMUM)
        breach(check, ESPOTA_TABLE_NVS_TOO_SMALL, p, p->size, NVS_READ_WRITE_MINIMUM, 0);
}

static void check_entry(struct check *check, const struct espota_partition *p)
{
    uint32_t alignment = p->type == ESPOTA_TYPE_APP ? ESPOTA_APP_ALIGNMENT : ESPOTA_SECTOR_SIZE;
    if (p->offset % alignment)
        breach(check, ESPOTA_TABLE_MISALIGNED_OFFSET, p, p->offset, alignment, 0);
    if (p->type == ESPOTA_TYPE_APP && p->size % ESPOTA_SECTOR_SIZE)
        breach(check, ESPOTA_TABLE_MISALIGNED_SIZE, p, p->size, ESPOTA_SECTOR_SIZE, 0);
    if (p->type == ESPOTA_TYPE_DATA)
        check_data(check, p);
}

static void check_names(struct check *check, const struct espota_table *table)
{
    for (unsigned i = 0; i < table->count; i++)
        if (espota_table_find(table, table->entry[i].label) != &table->entry[i])
            breach(check, ESPOTA_TABLE_DUPLICATE_NAME, &table->entry[i], 0, 0, 0);
}

/* The primary bootloader and the table itself may be listed, and then lie below everything else. */
static bool may_lie_below(const struct espota_partition *p)
{
    return (p->type == ESPOTA_TYPE_BOOTLOADER || p->type == ESPOTA_TYPE_PARTITION_TABLE) && p->subtype == 0;
}

static uint64_t first_usable(const struct espota_table *table)
{
    return (uint64_t)table->offset + ESPOTA_TABLE_SECTOR_SIZE;
}

static uint64_t end_of(const struct espota_partition *p)
{
    return (uint64_t)p->offset + p->size;
}

static void sort_by_offset(const struct espota_table *table, uint8_t order[ESPOTA_TABLE_MAX_ENTRIES])
{
    for (unsigned i = 0; i < table->count; i++) {
        unsigned at = i;
        for (; at > 0 && table->entry[order[at - 1]].offset > table->entry[i].offset; at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)i;
    }
}

/* In order of offset, each partition must start at or after the end of those before. */
static void check_places(struct check *check, const struct espota_table *table)
{
    uint8_t order[ESPOTA_TABLE_MAX_ENTRIES];
    const struct espota_partition *last = NULL;
    sort_by_offset(table, order);
    for (unsigned i = 0; i < table->count; i++) {
        const struct espota_partition *p = &table->entry[order[i]];
        if (p->offset < first_usable(table) && !may_lie_below(p))
            breach(check, ESPOTA_TABLE_BELOW_TABLE, p, p->offset, (uint32_t)first_usable(table), 0);
        if (last && p->offset < end_of(last))
            breach(check, ESPOTA_TABLE_OVERLAP, p, p->offset, last->offset, (uint32_t)(end_of(last) - 1));
        if (!last || end_of(p) >= end_of(last))
            last = p;
    }
}

static void check_otadata(struct check *check, const struct espota_table *table, uint8_t subtype)
{
    const struct espota_partition *first = NULL;
    for (unsigned i = 0; i < table->count; i++) {
        const struct espota_partition *p = &table->entry[i];
        if (p->type != ESPOTA_TYPE_DATA || p->subtype != subtype)
            continue;
        if (first)
            breach(check, ESPOTA_TABLE_SEVERAL_OTADATA, p, subtype, 0, 0);
        else
            first = p;
        if (p->size != ESPOTA_OTADATA_SIZE)
            breach(check, ESPOTA_TABLE_OTADATA_SIZE, p, p->size, ESPOTA_OTADATA_SIZE, 0);
    }
}

unsigned espota_table_check(const struct espota_table *table, espota_table_report_fn *report, void *context)
{
    struct check check = { report, context, 0 };
    for (unsigned i = 0; i < table->count; i++)
        check_entry(&check, &table->entry[i]);
    check_names(&check, table);
    check_places(&check, table);
    check_otadata(&check, table, ESPOTA_DATA_OTA);
    check_otadata(&check, table, ESPOTA_DATA_TEE_OTA);
    return check.count;
}

static void keep_first(void *context, const struct espota_table_problem *problem)
{
    struct espota_table_problem *first = context;
    if (first->fault == ESPOTA_TABLE_OK)
        *first = *problem;
}

int espota_table_verify(const struct espota_table *table, struct espota_table_problem *problem)
{
    problem->fault = ESPOTA_TABLE_OK;
    return espota_table_check(table, keep_first, problem) == 0 ? 0 : -1;
}

/* ---- limits ---------------------------------------------------------------------------------------------
 */

int espota_table_verify_writable(const struct espota_table *table, const struct espota_partition *partition,
                                 struct espota_table_problem *problem)
{
    if (partition->offset % ESPOTA_SECTOR_SIZE)
        return fault(problem, ESPOTA_TABLE_MISALIGNED_OFFSET, partition, partition->offset,
                     ESPOTA_SECTOR_SIZE, 0);
    return espota_table_verify_alone(table, partition, problem);
}

int espota_table_verify_alone(const struct espota_table *table, const struct espota_partition *partition,
                              struct espota_table_problem *problem)
{
    const struct espota_partition *p = partition;
    if (p->offset < first_usable(table))
        return fault(problem, ESPOTA_TABLE_BELOW_TABLE, p, p->offset, (uint32_t)first_usable(table), 0);
    for (unsigned i = 0; i < table->count; i++) {
        const struct espota_partition *other = &table->entry[i];
        if (other != p && other->offset < end_of(p) && p->offset < end_of(other))
            return fault(problem, ESPOTA_TABLE_OVERLAP, p, p->offset, other->offset,
                         (uint32_t)(end_of(other) - 1));
    }
    return 0;
}

uint32_t espota_table_room(const struct espota_table *table, const struct espota_partition *partition)
{
    uint32_t whole = espota_partition_capacity(partition);
    uint64_t sectors = (end_of(partition) + ESPOTA_SECTOR_SIZE - 1) / ESPOTA_SECTOR_SIZE * ESPOTA_SECTOR_SIZE;
    for (unsigned i = 0; i < table->count; i++) {
        const struct espota_partition *other = &table->entry[i];
        if (other->offset >= end_of(partition) && other->offset < sectors)
            return whole;
    }
    return partition->size;
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

#include "espota/bootsel.h"
#include "espota/otadata.h"
#include "espota/table.h"

#include <stddef.h>

#define INDEX_FACTORY (-1)

static void set_state(struct espota_otadata *otadata, struct espota_boot_choice *choice, int record,
                      uint32_t state)
{
    otadata->record[record].state = state;
    choice->otadata_changed[record] = true;
}

/* A trial that was under way at the reset has failed: its app did not confirm itself. */
static void abort_unconfirmed(struct espota_otadata *otadata, struct espota_boot_choice *choice)
{
    for (int i = 0; i < 2; i++)
        if (otadata->record[i].state == ESPOTA_OTA_PENDING_VERIFY)
            set_state(otadata, choice, i, ESPOTA_OTA_ABORTED);
}

static bool asks_for_nothing(const struct espota_otadata_record *r)
{
    return r->sequence == UINT32_MAX || r->state == ESPOTA_OTA_INVALID || r->state == ESPOTA_OTA_ABORTED;
}

static int wanted_index(const struct espota_table *table, struct espota_otadata *otadata, bool rollback,
                        struct espota_boot_choice *choice)
{
    unsigned slots = espota_table_slot_count(table);
    if (!espota_table_find_type(table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA))
        return INDEX_FACTORY;
    if (rollback)
        abort_unconfirmed(otadata, choice);
    if (slots == 0 || (asks_for_nothing(&otadata->record[0]) && asks_for_nothing(&otadata->record[1]))) {
        bool factory = espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY) != NULL;
        return factory ? INDEX_FACTORY : 0;
    }
    int active = espota_otadata_active(otadata);
    if (active < 0)
        return INDEX_FACTORY;
    if (rollback && otadata->record[active].state == ESPOTA_OTA_NEW)
        set_state(otadata, choice, active, ESPOTA_OTA_PENDING_VERIFY);
    return espota_otadata_active_slot(otadata, slots);
}

static const struct espota_partition *at_index(const struct espota_table *table, int index)
{
    if (index == INDEX_FACTORY)
        return espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY);
    if (index < 0 || (unsigned)index >= espota_table_slot_count(table))
        return NULL;
    return espota_table_slot(table, (unsigned)index);
}

static const struct espota_partition *try_index(const struct espota_table *table, int index,
                                                espota_bootable_fn *bootable, void *context)
{
    const struct espota_partition *p = at_index(table, index);
    return p && p->size > 0 && bootable(context, p) ? p : NULL;
}

static const struct espota_partition *first_bootable(const struct espota_table *table, int start,
                                                     espota_bootable_fn *bootable, void *context, int *index)
{
    const struct espota_partition *p = NULL;
    for (*index = start; *index >= INDEX_FACTORY; --*index)
        if ((p = try_index(table, *index, bootable, context)))
            return p;
    for (*index = start + 1; *index < (int)espota_table_slot_count(table); ++*index)
        if ((p = try_index(table, *index, bootable, context)))
            return p;
    p = espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_TEST);
    return p && p->size > 0 && bootable(context, p) ? p : NULL;
}

/* Without a factory app and with otadata never written, the bootloader records the slot that it started. */
static bool records_first_boot(const struct espota_table *table, const struct espota_otadata *otadata)
{
    return espota_table_find_type(table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA) &&
           !espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY) &&
           !espota_otadata_record_intact(&otadata->record[0]) &&
           !espota_otadata_record_intact(&otadata->record[1]) && asks_for_nothing(&otadata->record[0]) &&
           asks_for_nothing(&otadata->record[1]);
}

struct espota_boot_choice espota_boot_choose(const struct espota_table *table, struct espota_otadata *otadata,
                                             bool rollback, espota_bootable_fn *bootable, void *context)
{
    struct espota_boot_choice choice = { 0 };
    if (espota_table_find_type(table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA) && !espota_table_otadata(table))
        return choice; /* too small to be read: the bootloader gives up */
    bool first_boot = records_first_boot(table, otadata);
    int start = wanted_index(table, otadata, rollback, &choice);
    int index = start;
    choice.wanted = at_index(table, start);
    choice.partition = first_bootable(table, start, bootable, context, &index);
    if (first_boot && choice.partition && espota_partition_is_slot(choice.partition)) {
        struct espota_otadata_record *record = &otadata->record[0];
        record->sequence = (uint32_t)index + 1u;
        for (size_t i = 0; i < sizeof record->label; i++)
            record->label[i] = 0xff;
        record->state = ESPOTA_OTA_VALID;
        record->crc = espota_otadata_crc(record->sequence);
        choice.otadata_changed[0] = true;
    }
    return choice;
}

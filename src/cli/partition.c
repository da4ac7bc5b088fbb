#include "partition.h"

#include "espota/slots.h"

#include <stdio.h>
#include <string.h>

static bool is_of_kind(const struct espota_partition *p, const struct partition_kind *kind)
{
    if (p->type != ESPOTA_TYPE_DATA)
        return false;
    for (unsigned i = 0; i < kind->count; i++)
        if (p->subtype == kind->subtypes[i])
            return true;
    return false;
}

static int choose_only(const struct espota_table *table, const struct partition_kind *kind,
                       const char *device, const struct espota_partition **found, struct espota_error *error)
{
    char names[160] = "";
    unsigned count = 0;
    for (unsigned i = 0; i < table->count; i++) {
        const struct espota_partition *p = &table->entry[i];
        if (!is_of_kind(p, kind))
            continue;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s'%s'", count++ ? ", " : "", p->label);
        *found = p;
        if (kind->usual && strcmp(p->label, kind->usual) == 0)
            return 0;
    }
    if (count == 0)
        return espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_LIST_PARTITIONS,
                                "the table of %s has no %s partition", device, kind->what);
    if (count > 1)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "which of them? %s has several %s partitions: name one of %s with --partition",
                           device, kind->what, names);
    return 0;
}

int partition_choose(struct espota_device *device, uint32_t table_offset, const char *name,
                     const struct partition_kind *kind, struct espota_partition *partition,
                     struct espota_error *error)
{
    struct espota_slots slots;
    const struct espota_partition *found = NULL;
    int result = espota_slots_load(&slots, device, table_offset, error);
    if (result != 0)
        return result;
    if (!name) {
        result = choose_only(&slots.table, kind, device->name, &found, error);
    } else {
        found = espota_table_find(&slots.table, name);
        if (!found)
            result = espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_LIST_PARTITIONS,
                                      "%s has no partition '%s'", device->name, name);
    }
    if (result == 0)
        *partition = *found;
    return result;
}

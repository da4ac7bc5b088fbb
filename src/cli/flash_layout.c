#include "flash_layout.h"

#include "connect.h"

#include "espota/layout_change.h"

#include <stdio.h>
#include <string.h>

/* @return true when there is a valid table to lose. */
static bool load_old_table(struct espota_device *device, uint32_t offset, struct espota_table *table,
                           int *result, struct espota_error *error)
{
    uint8_t data[ESPOTA_TABLE_BINARY_SIZE];
    struct espota_table_problem problem;
    *result = espota_device_read(device, offset, data, sizeof data, error);
    return *result == 0 &&
           espota_table_parse_flash(table, data, sizeof data, offset, 0, espota_md5, &problem) == 0 &&
           table->count > 0;
}

static int erase_all(struct cli *cli, struct espota_device *device, struct espota_error *error)
{
    uint32_t size = device->info.flash_size;
    espota_ui_say(&cli->ui, "Erasing all %uM of flash", size >> 20);
    start_progress(cli, "Erasing", size);
    int result = espota_device_erase(device, 0, size, error);
    espota_ui_progress_end(&cli->ui);
    return result;
}

/* Say what becomes of each partition. `losses` gets the names of those that do not stay. */
static void tell(struct cli *cli, const struct espota_device *device, const struct espota_table *old,
                 const struct espota_table *new, char *losses, size_t room)
{
    struct espota_layout_change change[ESPOTA_TABLE_MAX_ENTRIES];
    char text[ESPOTA_LAYOUT_TEXT];
    espota_layout_compare(old, new, change);
    espota_ui_say(&cli->ui, "%s holds another partition table. With this one:", device->name);
    losses[0] = '\0';
    for (unsigned i = 0; i < old->count; i++) {
        size_t used = strlen(losses);
        espota_ui_say(&cli->ui, "  %s", espota_layout_change_text(&change[i], text));
        if (change[i].fate != ESPOTA_FATE_STAYS && used + 24 < room)
            snprintf(losses + used, room - used, "%s'%s'", used ? ", " : "", old->entry[i].label);
    }
    for (unsigned i = 0; i < new->count; i++)
        if (!espota_table_find(old, new->entry[i].label))
            espota_ui_say(&cli->ui, "  '%s' is new", new->entry[i].label);
}

/* Is it written over anyway, from its start? */
static bool is_written(const struct job *job, const struct espota_layout_erasure *e)
{
    for (unsigned i = 0; i < job->count; i++)
        if (job->piece[i].offset == e->partition->offset &&
            espota_smart_write_total(job->piece[i].data.size) >= e->length)
            return true;
    return false;
}

static json_t *story_json(const struct espota_table *table, const struct espota_layout_erasure *erasure,
                          unsigned count)
{
    json_t *kept = json_array(), *erased = json_array();
    for (unsigned i = 0, k = 0; i < table->count; i++) {
        bool goes = k < count && erasure[k].partition == &table->entry[i];
        json_array_append_new(goes ? erased : kept, text_or_null(table->entry[i].label));
        k += goes;
    }
    return json_pack("{s:o, s:o}", "kept", kept, "erased", erased);
}

/* Before the new table is there: an interrupted run finds the old one again, and does all of it again. */
static int migrate(struct cli *cli, struct espota_device *device, const struct job *job,
                   const struct espota_table *old, json_t **story, struct espota_error *error)
{
    struct espota_layout_erasure erasure[ESPOTA_TABLE_MAX_ENTRIES];
    unsigned count = espota_layout_erasures(old, &job->table, erasure);
    uint64_t total = 0;
    int result = 0;
    for (unsigned i = 0; i < count; i++)
        total += is_written(job, &erasure[i]) ? 0 : erasure[i].length;
    start_progress(cli, "Erasing", total);
    for (unsigned i = 0; result == 0 && i < count; i++) {
        const struct espota_partition *p = erasure[i].partition;
        if (is_written(job, &erasure[i]))
            continue;
        result = espota_device_erase(device, p->offset, erasure[i].length, error);
        if (result == 0)
            espota_ui_say(&cli->ui, "0x%06x erased for '%s'", (unsigned)p->offset, p->label);
    }
    espota_ui_progress_end(&cli->ui);
    *story = story_json(&job->table, erasure, count);
    return result;
}

int prepare_layout(struct cli *cli, struct espota_device *device, const struct job *job,
                   uint32_t table_offset, enum layout_policy policy, json_t **story,
                   struct espota_error *error)
{
    struct espota_table old;
    char losses[512];
    int result = 0;
    *story = NULL;
    if (policy == LAYOUT_ERASE)
        return erase_all(cli, device, error);
    if (!job->has_table || !load_old_table(device, table_offset, &old, &result, error) ||
        espota_layout_same(&old, &job->table))
        return result;
    tell(cli, device, &old, &job->table, losses, sizeof losses);
    if (policy == LAYOUT_MIGRATE)
        return migrate(cli, device, job, &old, story, error);
    return espota_fail(
        error, ESPOTA_ERR_REFUSED,
        "refused to change the partition table of %s: %s%s; back up what matters ('espota backup'), "
        "then give --migrate to keep what stays, or --erase to begin anew",
        device->name, losses[0] ? "the content would be lost of " : "partitions are added", losses);
}

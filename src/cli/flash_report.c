#include "flash_report.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/size.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- the plan -------------------------------------------------------------------------------------------
 */

void say_notes(struct cli *cli, const struct espota_flash_notes *notes)
{
    for (unsigned i = 0; i < notes->count; i++) {
        if (notes->note[i].warning)
            espota_ui_warn(&cli->ui, "%s", notes->note[i].text);
        else
            espota_ui_say(&cli->ui, "note: %s", notes->note[i].text);
    }
}

static void say_changes(struct cli *cli, const struct espota_device *device,
                        const struct espota_flash_plan *plan)
{
    const struct espota_table *old = &plan->contents.table, *new = &plan->table;
    char text[ESPOTA_LAYOUT_TEXT];
    espota_ui_say(&cli->ui, "%s holds another partition table. With this one:", device->name);
    for (unsigned i = 0; i < old->count; i++)
        espota_ui_say(&cli->ui, "  %s", espota_layout_change_text(&plan->change[i], text));
    for (unsigned i = 0; i < new->count; i++)
        if (!espota_table_find(old, new->entry[i].label))
            espota_ui_say(&cli->ui, "  '%s' is new", new->entry[i].label);
}

/* What a merged image has in it is not to be seen from its name. */
static void say_merged(struct cli *cli, const struct espota_flash_files *files,
                       const struct espota_table *table)
{
    char size[ESPOTA_SIZE_TEXT], label[ESPOTA_LABEL_LENGTH + 1];
    for (unsigned i = 0; i < files->count; i++) {
        if (files->list[i].role != ESPOTA_FLASH_MERGED)
            continue;
        espota_ui_say(&cli->ui, "%s is a merged image, with the partition table", files->list[i].path);
        for (unsigned k = 0; k < table->count; k++) {
            const struct espota_partition *p = &table->entry[k];
            const char *type = espota_type_name(p->type), *subtype = espota_subtype_name(p->type, p->subtype);
            snprintf(label, sizeof label, "%s", p->label);
            espota_ui_say(&cli->ui, "  %-*s  %-4s  %-9s  0x%06" PRIx32 "  %s", espota_ui_pad(label, 16),
                          label, type ? type : "?", subtype ? subtype : "?", p->offset,
                          espota_size_text(p->size, size));
        }
    }
}

/* An app of another firmware looks for partitions that the planned layout does not have. */
static void suggest_layout(struct cli *cli, const struct espota_flash_files *files)
{
    const struct espota_flash_file *app = espota_flash_files_get(files, ESPOTA_FLASH_APP);
    if (!app)
        return;
    bool described = app->file.image.has_description;
    enum espota_firmware firmware = espota_firmware_of_app(described ? &app->file.image.description : NULL,
                                                           app->data.data, app->data.size);
    if (firmware != ESPOTA_FIRMWARE_LOBO)
        espota_ui_say(
            &cli->ui,
            "note: the layout is LoBo MicroPython's; --for %s plans the one that this app looks for",
            espota_firmware_name(firmware));
}

void say_plan(struct cli *cli, const struct espota_device *device, const struct espota_flash_files *files,
              const struct espota_flash_plan *plan)
{
    char size[ESPOTA_SIZE_TEXT];
    bool own = plan->firmware == ESPOTA_FIRMWARE_LOBO;
    if (plan->has_table)
        say_merged(cli, files, &plan->table);
    if (plan->planned)
        espota_ui_say(&cli->ui, "Planned layout %s%s%s for %s of flash", espota_layout_name(plan->layout),
                      own ? "" : " of ", own ? "" : espota_firmware_name(plan->firmware),
                      espota_size_text(device->info.flash_size, size));
    if (plan->planned && own)
        suggest_layout(cli, files);
    say_notes(cli, &plan->notes);
    if (plan->layout_differs)
        say_changes(cli, device, plan);
}

/* ---- the outcome ----------------------------------------------------------------------------------------
 */

static struct items piece_items(const struct espota_flash_plan *plan)
{
    struct items items = items_begin();
    for (unsigned i = 0; i < plan->piece_count; i++) {
        const struct espota_flash_piece *p = &plan->piece[i];
        struct fields fields = fields_begin();
        field_text_if_any(&fields, "what", p->name);
        field_text_if_any(&fields, "file", p->file);
        field_number(&fields, "offset", p->offset);
        field_number(&fields, "size", (int64_t)p->size);
        field_number(&fields, "written", p->result.written);
        field_number(&fields, "kept", p->result.kept);
        item_object(&items, fields);
    }
    return items;
}

/* What a change of layout kept and what not. */
static void field_migration(struct fields *to, const struct espota_flash_plan *plan)
{
    struct espota_layout_erasure gone[ESPOTA_TABLE_MAX_ENTRIES];
    if (!plan->layout_differs) {
        field_null(to, "migration");
        return;
    }
    unsigned count = espota_layout_erasures(&plan->contents.table, &plan->table, gone);
    struct items kept = items_begin(), erased = items_begin();
    for (unsigned i = 0, k = 0; i < plan->table.count; i++) {
        bool goes = k < count && gone[k].partition == &plan->table.entry[i];
        item_text(goes ? &erased : &kept, plan->table.entry[i].label);
        k += goes;
    }
    struct fields migration = fields_begin();
    field_list(&migration, "kept", kept);
    field_list(&migration, "erased", erased);
    field_object(to, "migration", migration);
}

/* Only what the bootloader that is in flash would do. */
static void say_boot(struct cli *cli, const struct espota_flash_plan *plan)
{
    if (plan->loader == ESPOTA_FLASH_LOADER_NONE)
        espota_ui_warn(&cli->ui,
                       "nothing boots: there is no bootloader in flash at 0x%" PRIx32
                       "; the app's build makes one (bootloader.bin), and --bootloader flashes it",
                       plan->chip->bootloader_offset);
    else if (plan->loader == ESPOTA_FLASH_LOADER_UNKNOWN)
        espota_ui_say(&cli->ui, "What boots is not known without the chip: give --chip");
    else if (plan->has_table && !plan->boots)
        espota_ui_warn(&cli->ui, "nothing boots: no partition holds an app that the bootloader would start");
    else if (plan->app && plan->boots != plan->app)
        espota_ui_warn(&cli->ui, "'%s' boots next, not '%s', which the app went into", plan->boots->label,
                       plan->app->label);
    else if (plan->boots)
        espota_ui_say(&cli->ui, "'%s' boots next", plan->boots->label);
}

static int set_flash_result(struct cli *cli, const struct espota_device *device,
                            const struct espota_flash_files *files, const struct espota_flash_plan *plan,
                            double seconds, double rate, struct espota_error *error)
{
    struct fields document = device_document_begin(device->name);
    field_chip(&document, "chip", plan->chip);
    field_number(&document, "flash_size", device->info.flash_size);
    field_text_if_any(&document, "build", espota_flash_origin_name(files->origin));
    field_label(&document, "app", plan->app);
    field_label(&document, "boots", plan->boots);
    field_migration(&document, plan);
    field_list(&document, "pieces", piece_items(plan));
    field_real(&document, "seconds", seconds);
    field_real(&document, "kib_per_second", rate);
    return set_device_result(cli, document, error);
}

int report_flash(struct cli *cli, const struct espota_device *device, const struct espota_flash_files *files,
                 const struct espota_flash_plan *plan, uint64_t ms, struct espota_error *error)
{
    uint64_t total = 0, changed = 0;
    for (unsigned i = 0; i < plan->piece_count; i++) {
        total += plan->piece[i].size;
        changed += plan->piece[i].result.written;
    }
    double seconds = (double)ms / 1000.0;
    double rate = ms > 0 ? (double)total / 1024.0 / seconds : 0;
    espota_ui_say(&cli->ui, "%" PRIu64 " byte%s in %.1f s, %.1f KiB/s effective, %" PRIu64 "K written", total,
                  ESPOTA_PLURAL(total), seconds, rate, changed / 1024);
    say_boot(cli, plan);
    return cli->json ? set_flash_result(cli, device, files, plan, seconds, rate, error) : 0;
}

#include "connect.h"

#include "espota/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    struct connect_options connect;
    struct size_option table_offset;
};

static const struct option_spec option_table[] = {
    CONNECT_PORT_ROWS(struct options, connect),
    CONNECT_AGENT_ROWS(struct options, connect),
    CONNECT_VIA_ROW(struct options, connect, "agent"),
    CONNECT_ROM_ROWS(struct options, connect),
    { "table-offset", 0, OPTION_SIZE, offsetof(struct options, table_offset), "OFFSET",
      "where the partition table lies (as the device says, or 0x8000)" },
    OPTION_END,
};

/* One app partition as status shows it. */
struct app {
    const struct espota_partition *partition;
    struct espota_image image;
    enum espota_slot_state state;
    const char *trial; /* otadata state, or NULL */
    bool running, boots, next;
};

struct report {
    struct espota_device *device;
    struct espota_slots slots;
    struct app *app;
    size_t count;
};

/* State of the newest record that selects this slot. */
static const char *trial_state(const struct espota_slots *slots, const struct espota_partition *p)
{
    unsigned count = espota_table_slot_count(&slots->table);
    const struct espota_otadata_record *best = NULL;
    if (!slots->place || !espota_partition_is_slot(p) || count == 0)
        return NULL;
    for (int i = 0; i < 2; i++) {
        const struct espota_otadata_record *r = &slots->otadata.record[i];
        if (espota_otadata_record_intact(r) &&
            (r->sequence - 1u) % count == (uint32_t)(p->subtype - ESPOTA_APP_OTA_0) &&
            (!best || r->sequence > best->sequence))
            best = r;
    }
    return best ? espota_otadata_state_name(best->state) : NULL;
}

/* For the bootloader's eyes. */
static bool bootable(void *context, const struct espota_partition *p)
{
    const struct report *r = context;
    for (size_t i = 0; i < r->count; i++)
        if (r->app[i].partition == p)
            return r->app[i].state == ESPOTA_SLOT_VALID || r->app[i].state == ESPOTA_SLOT_UNCHECKED;
    return false;
}

static int look_at_apps(struct report *r, struct espota_error *error)
{
    struct espota_error ignored;
    const struct espota_table *table = &r->slots.table;
    const struct espota_partition *next = espota_slots_next(&r->slots, false, &ignored);
    r->app = calloc(table->count + 1, sizeof *r->app);
    if (!r->app)
        return espota_fail_memory(error, "looking at the device");
    int result = 0;
    for (unsigned i = 0; result == 0 && i < table->count; i++) {
        const struct espota_partition *p = &table->entry[i];
        if (p->type != ESPOTA_TYPE_APP)
            continue;
        struct app *app = &r->app[r->count++];
        *app = (struct app){ .partition = p,
                             .trial = trial_state(&r->slots, p),
                             .running = r->device->info.has_running && p == r->slots.running,
                             .next = p == next };
        result = espota_slot_examine(r->device, p, &app->image, &app->state, error);
    }
    r->slots.boot = espota_slots_boots(&r->slots, bootable, r);
    for (size_t i = 0; i < r->count; i++)
        r->app[i].boots = r->app[i].partition == r->slots.boot;
    return result;
}

static void print_app(const struct app *app)
{
    char size[ESPOTA_SIZE_TEXT];
    const struct espota_partition *p = app->partition;
    const char *subtype = espota_subtype_name(p->type, p->subtype);
    print("  %-16s %-8s 0x%06" PRIx32 " %6s  %-10s", p->label, subtype ? subtype : "?", p->offset,
          espota_size_text(p->size, size), espota_slot_state_name(app->state));
    if (app->state != ESPOTA_SLOT_EMPTY && app->image.has_description)
        print(" %s %s", app->image.description.project, app->image.description.version);
    if (app->running)
        print(" [running]");
    if (app->boots)
        print(" [boots next]");
    if (app->trial && strcmp(app->trial, "undefined") != 0)
        print(" [%s]", app->trial);
    print("\n");
}

static void print_report(const struct report *r)
{
    const struct espota_device_info *info = &r->device->info;
    char mac[MAC_TEXT], size[ESPOTA_SIZE_TEXT];
    print("Device:      %s", info->chip ? info->chip->name : "flash file");
    if (info->flash_size)
        print(", %s of flash", espota_size_text(info->flash_size, size));
    if (info->has_mac)
        print(", MAC %s", mac_text(info->mac, mac));
    print("\n");
    if (info->firmware[0])
        print("Agent:       %s\n", info->firmware);
    if (info->has_running)
        print("Running:     %s\n", r->slots.running ? r->slots.running->label : "an app outside the table");
    print("Boots next:  %s\n", r->slots.boot ? r->slots.boot->label : "nothing");
    print("Apps:\n");
    for (size_t i = 0; i < r->count; i++)
        print_app(&r->app[i]);
}

static struct fields app_fields(const struct app *app)
{
    struct fields fields = fields_begin();
    const struct espota_partition *p = app->partition;
    bool has = app->state != ESPOTA_SLOT_EMPTY && app->image.has_description;
    field_label(&fields, "name", p);
    field_text(&fields, "subtype", espota_subtype_name(p->type, p->subtype));
    field_number(&fields, "offset", p->offset);
    field_number(&fields, "size", p->size);
    field_text(&fields, "image", espota_slot_state_name(app->state));
    field_text(&fields, "project", has ? app->image.description.project : NULL);
    field_text(&fields, "version", has ? app->image.description.version : NULL);
    field_text(&fields, "otadata", app->trial);
    field_flag(&fields, "running", app->running);
    field_flag(&fields, "boots_next", app->boots);
    field_flag(&fields, "update_target", app->next);
    return fields;
}

static struct fields report_document(const struct report *r)
{
    const struct espota_device_info *info = &r->device->info;
    struct fields document = device_document_begin(r->device->name);
    struct items apps = items_begin();
    for (size_t i = 0; i < r->count; i++)
        item_object(&apps, app_fields(&r->app[i]));
    field_text(&document, "kind", r->device->kind);
    field_chip(&document, "chip", info->chip);
    field_number_if(&document, "flash_size", info->flash_size > 0, info->flash_size);
    field_mac(&document, "mac", info);
    field_text_if_any(&document, "agent", info->firmware);
    field_label(&document, "running", info->has_running ? r->slots.running : NULL);
    field_label(&document, "boots_next", r->slots.boot);
    field_list(&document, "apps", apps);
    return document;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct report r = { 0 };
    int result = connect_device(cli, &o->connect, VIA_AGENT, &r.device, error);
    if (result == 0)
        result = espota_slots_load(&r.slots, r.device, o->table_offset.value, error);
    if (result == 0)
        result = look_at_apps(&r, error);
    if (result == 0 && cli->json)
        result = set_device_result(cli, report_document(&r), error);
    else if (result == 0)
        print_report(&r);
    result = disconnect_device(r.device, result, error);
    free(r.app);
    return result;
}

const struct command command_status = {
    .name = "status",
    .summary = "show what runs, what boots next and what the slots hold",
    .usage = "",
    .story = "Asks the agent (or looks into a flash file) for the partition table, otadata and the apps.",
    .options = option_table,
    .options_size = sizeof(struct options),
    .run = run,
};

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

static json_t *app_json(const struct app *app)
{
    const struct espota_partition *p = app->partition;
    bool has = app->state != ESPOTA_SLOT_EMPTY && app->image.has_description;
    const char *subtype = espota_subtype_name(p->type, p->subtype);
    return json_pack("{s:o, s:o, s:I, s:I, s:s, s:o, s:o, s:o, s:b, s:b, s:b}", "name", text_json(p->label),
                     "subtype", subtype ? json_string(subtype) : json_null(), "offset", (json_int_t)p->offset,
                     "size", (json_int_t)p->size, "image", espota_slot_state_name(app->state), "project",
                     has ? text_json(app->image.description.project) : json_null(), "version",
                     has ? text_json(app->image.description.version) : json_null(), "otadata",
                     app->trial ? json_string(app->trial) : json_null(), "running", app->running,
                     "boots_next", app->boots, "update_target", app->next);
}

static json_t *label_json(const struct espota_partition *p)
{
    return p ? text_json(p->label) : json_null();
}

static json_t *report_json(const struct report *r)
{
    const struct espota_device_info *info = &r->device->info;
    char mac[MAC_TEXT];
    json_t *apps = json_array();
    for (size_t i = 0; i < r->count; i++)
        json_array_append_new(apps, app_json(&r->app[i]));
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "device", r->device->kind, "chip",
                     info->chip ? json_string(info->chip->id) : json_null(), "flash_size",
                     info->flash_size ? json_integer((json_int_t)info->flash_size) : json_null(), "mac",
                     info->has_mac ? json_string(mac_text(info->mac, mac)) : json_null(), "agent",
                     info->firmware[0] ? text_json(info->firmware) : json_null(), "running",
                     info->has_running ? label_json(r->slots.running) : json_null(), "boots_next",
                     label_json(r->slots.boot), "apps", apps);
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
        result = print_device_json(cli, report_json(&r), error);
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

#include "connect.h"
#include "fleet.h"

#include "espota/apps.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/hex.h"
#include "espota/otadata.h"
#include "espota/size.h"
#include "espota/slot_image.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct options {
    struct connect_options connect;
    struct fleet_options fleet;
    struct number_option table_offset;
};

static void print_app(const struct espota_app *app)
{
    char size[ESPOTA_SIZE_TEXT];
    const struct espota_partition *p = app->partition;
    const char *subtype = espota_subtype_name(p->type, p->subtype);
    print("  %-*s %-8s 0x%06" PRIx32 " %6s  %-10s", espota_ui_pad(p->label, 16), p->label,
          subtype ? subtype : "?", p->offset, espota_size_text(p->size, size),
          espota_slot_state_name(app->state));
    if (app->state != ESPOTA_SLOT_EMPTY && app->image.has_description)
        print(" %s %s", app->image.description.project, app->image.description.version);
    if (app->running)
        print(" [running]");
    if (app->boots)
        print(" [boots next]");
    if (app->otadata && app->otadata->state != ESPOTA_OTA_UNDEFINED)
        print(" [%s]", espota_otadata_state_name(app->otadata->state));
    print("\n");
}

static void print_report(const struct espota_device *device, const struct espota_apps *apps)
{
    const struct espota_device_info *info = &device->info;
    char mac[ESPOTA_MAC_TEXT], size[ESPOTA_SIZE_TEXT];
    print("Device:      %s", info->chip ? info->chip->name : "flash file");
    if (info->flash_size)
        print(", %s of flash", espota_size_text(info->flash_size, size));
    if (info->has_mac)
        print(", MAC %s", espota_mac_text(info->mac, mac));
    print("\n");
    if (info->firmware[0])
        print("Agent:       %s\n", info->firmware);
    if (info->has_running)
        print("Running:     %s\n",
              apps->slots.running ? apps->slots.running->label : "an app outside the table");
    print("Boots next:  %s\n", apps->slots.boot ? apps->slots.boot->label : "nothing");
    print("Apps:\n");
    for (unsigned i = 0; i < apps->count; i++)
        print_app(&apps->app[i]);
}

static struct fields app_fields(const struct espota_app *app)
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
    field_text(&fields, "otadata", app->otadata ? espota_otadata_state_name(app->otadata->state) : NULL);
    field_flag(&fields, "running", app->running);
    field_flag(&fields, "boots_next", app->boots);
    field_flag(&fields, "update_target", app->next);
    return fields;
}

static struct fields report_document(const struct espota_device *device, const struct espota_apps *apps)
{
    const struct espota_device_info *info = &device->info;
    struct fields document = device_document_begin(device->name);
    struct items list = items_begin();
    for (unsigned i = 0; i < apps->count; i++)
        item_object(&list, app_fields(&apps->app[i]));
    field_text(&document, "kind", device->kind);
    field_chip(&document, "chip", info->chip);
    field_number_if(&document, "flash_size", info->flash_size > 0, info->flash_size);
    field_mac(&document, "mac", info);
    field_text_if_any(&document, "agent", info->firmware);
    field_label(&document, "running", info->has_running ? apps->slots.running : NULL);
    field_label(&document, "boots_next", apps->slots.boot);
    field_list(&document, "apps", list);
    return document;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct espota_device *device = NULL;
    struct espota_apps *apps = malloc(sizeof *apps);
    int result = apps ? connect_device(cli, &o->connect, VIA_AGENT, &device, error)
                      : espota_fail_memory(error, "looking at the device");
    if (result == 0)
        result = espota_apps_load(apps, device, o->table_offset.value, error);
    if (result == 0 && cli->json)
        result = set_device_result(cli, report_document(device, apps), error);
    else if (result == 0)
        print_report(device, apps);
    result = disconnect_device(device, result, error);
    free(apps);
    return result;
}

static void sum_up(const struct fields *result, char words[FLEET_WORDS])
{
    const char *running = field_text_of(result, "running"), *boots = field_text_of(result, "boots_next");
    const char *version = field_text_where(result, "apps", "running", "version");
    size_t used = 0;
    if (running)
        used = (size_t)snprintf(words, FLEET_WORDS, "runs '%.40s'%s%.60s, ", running, version ? " " : "",
                                version ? version : "");
    snprintf(words + used, FLEET_WORDS - used, "'%.40s' boots next", boots ? boots : "nothing");
}

static const struct fleet_part fleet = { .sum_up = sum_up };

const struct command command_status = {
    .name = "status",
    .summary = "show what runs, what boots next and what the slots hold",
    .usage = "",
    .description =
        "Asks the agent (or looks into a flash file) for the partition table, otadata and the apps.",
    .groups = { CONNECT_GROUPS(via_agent_option),
                { table_offset_option, offsetof(struct options, table_offset) },
                { fleet_options, offsetof(struct options, fleet) } },
    .options_size = sizeof(struct options),
    .run = run,
    .fleet = &fleet,
};

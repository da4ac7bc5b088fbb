/* boot, confirm, rollback: which app starts. */
#include "connect.h"
#include "fleet.h"
#include "watch.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/otadata.h"
#include "espota/slots.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <stdio.h>

struct options {
    struct connect_options connect;
    struct watch_options watch;
    struct number_option table_offset;
    bool trial, restart;
    struct fleet_options fleet;
};

#define COMMON_GROUPS                                                                                        \
    CONNECT_GROUPS(via_agent_option), WATCH_GROUPS,                                                          \
        { table_offset_option, offsetof(struct options, table_offset) },                                     \
    {                                                                                                        \
        restart_option, offsetof(struct options, restart)                                                    \
    }

static int set_boot_result(struct cli *cli, const struct espota_device *device,
                           const struct espota_slots *slots, bool restarted, struct espota_error *error)
{
    if (!cli->json)
        return 0;
    struct fields document = device_document_begin(device->name);
    field_label(&document, "boots", slots->boot);
    field_flag(&document, "restarted", restarted);
    return set_device_result(cli, document, error);
}

static int finish(struct cli *cli, struct espota_device *device, const struct options *o, bool *restarted,
                  struct espota_error *error)
{
    *restarted = o->restart || o->watch.monitor;
    if (!*restarted)
        return 0;
    int result = espota_device_restart(device, error);
    if (result == 0)
        espota_ui_say(&cli->ui, "Restarted");
    return result;
}

static int select_partition(struct cli *cli, struct espota_device *device, const struct options *o,
                            struct espota_error *error)
{
    struct espota_slots slots;
    const char *name = cli->arguments[0];
    bool restarted = false;
    int result = espota_slots_load(&slots, device, o->table_offset.value, error);
    if (result != 0)
        return result;
    const struct espota_partition *p = espota_table_find(&slots.table, name);
    if (!p)
        return espota_table_fail_absent(&slots.table, name, device->name, error);
    result = espota_slots_select(&slots, device, p, o->trial ? ESPOTA_OTA_NEW : ESPOTA_OTA_UNDEFINED, error);
    if (result == 0)
        espota_ui_say(&cli->ui, "On next reboot the system will be started from '%s' partition%s", p->label,
                      o->trial ? " on trial" : "");
    if (result == 0)
        result = finish(cli, device, o, &restarted, error);
    return result ? result : set_boot_result(cli, device, &slots, restarted, error);
}

static int run_boot(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct espota_device *device = NULL;
    struct watch_after after = { 0 };
    struct connect_options connect = o->connect;
    connect.starts = o->restart;
    int result = watch_after_begin(&after, cli, &o->watch, NULL, &connect, error);
    if (result == 0)
        result = connect_device(cli, &connect, VIA_AGENT, &device, error);
    if (result == 0)
        result = select_partition(cli, device, o, error);
    result = disconnect_device(device, result, error);
    return watch_after_end(&after, result, error);
}

static int mark(struct cli *cli, const struct options *o,
                int (*act)(struct espota_slots *, struct espota_device *, struct espota_error *),
                const char *outcome, struct espota_error *error)
{
    struct espota_slots slots;
    struct espota_device *device = NULL;
    bool restarted = false;
    struct watch_after after = { 0 };
    struct connect_options connect = o->connect;
    connect.starts = o->restart;
    int result = watch_after_begin(&after, cli, &o->watch, NULL, &connect, error);
    if (result == 0)
        result = connect_device(cli, &connect, VIA_AGENT, &device, error);
    if (result == 0)
        result = espota_slots_load(&slots, device, o->table_offset.value, error);
    if (result == 0)
        result = act(&slots, device, error);
    if (result == 0)
        espota_ui_say(&cli->ui, "'%s' %s", slots.running ? slots.running->label : "nothing", outcome);
    if (result == 0)
        result = espota_slots_load(&slots, device, o->table_offset.value, error);
    if (result == 0)
        result = espota_slots_look(&slots, device, error);
    if (result == 0 && slots.boot)
        espota_ui_say(&cli->ui, "'%s' boots next", slots.boot->label);
    if (result == 0)
        result = finish(cli, device, o, &restarted, error);
    if (result == 0)
        result = set_boot_result(cli, device, &slots, restarted, error);
    result = disconnect_device(device, result, error);
    return watch_after_end(&after, result, error);
}

static int run_confirm(struct cli *cli, const void *options, struct espota_error *error)
{
    return mark(cli, options, espota_slots_confirm, "is confirmed", error);
}

static int run_rollback(struct cli *cli, const void *options, struct espota_error *error)
{
    return mark(cli, options, espota_slots_rollback, "is declared bad", error);
}

static void sum_up(const struct fields *result, char words[FLEET_WORDS])
{
    const char *boots = field_text_of(result, "boots");
    snprintf(words, FLEET_WORDS, "'%.40s' boots next%s", boots ? boots : "nothing",
             field_flag_of(result, "restarted") ? ", restarted" : "");
}

static const struct fleet_part fleet = { .sum_up = sum_up };

const struct command command_boot = {
    .name = "boot",
    .summary = "choose the partition to boot",
    .usage = "PARTITION",
    .description =
        "Makes the app in PARTITION boot next: it must be a factory or OTA partition that holds a valid app.",
    .groups = { { trial_option, offsetof(struct options, trial) }, COMMON_GROUPS },
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_boot,
};

const struct command command_confirm = {
    .name = "confirm",
    .summary = "confirm the running app, which was booted on trial",
    .usage = "",
    .description =
        "Sets the state of the running OTA slot to valid; without it, a bootloader with rollback goes back.",
    .groups = { COMMON_GROUPS, { fleet_options, offsetof(struct options, fleet) } },
    .options_size = sizeof(struct options),
    .run = run_confirm,
    .fleet = &fleet,
};

const struct command command_rollback = {
    .name = "rollback",
    .summary = "go back from the running app to the one before",
    .usage = "",
    .description = "Declares the app in the running OTA slot bad; another valid one boots next (at once with "
                   "--restart).",
    .groups = { COMMON_GROUPS },
    .options_size = sizeof(struct options),
    .run = run_rollback,
};

#include "plan_options.h"

struct espota_plan_request plan_request(const struct plan_options *o, uint32_t flash_size,
                                        uint32_t app_file_size)
{
    return (struct espota_plan_request){
        .flash_size = flash_size,
        .table_offset = o->table_offset.value,
        .app_size = o->app_size.value,
        .app_file_size = app_file_size,
        .app_file = o->app,
        .fs_size_given = o->fs_size.given,
        .fs_size = o->fs_size.value,
        .nvs_size = o->nvs_size.value,
        .layout = o->no_ota     ? ESPOTA_LAYOUT_SINGLE
                  : o->force_2p ? ESPOTA_LAYOUT_2P
                  : o->force_3p ? ESPOTA_LAYOUT_3P
                                : ESPOTA_LAYOUT_AUTO,
        .fs = o->fs,
        .app_name = o->app_name,
        .fs_name = o->fs_name,
    };
}

int plan_options_check(const struct plan_options *o, struct espota_error *error)
{
    if (o->force_2p && o->force_3p)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--force2p and --force3p contradict each other: give one");
    if (o->no_ota && (o->force_2p || o->force_3p))
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--no-ota and %s contradict each other: a layout without OTA has one app partition",
            o->force_2p ? "--force2p" : "--force3p");
    return 0;
}

bool plan_options_given(const struct plan_options *o)
{
    return o->app_size.given || o->fs_size.given || o->nvs_size.given || o->force_2p || o->force_3p ||
           o->no_ota || o->fs || o->app_name || o->fs_name;
}

void say_plan_notes(struct cli *cli, const struct espota_plan *plan)
{
    for (unsigned i = 0; i < plan->note_count; i++) {
        if (plan->note[i].warning)
            espota_ui_warn(&cli->ui, "%s", plan->note[i].text);
        else
            espota_ui_say(&cli->ui, "note: %s", plan->note[i].text);
    }
}

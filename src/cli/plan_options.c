#include "plan_options.h"

#include "espota/error.h"

#include <string.h>

static const struct {
    const char *option;
    enum espota_layout layout;
} layouts[] = {
    { "force2p", ESPOTA_LAYOUT_2P },
    { "force3p", ESPOTA_LAYOUT_3P },
    { "no-ota", ESPOTA_LAYOUT_SINGLE },
};

enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

static enum espota_layout layout_of(const char *option)
{
    for (size_t i = 0; option && i < LAYOUTS; i++)
        if (strcmp(layouts[i].option, option) == 0)
            return layouts[i].layout;
    return ESPOTA_LAYOUT_AUTO;
}

const char *layout_option(enum espota_layout layout)
{
    for (size_t i = 0; i < LAYOUTS; i++)
        if (layouts[i].layout == layout)
            return layouts[i].option;
    return "force2p";
}

static enum espota_firmware firmware_of(const struct plan_options *o)
{
    enum espota_firmware firmware = ESPOTA_FIRMWARE_LOBO;
    if (o->firmware)
        (void)espota_firmware_by_name(o->firmware, &firmware);
    return firmware;
}

int check_plan_options(const struct plan_options *o, struct espota_error *error)
{
    enum espota_firmware firmware;
    if (!o->firmware || espota_firmware_by_name(o->firmware, &firmware))
        return 0;
    return espota_fail(error, ESPOTA_ERR_USAGE,
                       "no layout is known for '%s', but --for micropython, circuitpython, arduino, esphome, "
                       "tasmota and lobo",
                       o->firmware);
}

struct espota_plan_request plan_request(const struct plan_options *o, uint32_t flash_size,
                                        uint32_t app_file_size)
{
    return (struct espota_plan_request){
        .flash_size = flash_size,
        .firmware = firmware_of(o),
        .table_offset = o->table_offset.value,
        .app_size = o->app_size.value,
        .app_file_size = app_file_size,
        .app_file = o->app,
        .fs_size_given = o->fs_size.given,
        .fs_size = o->fs_size.value,
        .nvs_size = o->nvs_size.value,
        .layout = layout_of(o->layout),
        .fs = o->fs,
        .app_name = o->app_name,
        .fs_name = o->fs_name,
    };
}

bool plan_options_given(const struct plan_options *o)
{
    return o->app_size.given || o->fs_size.given || o->nvs_size.given || o->layout || o->fs || o->app_name ||
           o->fs_name || o->firmware;
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

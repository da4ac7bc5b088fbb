/* reset: restart a board by its lines, or a device through its agent. */
#include "connect.h"
#include "fleet.h"
#include "reset_words.h"
#include "watch.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/reset.h"

#include <stdio.h>

struct options {
    struct connect_options connect;
    struct watch_options watch;
    bool download;
    struct fleet_options fleet;
};

static const struct option_spec option_table[] = {
    { "download", 0, OPTION_FLAG, offsetof(struct options, download), NULL,
      "restart into download mode, and see that the ROM answers" },
    OPTION_END,
};

static int conclude(struct cli *cli, const char *name, const char *mode, struct espota_error *error)
{
    espota_ui_say(&cli->ui, "%s restarted, %s", name, mode);
    if (!cli->json)
        return 0;
    struct fields document = device_document_begin(name);
    field_text(&document, "mode", mode);
    return set_device_result(cli, document, error);
}

static int by_device(struct cli *cli, struct connect_options connect, struct espota_error *error)
{
    struct espota_device *device = NULL;
    connect.no_flash = true;
    connect.starts = true;
    int result = connect_device(cli, &connect, VIA_ROM, &device, error);
    if (result == 0)
        result = espota_device_restart(device, error);
    if (result == 0)
        result = conclude(cli, device->name, "from flash", error);
    espota_device_close(device);
    return result;
}

static int into_download(struct cli *cli, struct connect_options connect, struct espota_error *error)
{
    struct espota_device *device = NULL;
    connect.rom_itself = true;
    connect.after = "no-reset";
    int result = connect_to_look(cli, &connect, &device, error);
    if (result == 0)
        result = conclude(cli, device->name, "in download mode", error);
    espota_device_close(device);
    return result;
}

/* The sequence that --after gives; NULL: the usual one. Wrong words are found before a port is opened. */
static int choose_sequence(const struct options *o, const char **sequence, struct espota_error *error)
{
    struct espota_rom_options rom = { 0 };
    int result = reset_before(o->connect.before, &rom, error);
    if (result == 0)
        result = reset_after(o->connect.after, &rom, error);
    *sequence = rom.after == ESPOTA_AFTER_SEQUENCE ? rom.after_sequence : NULL;
    if (result == 0 && rom.after != ESPOTA_AFTER_SEQUENCE && rom.after != ESPOTA_AFTER_HARD_RESET)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--after %s needs --via rom: the lines alone cannot do it", o->connect.after);
    return result;
}

static int by_lines(struct cli *cli, const struct options *o, struct watch_after *after,
                    struct espota_error *error)
{
    struct espota_link *link = NULL;
    const char *sequence;
    int result = choose_sequence(o, &sequence, error);
    if (result == 0)
        result = connect_port(cli, &o->connect, &link, error);
    if (result == 0 && !link->has_lines)
        result = espota_fail(
            error, ESPOTA_ERR_UNSUPPORTED,
            "%s has no DTR and RTS lines that could reset a board: press its button, or use --via rom "
            "or --via agent",
            link->name);
    if (result == 0)
        result = espota_reset_run(link, sequence ? sequence : espota_reset_hard_for(link), error);
    if (result == 0)
        result = conclude(cli, link->name, "from flash", error);
    if (after->watch && link)
        after->link = link; /* closed with it */
    else
        espota_link_close(link);
    return result;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct watch_after after = { 0 };
    struct connect_options connect = o->connect;
    int result = watch_after_begin(&after, cli, &o->watch, NULL, &connect, error);
    if (result == 0 && o->download)
        result = into_download(cli, connect, error);
    else if (result == 0 && (o->connect.via || o->connect.host || o->connect.key))
        result = by_device(cli, connect, error);
    else if (result == 0)
        result = by_lines(cli, o, &after, error);
    return watch_after_end(&after, result, error);
}

static void sum_up(const struct fields *result, char words[FLEET_WORDS])
{
    snprintf(words, FLEET_WORDS, "restarted, %s", field_text_of(result, "mode"));
}

static const struct fleet_part fleet = { .sum_up = sum_up };

const struct command command_reset = {
    .name = "reset",
    .summary = "restart a device",
    .usage = "",
    .description = "Drives DTR and RTS as the port's kind wants it, or asks the ROM or the agent to restart "
                   "(--via). With "
                   "--download\n"
                   "the chip is left in the ROM's download mode.",
    .options = option_table,
    .groups = { CONNECT_GROUPS(via_lines_option),
                WATCH_GROUPS,
                { fleet_options, offsetof(struct options, fleet) } },
    .options_size = sizeof(struct options),
    .run = run,
    .fleet = &fleet,
};

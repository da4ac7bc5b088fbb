/* monitor: the serial console of a device. */
#include "connect.h"
#include "watch.h"

#include "espota/error.h"
#include "espota/link.h"
#include "espota/reset.h"

struct options {
    struct connect_options connect;
    struct watch_options watch;
    bool reset;
};

static const struct option_spec option_table[] = {
    { "reset", 'r', OPTION_FLAG, offsetof(struct options, reset), NULL,
      "restart the device first, by its lines" },
    OPTION_END,
};

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    const char *build = cli->argument_count > 0 ? cli->arguments[0] : NULL;
    struct watch *watch = NULL;
    struct espota_link *link = NULL;
    int result = watch_prepare(&watch, cli, &o->watch, build, true, error);
    if (result == 0)
        result = connect_port(cli, &o->connect, &link, error);
    if (result == 0 && o->reset)
        result = espota_reset_run(link, espota_reset_hard_for(link), error);
    if (result == 0)
        result = watch_run(watch, &link, error);
    espota_link_close(link);
    watch_free(watch);
    return result;
}

const struct command command_monitor = {
    .name = "monitor",
    .summary = "show the serial console of a device",
    .usage = "[BUILD | ELF]",
    .description =
        "Shows what the device prints and sends it what is typed; Ctrl-] ends it, Ctrl-T h lists other "
        "keys.\n"
        "With a build folder or ELF file, addresses and panics become function, file and line.\n"
        "In scripts, --until waits for a line, --fail-on for one that must not come, and --timeout does not\n"
        "wait for ever.",
    .options = option_table,
    .groups = { { watch_options, offsetof(struct options, watch) },
                { console_options, offsetof(struct options, watch) },
                CONNECT_GROUP(port_options) },
    .options_size = sizeof(struct options),
    .max_arguments = 1,
    .run = run,
};

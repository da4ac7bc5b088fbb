/* Watching a device's console: by the command monitor, and by others when their work is done. */
#ifndef ESPOTA_CLI_WATCH_H
#define ESPOTA_CLI_WATCH_H

#include "cli.h"
#include "connect.h"

#include "espota/error.h"
#include "espota/link.h"

struct watch_options {
    bool monitor; /* of other commands: watch afterwards */
    const char *until, *fail_on, *filter, *log, *eol, *time_format, *menu_key, *exit_key;
    struct number_option timeout;
    struct list_option elf;
    bool timestamps, raw, no_colour, no_reconnect, no_decode;
};

/* Option groups over struct watch_options: what only `monitor` has, what all have that can watch, and how
 * others are told to. */
extern const struct option_spec console_options[], watch_options[], monitor_option[];

/* For a command whose struct options has them as `watch`. */
#define WATCH_GROUPS                                                                                         \
    { monitor_option, offsetof(struct options, watch) },                                                     \
    {                                                                                                        \
        watch_options, offsetof(struct options, watch)                                                       \
    }

struct watch;

/* Look at the options, and read ELF files, before a device is touched. `build`: where one may be, as an
 * argument named it; NULL: nowhere. `must`: that argument was for an ELF file. @return 0 and `*watch`, owned
 * by the caller (watch_free). */
int watch_prepare(struct watch **watch, struct cli *cli, const struct watch_options *options,
                  const char *build, bool must, struct espota_error *error);
void watch_free(struct watch *watch);

/* Watch what comes over `*link` until it is time to end: sets the result of `monitor`, or adds to that of
 * another command. Where the device comes back at another port, `*link` is another one. */
int watch_run(struct watch *watch, struct espota_link **link, struct espota_error *error);

/* ---- for commands that do something else first
 * ----------------------------------------------------------------------
 */

/* Before the work: prepare if the options ask for it, and have `connect` keep its link, at the console's rate
 * when the device restarts. Commands begin with `struct watch_after after = { 0 }`. */
struct watch_after {
    struct watch *watch; /* NULL: not asked for */
    struct espota_link *link;
};

int watch_after_begin(struct watch_after *after, struct cli *cli, const struct watch_options *options,
                      const char *build, struct connect_options *connect, struct espota_error *error);

/* After the work, which ended with `result`, and when the device is closed: watch if all is well. @return
 * `result`, or what watching returned. */
int watch_after_end(struct watch_after *after, int result, struct espota_error *error);

#endif

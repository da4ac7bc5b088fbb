/* What the library tells while it works, as this program shows it. */
#include "cli.h"

#include "espota/clock.h"
#include "espota/observer.h"

#include <stdio.h>

static void show_progress(void *context, const char *device, const struct espota_progress *progress)
{
    static const char *const phases[] = { [ESPOTA_PHASE_DOWNLOAD] = "Downloading",
                                          [ESPOTA_PHASE_READ] = "Reading",
                                          [ESPOTA_PHASE_ERASE] = "Erasing",
                                          [ESPOTA_PHASE_WRITE] = "Writing" };
    struct cli *cli = context;
    char label[80];
    (void)device;
    snprintf(label, sizeof label, "%s%s%.60s", phases[progress->phase], progress->what ? " " : "",
             progress->what ? progress->what : "");
    espota_ui_progress(&cli->ui, espota_ui_clean(label), progress->done, progress->total, espota_now_ms());
    if (progress->total > 0 && progress->done >= progress->total)
        espota_ui_progress_end(&cli->ui);
}

static void show_message(void *context, const char *device, enum espota_message kind, const char *text)
{
    struct cli *cli = context;
    (void)device;
    if (kind == ESPOTA_MESSAGE_WARNING)
        warn_about_device(cli, text);
    else if (kind == ESPOTA_MESSAGE_NOTE)
        espota_ui_say(&cli->ui, "%s", text);
    else
        espota_ui_detail(&cli->ui, "%s", text);
}

void cli_observe(struct cli *cli)
{
    cli->observer = (struct espota_observer){ cli, show_progress, show_message, cli_interrupted };
}

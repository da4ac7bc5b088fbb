/* monitor: the serial console of a device. */
#include "connect.h"
#include "console.h"

#include "espota/clock.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/link.h"
#include "espota/reset.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { EXIT_KEY = 0x1d, READ_MS = 40, COMES_BACK_MS = 10000 };

struct options {
    struct connect_options connect;
    const char *until;
    struct number_option timeout;
    bool reset, timestamps, raw;
};

static const struct option_spec option_table[] = {
    { "reset", 'r', OPTION_FLAG, offsetof(struct options, reset), NULL,
      "restart the device first, by its lines" },
    { "timestamps", 't', OPTION_FLAG, offsetof(struct options, timestamps), NULL,
      "begin each line with the seconds since the start" },
    { "raw", 0, OPTION_FLAG, offsetof(struct options, raw), NULL,
      "let everything through to the terminal that the device sends, not colours alone" },
    { "until", 'u', OPTION_TEXT, offsetof(struct options, until), "REGEX",
      "end, with status 0, when a line matches this extended regular expression" },
    { "timeout", 0, OPTION_NUMBER, offsetof(struct options, timeout), "SECONDS",
      "end after so long: with status 3 when --until has not matched" },
    OPTION_END,
};

struct monitor {
    struct cli *cli;
    const struct options *o;
    struct espota_link *link;
    struct console console;
    regex_t until;
    bool has_until, keyboard, stdin_open, quit;
    struct termios saved;
    uint64_t started_ms;
};

/* ---- the keyboard ---------------------------------------------------------------------------------------
 */

/* Every key goes to the device, Ctrl-C too: MicroPython wants it. */
static int grab_keyboard(struct monitor *m, struct espota_error *error)
{
    struct termios raw;
    m->stdin_open = true;
    if (isatty(STDIN_FILENO) != 1)
        return 0;
    if (tcgetattr(STDIN_FILENO, &m->saved) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot configure the terminal: %s", espota_reason(errno));
    raw = m->saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot configure the terminal: %s", espota_reason(errno));
    m->keyboard = true;
    espota_ui_say(&m->cli->ui, "Console of %s; Ctrl-] ends it", m->link->name);
    return 0;
}

static void release_keyboard(struct monitor *m)
{
    if (m->keyboard && tcsetattr(STDIN_FILENO, TCSANOW, &m->saved) != 0)
        espota_ui_warn(&m->cli->ui, "cannot restore the terminal: %s; 'stty sane' does",
                       espota_reason(errno));
}

static int send_keys(struct monitor *m, struct espota_error *error)
{
    uint8_t keys[256];
    struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
    if (!m->stdin_open || poll(&p, 1, 0) <= 0)
        return 0;
    ssize_t count = read(STDIN_FILENO, keys, sizeof keys);
    if (count <= 0) {
        m->stdin_open = count < 0 && errno == EINTR;
        return 0;
    }
    const uint8_t *exit_key = m->keyboard ? memchr(keys, EXIT_KEY, (size_t)count) : NULL;
    m->quit = exit_key != NULL;
    size_t length = exit_key ? (size_t)(exit_key - keys) : (size_t)count;
    return length > 0 ? espota_link_write(m->link, keys, length, error) : 0;
}

/* ---- the console ----------------------------------------------------------------------------------------
 */

static int compile(struct monitor *m, const char *pattern, struct espota_error *error)
{
    char text[256];
    if (!pattern)
        return 0;
    int problem = regcomp(&m->until, pattern, REG_EXTENDED | REG_NOSUB);
    if (problem != 0) {
        regerror(problem, &m->until, text, sizeof text);
        return espota_fail(error, ESPOTA_ERR_USAGE, "--until '%s' is no regular expression: %s", pattern,
                           text);
    }
    m->has_until = true;
    m->console.until = &m->until;
    return 0;
}

/* A device that leaves its USB and comes back is followed. */
static int come_back(struct monitor *m, struct espota_error *error)
{
    if (!espota_link_can_reopen(m->link))
        return (int)error->status;
    espota_ui_say(&m->cli->ui, "%s is gone; waiting for it to come back", m->link->name);
    int result = espota_link_reopen(m->link, COMES_BACK_MS, error);
    return result == ESPOTA_ERR_CANCELLED ? 0 : result; /* watch() sees it too */
}

static bool time_is_up(const struct monitor *m)
{
    return m->o->timeout.given && espota_now_ms() - m->started_ms >= 1000ull * m->o->timeout.value;
}

static int watch(struct monitor *m, struct espota_error *error)
{
    int result = 0;
    while (result == 0 && !m->quit && !m->console.matched && !time_is_up(m) && !cli_interrupted(m->cli)) {
        uint8_t data[1024];
        size_t got = 0;
        result = espota_link_read(m->link, data, sizeof data, READ_MS, &got, error);
        if (result == ESPOTA_ERR_NO_DEVICE)
            result = come_back(m, error);
        if (got > 0)
            console_take(&m->console, data, got, espota_now_ms());
        else
            console_flush(&m->console, espota_now_ms());
        if (result == 0)
            result = send_keys(m, error);
    }
    console_end(&m->console, espota_now_ms());
    return result;
}

static int conclude(struct monitor *m, struct espota_error *error)
{
    double seconds = (double)(espota_now_ms() - m->started_ms) / 1000.0;
    if (cli_interrupted(m->cli))
        return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped listening to %s on request", m->link->name);
    if (m->has_until && !m->console.matched && !m->quit)
        return espota_fail(error, ESPOTA_ERR_TIMEOUT, "nothing on %s matched '%s' in %.1f s", m->link->name,
                           m->o->until, seconds);
    if (!m->cli->json)
        return 0;
    struct fields document = device_document_begin(m->link->name);
    field_flag(&document, "matched", m->console.matched);
    field_text(&document, "line", m->console.matched ? m->console.match : NULL);
    field_real(&document, "seconds", seconds);
    return set_device_result(m->cli, document, error);
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct monitor m = { .cli = cli, .o = o };
    m.console.out = cli->json ? stderr : stdout; /* stdout is for the result */
    m.console.timestamps = o->timestamps;
    m.console.raw = o->raw;
    int result = compile(&m, o->until, error);
    if (result == 0)
        result = connect_port(cli, &o->connect, &m.link, error);
    if (result == 0)
        result = grab_keyboard(&m, error);
    m.console.colour = cli->ui.colour && isatty(fileno(m.console.out)) == 1;
    m.started_ms = m.console.started_ms = espota_now_ms();
    if (result == 0 && o->reset)
        result = espota_reset_run(m.link, espota_reset_hard_for(m.link), error);
    if (result == 0)
        result = watch(&m, error);
    release_keyboard(&m);
    if (result == 0)
        result = conclude(&m, error);
    espota_link_close(m.link);
    if (m.has_until)
        regfree(&m.until);
    return result;
}

const struct command command_monitor = {
    .name = "monitor",
    .summary = "show the serial console of a device",
    .usage = "",
    .description =
        "Shows what the device prints and sends it what is typed; Ctrl-] ends it. In scripts, --until "
        "waits for a "
        "line\n"
        "and --timeout does not wait for ever.",
    .options = option_table,
    .groups = { CONNECT_GROUP(port_options) },
    .options_size = sizeof(struct options),
    .run = run,
};

#include "watch.h"

#include "capture.h"
#include "comeback.h"
#include "console.h"
#include "keyboard.h"

#include "espota/clock.h"
#include "espota/error.h"
#include "espota/log_decoder.h"
#include "espota/log_line.h"
#include "espota/reset.h"
#include "espota/symbols.h"

#include <poll.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_MS = 15 };

struct watch {
    struct cli *cli;
    const struct watch_options *o;
    struct espota_link *link;
    struct console console;
    struct keyboard keyboard;
    struct capture capture;
    struct comeback comeback;
    struct espota_log_filter filter;
    struct espota_log_decoder *decoder;
    regex_t until, fail_on;
    bool has_until, has_fail_on, quit;
};

/* ---- getting ready --------------------------------------------------------------------------------------
 */

static int compile(regex_t *regex, bool *has, const char *option, const char *pattern,
                   struct espota_error *error)
{
    char text[256];
    if (!pattern)
        return 0;
    int problem = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (problem == 0) {
        *has = true;
        return 0;
    }
    regerror(problem, regex, text, sizeof text);
    return espota_fail(error, ESPOTA_ERR_USAGE, "--%s '%s' is no regular expression: %s", option, pattern,
                       text);
}

static int take_filter(struct watch *w, const char *text, struct espota_error *error)
{
    static const char *const problems[] = {
        [ESPOTA_LOG_FILTER_NO_TAG] = "there is no tag before the colon",
        [ESPOTA_LOG_FILTER_NO_LEVEL] = "the level is none of N, E, W, I, D, V",
        [ESPOTA_LOG_FILTER_COLONS] = "it has more than one colon",
        [ESPOTA_LOG_FILTER_LONG] = "there are too many rules",
    };
    const char *culprit = "";
    enum espota_log_filter_problem problem = espota_log_filter_parse(&w->filter, text ? text : "", &culprit);
    if (problem != ESPOTA_LOG_FILTER_GOOD)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--print-filter: '%.*s': %s; rules are such as 'wifi:W *:I'",
                           (int)strcspn(culprit, " \t"), culprit, problems[problem]);
    w->console.filter = espota_log_filter_is_open(&w->filter) ? NULL : &w->filter;
    return 0;
}

static void tell(void *context, enum espota_log_note note, const char *text)
{
    struct watch *w = context;
    struct espota_error error;
    bool about_build = note == ESPOTA_LOG_NOTE_OTHER_BUILD || note == ESPOTA_LOG_NOTE_SAME_BUILD;
    if (capture_note(&w->capture, text, &error) != 0)
        espota_ui_warn(&w->cli->ui, "%s", error.text);
    if (note == ESPOTA_LOG_NOTE_OTHER_BUILD)
        espota_ui_warn(&w->cli->ui, "%s", text);
    else if (about_build)
        espota_ui_say(&w->cli->ui, "%s", text);
    else if (!w->console.paused)
        console_note(&w->console, text);
}

static int open_decoder(struct watch *w, const char *build, bool must, struct espota_error *error)
{
    char *found = NULL;
    const char *const *paths = w->o->elf.item;
    size_t count = w->o->elf.count;
    if (w->o->no_decode)
        return 0;
    if (count == 0 && build && espota_symbols_locate(build, &found, error) != 0)
        return must ? (int)error->status : 0;
    if (found) {
        paths = (const char *const *)&found;
        count = 1;
    }
    int result = count > 0 ? espota_log_decoder_open(&w->decoder, paths, count, tell, w, error) : 0;
    if (result == 0 && count > 0)
        espota_ui_say(&w->cli->ui, "Addresses are explained by %s", paths[0]);
    w->console.decoder = w->decoder;
    free(found);
    return result;
}

static int prepare(struct watch *w, const char *build, bool must, struct espota_error *error)
{
    const struct watch_options *o = w->o;
    int result = compile(&w->until, &w->has_until, "until", o->until, error);
    if (result == 0)
        result = compile(&w->fail_on, &w->has_fail_on, "fail-on", o->fail_on, error);
    if (result == 0)
        result = take_filter(w, o->filter, error);
    if (result == 0 && o->raw && w->console.filter)
        result =
            espota_fail(error, ESPOTA_ERR_USAGE, "--raw and --print-filter contradict each other: give one");
    if (result == 0)
        result = keyboard_key("menu-key", o->menu_key, 'T' & 0x1f, &w->keyboard.menu_key, error);
    if (result == 0)
        result = keyboard_key("exit-key", o->exit_key, ']' & 0x1f, &w->keyboard.exit_key, error);
    if (result == 0)
        result = keyboard_eol(o->eol, &w->keyboard.eol, error);
    if (result == 0)
        result = open_decoder(w, build, must, error);
    if (result == 0 && o->log)
        result = capture_begin(&w->capture, o->log, error);
    return result;
}

int watch_prepare(struct watch **watch, struct cli *cli, const struct watch_options *o, const char *build,
                  bool must, struct espota_error *error)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return espota_fail_memory(error, "preparing to watch a console");
    w->cli = cli;
    w->o = o;
    w->console.out = cli->json ? stderr : stdout; /* stdout is for the result */
    int result = prepare(w, build, must, error);
    if (result == 0)
        *watch = w;
    else
        watch_free(w);
    return result;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    struct espota_error ignored;
    (void)capture_end(&w->capture, &ignored);
    espota_log_decoder_close(w->decoder);
    if (w->has_until)
        regfree(&w->until);
    if (w->has_fail_on)
        regfree(&w->fail_on);
    free(w);
}

/* ---- the keys -------------------------------------------------------------------------------------------
 */

/* On a line of its own; also with -q, since a key has asked for it. */
static void answer(struct watch *w, const char *text)
{
    console_note(&w->console, text);
}

static void help(struct watch *w)
{
    char menu[8], leave[8], text[256];
    keyboard_name(w->keyboard.menu_key, menu);
    keyboard_name(w->keyboard.exit_key, leave);
    snprintf(text, sizeof text,
             "espota monitor: %s leaves; %s and then one of these, with Ctrl or without:", leave, menu);
    answer(w, text);
    answer(w, "  r  restart the device                p  restart it into download mode");
    answer(w, "  y  show nothing, or all again        f  filter, or show all lines");
    answer(w, "  l  keep a log file, or end it        i  begin lines with the time, or not");
    answer(w, "  h  this help                         x  leave");
    snprintf(text, sizeof text, "  %s or %s  send that key to the device", menu, leave);
    answer(w, text);
}

static void drive_lines(struct watch *w, const char *sequence, const char *done)
{
    struct espota_error error;
    if (w->comeback.gone)
        answer(w, "the device is gone, so it cannot be restarted");
    else if (!w->link->has_lines)
        answer(w, "this port has no DTR and RTS lines that could restart the device: press its button");
    else if (espota_reset_run(w->link, sequence, &error) == 0)
        answer(w, done);
    else
        answer(w, error.text);
}

static void toggle_pause(struct watch *w)
{
    char text[96];
    struct console *c = &w->console;
    if (!c->paused)
        answer(w, "paused: nothing is shown until the same key (a log file goes on)");
    c->paused = !c->paused;
    if (c->paused)
        return;
    snprintf(text, sizeof text, "going on; %lu lines were not shown", c->held_back);
    c->held_back = 0;
    answer(w, text);
}

static void toggle_log(struct watch *w)
{
    struct espota_error error;
    char text[600];
    bool on = w->capture.open;
    int result = on ? capture_end(&w->capture, &error) : capture_resume(&w->capture, &error);
    snprintf(text, sizeof text, "%s%s", on ? "no more is written to " : "the log is written to ",
             w->capture.path);
    answer(w, result == 0 ? text : error.text);
}

static void toggle_filter(struct watch *w)
{
    struct console *c = &w->console;
    if (espota_log_filter_is_open(&w->filter)) {
        answer(w, "there is no filter: --print-filter gives one");
        return;
    }
    c->filter = c->filter ? NULL : &w->filter;
    answer(w, c->filter ? "lines are filtered" : "all lines are shown");
}

static void act(struct watch *w, enum keyboard_action action)
{
    struct console *c = &w->console;
    switch (action) {
    case KEYBOARD_EXIT:
        w->quit = true;
        break;
    case KEYBOARD_HELP:
        help(w);
        break;
    case KEYBOARD_RESET:
        c->paused = false;
        drive_lines(w, espota_reset_hard_for(w->link), "restarted");
        break;
    case KEYBOARD_DOWNLOAD:
        drive_lines(w, espota_reset_download_for(w->link, 0), "restarted into download mode");
        break;
    case KEYBOARD_PAUSE:
        toggle_pause(w);
        break;
    case KEYBOARD_LOG:
        toggle_log(w);
        break;
    case KEYBOARD_TIMESTAMPS:
        c->timestamps = !c->timestamps;
        answer(w, c->timestamps ? "lines begin with the time" : "lines begin without the time");
        break;
    case KEYBOARD_FILTER:
        toggle_filter(w);
        break;
    case KEYBOARD_UNKNOWN:
        answer(w, "no such key: h for help");
        break;
    case KEYBOARD_SEND:
    case KEYBOARD_NOTHING:
        break;
    }
}

/* What is typed while the device is gone is lost, as it is on a cable that hangs in the air. */
static int take_keys(struct watch *w, struct espota_error *error)
{
    uint8_t keys[256], bytes[2 * sizeof keys];
    size_t length = 0, count = keyboard_read(&w->keyboard, keys, sizeof keys);
    for (size_t i = 0; i < count && !w->quit; i++) {
        enum keyboard_action action = keyboard_take(&w->keyboard, keys[i]);
        if (action == KEYBOARD_SEND)
            length += keyboard_bytes(&w->keyboard, keys[i], bytes + length);
        else
            act(w, action);
    }
    return length > 0 && !w->comeback.gone ? espota_link_write(w->link, bytes, length, error) : 0;
}

/* ---- the console ----------------------------------------------------------------------------------------
 */

static void keep(struct watch *w, const uint8_t *data, size_t size)
{
    struct espota_error error;
    if (capture_take(&w->capture, data, size, &error) != 0)
        espota_ui_warn(&w->cli->ui, "%s", error.text);
}

static int read_console(struct watch *w, struct espota_error *error)
{
    uint8_t data[4096];
    size_t got = 0;
    int result = espota_link_read(w->link, data, sizeof data, READ_MS, &got, error);
    keep(w, data, got);
    if (got > 0)
        console_take(&w->console, data, got, espota_now_ms());
    else
        console_flush(&w->console, espota_now_ms());
    return result;
}

/* A device that leaves its USB and comes back is followed; its keys work meanwhile. */
static int lose(struct watch *w, struct espota_error *error)
{
    if (w->o->no_reconnect || !comeback_is_possible(w->link))
        return (int)error->status;
    console_break(&w->console);
    espota_ui_say(&w->cli->ui, "%s is gone; waiting for it to come back", w->link->name);
    comeback_begin(&w->comeback);
    return 0;
}

static void look_for_it(struct watch *w)
{
    if (!comeback_try(&w->comeback, &w->link))
        return;
    console_break(&w->console);
    espota_ui_say(&w->cli->ui, "%s is back", w->link->name);
}

static bool time_is_up(const struct watch *w)
{
    return w->o->timeout.given && espota_now_ms() - w->console.started_ms >= 1000ull * w->o->timeout.value;
}

/* Who reads on the other end of a pipe, or the terminal, has gone. */
static bool nobody_reads(const struct watch *w)
{
    struct pollfd p = { fileno(w->console.out), 0, 0 };
    return ferror(w->console.out) || (poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP)));
}

static bool is_over(const struct watch *w)
{
    return w->quit || w->console.matched || w->console.failed || time_is_up(w) || cli_interrupted(NULL) ||
           nobody_reads(w);
}

static int watch_loop(struct watch *w, struct espota_error *error)
{
    int result = 0;
    while (result == 0 && !is_over(w)) {
        if (w->comeback.gone)
            look_for_it(w);
        else
            result = read_console(w, error);
        if (result == 0)
            result = take_keys(w, error);
        if (result == ESPOTA_ERR_NO_DEVICE)
            result = lose(w, error);
    }
    console_end(&w->console, espota_now_ms());
    return result;
}

/* ---- the outcome ----------------------------------------------------------------------------------------
 */

static int set_watch_result(struct watch *w, double seconds, struct espota_error *error)
{
    const struct console *c = &w->console;
    struct fields document = w->o->monitor ? fields_begin() : device_document_begin(w->link->name);
    field_flag(&document, "matched", c->matched);
    field_text(&document, "line", c->matched ? c->match : NULL);
    field_real(&document, "seconds", seconds);
    if (!w->o->monitor)
        return set_device_result(w->cli, document, error);
    field_object(&w->cli->result, "monitor", document);
    return 0;
}

static int conclude(struct watch *w, struct espota_error *error)
{
    const struct console *c = &w->console;
    double seconds = (double)(espota_now_ms() - c->started_ms) / 1000.0;
    if (cli_interrupted(NULL))
        return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped listening to %s on request", w->link->name);
    if (c->failed)
        return espota_fail(error, ESPOTA_ERR_FAILED, "%s said what it must not (--fail-on): %s",
                           w->link->name, c->match);
    if (w->has_until && !c->matched && !w->quit && !nobody_reads(w))
        return espota_fail(error, ESPOTA_ERR_TIMEOUT, "nothing on %s matched '%s' in %.1f s", w->link->name,
                           w->o->until, seconds);
    return w->cli->json ? set_watch_result(w, seconds, error) : 0;
}

static void greet(struct watch *w)
{
    char leave[8], menu[8];
    if (w->keyboard.grabbed && w->keyboard.exit_key && w->keyboard.menu_key)
        espota_ui_say(&w->cli->ui, "Console of %s; %s ends it, %s h helps", w->link->name,
                      keyboard_name(w->keyboard.exit_key, leave), keyboard_name(w->keyboard.menu_key, menu));
    else if (w->keyboard.grabbed)
        espota_ui_say(&w->cli->ui, "Console of %s", w->link->name);
}

static void begin_console(struct watch *w)
{
    struct console *c = &w->console;
    bool terminal = isatty(fileno(c->out)) == 1;
    c->timestamps = w->o->timestamps || w->o->time_format;
    c->time_format = w->o->time_format;
    c->raw = w->o->raw;
    c->no_colour = w->o->no_colour;
    c->colour = w->cli->ui.colour && terminal && !w->o->no_colour;
    c->editing = terminal && w->keyboard.grabbed;
    c->until = w->has_until ? &w->until : NULL;
    c->fail_on = w->has_fail_on ? &w->fail_on : NULL;
    console_begin(c, espota_now_ms());
}

int watch_run(struct watch *w, struct espota_link **link, struct espota_error *error)
{
    struct espota_error ending;
    w->link = *link;
    comeback_remember(&w->comeback, w->link);
    int result = keyboard_grab(&w->keyboard, error);
    if (result == 0) {
        greet(w);
        begin_console(w);
        result = watch_loop(w, error);
    }
    *link = w->link;
    if (keyboard_release(&w->keyboard, &ending) != 0)
        espota_ui_warn(&w->cli->ui, "%s", ending.text);
    if (capture_end(&w->capture, &ending) != 0)
        espota_ui_warn(&w->cli->ui, "%s", ending.text);
    return result ? result : conclude(w, error);
}

/* ---- after other work -----------------------------------------------------------------------------------
 */

int watch_after_begin(struct watch_after *after, struct cli *cli, const struct watch_options *o,
                      const char *build, struct connect_options *connect, struct espota_error *error)
{
    if (!o->monitor && (o->until || o->fail_on || o->timeout.given))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--until, --fail-on and --monitor-timeout go with --monitor: give it too");
    if (!o->monitor)
        return 0;
    connect->console = &after->link;
    connect->starts = true;
    return watch_prepare(&after->watch, cli, o, build, false, error);
}

int watch_after_end(struct watch_after *after, int result, struct espota_error *error)
{
    struct watch *w = after->watch;
    if (w && result == 0 && after->link)
        result = watch_run(w, &after->link, error);
    espota_link_close(after->link);
    watch_free(w);
    return result;
}

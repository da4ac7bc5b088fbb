#include "ui.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void espota_ui_init(struct espota_ui *ui, bool quiet, unsigned verbosity)
{
    const char *no_colour = getenv("NO_COLOR");
    memset(ui, 0, sizeof *ui);
    ui->err = stderr;
    ui->quiet = quiet;
    ui->verbosity = verbosity;
    ui->live = isatty(STDERR_FILENO) == 1;
    ui->colour = ui->live && !(no_colour && *no_colour);
}

__attribute__((format(printf, 4, 0))) static void line(struct espota_ui *ui, const char *prefix,
                                                       const char *colour, const char *format, va_list args)
{
    espota_ui_progress_end(ui);
    if (*prefix && ui->colour)
        fprintf(ui->err, "%s%s\033[0m", colour, prefix);
    else
        fputs(prefix, ui->err);
    espota_ui_vprint(ui->err, format, args);
    fputc('\n', ui->err);
}

void espota_ui_say(struct espota_ui *ui, const char *format, ...)
{
    va_list args;
    if (ui->quiet)
        return;
    va_start(args, format);
    line(ui, "", "", format, args);
    va_end(args);
}

void espota_ui_detail(struct espota_ui *ui, const char *format, ...)
{
    va_list args;
    if (ui->verbosity == 0)
        return;
    va_start(args, format);
    line(ui, "", "", format, args);
    va_end(args);
}

void espota_ui_warn(struct espota_ui *ui, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line(ui, "espota: warning: ", "\033[33m", format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void error_line(struct espota_ui *ui, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line(ui, "espota: ", "\033[31m", format, args);
    va_end(args);
}

void espota_ui_error(struct espota_ui *ui, const char *text)
{
    error_line(ui, "%s", text);
}

static void draw(struct espota_ui *ui, const char *what, uint64_t done, uint64_t total, uint64_t elapsed_ms)
{
    uint64_t rate = elapsed_ms > 0 ? done * 1000 / elapsed_ms : 0;
    uint64_t left = rate > 0 && total > done ? (total - done) / rate : 0;
    fprintf(ui->err, "\r\033[K%s: %3u%%  %" PRIu64 " of %" PRIu64 " KiB  %" PRIu64 ".%" PRIu64 " KiB/s", what,
            total > 0 ? (unsigned)(done * 100 / total) : 100, done / 1024, total / 1024, rate / 1024,
            rate % 1024 * 10 / 1024);
    if (done < total && rate > 0)
        fprintf(ui->err, "  %" PRIu64 ":%02" PRIu64 " left", left / 60, left % 60);
    fflush(ui->err);
    ui->drawn = true;
}

void espota_ui_progress(struct espota_ui *ui, const char *what, uint64_t done, uint64_t total,
                        uint64_t now_ms)
{
    enum { QUIET_MS = 1000, REDRAW_MS = 100 };
    if (strncmp(ui->what, what, sizeof ui->what - 1) != 0) {
        espota_ui_progress_end(ui);
        snprintf(ui->what, sizeof ui->what, "%s", what);
        ui->started_ms = now_ms;
        ui->drawn_ms = now_ms;
    }
    if (ui->quiet || !ui->live || now_ms - ui->started_ms < QUIET_MS || now_ms - ui->drawn_ms < REDRAW_MS)
        return;
    ui->drawn_ms = now_ms;
    draw(ui, what, done, total, now_ms - ui->started_ms);
}

void espota_ui_progress_end(struct espota_ui *ui)
{
    if (ui->drawn)
        fputs("\r\033[K", ui->err);
    ui->drawn = false;
    ui->what[0] = '\0';
}

#include "console.h"

#include "espota/log_line.h"

#include <string.h>
#include <time.h>

#define PLAIN "\033[0m"

/* A line of which not all has come is looked at by the filter when nothing more comes for so long. */
enum { UNFINISHED_MS = 100 };

static const char *colour_of(const struct console *c)
{
    static const char *const colours[] = { NULL, "\033[31m", "\033[33m", "\033[32m", "\033[2m", "\033[2m" };
    struct espota_log_line line;
    bool is_log = espota_log_line_parse(c->line, c->length, &line);
    return c->colour && is_log && c->pending[0] != '\033' ? colours[line.level] : NULL;
}

/* strftime's format may have %f, which is Python's for microseconds. */
static void print_time(FILE *out, const char *format)
{
    char pattern[128], text[256];
    size_t length = 0;
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    for (; *format && length + 8 < sizeof pattern; format++) {
        if (format[0] == '%' && format[1] == 'f') {
            length += (size_t)snprintf(pattern + length, 8, "%06ld", now.tv_nsec / 1000);
            format++;
        } else {
            pattern[length++] = *format;
            if (format[0] == '%' && format[1])
                pattern[length++] = *++format;
        }
    }
    pattern[length] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    length = strftime(text, sizeof text, pattern, &tm);
#pragma GCC diagnostic pop
    fwrite(text, 1, length, out);
    fputc(' ', out);
}

static void begin_line(struct console *c, uint64_t now_ms)
{
    const char *colour = colour_of(c);
    if (c->timestamps && c->time_format) {
        print_time(c->out, c->time_format);
    } else if (c->timestamps) {
        uint64_t ms = now_ms - c->started_ms;
        fprintf(c->out, "[%4u.%03u] ", (unsigned)(ms / 1000), (unsigned)(ms % 1000));
    }
    if (colour)
        fputs(colour, c->out);
    c->coloured = colour != NULL;
    c->begun = true;
}

static void look_for_match(struct console *c)
{
    if (c->matched || c->failed)
        return;
    c->failed = c->fail_on && regexec(c->fail_on, c->line, 0, NULL, 0) == 0;
    c->matched = !c->failed && c->until && regexec(c->until, c->line, 0, NULL, 0) == 0;
    if (c->matched || c->failed)
        memcpy(c->match, c->line, c->length + 1);
}

static bool passes(const struct console *c)
{
    return !c->filter || espota_log_filter_passes(c->filter, c->line, c->length);
}

static void show(struct console *c, uint64_t now_ms)
{
    if (!c->begun && !c->hidden)
        c->hidden = !passes(c);
    if (!c->hidden && !c->paused) {
        if (!c->begun)
            begin_line(c, now_ms);
        fwrite(c->pending, 1, c->pending_length, c->out);
        c->at_start = c->at_start && c->pending_length == 0;
        c->device_coloured = c->device_coloured || c->pending_colour;
    }
    c->pending_colour = false;
    c->pending_length = 0;
    c->pending[0] = '\0';
}

static void switch_off_colour(struct console *c)
{
    if (c->coloured)
        fputs(PLAIN, c->out);
    c->coloured = false;
}

static void forget_line(struct console *c)
{
    c->length = 0;
    c->line[0] = '\0';
    c->begun = c->hidden = false;
}

void console_end_line(struct console *c, uint64_t now_ms)
{
    show(c, now_ms);
    look_for_match(c);
    bool shown = !c->hidden && !c->paused;
    if (shown) {
        switch_off_colour(c);
        fputc('\n', c->out);
        c->at_start = true;
    } else {
        c->held_back += c->paused;
    }
    if (c->decoder)
        espota_log_decoder_line(c->decoder, c->line, c->length, shown);
    forget_line(c);
}

/* A line longer than the buffer goes on being shown, in pieces; a match is sought in each. */
static void make_room(struct console *c, size_t size, uint64_t now_ms)
{
    if (c->pending_length + size >= sizeof c->pending)
        show(c, now_ms);
    if (c->length + size < sizeof c->line)
        return;
    look_for_match(c);
    c->length = 0;
}

static void keep_pending(struct console *c, const char *text, size_t size)
{
    memcpy(c->pending + c->pending_length, text, size);
    c->pending_length += size;
    c->pending[c->pending_length] = '\0';
}

void console_keep(struct console *c, const char *text, size_t size, uint64_t now_ms)
{
    make_room(c, size, now_ms);
    keep_pending(c, text, size);
    memcpy(c->line + c->length, text, size);
    c->length += size;
    c->line[c->length] = '\0';
}

void console_keep_control(struct console *c, const char *text, size_t size, uint64_t now_ms)
{
    make_room(c, size, now_ms);
    keep_pending(c, text, size);
}

void console_begin(struct console *c, uint64_t now_ms)
{
    c->started_ms = c->last_ms = now_ms;
    c->at_start = true;
}

void console_taken(struct console *c, uint64_t now_ms)
{
    c->last_ms = now_ms;
    look_for_match(c);
    fflush(c->out);
}

void console_flush(struct console *c, uint64_t now_ms)
{
    if (c->pending_length > 0 && (!c->filter || now_ms - c->last_ms >= UNFINISHED_MS))
        show(c, now_ms);
    fflush(c->out);
}

void console_break(struct console *c)
{
    switch_off_colour(c);
    if (!c->at_start)
        fputc('\n', c->out);
    c->at_start = true;
    fflush(c->out);
}

void console_note(struct console *c, const char *text)
{
    console_break(c);
    fprintf(c->out, "%s--- %s%s\n", c->colour ? "\033[36m" : "", text, c->colour ? PLAIN : "");
    c->at_start = true;
    fflush(c->out);
}

void console_end(struct console *c, uint64_t now_ms)
{
    bool unfinished = c->pending_length > 0;
    if (unfinished)
        show(c, now_ms);
    if (c->coloured || c->device_coloured)
        fputs(PLAIN, c->out);
    if (c->no_cursor)
        fputs("\033[?25h", c->out);
    c->coloured = c->device_coloured = c->no_cursor = false;
    if (!c->at_start)
        fputc('\n', c->out);
    c->at_start = true;
    forget_line(c);
    fflush(c->out);
}

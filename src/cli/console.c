#include "console.h"

#include <string.h>

#define PLAIN "\033[0m"

/* ESP-IDF's log levels, as a line begins with them: "E (123) tag: text". */
static const char *colour_of(const char *line, size_t length)
{
    if (length < 3 || line[1] != ' ' || line[2] != '(')
        return NULL;
    switch (line[0]) {
    case 'E':
        return "\033[31m";
    case 'W':
        return "\033[33m";
    case 'I':
        return "\033[32m";
    case 'D':
    case 'V':
        return "\033[2m";
    default:
        return NULL;
    }
}

static void begin_line(struct console *c, uint64_t now_ms)
{
    const char *colour = c->colour ? colour_of(c->line, c->length) : NULL;
    if (c->timestamps) {
        uint64_t ms = now_ms - c->started_ms;
        fprintf(c->out, "[%4u.%03u] ", (unsigned)(ms / 1000), (unsigned)(ms % 1000));
    }
    if (colour)
        fputs(colour, c->out);
    c->coloured = colour != NULL;
}

static void look_for_match(struct console *c)
{
    if (c->matched || !c->until || regexec(c->until, c->line, 0, NULL, 0) != 0)
        return;
    c->matched = true;
    memcpy(c->match, c->line, c->length + 1);
}

static void show(struct console *c, uint64_t now_ms)
{
    if (c->shown == 0)
        begin_line(c, now_ms);
    fwrite(c->line + c->shown, 1, c->length - c->shown, c->out);
    c->shown = c->length;
}

void console_end(struct console *c, uint64_t now_ms)
{
    if (c->length > c->shown)
        show(c, now_ms);
    if (c->coloured)
        fputs(PLAIN, c->out);
    c->coloured = false;
    if (c->shown > 0)
        fputc('\n', c->out);
    c->shown = c->length = 0;
    fflush(c->out);
}

static void end_line(struct console *c, uint64_t now_ms)
{
    show(c, now_ms);
    look_for_match(c);
    if (c->coloured)
        fputs(PLAIN, c->out);
    c->coloured = false;
    fputc('\n', c->out);
    c->length = c->shown = 0;
    c->line[0] = '\0';
}

/* A line longer than the buffer goes on being shown, in pieces; a match is sought in each. */
static void make_room(struct console *c, uint64_t now_ms)
{
    if (c->length < CONSOLE_LINE - 1)
        return;
    show(c, now_ms);
    look_for_match(c);
    c->length = 0;
    c->shown = 0;
}

void console_take(struct console *c, const uint8_t *data, size_t size, uint64_t now_ms)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n') {
            end_line(c, now_ms);
        } else if (data[i] != '\r' && data[i] != '\0') {
            make_room(c, now_ms);
            c->line[c->length++] = (char)data[i];
            c->line[c->length] = '\0';
        }
    }
    look_for_match(c);
    fflush(c->out);
}

void console_flush(struct console *c, uint64_t now_ms)
{
    if (c->length > c->shown)
        show(c, now_ms);
    fflush(c->out);
}

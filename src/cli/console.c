#include "console.h"

#include "ui/ui.h"

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
    if (c->coloured || c->device_coloured)
        fputs(PLAIN, c->out);
    c->coloured = c->device_coloured = false;
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

static void keep(struct console *c, const char *text, size_t size, uint64_t now_ms)
{
    for (size_t i = 0; i < size; i++) {
        make_room(c, now_ms);
        c->line[c->length++] = text[i];
        c->line[c->length] = '\0';
    }
}

/* ---- what gets through ----------------------------------------------------------------------------------
 */

static void remember(struct console *c, uint8_t byte)
{
    if (c->sequence_length < sizeof c->sequence - 1)
        c->sequence[c->sequence_length++] = (char)byte;
    c->sequence[c->sequence_length] = '\0';
}

static enum console_state take_escape(struct console *c, uint8_t byte)
{
    c->sequence_length = 0;
    c->sequence[0] = '\0';
    if (byte == '[')
        return CONSOLE_CSI;
    if (strchr("]PX^_", byte)) /* strings, such as a title, with an end of their own */
        return CONSOLE_STRING;
    return byte >= 0x20 && byte <= 0x2f ? CONSOLE_ESCAPE : CONSOLE_TEXT;
}

static enum console_state take_parameter(struct console *c, uint8_t byte, uint64_t now_ms)
{
    if (byte >= 0x20 && byte <= 0x3f) {
        remember(c, byte);
        return CONSOLE_CSI;
    }
    if (byte == 'm' && strspn(c->sequence, "0123456789;:") == c->sequence_length &&
        c->sequence_length < sizeof c->sequence - 1) {
        keep(c, "\033[", 2, now_ms);
        keep(c, c->sequence, c->sequence_length, now_ms);
        keep(c, "m", 1, now_ms);
        c->device_coloured = true;
    }
    c->sequence_length = 0;
    return CONSOLE_TEXT;
}

static size_t utf8_length(uint8_t first)
{
    return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* The bytes of a character are gathered; those that are none, or a harmful one, show as '?'. */
static void take_text(struct console *c, uint8_t byte, uint64_t now_ms)
{
    bool goes_on = (byte & 0xc0) == 0x80;
    if (c->sequence_length > 0 && !goes_on) {
        keep(c, "?", 1, now_ms);
        c->sequence_length = 0;
    }
    if (byte < 0x80) {
        if (byte == '\t' || (byte >= ' ' && byte < 0x7f))
            keep(c, (const char *)&byte, 1, now_ms);
        return;
    }
    remember(c, byte);
    if (c->sequence_length < utf8_length((uint8_t)c->sequence[0]))
        return;
    if (espota_ui_character(c->sequence) == c->sequence_length)
        keep(c, c->sequence, c->sequence_length, now_ms);
    else
        keep(c, "?", 1, now_ms);
    c->sequence_length = 0;
}

static void take_byte(struct console *c, uint8_t byte, uint64_t now_ms)
{
    if (c->raw) {
        keep(c, (const char *)&byte, 1, now_ms);
    } else if (byte == 0x1b) {
        c->state = c->state == CONSOLE_STRING ? CONSOLE_STRING_ESCAPE : CONSOLE_ESCAPE;
    } else if (c->state == CONSOLE_CSI) {
        c->state = take_parameter(c, byte, now_ms);
    } else if (c->state == CONSOLE_STRING) {
        c->state = byte == 0x07 ? CONSOLE_TEXT : CONSOLE_STRING;
    } else if (c->state == CONSOLE_TEXT) {
        take_text(c, byte, now_ms);
    } else {
        c->state = take_escape(c, byte);
    }
}

/* A line break ends whatever was under way: an escape sequence that lost its end must not swallow the rest.
 */
static void take_line_break(struct console *c, uint64_t now_ms)
{
    if (c->state == CONSOLE_TEXT && c->sequence_length > 0)
        keep(c, "?", 1, now_ms);
    c->sequence_length = 0;
    c->state = CONSOLE_TEXT;
    if (c->length > c->shown && c->line[c->length - 1] == '\r') /* when raw */
        c->line[--c->length] = '\0';
    end_line(c, now_ms);
}

void console_take(struct console *c, const uint8_t *data, size_t size, uint64_t now_ms)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n')
            take_line_break(c, now_ms);
        else if (data[i] != '\0')
            take_byte(c, data[i], now_ms);
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

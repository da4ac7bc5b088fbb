/* What of a device's bytes gets through to a terminal. */
#include "console.h"

#include "ui/ui.h"

#include <string.h>

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

static bool is_plain(const struct console *c)
{
    return strspn(c->sequence, "0123456789;:") == c->sequence_length &&
           c->sequence_length < sizeof c->sequence - 1;
}

/* What line editing does: it moves the cursor, erases, inserts and deletes characters, asks where the cursor
 * is, and hides it. Source: ECMA-48, 8.3; for what devices use, ESP-IDF's linenoise.c and MicroPython's
 * readline.c. */
static bool edits(struct console *c, uint8_t final)
{
    bool cursor = strcmp(c->sequence, "?25") == 0 && (final == 'h' || final == 'l');
    if (c->editing && cursor)
        c->no_cursor = final == 'l';
    bool asks = final == 'n' && (strcmp(c->sequence, "5") == 0 || strcmp(c->sequence, "6") == 0);
    return c->editing && (cursor || asks || (is_plain(c) && strchr("ABCDEFGHJKP@X", final)));
}

static void take_final(struct console *c, uint8_t final, uint64_t now_ms)
{
    bool colours = final == 'm' && is_plain(c) && !c->no_colour;
    if (colours || edits(c, final)) {
        console_keep_control(c, "\033[", 2, now_ms);
        console_keep_control(c, c->sequence, c->sequence_length, now_ms);
        console_keep_control(c, (const char *)&final, 1, now_ms);
    }
    c->pending_colour = c->pending_colour || colours;
    c->sequence_length = 0;
}

static enum console_state take_parameter(struct console *c, uint8_t byte, uint64_t now_ms)
{
    if (byte >= 0x20 && byte <= 0x3f) {
        remember(c, byte);
        return CONSOLE_CSI;
    }
    take_final(c, byte, now_ms);
    return CONSOLE_TEXT;
}

/* A backspace takes the last character back. */
static void take_back(struct console *c, uint64_t now_ms)
{
    while (c->length > 0 && ((uint8_t)c->line[c->length - 1] & 0xc0) == 0x80)
        c->length--;
    c->length -= c->length > 0;
    c->line[c->length] = '\0';
    console_keep_control(c, "\b", 1, now_ms);
}

/* Back to the start of the line, of which what comes writes anew. */
static void go_back(struct console *c, uint64_t now_ms)
{
    c->length = 0;
    c->line[0] = '\0';
    console_keep_control(c, "\r", 1, now_ms);
}

static void take_ascii(struct console *c, uint8_t byte, uint64_t now_ms)
{
    if (byte == '\t' || (byte >= ' ' && byte < 0x7f))
        console_keep(c, (const char *)&byte, 1, now_ms);
    else if (c->editing && byte == '\b')
        take_back(c, now_ms);
    else if (c->editing && byte == '\a')
        console_keep_control(c, "\a", 1, now_ms);
    c->returned = byte == '\r';
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
        console_keep(c, "?", 1, now_ms);
        c->sequence_length = 0;
    }
    if (byte < 0x80) {
        take_ascii(c, byte, now_ms);
        return;
    }
    remember(c, byte);
    if (c->sequence_length < utf8_length((uint8_t)c->sequence[0]))
        return;
    if (espota_ui_character(c->sequence) == c->sequence_length)
        console_keep(c, c->sequence, c->sequence_length, now_ms);
    else
        console_keep(c, "?", 1, now_ms);
    c->sequence_length = 0;
}

static void take_byte(struct console *c, uint8_t byte, uint64_t now_ms)
{
    if (c->raw) {
        console_keep(c, (const char *)&byte, 1, now_ms);
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
        console_keep(c, "?", 1, now_ms);
    c->sequence_length = 0;
    c->state = CONSOLE_TEXT;
    if (c->raw && c->length > 0 && c->line[c->length - 1] == '\r')
        c->line[--c->length] = '\0';
    if (c->raw && c->pending_length > 0 && c->pending[c->pending_length - 1] == '\r')
        c->pending[--c->pending_length] = '\0';
    console_end_line(c, now_ms);
}

static void take(struct console *c, uint8_t byte, uint64_t now_ms)
{
    if (byte == '\0')
        return;
    if (c->returned && c->editing && byte != '\n' && byte != '\r')
        go_back(c, now_ms);
    c->returned = c->returned && byte == '\r';
    if (byte == '\n')
        take_line_break(c, now_ms);
    else
        take_byte(c, byte, now_ms);
}

void console_take(struct console *c, const uint8_t *data, size_t size, uint64_t now_ms)
{
    for (size_t i = 0; i < size; i++)
        take(c, data[i], now_ms);
    console_taken(c, now_ms);
}

/* A device's console as people and scripts see it: line by line, with times, colours, filtered, with its
 * addresses explained, and with a word to wait for.
 *
 * Of what a device may tell a terminal to do, only colours get through (SGR, ECMA-48), and tabs; to a
 * terminal at which somebody types also what the line editing of a device's own prompt needs: moving the
 * cursor, and erasing. */
#ifndef ESPOTA_CLI_CONSOLE_H
#define ESPOTA_CLI_CONSOLE_H

#include "espota/log_decoder.h"
#include "espota/log_line.h"

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CONSOLE_LINE 2048

struct console {
    FILE *out;
    bool timestamps;
    const char *time_format; /* strftime's, with %f for microseconds; NULL: seconds since the start */
    bool colour;             /* lines of the log without a colour get one */
    bool no_colour;          /* the device's colours are left out */
    bool editing;            /* somebody types at a terminal */
    bool raw;                /* whatever the device sends reaches the terminal */
    bool paused;             /* nothing is shown */
    const struct espota_log_filter *filter; /* NULL: all is shown */
    const regex_t *until, *fail_on;         /* NULL: nothing is waited for */
    struct espota_log_decoder *decoder;     /* NULL: addresses stay as they are */
    uint64_t started_ms;

    char line[CONSOLE_LINE]; /* the current one as plain text, cut off at its size */
    size_t length;
    char pending[CONSOLE_LINE]; /* what is to be shown of it, with colours */
    size_t pending_length;
    bool begun;              /* some of it was shown */
    bool at_start;           /* the terminal's cursor is at the start of a line */
    bool hidden;             /* the rest of the line is not shown */
    bool returned;           /* a CR has come, and not yet what is behind it */
    bool coloured;           /* a colour is on */
    bool pending_colour;     /* a colour of the device is to be shown */
    bool device_coloured;    /* the device has switched a colour on */
    bool no_cursor;          /* the device has hidden it */
    uint64_t last_ms;        /* when the last byte came */
    unsigned long held_back; /* lines while it was paused */
    enum console_state {
        CONSOLE_TEXT,
        CONSOLE_ESCAPE,
        CONSOLE_CSI,
        CONSOLE_STRING,
        CONSOLE_STRING_ESCAPE
    } state;
    char sequence[32]; /* parameters of a control sequence; or the start of a character */
    size_t sequence_length;
    bool matched, failed; /* a line has what is waited for */
    char match[CONSOLE_LINE];
};

/* Begin, at the start of a line; the fields above the line are set already. */
void console_begin(struct console *console, uint64_t now_ms);

/* Take what came from the device. What is shown of an unfinished line waits for console_flush, so that its
 * beginning can decide about colour. */
void console_take(struct console *console, const uint8_t *data, size_t size, uint64_t now_ms);

/* Show what there is of an unfinished line: a prompt, perhaps. */
void console_flush(struct console *console, uint64_t now_ms);

/* Put the cursor at the start of a line, for somebody else's. */
void console_break(struct console *console);

/* A line of our own, at the start of a line. */
void console_note(struct console *console, const char *text);

/* End: what there is of an unfinished line is shown, and no colour stays on. */
void console_end(struct console *console, uint64_t now_ms);

/* For console_bytes.c: a byte of the line, as it is shown and as plain text; a control sequence; a line
 * break; and the end of what came. */
void console_keep(struct console *console, const char *text, size_t size, uint64_t now_ms);
void console_keep_control(struct console *console, const char *text, size_t size, uint64_t now_ms);
void console_end_line(struct console *console, uint64_t now_ms);
void console_taken(struct console *console, uint64_t now_ms);

#endif

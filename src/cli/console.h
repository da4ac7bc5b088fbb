/* A device's console as people and scripts see it: line by line, with times, colours, and a word to wait for.
 * Of what a device may tell a terminal to do, only colours get through (SGR, ECMA-48), and tabs. */
#ifndef ESPOTA_CLI_CONSOLE_H
#define ESPOTA_CLI_CONSOLE_H

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CONSOLE_LINE 1024

struct console {
    FILE *out;
    bool timestamps, colour;
    bool raw;             /* whatever the device sends reaches the terminal */
    const regex_t *until; /* NULL: nothing is waited for */
    uint64_t started_ms;
    char line[CONSOLE_LINE]; /* the current one, cut off at its size */
    size_t length;
    size_t shown;         /* bytes of it that were printed */
    bool coloured;        /* a colour is on */
    bool device_coloured; /* the device has switched a colour on */
    enum console_state {
        CONSOLE_TEXT,
        CONSOLE_ESCAPE,
        CONSOLE_CSI,
        CONSOLE_STRING,
        CONSOLE_STRING_ESCAPE
    } state;
    char sequence[32]; /* parameters of a control sequence; or the start of a character */
    size_t sequence_length;
    bool matched; /* a line has what is waited for */
    char match[CONSOLE_LINE];
};

/* Take what came from the device. What is shown of an unfinished line waits for console_flush, so that its
 * beginning can decide about colour. */
void console_take(struct console *console, const uint8_t *data, size_t size, uint64_t now_ms);

/* Show what there is of an unfinished line: a prompt, perhaps. */
void console_flush(struct console *console, uint64_t now_ms);

/* End: what there is of an unfinished line is shown, and no colour stays on. */
void console_end(struct console *console, uint64_t now_ms);

#endif

/* The keyboard of whoever watches a console: each key as it is pressed, Ctrl-C too, since MicroPython wants
 * it. */
#ifndef ESPOTA_CLI_KEYBOARD_H
#define ESPOTA_CLI_KEYBOARD_H

#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

enum keyboard_eol { KEYBOARD_EOL_AS_IS, KEYBOARD_EOL_CR, KEYBOARD_EOL_LF, KEYBOARD_EOL_CRLF };

struct keyboard {
    bool grabbed;               /* it is a terminal, in raw mode */
    bool open;                  /* stdin has not ended */
    bool in_menu;               /* the menu key was the last one */
    uint8_t menu_key, exit_key; /* 0: none */
    enum keyboard_eol eol;
    struct termios saved;
};

/* What a key means. */
enum keyboard_action {
    KEYBOARD_SEND, /* it is the device's */
    KEYBOARD_NOTHING,
    KEYBOARD_EXIT,
    KEYBOARD_HELP,
    KEYBOARD_RESET,
    KEYBOARD_DOWNLOAD,
    KEYBOARD_PAUSE,
    KEYBOARD_LOG,
    KEYBOARD_TIMESTAMPS,
    KEYBOARD_FILTER,
    KEYBOARD_UNKNOWN,
};

/* A key's name: a letter or one of [\]^_ with Ctrl ("T", "^T", "ctrl-t"), or "none". @return
 * ESPOTA_ERR_USAGE. */
int keyboard_key(const char *option, const char *name, uint8_t usual, uint8_t *key,
                 struct espota_error *error);

/* "CR", "LF", "CRLF"; NULL: lines end as they are typed, or come from a pipe. */
int keyboard_eol(const char *name, enum keyboard_eol *eol, struct espota_error *error);

/* How a key is called: "Ctrl-T". `text` has room for 8. */
const char *keyboard_name(uint8_t key, char *text);

/* Take the terminal, where stdin is one; and give it back as it was. */
int keyboard_grab(struct keyboard *keyboard, struct espota_error *error);
int keyboard_release(struct keyboard *keyboard, struct espota_error *error);

/* What was typed and not read yet; 0: nothing. */
size_t keyboard_read(struct keyboard *keyboard, uint8_t *keys, size_t room);

/* What is to be done about a key. */
enum keyboard_action keyboard_take(struct keyboard *keyboard, uint8_t key);

/* The bytes that the device gets for a key: `bytes` has room for 2. @return how many. */
size_t keyboard_bytes(const struct keyboard *keyboard, uint8_t key, uint8_t *bytes);

#endif

#include "keyboard.h"

#include "espota/error.h"
#include "espota/file.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { CONTROL = 0x40 };

int keyboard_key(const char *option, const char *name, uint8_t usual, uint8_t *key,
                 struct espota_error *error)
{
    *key = usual;
    if (!name)
        return 0;
    if (strcasecmp(name, "none") == 0) {
        *key = 0;
        return 0;
    }
    const char *letter = strncasecmp(name, "ctrl-", 5) == 0 ? name + 5
                         : name[0] == '^' && name[1]        ? name + 1
                                                            : name;
    int c = toupper((unsigned char)letter[0]);
    if (c <= '@' || c > '_' || letter[1] != '\0' || c == 'M' || c == 'J')
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--%s '%s': use a letter, or one of [ \\ ] ^ _, which is pressed with Ctrl (not J and M, "
            "which are Enter), or none",
            option, name);
    *key = (uint8_t)(c - CONTROL);
    return 0;
}

int keyboard_eol(const char *name, enum keyboard_eol *eol, struct espota_error *error)
{
    static const struct {
        const char *name;
        enum keyboard_eol eol;
    } all[] = { { "CR", KEYBOARD_EOL_CR }, { "LF", KEYBOARD_EOL_LF }, { "CRLF", KEYBOARD_EOL_CRLF } };
    *eol = KEYBOARD_EOL_AS_IS;
    for (size_t i = 0; name && i < sizeof all / sizeof all[0]; i++)
        if (strcasecmp(name, all[i].name) == 0)
            *eol = all[i].eol;
    if (name && *eol == KEYBOARD_EOL_AS_IS)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--eol '%s': use CR, LF or CRLF", name);
    return 0;
}

const char *keyboard_name(uint8_t key, char *text)
{
    snprintf(text, 8, "Ctrl-%c", (char)(key + CONTROL));
    return text;
}

static int cannot_configure(struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_IO, "cannot configure the terminal: %s", espota_reason(errno));
}

int keyboard_grab(struct keyboard *k, struct espota_error *error)
{
    struct termios raw;
    k->open = true;
    if (isatty(STDIN_FILENO) != 1)
        return 0;
    if (tcgetattr(STDIN_FILENO, &k->saved) != 0)
        return cannot_configure(error);
    raw = k->saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IXON);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
        return cannot_configure(error);
    k->grabbed = true;
    return 0;
}

int keyboard_release(struct keyboard *k, struct espota_error *error)
{
    if (!k->grabbed)
        return 0;
    k->grabbed = false;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &k->saved) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot restore the terminal: %s; 'stty sane' does",
                           espota_reason(errno));
    return 0;
}

size_t keyboard_read(struct keyboard *k, uint8_t *keys, size_t room)
{
    struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
    if (!k->open || poll(&p, 1, 0) <= 0)
        return 0;
    ssize_t count = read(STDIN_FILENO, keys, room);
    if (count > 0)
        return (size_t)count;
    k->open = count < 0 && (errno == EINTR || errno == EAGAIN);
    return 0;
}

/* Keys of the menu, with Ctrl or without. */
static enum keyboard_action menu(uint8_t key)
{
    static const struct {
        char key;
        enum keyboard_action action;
    } all[] = { { 'r', KEYBOARD_RESET }, { 'p', KEYBOARD_DOWNLOAD }, { 'y', KEYBOARD_PAUSE },
                { 'l', KEYBOARD_LOG },   { 'f', KEYBOARD_FILTER },   { 'i', KEYBOARD_TIMESTAMPS },
                { 'h', KEYBOARD_HELP },  { '?', KEYBOARD_HELP },     { 'x', KEYBOARD_EXIT },
                { 'q', KEYBOARD_EXIT } };
    int letter = key < 0x20 ? key + 0x60 : tolower(key);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].key == letter)
            return all[i].action;
    return KEYBOARD_UNKNOWN;
}

enum keyboard_action keyboard_take(struct keyboard *k, uint8_t key)
{
    bool ours = k->grabbed && key != 0 && (key == k->menu_key || key == k->exit_key);
    if (k->in_menu) {
        k->in_menu = false;
        return ours ? KEYBOARD_SEND : menu(key);
    }
    if (!ours)
        return KEYBOARD_SEND;
    k->in_menu = key == k->menu_key;
    return k->in_menu ? KEYBOARD_NOTHING : KEYBOARD_EXIT;
}

/* A terminal says CR for Enter, a file LF for the end of a line. */
size_t keyboard_bytes(const struct keyboard *k, uint8_t key, uint8_t *bytes)
{
    bool ends = key == (k->grabbed ? '\r' : '\n');
    bytes[0] = key;
    if (!ends || k->eol == KEYBOARD_EOL_AS_IS)
        return 1;
    bytes[0] = k->eol == KEYBOARD_EOL_LF ? '\n' : '\r';
    bytes[1] = '\n';
    return k->eol == KEYBOARD_EOL_CRLF ? 2 : 1;
}

/* Text from devices, files and servers is shown, not obeyed: see what a terminal does with ECMA-48's control
 * functions, and Unicode's UAX #9 and TR #36 for what letters that change the direction of writing can hide.
 */
#include "ui.h"

#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* The character at `text`, and its length; 0: no UTF-8 (RFC 3629) begins here. */
static size_t decode(const unsigned char *text, uint32_t *character)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = text[0] < 0x80    ? 1
                    : text[0] < 0xc0  ? 0
                    : text[0] < 0xe0  ? 2
                    : text[0] < 0xf0  ? 3
                    : text[0] <= 0xf4 ? 4
                                      : 0;
    *character = length == 1 ? text[0] : length ? text[0] & (0x7fu >> length) : 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) /* the end of the text, too */
            return 0;
        *character = *character << 6 | (text[i] & 0x3fu);
    }
    bool surrogate = *character >= 0xd800 && *character <= 0xdfff;
    return length == 0 || *character < least[length] || *character > 0x10ffff || surrogate ? 0 : length;
}

static bool harmless(uint32_t c)
{
    bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
    bool line_break = c == 0x2028 || c == 0x2029;
    bool direction = c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                     (c >= 0x2066 && c <= 0x2069);
    return !control && !line_break && !direction;
}

char *espota_ui_clean(char *text)
{
    unsigned char *from = (unsigned char *)text, *to = from;
    while (*from) {
        uint32_t character;
        size_t length = decode(from, &character);
        if (length > 0 && harmless(character)) {
            memmove(to, from, length);
            to += length;
        } else {
            *to++ = '?';
        }
        from += length ? length : 1;
    }
    *to = '\0';
    return text;
}

size_t espota_ui_character(const char *text)
{
    uint32_t character;
    size_t length = decode((const unsigned char *)text, &character);
    return length > 0 && harmless(character) ? length : 0;
}

/* By the tables of the C library, whatever the locale of the program is. */
size_t espota_ui_width(const char *text)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    size_t width = 0;
    while (*text) {
        uint32_t character;
        size_t length = decode((const unsigned char *)text, &character);
        bool shown = length > 0 && harmless(character);
        int columns = shown && utf8 ? wcwidth((wchar_t)character) : 1;
        width += columns < 0 ? 1u : (unsigned)columns;
        text += length ? length : 1;
    }
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    return width;
}

int espota_ui_pad(const char *text, int columns)
{
    size_t bytes = strlen(text), width = espota_ui_width(text);
    return bytes - width < INT_MAX / 2 ? columns + (int)(bytes - width) : columns;
}

void espota_ui_vprint(FILE *out, const char *format, va_list args)
{
    char *text = NULL;
    size_t length = strlen(format);
    size_t before = strspn(format, "\n"), after = 0;
    while (after < length - before && format[length - 1 - after] == '\n')
        after++;
    if (vasprintf(&text, format, args) < 0)
        return; /* memory is short: nothing is better than what could not be looked at */
    size_t all = strlen(text);
    text[all - after] = '\0';
    fprintf(out, "%.*s%s", (int)before, text, espota_ui_clean(text + before));
    for (size_t i = 0; i < after; i++)
        fputc('\n', out);
    free(text);
}

void espota_ui_print(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    espota_ui_vprint(out, format, args);
    va_end(args);
}

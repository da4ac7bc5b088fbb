/* Names for FAT: short where 8.3 will do, in capitals or small letters alone; otherwise long, with a short
 * one that ends in ~N. */
#include "fs_image.h"

#include <stdio.h>
#include <string.h>

enum { MOST_UNITS = 255, LOWER_BASE = 0x08, LOWER_EXTENSION = 0x10 };

/* The next character of UTF-8; 0: it is none. */
static uint32_t take_character(const unsigned char **text)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *t = *text;
    size_t length = t[0] < 0x80   ? 1
                    : t[0] < 0xc2 ? 0
                    : t[0] < 0xe0 ? 2
                    : t[0] < 0xf0 ? 3
                    : t[0] < 0xf5 ? 4
                                  : 0;
    uint32_t c = length == 1 ? t[0] : length ? t[0] & (0x7fu >> length) : 0;
    for (size_t i = 1; i < length; i++) {
        if ((t[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (t[i] & 0x3fu);
    }
    *text += length;
    return length == 0 || c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : c;
}

/* As UTF-16. @return false for what FAT cannot hold. */
static bool to_units(struct fat_name *name, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    name->count = 0;
    while (*at) {
        uint32_t c = take_character(&at);
        if (c < 0x20 || c == 0x7f || (c < 0x80 && strchr("\"*/:<>?\\|", (int)c)))
            return false;
        if (name->count + (c >= 0x10000) >= MOST_UNITS)
            return false;
        if (c >= 0x10000) {
            name->unit[name->count++] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            name->unit[name->count++] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            name->unit[name->count++] = (uint16_t)c;
        }
    }
    return name->count > 0 && text[strlen(text) - 1] != '.' && text[strlen(text) - 1] != ' ';
}

static bool is_short_character(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'()-@^_`{}~", c));
}

static char capital(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
}

/* Part of a short name, when it is that: of one case. */
static bool put_part(uint8_t *raw, size_t room, const char *text, size_t length, bool *small)
{
    bool capitals = false;
    *small = false;
    if (length > room)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_short_character(text[i]))
            return false;
        *small = *small || (text[i] >= 'a' && text[i] <= 'z');
        capitals = capitals || (text[i] >= 'A' && text[i] <= 'Z');
        raw[i] = (uint8_t)capital(text[i]);
    }
    return !(*small && capitals);
}

static bool put_short(struct fat_name *name, const char *text)
{
    const char *dot = strchr(text, '.');
    size_t base = dot ? (size_t)(dot - text) : strlen(text);
    const char *extension = dot ? dot + 1 : "";
    bool small_base = false, small_extension = false;
    memset(name->raw, ' ', sizeof name->raw);
    if (base == 0 || (dot && *extension == '\0') || !put_part(name->raw, 8, text, base, &small_base) ||
        !put_part(name->raw + 8, 3, extension, strlen(extension), &small_extension))
        return false;
    name->flags = (uint8_t)((small_base ? LOWER_BASE : 0) | (small_extension ? LOWER_EXTENSION : 0));
    return true;
}

static bool is_taken(const struct fat_name *name, const struct fat_name *taken, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(taken[i].raw, name->raw, sizeof name->raw) == 0)
            return true;
    return false;
}

/* What of a long name a short one can have: up to `room` letters. */
static size_t squeeze(uint8_t *raw, size_t room, const char *text, const char *end)
{
    size_t used = 0;
    for (; text < end && used < room; text++)
        if (*text != ' ' && *text != '.')
            raw[used++] = is_short_character(*text) ? (uint8_t)capital(*text) : '_';
    return used;
}

static bool put_alias(struct fat_name *name, const char *text, const struct fat_name *taken, size_t count)
{
    const char *end = text + strlen(text), *dot = strrchr(text, '.');
    const char *base_end = dot && dot > text ? dot : end;
    for (unsigned n = 1; n <= count + 1; n++) {
        char tail[16];
        size_t length = (size_t)snprintf(tail, sizeof tail, "~%u", n);
        memset(name->raw, ' ', sizeof name->raw);
        size_t used = squeeze(name->raw, 8 - length, text, base_end);
        memcpy(name->raw + used, tail, length);
        if (base_end == dot)
            (void)squeeze(name->raw + 8, 3, dot + 1, end);
        if (!is_taken(name, taken, count))
            return true;
    }
    return false;
}

/* Names that differ in their case alone are one and the same to FAT. */
static bool same_unit(uint16_t a, uint16_t b)
{
    return (a >= 'a' && a <= 'z' ? a - 0x20 : a) == (b >= 'a' && b <= 'z' ? b - 0x20 : b);
}

static bool is_double(const struct fat_name *name, const struct fat_name *other)
{
    bool same = name->count == other->count;
    for (unsigned i = 0; same && i < name->count; i++)
        same = same_unit(name->unit[i], other->unit[i]);
    return same;
}

int fat_make_name(struct fat_name *name, const char *text, const struct fat_name *taken, size_t taken_count,
                  struct espota_error *error)
{
    memset(name, 0, sizeof *name);
    if (!to_units(name, text))
        return espota_fail(error, ESPOTA_ERR_FAILED, "FAT has no files of the name '%s'", text);
    for (size_t i = 0; i < taken_count; i++)
        if (is_double(name, &taken[i]))
            return espota_fail(error, ESPOTA_ERR_FAILED,
                               "'%s' is there twice, to FAT: it knows no difference between a and A", text);
    if (put_short(name, text) && !is_taken(name, taken, taken_count))
        return 0;
    name->flags = 0;
    name->is_long = true;
    return put_alias(name, text, taken, taken_count)
               ? 0
               : espota_fail(error, ESPOTA_ERR_FAILED, "too many names are like '%s'", text);
}

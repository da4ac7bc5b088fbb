/* MD5 sidecars, as the usual programs write them. */
#include "espota/md5_sidecar.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { LONGEST_TEXT = 8192, LONGEST_NAME = 256 };

/* What is known when the text is read. */
struct findings {
    const char *wanted; /* name of the file */
    unsigned named;     /* digests for that file */
    unsigned others;
    bool differ; /* those for that file */
    bool others_differ;
    uint8_t md5[ESPOTA_MD5_LENGTH], other[ESPOTA_MD5_LENGTH];
};

static const char *last_part(const char *path)
{
    for (const char *at = path; *at; at++)
        if (*at == '/' || *at == '\\')
            path = at + 1;
    return path;
}

static void note(struct findings *f, const uint8_t md5[ESPOTA_MD5_LENGTH], const char *name)
{
    bool wanted = name && *name && f->wanted && strcmp(last_part(name), last_part(f->wanted)) == 0;
    uint8_t *known = wanted ? f->md5 : f->other;
    unsigned *count = wanted ? &f->named : &f->others;
    bool *differ = wanted ? &f->differ : &f->others_differ;
    *differ = *differ || (*count > 0 && memcmp(known, md5, ESPOTA_MD5_LENGTH) != 0);
    memcpy(known, md5, ESPOTA_MD5_LENGTH);
    (*count)++;
}

/* ---- text -----------------------------------------------------------------------------------------------
 */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* UTF-16 with a byte-order mark, as PowerShell's '>' writes it, becomes bytes; what is not ASCII there is
 * '?'. It gets no longer. */
static void make_plain(char *text, size_t size)
{
    const uint8_t *in = (const uint8_t *)text;
    size_t used = 0;
    bool little = size >= 2 && in[0] == 0xff && in[1] == 0xfe;
    bool big = size >= 2 && in[0] == 0xfe && in[1] == 0xff;
    bool utf8 = size >= 3 && in[0] == 0xef && in[1] == 0xbb && in[2] == 0xbf;
    size_t step = little || big ? 2 : 1;
    for (size_t at = little || big ? 2 : utf8 ? 3 : 0; at + step <= size; at += step) {
        unsigned first = in[at], second = step == 2 ? in[at + 1] : 0;
        unsigned c = step == 1 ? first : little ? first | second << 8 : first << 8 | second;
        text[used++] = c == 0 || (step == 2 && c > 0x7e) ? '?' : (char)c;
    }
    text[used] = '\0';
}

/* Cut the next line off, without spaces at its ends. */
static char *next_line(char **text)
{
    char *line = *text;
    size_t length = strcspn(line, "\n");
    *text = line + length + (line[length] == '\n');
    line[length] = '\0';
    while (length > 0 && is_space(line[length - 1]))
        line[--length] = '\0';
    while (is_space(*line))
        line++;
    return line;
}

/* The digest at the start of `text`; `end` is behind it. Pairs of digits may be apart, as certutil of Windows
 * 7 writes them. */
static bool digest_at(const char *text, uint8_t md5[ESPOTA_MD5_LENGTH], const char **end)
{
    bool apart = digit(text[0]) >= 0 && digit(text[1]) >= 0 && text[2] == ' ';
    for (size_t i = 0; i < ESPOTA_MD5_LENGTH; i++) {
        int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
        if (low < 0)
            return false;
        md5[i] = (uint8_t)(high << 4 | low);
        text += 2;
        if (apart && i + 1 < ESPOTA_MD5_LENGTH && *text++ != ' ')
            return false;
    }
    *end = text;
    return !is_alphanumeric(*text);
}

/* A name in which md5sum wrote a backslash and line breaks as \\, \n and \r; the line begins with a backslash
 * then. */
static void unescape(char *name)
{
    char *to = name;
    for (const char *from = name; *from; from++) {
        char c = *from;
        if (c == '\\' && from[1]) {
            from++;
            c = *from == 'n' ? '\n' : *from == 'r' ? '\r' : *from;
        }
        *to++ = c;
    }
    *to = '\0';
}

/* ---- lines ----------------------------------------------------------------------------------------------
 */

/* "hex", "hex  name", "hex *name"; "MD5    HEX    path" of a PowerShell table. */
static bool sum_line(struct findings *f, const char *line, bool escaped)
{
    uint8_t md5[ESPOTA_MD5_LENGTH];
    char name[LONGEST_NAME];
    const char *end;
    if (strncasecmp(line, "md5", 3) == 0 && is_space(line[3]))
        line += 3 + strspn(line + 3, " \t");
    if (!digest_at(line, md5, &end))
        return false;
    end += strspn(end, " \t");
    size_t length = strlen(end + (*end == '*'));
    if (length >= sizeof name)
        length = 0;
    memcpy(name, end + (*end == '*'), length);
    name[length] = '\0';
    if (escaped)
        unescape(name);
    note(f, md5, name);
    return true;
}

/* "MD5 (name) = hex" of BSD, "MD5(name)= hex" of OpenSSL. */
static bool tagged_line(struct findings *f, char *line, bool escaped)
{
    uint8_t md5[ESPOTA_MD5_LENGTH];
    const char *end;
    char *open = strchr(line, '('), *equals = strrchr(line, '=');
    if (strncmp(line, "MD5", 3) != 0 || !open || !equals ||
        strspn(line + 3, " ") != (size_t)(open - line - 3))
        return false;
    char *close = equals;
    while (close > open && *close != ')')
        close--;
    if (close == open || !digest_at(equals + 1 + strspn(equals + 1, " "), md5, &end) || *end)
        return false;
    *close = '\0';
    if (escaped)
        unescape(open + 1);
    note(f, md5, open + 1);
    return true;
}

/* "Hash      : HEX" of a PowerShell list; "Path      : ..." follows. */
static bool list_line(struct findings *f, const char *line, char *text)
{
    uint8_t md5[ESPOTA_MD5_LENGTH];
    const char *end;
    char path[LONGEST_NAME] = "";
    if (strncasecmp(line, "hash", 4) != 0 || line[4 + strspn(line + 4, " ")] != ':' ||
        !digest_at(line + 4 + strspn(line + 4, " :"), md5, &end) || *end)
        return false;
    text += strspn(text, " \r\n");
    size_t length = strcspn(text, "\r\n");
    if (strncasecmp(text, "path", 4) == 0 && length < sizeof path) {
        size_t skip = 4 + strspn(text + 4, " :");
        memcpy(path, text + skip, length > skip ? length - skip : 0);
    }
    note(f, md5, path);
    return true;
}

enum espota_md5_search espota_md5_find_in(char *text, size_t size, const char *file,
                                          uint8_t md5[ESPOTA_MD5_LENGTH])
{
    struct findings f = { .wanted = file };
    make_plain(text, size);
    for (char *rest = text; *rest;) {
        char *line = next_line(&rest);
        bool escaped = *line == '\\';
        if (!sum_line(&f, line + escaped, escaped) && !tagged_line(&f, line + escaped, escaped))
            list_line(&f, line, rest);
    }
    memcpy(md5, f.named ? f.md5 : f.other, ESPOTA_MD5_LENGTH);
    if (f.named + f.others == 0)
        return ESPOTA_MD5_NONE;
    return (f.named ? f.differ : f.others_differ) ? ESPOTA_MD5_SEVERAL : ESPOTA_MD5_FOUND;
}

enum espota_md5_search espota_md5_find(const void *text, size_t size, const char *file,
                                       uint8_t md5[ESPOTA_MD5_LENGTH])
{
    char plain[LONGEST_TEXT + 1] = "";
    size_t taken = size < LONGEST_TEXT ? size : LONGEST_TEXT;
    if (taken > 0)
        memcpy(plain, text, taken);
    return espota_md5_find_in(plain, taken, file, md5);
}

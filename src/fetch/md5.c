/* MD5 sidecars, as the usual programs write them. */
#include "espota/buffer.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/fetch.h"
#include "espota/hash.h"
#include "espota/hex.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { DIGITS = 2 * ESPOTA_MD5_LENGTH, LONGEST_TEXT = 8192, LONGEST_NAME = 256 };

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

/* UTF-16 with a byte-order mark, as PowerShell's '>' writes it, becomes bytes; what is not ASCII there is
 * '?'. */
static void plain_text(const uint8_t *in, size_t size, char *out, size_t room)
{
    size_t used = 0;
    bool little = size >= 2 && in[0] == 0xff && in[1] == 0xfe;
    bool big = size >= 2 && in[0] == 0xfe && in[1] == 0xff;
    bool utf8 = size >= 3 && in[0] == 0xef && in[1] == 0xbb && in[2] == 0xbf;
    size_t step = little || big ? 2 : 1;
    for (size_t at = little || big ? 2 : utf8 ? 3 : 0; at + step <= size && used + 1 < room; at += step) {
        unsigned first = in[at], second = step == 2 ? in[at + 1] : 0;
        unsigned c = step == 1 ? first : little ? first | second << 8 : first << 8 | second;
        out[used++] = c == 0 || (step == 2 && c > 0x7e) ? '?' : (char)c;
    }
    out[used] = '\0';
}

/* Cut the next line off, without spaces at its ends. */
static char *next_line(char **text)
{
    char *line = *text;
    size_t length = strcspn(line, "\n");
    *text = line + length + (line[length] == '\n');
    line[length] = '\0';
    while (length > 0 && isspace((unsigned char)line[length - 1]))
        line[--length] = '\0';
    while (isspace((unsigned char)*line))
        line++;
    return line;
}

/* The digest at the start of `text`; `end` is behind it. Pairs of digits may be apart, as certutil of Windows
 * 7 writes them. */
static bool digest_at(const char *text, uint8_t md5[ESPOTA_MD5_LENGTH], const char **end)
{
    char digits[DIGITS + 1];
    size_t gap =
        isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]) && text[2] == ' ' ? 1 : 0;
    for (size_t i = 0; i < DIGITS; i++) {
        digits[i] = *text;
        if (!isxdigit((unsigned char)*text++))
            return false;
        if (gap && i % 2 && i + 1 < DIGITS && *text++ != ' ')
            return false;
    }
    digits[DIGITS] = '\0';
    *end = text;
    return !isalnum((unsigned char)*text) && espota_unhex(digits, md5, ESPOTA_MD5_LENGTH);
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
    if (strncasecmp(line, "md5", 3) == 0 && isspace((unsigned char)line[3]))
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

enum espota_md5_search espota_md5_find(const void *text, size_t size, const char *file,
                                       uint8_t md5[ESPOTA_MD5_LENGTH])
{
    char plain[LONGEST_TEXT];
    struct findings f = { .wanted = file };
    plain_text(text, size, plain, sizeof plain);
    for (char *rest = plain; *rest;) {
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

int espota_md5_sidecar(const struct espota_bytes *text, const char *name, const char *file,
                       uint8_t md5[ESPOTA_MD5_LENGTH], struct espota_error *error)
{
    switch (espota_md5_find(text->data, text->size, file, md5)) {
    case ESPOTA_MD5_FOUND:
        return 0;
    case ESPOTA_MD5_SEVERAL:
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "%s holds several MD5 sums, and does not say which one is that of %s", name,
                           last_part(file));
    case ESPOTA_MD5_NONE:
        break;
    }
    return espota_fail(
        error, ESPOTA_ERR_VERIFY,
        "%s does not hold the 32 hex digits of an MD5, in any of the forms that md5sum, openssl "
        "md5, Get-FileHash -Algorithm MD5 and certutil -hashfile write",
        name);
}

int espota_md5_check(const struct espota_bytes *image, const char *name, const uint8_t md5[ESPOTA_MD5_LENGTH],
                     struct espota_error *error)
{
    uint8_t found[ESPOTA_MD5_LENGTH];
    char is[2 * ESPOTA_MD5_LENGTH + 1], should[2 * ESPOTA_MD5_LENGTH + 1];
    if (espota_md5(image->data, image->size, found) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "MD5 is not available from the crypto library");
    if (memcmp(found, md5, sizeof found) == 0)
        return 0;
    espota_hex(found, sizeof found, is);
    espota_hex(md5, ESPOTA_MD5_LENGTH, should);
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "MD5 check of %s failed: it is %s, but should be %s; nothing was written", name, is,
                       should);
}

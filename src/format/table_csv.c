/* The CSV form of a partition table, with the reading habits of ESP-IDF's generator: fields are trimmed,
 * missing ones are empty, further ones ignored; numbers as Python's int(x, 0) with K and M suffixes. */
#include "espota/table.h"

#include <limits.h>
#include <string.h>

#define LINE_MAX_LENGTH 1024u
#define FIELD_COUNT     6u

enum field { NAME, TYPE, SUBTYPE, OFFSET, SIZE, FLAGS };

struct reader {
    const struct espota_table_csv_options *options;
    struct espota_table_problem *problem;
    unsigned line;
    struct espota_partition *entry;
    char buffer[LINE_MAX_LENGTH];
    char *field[FIELD_COUNT];
    bool offset_given;
    int64_t size; /* negative: the partition ends at -size */
};

static void copy_cut(char *to, size_t room, const char *from, size_t length)
{
    if (length > room - 1)
        length = room - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

static int fail(struct reader *r, enum espota_table_fault fault, const char *token, uint32_t a, uint32_t b)
{
    struct espota_table_problem *p = r->problem;
    memset(p, 0, sizeof *p);
    p->fault = fault;
    p->line = r->line;
    if (r->entry)
        memcpy(p->label, r->entry->label, sizeof p->label);
    if (token)
        copy_cut(p->token, sizeof p->token, token, strlen(token));
    p->value[0] = a;
    p->value[1] = b;
    return -1;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_name_char(char c, bool first)
{
    return c == '_' || (lower(c) >= 'a' && lower(c) <= 'z') || (!first && c >= '0' && c <= '9');
}

static char *trim(char *text)
{
    while (is_space(*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && is_space(text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

/* ---- numbers ---------------------------------------------------------------------------------------- */

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

enum parse { PARSE_OK, PARSE_BAD, PARSE_RANGE };

/* Digits of `base`, single underscores between them. Keeps reading after an overflow: bad text is worse. */
static enum parse parse_digits(const char *text, size_t length, int base, int64_t *value)
{
    int64_t result = 0;
    bool digit_before = false, overflow = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '_' && digit_before && i + 1 < length) {
            digit_before = false;
            continue;
        }
        int digit = digit_value(text[i]);
        if (digit >= base)
            return PARSE_BAD;
        digit_before = true;
        overflow = overflow || result > (INT64_MAX - digit) / base;
        if (!overflow)
            result = result * base + digit;
    }
    *value = result;
    return !digit_before ? PARSE_BAD : overflow ? PARSE_RANGE : PARSE_OK;
}

static bool all_zeros(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != '0' && text[i] != '_')
            return false;
    return true;
}

/* Python's int(text, 0): 0x, 0o, 0b or decimal without leading zeros, an optional sign. */
static enum parse parse_python_int(const char *text, size_t length, int64_t *value)
{
    bool negative = length > 0 && text[0] == '-';
    if (length > 0 && (text[0] == '-' || text[0] == '+'))
        text++, length--;
    int base = 10;
    if (length > 1 && text[0] == '0') {
        char prefix = lower(text[1]);
        base = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 10;
        if (base != 10) {
            text += 2, length -= 2;
            if (length > 1 && text[0] == '_')
                text++, length--;
        } else if (!all_zeros(text, length)) {
            return PARSE_BAD;
        }
    }
    enum parse result = parse_digits(text, length, base, value);
    if (result == PARSE_OK && negative)
        *value = -*value;
    return result;
}

static enum parse parse_number(const char *text, int64_t *value)
{
    size_t length = strlen(text);
    int64_t multiplier = 1;
    while (length > 0 && (lower(text[length - 1]) == 'k' || lower(text[length - 1]) == 'm')) {
        multiplier *= lower(text[length - 1]) == 'k' ? 1024 : 1024 * 1024;
        length--;
        if (multiplier > INT32_MAX)
            return PARSE_RANGE;
    }
    enum parse result = parse_python_int(text, length, value);
    if (result != PARSE_OK)
        return result;
    if (*value > INT64_MAX / multiplier || *value < -(INT64_MAX / multiplier))
        return PARSE_RANGE;
    *value *= multiplier;
    return PARSE_OK;
}

/* A number in a field that holds 0..max. */
static int parse_unsigned(struct reader *r, const char *text, uint32_t max, uint32_t *value)
{
    int64_t number = 0;
    enum parse result = parse_number(text, &number);
    if (result == PARSE_BAD)
        return fail(r, ESPOTA_TABLE_BAD_VALUE, text, 0, 0);
    if (result == PARSE_RANGE || number < 0 || number > max)
        return fail(r, ESPOTA_TABLE_VALUE_RANGE, text, 0, 0);
    *value = (uint32_t)number;
    return 0;
}

static int parse_byte(struct reader *r, const char *text, uint8_t *value)
{
    uint32_t number = 0;
    if (parse_unsigned(r, text, UINT8_MAX, &number) != 0)
        return -1;
    *value = (uint8_t)number;
    return 0;
}

/* ---- fields ----------------------------------------------------------------------------------------- */

static const char *lowered(char *scratch, size_t room, const char *text)
{
    copy_cut(scratch, room, text, strlen(text));
    for (char *c = scratch; *c; c++)
        *c = lower(*c);
    return scratch;
}

static int parse_type(struct reader *r)
{
    char word[32];
    const char *text = r->field[TYPE];
    if (*text == '\0')
        return fail(r, ESPOTA_TABLE_EMPTY_TYPE, NULL, 0, 0);
    int known = espota_type_from_name(lowered(word, sizeof word, text));
    if (known < 0)
        return parse_byte(r, text, &r->entry->type);
    r->entry->type = (uint8_t)known;
    return 0;
}

static int parse_subtype(struct reader *r)
{
    char word[32];
    const char *text = r->field[SUBTYPE];
    if (*text == '\0') {
        if (r->entry->type == ESPOTA_TYPE_APP)
            return fail(r, ESPOTA_TABLE_EMPTY_APP_SUBTYPE, NULL, 0, 0);
        r->entry->subtype = ESPOTA_DATA_UNDEFINED;
        return 0;
    }
    int known = espota_subtype_from_name(r->entry->type, lowered(word, sizeof word, text));
    if (known < 0)
        return parse_byte(r, text, &r->entry->subtype);
    r->entry->subtype = (uint8_t)known;
    return 0;
}

/* Bootloader and table partitions have places that the build knows, whatever the CSV says. */
static int fixed_offset(struct reader *r, bool known, uint32_t offset)
{
    if (!known)
        return fail(r, ESPOTA_TABLE_NO_BOOTLOADER_OFFSET, NULL, 0, 0);
    r->entry->offset = offset;
    r->offset_given = true;
    return 0;
}

static int parse_offset(struct reader *r)
{
    const struct espota_table_csv_options *o = r->options;
    const struct espota_partition *p = r->entry;
    if (p->type == ESPOTA_TYPE_BOOTLOADER && p->subtype == 0)
        return fixed_offset(r, o->has_bootloader_offset, o->bootloader_offset);
    if (p->type == ESPOTA_TYPE_BOOTLOADER && p->subtype == 2)
        return fixed_offset(r, o->has_recovery_offset, o->recovery_offset);
    if (p->type == ESPOTA_TYPE_PARTITION_TABLE && p->subtype == 0)
        return fixed_offset(r, true, o->table_offset);
    r->offset_given = *r->field[OFFSET] != '\0';
    return r->offset_given ? parse_unsigned(r, r->field[OFFSET], UINT32_MAX, &r->entry->offset) : 0;
}

static int parse_size(struct reader *r)
{
    const struct espota_table_csv_options *o = r->options;
    if (r->entry->type == ESPOTA_TYPE_BOOTLOADER) {
        if (!o->has_bootloader_offset || o->bootloader_offset >= o->table_offset)
            return fail(r, ESPOTA_TABLE_NO_BOOTLOADER_OFFSET, NULL, 0, 0);
        r->size = o->table_offset - o->bootloader_offset;
        return 0;
    }
    if (r->entry->type == ESPOTA_TYPE_PARTITION_TABLE) {
        r->size = ESPOTA_TABLE_SECTOR_SIZE;
        return 0;
    }
    const char *text = r->field[SIZE];
    if (*text == '\0')
        return fail(r, ESPOTA_TABLE_EMPTY_SIZE, NULL, 0, 0);
    enum parse result = parse_number(text, &r->size);
    if (result == PARSE_BAD)
        return fail(r, ESPOTA_TABLE_BAD_VALUE, text, 0, 0);
    if (result == PARSE_RANGE || r->size > UINT32_MAX || r->size < -(int64_t)UINT32_MAX)
        return fail(r, ESPOTA_TABLE_VALUE_RANGE, text, 0, 0);
    return 0;
}

static int parse_flags(struct reader *r)
{
    char *flag = r->field[FLAGS];
    while (*flag) {
        char *colon = strchr(flag, ':');
        char *next = colon ? colon + 1 : flag + strlen(flag);
        if (colon)
            *colon = '\0';
        if (strcmp(flag, "encrypted") == 0)
            r->entry->flags |= ESPOTA_FLAG_ENCRYPTED;
        else if (strcmp(flag, "readonly") == 0)
            r->entry->flags |= ESPOTA_FLAG_READONLY;
        else if (*flag)
            return fail(r, ESPOTA_TABLE_UNKNOWN_FLAG, flag, 0, 0);
        flag = next;
    }
    return 0;
}

/* ---- lines ------------------------------------------------------------------------------------------ */

/* Length of a variable reference at `text` ($NAME or ${NAME}) and its name; 0 when there is none. */
static size_t variable_at(const char *text, size_t length, char *name, size_t room)
{
    bool braced = length > 1 && text[1] == '{';
    size_t start = braced ? 2 : 1, end = start;
    while (end < length && (braced ? text[end] != '}' : is_name_char(text[end], end == start)))
        end++;
    if (end == start || end - start >= room || (braced && end == length))
        return 0;
    copy_cut(name, room, text + start, end - start);
    return braced ? end + 1 : end;
}

/* Copy a line into the buffer with its variables expanded. An unknown variable stays as it is, except
 * unbraced at the very start of a line, where the generator gives up, and so do we. */
static int expand_line(struct reader *r, const char *line, size_t length)
{
    size_t out = 0;
    for (size_t i = 0; i < length;) {
        char name[64];
        size_t reference = line[i] == '$' ? variable_at(line + i, length - i, name, sizeof name) : 0;
        const char *value = NULL;
        if (reference && r->options->lookup)
            value = r->options->lookup(r->options->lookup_context, name);
        if (reference && !value && i == 0 && line[1] != '{')
            return fail(r, ESPOTA_TABLE_UNKNOWN_VARIABLE, name, 0, 0);
        const char *from = value ? value : line + i;
        size_t count = value ? strlen(value) : 1;
        if (count > sizeof r->buffer - 1 - out)
            return fail(r, ESPOTA_TABLE_BAD_VALUE, "line longer than 1023 bytes", 0, 0);
        memcpy(r->buffer + out, from, count);
        out += count;
        i += value ? reference : 1;
    }
    r->buffer[out] = '\0';
    return 0;
}

static void split_fields(struct reader *r, char *line)
{
    static char empty[1]; /* never written: trimming an empty text stores the NUL that is there */
    for (unsigned i = 0; i < FIELD_COUNT; i++)
        r->field[i] = empty;
    for (unsigned i = 0; i < FIELD_COUNT && line; i++) {
        char *comma = strchr(line, ',');
        if (comma)
            *comma = '\0';
        r->field[i] = trim(line);
        line = comma ? comma + 1 : NULL;
    }
}

static int parse_entry(struct reader *r)
{
    memset(r->entry, 0, sizeof *r->entry);
    copy_cut(r->entry->label, sizeof r->entry->label, r->field[NAME], strlen(r->field[NAME]));
    if (parse_type(r) != 0 || parse_subtype(r) != 0 || parse_offset(r) != 0 || parse_size(r) != 0)
        return -1;
    return parse_flags(r);
}

/* Give the entry its place after `end`, the end of the entry before it, and its final size. */
static int place_entry(struct reader *r, struct espota_table *table, uint64_t *end)
{
    struct espota_partition *p = r->entry;
    bool fixed =
        (p->type == ESPOTA_TYPE_BOOTLOADER || p->type == ESPOTA_TYPE_PARTITION_TABLE) && p->subtype == 0;
    if (fixed) {
        p->size = (uint32_t)r->size;
        return 0;
    }
    if (r->offset_given && p->offset < *end)
        return fail(r, table->count == 0 ? ESPOTA_TABLE_CSV_BELOW : ESPOTA_TABLE_CSV_OVERLAP, NULL, p->offset,
                    *end > UINT32_MAX ? UINT32_MAX : (uint32_t)*end);
    if (!r->offset_given) {
        uint64_t alignment = p->type == ESPOTA_TYPE_APP ? ESPOTA_APP_ALIGNMENT : ESPOTA_SECTOR_SIZE;
        uint64_t offset = (*end + alignment - 1) / alignment * alignment;
        if (offset > UINT32_MAX)
            return fail(r, ESPOTA_TABLE_VALUE_RANGE, "offset", 0, 0);
        p->offset = (uint32_t)offset;
    }
    int64_t size = r->size < 0 ? -r->size - (int64_t)p->offset : r->size;
    if (size < 0)
        return fail(r, ESPOTA_TABLE_NEGATIVE_SIZE, NULL, p->offset, (uint32_t)-r->size);
    p->size = (uint32_t)size;
    *end = (uint64_t)p->offset + p->size;
    return 0;
}

static int parse_line(struct reader *r, struct espota_table *table, const char *line, size_t length,
                      uint64_t *end)
{
    r->entry = NULL;
    if (expand_line(r, line, length) != 0)
        return -1;
    char *text = trim(r->buffer);
    if (*text == '#' || *text == '\0')
        return 0;
    if (table->count == ESPOTA_TABLE_MAX_ENTRIES)
        return fail(r, ESPOTA_TABLE_TOO_MANY, NULL, ESPOTA_TABLE_MAX_ENTRIES, 0);
    r->entry = &table->entry[table->count];
    split_fields(r, text);
    if (parse_entry(r) != 0 || place_entry(r, table, end) != 0)
        return -1;
    table->count++;
    return 0;
}

int espota_table_parse_csv(struct espota_table *table, const char *text, size_t length,
                           const struct espota_table_csv_options *options,
                           struct espota_table_problem *problem)
{
    struct reader reader = { .options = options, .problem = problem };
    uint64_t end = (uint64_t)options->table_offset + ESPOTA_TABLE_SECTOR_SIZE;
    memset(table, 0, sizeof *table);
    table->offset = options->table_offset;
    table->has_md5 = true;
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, length -= 3;
    while (length > 0) {
        size_t line = 0;
        while (line < length && text[line] != '\n' && text[line] != '\r')
            line++;
        reader.line++;
        if (parse_line(&reader, table, text, line, &end) != 0)
            return -1;
        size_t skip = line + (line < length);
        if (line + 1 < length && text[line] == '\r' && text[line + 1] == '\n')
            skip++;
        text += skip;
        length -= skip;
    }
    return 0;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

struct writer {
    char *text;
    size_t capacity;
    size_t length;
};

static void put_text(struct writer *w, const char *text)
{
    for (; *text; text++, w->length++)
        if (w->length + 1 < w->capacity)
            w->text[w->length] = *text;
}

static void put_number(struct writer *w, uint32_t value, unsigned base)
{
    char digits[12];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    put_text(w, base == 16 ? "0x" : "");
    put_text(w, digits + at);
}

static void put_size(struct writer *w, uint32_t size)
{
    bool mega = size % 0x100000 == 0;
    if (!mega && size % 0x400 != 0) {
        put_number(w, size, 16);
        return;
    }
    put_number(w, size / (mega ? 0x100000 : 0x400), 10);
    put_text(w, mega ? "M" : "K");
}

static void put_name(struct writer *w, const char *name, uint8_t value)
{
    if (name)
        put_text(w, name);
    else
        put_number(w, value, 10);
}

static void put_entry(struct writer *w, const struct espota_partition *p)
{
    put_text(w, p->label);
    put_text(w, ",");
    put_name(w, espota_type_name(p->type), p->type);
    put_text(w, ",");
    put_name(w, espota_subtype_name(p->type, p->subtype), p->subtype);
    put_text(w, ",");
    put_number(w, p->offset, 16);
    put_text(w, ",");
    put_size(w, p->size);
    put_text(w, ",");
    if (p->flags & ESPOTA_FLAG_ENCRYPTED)
        put_text(w, p->flags & ESPOTA_FLAG_READONLY ? "encrypted:" : "encrypted");
    if (p->flags & ESPOTA_FLAG_READONLY)
        put_text(w, "readonly");
    put_text(w, "\n");
}

size_t espota_table_format_csv(const struct espota_table *table, char *text, size_t capacity)
{
    struct writer w = { text, capacity, 0 };
    put_text(&w, "# ESP-IDF Partition Table\n# Name, Type, SubType, Offset, Size, Flags\n");
    for (unsigned i = 0; i < table->count; i++)
        put_entry(&w, &table->entry[i]);
    if (capacity > 0)
        text[w.length < capacity ? w.length : capacity - 1] = '\0';
    return w.length;
}

/* The CSV form of a partition table, with the reading habits of ESP-IDF's generator, which are Python's:
 * lines end and fields are trimmed where str says so; missing fields are empty, further ones ignored; numbers
 * are int(x, 0) with K and M suffixes. A line may have any length: its fields are looked at where they are.
 */
#include "espota/table.h"

#include <limits.h>
#include <string.h>

#define FIELD_COUNT 6u

enum field { NAME, TYPE, SUBTYPE, OFFSET, SIZE, FLAGS };

struct slice {
    const char *text;
    size_t length;
};

struct reader {
    const struct espota_table_csv_options *options;
    struct espota_table_problem *problem;
    unsigned line;
    struct espota_partition *entry;
    struct slice field[FIELD_COUNT];
    bool offset_given;
    int64_t size; /* negative: the partition ends at -size */
};

static void copy_cut(char *to, size_t room, struct slice from)
{
    size_t length = from.length < room - 1 ? from.length : room - 1;
    memcpy(to, from.text, length);
    to[length] = '\0';
}

static int fail(struct reader *r, enum espota_table_fault fault, struct slice token, uint32_t a, uint32_t b)
{
    struct espota_table_problem *p = r->problem;
    memset(p, 0, sizeof *p);
    p->fault = fault;
    p->line = r->line;
    if (r->entry)
        memcpy(p->label, r->entry->label, sizeof p->label);
    copy_cut(p->token, sizeof p->token, token);
    p->value[0] = a;
    p->value[1] = b;
    return -1;
}

static const struct slice nothing = { "", 0 };

/* ---- text ------------------------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_name_char(char c, bool first)
{
    return c == '_' || (lower(c) >= 'a' && lower(c) <= 'z') || (!first && c >= '0' && c <= '9');
}

/* Length of the UTF-8 character at `text`, when it is one of `characters` (separated by blanks); 0 otherwise.
 */
static size_t one_of(const char *text, size_t left, const char *characters)
{
    while (*characters) {
        size_t length = strcspn(characters, " ");
        if (length <= left && memcmp(text, characters, length) == 0)
            return length;
        characters += length + (characters[length] == ' ');
    }
    return 0;
}

#define WIDE_BREAKS "\xc2\x85 \xe2\x80\xa8 \xe2\x80\xa9"
/* U+0085, 00A0, 1680, 2000 to 200A, 2028, 2029, 202F, 205F, 3000: str.isspace */
#define WIDE_SPACES                                                                                          \
    WIDE_BREAKS                                                                                              \
    " \xc2\xa0 \xe1\x9a\x80 \xe2\x80\x80 \xe2\x80\x81 \xe2\x80\x82 \xe2\x80\x83 \xe2\x80\x84 "               \
    "\xe2\x80\x85 \xe2\x80\x86 \xe2\x80\x87 \xe2\x80\x88 \xe2\x80\x89 \xe2\x80\x8a \xe2\x80\xaf "            \
    "\xe2\x81\x9f \xe3\x80\x80"

static size_t space_at(const char *text, size_t left)
{
    if (*text == ' ' || (*text >= '\t' && *text <= '\r') || (*text >= 0x1c && *text <= 0x1f))
        return 1;
    return (unsigned char)*text < 0x80 ? 0 : one_of(text, left, WIDE_SPACES);
}

/* Length of the space that ends the text. */
static size_t space_before(struct slice s)
{
    for (size_t length = 1; length <= 3 && length <= s.length; length++)
        if (space_at(s.text + s.length - length, length) == length)
            return length;
    return 0;
}

static struct slice trim(struct slice s)
{
    size_t space;
    while (s.length > 0 && (space = space_at(s.text, s.length)) > 0)
        s.text += space, s.length -= space;
    while (s.length > 0 && (space = space_before(s)) > 0)
        s.length -= space;
    return s;
}

/* Length of the line break at `text`, as str.splitlines has it; 0 when there is none. */
static size_t break_at(const char *text, size_t left)
{
    if (*text == '\r')
        return left > 1 && text[1] == '\n' ? 2 : 1;
    if ((*text >= '\n' && *text <= '\f') || (*text >= 0x1c && *text <= 0x1e))
        return 1;
    return (unsigned char)*text < 0x80 ? 0 : one_of(text, left, WIDE_BREAKS);
}

static bool equals(struct slice s, const char *text)
{
    return s.length == strlen(text) && memcmp(s.text, text, s.length) == 0;
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

/* Cut the suffixes off; `*scale` is what they multiply by, 0: too large for any number but 0. */
static struct slice cut_suffixes(struct slice s, int64_t *scale)
{
    *scale = 1;
    for (; s.length > 0; s.length--) {
        char suffix = lower(s.text[s.length - 1]);
        if (suffix != 'k' && suffix != 'm')
            break;
        *scale = *scale > INT32_MAX ? 0 : *scale * (suffix == 'k' ? 1024 : 1024 * 1024);
    }
    return s;
}

static enum parse scaled(int64_t *value, int64_t scale)
{
    if (*value == 0)
        return PARSE_OK;
    if (scale == 0 || *value > INT64_MAX / scale || *value < -(INT64_MAX / scale))
        return PARSE_RANGE;
    *value *= scale;
    return PARSE_OK;
}

/* Number of a name (lower case), or -1. */
typedef int name_fn(const struct reader *r, const char *name);

/* The generator's parse_int: suffixes first, then a number, then a name. */
static enum parse parse_value(const struct reader *r, struct slice text, name_fn *named, int64_t *value)
{
    char word[64];
    int64_t scale;
    struct slice bare = cut_suffixes(text, &scale);
    struct slice number = trim(bare);
    enum parse result = parse_python_int(number.text, number.length, value);
    if (result == PARSE_BAD && named && bare.length < sizeof word) {
        copy_cut(word, sizeof word, bare);
        for (char *c = word; *c; c++)
            *c = lower(*c);
        int known = named(r, word);
        result = known < 0 ? PARSE_BAD : PARSE_OK;
        *value = known;
    }
    return result == PARSE_OK ? scaled(value, scale) : result;
}

/* A value in a field that holds 0..max; `fault` when it is neither number nor name. */
static int parse_unsigned(struct reader *r, struct slice text, name_fn *named, enum espota_table_fault fault,
                          uint32_t max, uint32_t *value)
{
    int64_t number = 0;
    enum parse result = parse_value(r, text, named, &number);
    if (result == PARSE_BAD)
        return fail(r, fault, text, r->entry->type, 0);
    if (result == PARSE_RANGE || number < 0 || number > max)
        return fail(r, ESPOTA_TABLE_VALUE_RANGE, text, 0, 0);
    *value = (uint32_t)number;
    return 0;
}

/* ---- fields ----------------------------------------------------------------------------------------- */

static int type_named(const struct reader *r, const char *name)
{
    (void)r;
    return espota_type_from_name(name);
}

static int subtype_named(const struct reader *r, const char *name)
{
    const struct espota_table_csv_options *o = r->options;
    for (unsigned i = o->extra_count; i > 0; i--) /* the last one counts */
        if (o->extra[i - 1].type == r->entry->type && strcmp(o->extra[i - 1].name, name) == 0)
            return o->extra[i - 1].value;
    return espota_subtype_from_name(r->entry->type, name);
}

static int parse_type(struct reader *r)
{
    uint32_t value = 0;
    if (r->field[TYPE].length == 0)
        return fail(r, ESPOTA_TABLE_EMPTY_TYPE, nothing, 0, 0);
    int result = parse_unsigned(r, r->field[TYPE], type_named, ESPOTA_TABLE_UNKNOWN_TYPE, UINT8_MAX, &value);
    r->entry->type = (uint8_t)value;
    return result;
}

static int parse_subtype(struct reader *r)
{
    uint32_t value = ESPOTA_DATA_UNDEFINED;
    if (r->field[SUBTYPE].length == 0) {
        if (r->entry->type == ESPOTA_TYPE_APP)
            return fail(r, ESPOTA_TABLE_EMPTY_APP_SUBTYPE, nothing, 0, 0);
    } else if (parse_unsigned(r, r->field[SUBTYPE], subtype_named, ESPOTA_TABLE_UNKNOWN_SUBTYPE, UINT8_MAX,
                              &value) != 0) {
        return -1;
    }
    r->entry->subtype = (uint8_t)value;
    return 0;
}

/* Bootloader and table partitions have places that the build knows, whatever the CSV says. */
static int fixed_offset(struct reader *r, bool known, uint32_t offset)
{
    if (!known)
        return fail(r, ESPOTA_TABLE_NO_BOOTLOADER_OFFSET, nothing, 0, 0);
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
    r->offset_given = r->field[OFFSET].length > 0;
    return r->offset_given ? parse_unsigned(r, r->field[OFFSET], NULL, ESPOTA_TABLE_BAD_VALUE, UINT32_MAX,
                                            &r->entry->offset)
                           : 0;
}

static int parse_size(struct reader *r)
{
    const struct espota_table_csv_options *o = r->options;
    if (r->entry->type == ESPOTA_TYPE_BOOTLOADER) {
        if (!o->has_bootloader_offset || o->bootloader_offset >= o->table_offset)
            return fail(r, ESPOTA_TABLE_NO_BOOTLOADER_OFFSET, nothing, 0, 0);
        r->size = o->table_offset - o->bootloader_offset;
        return 0;
    }
    if (r->entry->type == ESPOTA_TYPE_PARTITION_TABLE) {
        r->size = ESPOTA_TABLE_SECTOR_SIZE;
        return 0;
    }
    struct slice text = r->field[SIZE];
    if (text.length == 0)
        return fail(r, ESPOTA_TABLE_EMPTY_SIZE, nothing, 0, 0);
    enum parse result = parse_value(r, text, NULL, &r->size);
    if (result == PARSE_BAD)
        return fail(r, ESPOTA_TABLE_BAD_VALUE, text, 0, 0);
    if (result == PARSE_RANGE || r->size > UINT32_MAX || r->size < -(int64_t)UINT32_MAX)
        return fail(r, ESPOTA_TABLE_VALUE_RANGE, text, 0, 0);
    return 0;
}

static int parse_flags(struct reader *r)
{
    struct slice rest = r->field[FLAGS];
    while (rest.length > 0) {
        const char *colon = memchr(rest.text, ':', rest.length);
        struct slice flag = { rest.text, colon ? (size_t)(colon - rest.text) : rest.length };
        if (equals(flag, "encrypted"))
            r->entry->flags |= ESPOTA_FLAG_ENCRYPTED;
        else if (equals(flag, "readonly"))
            r->entry->flags |= ESPOTA_FLAG_READONLY;
        else if (flag.length > 0)
            return fail(r, ESPOTA_TABLE_UNKNOWN_FLAG, flag, 0, 0);
        size_t used = flag.length + (colon != NULL);
        rest.text += used, rest.length -= used;
    }
    return 0;
}

/* ---- lines ------------------------------------------------------------------------------------------ */

/* $NAME at the start of a line is a variable that has no value: others stay as they are, here the generator
 * gives up, and so do we. */
static int check_variable(struct reader *r, struct slice line)
{
    size_t end = 1;
    if (line.length < 2 || line.text[0] != '$')
        return 0;
    while (end < line.length && is_name_char(line.text[end], end == 1))
        end++;
    struct slice name = { line.text + 1, end - 1 };
    return name.length > 0 ? fail(r, ESPOTA_TABLE_UNKNOWN_VARIABLE, name, 0, 0) : 0;
}

static void split_fields(struct reader *r, struct slice line)
{
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        const char *comma = line.length > 0 ? memchr(line.text, ',', line.length) : NULL;
        struct slice field = { line.text, comma ? (size_t)(comma - line.text) : line.length };
        size_t used = field.length + (comma != NULL);
        r->field[i] = trim(field);
        line.text += used, line.length -= used;
    }
}

static int parse_entry(struct reader *r)
{
    memset(r->entry, 0, sizeof *r->entry);
    copy_cut(r->entry->label, sizeof r->entry->label, r->field[NAME]);
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
        return fail(r, table->count == 0 ? ESPOTA_TABLE_CSV_BELOW : ESPOTA_TABLE_CSV_OVERLAP, nothing,
                    p->offset, *end > UINT32_MAX ? UINT32_MAX : (uint32_t)*end);
    if (!r->offset_given) {
        uint64_t alignment = p->type == ESPOTA_TYPE_APP ? ESPOTA_APP_ALIGNMENT : ESPOTA_SECTOR_SIZE;
        uint64_t offset = (*end + alignment - 1) / alignment * alignment;
        if (offset > UINT32_MAX)
            return fail(r, ESPOTA_TABLE_VALUE_RANGE, (struct slice){ "offset", 6 }, 0, 0);
        p->offset = (uint32_t)offset;
    }
    int64_t size = r->size < 0 ? -r->size - (int64_t)p->offset : r->size;
    if (size < 0)
        return fail(r, ESPOTA_TABLE_NEGATIVE_SIZE, nothing, p->offset, (uint32_t)-r->size);
    p->size = (uint32_t)size;
    *end = (uint64_t)p->offset + p->size;
    return 0;
}

static int parse_line(struct reader *r, struct espota_table *table, struct slice line, uint64_t *end)
{
    r->entry = NULL;
    if (check_variable(r, line) != 0)
        return -1;
    line = trim(line);
    if (line.length == 0 || line.text[0] == '#')
        return 0;
    if (table->count == ESPOTA_TABLE_MAX_ENTRIES)
        return fail(r, ESPOTA_TABLE_TOO_MANY, nothing, ESPOTA_TABLE_MAX_ENTRIES, 0);
    r->entry = &table->entry[table->count];
    split_fields(r, line);
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
        struct slice line = { text, 0 };
        size_t skip = 0;
        while (line.length < length && (skip = break_at(text + line.length, length - line.length)) == 0)
            line.length++;
        reader.line++;
        if (parse_line(&reader, table, line, &end) != 0)
            return -1;
        text += line.length + skip;
        length -= line.length + skip;
    }
    return 0;
}

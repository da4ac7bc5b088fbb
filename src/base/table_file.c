/* Tables as files: which form it is, which encoding, and errors that name the file. */
#include "espota/table_file.h"
#include "espota/buffer.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/table.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *wide_encoding(const struct espota_bytes *bytes)
{
    static const struct {
        uint8_t mark[4];
        size_t length;
        const char *name;
    } marks[] = {
        { { 0xff, 0xfe, 0, 0 }, 4, "UTF-32" },
        { { 0, 0, 0xfe, 0xff }, 4, "UTF-32" },
        { { 0xff, 0xfe, 0, 0 }, 2, "UTF-16" },
        { { 0xfe, 0xff, 0, 0 }, 2, "UTF-16" },
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (bytes->size >= marks[i].length && memcmp(bytes->data, marks[i].mark, marks[i].length) == 0)
            return marks[i].name;
    return NULL;
}

static int to_utf8(const struct espota_bytes *wide, const char *encoding, const char *name,
                   struct espota_bytes *text, struct espota_error *error)
{
    iconv_t converter = iconv_open("UTF-8", encoding);
    if (converter == (iconv_t)-1)
        return espota_fail(error, ESPOTA_ERR_FAILED, "%s is %s, which cannot be converted here", name,
                           encoding);
    char *in = (char *)wide->data;
    size_t left = wide->size;
    int result = 0;
    while (left > 0 && result == 0) {
        char chunk[1024];
        char *out = chunk;
        size_t room = sizeof chunk;
        size_t done = iconv(converter, &in, &left, &out, &room);
        int reason = errno;
        result = espota_bytes_append(text, chunk, sizeof chunk - room, error);
        if (done == (size_t)-1 && reason != E2BIG && result == 0)
            result = espota_fail(error, ESPOTA_ERR_FAILED, "%s is not valid %s text", name, encoding);
    }
    iconv_close(converter);
    return result;
}

/* ---- variables ------------------------------------------------------------------------------------------
 */

static bool is_word_char(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Length of the reference at `text`, $NAME or ${NAME}; 0 when it is none. `*name` is where the name starts.
 */
static size_t reference_at(const char *text, size_t left, size_t *name, size_t *name_length)
{
    bool braced = left > 1 && text[1] == '{';
    size_t end = braced ? 2 : 1;
    *name = end;
    while (end < left && (braced ? text[end] != '}' && text[end] != '\n' : is_word_char(text[end])))
        end++;
    *name_length = end - *name;
    if (braced)
        return end < left && text[end] == '}' ? end + 1 : 0;
    return *name_length > 0 ? end : 0;
}

static int append_variable(struct espota_bytes *out, const char *reference, size_t length, const char *name,
                           size_t name_length, struct espota_error *error)
{
    char text[128];
    const char *value = NULL;
    if (name_length > 0 && name_length < sizeof text) {
        memcpy(text, name, name_length);
        text[name_length] = '\0';
        value = getenv(text);
    }
    if (value && strpbrk(value, "\r\n"))
        return espota_fail(error, ESPOTA_ERR_FAILED, "the variable %s has a line break in it", text);
    return value ? espota_bytes_append(out, value, strlen(value), error)
                 : espota_bytes_append(out, reference, length, error); /* without a value it stays */
}

/* As Python's os.path.expandvars does, which the generator uses. */
static int expand(const struct espota_bytes *csv, struct espota_bytes *out, struct espota_error *error)
{
    const char *text = (const char *)csv->data;
    int result = 0;
    for (size_t at = 0; result == 0 && at < csv->size;) {
        const char *dollar = memchr(text + at, '$', csv->size - at);
        size_t plain = (dollar ? (size_t)(dollar - text) : csv->size) - at;
        size_t name = 0, name_length = 0, length = 0;
        result = espota_bytes_append(out, text + at, plain, error);
        at += plain;
        if (result != 0 || !dollar)
            break;
        length = reference_at(dollar, csv->size - at, &name, &name_length);
        result = length ? append_variable(out, dollar, length, dollar + name, name_length, error)
                        : espota_bytes_append(out, dollar, 1, error);
        at += length ? length : 1;
    }
    return result;
}

/* ---- reading --------------------------------------------------------------------------------------------
 */

/* Names that were given besides those that are known. */
static void append_extra(const struct espota_table_csv_options *options,
                         const struct espota_table_problem *problem, char *text)
{
    for (unsigned i = 0; problem->fault == ESPOTA_TABLE_UNKNOWN_SUBTYPE && i < options->extra_count; i++) {
        size_t used = strlen(text);
        if (options->extra[i].type == problem->value[0])
            snprintf(text + used, ESPOTA_PROBLEM_TEXT - used, ", %s", options->extra[i].name);
    }
}

static int parse_csv(struct espota_table *table, const struct espota_bytes *text, const char *name,
                     const struct espota_table_csv_options *options, struct espota_error *error)
{
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    if (espota_table_parse_csv(table, (const char *)text->data, text->size, options, &problem) == 0)
        return 0;
    espota_table_problem_text(&problem, words);
    append_extra(options, &problem, words);
    return espota_fail_hint(error, ESPOTA_ERR_FAILED,
                            problem.fault == ESPOTA_TABLE_NO_BOOTLOADER_OFFSET ? ESPOTA_HINT_BOOTLOADER_OFFSET
                                                                               : ESPOTA_HINT_NONE,
                            "%s: %s", name, words);
}

static int read_csv(struct espota_table *table, const struct espota_bytes *bytes, const char *name,
                    const struct espota_table_csv_options *options, struct espota_error *error)
{
    struct espota_bytes text = { 0 }, expanded = { 0 };
    const char *encoding = wide_encoding(bytes);
    int result = 0;
    if (!encoding && bytes->size > 0 && memchr(bytes->data, 0, bytes->size))
        result =
            espota_fail(error, ESPOTA_ERR_FAILED, "%s is neither CSV nor a binary partition table", name);
    if (result == 0)
        result = to_utf8(bytes, encoding ? encoding : "UTF-8", name, &text, error);
    if (result == 0)
        result = expand(&text, &expanded, error);
    if (result == 0)
        result = parse_csv(table, &expanded, name, options, error);
    espota_bytes_free(&text);
    espota_bytes_free(&expanded);
    return result;
}

int espota_table_read(struct espota_table *table, const struct espota_bytes *bytes, const char *name,
                      const struct espota_table_csv_options *options, bool *was_binary,
                      struct espota_error *error)
{
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    bool binary = bytes->size >= 2 && bytes->data[0] == 0xaa && bytes->data[1] == 0x50;
    if (was_binary)
        *was_binary = binary;
    if (!binary) {
        int result = read_csv(table, bytes, name, options, error);
        if (result != 0)
            return result;
    } else if (espota_table_parse_binary(table, bytes->data, bytes->size, options->table_offset, espota_md5,
                                         &problem) != 0) {
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s: %s", name,
                           espota_table_problem_text(&problem, words));
    }
    if (espota_table_verify(table, &problem) != 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s: %s", name,
                           espota_table_problem_text(&problem, words));
    return 0;
}

int espota_table_to_binary(const struct espota_table *table, uint8_t out[ESPOTA_TABLE_BINARY_SIZE],
                           struct espota_error *error)
{
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    if (espota_table_format_binary(table, out, espota_md5, &problem) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "cannot make a binary table: %s",
                           espota_table_problem_text(&problem, words));
    return 0;
}

int espota_table_to_csv(const struct espota_table *table, struct espota_bytes *csv,
                        struct espota_error *error)
{
    size_t length = espota_table_format_csv(table, NULL, 0);
    char *text = malloc(length + 1);
    if (!text)
        return espota_fail_memory(error, "writing a partition table");
    espota_table_format_csv(table, text, length + 1);
    int result = espota_bytes_append(csv, text, length, error);
    free(text);
    return result;
}

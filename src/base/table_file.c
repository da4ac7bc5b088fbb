/* Tables as files: which form it is, which encoding, and errors that name the file. */
#include "espota/host.h"

#include <errno.h>
#include <iconv.h>
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

static const char *environment(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

static int read_csv(struct espota_table *table, const struct espota_bytes *bytes, const char *name,
                    const struct espota_table_csv_options *options, struct espota_error *error)
{
    struct espota_table_csv_options with_environment = *options;
    struct espota_table_problem problem;
    struct espota_bytes text = { 0 };
    char words[ESPOTA_PROBLEM_TEXT];
    const char *encoding = wide_encoding(bytes);
    int result = 0;
    with_environment.lookup = environment;
    if (encoding)
        result = to_utf8(bytes, encoding, name, &text, error);
    const struct espota_bytes *source = encoding ? &text : bytes;
    if (result == 0 && source->size > 0 && memchr(source->data, 0, source->size))
        result =
            espota_fail(error, ESPOTA_ERR_FAILED, "%s is neither CSV nor a binary partition table", name);
    if (result == 0 && espota_table_parse_csv(table, (const char *)source->data, source->size,
                                              &with_environment, &problem) != 0)
        result =
            espota_fail(error, ESPOTA_ERR_FAILED, "%s: %s", name, espota_table_problem_text(&problem, words));
    espota_bytes_free(&text);
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

/* Lists of devices as CSV. */
#include "espota/device_list.h"

#include "csv.h"
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"

#include <stdio.h>
#include <string.h>

enum { NONE = CSV_COLUMNS };
enum { NAME, ADDRESS, KEY, TAGS, TOKEN, COLUMNS };

struct reader {
    const char *path;
    unsigned column[COLUMNS];
    struct espota_device_list_maker *maker;
};

/* Is it this title, but for blanks around it? */
static bool is_title(const char *text, const char *title)
{
    size_t length = strlen(title);
    text += strspn(text, " \t");
    return strncmp(text, title, length) == 0 && text[length + strspn(text + length, " \t")] == '\0';
}

static int take_titles(struct reader *r, const struct csv_row *row, struct espota_error *error)
{
    static const char *const titles[COLUMNS] = { "name", "address", "key", "tags", "token" };
    for (unsigned wanted = 0; wanted < COLUMNS; wanted++) {
        r->column[wanted] = NONE;
        for (unsigned i = 0; i < row->count; i++)
            if (is_title(csv_field(row, i), titles[wanted]))
                r->column[wanted] = i;
    }
    if (r->column[NAME] == NONE || r->column[ADDRESS] == NONE)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "%s is no list of devices: its first line is 'name,address,key,tags', or at least the first two",
            r->path);
    return 0;
}

static int take_device(struct reader *r, const struct csv_row *row, struct espota_error *error)
{
    char where[32];
    const struct espota_listed_device device = {
        .name = csv_field(row, r->column[NAME]),
        .address = csv_field(row, r->column[ADDRESS]),
        .key = csv_field(row, r->column[KEY]),
        .tags = csv_field(row, r->column[TAGS]),
        .token = csv_field(row, r->column[TOKEN]),
    };
    snprintf(where, sizeof where, "line %u", row->line);
    if (row->open)
        return espota_fail(error, ESPOTA_ERR_USAGE, "%s, %s: a quote is not closed", r->path, where);
    return espota_device_list_add(r->maker, &device, where, error);
}

static int take_rows(struct reader *r, const struct espota_bytes *file, struct espota_error *error)
{
    struct csv_reader csv = { .at = (const char *)file->data, .end = (const char *)file->data + file->size };
    struct csv_row row = { 0 };
    if (file->size >= 3 && memcmp(csv.at, "\xEF\xBB\xBF", 3) == 0) /* as spreadsheets begin a file */
        csv.at += 3;
    int got = csv_next(&csv, &row, error), result = 0;
    if (got == 0)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "%s lists no devices: it is empty", r->path);
    else if (got > 0)
        result = take_titles(r, &row, error);
    while (result == 0 && got > 0 && (got = csv_next(&csv, &row, error)) > 0)
        result = take_device(r, &row, error);
    espota_bytes_free(&row.text);
    return got < 0 ? (int)error->status : result;
}

int espota_device_list_parse(struct espota_device_list *list, const char *path,
                             const struct espota_bytes *file, struct espota_error *error)
{
    struct reader reader = { .path = path };
    *list = (struct espota_device_list){ 0 };
    if (file->size > 0 && memchr(file->data, '\0', file->size))
        return espota_fail(error, ESPOTA_ERR_USAGE, "%s is no list of devices: it is no text", path);
    int result = espota_device_list_begin(&reader.maker, path, error);
    if (result == 0)
        result = take_rows(&reader, file, error);
    if (result == 0)
        return espota_device_list_end(reader.maker, list, error);
    espota_device_list_abandon(reader.maker);
    return result;
}

int espota_device_list_read(struct espota_device_list *list, const char *path, struct espota_error *error)
{
    struct espota_bytes file = { 0 };
    *list = (struct espota_device_list){ 0 };
    int result = espota_file_read(path, ESPOTA_DEVICE_LIST_MOST_BYTES, &file, error);
    if (result == 0)
        result = espota_device_list_parse(list, path, &file, error);
    espota_bytes_free(&file);
    return result;
}

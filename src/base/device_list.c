#include "espota/device_list.h"

#include "csv.h"
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LARGEST_FILE = 64 << 20, NONE = CSV_COLUMNS };
enum { NAME, ADDRESS, KEY, TAGS, TOKEN, COLUMNS };

struct reader {
    const char *path;
    size_t folder; /* length of what comes before the file's name in `path` */
    unsigned column[COLUMNS];
    struct espota_bytes text;   /* the texts of all devices, each with its NUL */
    struct espota_bytes places; /* where in it they begin: size_t[COLUMNS] a device; SIZE_MAX: none */
};

/* A field without blanks around it; NULL: there is none, or nothing in it. */
static const char *field_of(const struct csv_row *row, unsigned column, size_t *length)
{
    const char *text = csv_field(row, column);
    if (!text)
        return NULL;
    text += strspn(text, " \t");
    *length = strlen(text);
    while (*length > 0 && (text[*length - 1] == ' ' || text[*length - 1] == '\t'))
        --*length;
    return *length > 0 ? text : NULL;
}

/* It goes to terminals, and one name is one line there. */
static bool is_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7F)
            return false;
    return true;
}

static int take_titles(struct reader *r, const struct csv_row *row, struct espota_error *error)
{
    static const char *const titles[COLUMNS] = { "name", "address", "key", "tags", "token" };
    for (unsigned wanted = 0; wanted < COLUMNS; wanted++) {
        r->column[wanted] = NONE;
        for (unsigned i = 0; i < row->count; i++) {
            size_t length = 0;
            const char *title = field_of(row, i, &length);
            if (title && length == strlen(titles[wanted]) && memcmp(title, titles[wanted], length) == 0)
                r->column[wanted] = i;
        }
    }
    if (r->column[NAME] == NONE || r->column[ADDRESS] == NONE)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "%s is no list of devices: its first line is 'name,address,key,tags', or at least the first two",
            r->path);
    return 0;
}

static int keep(struct reader *r, size_t before, const char *text, size_t length, size_t *place,
                struct espota_error *error)
{
    *place = r->text.size;
    int result = espota_bytes_append(&r->text, r->path, before, error);
    if (result == 0)
        result = espota_bytes_append(&r->text, text, length, error);
    return result ? result : espota_bytes_append(&r->text, "", 1, error);
}

static int wrong(const struct reader *r, const struct csv_row *row, const char *what,
                 struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_USAGE, "%s, line %u: %s", r->path, row->line, what);
}

static int take_device(struct reader *r, const struct csv_row *row, struct espota_error *error)
{
    size_t place[COLUMNS] = { SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX };
    int result = row->open ? wrong(r, row, "a quote is not closed", error) : 0;
    for (unsigned i = 0; result == 0 && i < COLUMNS; i++) {
        size_t length = 0;
        const char *text = field_of(row, r->column[i], &length);
        bool beside = text && (i == KEY || i == TOKEN) && text[0] != '/';
        if (!text && (i == NAME || i == ADDRESS))
            result = wrong(r, row, "a device has a name and an address", error);
        else if (text && !is_printable(text, length))
            result = wrong(r, row, "a field goes over lines, or has other control characters", error);
        else if (text || i == TAGS)
            result = keep(r, beside ? r->folder : 0, text, length, &place[i], error);
    }
    if (result == 0 && r->places.size / sizeof place == ESPOTA_DEVICE_LIST_MOST)
        return espota_fail(error, ESPOTA_ERR_USAGE, "%s lists more than %d devices", r->path,
                           ESPOTA_DEVICE_LIST_MOST);
    return result ? result : espota_bytes_append(&r->places, place, sizeof place, error);
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

static const char *text_at(const struct espota_device_list *list, const uint8_t *places, unsigned column)
{
    size_t place;
    memcpy(&place, places + column * sizeof place, sizeof place);
    return place == SIZE_MAX ? NULL : list->text + place;
}

static int by_name(const void *a, const void *b)
{
    const struct espota_listed_device *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static int check_names(const struct espota_device_list *list, const char *path, struct espota_error *error)
{
    struct espota_listed_device *sorted = calloc(list->count + 1, sizeof sorted[0]);
    int result = 0;
    if (!sorted)
        return espota_fail_memory(error, "reading a list of devices");
    memcpy(sorted, list->device, list->count * sizeof sorted[0]);
    qsort(sorted, list->count, sizeof sorted[0], by_name);
    for (size_t i = 1; result == 0 && i < list->count; i++)
        if (strcmp(sorted[i - 1].name, sorted[i].name) == 0)
            result = espota_fail(error, ESPOTA_ERR_USAGE, "%s lists '%s' twice: names tell devices apart",
                                 path, sorted[i].name);
    free(sorted);
    return result;
}

static int make_list(struct espota_device_list *list, struct reader *r, struct espota_error *error)
{
    enum { ROW = COLUMNS * sizeof(size_t) };
    list->count = r->places.size / ROW;
    list->device = calloc(list->count ? list->count : 1, sizeof *list->device);
    if (!list->device)
        return espota_fail_memory(error, "reading a list of devices");
    list->text = (char *)r->text.data;
    r->text = (struct espota_bytes){ 0 };
    for (size_t i = 0; i < list->count; i++) {
        const uint8_t *row = r->places.data + i * ROW;
        list->device[i] =
            (struct espota_listed_device){ text_at(list, row, NAME), text_at(list, row, ADDRESS),
                                           text_at(list, row, KEY), text_at(list, row, TAGS),
                                           text_at(list, row, TOKEN) };
    }
    return check_names(list, r->path, error);
}

int espota_device_list_read(struct espota_device_list *list, const char *path, struct espota_error *error)
{
    struct espota_bytes file = { 0 };
    const char *slash = strrchr(path, '/');
    struct reader reader = { .path = path, .folder = slash ? (size_t)(slash - path) + 1 : 0 };
    *list = (struct espota_device_list){ 0 };
    int result = espota_file_read(path, LARGEST_FILE, &file, error);
    if (result == 0 && file.size > 0 && memchr(file.data, '\0', file.size))
        result = espota_fail(error, ESPOTA_ERR_USAGE, "%s is no list of devices: it is no text", path);
    if (result == 0)
        result = take_rows(&reader, &file, error);
    if (result == 0)
        result = make_list(list, &reader, error);
    if (result != 0)
        espota_device_list_free(list);
    espota_bytes_free(&file);
    espota_bytes_free(&reader.text);
    espota_bytes_free(&reader.places);
    return result;
}

void espota_device_list_free(struct espota_device_list *list)
{
    free(list->device);
    free(list->text);
    *list = (struct espota_device_list){ 0 };
}

enum espota_address_kind espota_device_address_kind(const char *address, const char **rest)
{
    static const struct {
        const char *scheme;
        enum espota_address_kind kind;
        bool whole; /* the scheme is part of the address */
    } schemes[] = {
        { "arduino://", ESPOTA_ADDRESS_ARDUINO, false },
        { "esphome://", ESPOTA_ADDRESS_ESPHOME, false },
        { "http://", ESPOTA_ADDRESS_HTTP_UPLOAD, true },
        { "https://", ESPOTA_ADDRESS_HTTP_UPLOAD, true },
    };
    const char *unused;
    rest = rest ? rest : &unused;
    *rest = address;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i].scheme);
        if (strncasecmp(address, schemes[i].scheme, length) == 0) {
            *rest = schemes[i].whole ? address : address + length;
            return schemes[i].kind;
        }
    }
    return address[0] == '/' || strncmp(address, "file:", 5) == 0 || strstr(address, "://")
               ? ESPOTA_ADDRESS_PORT
               : ESPOTA_ADDRESS_HOST;
}

bool espota_device_address_is_port(const char *address)
{
    return espota_device_address_kind(address, NULL) == ESPOTA_ADDRESS_PORT;
}

bool espota_listed_device_has_tag(const struct espota_listed_device *device, const char *tag)
{
    size_t length = strlen(tag);
    for (const char *at = device->tags; *at;) {
        at += strspn(at, " \t");
        size_t word = strcspn(at, " \t");
        if (word == length && word > 0 && strncmp(at, tag, word) == 0)
            return true;
        at += word;
    }
    return false;
}

/* Lists of devices, wherever they come from. */
#include "espota/device_list.h"

#include "espota/address.h"
#include "espota/buffer.h"
#include "espota/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NAME, ADDRESS, KEY, TAGS, TOKEN, FIELDS };

struct espota_device_list_maker {
    const char *path;
    size_t folder;              /* length of what comes before the file's name in `path` */
    struct espota_bytes text;   /* the texts of all devices, each with its NUL */
    struct espota_bytes places; /* where in it they begin: size_t[FIELDS] a device; SIZE_MAX: none */
};

int espota_device_list_begin(struct espota_device_list_maker **maker, const char *path,
                             struct espota_error *error)
{
    const char *slash = strrchr(path, '/');
    *maker = calloc(1, sizeof **maker);
    if (!*maker)
        return espota_fail_memory(error, "reading a list of devices");
    (*maker)->path = path;
    (*maker)->folder = slash ? (size_t)(slash - path) + 1 : 0;
    return 0;
}

/* Without blanks around it; NULL: there is none, or nothing in it. */
static const char *trim(const char *text, size_t *length)
{
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

static int keep(struct espota_device_list_maker *m, size_t before, const char *text, size_t length,
                size_t *place, struct espota_error *error)
{
    *place = m->text.size;
    int result = espota_bytes_append(&m->text, m->path, before, error);
    if (result == 0 && length > 0)
        result = espota_bytes_append(&m->text, text, length, error);
    return result ? result : espota_bytes_append(&m->text, "", 1, error);
}

static int wrong(const struct espota_device_list_maker *m, const char *where, const char *what,
                 struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_USAGE, "%s, %s: %s", m->path, where, what);
}

int espota_device_list_add(struct espota_device_list_maker *m, const struct espota_listed_device *device,
                           const char *where, struct espota_error *error)
{
    const char *const given[FIELDS] = { device->name, device->address, device->key, device->tags,
                                        device->token };
    size_t place[FIELDS] = { SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX };
    int result = 0;
    for (unsigned i = 0; result == 0 && i < FIELDS; i++) {
        size_t length = 0;
        const char *text = trim(given[i], &length);
        bool beside = text && (i == KEY || i == TOKEN) && text[0] != '/';
        if (!text && (i == NAME || i == ADDRESS))
            result = wrong(m, where, "a device has a name and an address", error);
        else if (text && !is_printable(text, length))
            result = wrong(m, where, "a field goes over lines, or has other control characters", error);
        else if (text || i == TAGS)
            result = keep(m, beside ? m->folder : 0, text, length, &place[i], error);
    }
    if (result == 0 && m->places.size / sizeof place == ESPOTA_DEVICE_LIST_MOST)
        return espota_fail(error, ESPOTA_ERR_USAGE, "%s lists more than %d devices", m->path,
                           ESPOTA_DEVICE_LIST_MOST);
    return result ? result : espota_bytes_append(&m->places, place, sizeof place, error);
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

static int make_list(struct espota_device_list *list, struct espota_device_list_maker *m,
                     struct espota_error *error)
{
    enum { ROW = FIELDS * sizeof(size_t) };
    list->count = m->places.size / ROW;
    list->device = calloc(list->count ? list->count : 1, sizeof *list->device);
    if (!list->device)
        return espota_fail_memory(error, "reading a list of devices");
    list->text = (char *)m->text.data;
    m->text = (struct espota_bytes){ 0 };
    for (size_t i = 0; i < list->count; i++) {
        const uint8_t *row = m->places.data + i * ROW;
        list->device[i] =
            (struct espota_listed_device){ text_at(list, row, NAME), text_at(list, row, ADDRESS),
                                           text_at(list, row, KEY), text_at(list, row, TAGS),
                                           text_at(list, row, TOKEN) };
    }
    return check_names(list, m->path, error);
}

void espota_device_list_abandon(struct espota_device_list_maker *m)
{
    if (!m)
        return;
    espota_bytes_free(&m->text);
    espota_bytes_free(&m->places);
    free(m);
}

int espota_device_list_end(struct espota_device_list_maker *m, struct espota_device_list *list,
                           struct espota_error *error)
{
    *list = (struct espota_device_list){ 0 };
    int result = make_list(list, m, error);
    if (result != 0)
        espota_device_list_free(list);
    espota_device_list_abandon(m);
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
    const char *unused = NULL;
    rest = rest ? rest : &unused;
    *rest = address;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const char *after = espota_address_after(address, schemes[i].scheme);
        if (after) {
            *rest = schemes[i].whole ? address : after;
            return schemes[i].kind;
        }
    }
    return address[0] == '/' || espota_address_after(address, "file:") || espota_address_has_scheme(address)
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

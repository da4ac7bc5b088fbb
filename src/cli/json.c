#include "json.h"

#include "ui/ui.h"

#include "espota/hex.h"
#include "espota/table.h"

#include <stdlib.h>
#include <string.h>

/* Jansson takes NULL for a value that could not be made, frees what it cannot put in, and says so. */
static void put(struct fields *to, const char *key, json_t *value)
{
    if (json_object_set_new(to->object, key, value) != 0)
        to->failed = true;
}

static void append(struct items *to, json_t *value)
{
    if (json_array_append_new(to->list, value) != 0)
        to->failed = true;
}

/* Text from outside may be any bytes; JSON is UTF-8. */
static json_t *text_value(const char *text)
{
    if (!text)
        return json_null();
    json_t *value = json_string(text);
    char *copy = value ? NULL : strdup(text);
    if (copy)
        value = json_string(espota_ui_clean(copy));
    free(copy);
    return value;
}

struct fields fields_begin(void)
{
    struct fields fields = { json_object(), false };
    fields.failed = !fields.object;
    return fields;
}

struct fields document_begin(void)
{
    struct fields document = fields_begin();
    field_number(&document, "schema", JSON_SCHEMA);
    return document;
}

struct fields device_document_begin(const char *name)
{
    struct fields document = document_begin();
    field_text(&document, "device", name);
    return document;
}

void fields_free(struct fields *fields)
{
    json_decref(fields->object);
    fields->object = NULL;
}

void field_text(struct fields *to, const char *key, const char *text)
{
    put(to, key, text_value(text));
}

void field_text_if_any(struct fields *to, const char *key, const char *text)
{
    field_text(to, key, text && *text ? text : NULL);
}

void field_number(struct fields *to, const char *key, int64_t number)
{
    put(to, key, json_integer(number));
}

void field_number_if(struct fields *to, const char *key, bool known, int64_t number)
{
    put(to, key, known ? json_integer(number) : json_null());
}

void field_flag(struct fields *to, const char *key, bool flag)
{
    put(to, key, json_boolean(flag));
}

void field_flag_if(struct fields *to, const char *key, bool known, bool flag)
{
    put(to, key, known ? json_boolean(flag) : json_null());
}

void field_real(struct fields *to, const char *key, double number)
{
    put(to, key, json_real((double)(int64_t)(number * 1000 + 0.5) / 1000));
}

void field_bytes(struct fields *to, const char *key, const uint8_t *bytes, size_t length)
{
    char *text = bytes ? malloc(2 * length + 1) : NULL;
    if (text)
        espota_hex(bytes, length, text);
    put(to, key, text ? json_string(text) : bytes ? NULL : json_null());
    free(text);
}

void field_null(struct fields *to, const char *key)
{
    put(to, key, json_null());
}

void field_label(struct fields *to, const char *key, const struct espota_partition *partition)
{
    field_text(to, key, partition ? partition->label : NULL);
}

void field_chip(struct fields *to, const char *key, const struct espota_chip *chip)
{
    field_text(to, key, chip ? chip->id : NULL);
}

void field_object(struct fields *to, const char *key, struct fields value)
{
    put(to, key, value.object);
    to->failed = to->failed || value.failed;
}

void field_list(struct fields *to, const char *key, struct items value)
{
    put(to, key, value.list);
    to->failed = to->failed || value.failed;
}

void fields_add(struct fields *to, const struct fields *from)
{
    if (json_object_update(to->object, from->object) != 0)
        to->failed = true;
    to->failed = to->failed || from->failed;
}

struct items items_begin(void)
{
    struct items items = { json_array(), false };
    items.failed = !items.list;
    return items;
}

void items_free(struct items *items)
{
    json_decref(items->list);
    items->list = NULL;
}

void item_text(struct items *to, const char *text)
{
    append(to, text_value(text));
}

void item_number(struct items *to, int64_t number)
{
    append(to, json_integer(number));
}

void item_object(struct items *to, struct fields value)
{
    append(to, value.object);
    to->failed = to->failed || value.failed;
}

bool items_have_text(const struct items *items, const char *text)
{
    json_t *wanted = text_value(text), *item;
    bool found = false;
    size_t i;
    json_array_foreach(items->list, i, item)
    {
        found = found || json_equal(item, wanted);
    }
    json_decref(wanted);
    return found;
}

static char *text_of(const struct fields *document, size_t layout)
{
    enum { DIGITS = 15 }; /* of a double are exact: no 0.10000000000000001 */
    if (document->failed)
        return NULL;
    return json_dumps(document->object, layout | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(DIGITS));
}

char *document_text(const struct fields *document)
{
    return text_of(document, JSON_INDENT(2));
}

char *document_line(const struct fields *document)
{
    return text_of(document, JSON_COMPACT);
}

const char *field_text_of(const struct fields *from, const char *key)
{
    return json_string_value(json_object_get(from->object, key));
}

int64_t field_number_of(const struct fields *from, const char *key)
{
    return json_integer_value(json_object_get(from->object, key));
}

const char *field_text_where(const struct fields *from, const char *list, const char *flag, const char *key)
{
    size_t index;
    json_t *item;
    json_array_foreach(
        json_object_get(from->object, list), index,
        item) if (json_is_true(json_object_get(item, flag))) return json_string_value(json_object_get(item,
                                                                                                      key));
    return NULL;
}

bool field_flag_of(const struct fields *from, const char *key)
{
    return json_is_true(json_object_get(from->object, key));
}

bool field_list_of(const struct fields *from, const char *key, char *text, size_t size)
{
    const json_t *list = json_object_get(from->object, key);
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(list) && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
                                 json_string_value(json_array_get(list, i)));
    return used > 0;
}

/* Names of partition types and subtypes, as ESP-IDF's generator and esp_partition.h spell them. */
#include "espota/table.h"

#include <stddef.h>
#include <string.h>

struct name {
    const char *text;
    uint8_t value;
};

static const struct name type_names[] = {
    { "app", ESPOTA_TYPE_APP },
    { "data", ESPOTA_TYPE_DATA },
    { "bootloader", ESPOTA_TYPE_BOOTLOADER },
    { "partition_table", ESPOTA_TYPE_PARTITION_TABLE },
    { NULL, 0 },
};

static const struct name app_names[] = {
    { "factory", 0x00 }, { "ota_0", 0x10 },  { "ota_1", 0x11 },  { "ota_2", 0x12 },  { "ota_3", 0x13 },
    { "ota_4", 0x14 },   { "ota_5", 0x15 },  { "ota_6", 0x16 },  { "ota_7", 0x17 },  { "ota_8", 0x18 },
    { "ota_9", 0x19 },   { "ota_10", 0x1a }, { "ota_11", 0x1b }, { "ota_12", 0x1c }, { "ota_13", 0x1d },
    { "ota_14", 0x1e },  { "ota_15", 0x1f }, { "test", 0x20 },   { "tee_0", 0x30 },  { "tee_1", 0x31 },
    { NULL, 0 },
};

static const struct name data_names[] = {
    { "ota", 0x00 },      { "phy", 0x01 },    { "nvs", 0x02 },       { "coredump", 0x03 },
    { "nvs_keys", 0x04 }, { "efuse", 0x05 },  { "undefined", 0x06 }, { "esphttpd", 0x80 },
    { "fat", 0x81 },      { "spiffs", 0x82 }, { "littlefs", 0x83 },  { "tee_ota", 0x90 },
    { NULL, 0 },
};

static const struct name bootloader_names[] = {
    { "primary", 0x00 },
    { "ota", 0x01 },
    { "recovery", 0x02 },
    { NULL, 0 },
};

static const struct name partition_table_names[] = {
    { "primary", 0x00 },
    { "ota", 0x01 },
    { NULL, 0 },
};

static const struct name *const subtype_names[] = {
    [ESPOTA_TYPE_APP] = app_names,
    [ESPOTA_TYPE_DATA] = data_names,
    [ESPOTA_TYPE_BOOTLOADER] = bootloader_names,
    [ESPOTA_TYPE_PARTITION_TABLE] = partition_table_names,
};

#define TYPE_COUNT (sizeof subtype_names / sizeof subtype_names[0])

static const char *name_of(const struct name *names, uint8_t value)
{
    for (; names->text; names++)
        if (names->value == value)
            return names->text;
    return NULL;
}

static int value_of(const struct name *names, const char *text)
{
    for (; names->text; names++)
        if (strcmp(names->text, text) == 0)
            return names->value;
    return -1;
}

const char *espota_type_name(uint8_t type)
{
    return name_of(type_names, type);
}

const char *espota_subtype_name(uint8_t type, uint8_t subtype)
{
    return type < TYPE_COUNT ? name_of(subtype_names[type], subtype) : NULL;
}

int espota_type_from_name(const char *name)
{
    return value_of(type_names, name);
}

int espota_subtype_from_name(uint8_t type, const char *name)
{
    return type < TYPE_COUNT ? value_of(subtype_names[type], name) : -1;
}

/* The next of three fields, trimmed. */
static const char *next_field(const char **text, size_t *length, char end)
{
    const char *start = *text, *stop = strchr(start, end);
    if (!stop)
        return NULL;
    *text = stop + 1;
    while (*start == ' ' || *start == '\t')
        start++;
    while (stop > start && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    *length = (size_t)(stop - start);
    return start;
}

static bool parse_hex_byte(const char *text, size_t length, uint8_t *value)
{
    unsigned result = 0;
    if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        text += 2, length -= 2;
    for (size_t i = 0; i < length; i++) {
        const char *digits = "0123456789abcdefABCDEF", *digit = strchr(digits, text[i]);
        if (!text[i] || !digit || result > 0xf)
            return false;
        result = result * 16 + (unsigned)(digit - digits < 16 ? digit - digits : digit - digits - 6);
    }
    *value = (uint8_t)result;
    return length > 0;
}

bool espota_subtype_name_parse(struct espota_subtype_name *extra, const char *text)
{
    char type[16] = "";
    size_t length = 0;
    const char *field = next_field(&text, &length, ',');
    if (!field || length >= sizeof type)
        return false;
    memcpy(type, field, length);
    int known = espota_type_from_name(type);
    field = next_field(&text, &length, ',');
    if (known < 0 || !field || length == 0 || length >= sizeof extra->name)
        return false;
    memset(extra, 0, sizeof *extra);
    extra->type = (uint8_t)known;
    memcpy(extra->name, field, length);
    field = next_field(&text, &length, '\0');
    return field && parse_hex_byte(field, length, &extra->value) &&
           !espota_subtype_name(extra->type, extra->value);
}

static bool is_subtype_of_any_type(const char *label)
{
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        if (espota_subtype_from_name((uint8_t)type, label) >= 0)
            return true;
    return false;
}

bool espota_table_suspicious_label(const struct espota_table *table, unsigned index)
{
    const struct espota_partition *p = &table->entry[index];
    int type = espota_type_from_name(p->label);
    if (type >= 0 && type != p->type)
        return true;
    return is_subtype_of_any_type(p->label) && espota_subtype_from_name(p->type, p->label) != p->subtype;
}

#include "espota/nvs_build.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <string.h>

enum { BITS = 32, FIRST_ENTRY = 64, LONGEST_V1 = 1984 };

typedef enum espota_nvs_build_status status_t;

static uint8_t *page_at(const struct espota_nvs_builder *b)
{
    return b->image + (size_t)b->page * ESPOTA_NVS_PAGE;
}

static void begin_page(struct espota_nvs_builder *b)
{
    uint8_t *page = page_at(b);
    espota_put_le32(page, ESPOTA_NVS_ACTIVE);
    espota_put_le32(page + 4, b->page);
    page[8] = b->version == 1 ? 0xff : 0xfe;
    espota_put_le32(page + 28, espota_nvs_header_crc(page));
    b->entry = 0;
}

static status_t next_page(struct espota_nvs_builder *b)
{
    espota_put_le32(page_at(b), ESPOTA_NVS_FULL);
    if (b->page + 1 == b->pages)
        return ESPOTA_NVS_NO_ROOM;
    b->page++;
    begin_page(b);
    return ESPOTA_NVS_BUILT;
}

bool espota_nvs_build_read_only(const struct espota_nvs_builder *b)
{
    return b->pages == b->size / ESPOTA_NVS_PAGE;
}

bool espota_nvs_build_begin(struct espota_nvs_builder *b, uint8_t *image, uint32_t size, unsigned version)
{
    uint32_t pages = size / ESPOTA_NVS_PAGE;
    memset(b, 0, sizeof *b);
    if (pages == 0 || size % ESPOTA_NVS_PAGE)
        return false;
    b->image = image;
    b->size = size;
    b->version = version;
    b->pages = pages < 3 ? pages : pages - 1;
    memset(image, 0xff, size);
    begin_page(b);
    return true;
}

uint32_t espota_nvs_build_end(const struct espota_nvs_builder *b)
{
    return espota_nvs_build_read_only(b) ? (b->page + 1) * ESPOTA_NVS_PAGE : b->size;
}

/* ---- entries --------------------------------------------------------------------------------------------
 */

/* Into the page, with its CRC, and the entries that its bytes fill. */
static void put_entry(struct espota_nvs_builder *b, uint8_t entry[32], const void *data, size_t size)
{
    uint8_t *page = page_at(b), *at = page + FIRST_ENTRY + b->entry * ESPOTA_NVS_ENTRY;
    unsigned span = 1 + (unsigned)(size + 31) / 32;
    espota_put_le32(entry + 4, espota_nvs_entry_crc(entry));
    memcpy(at, entry, ESPOTA_NVS_ENTRY);
    if (size > 0)
        memcpy(at + ESPOTA_NVS_ENTRY, data, size);
    for (; span > 0; span--, b->entry++)
        page[BITS + b->entry / 4] &= (uint8_t) ~(1u << (b->entry % 4 * 2));
}

static void fill_entry(uint8_t entry[32], unsigned name_space, uint8_t type, unsigned span, const char *key)
{
    memset(entry, 0xff, ESPOTA_NVS_ENTRY);
    entry[0] = (uint8_t)name_space;
    entry[1] = type;
    entry[2] = (uint8_t)span;
    memset(entry + 8, 0, 16);
    for (unsigned i = 0; key[i]; i++) /* which check() has found short enough */
        entry[8 + i] = (uint8_t)key[i];
}

static void put_bytes(struct espota_nvs_builder *b, uint8_t type, uint8_t chunk, const char *key,
                      const uint8_t *data, size_t size)
{
    uint8_t entry[ESPOTA_NVS_ENTRY];
    fill_entry(entry, b->name_space, type, 1 + (unsigned)(size + 31) / 32, key);
    entry[3] = chunk;
    espota_put_le16(entry + 24, (uint16_t)size);
    espota_put_le32(entry + 28, espota_crc32(UINT32_MAX, data, size));
    put_entry(b, entry, data, size);
}

static status_t check(const struct espota_nvs_builder *b, const char *key)
{
    size_t length = strlen(key);
    if (length == 0 || length > ESPOTA_NVS_KEY)
        return ESPOTA_NVS_KEY_LENGTH;
    return b->name_space ? ESPOTA_NVS_BUILT : ESPOTA_NVS_NO_NAMESPACE;
}

/* ---- integers and namespaces ----------------------------------------------------------------------------
 */

static status_t put_integer(struct espota_nvs_builder *b, unsigned name_space, const char *key, uint8_t type,
                            uint64_t number)
{
    uint8_t entry[ESPOTA_NVS_ENTRY];
    unsigned width = 0;
    if (!espota_nvs_is_integer(type, &width, NULL))
        return ESPOTA_NVS_BAD_TYPE;
    if (b->entry == ESPOTA_NVS_ENTRIES && next_page(b) != ESPOTA_NVS_BUILT)
        return ESPOTA_NVS_NO_ROOM;
    fill_entry(entry, name_space, type, 1, key);
    for (unsigned i = 0; i < width; i++)
        entry[24 + i] = (uint8_t)(number >> (8 * i));
    put_entry(b, entry, NULL, 0);
    return ESPOTA_NVS_BUILT;
}

status_t espota_nvs_build_integer(struct espota_nvs_builder *b, const char *key, uint8_t type,
                                  uint64_t number)
{
    status_t status = check(b, key);
    return status != ESPOTA_NVS_BUILT ? status : put_integer(b, b->name_space, key, type, number);
}

/* Number of the namespace of that name; 0: it is new. */
static unsigned find_namespace(const struct espota_nvs_builder *b, const char *name)
{
    struct espota_nvs_cursor cursor = { 0, 0 };
    struct espota_nvs_item item;
    while (espota_nvs_next(&cursor, b->image, (size_t)(b->page + 1) * ESPOTA_NVS_PAGE, &item))
        if (item.name_space == 0 && strcmp(item.key, name) == 0)
            return (unsigned)item.number;
    return 0;
}

status_t espota_nvs_build_namespace(struct espota_nvs_builder *b, const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > ESPOTA_NVS_KEY)
        return ESPOTA_NVS_KEY_LENGTH;
    unsigned number = find_namespace(b, name);
    if (number == 0 && b->name_space_count == ESPOTA_NVS_NAMESPACES)
        return ESPOTA_NVS_MANY_NAMESPACES;
    if (number == 0) {
        status_t status = put_integer(b, 0, name, ESPOTA_NVS_U8, b->name_space_count + 1);
        if (status != ESPOTA_NVS_BUILT)
            return status;
        number = ++b->name_space_count;
    }
    b->name_space = number;
    return ESPOTA_NVS_BUILT;
}

/* ---- strings and blobs ----------------------------------------------------------------------------------
 */

/* What lies in one piece leaves the last entry of a page free, as the generator has it. */
static const unsigned most_entries = ESPOTA_NVS_ENTRIES - 1;

uint32_t espota_nvs_longest(const struct espota_nvs_builder *b, uint8_t type)
{
    if (b->version == 1)
        return LONGEST_V1;
    return type == ESPOTA_NVS_STRING ? (most_entries - 1) * ESPOTA_NVS_ENTRY : b->pages * ESPOTA_NVS_PAGE;
}

static status_t put_whole(struct espota_nvs_builder *b, const char *key, uint8_t type, const uint8_t *data,
                          size_t size)
{
    unsigned span = 1 + (unsigned)(size + 31) / 32;
    if (b->entry + span > most_entries && next_page(b) != ESPOTA_NVS_BUILT)
        return ESPOTA_NVS_NO_ROOM;
    put_bytes(b, type, ESPOTA_NVS_ANY, key, data, size);
    return ESPOTA_NVS_BUILT;
}

static void put_index(struct espota_nvs_builder *b, const char *key, size_t size, unsigned chunks)
{
    uint8_t entry[ESPOTA_NVS_ENTRY];
    fill_entry(entry, b->name_space, ESPOTA_NVS_BLOB_INDEX, 1, key);
    espota_put_le32(entry + 24, (uint32_t)size);
    entry[28] = (uint8_t)chunks;
    entry[29] = 0;
    put_entry(b, entry, NULL, 0);
}

/* As much in each page as there is room for; the index may lie in the next one. */
static status_t put_chunks(struct espota_nvs_builder *b, const char *key, const uint8_t *data, size_t size)
{
    unsigned chunks = 0;
    if (b->entry == ESPOTA_NVS_ENTRIES && next_page(b) != ESPOTA_NVS_BUILT)
        return ESPOTA_NVS_NO_ROOM;
    for (size_t at = 0; at < size || chunks == 0;) {
        size_t room = (ESPOTA_NVS_ENTRIES - b->entry - 1) * (size_t)ESPOTA_NVS_ENTRY;
        size_t length = size - at < room ? size - at : room;
        if (chunks == ESPOTA_NVS_ANY - 1)
            return ESPOTA_NVS_TOO_LONG;
        put_bytes(b, ESPOTA_NVS_BLOB_DATA, (uint8_t)chunks++, key, data + at, length);
        at += length;
        if ((at < size || room - length < ESPOTA_NVS_ENTRY) && next_page(b) != ESPOTA_NVS_BUILT)
            return ESPOTA_NVS_NO_ROOM;
    }
    put_index(b, key, size, chunks);
    return ESPOTA_NVS_BUILT;
}

status_t espota_nvs_build_bytes(struct espota_nvs_builder *b, const char *key, uint8_t type, const void *data,
                                size_t size)
{
    status_t status = check(b, key);
    if (status != ESPOTA_NVS_BUILT)
        return status;
    if (type != ESPOTA_NVS_STRING && type != ESPOTA_NVS_BLOB)
        return ESPOTA_NVS_BAD_TYPE;
    if (size > espota_nvs_longest(b, type))
        return type == ESPOTA_NVS_STRING || b->version == 1 ? ESPOTA_NVS_TOO_LONG : ESPOTA_NVS_NO_ROOM;
    const uint8_t *bytes = data ? data : (const uint8_t *)""; /* of an empty blob */
    return type == ESPOTA_NVS_BLOB && b->version != 1 ? put_chunks(b, key, bytes, size)
                                                      : put_whole(b, key, type, bytes, size);
}

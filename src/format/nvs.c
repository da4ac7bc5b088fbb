#include "espota/nvs.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <string.h>

enum { EMPTY = 3, WRITTEN = 2, ERASED = 0 };
enum { BITS = 32, FIRST_ENTRY = 64 };

static const struct {
    uint8_t type, width;
    bool is_signed;
    const char *name;
} types[] = {
    { ESPOTA_NVS_U8, 1, false, "u8" },
    { ESPOTA_NVS_U16, 2, false, "u16" },
    { ESPOTA_NVS_U32, 4, false, "u32" },
    { ESPOTA_NVS_U64, 8, false, "u64" },
    { ESPOTA_NVS_I8, 1, true, "i8" },
    { ESPOTA_NVS_I16, 2, true, "i16" },
    { ESPOTA_NVS_I32, 4, true, "i32" },
    { ESPOTA_NVS_I64, 8, true, "i64" },
    { ESPOTA_NVS_STRING, 0, false, "string" },
    { ESPOTA_NVS_BLOB, 0, false, "blob" },
    { ESPOTA_NVS_BLOB_DATA, 0, false, "blob_data" },
    { ESPOTA_NVS_BLOB_INDEX, 0, false, "blob_index" },
};

enum { TYPES = sizeof types / sizeof types[0] };

static unsigned find_type(uint8_t type)
{
    unsigned i = 0;
    while (i < TYPES && types[i].type != type)
        i++;
    return i;
}

bool espota_nvs_is_integer(uint8_t type, unsigned *width, bool *is_signed)
{
    unsigned i = find_type(type);
    if (i == TYPES || types[i].width == 0)
        return false;
    if (width)
        *width = types[i].width;
    if (is_signed)
        *is_signed = types[i].is_signed;
    return true;
}

const char *espota_nvs_type_name(uint8_t type)
{
    unsigned i = find_type(type);
    return i < TYPES ? types[i].name : NULL;
}

const char *espota_nvs_state_name(uint32_t state)
{
    static const struct {
        uint32_t state;
        const char *name;
    } names[] = {
        { ESPOTA_NVS_BLANK, "blank" },     { ESPOTA_NVS_ACTIVE, "active" },   { ESPOTA_NVS_FULL, "full" },
        { ESPOTA_NVS_FREEING, "freeing" }, { ESPOTA_NVS_CORRUPT, "corrupt" },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].state == state)
            return names[i].name;
    return NULL;
}

uint32_t espota_nvs_entry_crc(const uint8_t entry[32])
{
    return espota_crc32(espota_crc32(UINT32_MAX, entry, 4), entry + 8, 24);
}

uint32_t espota_nvs_header_crc(const uint8_t header[32])
{
    return espota_crc32(UINT32_MAX, header + 4, 24);
}

unsigned espota_nvs_entry_state(const uint8_t *page, unsigned entry)
{
    return (unsigned)(page[BITS + entry / 4] >> (entry % 4 * 2)) & 3u;
}

/* ---- items ----------------------------------------------------------------------------------------------
 */

static uint64_t integer(const uint8_t *data, unsigned width, bool is_signed)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)data[i] << (8 * i);
    if (is_signed && width < 8 && (value >> (8 * width - 1)) != 0)
        value |= UINT64_MAX << (8 * width);
    return value;
}

static bool has_bytes(uint8_t type)
{
    return type == ESPOTA_NVS_STRING || type == ESPOTA_NVS_BLOB || type == ESPOTA_NVS_BLOB_DATA;
}

/* How many entries it takes; 0: as many as there are not. */
static unsigned span_of(const struct espota_nvs_item *item)
{
    unsigned span = has_bytes(item->type) ? 1 + (unsigned)(item->size + 31) / 32 : 1;
    return item->entry + span <= ESPOTA_NVS_ENTRIES && span == item->span ? span : 0;
}

static void read_value(struct espota_nvs_item *out, const uint8_t *entry)
{
    const uint8_t *data = entry + 24;
    unsigned width = 0;
    bool is_signed = false;
    if (espota_nvs_is_integer(out->type, &width, &is_signed)) {
        out->number = integer(data, width, is_signed);
    } else if (has_bytes(out->type)) {
        out->size = espota_get_le16(data);
        out->data = entry + ESPOTA_NVS_ENTRY;
    } else if (out->type == ESPOTA_NVS_BLOB_INDEX) {
        out->size = espota_get_le32(data);
        out->chunk_count = data[4];
        out->first_chunk = data[5];
    }
}

void espota_nvs_item_read(struct espota_nvs_item *out, const uint8_t *page, unsigned entry)
{
    const uint8_t *at = page + FIRST_ENTRY + entry * ESPOTA_NVS_ENTRY;
    memset(out, 0, sizeof *out);
    out->entry = entry;
    out->erased = espota_nvs_entry_state(page, entry) != WRITTEN;
    out->name_space = at[0];
    out->type = at[1];
    out->span = at[2];
    out->chunk = at[3];
    memcpy(out->key, at + 8, ESPOTA_NVS_KEY);
    read_value(out, at);
    if (espota_get_le32(at + 4) != espota_nvs_entry_crc(at) || span_of(out) == 0 || at[23] != '\0')
        out->fault = ESPOTA_NVS_BAD_ENTRY;
    else if (out->data && espota_crc32(UINT32_MAX, out->data, out->size) != espota_get_le32(at + 28))
        out->fault = ESPOTA_NVS_BAD_DATA;
    if (out->fault == ESPOTA_NVS_BAD_ENTRY) {
        out->data = NULL;
        out->size = 0;
    }
}

/* An erased item may have been written over in part, and what a damaged one spans is not known. */
static unsigned entries_of(const struct espota_nvs_item *item, const uint8_t *page)
{
    unsigned state = espota_nvs_entry_state(page, item->entry), n = 1;
    if (item->fault == ESPOTA_NVS_BAD_ENTRY)
        return 1;
    while (n < item->span && espota_nvs_entry_state(page, item->entry + n) == state)
        n++;
    return n;
}

/* ---- pages ----------------------------------------------------------------------------------------------
 */

static unsigned version_of(uint8_t byte)
{
    return byte == 0xff ? 1 : byte == 0xfe ? 2 : 0;
}

/* A blank page has no header. */
static bool header_intact(const uint8_t *page)
{
    uint32_t state = espota_get_le32(page);
    return state != ESPOTA_NVS_BLANK && espota_nvs_state_name(state) &&
           espota_get_le32(page + 28) == espota_nvs_header_crc(page);
}

static void count_entry(struct espota_nvs_page *out, unsigned state)
{
    out->written += state == WRITTEN;
    out->erased += state == ERASED;
    out->empty += state == EMPTY;
}

void espota_nvs_page_read(struct espota_nvs_page *out, const uint8_t *page)
{
    struct espota_nvs_item item;
    memset(out, 0, sizeof *out);
    out->state = espota_get_le32(page);
    out->sequence = espota_get_le32(page + 4);
    out->version = version_of(page[8]);
    out->intact = header_intact(page);
    for (unsigned i = 0; i < ESPOTA_NVS_ENTRIES; i++)
        count_entry(out, espota_nvs_entry_state(page, i));
    for (unsigned i = 0; out->intact && i < ESPOTA_NVS_ENTRIES; i++) {
        if (espota_nvs_entry_state(page, i) != WRITTEN)
            continue;
        espota_nvs_item_read(&item, page, i);
        out->damaged += item.fault != ESPOTA_NVS_GOOD;
        i += entries_of(&item, page) - 1;
    }
}

bool espota_nvs_next(struct espota_nvs_cursor *cursor, const uint8_t *image, size_t size,
                     struct espota_nvs_item *item)
{
    for (; cursor->page < size / ESPOTA_NVS_PAGE; cursor->page++, cursor->entry = 0) {
        const uint8_t *page = image + (size_t)cursor->page * ESPOTA_NVS_PAGE;
        for (; header_intact(page) && cursor->entry < ESPOTA_NVS_ENTRIES; cursor->entry++) {
            unsigned state = espota_nvs_entry_state(page, cursor->entry);
            if (state != WRITTEN && state != ERASED)
                continue;
            espota_nvs_item_read(item, page, cursor->entry);
            item->page = cursor->page;
            cursor->entry += entries_of(item, page);
            return true;
        }
    }
    return false;
}

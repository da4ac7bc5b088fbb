#include "espota/file_kind.h"

#include "espota/bytes.h"
#include "espota/image.h"
#include "espota/table.h"
#include "file_content.h"

#include <string.h>

#define SECTOR 4096u

/* Tables lie below this in every layout seen. */
#define TABLE_SEARCH_END (256u * 1024u)

/* ---- images ---------------------------------------------------------------------------------------------
 */

static const struct espota_file_chip *chip_by_image_id(const struct espota_file_chip *chips, unsigned count,
                                                       uint16_t id)
{
    for (unsigned i = 0; i < count; i++)
        if (chips[i].image_id == id)
            return &chips[i];
    return NULL;
}

static bool overlaps(const struct espota_image_segment *segment, const struct espota_memory_range *range)
{
    return segment->load_address < range->end &&
           (uint64_t)segment->load_address + segment->length > range->start;
}

bool espota_image_overlaps_loader(const struct espota_image *image, const struct espota_file_chip *chip)
{
    for (unsigned s = 0; s < image->segment_count && s < ESPOTA_IMAGE_MAX_SEGMENTS; s++)
        for (unsigned r = 0; r < ESPOTA_LOADER_RANGES; r++)
            if (image->segment[s].length > 0 && overlaps(&image->segment[s], &chip->loader[r]))
                return true;
    return false;
}

/* The ESP8266 has the first 8 bytes of the header only, its segments follow at once. */
static bool is_esp8266(const uint8_t *data, size_t size)
{
    if (size < 16 || (data[0] != 0xe9 && data[0] != 0xea))
        return false;
    uint32_t entry = espota_get_le32(data + 4), load = espota_get_le32(data + 8);
    bool iram = load >= 0x40100000u && load < 0x40110000u, dram = load >= 0x3ffe8000u && load < 0x40000000u;
    bool irom = data[0] == 0xea && load == 0;
    return entry >= 0x40100000u && entry < 0x40110000u && (iram || dram || irom);
}

struct look {
    const struct espota_file_chip *chips;
    unsigned chip_count;
};

/* App or bootloader, by what stands at `data`; ESPOTA_FILE_DATA when it is no image. A damaged one is an
 * image only when its chip is known: any byte may be E9. */
static enum espota_file_kind image_kind(struct espota_file *file, const struct look *look,
                                        const uint8_t *data, size_t size)
{
    struct espota_image_memory memory = { data, size };
    struct espota_image_source source = { &memory, espota_image_memory_read,
                                          size > UINT32_MAX ? UINT32_MAX : (uint32_t)size };
    file->image_verdict = espota_image_parse_headers(&file->image, &source);
    file->has_chip = false;
    if (size < ESPOTA_IMAGE_HEADER_SIZE || file->image_verdict == ESPOTA_IMAGE_NO_MAGIC ||
        file->image_verdict == ESPOTA_IMAGE_BAD_SEGMENTS)
        return ESPOTA_FILE_DATA;
    const struct espota_file_chip *chip =
        chip_by_image_id(look->chips, look->chip_count, file->image.chip_id);
    if (!chip)
        return file->image_verdict == ESPOTA_IMAGE_OK ? ESPOTA_FILE_APP : ESPOTA_FILE_DATA;
    file->has_chip = true;
    file->chip = *chip;
    return !file->image.has_description && espota_image_overlaps_loader(&file->image, chip)
               ? ESPOTA_FILE_BOOTLOADER
               : ESPOTA_FILE_APP;
}

/* ---- merged images --------------------------------------------------------------------------------------
 */

/* A bootloader at the start, or at the chip's offset from the start. */
static bool find_bootloader(struct espota_file *file, const struct look *look, const uint8_t *data,
                            size_t size)
{
    for (uint32_t at = 0; at <= 2 * SECTOR && at < size; at += SECTOR) {
        enum espota_file_kind kind = image_kind(file, look, data + at, size - at);
        if (kind != ESPOTA_FILE_BOOTLOADER || (at != 0 && at != file->chip.bootloader_offset))
            continue;
        file->merged.has_bootloader = true;
        file->merged.bootloader = at;
        file->merged.flash_offset = file->chip.bootloader_offset - at;
        return true;
    }
    return false;
}

static bool find_table(struct espota_file *file, const uint8_t *data, size_t size, uint32_t from)
{
    for (uint32_t at = from; at < size && at < TABLE_SEARCH_END; at += SECTOR) {
        if (!file_is_table(data + at, size - at))
            continue;
        file->merged.has_table = true;
        file->merged.table = at;
        return true;
    }
    return false;
}

/* The first app partition of the table in which an image lies. */
static void find_app(struct espota_file *file, const struct look *look, const uint8_t *data, size_t size)
{
    struct espota_file found = *file;
    const uint8_t *record = data + file->merged.table;
    for (; (size_t)(record - data) + ESPOTA_TABLE_RECORD_SIZE <= size && record[0] == 0xaa;
         record += ESPOTA_TABLE_RECORD_SIZE) {
        uint32_t at = espota_get_le32(record + 4) - file->merged.flash_offset;
        if (record[2] != ESPOTA_TYPE_APP || at >= size ||
            image_kind(&found, look, data + at, size - at) == ESPOTA_FILE_DATA)
            continue;
        found.merged = file->merged;
        found.merged.has_app = true;
        found.merged.app = at;
        if (file->merged.has_bootloader)
            file->merged = found.merged;
        else
            *file = found;
        return;
    }
}

static bool is_blank(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != 0xff)
            return false;
    return true;
}

/* Without a bootloader, only a dump from the start of flash will do: blank up to a table. */
static bool is_merged(struct espota_file *file, const struct look *look, const uint8_t *data, size_t size)
{
    bool bootloader = find_bootloader(file, look, data, size);
    uint32_t from = bootloader ? file->merged.bootloader + SECTOR : SECTOR;
    bool table =
        (bootloader || is_blank(data, size < SECTOR ? size : SECTOR)) && find_table(file, data, size, from);
    if (table)
        find_app(file, look, data, size);
    return table || (bootloader && file->merged.bootloader > 0);
}

/* ---- all together ---------------------------------------------------------------------------------------
 */

static const struct espota_file_chip *chip_by_family(const struct look *look, uint32_t family)
{
    for (unsigned i = 0; i < look->chip_count; i++)
        if (look->chips[i].uf2_family == family)
            return &look->chips[i];
    return NULL;
}

static void forget_image(struct espota_file *file)
{
    memset(&file->image, 0, sizeof file->image);
    memset(&file->merged, 0, sizeof file->merged);
    file->has_chip = false;
}

static enum espota_file_kind kind_of(struct espota_file *file, const struct look *look, const uint8_t *data,
                                     size_t size)
{
    if (size == 0)
        return ESPOTA_FILE_EMPTY;
    if (is_merged(file, look, data, size))
        return ESPOTA_FILE_MERGED;
    forget_image(file);
    if (is_esp8266(data, size))
        return ESPOTA_FILE_ESP8266;
    enum espota_file_kind kind = image_kind(file, look, data, size);
    if (kind != ESPOTA_FILE_DATA)
        return kind;
    forget_image(file);
    if (is_blank(data, size))
        return ESPOTA_FILE_BLANK;
    kind = file_content_kind(file, data, size);
    const struct espota_file_chip *chip = chip_by_family(look, file->uf2_family);
    if (kind == ESPOTA_FILE_UF2 && chip) {
        file->has_chip = true;
        file->chip = *chip;
    }
    return kind;
}

void espota_file_recognise(struct espota_file *file, const uint8_t *data, size_t size,
                           const struct espota_file_chip *chips, unsigned chip_count)
{
    struct look look = { chips, chip_count };
    memset(file, 0, sizeof *file);
    file->size = size;
    file->image_verdict = ESPOTA_IMAGE_NO_MAGIC;
    file->kind = kind_of(file, &look, data, size);
}

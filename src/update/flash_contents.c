#include "espota/flash_contents.h"

#include "digest.h"
#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECTOR        ESPOTA_SECTOR_SIZE
#define BLOCK         (64u * 1024u)
#define STRETCH       (1024u * 1024u)
#define SEARCH_END    (128u * 1024u)
#define HEAD          64u
#define MCUBOOT_MAGIC 0x96f3b83du

/* ---- blank? ---------------------------------------------------------------------------------------------
 */

static int compare_with_ff(struct espota_device *device, uint32_t offset, uint32_t length, bool *blank,
                           struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    int result = espota_device_check_cancelled(device, error);
    if (result == 0)
        result = espota_device_digest(device, offset, length, digest, error);
    return result ? result : update_digest_is_blank(device, digest, length, blank, error);
}

int espota_flash_is_blank(struct espota_device *device, uint32_t offset, uint32_t length, bool *blank,
                          uint32_t *where, struct espota_error *error)
{
    uint32_t end = offset + length, step = STRETCH;
    int result = 0;
    *blank = true;
    while (result == 0 && offset < end) {
        uint32_t part = end - offset < step ? end - offset : step;
        result = compare_with_ff(device, offset, part, blank, error);
        if (result == 0 && !*blank) {
            if (step == BLOCK || !where)
                break;
            step = BLOCK; /* which block is it? */
            continue;
        }
        offset += part;
    }
    if (where)
        *where = offset;
    return result;
}

/* ---- what is it? ----------------------------------------------------------------------------------------
 */

static bool is_table_record(const uint8_t *record)
{
    return record[0] == 0xaa && record[1] == 0x50 && espota_get_le32(record + 4) % SECTOR == 0 &&
           espota_get_le32(record + 8) != 0;
}

/* Of a table with a few wrong bytes, most records are still recognised. */
static bool resembles_table(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + ESPOTA_TABLE_RECORD_SIZE <= size; at += ESPOTA_TABLE_RECORD_SIZE)
        if (is_table_record(data + at))
            return true;
    return false;
}

/* Pearson's test against even distribution: for random bytes, 255 with a deviation of 23; text, code and
 * tables have thousands. */
static bool looks_random(const uint8_t *data, size_t size)
{
    unsigned count[256] = { 0 };
    double expected = (double)size / 256, sum = 0;
    for (size_t i = 0; i < size; i++)
        count[data[i]]++;
    for (unsigned i = 0; i < 256; i++)
        sum += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
    return sum < 400;
}

/* As the second-stage bootloader judges it. */
static bool parse_table(struct espota_table *table, const struct espota_device *device, const uint8_t *data,
                        uint32_t offset)
{
    struct espota_table_problem problem;
    return espota_table_parse_flash(table, data, ESPOTA_TABLE_BINARY_SIZE, offset, device->info.flash_size,
                                    espota_md5, &problem) == 0 &&
           table->count > 0;
}

static bool is_image(const uint8_t *head)
{
    struct espota_image image;
    return espota_image_parse_header(&image, head) == ESPOTA_IMAGE_OK &&
           espota_chip_by_image_id(image.chip_id) != NULL && espota_get_le32(head + 28) % 4 == 0 &&
           espota_get_le32(head + 28) < ESPOTA_IMAGE_MAX_LENGTH;
}

/* The first finding of the gravest kind stays; kinds are in the order of their gravity. */
static void found(struct espota_flash_contents *c, enum espota_flash_state state, uint32_t offset)
{
    if (state >= c->state)
        return;
    c->state = state;
    c->offset = offset;
}

static int look_for_table(struct espota_flash_contents *c, struct espota_device *device, uint32_t at,
                          struct espota_error *error)
{
    uint8_t data[ESPOTA_TABLE_BINARY_SIZE];
    int result = espota_device_read(device, at, data, sizeof data, error);
    if (result == 0)
        found(c,
              parse_table(&c->table, device, data, at) ? ESPOTA_FLASH_TABLE_ELSEWHERE
                                                       : ESPOTA_FLASH_TABLE_DAMAGED,
              at);
    return result;
}

static int look_at_sector(struct espota_flash_contents *c, struct espota_device *device, uint32_t at,
                          struct espota_error *error)
{
    uint8_t head[HEAD];
    int result = espota_device_read(device, at, head, sizeof head, error);
    if (result != 0)
        return result;
    if (resembles_table(head, sizeof head))
        return look_for_table(c, device, at, error);
    if (espota_get_le32(head) == MCUBOOT_MAGIC)
        found(c, ESPOTA_FLASH_HAS_MCUBOOT, at);
    if (at >= ESPOTA_TABLE_DEFAULT_OFFSET && is_image(head))
        found(c, ESPOTA_FLASH_HAS_APP, at);
    return 0;
}

static int search(struct espota_flash_contents *c, struct espota_device *device, uint32_t size,
                  struct espota_error *error)
{
    uint32_t end = size < SEARCH_END + SECTOR ? size : SEARCH_END + SECTOR;
    int result = 0;
    if (resembles_table(c->sector, sizeof c->sector))
        found(c, ESPOTA_FLASH_TABLE_DAMAGED, c->table_offset);
    if (looks_random(c->sector, sizeof c->sector))
        found(c, ESPOTA_FLASH_ENCRYPTED, c->table_offset);
    for (uint32_t at = 0; result == 0 && at < end && c->state != ESPOTA_FLASH_TABLE_ELSEWHERE; at += SECTOR)
        if (at != c->table_offset)
            result = look_at_sector(c, device, at, error);
    return result;
}

int espota_flash_look(struct espota_flash_contents *c, struct espota_device *device, uint32_t table_offset,
                      struct espota_error *error)
{
    uint32_t size = update_reach(device) ? update_reach(device) : 2 * SEARCH_END;
    bool blank = false;
    memset(c, 0, sizeof *c);
    c->table_offset = c->offset = table_offset;
    int result = espota_device_read(device, table_offset, c->sector, sizeof c->sector, error);
    if (result != 0)
        return espota_fail_while(error, "looking for the partition table");
    c->state = ESPOTA_FLASH_HAS_TABLE;
    if (parse_table(&c->table, device, c->sector, table_offset))
        return 0;
    uint32_t where = 0;
    result = espota_flash_is_blank(device, 0, size, &blank, &where, error);
    c->state = blank ? ESPOTA_FLASH_IS_BLANK : ESPOTA_FLASH_HAS_DATA;
    c->offset = where;
    if (result == 0 && !blank)
        result = search(c, device, size, error);
    return result ? espota_fail_while(error, "looking at what flash holds") : 0;
}

const char *espota_flash_contents_text(const struct espota_flash_contents *c,
                                       char text[ESPOTA_FLASH_CONTENTS_TEXT])
{
    static const struct {
        const char *what;
        bool missing; /* say that there is no table where it was looked for */
    } words[] = {
        [ESPOTA_FLASH_IS_BLANK] = { "nothing", false },
        [ESPOTA_FLASH_HAS_TABLE] = { "a partition table", false },
        [ESPOTA_FLASH_TABLE_ELSEWHERE] = { "a partition table", true },
        [ESPOTA_FLASH_TABLE_DAMAGED] = { "a damaged partition table", false },
        [ESPOTA_FLASH_HAS_MCUBOOT] = { "an image for MCUboot, as Zephyr makes them,", true },
        [ESPOTA_FLASH_ENCRYPTED] = { "what looks like encrypted flash", true },
        [ESPOTA_FLASH_HAS_APP] = { "an app", true },
        [ESPOTA_FLASH_HAS_DATA] = { "data", true },
    };
    int used = snprintf(text, ESPOTA_FLASH_CONTENTS_TEXT, "%s", words[c->state].what);
    if (c->state != ESPOTA_FLASH_IS_BLANK)
        used += snprintf(text + used, ESPOTA_FLASH_CONTENTS_TEXT - (size_t)used, " at 0x%" PRIx32, c->offset);
    if (words[c->state].missing)
        snprintf(text + used, ESPOTA_FLASH_CONTENTS_TEXT - (size_t)used,
                 ", but no partition table at 0x%" PRIx32, c->table_offset);
    return text;
}

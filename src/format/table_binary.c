#include "espota/bytes.h"
#include "espota/hash.h"
#include "espota/table.h"

#include <string.h>

#define RECORD        ESPOTA_TABLE_RECORD_SIZE
#define MAGIC_ENTRY   0x50aau
#define MAGIC_MD5     0xebebu
#define DIGEST_OFFSET 16u

/* An agent on a chip tells nobody what is wrong with its table. */
#ifdef ESPOTA_SMALL
enum { TELLS = false };
#else
enum { TELLS = true };
#endif

static int fault(struct espota_table_problem *problem, enum espota_table_fault code, uint32_t a, uint32_t b)
{
    if (!TELLS)
        return -1;
    memset(problem, 0, sizeof *problem);
    problem->fault = code;
    problem->value[0] = a;
    problem->value[1] = b;
    return -1;
}

static bool is_end_marker(const uint8_t *record)
{
    for (unsigned i = 0; i < RECORD; i++)
        if (record[i] != 0xff)
            return false;
    return true;
}

static void parse_record(struct espota_partition *p, const uint8_t *record)
{
    p->type = record[2];
    p->subtype = record[3];
    p->offset = espota_get_le32(record + 4);
    p->size = espota_get_le32(record + 8);
    memcpy(p->label, record + 12, ESPOTA_LABEL_LENGTH);
    p->label[ESPOTA_LABEL_LENGTH] = '\0';
    p->flags = espota_get_le32(record + 28);
}

static int check_md5(const uint8_t *data, size_t length, const uint8_t *stored, espota_md5_fn *md5,
                     struct espota_table_problem *problem)
{
    uint8_t digest[ESPOTA_MD5_LENGTH];
    if (md5(data, length, digest) != 0)
        return fault(problem, ESPOTA_TABLE_HASH_FAILED, 0, 0);
    if (memcmp(digest, stored, sizeof digest) != 0)
        return fault(problem, ESPOTA_TABLE_BAD_MD5, 0, 0);
    return 0;
}

int espota_table_parse_binary(struct espota_table *table, const uint8_t *data, size_t length,
                              uint32_t table_offset, espota_md5_fn *md5, struct espota_table_problem *problem)
{
    memset(table, 0, sizeof *table);
    table->offset = table_offset;
    for (size_t at = 0; at < length; at += RECORD) {
        const uint8_t *record = data + at;
        if (length - at < RECORD)
            return fault(problem, ESPOTA_TABLE_BAD_LENGTH, (uint32_t)length, 0);
        if (is_end_marker(record))
            return 0;
        uint16_t magic = espota_get_le16(record);
        if (magic == MAGIC_MD5 && !table->has_md5) {
            if (check_md5(data, at, record + DIGEST_OFFSET, md5, problem) != 0)
                return -1;
            table->has_md5 = true;
        } else if (magic != MAGIC_ENTRY || table->has_md5) {
            return fault(problem, ESPOTA_TABLE_BAD_MAGIC, magic, (uint32_t)at);
        } else if (table->count == ESPOTA_TABLE_MAX_ENTRIES) {
            return fault(problem, ESPOTA_TABLE_TOO_MANY, ESPOTA_TABLE_MAX_ENTRIES, 0);
        } else {
            parse_record(&table->entry[table->count++], record);
        }
    }
    return fault(problem, ESPOTA_TABLE_NO_END, 0, 0);
}

/* ---- as the bootloader has it ---------------------------------------------------------------------------
 */

/* The bootloader looks at the first four bytes of an end marker only. */
static bool is_boot_end(const uint8_t *record)
{
    return record[0] == 0xff && record[1] == 0xff && record[2] == 0xff && record[3] == 0xff;
}

static int check_in_flash(const struct espota_partition *p, uint64_t flash_size,
                          struct espota_table_problem *problem)
{
    uint64_t end = (uint64_t)p->offset + p->size;
    if (flash_size == 0 || end <= flash_size)
        return 0;
    if (!TELLS)
        return -1;
    (void)fault(problem, ESPOTA_TABLE_BEYOND_FLASH, end > UINT32_MAX ? UINT32_MAX : (uint32_t)end,
                flash_size > UINT32_MAX ? UINT32_MAX : (uint32_t)flash_size);
    memcpy(problem->label, p->label, sizeof problem->label);
    return -1;
}

/* The bootloader counts records up to the end, less one for the MD5 record, and takes that many from the
 * start: when the MD5 record is not the last one, the last partition is lost. */
static void drop_last_after_md5(struct espota_table *table, size_t md5_at, size_t end)
{
    if (table->has_md5 && md5_at + RECORD < end)
        table->count--;
}

int espota_table_parse_flash(struct espota_table *table, const uint8_t *data, size_t length,
                             uint32_t table_offset, uint64_t flash_size, espota_md5_fn *md5,
                             struct espota_table_problem *problem)
{
    size_t md5_at = 0;
    memset(table, 0, sizeof *table);
    table->offset = table_offset;
    length = length < ESPOTA_TABLE_BINARY_SIZE ? length : ESPOTA_TABLE_BINARY_SIZE;
    for (size_t at = 0; at + RECORD <= length; at += RECORD) {
        const uint8_t *record = data + at;
        uint16_t magic = espota_get_le16(record);
        if (magic == MAGIC_ENTRY && table->count < ESPOTA_TABLE_MAX_ENTRIES) {
            struct espota_partition *p = &table->entry[table->count++];
            parse_record(p, record);
            if (check_in_flash(p, flash_size, problem) != 0)
                return -1;
        } else if (magic == MAGIC_MD5 && !table->has_md5) {
            if (check_md5(data, at, record + DIGEST_OFFSET, md5, problem) != 0)
                return -1;
            table->has_md5 = true;
            md5_at = at;
        } else if (at > 0 && is_boot_end(record)) {
            drop_last_after_md5(table, md5_at, at);
            return 0;
        } else {
            return fault(problem, magic == MAGIC_ENTRY ? ESPOTA_TABLE_NO_END : ESPOTA_TABLE_BAD_MAGIC, magic,
                         (uint32_t)at);
        }
    }
    return fault(problem, ESPOTA_TABLE_NO_END, 0, 0);
}

/* ---- writing --------------------------------------------------------------------------------------------
 */

static void format_record(const struct espota_partition *p, uint8_t *record)
{
    espota_put_le16(record, MAGIC_ENTRY);
    record[2] = p->type;
    record[3] = p->subtype;
    espota_put_le32(record + 4, p->offset);
    espota_put_le32(record + 8, p->size);
    size_t label = strlen(p->label);
    memset(record + 12, 0, ESPOTA_LABEL_LENGTH);
    memcpy(record + 12, p->label, label);
    espota_put_le32(record + 28, p->flags);
}

int espota_table_format_binary(const struct espota_table *table, uint8_t out[ESPOTA_TABLE_BINARY_SIZE],
                               espota_md5_fn *md5, struct espota_table_problem *problem)
{
    unsigned room = ESPOTA_TABLE_BINARY_SIZE / RECORD - 1 - (table->has_md5 ? 1 : 0);
    if (table->count > room)
        return fault(problem, ESPOTA_TABLE_TOO_MANY, room, 0);
    memset(out, 0xff, ESPOTA_TABLE_BINARY_SIZE);
    for (unsigned i = 0; i < table->count; i++)
        format_record(&table->entry[i], out + (size_t)i * RECORD);
    if (!table->has_md5)
        return 0;
    size_t end = (size_t)table->count * RECORD;
    espota_put_le16(out + end, MAGIC_MD5);
    if (md5(out, end, out + end + DIGEST_OFFSET) != 0)
        return fault(problem, ESPOTA_TABLE_HASH_FAILED, 0, 0);
    return 0;
}

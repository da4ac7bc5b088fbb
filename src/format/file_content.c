#include "file_content.h"

#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/otadata.h"
#include "espota/table.h"

#include <string.h>

#define SECTOR 4096u

static bool begins(const uint8_t *data, size_t size, const void *mark, size_t length)
{
    return size >= length && memcmp(data, mark, length) == 0;
}

static bool all_ff(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != 0xff)
            return false;
    return true;
}

/* ---- what lies in flash ---------------------------------------------------------------------------------
 */

static bool is_table_entry(const uint8_t *record)
{
    return record[0] == 0xaa && record[1] == 0x50 && espota_get_le32(record + 8) != 0;
}

bool file_is_table(const uint8_t *data, size_t size)
{
    size_t end = size < ESPOTA_TABLE_BINARY_SIZE ? size : ESPOTA_TABLE_BINARY_SIZE, at = 0;
    while (at + ESPOTA_TABLE_RECORD_SIZE <= end && is_table_entry(data + at))
        at += ESPOTA_TABLE_RECORD_SIZE;
    if (at == 0 || at + ESPOTA_TABLE_RECORD_SIZE > end)
        return at > 0;
    return (data[at] == 0xeb && data[at + 1] == 0xeb) || all_ff(data + at, ESPOTA_TABLE_RECORD_SIZE);
}

static bool is_record(const uint8_t *data)
{
    struct espota_otadata_record record;
    espota_otadata_record_parse(&record, data);
    return espota_otadata_record_intact(&record);
}

static bool is_otadata(const uint8_t *data, size_t size)
{
    return size == ESPOTA_OTADATA_SIZE && (is_record(data) || is_record(data + SECTOR));
}

/* Page header: state, sequence, version (FE or FF), 19 x FF, CRC of all but the state. */
static bool is_nvs_page(const uint8_t *page)
{
    return page[8] >= 0xfe && all_ff(page + 9, 19) &&
           espota_get_le32(page + 28) == espota_crc32(UINT32_MAX, page + 4, 24);
}

static bool is_nvs(const uint8_t *data, size_t size)
{
    if (size % SECTOR)
        return false;
    for (size_t at = 0; at < size; at += SECTOR)
        if (!all_ff(data + at, 32))
            return is_nvs_page(data + at);
    return false;
}

/* Either superblock: revision, the tag of its name, the name. */
static bool is_littlefs(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at <= SECTOR; at += SECTOR)
        if (size >= at + 16 && memcmp(data + at + 8, "littlefs", 8) == 0)
            return true;
    return false;
}

/* The magic of block n, where spiffsgen.py puts it by default: 256-byte pages, 4K blocks, magic with length.
 */
static bool has_spiffs_magic(const uint8_t *data, size_t size, uint32_t block)
{
    uint16_t expected = (uint16_t)(0x0529u ^ 256u ^ ((uint32_t)(size / SECTOR) - block));
    return espota_get_le16(data + block * SECTOR + 252) == expected;
}

static bool is_spiffs(const uint8_t *data, size_t size)
{
    return size % SECTOR == 0 && size >= 2 * SECTOR && has_spiffs_magic(data, size, 0) &&
           has_spiffs_magic(data, size, 1);
}

/* A boot sector, at the start or behind the sector that wear levelling keeps free. */
static bool is_fat(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at <= SECTOR; at += SECTOR) {
        const uint8_t *boot = data + at;
        if (size >= at + 512 && (boot[0] == 0xeb || boot[0] == 0xe9) && boot[510] == 0x55 &&
            boot[511] == 0xaa && (espota_get_le16(boot + 11) == SECTOR || espota_get_le16(boot + 11) == 512))
            return true;
    }
    return false;
}

static enum espota_file_kind flash_kind(const uint8_t *data, size_t size)
{
    static const struct {
        enum espota_file_kind kind;
        bool (*is)(const uint8_t *data, size_t size);
    } kinds[] = {
        { ESPOTA_FILE_OTADATA, is_otadata },   { ESPOTA_FILE_NVS, is_nvs },       { ESPOTA_FILE_FAT, is_fat },
        { ESPOTA_FILE_LITTLEFS, is_littlefs }, { ESPOTA_FILE_SPIFFS, is_spiffs },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].is(data, size))
            return kinds[i].kind;
    return ESPOTA_FILE_DATA;
}

/* ---- containers -----------------------------------------------------------------------------------------
 */

static enum espota_file_kind marked_kind(const uint8_t *data, size_t size)
{
    static const struct {
        enum espota_file_kind kind;
        uint8_t length;
        char mark[8];
    } marks[] = {
        { ESPOTA_FILE_ELF, 4,
          "\x7f"
          "ELF" },
        { ESPOTA_FILE_UF2, 8, "UF2\n\x57\x51\x5d\x9e" },
        { ESPOTA_FILE_GZIP, 3, "\x1f\x8b\x08" },
        { ESPOTA_FILE_ZIP, 4, "PK\x03\x04" },
        { ESPOTA_FILE_XZ, 6,
          "\xfd"
          "7zXZ\0" },
        { ESPOTA_FILE_BZIP2, 4, "BZh9" },
        { ESPOTA_FILE_ZSTD, 4, "\x28\xb5\x2f\xfd" },
        { ESPOTA_FILE_MCUBOOT, 4, "\x3d\xb8\xf3\x96" },
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (begins(data, size, marks[i].mark, marks[i].length))
            return marks[i].kind;
    return size >= 512 && memcmp(data + 257, "ustar", 5) == 0 ? ESPOTA_FILE_TAR : ESPOTA_FILE_DATA;
}

/* ---- text -----------------------------------------------------------------------------------------------
 */

static bool is_text(const uint8_t *data, size_t size)
{
    size_t end = size < 1024 ? size : 1024;
    for (size_t i = 0; i < end; i++)
        if (data[i] == 0x7f || (data[i] < 0x20 && (data[i] < '\t' || data[i] > '\r')))
            return false;
    return true;
}

static char lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool begins_word(const uint8_t *data, size_t size, const char *word)
{
    for (; *word; word++, data++, size--)
        if (size == 0 || lower(*data) != *word)
            return false;
    return true;
}

static int hex_digit(uint8_t c)
{
    char l = lower(c);
    return l >= '0' && l <= '9' ? l - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* A first record whose bytes add up to 0. */
static bool is_intel_hex(const uint8_t *data, size_t size)
{
    unsigned sum = 0, length = 1;
    if (size < 11 || data[0] != ':')
        return false;
    for (unsigned i = 0; i < length + 4u + (i == 0); i++) {
        if (1 + 2 * i + 2 > size)
            return false;
        int high = hex_digit(data[1 + 2 * i]), low = hex_digit(data[2 + 2 * i]);
        if (high < 0 || low < 0)
            return false;
        if (i == 0)
            length = (unsigned)(high << 4 | low) + 1u;
        sum += (unsigned)(high << 4 | low);
    }
    return (sum & 0xff) == 0;
}

static size_t line_length(const uint8_t *data, size_t size)
{
    size_t length = 0;
    while (length < size && data[length] != '\n' && data[length] != '\r')
        length++;
    return length;
}

static size_t skip_blanks(const uint8_t *data, size_t size, const char *blanks)
{
    size_t at = 0;
    while (at < size && data[at] != '\0' && strchr(blanks, data[at]))
        at++;
    return at;
}

/* "name, type, subtype, ..." where the type is one of the words for it or a number. */
static bool is_table_line(const uint8_t *line, size_t length)
{
    const uint8_t *comma = memchr(line, ',', length);
    if (!comma)
        return false;
    const uint8_t *type = comma + 1;
    size_t left = length - (size_t)(type - line), blanks = skip_blanks(type, left, " \t");
    type += blanks;
    left -= blanks;
    return memchr(type, ',', left) &&
           (begins_word(type, left, "app") || begins_word(type, left, "data") ||
            begins_word(type, left, "bootloader") || begins_word(type, left, "partition_table") ||
            begins_word(type, left, "0x"));
}

static bool is_table_csv(const uint8_t *data, size_t size)
{
    while (size > 0) {
        size_t length = line_length(data, size);
        size_t blanks = skip_blanks(data, length, " \t");
        if (blanks < length && data[blanks] != '#')
            return is_table_line(data, length);
        length += length < size;
        data += length;
        size -= length;
    }
    return false;
}

static enum espota_file_kind text_kind(const uint8_t *data, size_t size)
{
    if (!is_text(data, size))
        return ESPOTA_FILE_DATA;
    if (begins(data, size, "\xef\xbb\xbf", 3)) {
        data += 3;
        size -= 3;
    }
    size_t blanks = skip_blanks(data, size, " \t\r\n");
    data += blanks;
    size -= blanks;
    if (is_intel_hex(data, size))
        return ESPOTA_FILE_INTEL_HEX;
    if (begins_word(data, size, "<!doctype html") || begins_word(data, size, "<html") ||
        begins_word(data, size, "<head") || begins_word(data, size, "<body"))
        return ESPOTA_FILE_HTML;
    if (begins_word(data, size, "<?xml"))
        return ESPOTA_FILE_XML;
    if (begins_word(data, size, "-----begin "))
        return ESPOTA_FILE_PEM;
    if (size > 0 && (data[0] == '{' || data[0] == '['))
        return ESPOTA_FILE_JSON;
    return is_table_csv(data, size) ? ESPOTA_FILE_TABLE_CSV : ESPOTA_FILE_TEXT;
}

enum espota_file_kind file_content_kind(struct espota_file *file, const uint8_t *data, size_t size)
{
    enum espota_file_kind kind = marked_kind(data, size);
    if (kind == ESPOTA_FILE_ELF && size >= 20)
        file->elf_machine = espota_get_le16(data + 18);
    if (kind == ESPOTA_FILE_UF2 && size >= 32 && (espota_get_le32(data + 8) & 0x2000u))
        file->uf2_family = espota_get_le32(data + 28);
    if (kind == ESPOTA_FILE_DATA && file_is_table(data, size) && size <= SECTOR)
        kind = ESPOTA_FILE_TABLE;
    if (kind == ESPOTA_FILE_DATA)
        kind = flash_kind(data, size);
    return kind != ESPOTA_FILE_DATA ? kind : text_kind(data, size);
}

/** The partition table: what lies where in flash.
 *
 * On flash: 32-byte records (magic AA 50, type, subtype, offset, size, 16-byte label, flags; little-endian),
 * then optionally an MD5 record (EB EB, 14 x FF, digest of all records before it), then FF to the end of
 * 0xC00 bytes. It lies at 0x8000 unless a build moved it. The CSV form and every rule of espota_table_check
 * are those of ESP-IDF's generator: components/partition_table/gen_esp32part.py; the binary structs are in
 * components/bootloader_support/include/esp_flash_partitions.h.
 *
 * Two judges: a table that is made has to keep every rule of today's generator (espota_table_verify). One
 * that is on a device was made by any generator there ever was, or by hand: it counts as valid when the
 * second-stage bootloader takes it (espota_table_parse_flash), and what else is wrong with it is worth a
 * warning (espota_table_check). Nothing in such a table may be relied upon: see espota_table_verify_writable.
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_TABLE_H
#define ESPOTA_TABLE_H

#pragma GCC visibility push(default)

#include "espota/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESPOTA_TABLE_DEFAULT_OFFSET 0x8000u
#define ESPOTA_TABLE_SECTOR_SIZE    0x1000u
#define ESPOTA_TABLE_BINARY_SIZE    0xC00u
#define ESPOTA_TABLE_RECORD_SIZE    32u
#define ESPOTA_TABLE_MAX_ENTRIES    95u
#define ESPOTA_LABEL_LENGTH         16u
#define ESPOTA_SECTOR_SIZE          0x1000u
#define ESPOTA_APP_ALIGNMENT        0x10000u
#define ESPOTA_OTADATA_SIZE         0x2000u

enum espota_partition_type {
    ESPOTA_TYPE_APP = 0x00,
    ESPOTA_TYPE_DATA = 0x01,
    ESPOTA_TYPE_BOOTLOADER = 0x02,
    ESPOTA_TYPE_PARTITION_TABLE = 0x03,
};

enum espota_app_subtype {
    ESPOTA_APP_FACTORY = 0x00,
    ESPOTA_APP_OTA_0 = 0x10,
    ESPOTA_APP_OTA_15 = 0x1f,
    ESPOTA_APP_TEST = 0x20,
};

enum espota_data_subtype {
    ESPOTA_DATA_OTA = 0x00,
    ESPOTA_DATA_PHY = 0x01,
    ESPOTA_DATA_NVS = 0x02,
    ESPOTA_DATA_COREDUMP = 0x03,
    ESPOTA_DATA_UNDEFINED = 0x06,
    ESPOTA_DATA_FAT = 0x81,
    ESPOTA_DATA_SPIFFS = 0x82,
    ESPOTA_DATA_LITTLEFS = 0x83,
    ESPOTA_DATA_TEE_OTA = 0x90,
};

#define ESPOTA_FLAG_ENCRYPTED (1u << 0)
#define ESPOTA_FLAG_READONLY  (1u << 1)

struct espota_partition {
    char label[ESPOTA_LABEL_LENGTH + 1];
    uint8_t type;
    uint8_t subtype;
    uint32_t offset; /* bytes from the start of flash */
    uint32_t size;   /* bytes */
    uint32_t flags;  /* ESPOTA_FLAG_* */
};

struct espota_table {
    uint32_t offset; /* where in flash the table itself lies */
    bool has_md5;    /* the binary form carries an MD5 record */
    unsigned count;
    struct espota_partition entry[ESPOTA_TABLE_MAX_ENTRIES];
};

/** What is wrong with a table. The comment names what `value` and `token` of the problem hold. */
enum espota_table_fault {
    ESPOTA_TABLE_OK = 0,
    /* CSV */
    ESPOTA_TABLE_UNKNOWN_VARIABLE, /* token: its name */
    ESPOTA_TABLE_EMPTY_TYPE,
    ESPOTA_TABLE_EMPTY_APP_SUBTYPE,
    ESPOTA_TABLE_EMPTY_SIZE,
    ESPOTA_TABLE_BAD_VALUE,            /* token: the text that is no number */
    ESPOTA_TABLE_UNKNOWN_TYPE,         /* token: the text that is neither number nor type */
    ESPOTA_TABLE_UNKNOWN_SUBTYPE,      /* token: the text that is neither number nor subtype; value: type */
    ESPOTA_TABLE_VALUE_RANGE,          /* token: the text of a number that its field cannot hold */
    ESPOTA_TABLE_UNKNOWN_FLAG,         /* token: the flag */
    ESPOTA_TABLE_CSV_BELOW,            /* value: offset, first usable offset */
    ESPOTA_TABLE_CSV_OVERLAP,          /* value: offset, end of the partition before */
    ESPOTA_TABLE_NEGATIVE_SIZE,        /* value: offset, end asked for */
    ESPOTA_TABLE_NO_BOOTLOADER_OFFSET, /* a bootloader partition without knowing where bootloaders lie */
    ESPOTA_TABLE_TOO_MANY,             /* value: most entries that fit */
    /* binary */
    ESPOTA_TABLE_BAD_LENGTH, /* value: length */
    ESPOTA_TABLE_BAD_MAGIC,  /* value: the two bytes, the record's offset */
    ESPOTA_TABLE_BAD_MD5,
    ESPOTA_TABLE_NO_END,
    ESPOTA_TABLE_HASH_FAILED, /* the MD5 implementation failed */
    /* rules for any table; entry and label say whose */
    ESPOTA_TABLE_MISALIGNED_OFFSET, /* value: offset, alignment */
    ESPOTA_TABLE_MISALIGNED_SIZE,   /* value: size, alignment */
    ESPOTA_TABLE_NOT_READONLY,      /* otadata or coredump flagged readonly */
    ESPOTA_TABLE_NVS_TOO_SMALL,     /* value: size, minimum */
    ESPOTA_TABLE_DUPLICATE_NAME,
    ESPOTA_TABLE_BELOW_TABLE,     /* value: offset, first usable offset */
    ESPOTA_TABLE_OVERLAP,         /* value: offset, start and last byte of the other */
    ESPOTA_TABLE_SEVERAL_OTADATA, /* value: subtype */
    ESPOTA_TABLE_OTADATA_SIZE,    /* value: size, required size */
    ESPOTA_TABLE_BEYOND_FLASH,    /* value: end of the table's partitions, flash size */
};

struct espota_table_problem {
    enum espota_table_fault fault;
    unsigned line; /* 1-based line of the CSV, or 0 */
    char label[ESPOTA_LABEL_LENGTH + 1];
    char token[48];
    uint32_t value[3];
};

/** One more subtype that CSV may name. */
struct espota_subtype_name {
    uint8_t type;
    uint8_t value;
    char name[32];
};

/** Parse "type, name, value" (value in hexadecimal, with or without 0x), as the generator's
 * --extra-partition-subtypes has it. The value must be new to its type. @return false when it is not that. */
bool espota_subtype_name_parse(struct espota_subtype_name *extra, const char *text);

struct espota_table_csv_options {
    uint32_t table_offset;
    bool has_bootloader_offset; /* bootloader_offset is known */
    uint32_t bootloader_offset; /* of the primary bootloader */
    bool has_recovery_offset;
    uint32_t recovery_offset;                /* of the recovery bootloader */
    const struct espota_subtype_name *extra; /* names besides those that are known; NULL: none */
    unsigned extra_count;
};

/** Parse UTF-8 CSV text (a byte-order mark is skipped). Fills blank offsets and turns a negative size into
 * "ends there". Labels longer than 16 bytes are cut, as the generator does. Variables must have been
 * expanded.
 * @return 0; or -1 with `problem` filled in. */
int espota_table_parse_csv(struct espota_table *table, const char *text, size_t length,
                           const struct espota_table_csv_options *options,
                           struct espota_table_problem *problem);

/** Write CSV as the generator writes it; offsets explicit, sizes in M, K or hex.
 * @return length of the whole text without the final NUL, which may exceed `capacity`. */
size_t espota_table_format_csv(const struct espota_table *table, char *text, size_t capacity);

/** Parse a binary table of `length` bytes; entries up to the end marker.
 * @return 0; or -1 with `problem` filled in. */
int espota_table_parse_binary(struct espota_table *table, const uint8_t *data, size_t length,
                              uint32_t table_offset, espota_md5_fn *md5,
                              struct espota_table_problem *problem);

/** Parse the table in flash, `data` being what flash holds from `table_offset` on, as the second-stage
 * bootloader does: magic bytes, partitions within `flash_size` bytes (0: not known), MD5 where there is one,
 * an end. Of what is wrong beyond that the bootloader takes no notice. Source: esp_partition_table_verify in
 * components/bootloader_support/src/flash_partitions.c.
 * @return 0; or -1 with `problem` filled in. */
int espota_table_parse_flash(struct espota_table *table, const uint8_t *data, size_t length,
                             uint32_t table_offset, uint64_t flash_size, espota_md5_fn *md5,
                             struct espota_table_problem *problem);

/** Write the binary form, with an MD5 record when table->has_md5.
 * @return 0; or -1 with `problem` filled in when there are too many entries or `md5` failed. */
int espota_table_format_binary(const struct espota_table *table, uint8_t out[ESPOTA_TABLE_BINARY_SIZE],
                               espota_md5_fn *md5, struct espota_table_problem *problem);

/** One more breach. `problem` is only valid during the call. */
typedef void espota_table_report_fn(void *context, const struct espota_table_problem *problem);

/** Check every rule of the generator and report each breach, in the generator's order. `report` may be NULL.
 * @return how many there are. */
unsigned espota_table_check(const struct espota_table *table, espota_table_report_fn *report, void *context);

/** Check every rule of the generator. @return 0; or -1 with the first breach in `problem`. */
int espota_table_verify(const struct espota_table *table, struct espota_table_problem *problem);

/** Check that all partitions end within `flash_size` bytes. @return 0; or -1 with `problem` filled in. */
int espota_table_verify_fits(const struct espota_table *table, uint64_t flash_size,
                             struct espota_table_problem *problem);

/** Does `partition` of this table lie above the table and share nothing with another partition?
 * @return 0; or -1 with `problem` filled in. */
int espota_table_verify_alone(const struct espota_table *table, const struct espota_partition *partition,
                              struct espota_table_problem *problem);

/** May `partition` of this table be written without harm to anything else? It has to begin with a sector, lie
 * above the table, and share nothing with another partition. @return 0; or -1 with `problem` filled in. */
int espota_table_verify_writable(const struct espota_table *table, const struct espota_partition *partition,
                                 struct espota_table_problem *problem);

/** Bytes of a partition in whole sectors: what can be erased and written without touching what lies behind.
 */
uint32_t espota_partition_capacity(const struct espota_partition *partition);

/** Bytes that may be written from the start of `partition`, when whole sectors are written: its size, or less
 * where another partition begins in its last sector. */
uint32_t espota_table_room(const struct espota_table *table, const struct espota_partition *partition);

/** A label that is the name of a type or subtype which the partition does not have is probably a slip.
 * @return true when entry `index` looks like one. */
bool espota_table_suspicious_label(const struct espota_table *table, unsigned index);

/** End of the last partition, 0 for an empty table. 64 bits: a bad table may say anything. */
uint64_t espota_table_end(const struct espota_table *table);

/** Entry by label, or NULL. */
const struct espota_partition *espota_table_find(const struct espota_table *table, const char *label);

/** The entry of that type and subtype, or NULL. Of several, the one that counts: of apps and otadata the
 * last, as the bootloader has it; of other data the first, as esp_partition_find_first has it. */
const struct espota_partition *espota_table_find_type(const struct espota_table *table, uint8_t type,
                                                      uint8_t subtype);

/** Number of OTA slots as the bootloader counts them (all app partitions of subtype ota_0..ota_15). */
unsigned espota_table_slot_count(const struct espota_table *table);

/** Partition of OTA slot `slot` (0..15), or NULL; of several the last. */
const struct espota_partition *espota_table_slot(const struct espota_table *table, unsigned slot);

/** The otadata partition that the bootloader reads, or NULL: it wants two whole sectors (read_otadata in
 * bootloader_common_loader.c; with less of it, it does not boot at all). */
const struct espota_partition *espota_table_otadata(const struct espota_table *table);

/** Is it an app partition of subtype ota_0..ota_15? */
bool espota_partition_is_slot(const struct espota_partition *partition);

/** Name of a type or subtype as CSV spells it, or NULL when it has none. Static storage. */
const char *espota_type_name(uint8_t type);
const char *espota_subtype_name(uint8_t type, uint8_t subtype);

/** Type or subtype from its name. @return 0..255, or -1 when there is no such name. */
int espota_type_from_name(const char *name);
int espota_subtype_from_name(uint8_t type, const char *name);

#pragma GCC visibility pop

#endif

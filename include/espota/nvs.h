/** NVS: the key-value store of ESP-IDF's nvs_flash, as it lies in a partition.
 *
 * Pages of 4096 bytes: a header of 32 (state, sequence number, version, CRC of bytes 4 to 27), two bits for
 * each of 126 entries (11 empty, 10 written, 00 erased) in 32 bytes, then the entries of 32 bytes each:
 * namespace, type, span, chunk, CRC of all but itself, key (16, NUL-terminated), data (8). An integer lies in
 * the data; of a string or blob the data is its size (2) and CRC (4 at 4), and its bytes fill the next
 * entries, `span` counting the first too. A blob of format 2 lies in chunks, each such an entry, and an index
 * (size, count of chunks, number of the first) says which belong to it. Namespace 0 has the names of the
 * others, each a u8 whose key is the name and whose value the number. All numbers little-endian.
 *
 * Source: ESP-IDF, components/nvs_flash/src/nvs_page.hpp, nvs_types.hpp, nvs_constants.h;
 * api-reference/storage/nvs_flash.rst.
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_NVS_H
#define ESPOTA_NVS_H

#pragma GCC visibility push(default)

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESPOTA_NVS_PAGE    4096u
#define ESPOTA_NVS_ENTRIES 126u  /* of a page */
#define ESPOTA_NVS_ENTRY   32u   /* bytes of one */
#define ESPOTA_NVS_KEY     15u   /* longest key or name of a namespace */
#define ESPOTA_NVS_ANY     0xffu /* chunk of what is in no chunks */

enum espota_nvs_type {
    ESPOTA_NVS_U8 = 0x01,
    ESPOTA_NVS_U16 = 0x02,
    ESPOTA_NVS_U32 = 0x04,
    ESPOTA_NVS_U64 = 0x08,
    ESPOTA_NVS_I8 = 0x11,
    ESPOTA_NVS_I16 = 0x12,
    ESPOTA_NVS_I32 = 0x14,
    ESPOTA_NVS_I64 = 0x18,
    ESPOTA_NVS_STRING = 0x21,
    ESPOTA_NVS_BLOB = 0x41,       /* of format 1: in one piece */
    ESPOTA_NVS_BLOB_DATA = 0x42,  /* of format 2: a chunk, */
    ESPOTA_NVS_BLOB_INDEX = 0x48, /* and the index */
};

/* States of a page, as in its header. */
#define ESPOTA_NVS_BLANK   0xffffffffu
#define ESPOTA_NVS_ACTIVE  0xfffffffeu
#define ESPOTA_NVS_FULL    0xfffffffcu
#define ESPOTA_NVS_FREEING 0xfffffff8u
#define ESPOTA_NVS_CORRUPT 0xfffffff0u

struct espota_nvs_page {
    uint32_t state;                  /* ESPOTA_NVS_ACTIVE ..., or what else is there */
    uint32_t sequence;               /* the higher, the newer */
    unsigned version;                /* format of its blobs: 1 or 2; 0: neither */
    bool intact;                     /* its header: it is one of the states, and the CRC is right */
    unsigned written, erased, empty; /* entries, by the bits */
    unsigned damaged;                /* entries that are written and do not hold what their CRC says */
};

/** What is wrong with an item. */
enum espota_nvs_fault {
    ESPOTA_NVS_GOOD = 0,
    ESPOTA_NVS_BAD_ENTRY, /* its CRC is wrong, or it cannot be: nothing of it can be believed */
    ESPOTA_NVS_BAD_DATA,  /* the CRC of the bytes of a string, blob or chunk is wrong */
};

/** One entry, with those that its span counts. */
struct espota_nvs_item {
    unsigned page, entry; /* the page by its place, not its sequence */
    bool erased;          /* it was in use once */
    enum espota_nvs_fault fault;
    uint8_t name_space, type, span, chunk; /* type: enum espota_nvs_type, or what else is there */
    char key[ESPOTA_NVS_KEY + 1];
    uint64_t number;                  /* of an integer: its value, sign-extended */
    const uint8_t *data;              /* of strings, blobs and chunks; in the image */
    size_t size;                      /* of those; of an index: that of the whole blob */
    uint8_t chunk_count, first_chunk; /* of an index */
};

/** Header and bits of the page at `page`, which has ESPOTA_NVS_PAGE bytes. */
void espota_nvs_page_read(struct espota_nvs_page *out, const uint8_t *page);

/** The entry `entry` of the page at `page`, by the bits written or erased (the caller has seen to that; see
 * espota_nvs_entry_state). What it spans ends with the page. */
void espota_nvs_item_read(struct espota_nvs_item *out, const uint8_t *page, unsigned entry);

/** The bits of an entry: 3 empty, 2 written, 0 erased, 1 is none. */
unsigned espota_nvs_entry_state(const uint8_t *page, unsigned entry);

/** A walk over the items of a partition, page by page as they lie; of pages whose header is not intact there
 * are none. Zero-initialise. */
struct espota_nvs_cursor {
    unsigned page, entry;
};

/** The next item of `size` bytes at `image`. @return false at the end. */
bool espota_nvs_next(struct espota_nvs_cursor *cursor, const uint8_t *image, size_t size,
                     struct espota_nvs_item *item);

/** CRC of an entry, of all but the CRC itself; and of a page's header. */
uint32_t espota_nvs_entry_crc(const uint8_t entry[32]);
uint32_t espota_nvs_header_crc(const uint8_t header[32]);

/** Is it one of the integers? `*width`: its bytes; `*negative`: it is signed. Either may be NULL. */
bool espota_nvs_is_integer(uint8_t type, unsigned *width, bool *is_signed);

/** Name of a type or state as ESP-IDF's tools spell it: "u8", "string", "blob_data"; "active". NULL: none. */
const char *espota_nvs_type_name(uint8_t type);
const char *espota_nvs_state_name(uint32_t state);

#pragma GCC visibility pop

#endif

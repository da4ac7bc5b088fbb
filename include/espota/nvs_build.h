/** An NVS partition made of values, entry by entry as ESP-IDF's nvs_partition_gen lays it out (PyPI:
 * esp-idf-nvs-partition-gen): the same values in the same order give the same bytes.
 *
 * One page is kept free, as nvs_flash needs it to change anything; with fewer than three pages none is, and
 * the partition can only be read. The layout of pages and entries is in espota/nvs.h.
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_NVS_BUILD_H
#define ESPOTA_NVS_BUILD_H

#pragma GCC visibility push(default)

#include "espota/nvs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum espota_nvs_build_status {
    ESPOTA_NVS_BUILT = 0,
    ESPOTA_NVS_NO_ROOM,         /* the partition is too small for its values */
    ESPOTA_NVS_KEY_LENGTH,      /* of 1 to ESPOTA_NVS_KEY bytes */
    ESPOTA_NVS_TOO_LONG,        /* a string or blob that one page cannot hold: see espota_nvs_longest */
    ESPOTA_NVS_NO_NAMESPACE,    /* a value before the first namespace */
    ESPOTA_NVS_MANY_NAMESPACES, /* more than ESPOTA_NVS_NAMESPACES */
    ESPOTA_NVS_BAD_TYPE,
};

#define ESPOTA_NVS_NAMESPACES 254u

struct espota_nvs_builder {
    uint8_t *image;
    uint32_t pages;   /* that may be filled */
    uint32_t size;    /* bytes of the partition */
    unsigned version; /* format of blobs: 1 or 2 */
    uint32_t page;    /* that is being filled */
    unsigned entry;   /* its next */
    unsigned name_space, name_space_count;
};

/** Begin with the `size` bytes of `image`, which outlives the builder: whole pages, at least one.
 * @return false where they are not. */
bool espota_nvs_build_begin(struct espota_nvs_builder *builder, uint8_t *image, uint32_t size,
                            unsigned version);

/** Values from now on are in this namespace; one of that name that is there already goes on. */
enum espota_nvs_build_status espota_nvs_build_namespace(struct espota_nvs_builder *builder, const char *name);

/** An integer; `number` is sign-extended, and its type has room for it. */
enum espota_nvs_build_status espota_nvs_build_integer(struct espota_nvs_builder *builder, const char *key,
                                                      uint8_t type, uint64_t number);

/** A string, which has its NUL (ESPOTA_NVS_STRING), or a blob (ESPOTA_NVS_BLOB). */
enum espota_nvs_build_status espota_nvs_build_bytes(struct espota_nvs_builder *builder, const char *key,
                                                    uint8_t type, const void *data, size_t size);

/** Bytes of the longest string or blob. */
uint32_t espota_nvs_longest(const struct espota_nvs_builder *builder, uint8_t type);

/** Can the partition only be read, having no free page? */
bool espota_nvs_build_read_only(const struct espota_nvs_builder *builder);

/** @return bytes of the image that count: all of it, or of what can only be read the pages in use. */
uint32_t espota_nvs_build_end(const struct espota_nvs_builder *builder);

#pragma GCC visibility pop

#endif

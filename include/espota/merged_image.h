/** Several files made into one that holds them as they lie in flash, and such a file taken apart again.
 *
 * A merged image is byte for byte what `esptool merge-bin` makes, in its three forms: the bytes of flash from
 * an offset on, with FF between the files; Intel HEX; or UF2, of which each file's blocks count from 0.
 * Sources: esptool 5.6, docs/en/esptool/basic-commands.rst (merge-bin), and what it does
 * (tests/interop/merge.sh); github.com/microsoft/uf2. */
#ifndef ESPOTA_MERGED_IMAGE_H
#define ESPOTA_MERGED_IMAGE_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file_kind.h"
#include "espota/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- making one -----------------------------------------------------------------------------------------
 */

enum espota_merge_format {
    ESPOTA_MERGE_RAW,
    ESPOTA_MERGE_HEX,
    ESPOTA_MERGE_UF2,
};

struct espota_merge_part {
    const char *name; /* for messages */
    uint32_t offset;  /* bytes from the start of flash */
    const uint8_t *data;
    size_t size;
};

struct espota_merge_options {
    enum espota_merge_format format;
    uint32_t target_offset; /* raw: where in flash the first byte lies */
    uint32_t pad_to;        /* raw: FF up to this offset in flash; 0: up to the end of the last part */
    uint32_t family;        /* UF2: of the chip (espota_chip: uf2_family) */
    uint32_t chunk_size;    /* UF2: bytes of data in a block; 0: as many as there is room for */
    bool no_md5;            /* UF2: blocks without an MD5 */
};

#define ESPOTA_MERGE_MAX_SIZE (256u * 1024u * 1024u)

/** Merge the parts into `out`, which comes zero-initialised; they are sorted by offset.
 * @return 0; ESPOTA_ERR_USAGE when two overlap, one lies before the target offset, or the chunk size is not
 * from 1 to what a block has room for; ESPOTA_ERR_TOO_BIG beyond ESPOTA_MERGE_MAX_SIZE. */
int espota_merge(struct espota_merge_part *parts, unsigned count, const struct espota_merge_options *options,
                 struct espota_bytes *out, struct espota_error *error);

/** Parts of what a file with addresses of its own (Intel HEX or UF2) places: one for each stretch without a
 * gap, in the file's order. `parts` and `*count` grow; free() `*parts` and espota_bytes_free `store`, which
 * their data lies in. `family` as for espota_uf2_walk.
 * @return ESPOTA_ERR_VERIFY when the file is damaged, ESPOTA_ERR_TOO_BIG for too many stretches. */
int espota_merge_unpack(const struct espota_bytes *file, const struct espota_file *about, const char *name,
                        struct espota_bytes *store, struct espota_merge_part **parts, unsigned *count,
                        struct espota_error *error);

/* ---- taking one apart -----------------------------------------------------------------------------------
 */

enum espota_extract_kind {
    ESPOTA_EXTRACT_BOOTLOADER,
    ESPOTA_EXTRACT_TABLE,
    ESPOTA_EXTRACT_APP,     /* its length is that of the image and its signature, if it is whole */
    ESPOTA_EXTRACT_OTADATA, /* whole partitions, and of others up to the end of the file: */
    ESPOTA_EXTRACT_DATA,
    ESPOTA_EXTRACT_BETWEEN, /* data that no partition explains, without FF at its ends */
};

struct espota_extract_part {
    enum espota_extract_kind kind;
    char name[ESPOTA_LABEL_LENGTH + 24]; /* of a partition, made fit for a file's name; or "bootloader" ... */
    uint32_t offset;                     /* in flash */
    uint32_t length;                     /* bytes from `data` on */
    const uint8_t *data;                 /* in the merged image */
    bool blank;                          /* nothing but FF: of no use as a file */
    bool cut;                            /* the merged image ends within it */
};

#define ESPOTA_EXTRACT_MAX_PARTS (ESPOTA_TABLE_MAX_ENTRIES + 40)

struct espota_extract {
    struct espota_table table;
    uint32_t table_offset; /* in flash */
    unsigned count;
    struct espota_extract_part part[ESPOTA_EXTRACT_MAX_PARTS];
};

/** The parts of a merged image, `about` as espota_file_examine found it; they point into `data`, of which
 * the first byte lies at `about->merged.flash_offset` of flash.
 * @return 0, or ESPOTA_ERR_VERIFY: it is no merged image with a valid table. */
int espota_extract(struct espota_extract *extract, const char *name, const struct espota_file *about,
                   const uint8_t *data, size_t size, struct espota_error *error);

#pragma GCC visibility pop

#endif

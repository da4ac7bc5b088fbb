/** App and bootloader images: what the ROM and the second-stage bootloader load.
 *
 * A 24-byte header, up to 16 segments (8-byte header: load address, length; then data), zero padding so that
 * the XOR checksum of all segment data (seed 0xEF) is the last byte of a 16-byte block, and, when the header
 * says so, the SHA-256 of everything before it. An app begins its first segment with a 256-byte description.
 * Sources: ESP-IDF, bootloader_support/include/esp_app_format.h, bootloader_support/src/esp_image_format.c,
 * esp_app_format/include/esp_app_desc.h; esptool, docs/en/advanced-topics/firmware-image-format.rst.
 *
 * Pure code: no allocation, no I/O of its own, no globals. */
#ifndef ESPOTA_IMAGE_H
#define ESPOTA_IMAGE_H

#pragma GCC visibility push(default)

#include "espota/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESPOTA_IMAGE_MAGIC         0xE9u
#define ESPOTA_IMAGE_HEADER_SIZE   24u
#define ESPOTA_IMAGE_MAX_SEGMENTS  16u
#define ESPOTA_IMAGE_CHECKSUM_SEED 0xEFu
#define ESPOTA_IMAGE_MAX_LENGTH    (16u * 1024u * 1024u)
#define ESPOTA_APP_DESC_MAGIC      0xABCD5432u
#define ESPOTA_APP_DESC_SIZE       256u

enum espota_image_verdict {
    ESPOTA_IMAGE_OK = 0,
    ESPOTA_IMAGE_READ_FAILED,  /* the source's read() failed */
    ESPOTA_IMAGE_HASH_FAILED,  /* the hash implementation failed */
    ESPOTA_IMAGE_TRUNCATED,    /* the source ends before the image does */
    ESPOTA_IMAGE_NO_MAGIC,     /* not an image */
    ESPOTA_IMAGE_BAD_SEGMENTS, /* segment count is 0 or above 16 */
    ESPOTA_IMAGE_BAD_LENGTH,   /* a segment's length is no multiple of 4, or 16M or more */
    ESPOTA_IMAGE_BAD_CHECKSUM,
    ESPOTA_IMAGE_BAD_HASH,
};

struct espota_image_segment {
    uint32_t load_address;
    uint32_t length;
    uint32_t offset; /* of the data, from the start of the image */
};

struct espota_app_desc {
    uint32_t secure_version;
    char version[33];
    char project[33];
    char time[17];
    char date[17];
    char idf_version[33];
    uint8_t elf_sha256[ESPOTA_SHA256_LENGTH];
};

struct espota_image {
    uint8_t segment_count;
    uint8_t flash_mode;      /* 0 qio, 1 qout, 2 dio, 3 dout */
    uint8_t flash_frequency; /* low nibble of byte 3; meaning depends on the chip */
    uint8_t flash_size;      /* high nibble of byte 3: 1M << n */
    uint32_t entry;
    uint16_t chip_id;
    uint16_t min_revision; /* major * 100 + minor */
    uint16_t max_revision; /* 65535 or 0: no limit */
    bool hash_appended;
    uint8_t checksum_stored;
    uint8_t checksum_computed;
    uint8_t hash_stored[ESPOTA_SHA256_LENGTH];
    uint8_t hash_computed[ESPOTA_SHA256_LENGTH];
    uint32_t length; /* bytes, checksum block and hash included */
    bool has_description;
    struct espota_app_desc description;
    struct espota_image_segment segment[ESPOTA_IMAGE_MAX_SEGMENTS];
};

/** Where image bytes come from: memory, a file, a partition of a device. */
struct espota_image_source {
    void *context;
    /** Read exactly `length` bytes at `offset`; 0, or -1 on failure. Never asked beyond `size`. */
    int (*read)(void *context, uint32_t offset, void *buffer, size_t length);
    uint32_t size; /* bytes available; for a partition, its size */
};

/** Parse the 24-byte header alone. @return ESPOTA_IMAGE_OK, NO_MAGIC or BAD_SEGMENTS. */
enum espota_image_verdict espota_image_parse_header(struct espota_image *image,
                                                    const uint8_t header[ESPOTA_IMAGE_HEADER_SIZE]);

/** Read the whole image once, fill in `image` and check segments, checksum and hash. When it is in order, the
 * running hash has all `length` bytes of it, and may go on.
 * `buffer` of `buffer_size` (at least 256) bytes is scratch. On a verdict other than OK the fields read so
 * far are set; on BAD_CHECKSUM and BAD_HASH all of them are. */
enum espota_image_verdict espota_image_examine(struct espota_image *image,
                                               const struct espota_image_source *source,
                                               const struct espota_hash *sha256, uint8_t *buffer,
                                               size_t buffer_size);

/** Does it run on a chip of this revision (major * 100 + minor)? A highest one of 0 or 65535 is none. Source:
 * ESP-IDF, bootloader_common_loader.c: bootloader_common_check_chip_validity. */
bool espota_image_is_for_revision(const struct espota_image *image, uint16_t revision);

/** Read the headers only: a few small reads find chip, segments, length, stored hash and description, and
 * whether they fit together. Checksum and hash are not computed. @return as espota_image_examine, without
 * BAD_CHECKSUM, BAD_HASH and HASH_FAILED. */
enum espota_image_verdict espota_image_parse_headers(struct espota_image *image,
                                                     const struct espota_image_source *source);

/** What goes into a new image. */
struct espota_image_part {
    uint32_t load_address;
    const uint8_t *data;
    uint32_t length; /* multiple of 4 */
};

/** Size of the image that espota_image_build makes of these parts, or 0 when they cannot be one (no or too
 * many parts, a length that is no multiple of 4, more than ESPOTA_IMAGE_MAX_LENGTH). */
size_t espota_image_build_size(const struct espota_image_part *parts, unsigned count);

/** Build an image with checksum and appended hash. Of `header` only flash settings, entry, chip and revisions
 * count. `out` has room for espota_image_build_size bytes. @return 0, or -1 when the parts are wrong or the
 * hash failed. */
int espota_image_build(const struct espota_image *header, const struct espota_image_part *parts,
                       unsigned count, const struct espota_hash *sha256, uint8_t *out);

/** Source over bytes in memory. `data` must outlive it. */
struct espota_image_memory {
    const uint8_t *data;
    size_t size;
};
int espota_image_memory_read(void *memory, uint32_t offset, void *buffer, size_t length);

#pragma GCC visibility pop

#endif

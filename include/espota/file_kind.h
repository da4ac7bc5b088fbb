/** What a file is, by its content: its name proves nothing.
 *
 * Images of the ESP32 family (app, second-stage bootloader, both with a partition table in one merged file),
 * what else belongs into flash (table, otadata, NVS, file systems), containers with addresses of their own
 * (ELF, Intel HEX, UF2), and what is handed over by mistake (HTML, archives, images of other chips).
 *
 * A bootloader and an app have the same header. An app has a description (ESP-IDF 3.3 and later) and leaves
 * alone the memory in which the bootloader runs while it loads the app; a bootloader has none, and its
 * segments lie in that memory, for which reason ESP-IDF's bootloader refuses one in an app slot.
 *
 * Sources: espota/image.h, espota/table.h, espota/otadata.h; ESP-IDF,
 * bootloader_support/src/esp_image_format.c (verify_load_addresses),
 * esp_bootloader_format/include/esp_bootloader_desc.h, nvs_flash/src/nvs_page.hpp, spiffs/spiffsgen.py;
 * littlefs, SPEC.md; UF2, github.com/microsoft/uf2; MCUboot, bootutil/image.h; esptool,
 * docs/en/advanced-topics/firmware-image-format.rst (ESP8266).
 *
 * espota_file_recognise is pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_FILE_KIND_H
#define ESPOTA_FILE_KIND_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum espota_file_kind {
    ESPOTA_FILE_DATA = 0, /* none of the others */
    ESPOTA_FILE_EMPTY,
    ESPOTA_FILE_BLANK, /* nothing but FF */
    ESPOTA_FILE_APP,
    ESPOTA_FILE_BOOTLOADER, /* second stage */
    ESPOTA_FILE_MERGED,     /* bootloader and more, or a table and more, as they lie in flash */
    ESPOTA_FILE_ESP8266,
    ESPOTA_FILE_MCUBOOT,
    ESPOTA_FILE_TABLE, /* binary */
    ESPOTA_FILE_TABLE_CSV,
    ESPOTA_FILE_OTADATA, /* what Arduino calls boot_app0.bin, too */
    ESPOTA_FILE_NVS,
    ESPOTA_FILE_FAT,
    ESPOTA_FILE_LITTLEFS,
    ESPOTA_FILE_SPIFFS,
    ESPOTA_FILE_ELF,
    ESPOTA_FILE_INTEL_HEX,
    ESPOTA_FILE_UF2,
    ESPOTA_FILE_HTML,
    ESPOTA_FILE_XML,
    ESPOTA_FILE_JSON,
    ESPOTA_FILE_PEM, /* a key or certificate */
    ESPOTA_FILE_TEXT,
    ESPOTA_FILE_GZIP,
    ESPOTA_FILE_ZIP,
    ESPOTA_FILE_XZ,
    ESPOTA_FILE_BZIP2,
    ESPOTA_FILE_ZSTD,
    ESPOTA_FILE_TAR,
    ESPOTA_FILE_KINDS
};

/** Memory from `start` up to, not including, `end`; both 0: none. */
struct espota_memory_range {
    uint32_t start, end;
};

#define ESPOTA_LOADER_RANGES 4

/** What has to be known of a chip to tell its files apart. */
struct espota_file_chip {
    const char *name;           /* static */
    uint16_t image_id;          /* in image headers */
    uint32_t bootloader_offset; /* bytes from the start of flash */
    uint32_t uf2_family;        /* in UF2 blocks */
    struct espota_memory_range
        loader[ESPOTA_LOADER_RANGES]; /* where the bootloader runs while it loads an app */
};

/** A file and the facts that its kind brings; the others are 0. */
struct espota_file {
    enum espota_file_kind kind;
    size_t size;
    bool has_chip; /* an image, merged image or UF2 of a chip that is known: */
    struct espota_file_chip chip;

    struct espota_image image; /* app, bootloader; merged: of its bootloader, or else its app */
    enum espota_image_verdict
        image_verdict; /* by espota_image_parse_headers: checksum and hash are not looked at */

    struct {                   /* merged; offsets are bytes from the start of the file */
        uint32_t flash_offset; /* where in flash the first byte belongs */
        bool has_bootloader, has_table, has_app;
        uint32_t bootloader, table,
            app; /* app: of the first app partition of the table that holds an image */
    } merged;

    uint16_t elf_machine; /* e_machine: 94 Xtensa, 243 RISC-V */
    uint32_t uf2_family;  /* of the first block; 0: none given */
};

/** Say what the `size` bytes of a whole file are. */
void espota_file_recognise(struct espota_file *file, const uint8_t *data, size_t size,
                           const struct espota_file_chip *chips, unsigned chip_count);

/** Does an image load anything into the memory that its chip's bootloader runs in? Then a bootloader does not
 * start it. `image` as espota_image_parse_headers fills it in. */
bool espota_image_overlaps_loader(const struct espota_image *image, const struct espota_file_chip *chip);

/* ---- on the host ----------------------------------------------------------------------------------------
 */

/** espota_file_recognise with all chips of espota_chips. */
void espota_file_examine(struct espota_file *file, const void *data, size_t size);

/** What a file is, to stand behind "is": "an HTML page: the server probably answered with an error page". No
 * capital, no full stop. @return `text`. */
#define ESPOTA_FILE_WORDS 256
const char *espota_file_words(const struct espota_file *file, char text[ESPOTA_FILE_WORDS]);

/** What is wrong with `data`, which espota_image_examine_memory found to be no intact image: what it is
 * instead, or how it is damaged. A sentence about "it". @return `text`. */
const char *espota_image_fault_words(enum espota_image_verdict verdict, const struct espota_image *image,
                                     const void *data, size_t size, char text[ESPOTA_FILE_WORDS]);

/** Does it belong into an app partition? @return 0; or ESPOTA_ERR_VERIFY, with a message that says what
 * `name` is instead: a bootloader, a merged image, no image at all. Checksum and hash are not looked at. */
int espota_file_check_app(const struct espota_file *file, const char *name, struct espota_error *error);

/** May it be read as a partition table, CSV or binary? @return 0 also for no content, plain text and data of
 * no known kind, whose faults espota_table_read names; or ESPOTA_ERR_VERIFY, with a message that says what
 * `name` is instead. */
int espota_file_check_table(const struct espota_file *file, const char *name, struct espota_error *error);

/** A short stable name of a kind for JSON: "app", "bootloader", "intel-hex". Static storage. */
const char *espota_file_kind_name(enum espota_file_kind kind);

#pragma GCC visibility pop

#endif

/** Chips are data: one const descriptor each, registered in one table (src/chip/chips.c).
 *
 * Sources: esptool, esptool/targets/<chip>.py; ESP-IDF, esp_app_format.h (image ids) and components/soc. */
#ifndef ESPOTA_CHIP_H
#define ESPOTA_CHIP_H

#pragma GCC visibility push(default)

#include "espota/file_kind.h"
#include "espota/rom_loader.h"

#include <stdbool.h>
#include <stdint.h>

/** Bits of a register. `width` 0: the chip has no such thing, and the value is 0. */
struct espota_chip_field {
    uint32_t address;
    uint8_t shift, width;
};

/** What a chip's eFuses tell of it: the text for the value of a field; NULL says nothing. */
struct espota_chip_feature {
    struct espota_chip_field field;
    const char *text[8];
};

/** A step of a sequence of register writes: clear some bits, set others, wait. `address` 0 ends it. */
struct espota_chip_step {
    uint32_t address, set, clear;
    uint16_t wait_us;
};

#define ESPOTA_CHIP_MAX_FEATURES 6
#define ESPOTA_CHIP_MAX_MEMORY   16

struct espota_chip {
    const char *name;           /* as people write it: "ESP32-C3" */
    const char *id;             /* as options take it: "esp32c3" */
    uint16_t image_id;          /* chip id in image headers, and in security info of newer ROMs */
    bool xtensa;                /* its cores' instruction set; otherwise RISC-V */
    bool has_magic;             /* the ROM's magic register identifies the chip (ESP32, S2) */
    uint32_t magic;             /* value at ESPOTA_CHIP_MAGIC_REGISTER */
    uint32_t bootloader_offset; /* bytes in flash */
    /* The memory of ESP-IDF's second-stage bootloader while it loads an app: its linker script's
     * iram_loader_seg and dram_seg (components/bootloader/subproject/main/ld). Unused ranges are 0. */
    struct espota_memory_range loader[ESPOTA_LOADER_RANGES];
    struct espota_memory_range mapped[2]; /* where flash is mapped: for instructions, for data */
    bool maps_beyond_16m; /* also what lies from 16M on (ESP-IDF: SOC_SPI_MEM_SUPPORT_CACHE_32BIT_ADDR_MAP) */
    uint32_t page_sizes;  /* sizes of its MMU's pages that can be chosen, or-ed; 0: 64K and no other */
    uint32_t page_reach;  /* bytes that a mapped segment must have in its last page, or its bootloader forgets
                             that page; 0: any */
    /* What lies where: the types may overlap, and an unused entry is 0. Source: esptool, MEMORY_MAP. */
    struct {
        uint32_t start, end; /* first byte, first byte behind */
        const char *type;
    } memory[ESPOTA_CHIP_MAX_MEMORY];
    uint32_t uf2_family;                        /* source: esptool, UF2_FAMILY_ID */
    const struct espota_rom_loader *rom_loader; /* how the loader in its ROM speaks */
    bool rom_clock_drifts; /* the ROM's idea of its crystal has to be corrected for (ESP32) */
    struct {               /* the SPI controller in front of the flash: register offsets from base */
        uint32_t base;
        uint16_t usr, usr1, usr2, mosi_length, miso_length, w0;
    } spi;
    uint32_t mac_register;  /* eFuse register with the low 32 bits of the MAC; the next holds the high 16 */
    uint32_t frequency[16]; /* flash frequency in MHz by header nibble; 0: undefined */
    uint32_t frequency_too; /* in MHz: nibble 0 means this one too (ESP32-C6); 0: no other */

    struct espota_chip_field major[3], minor[2]; /* revision, low bits first */
    bool major_counts_bits;                      /* the major revision is how many of its bits are set */
    struct espota_chip_feature package;          /* the name on the chip */
    struct espota_chip_feature features[ESPOTA_CHIP_MAX_FEATURES];
    struct espota_chip_field crypt_count; /* flash encryption is on when an odd number of bits is set */
    struct espota_chip_field secure_boot; /* secure boot is on when any bit is set */

    uint32_t crystal_mhz;     /* 0: told by the divider that makes the UART's rate */
    uint32_t uart_divider;    /* register of UART0 */
    uint32_t rom_crystal_mhz; /* what the ROM takes the crystal for, whatever it is; 0: knows it */
    struct espota_chip_field rom_crystal; /* the same, where a register tells */

    struct { /* the RTC watchdog; all 0: none that we use */
        uint32_t config, timeout, protect, key;
    } watchdog;
    bool watchdog_resets; /* it can reset a chip that no line resets, without side effects */
    struct {              /* the super watchdog, which USB-Serial/JTAG does not stop */
        uint32_t config, protect, key, auto_feed;
    } super_watchdog;
    struct espota_chip_field strap_spi_boot; /* 0: GPIO0 was low at reset */
    struct espota_chip_field force_download; /* 1: the next reset ends in download mode again */

    const struct espota_chip_step *flash_power; /* how to power the flash, or NULL */
    uint16_t flash_power_from, flash_power_to;  /* revisions that need it */
};

#define ESPOTA_CHIP_MAGIC_REGISTER 0x40001000u

/** All chips; NULL ends the list. */
extern const struct espota_chip *const espota_chips[];

/** Chip by option name ("esp32c3", "ESP32-C3"), or NULL. */
const struct espota_chip *espota_chip_by_name(const char *name);
/** Chip by image id, or NULL. */
const struct espota_chip *espota_chip_by_image_id(uint16_t image_id);
/** What tells this chip's files apart (espota/file_kind.h). */
struct espota_file_chip espota_chip_file_facts(const struct espota_chip *chip);
/** Chip by magic register value, or NULL. */
const struct espota_chip *espota_chip_by_magic(uint32_t magic);

/** Maker of a flash chip by its JEDEC id (maker in the low byte), or NULL. Static storage. */
const char *espota_flash_maker(uint32_t flash_id);

#pragma GCC visibility pop

#endif

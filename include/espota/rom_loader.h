/** How the serial loader in a chip's ROM differs from others that speak the same protocol (a stub in RAM,
 * later ROMs): data, which everything that speaks to a loader goes by.
 *
 * Source: esptool, esptool/loader.py, and docs/en/advanced-topics/serial-protocol.rst. */
#ifndef ESPOTA_ROM_LOADER_H
#define ESPOTA_ROM_LOADER_H

#pragma GCC visibility push(default)

#include <stdbool.h>
#include <stdint.h>

/** The most that any loader may say for `block_size`, `read_size`. */
#define ESPOTA_ROM_LOADER_MAX_BLOCK 0x400u
#define ESPOTA_ROM_LOADER_MAX_READ  64u

struct espota_rom_loader {
    uint32_t flash_limit;  /* bytes that its flash commands can address; beyond, they alias */
    uint16_t block_size;   /* data bytes in a FLASH_DATA packet */
    uint16_t read_size;    /* bytes of a READ_FLASH_SLOW response */
    uint32_t window_size;  /* it inflates into this and writes it whole; 0: what comes is written as it is */
    uint8_t status_size;   /* bytes behind the data of a response */
    bool digest_in_hex;    /* MD5 as 32 hex digits; otherwise as 16 bytes */
    bool encrypted_flag;   /* BEGIN commands take a fifth word */
    bool security_info;    /* it may know GET_SECURITY_INFO */
    uint8_t sync_answers;  /* to one SYNC */
    uint8_t refusal_quiet; /* ms of silence that end its answers to a command that it does not know, which may
                              be several; 0: it answers once */
    uint16_t answer_ms;    /* longest wait for an answer, plus, for each megabyte of flash: */
    uint32_t md5_ms_per_mb, erase_ms_per_mb, write_ms_per_mb; /* to write is without erasing */
    uint16_t sync_ms;                                         /* longest wait for an answer to SYNC */
};

/** What holds for every ROM, for as long as the chip is not known. */
extern const struct espota_rom_loader espota_rom_loader_any;
/** The ESP32's, and all others'. */
extern const struct espota_rom_loader espota_rom_loader_esp32, espota_rom_loader_later;

#pragma GCC visibility pop

#endif

/* A 25Q flash chip behind an SPI controller of an Espressif chip: the one that a running app's cache does not
 * use (SPI1). Nothing here knows of the agent. Code that calls it must run from RAM. */
#ifndef ESPOTA_BARE_SPI_FLASH_H
#define ESPOTA_BARE_SPI_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the controller's registers are. Sources: ESP32 Technical Reference Manual, SPI Controller; ESP-IDF,
 * esp_hal_mspi/esp32/include/hal/spi_flash_ll.h, CHIP/include/hal/spimem_flash_ll.h, soc/CHIP/register
 * (spi_reg.h, spi_mem_reg.h, spi1_mem_reg.h: the command bits are the same on all chips), and
 * esp_rom/patches/esp_rom_spiflash.c. */
struct bare_spi {
    uint32_t base;
    uint8_t user, user1, user2, mosi_length, miso_length, status, data, clock, pins;
    uint8_t address_shift; /* 8 where a 24-bit address is left-aligned in its register */
    bool reads;            /* it may be tried whether it reads by a command of its own */
    uint8_t delay;         /* cycles that data need more on their way in, at the fast rate, most probably */
    uint32_t slow, fast;   /* values of `clock`: that any wiring suits; 0: the bootloader's, or half of all */
    uint32_t half;         /* half of all */
    uint32_t keep;         /* bit of `pins`: the flash stays selected when a command is over */
};

/* Its bus has 80 MHz. Data come in through the GPIO matrix, as ESP-IDF's bootloader sets it up, too late for
 * their cycle at 40 MHz (components/esp_rom/esp32/include/esp32/rom/spi_flash.h, DUMMY_LEN_PLUS); at 20 MHz
 * they do not. */
#define BARE_SPI_ESP32(at)                                                                                   \
    {                                                                                                        \
        .base = (at), .user = 0x1c, .user1 = 0x20, .user2 = 0x24, .mosi_length = 0x28, .miso_length = 0x2c,  \
        .status = 0x10, .data = 0x80, .clock = 0x18, .pins = 0x34, .address_shift = 8, .reads = true,        \
        .delay = 1, .slow = 3u << 12 | 1u << 6 | 3u, .fast = 1u << 12 | 1u, .keep = 1u << 30                 \
    }
/* Of all later chips. */
#define BARE_SPI_LATER(at)                                                                                   \
    {                                                                                                        \
        .base = (at), .user = 0x18, .user1 = 0x1c, .user2 = 0x20, .mosi_length = 0x24, .miso_length = 0x28,  \
        .status = 0x2c, .data = 0x58, .clock = 0x14, .pins = 0x34, .half = 1u << 16 | 1u, .keep = 1u << 10   \
    }

/* The flash, and what it is about: an erase, or a page of which `left` bytes are not programmed yet. */
struct bare_flash {
    const struct bare_spi *spi;
    bool busy;
    uint8_t reading, unproven;   /* how far the controller's own command for reading is trusted */
    uint8_t dual, delay, proofs; /* the same of reading by two lines, with so many cycles of delay */
    uint8_t keeping;             /* and of its keeping the flash selected; */
    bool trial;                  /* what was programmed last will tell */
    uint32_t polls;              /* of its status since the operation began */
    uint32_t at;
    const uint8_t *data;
    size_t left;
};

/* Plain single-line SPI from now on, whatever the bootloader set up, at a rate at which any wiring and flash
 * reads. What is faster is used when it has given the same. */
void bare_flash_begin(struct bare_flash *flash, const struct bare_spi *spi);

/* JEDEC id: maker in the low byte, then type, then log2 of the size. */
uint32_t bare_flash_id(struct bare_flash *flash);
/* Bytes, by the id; 0 when it says nothing that is known. */
uint32_t bare_flash_size(uint32_t id);

/* 1: the operation goes on, and a page's next part was begun when it was time; 0: it is done; -1: the flash
 * stays busy for longer than it may. */
int bare_flash_busy(struct bare_flash *flash);

/* 0 or -1. Reads of any length; they wait until the flash is idle. */
int bare_flash_read(struct bare_flash *flash, uint32_t offset, void *out, size_t length);
/* Begin to erase 4, 32 or 64 KiB. The flash must be idle, here and below. */
int bare_flash_erase(struct bare_flash *flash, uint32_t offset, uint32_t length);
/* Begin to program within a page of 256 bytes; `data` stays until it is done. */
int bare_flash_program(struct bare_flash *flash, uint32_t offset, const void *data, size_t length);

#endif

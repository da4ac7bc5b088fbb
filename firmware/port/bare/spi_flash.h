/* A 25Q flash chip behind an SPI controller of an Espressif chip: the one that a running app's cache does not
 * use (SPI1). Nothing here knows of the agent. Code that calls it must run from RAM. */
#ifndef ESPOTA_BARE_SPI_FLASH_H
#define ESPOTA_BARE_SPI_FLASH_H

#include <stddef.h>
#include <stdint.h>

/* Where the controller's registers are. Sources: ESP32 Technical Reference Manual, SPI Controller; ESP-IDF,
 * esp_hal_mspi/esp32/include/hal/spi_flash_ll.h and esp32c3/include/hal/spimem_flash_ll.h. */
struct bare_spi {
    uint32_t base;
    uint8_t user, user1, user2, mosi_length, miso_length, data;
    uint8_t address_shift; /* 8 where a 24-bit address is left-aligned in its register */
};

/* Plain single-line SPI from now on, whatever the bootloader set up. */
void bare_spi_begin(const struct bare_spi *spi);

/* JEDEC id: maker in the low byte, then type, then log2 of the size. */
uint32_t bare_flash_id(const struct bare_spi *spi);

/* 0, or -1 when the flash stays busy for longer than it may. Reads of any length. */
int bare_flash_read(const struct bare_spi *spi, uint32_t offset, void *out, size_t length);
/* A sector of 4 KiB, or a block of 32 or 64 KiB. */
int bare_flash_erase(const struct bare_spi *spi, uint32_t offset, uint32_t length);
/* Any length; erased bytes only. */
int bare_flash_program(const struct bare_spi *spi, uint32_t offset, const void *data, size_t length);

#endif

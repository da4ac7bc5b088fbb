/** Chips are data: one const descriptor each, registered in one table (src/chip/chips.c).
 *
 * Sources: esptool, esptool/targets/<chip>.py; ESP-IDF, esp_app_format.h (image ids) and components/soc. */
#ifndef ESPOTA_CHIP_H
#define ESPOTA_CHIP_H

#include <stdbool.h>
#include <stdint.h>

struct espota_chip {
    const char *name;           /* as people write it: "ESP32-C3" */
    const char *id;             /* as options take it: "esp32c3" */
    uint16_t image_id;          /* chip id in image headers, and in security info of newer ROMs */
    bool has_magic;             /* the ROM's magic register identifies the chip (ESP32, S2) */
    uint32_t magic;             /* value at ESPOTA_CHIP_MAGIC_REGISTER */
    uint32_t bootloader_offset; /* bytes in flash */
    bool rom_encrypted_flag;    /* FLASH_BEGIN takes a fifth word (all but ESP32 and ESP8266) */
    bool rom_clock_drifts;      /* the ROM's idea of its crystal has to be corrected for (ESP32) */
    struct {                    /* the SPI controller in front of the flash: register offsets from base */
        uint32_t base;
        uint16_t usr, usr1, usr2, mosi_length, miso_length, w0;
    } spi;
    uint32_t mac_register;  /* eFuse register with the low 32 bits of the MAC; the next holds the high 16 */
    uint32_t frequency[16]; /* flash frequency in MHz by header nibble; 0: undefined */
};

#define ESPOTA_CHIP_MAGIC_REGISTER 0x40001000u

/** All chips; NULL ends the list. */
extern const struct espota_chip *const espota_chips[];

/** Chip by option name ("esp32c3", "ESP32-C3"), or NULL. */
const struct espota_chip *espota_chip_by_name(const char *name);
/** Chip by image id, or NULL. */
const struct espota_chip *espota_chip_by_image_id(uint16_t image_id);
/** Chip by magic register value, or NULL. */
const struct espota_chip *espota_chip_by_magic(uint32_t magic);

#endif

#include "chips.h"

const struct espota_chip espota_chip_esp32 = {
    .name = "ESP32",
    .id = "esp32",
    .image_id = 0,
    .has_magic = true,
    .magic = 0x00f01d83,
    .bootloader_offset = 0x1000,
    .rom_clock_drifts = true,
    .spi = { .base = 0x3ff42000,
             .usr = 0x1c,
             .usr1 = 0x20,
             .usr2 = 0x24,
             .mosi_length = 0x28,
             .miso_length = 0x2c,
             .w0 = 0x80 },
    .mac_register = 0x3ff5a004,
    .frequency = { [0] = 40, [1] = 26, [2] = 20, [15] = 80 },
};

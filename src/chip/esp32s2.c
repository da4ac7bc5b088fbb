#include "chips.h"

const struct espota_chip espota_chip_esp32s2 = {
    .name = "ESP32-S2",
    .id = "esp32s2",
    .image_id = 2,
    .has_magic = true,
    .magic = 0x000007c6,
    .bootloader_offset = 0x1000,
    .rom_encrypted_flag = true,
    .spi = { .base = 0x3f402000,
             .usr = 0x18,
             .usr1 = 0x1c,
             .usr2 = 0x20,
             .mosi_length = 0x24,
             .miso_length = 0x28,
             .w0 = 0x58 },
    .mac_register = 0x3f41a044,
    .frequency = { [0] = 40, [1] = 26, [2] = 20, [15] = 80 },
};

#include "chips.h"

const struct espota_chip espota_chip_esp32p4 = {
    .name = "ESP32-P4",
    .id = "esp32p4",
    .image_id = 18,
    .bootloader_offset = 0x2000,
    .rom_encrypted_flag = true,
    .spi = { .base = 0x5008d000,
             .usr = 0x18,
             .usr1 = 0x1c,
             .usr2 = 0x20,
             .mosi_length = 0x24,
             .miso_length = 0x28,
             .w0 = 0x58 },
    .mac_register = 0x5012d044,
    .frequency = { [0] = 40, [1] = 26, [2] = 20, [15] = 80 },
};

#include "chips.h"

const struct espota_chip espota_chip_esp32c5 = {
    .name = "ESP32-C5",
    .id = "esp32c5",
    .image_id = 23,
    .bootloader_offset = 0x2000,
    .rom_encrypted_flag = true,
    .spi = { .base = 0x60003000,
             .usr = 0x18,
             .usr1 = 0x1c,
             .usr2 = 0x20,
             .mosi_length = 0x24,
             .miso_length = 0x28,
             .w0 = 0x58 },
    .mac_register = 0x600b4844,
    .frequency = { [0] = 40, [2] = 20, [15] = 80 },
};

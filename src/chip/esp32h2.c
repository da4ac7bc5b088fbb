#include "chips.h"

const struct espota_chip espota_chip_esp32h2 = {
    .name = "ESP32-H2",
    .id = "esp32h2",
    .image_id = 16,
    .bootloader_offset = 0x0,
    .rom_encrypted_flag = true,
    .spi = { .base = 0x60003000,
             .usr = 0x18,
             .usr1 = 0x1c,
             .usr2 = 0x20,
             .mosi_length = 0x24,
             .miso_length = 0x28,
             .w0 = 0x58 },
    .mac_register = 0x600b0844,
    .frequency = { [0] = 24, [1] = 16, [2] = 12, [15] = 48 },
};

#include "chips.h"

const struct espota_chip espota_chip_esp32c2 = {
    .name = "ESP32-C2",
    .id = "esp32c2",
    .image_id = 12,
    .bootloader_offset = 0x0,
    .rom_encrypted_flag = true,
    .spi = { .base = 0x60002000,
             .usr = 0x18,
             .usr1 = 0x1c,
             .usr2 = 0x20,
             .mosi_length = 0x24,
             .miso_length = 0x28,
             .w0 = 0x58 },
    .mac_register = 0x60008840,
    .frequency = { [0] = 30, [1] = 20, [2] = 15, [15] = 60 },
};

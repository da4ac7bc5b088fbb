#include "chips.h"

const struct espota_chip espota_chip_esp32s3 = {
    .name = "ESP32-S3",
    .id = "esp32s3",
    .image_id = 9,
    .bootloader_offset = 0x0,
    .rom_encrypted_flag = true,
    .spi = { .base = 0x60002000,
             .usr = 0x18,
             .usr1 = 0x1c,
             .usr2 = 0x20,
             .mosi_length = 0x24,
             .miso_length = 0x28,
             .w0 = 0x58 },
    .mac_register = 0x60007044,
    .frequency = { [0] = 40, [1] = 26, [2] = 20, [15] = 80 },
};

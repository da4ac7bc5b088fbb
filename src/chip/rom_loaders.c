/* Loaders in ROMs. The timeouts are esptool's (esptool/loader.py), but for writing without erasing. That a
 * refusal comes several times was seen on an ESP32; nobody else is trusted to be better. */
#include "espota/rom_loader.h"

#include "espota/rom_protocol.h"

#define COMMON                                                                                               \
    .flash_limit = 16u << 20, .block_size = ESPOTA_ROM_BLOCK_SIZE, .read_size = ESPOTA_ROM_READ_SIZE,        \
    .window_size = ESPOTA_ROM_WINDOW_SIZE, .status_size = ESPOTA_ROM_STATUS_SIZE, .digest_in_hex = true,     \
    .sync_answers = 8, .refusal_quiet = 60, .answer_ms = 3000, .md5_ms_per_mb = 8000,                        \
    .erase_ms_per_mb = 40000, .write_ms_per_mb = 8000, .sync_ms = 100

const struct espota_rom_loader espota_rom_loader_any = { COMMON, .security_info = true };
const struct espota_rom_loader espota_rom_loader_esp32 = { COMMON };
const struct espota_rom_loader espota_rom_loader_later = { COMMON, .encrypted_flag = true,
                                                           .security_info = true };

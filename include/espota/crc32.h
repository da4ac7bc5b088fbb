/** CRC-32 (IEEE 802.3, reflected), as zlib, Python's binascii and the ESP32 ROM compute it. */
#ifndef ESPOTA_CRC32_H
#define ESPOTA_CRC32_H

#pragma GCC visibility push(default)

#include <stddef.h>
#include <stdint.h>

/** CRC of `length` bytes, continuing `crc`: 0 to start, or an earlier result to go on.
 * otadata records start from UINT32_MAX, as ESP-IDF's esp_rom_crc32_le(UINT32_MAX, ...) does. */
uint32_t espota_crc32(uint32_t crc, const void *data, size_t length);

#pragma GCC visibility pop

#endif

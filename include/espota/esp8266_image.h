/** Images for the ESP8266: as far as one can be told to be whole before it travels.
 *
 * A header of 8 bytes (E9, number of segments, flash mode, size and frequency, entry), segments of an
 * address, a length and so many bytes, and a checksum in the last byte of a multiple of 16: EF and all bytes
 * of the segments, XORed. What Arduino and ESPHome build is two of them: its boot loader at 0, the app at
 * 4096. Sources: esptool, docs/en/advanced-topics/firmware-image-format.rst (ESP8266); esp8266 Arduino,
 * tools/elf2bin.py.
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_ESP8266_IMAGE_H
#define ESPOTA_ESP8266_IMAGE_H

#pragma GCC visibility push(default)

#include <stddef.h>
#include <stdint.h>

enum espota_esp8266_verdict {
    ESPOTA_ESP8266_OK,
    ESPOTA_ESP8266_NO_IMAGE,
    ESPOTA_ESP8266_TRUNCATED,
    ESPOTA_ESP8266_BAD_CHECKSUM,
};

/** Look at one of `size` bytes. What follows it, such as a signature, is not looked at. */
enum espota_esp8266_verdict espota_esp8266_examine(const uint8_t *data, size_t size);

#pragma GCC visibility pop

#endif

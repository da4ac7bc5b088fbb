/** Bytes as hex digits, and back. */
#ifndef ESPOTA_HEX_H
#define ESPOTA_HEX_H

#pragma GCC visibility push(default)

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Lower-case hex of `length` bytes; `hex` has room for 2 * length + 1. */
void espota_hex(const uint8_t *bytes, size_t length, char *hex);

/** The reverse: exactly `length` bytes from 2 * length hex digits at the start of `hex`. @return false when a
 * character is no hex digit. */
bool espota_unhex(const char *hex, uint8_t *bytes, size_t length);

/** A MAC address as people write it, "24:0a:c4:00:01:10". @return `text`. */
#define ESPOTA_MAC_TEXT 18
const char *espota_mac_text(const uint8_t mac[6], char text[ESPOTA_MAC_TEXT]);

#pragma GCC visibility pop

#endif

/** The keys that the examples' configuration holds. A real device has its own in NVS or eFuse, written when
 * it was made. */
#ifndef EXAMPLE_KEYS_H
#define EXAMPLE_KEYS_H

#include <stdint.h>

enum { EXAMPLE_KEY_LENGTH = 32, EXAMPLE_OWNER_LENGTH = 64 };

/** The device's key; NULL: none is configured, or not in hex. Lives on. */
const uint8_t *example_key(void);

/** The owner's public key, x and y; NULL: none is configured. Lives on. */
const uint8_t *example_owner(void);

#endif

/** The stub's program for a chip: the agent in RAM (firmware/port/stub), as the loader in the chip's ROM
 * takes it.
 *
 * Made by `make stubs-update` out of firmware/port/stub; the copies in src/device/stub/images are what the
 * program has, whatever compilers there are. tests/interop/stub_copy.sh compares them with their source. */
#ifndef ESPOTA_STUB_IMAGE_H
#define ESPOTA_STUB_IMAGE_H

#pragma GCC visibility push(default)

#include "espota/chip.h"

#include <stdint.h>

#define ESPOTA_STUB_SEGMENTS 2

struct espota_stub_segment {
    uint32_t address; /* in RAM, of a multiple of 4 */
    uint32_t length;  /* bytes, a multiple of 4; 0: unused */
    const uint8_t *data;
};

/** Static storage throughout. */
struct espota_stub_image {
    uint32_t entry; /* for MEM_END */
    struct espota_stub_segment segment[ESPOTA_STUB_SEGMENTS];
};

/** Of this chip, or NULL: there is none. */
const struct espota_stub_image *espota_stub_image(const struct espota_chip *chip);

#pragma GCC visibility pop

#endif

/** The stub's program for a chip: the agent in RAM (firmware/port/stub), packed, and the first stage that
 * takes it (firmware/port/stub/first.h), as the loader in the chip's ROM takes that.
 *
 * Made by `make stubs-update` out of firmware/port/stub; the copies in src/device/stub/images are what the
 * program has, whatever compilers there are. tests/interop/stub_copy.sh compares them with their source. */
#ifndef ESPOTA_STUB_IMAGE_H
#define ESPOTA_STUB_IMAGE_H

#pragma GCC visibility push(default)

#include "espota/chip.h"
#include "espota/error.h"

#include <stdint.h>

#define ESPOTA_STUB_SEGMENTS 2

struct espota_stub_segment {
    uint32_t address; /* in RAM, of a multiple of 4 */
    uint32_t length;  /* bytes, a multiple of 4; 0: unused */
    const uint8_t *data;
};

/** Static storage throughout. */
struct espota_stub_image {
    struct espota_stub_segment first; /* the first stage; length 0: the chip has none */
    uint32_t first_entry;             /* for MEM_END */
    const uint8_t *packed;            /* the stub (espota/packed.h), pieces when unpacked */
    uint32_t packed_length, unpacked_length;
};

/** The stub unpacked: what a loader takes without a first stage. */
struct espota_stub_program {
    uint32_t entry; /* for MEM_END */
    struct espota_stub_segment segment[ESPOTA_STUB_SEGMENTS];
    uint8_t *memory; /* which they lie in */
};

/** Of this chip, or NULL: there is none. */
const struct espota_stub_image *espota_stub_image(const struct espota_chip *chip);

/** `program` is owned by the caller and espota_stub_program_free, on success.
 * @return 0; ESPOTA_ERR_FAILED when there is no memory, or the image is damaged. */
int espota_stub_unpack(const struct espota_stub_image *image, struct espota_stub_program *program,
                       struct espota_error *error);
void espota_stub_program_free(struct espota_stub_program *program);

#pragma GCC visibility pop

#endif

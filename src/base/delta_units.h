/* Inside the encoder: an image as the matcher sees it: what refers to other places does so by what is there.
 */
#ifndef ESPOTA_BASE_DELTA_UNITS_H
#define ESPOTA_BASE_DELTA_UNITS_H

#include "espota/coder.h"
#include "format/coder_base.h"

struct delta_image {
    const uint8_t *data;
    uint32_t length;
    enum espota_isa isa;
    struct coder_segments segments;
    uint8_t *normal; /* the image, normalised: delta_image_free */
    uint8_t *within; /* bits: does a unit of code go on there? Not where one begins, or is data */
};

static inline bool delta_begins(const struct delta_image *image, uint32_t at)
{
    return (image->within[at / 8] >> at % 8 & 1) == 0;
}

/* @return 0, or -1: no memory. */
int delta_image_normalise(struct delta_image *image, const uint8_t *data, uint32_t length,
                          enum espota_isa isa);
void delta_image_free(struct delta_image *image);
/* Does a segment of it hold code? */
bool delta_is_code(const struct delta_image *image, const struct coder_segment *s);

/* ---- instruction sets */
/* Of a unit: how long it is, and to what it refers. */
struct delta_unit {
    uint32_t length;
    uint32_t kept[2]; /* bits of its first and second word that do not say what it refers to */
    uint32_t target;  /* an address, if `refers` */
    bool refers;
};

/* The unit at `p`, of which there are `left` bytes, loaded to `address`; *ended says whether nothing falls
 * through to it, and is set for the next. */
struct delta_unit delta_unit_xtensa(const uint8_t *p, uint32_t left, uint32_t address, bool *ended);
struct delta_unit delta_unit_riscv(const uint8_t *p, uint32_t left, uint32_t address, bool *ended);
/* Might it be an address of flash or RAM? */
static inline bool delta_is_address(uint32_t word)
{
    return (word >= 0x3C000000 && word < 0x3E000000) || (word >= 0x3F400000 && word < 0x3FC00000) ||
           (word >= 0x3FC80000 && word < 0x40000000) || (word >= 0x40070000 && word < 0x44000000) ||
           (word >= 0x50000000 && word < 0x50002000);
}

#endif

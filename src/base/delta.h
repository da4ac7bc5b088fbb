/* Inside the encoder: a base, and how an image is made of it. */
#ifndef ESPOTA_BASE_DELTA_H
#define ESPOTA_BASE_DELTA_H

#include "espota/encode.h"
#include "espota/observer.h"
#include "format/coder_base.h"

struct encode_parts;

/* espota_base_new, but ESPOTA_ERR_CANCELLED where the observer says so; which may be NULL. Sorting cannot be
 * stopped: 0.1 s for a base of 1.5 MB, 1.5 s for the largest. */
int delta_base_make(struct espota_base **base, enum espota_isa isa, const uint8_t *old, size_t old_length,
                    const uint8_t *image, size_t image_length, const struct espota_observer *observer,
                    struct espota_error *error);
/* The same without the trial of whether it helps. */
int delta_base_new(struct espota_base **base, enum espota_isa isa, const uint8_t *old, size_t old_length,
                   const uint8_t *image, size_t image_length, const struct espota_observer *observer,
                   struct espota_error *error);
/* Bytes of the image in blocks, more or less as they are in the base. */
uint32_t delta_base_covered(const struct espota_base *base);
/* It was tried, and streams are longer with it: it helps no more. */
void delta_base_give_up(struct espota_base *base);

/* What a stream's head says of its base, flash offset 0. */
void delta_base_head(const struct espota_base *base, uint8_t head[ESPOTA_BASED_HEAD_SIZE]);
/* Of the image; NULL: of one without blocks. */
const struct encode_parts *delta_base_parts(const struct espota_base *base);
uint32_t delta_base_length(const struct espota_base *base);
/* As espota_coder_image.read_base. */
int delta_base_read(const struct espota_base *base, uint32_t offset, void *buffer, size_t length);
/* That it is known by; NULL: it is known itself. */
const struct espota_patch *delta_base_patch(const struct espota_base *base);
struct coder_map_source delta_map_source(const struct espota_base *base);

#endif

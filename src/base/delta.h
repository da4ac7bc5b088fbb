/* Inside the encoder: a base, and how an image is made of it. */
#ifndef ESPOTA_BASE_DELTA_H
#define ESPOTA_BASE_DELTA_H

#include "espota/encode.h"
#include "format/coder_base.h"

/* The head of a base in a stream's head, flash offset 0. */
void delta_base_head(const struct espota_base *base, uint8_t head[ESPOTA_STREAM_BASE_SIZE]);
uint32_t delta_base_length(const struct espota_base *base);
/* As espota_coder_image.read_base. */
int delta_base_read(const struct espota_base *base, uint32_t offset, void *buffer, size_t length);
/* That it is known by; NULL: it is known itself. */
const struct espota_patch *delta_base_patch(const struct espota_base *base);
struct coder_map_source delta_map_source(const struct espota_base *base);

#endif

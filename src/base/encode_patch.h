/* Inside the encoder: a stream that was made elsewhere. */
#ifndef ESPOTA_BASE_ENCODE_PATCH_H
#define ESPOTA_BASE_ENCODE_PATCH_H

#include "base/encode_parts.h"

#include <stdbool.h>

/* Is this stream the one in the patch that its base is known by? */
bool encode_is_patch(const struct espota_encoder *e, unsigned table_log, const struct espota_base *base);
/* Begin it: its head, and the map. */
int encode_patch_begin(struct espota_encoder *e, struct espota_bytes *stream, struct espota_error *error);
/* The chunk of the next sector. @return 0, or an error. */
int encode_patch_sector(struct espota_encoder *e, struct espota_bytes *stream, struct espota_error *error);

#endif

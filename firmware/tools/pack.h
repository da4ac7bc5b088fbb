/* Packs bytes for espota_unpack (espota/packed.h), as small as that format allows nearly. */
#ifndef ESPOTA_TOOLS_PACK_H
#define ESPOTA_TOOLS_PACK_H

#include "espota/error.h"
#include "espota/file.h"

#include <stddef.h>
#include <stdint.h>

int pack(const uint8_t *data, size_t length, struct espota_bytes *packed, struct espota_error *error);

#endif

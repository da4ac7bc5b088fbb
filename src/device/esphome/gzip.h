#ifndef ESPOTA_ESPHOME_GZIP_H
#define ESPOTA_ESPHOME_GZIP_H

#include "espota/buffer.h"
#include "espota/error.h"

#include <stddef.h>
#include <stdint.h>

/* A gzip file of some bytes, as small as it gets. */
int gzip_pack(struct espota_bytes *packed, const uint8_t *data, size_t size, struct espota_error *error);

#endif

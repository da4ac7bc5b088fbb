/* Encodings of values in CSV files for NVS. */
#ifndef ESPOTA_BASE_NVS_ENCODING_H
#define ESPOTA_BASE_NVS_ENCODING_H

#include "espota/buffer.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stdint.h>

/* The type of an integer encoding; 0: it is none. Capitals will do, as in the generator. */
uint8_t nvs_integer_type(const char *encoding);

/* An integer as Python's int() reads it, which `type` has room for. */
int nvs_parse_integer(const char *text, uint8_t type, uint64_t *number, struct espota_error *error);

/* Is it "blob_fill(LENGTH;0xNN)" or "blob_sz_fill(LENGTH;0xNN)", or meant to be? */
bool nvs_is_fill(const char *encoding);

/* Bytes of a value, by an encoding that is no integer: string, binary, hex2bin, base64 or a fill. `out` is
 * empty. @return ESPOTA_ERR_USAGE when it is none of these, or the value is not one of it. */
int nvs_decode(struct espota_bytes *out, const char *encoding, const void *value, size_t length,
               struct espota_error *error);

#endif

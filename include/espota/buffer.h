/** Bytes on the heap that grow. */
#ifndef ESPOTA_BUFFER_H
#define ESPOTA_BUFFER_H

#pragma GCC visibility push(default)

#include "espota/error.h"

#include <stddef.h>
#include <stdint.h>

/** Zero-initialise; espota_bytes_free when done. Once anything was appended, `data[size]` is a NUL. */
struct espota_bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
};
/** Append a copy of `size` bytes. @return 0; or ESPOTA_ERR_NOMEM, with `bytes` as they were. */
int espota_bytes_append(struct espota_bytes *bytes, const void *data, size_t size,
                        struct espota_error *error);
void espota_bytes_free(struct espota_bytes *bytes);

#pragma GCC visibility pop

#endif

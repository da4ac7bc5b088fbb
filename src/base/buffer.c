#include "espota/buffer.h"

#include "espota/error.h"

#include <stdlib.h>
#include <string.h>

int espota_bytes_append(struct espota_bytes *bytes, const void *data, size_t size, struct espota_error *error)
{
    if (size > SIZE_MAX / 2 - bytes->size - 1)
        return espota_fail_memory(error, "collecting data");
    size_t needed = bytes->size + size + 1;
    if (needed > bytes->capacity) {
        size_t capacity = needed > 2 * bytes->capacity ? needed : 2 * bytes->capacity;
        uint8_t *grown = realloc(bytes->data, capacity);
        if (!grown)
            return espota_fail_memory(error, "collecting data");
        bytes->data = grown;
        bytes->capacity = capacity;
    }
    if (size > 0)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    bytes->data[bytes->size] = 0;
    return 0;
}

void espota_bytes_free(struct espota_bytes *bytes)
{
    free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}

/* The loadable segments of a linked program. */
#ifndef ESPOTA_TOOLS_PROGRAM_H
#define ESPOTA_TOOLS_PROGRAM_H

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/image.h"

#include <stdint.h>

enum { PROGRAM_MAX_PARTS = 4 };

struct program {
    struct espota_bytes data[PROGRAM_MAX_PARTS]; /* of the parts, padded */
    struct espota_image_part part[PROGRAM_MAX_PARTS];
    unsigned count;
    uint32_t entry;
};

/* @return 0, or a status when the file is no 32-bit ELF program with at most so many segments; `program` must
 * be freed either way. */
int program_read(struct program *program, const char *path, struct espota_error *error);
void program_free(struct program *program);

#endif

/* The stub out of its packed image. */
#include "espota/bytes.h"
#include "espota/error.h"
#include "espota/packed.h"
#include "espota/stub_image.h"

#include <stdlib.h>

enum { PIECE_HEAD = 8 };

/* Pieces: address, length, bytes; behind the last one 0 and the entry. */
static int parse(struct espota_stub_program *program, size_t length)
{
    const uint8_t *at = program->memory;
    for (size_t i = 0; length >= PIECE_HEAD; i++) {
        uint32_t address = espota_get_le32(at), size = espota_get_le32(at + 4);
        at += PIECE_HEAD;
        length -= PIECE_HEAD;
        program->entry = size;
        if (address == 0)
            return 0;
        if (i == ESPOTA_STUB_SEGMENTS || size > length)
            return -1;
        program->segment[i] = (struct espota_stub_segment){ address, size, at };
        at += size;
        length -= size;
    }
    return -1;
}

int espota_stub_unpack(const struct espota_stub_image *image, struct espota_stub_program *program,
                       struct espota_error *error)
{
    *program = (struct espota_stub_program){ .memory = malloc(image->unpacked_length) };
    if (!program->memory)
        return espota_fail_memory(error, "unpacking the stub");
    size_t length =
        espota_unpack(image->packed, image->packed_length, program->memory, image->unpacked_length);
    if (length == image->unpacked_length && parse(program, length) == 0)
        return 0;
    espota_stub_program_free(program);
    return espota_fail(error, ESPOTA_ERR_FAILED, "the stub in this program is damaged");
}

void espota_stub_program_free(struct espota_stub_program *program)
{
    free(program->memory);
    program->memory = NULL;
}

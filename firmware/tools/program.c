#include "program.h"

#include "espota/file.h"
#include "image/elf.h"

#include <string.h>

static int add_segment(struct program *p, const struct elf_part *segment, struct espota_error *error)
{
    static const uint8_t padding[4];
    if (p->count == PROGRAM_MAX_PARTS)
        return espota_fail(error, ESPOTA_ERR_FAILED, "the program has too many segments");
    struct espota_bytes *data = &p->data[p->count];
    int result = espota_bytes_append(data, segment->data, segment->length, error);
    if (result == 0)
        result = espota_bytes_append(data, padding, (4 - segment->length % 4) % 4, error);
    if (result == 0)
        p->part[p->count++] =
            (struct espota_image_part){ segment->address, data->data, (uint32_t)data->size };
    return result;
}

int program_read(struct program *program, const char *path, struct espota_error *error)
{
    struct espota_bytes file = { 0 };
    struct elf_program elf = { 0 };
    *program = (struct program){ 0 };
    int result = espota_file_read(path, 16u << 20, &file, error);
    if (result == 0)
        result = elf_program_open(&elf, path, file.data, file.size, error);
    program->entry = elf.entry;
    for (unsigned i = 0; result == 0 && i < elf.segments; i++)
        result = add_segment(program, &elf.segment[i], error);
    elf_program_close(&elf);
    espota_bytes_free(&file);
    return result;
}

void program_free(struct program *program)
{
    for (unsigned i = 0; i < PROGRAM_MAX_PARTS; i++)
        espota_bytes_free(&program->data[i]);
}

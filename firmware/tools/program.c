#include "program.h"

#include "espota/file.h"

#include <elf.h>
#include <string.h>

static int add_segment(struct program *p, const Elf32_Phdr *h, struct espota_error *error)
{
    static const uint8_t padding[4];
    if (h->p_type != PT_LOAD || h->p_filesz == 0)
        return 0;
    if (p->count == PROGRAM_MAX_PARTS || h->p_filesz > p->file.size ||
        h->p_offset > p->file.size - h->p_filesz)
        return -1;
    struct espota_bytes *data = &p->data[p->count];
    if (espota_bytes_append(data, p->file.data + h->p_offset, h->p_filesz, error) != 0 ||
        espota_bytes_append(data, padding, (4 - h->p_filesz % 4) % 4, error) != 0)
        return -1;
    p->part[p->count++] = (struct espota_image_part){ h->p_vaddr, data->data, (uint32_t)data->size };
    return 0;
}

static int read_segments(struct program *p, struct espota_error *error)
{
    Elf32_Ehdr head;
    if (p->file.size < sizeof head)
        return -1;
    memcpy(&head, p->file.data, sizeof head);
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS32 ||
        head.e_phentsize != sizeof(Elf32_Phdr) || head.e_phoff > p->file.size)
        return -1;
    p->entry = head.e_entry;
    for (unsigned i = 0; i < head.e_phnum; i++) {
        Elf32_Phdr h;
        size_t at = head.e_phoff + i * sizeof h;
        if (at + sizeof h > p->file.size)
            return -1;
        memcpy(&h, p->file.data + at, sizeof h);
        if (add_segment(p, &h, error) != 0)
            return -1;
    }
    return p->count > 0 ? 0 : -1;
}

int program_read(struct program *program, const char *path, struct espota_error *error)
{
    *program = (struct program){ 0 };
    if (espota_file_read(path, 16u << 20, &program->file, error) != 0)
        return -1;
    if (read_segments(program, error) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "%s is no 32-bit program", path);
    return 0;
}

void program_free(struct program *program)
{
    espota_bytes_free(&program->file);
    for (unsigned i = 0; i < PROGRAM_MAX_PARTS; i++)
        espota_bytes_free(&program->data[i]);
}

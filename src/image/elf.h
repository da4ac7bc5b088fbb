/* What of an ELF program is loaded, as its sections or its segments say. */
#ifndef ESPOTA_IMAGE_ELF_H
#define ESPOTA_IMAGE_ELF_H

#include "espota/error.h"

#include <stddef.h>
#include <stdint.h>

enum { ELF_MACHINE_XTENSA = 94, ELF_MACHINE_RISCV = 243 };

struct elf_part {
    const char *name; /* of the section; of a segment NULL */
    uint32_t address; /* a section's; a segment's physical one */
    uint32_t alignment;
    const uint8_t *data; /* within the file */
    uint32_t length;     /* bytes in the file, at least 1 */
};

struct elf_program {
    void *handle; /* libelf's */
    uint16_t machine;
    uint32_t entry;
    struct elf_part *section, *segment; /* in the file's order */
    unsigned sections, segments;
};

/* Read the `size` bytes of an ELF file at `data`, which the program points into. `name` is for messages.
 * elf_program_close when done, also after a failure. @return 0, or ESPOTA_ERR_VERIFY: it is no 32-bit program
 * for Xtensa or RISC-V, or damaged. */
int elf_program_open(struct elf_program *program, const char *name, const void *data, size_t size,
                     struct espota_error *error);
void elf_program_close(struct elf_program *program);

/* The first section whose name has `text` in it, or NULL. */
const struct elf_part *elf_program_section(const struct elf_program *program, const char *text);

#endif

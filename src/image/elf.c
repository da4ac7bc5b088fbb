#include "elf.h"

#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct elf_program *program;
    const char *name;
    const uint8_t *data;
    size_t size;
    struct espota_error *error;
};

static int damaged(const struct reading *r, const char *what)
{
    return espota_fail(r->error, ESPOTA_ERR_VERIFY, "%s is an ELF file, but %s: it is damaged or cut off",
                       r->name, what);
}

static bool inside(const struct reading *r, uint64_t offset, uint64_t length)
{
    return length <= r->size && offset <= r->size - length;
}

/* ---- sections -------------------------------------------------------------------------------------------
 */

/* What is in the file and has an address is loaded, flags or not. Source: esptool, bin_image.py, ELFFile. */
static bool is_loaded(const GElf_Shdr *h)
{
    bool bytes = h->sh_type == SHT_PROGBITS || h->sh_type == SHT_INIT_ARRAY || h->sh_type == SHT_FINI_ARRAY ||
                 h->sh_type == SHT_PREINIT_ARRAY;
    return bytes && h->sh_addr != 0 && h->sh_size != 0;
}

static int take_section(struct reading *r, Elf_Scn *scn, size_t names)
{
    Elf *elf = r->program->handle;
    GElf_Shdr copy, *h = gelf_getshdr(scn, &copy); /* the file's own may lie at any address */
    if (!h)
        return damaged(r, "a section's header cannot be read");
    if (!is_loaded(h))
        return 0;
    if (!inside(r, h->sh_offset, h->sh_size))
        return damaged(r, "a section lies beyond its end");
    const char *name = elf_strptr(elf, names, h->sh_name);
    r->program->section[r->program->sections++] =
        (struct elf_part){ name ? name : "", (uint32_t)h->sh_addr, (uint32_t)h->sh_addralign,
                           r->data + h->sh_offset, (uint32_t)h->sh_size };
    return 0;
}

static int take_sections(struct reading *r)
{
    Elf *elf = r->program->handle;
    size_t count = 0, names = 0;
    int result = 0;
    if (elf_getshdrnum(elf, &count) != 0 || elf_getshdrstrndx(elf, &names) != 0 || count == 0)
        return damaged(r, "it has no sections that can be read");
    r->program->section = calloc(count, sizeof *r->program->section);
    if (!r->program->section)
        return espota_fail_memory(r->error, "reading an ELF file");
    Elf_Scn *scn = NULL;
    for (size_t i = 1; result == 0 && i < count && (scn = elf_nextscn(elf, scn)); i++)
        result = take_section(r, scn, names);
    return result;
}

/* ---- segments -------------------------------------------------------------------------------------------
 */

static int take_segments(struct reading *r)
{
    struct elf_program *p = r->program;
    size_t count = 0;
    if (elf_getphdrnum(p->handle, &count) != 0)
        return damaged(r, "its segments cannot be read");
    p->segment = calloc(count + 1, sizeof *p->segment);
    if (!p->segment)
        return espota_fail_memory(r->error, "reading an ELF file");
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr copy, *h = gelf_getphdr(p->handle, (int)i, &copy);
        if (!h)
            return damaged(r, "its segments cannot be read");
        if (h->p_type != PT_LOAD || h->p_paddr == 0 || h->p_filesz == 0)
            continue;
        if (!inside(r, h->p_offset, h->p_filesz))
            return damaged(r, "a segment lies beyond its end");
        p->segment[p->segments++] = (struct elf_part){ NULL, (uint32_t)h->p_paddr, (uint32_t)h->p_align,
                                                       r->data + h->p_offset, (uint32_t)h->p_filesz };
    }
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------------------
 */

static int take_header(struct reading *r)
{
    struct elf_program *p = r->program;
    const char *ident = elf_getident(p->handle, NULL);
    GElf_Ehdr copy, *h = gelf_getehdr(p->handle, &copy);
    if (elf_kind(p->handle) != ELF_K_ELF || !ident)
        return espota_fail(r->error, ESPOTA_ERR_VERIFY, "%s is no ELF file", r->name);
    if (ident[EI_CLASS] != ELFCLASS32 || ident[EI_DATA] != ELFDATA2LSB || !h)
        return espota_fail(r->error, ESPOTA_ERR_VERIFY,
                           "%s is an ELF file, but no 32-bit little-endian one: it is for another computer",
                           r->name);
    if (h->e_machine != ELF_MACHINE_XTENSA && h->e_machine != ELF_MACHINE_RISCV)
        return espota_fail(r->error, ESPOTA_ERR_VERIFY,
                           "%s is an ELF file for machine %u, neither Xtensa nor RISC-V", r->name,
                           h->e_machine);
    if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
        return espota_fail(r->error, ESPOTA_ERR_VERIFY,
                           "%s is an ELF file, but no linked program: an object file or a core dump",
                           r->name);
    p->machine = h->e_machine;
    p->entry = (uint32_t)h->e_entry;
    return 0;
}

int elf_program_open(struct elf_program *program, const char *name, const void *data, size_t size,
                     struct espota_error *error)
{
    struct reading r = { program, name, data, size, error };
    memset(program, 0, sizeof *program);
    if (elf_version(EV_CURRENT) == EV_NONE)
        return espota_fail(error, ESPOTA_ERR_FAILED, "libelf is of another version than this program");
    /* libelf only reads what it is given without a descriptor, and takes it as writable nevertheless. */
    program->handle = elf_memory((char *)(uintptr_t)data, size);
    if (!program->handle)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no ELF file that can be read: %s", name,
                           elf_errmsg(-1));
    int result = take_header(&r);
    if (result == 0)
        result = take_sections(&r);
    return result ? result : take_segments(&r);
}

void elf_program_close(struct elf_program *program)
{
    if (program->handle)
        elf_end(program->handle);
    free(program->section);
    free(program->segment);
    memset(program, 0, sizeof *program);
}

const struct elf_part *elf_program_section(const struct elf_program *program, const char *text)
{
    for (unsigned i = 0; i < program->sections; i++)
        if (strstr(program->section[i].name, text))
            return &program->section[i];
    return NULL;
}

/* The file itself: sections, symbol table, digest. */
#include "symbols.h"

#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_ELF = 512 << 20 };

static int no_elf(const struct espota_symbols *s, const char *why, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no ELF file of an app: %s", s->path, why);
}

static int check_header(struct espota_symbols *s, struct espota_error *error)
{
    GElf_Ehdr header;
    if (elf_kind(s->elf) != ELF_K_ELF || !gelf_getehdr(s->elf, &header))
        return no_elf(s, "its header makes no sense", error);
    if (header.e_ident[EI_CLASS] != ELFCLASS32 || header.e_ident[EI_DATA] != ELFDATA2LSB)
        return no_elf(s, "it is not of a 32-bit little-endian machine", error);
    if (header.e_machine != EM_XTENSA && header.e_machine != EM_RISCV)
        return no_elf(s, "its machine is neither Xtensa nor RISC-V", error);
    if (header.e_type != ET_EXEC)
        return no_elf(s, "it is not linked", error);
    s->machine = header.e_machine;
    return 0;
}

static int add_code(struct espota_symbols *s, size_t index, const GElf_Shdr *section,
                    struct espota_error *error)
{
    uint64_t end = section->sh_addr + section->sh_size;
    if (!(section->sh_flags & SHF_EXECINSTR) || section->sh_size == 0 || end > UINT32_MAX)
        return 0;
    struct code_range *more = realloc(s->code, (s->code_count + 1) * sizeof *more);
    if (!more)
        return espota_fail_memory(error, "reading an ELF file");
    s->code = more;
    s->code[s->code_count++] = (struct code_range){ (uint32_t)section->sh_addr, (uint32_t)end, index };
    return 0;
}

static int read_sections(struct espota_symbols *s, struct espota_error *error)
{
    int result = 0;
    for (Elf_Scn *scn = elf_nextscn(s->elf, NULL); scn && result == 0; scn = elf_nextscn(s->elf, scn)) {
        GElf_Shdr section;
        if (!gelf_getshdr(scn, &section))
            continue;
        result = add_code(s, elf_ndxscn(scn), &section, error);
        if (section.sh_type != SHT_SYMTAB || section.sh_entsize != sizeof(Elf32_Sym) || s->names)
            continue;
        s->names = elf_getdata(scn, NULL);
        s->name_count = s->names ? s->names->d_size / sizeof(Elf32_Sym) : 0;
        s->name_strings = section.sh_link;
    }
    return result;
}

static int read_elf(struct espota_symbols *s, struct espota_error *error)
{
    s->elf = elf_memory((char *)s->file.data, s->file.size);
    if (!s->elf)
        return no_elf(s, elf_errmsg(-1), error);
    int result = check_header(s, error);
    if (result == 0)
        result = read_sections(s, error);
    if (result == 0)
        s->dwarf = dwarf_begin_elf(s->elf, DWARF_C_READ, NULL);
    if (s->dwarf)
        s->cfi = dwarf_getcfi(s->dwarf);
    return result;
}

int espota_symbols_take(struct espota_symbols **symbols, const char *path, struct espota_bytes *file,
                        struct espota_error *error)
{
    struct espota_symbols *s = calloc(1, sizeof *s);
    int result = s && (s->path = strdup(path)) ? 0 : espota_fail_memory(error, "reading an ELF file");
    if (s)
        s->file = *file;
    else
        espota_bytes_free(file);
    *file = (struct espota_bytes){ 0 };
    if (result == 0 && espota_sha256(s->file.data, s->file.size, s->sha256) != 0)
        result = espota_fail(error, ESPOTA_ERR_FAILED, "cannot compute the SHA-256 of %s", path);
    if (result == 0 && elf_version(EV_CURRENT) == EV_NONE)
        result = espota_fail(error, ESPOTA_ERR_FAILED, "cannot read ELF files: libelf is too old");
    if (result == 0)
        result = read_elf(s, error);
    if (result != 0) {
        espota_symbols_close(s);
        return result;
    }
    *symbols = s;
    return 0;
}

int espota_symbols_open(struct espota_symbols **symbols, const char *path, struct espota_error *error)
{
    struct espota_bytes file = { 0 };
    int result = espota_file_read(path, LARGEST_ELF, &file, error);
    return result ? result : espota_symbols_take(symbols, path, &file, error);
}

void espota_symbols_close(struct espota_symbols *s)
{
    if (!s)
        return;
    dwarf_end(s->dwarf);
    elf_end(s->elf);
    espota_bytes_free(&s->file);
    free(s->code);
    free(s->path);
    free(s);
}

const char *espota_symbols_path(const struct espota_symbols *s)
{
    return s->path;
}

const uint8_t *espota_symbols_sha256(const struct espota_symbols *s)
{
    return s->sha256;
}

bool espota_symbols_is_build(const struct espota_symbols *s, const char *digits, size_t count)
{
    static const char lower[] = "0123456789abcdef", capital[] = "0123456789ABCDEF";
    for (size_t i = 0; i < count; i++) {
        unsigned value = i / 2 < sizeof s->sha256 ? (unsigned)s->sha256[i / 2] >> (i % 2 ? 0 : 4) & 15u : 16;
        if (value == 16 || (digits[i] != lower[value] && digits[i] != capital[value]))
            return false;
    }
    return count > 0;
}

bool espota_symbols_has_lines(const struct espota_symbols *s)
{
    return s->dwarf != NULL;
}

bool espota_symbols_is_code(const struct espota_symbols *s, uint32_t address)
{
    for (size_t i = 0; i < s->code_count; i++)
        if (address >= s->code[i].start && address < s->code[i].end)
            return true;
    return false;
}

static bool is_in_code(const struct espota_symbols *s, const GElf_Sym *symbol)
{
    for (size_t i = 0; i < s->code_count; i++)
        if (s->code[i].section == symbol->st_shndx)
            return true;
    return false;
}

/* May it be the name of code at `address`? Assembly has names without a type and size, of which linkers make
 * more to mark where a section begins: they are believed for a short way. What fills up behind a function is
 * the function's. */
static bool names_code(const struct espota_symbols *s, const GElf_Sym *symbol, uint32_t address)
{
    enum { SHORT_WAY = 1024, FILLING = 15 };
    unsigned type = GELF_ST_TYPE(symbol->st_info);
    if ((type != STT_FUNC && type != STT_NOTYPE) || symbol->st_value > address || !is_in_code(s, symbol))
        return false;
    return address - symbol->st_value < (symbol->st_size ? symbol->st_size + FILLING : SHORT_WAY);
}

/* Is `a` the better name? What has a size and holds the address is better than what merely lies before it,
 * then the nearer, then a function. */
static bool is_better(const GElf_Sym *a, const GElf_Sym *b, uint32_t address)
{
    bool holds_a = address - a->st_value < a->st_size, holds_b = address - b->st_value < b->st_size;
    if (holds_a != holds_b)
        return holds_a;
    if (a->st_value != b->st_value)
        return a->st_value > b->st_value;
    return GELF_ST_TYPE(a->st_info) == STT_FUNC && GELF_ST_TYPE(b->st_info) != STT_FUNC;
}

const char *symbols_name_at(const struct espota_symbols *s, uint32_t address)
{
    GElf_Sym symbol, best = { 0 };
    const char *name = NULL;
    for (size_t i = 0; i < s->name_count; i++) {
        if (!gelf_getsym(s->names, (int)i, &symbol) || !names_code(s, &symbol, address) ||
            (name && !is_better(&symbol, &best, address)))
            continue;
        const char *text = elf_strptr(s->elf, s->name_strings, symbol.st_name);
        if (!text || !*text || *text == '.')
            continue;
        best = symbol;
        name = text;
    }
    return name;
}

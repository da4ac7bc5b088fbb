/* What the files of this folder share. */
#ifndef ESPOTA_SYMBOLS_SYMBOLS_H
#define ESPOTA_SYMBOLS_SYMBOLS_H

#include "espota/buffer.h"
#include "espota/symbols.h"

#include <elfutils/libdw.h>
#include <gelf.h>

struct code_range {
    uint32_t start, end;
    size_t section;
};

struct espota_symbols {
    char *path;
    struct espota_bytes file;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    Elf *elf;
    Dwarf *dwarf; /* NULL: no debugging data */
    Dwarf_CFI *cfi;
    unsigned machine; /* EM_XTENSA, EM_RISCV */
    struct code_range *code;
    size_t code_count;
    Elf_Data *names; /* the symbol table; NULL: none */
    size_t name_count;
    uint32_t name_strings; /* section of its strings */
};

/* The name in the symbol table of what holds `address`; NULL: none. */
const char *symbols_name_at(const struct espota_symbols *symbols, uint32_t address);

#endif

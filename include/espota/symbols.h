/** An ELF file with debugging data, as a linker wrote it beside an app image: which function, file and line
 * an address belongs to, and from where it was called.
 *
 * Source: the ELF specification and DWARF 5, both read by elfutils' libdw. Files of 32-bit little-endian
 * machines, Xtensa and RISC-V; the file is read into memory, so a build may replace it meanwhile. */
#ifndef ESPOTA_SYMBOLS_H
#define ESPOTA_SYMBOLS_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/panic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct espota_symbols;

/** Read the ELF file at `path`. @return 0 and `*symbols`, owned by the caller (espota_symbols_close);
 * ESPOTA_ERR_IO, ESPOTA_ERR_NOMEM, or ESPOTA_ERR_VERIFY for a file that is no such ELF file. One that has no
 * debugging data will do: what it lacks is not told. */
int espota_symbols_open(struct espota_symbols **symbols, const char *path, struct espota_error *error);

/** The same of a file that is in memory; `path` is its name. Takes `file`, also on failure. */
int espota_symbols_take(struct espota_symbols **symbols, const char *path, struct espota_bytes *file,
                        struct espota_error *error);

/** Close and free. NULL is ignored. */
void espota_symbols_close(struct espota_symbols *symbols);

/** The path that it was opened with. */
const char *espota_symbols_path(const struct espota_symbols *symbols);

/** SHA-256 of the file, as an app image and its boot log tell it of the ELF file that it was made from. */
const uint8_t *espota_symbols_sha256(const struct espota_symbols *symbols);

/** Does the file's SHA-256 begin with these hex digits? */
bool espota_symbols_is_build(const struct espota_symbols *symbols, const char *digits, size_t count);

/** Does it have lines of source, and not names alone? */
bool espota_symbols_has_lines(const struct espota_symbols *symbols);

/** Is there code at this address, by the file's sections? */
bool espota_symbols_is_code(const struct espota_symbols *symbols, uint32_t address);

#define ESPOTA_SYMBOLS_NAME 256

/** Where an address is in the source. */
struct espota_symbols_place {
    char function[ESPOTA_SYMBOLS_NAME]; /* with namespaces and classes before it, a::b::c; empty: not known */
    const char *file;                   /* lives as long as the symbols; NULL: not known */
    unsigned line;                      /* 0: not known */
    bool inlined;                       /* into the place that follows */
};

/** What the address belongs to: the innermost place first, behind it those that it was inlined into.
 * @return how many there are, at most `room`; 0: nothing is known. */
size_t espota_symbols_find(struct espota_symbols *symbols, uint32_t address,
                           struct espota_symbols_place *places, size_t room);

/** A frame of a backtrace. */
struct espota_symbols_frame {
    uint32_t pc;     /* where it is */
    uint32_t source; /* the address to ask the symbols for: the call, where pc is where it returns to */
};

/** Unwind the stack of a RISC-V panic by the file's call frame information. The first frame is where the
 * exception was. @return how many frames, at most `room`; 0 where the panic has no stack, or the file is of
 * another machine. */
size_t espota_symbols_unwind(struct espota_symbols *symbols, const struct espota_panic *panic,
                             struct espota_symbols_frame *frames, size_t room);

/** Find the ELF file of the app that a build made: `path` is that file, the app image beside it, or the
 * folder of a build by ESP-IDF, PlatformIO, Arduino or the like, or of its project. @return 0 and `*elf`, for
 * the caller to free(); or ESPOTA_ERR_IO when there is none, or more than one. */
int espota_symbols_locate(const char *path, char **elf, struct espota_error *error);

#pragma GCC visibility pop

#endif

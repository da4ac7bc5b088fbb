/** What ESP-IDF's panic handler says of a crash, read line by line out of a console: addresses that may be
 * code, and on RISC-V the registers and the memory of the stack, from which a debugger's data make a
 * backtrace (espota/symbols.h). Xtensa chips make their backtrace themselves: "Backtrace:
 * 0x400d1234:0x3ffb1234 ...".
 *
 * Source: ESP-IDF, components/esp_system/panic.c, port/arch/riscv/panic_arch.c; what it looks like:
 * docs/en/api-guides/fatal-errors.rst.
 *
 * Pure code: no allocation, no I/O, no globals. */
#ifndef ESPOTA_PANIC_H
#define ESPOTA_PANIC_H

#pragma GCC visibility push(default)

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ESPOTA_PANIC_STACK_MAX = 16384, /* bytes; ESP-IDF prints 1024 */
    ESPOTA_PANIC_REGISTERS = 32,    /* x0 to x31 */
};

struct espota_panic {
    enum espota_panic_state { ESPOTA_PANIC_IDLE, ESPOTA_PANIC_IN_REGISTERS, ESPOTA_PANIC_IN_STACK } state;
    unsigned core;
    uint32_t pc; /* mepc */
    uint32_t x[ESPOTA_PANIC_REGISTERS];
    bool has_pc;
    uint32_t known;      /* bit n: x[n] was told */
    uint32_t stack_base; /* address of stack[0] */
    size_t stack_length; /* bytes of it that are known, from the base on without a gap */
    uint8_t stack[ESPOTA_PANIC_STACK_MAX];
};

/** Begin reading a console. */
void espota_panic_begin(struct espota_panic *panic);

enum espota_panic_event {
    ESPOTA_PANIC_NOTHING,
    ESPOTA_PANIC_STACK_LINE, /* the line is one of the stack's memory */
    ESPOTA_PANIC_COMPLETE,   /* with this line the dump is over: registers and stack are there, until the next
                                begins */
};

/** Take a line, without its line break and escape sequences. */
enum espota_panic_event espota_panic_line(struct espota_panic *panic, const char *text, size_t length);

/** The next number in a line that may be an address of code, 0x and eight hex digits, from `*at` on. The
 * registers EXCVADDR and MTVAL, which hold addresses of data, and MTVEC, which is the same for each
 * exception, are left out.
 * @return false when there is none; `*at` is behind it otherwise. */
bool espota_panic_address(const char *text, size_t length, size_t *at, uint32_t *address);

/** Is the number that begins at `at` the value of RISC-V's RA, to where a call returns, and not where it was?
 */
bool espota_panic_is_return(const char *text, size_t at);

/** The hex digits behind "ELF file SHA256:", the start of the digest of the ELF file that the app was made
 * from.
 * @return how many there are, 0 for a line that says nothing of it; `*digits` is in the text. */
size_t espota_panic_elf_sha256(const char *text, size_t length, const char **digits);

#pragma GCC visibility pop

#endif

#include "espota/panic.h"

#include <string.h>

struct text {
    const char *at, *end;
};

static bool skip(struct text *t, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(t->end - t->at) < length || memcmp(t->at, word, length) != 0)
        return false;
    t->at += length;
    return true;
}

static void skip_blanks(struct text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == '\r'))
        t->at++;
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Up to eight hex digits, and no more of them behind. */
static bool take_hex(struct text *t, uint32_t *value)
{
    unsigned count = 0;
    for (*value = 0; t->at < t->end && digit(*t->at) >= 0; t->at++, count++)
        *value = *value << 4 | (uint32_t)digit(*t->at);
    return count >= 1 && count <= 8;
}

void espota_panic_begin(struct espota_panic *panic)
{
    panic->state = ESPOTA_PANIC_IDLE;
    panic->core = 0;
    panic->has_pc = false;
    panic->known = 0;
    panic->stack_base = 0;
    panic->stack_length = 0;
    memset(panic->x, 0, sizeof panic->x);
}

/* "Core  0 register dump:" */
static bool take_header(struct espota_panic *panic, struct text t)
{
    unsigned core;
    skip_blanks(&t);
    if (!skip(&t, "Core"))
        return false;
    skip_blanks(&t);
    if (t.at == t.end || *t.at < '0' || *t.at > '9')
        return false;
    core = (unsigned)(*t.at++ - '0');
    skip_blanks(&t);
    if (!skip(&t, "register dump:"))
        return false;
    espota_panic_begin(panic);
    panic->core = core;
    panic->state = ESPOTA_PANIC_IN_REGISTERS;
    return true;
}

/* Names of the RISC-V calling convention, as the panic handler writes them, by number. */
static const char *const names[ESPOTA_PANIC_REGISTERS] = {
    "X0", "RA", "SP", "GP", "TP", "T0", "T1", "T2", "S0/FP", "S1", "A0",  "A1",  "A2", "A3", "A4", "A5",
    "A6", "A7", "S2", "S3", "S4", "S5", "S6", "S7", "S8",    "S9", "S10", "S11", "T3", "T4", "T5", "T6",
};

static void set_register(struct espota_panic *panic, const char *name, size_t length, uint32_t value)
{
    if (length == 4 && memcmp(name, "MEPC", 4) == 0) {
        panic->pc = value;
        panic->has_pc = true;
    }
    for (unsigned i = 1; i < ESPOTA_PANIC_REGISTERS; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
            panic->x[i] = value;
            panic->known |= 1u << i;
        }
}

/* "MEPC    : 0x4200232c  RA      : 0x42009694 ..." */
static void take_registers(struct espota_panic *panic, struct text t)
{
    for (;;) {
        uint32_t value;
        skip_blanks(&t);
        const char *name = t.at;
        while (t.at < t.end && *t.at != ' ' && *t.at != ':')
            t.at++;
        size_t length = (size_t)(t.at - name);
        skip_blanks(&t);
        if (length == 0 || !skip(&t, ":"))
            return;
        skip_blanks(&t);
        if (!skip(&t, "0x") || !take_hex(&t, &value))
            return;
        set_register(panic, name, length, value);
    }
}

static bool add_word(struct espota_panic *panic, uint32_t word)
{
    if (panic->stack_length + 4 > sizeof panic->stack)
        return false;
    for (unsigned i = 0; i < 4; i++)
        panic->stack[panic->stack_length++] = (uint8_t)(word >> 8 * i);
    return true;
}

/* "3fc93a80: 0x00000030 0x00000021 ..."; what has a gap before it is left out. */
static bool take_stack_line(struct espota_panic *panic, struct text t)
{
    uint32_t base, word;
    skip_blanks(&t);
    const char *start = t.at;
    if (!take_hex(&t, &base) || t.at - start != 8 || !skip(&t, ":"))
        return false;
    skip_blanks(&t);
    if (panic->stack_length == 0)
        panic->stack_base = base;
    if (base != panic->stack_base + panic->stack_length)
        return true;
    while (skip(&t, "0x") && take_hex(&t, &word) && add_word(panic, word))
        skip_blanks(&t);
    return true;
}

enum espota_panic_event espota_panic_line(struct espota_panic *panic, const char *text, size_t length)
{
    struct text t = { text, text + length };
    struct text rest = t;
    skip_blanks(&rest);
    if (panic->state == ESPOTA_PANIC_IN_STACK) {
        if (take_stack_line(panic, t))
            return ESPOTA_PANIC_STACK_LINE;
        bool complete = panic->stack_length > 0 && panic->has_pc && panic->known >> 2 & 1u;
        panic->state = ESPOTA_PANIC_IDLE;
        if (complete)
            return ESPOTA_PANIC_COMPLETE;
    }
    if (take_header(panic, t) || panic->state != ESPOTA_PANIC_IN_REGISTERS)
        return ESPOTA_PANIC_NOTHING;
    if (skip(&rest, "Stack memory:")) {
        panic->state = ESPOTA_PANIC_IN_STACK;
        return ESPOTA_PANIC_STACK_LINE;
    }
    take_registers(panic, t);
    return ESPOTA_PANIC_NOTHING;
}

/* Is what lies at `at` the value of that register: "EXCVADDR: 0x"? */
static bool is_value_of(const char *name, const char *text, size_t at)
{
    size_t length = strlen(name);
    while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == ':'))
        at--;
    return at >= length && memcmp(text + at - length, name, length) == 0 &&
           (at == length || text[at - length - 1] == ' ');
}

/* An address of data, or of what is the same for each exception. */
static bool is_left_out(const char *text, size_t at)
{
    return is_value_of("EXCVADDR", text, at) || is_value_of("MTVAL", text, at) ||
           is_value_of("MTVEC", text, at);
}

bool espota_panic_is_return(const char *text, size_t at)
{
    return is_value_of("RA", text, at);
}

bool espota_panic_address(const char *text, size_t length, size_t *at, uint32_t *address)
{
    for (size_t i = *at; i + 10 <= length; i++) {
        struct text t = { text + i, text + length };
        if (!(skip(&t, "0x") || skip(&t, "0X")) || !take_hex(&t, address) || t.at - text - (ptrdiff_t)i != 10)
            continue;
        *at = (size_t)(t.at - text);
        if (!is_left_out(text, i))
            return true;
        i = *at - 1;
    }
    *at = length;
    return false;
}

size_t espota_panic_elf_sha256(const char *text, size_t length, const char **digits)
{
    static const char words[] = "ELF file SHA256:";
    for (size_t i = 0; i + sizeof words - 1 <= length; i++) {
        struct text t = { text + i, text + length };
        if (!skip(&t, words))
            continue;
        skip_blanks(&t);
        *digits = t.at;
        while (t.at < t.end && digit(*t.at) >= 0)
            t.at++;
        return (size_t)(t.at - *digits);
    }
    return 0;
}

/* A backtrace out of a stack's memory, by call frame information (DWARF 5, 6.4). Of its expressions those are
 * computed that compilers write for where registers are saved; what needs more ends the backtrace. */
#include "symbols.h"

#include <dwarf.h>
#include <stdlib.h>

enum { RA = 1, SP = 2 };

struct machine {
    uint32_t pc;
    uint32_t x[ESPOTA_PANIC_REGISTERS];
    uint32_t known;
};

static bool read_word(const struct espota_panic *panic, uint32_t address, uint32_t *word)
{
    uint32_t at = address - panic->stack_base; /* what lies below wraps to what is too large */
    if (panic->stack_length < 4 || at > panic->stack_length - 4)
        return false;
    const uint8_t *b = panic->stack + at;
    *word = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return true;
}

static bool read_register(const struct machine *m, uint64_t number, uint32_t *value)
{
    if (number >= ESPOTA_PANIC_REGISTERS || !(m->known >> number & 1u))
        return false;
    *value = m->x[number];
    return true;
}

struct evaluation {
    const struct espota_panic *panic;
    const struct machine *m;
    uint32_t cfa;
    uint32_t value; /* on the top of a stack of one */
    bool filled;    /* there is a value */
    bool is_value;  /* what was asked for itself, not its address */
};

static bool push(struct evaluation *e, uint32_t value)
{
    bool first = !e->filled;
    e->value = value;
    e->filled = true;
    return first;
}

static bool step(struct evaluation *e, const Dwarf_Op *op)
{
    uint32_t value = 0;
    if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
        return read_register(e->m, op->atom - DW_OP_breg0, &value) && push(e, value + (uint32_t)op->number);
    if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) {
        e->is_value = true;
        return read_register(e->m, op->atom - DW_OP_reg0, &value) && push(e, value);
    }
    switch (op->atom) {
    case DW_OP_bregx:
        return read_register(e->m, op->number, &value) && push(e, value + (uint32_t)op->number2);
    case DW_OP_regx:
        e->is_value = true;
        return read_register(e->m, op->number, &value) && push(e, value);
    case DW_OP_call_frame_cfa:
        return push(e, e->cfa);
    case DW_OP_plus_uconst:
        e->value += (uint32_t)op->number;
        return e->filled;
    case DW_OP_deref:
        return e->filled && read_word(e->panic, e->value, &e->value);
    case DW_OP_stack_value:
        e->is_value = true;
        return e->filled;
    default:
        return false;
    }
}

static bool evaluate(struct evaluation *e, const Dwarf_Op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!step(e, &ops[i]))
            return false;
    return e->filled;
}

/* What register `number` holds in the caller. */
static bool restore(Dwarf_Frame *frame, const struct espota_panic *panic, const struct machine *m,
                    uint32_t cfa, unsigned number, uint32_t *value)
{
    struct evaluation e = { .panic = panic, .m = m, .cfa = cfa };
    Dwarf_Op memory[3], *ops = NULL;
    size_t count = 0;
    if (dwarf_frame_register(frame, (int)number, memory, &ops, &count) != 0)
        return false;
    if (count == 0) /* undefined when `ops` is our own memory, otherwise unchanged */
        return ops != memory && read_register(m, number, value);
    if (!evaluate(&e, ops, count))
        return false;
    *value = e.value;
    return e.is_value || read_word(panic, e.value, value);
}

static bool find_cfa(Dwarf_Frame *frame, const struct espota_panic *panic, const struct machine *m,
                     uint32_t *cfa)
{
    struct evaluation e = { .panic = panic, .m = m };
    Dwarf_Op *ops = NULL;
    size_t count = 0;
    if (dwarf_frame_cfa(frame, &ops, &count) != 0 || !evaluate(&e, ops, count))
        return false;
    *cfa = e.value;
    return true;
}

static void go_up(Dwarf_Frame *frame, const struct espota_panic *panic, struct machine *m, uint32_t cfa)
{
    struct machine caller = { .known = 1u << SP };
    caller.x[SP] = cfa;
    for (unsigned i = 1; i < ESPOTA_PANIC_REGISTERS; i++)
        if (i != SP && restore(frame, panic, m, cfa, i, &caller.x[i]))
            caller.known |= 1u << i;
    *m = caller;
}

/* To the caller. Where there is no information about the first frame, as when the program jumped to nowhere,
 * what RA holds has called it. */
static bool to_caller(struct espota_symbols *s, const struct espota_panic *panic, struct machine *m,
                      uint32_t source, bool first)
{
    Dwarf_Frame *frame = NULL;
    uint32_t cfa, sp = m->x[SP];
    bool found =
        s->cfi && espota_symbols_is_code(s, source) && dwarf_cfi_addrframe(s->cfi, source, &frame) == 0;
    bool good = first;
    if (found) {
        good = find_cfa(frame, panic, m, &cfa) && (cfa > sp || (first && cfa == sp));
        if (good)
            go_up(frame, panic, m, cfa);
        free(frame);
    }
    m->pc = m->x[RA];
    return good && m->known >> RA & 1u && m->pc != 0;
}

size_t espota_symbols_unwind(struct espota_symbols *s, const struct espota_panic *panic,
                             struct espota_symbols_frame *frames, size_t room)
{
    struct machine m = { .pc = panic->pc, .known = panic->known };
    size_t count = 0;
    if (s->machine != EM_RISCV || !panic->has_pc || panic->stack_length == 0 || !(panic->known >> SP & 1u))
        return 0;
    for (unsigned i = 0; i < ESPOTA_PANIC_REGISTERS; i++)
        m.x[i] = panic->x[i];
    while (count < room) {
        uint32_t source = count == 0 ? m.pc : m.pc - 1;
        if (count > 0 && !espota_symbols_is_code(s, source))
            break;
        frames[count] = (struct espota_symbols_frame){ m.pc, source };
        if (!to_caller(s, panic, &m, source, count++ == 0))
            break;
    }
    return count;
}

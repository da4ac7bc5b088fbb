/* The coder's model of RISC-V code: RV32IMC and what is coded alike. RISC-V Unprivileged ISA: "RV32/64G
 * Instruction Set Listings", "RVC Instruction Set Listings". */
#include "coder_riscv.h"
#include "coder_deep.h"

#include "espota/bytes.h"

#include <string.h>

/* Sets: of numbers of up to 8 bits two, of longer ones four. */
enum {
    SET_CLASS = CODER_SET_CODE,
    SET_SHORT_MEMORY = SET_CLASS + 2,            /* registers, offset */
    SET_SHORT_JUMP = SET_SHORT_MEMORY + 4,       /* offset */
    SET_SHORT_CALL = SET_SHORT_JUMP + 3,         /* target */
    SET_SHORT_BRANCH = SET_SHORT_CALL + 3,       /* register, offset */
    SET_SHORT_ARITHMETIC = SET_SHORT_BRANCH + 3, /* function and register, number, registers */
    SET_SHORT_REGISTERS = SET_SHORT_ARITHMETIC + 6,
    SET_SHORT_STORE = SET_SHORT_REGISTERS + 4, /* register, offset */
    SET_SHORT_OTHER = SET_SHORT_STORE + 4,     /* register, number */
    SET_CALL = SET_SHORT_OTHER + 4,            /* register, target */
    SET_STORE = SET_CALL + 6,                  /* function, registers, offset; branches too */
    SET_UPPER = SET_STORE + 8,                 /* register, number */
    SET_REGISTERS = SET_UPPER + 6,             /* functions, registers */
    SET_OTHER = SET_REGISTERS + 8,             /* function and register, register, number */
    SET_ADD = SET_OTHER + 7,                   /* the same of addi and its like */
    SET_PAIR = SET_ADD + 7,                    /* kind, address */
    SET_END = SET_PAIR + 5,
    FLAG_PAIR = CODER_FLAG_CODE,
};

/* An instruction while it is coded. */
struct walk {
    struct coder_value value; /* all of it */
    uint32_t word;            /* what is known of it by now */
    uint32_t class, so_far;
    uint32_t operation, destination;
};

/* As measured over many images. */
static const uint8_t mixed[CODER_SETS] = { 0, 2, 2, 3, 2, 3, 3, 3, 0, 0, 3, 2, 3, 3, 3, 3, 3, 3, 1, 3, 0, 3,
                                           0, 1, 0, 3, 3, 3, 2, 0, 0, 2, 3, 0, 3, 0, 3, 3, 3, 2, 3, 0, 3, 2,
                                           2, 2, 3, 3, 3, 0, 2, 0, 3, 3, 3, 2, 1, 3, 3, 0, 0, 0, 3, 2, 3, 0,
                                           3, 3, 3, 0, 1, 0, 0, 0, 0, 2, 3, 1, 3, 2, 3, 3, 3, 1, 0, 3, 2, 3,
                                           1, 0, 0, 2, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3 };
static bool holds_code(uint32_t address)
{
    return address >= 0x40000000 && address < 0x50000000;
}

static void reset(struct coder *coder)
{
    memset(&coder->of.riscv, 0, sizeof coder->of.riscv);
}

/* ---- fields
 * ---------------------------------------------------------------------------------------------------- */
/* `count` bits of any number, with the contexts that are set. */
static uint32_t code_number(struct coder *coder, struct coder_value value, unsigned count, unsigned set)
{
    unsigned left = (count + 1) & ~1u, part = left < 8 ? left : 8;
    uint32_t context[CODER_CONTEXTS];
    memcpy(context, coder->context, sizeof context);
    left -= part;
    uint32_t got = coder_bits(coder, coder_value_bits(value, left, part), part, set);
    while (left > 0) {
        for (unsigned i = 0; i < CODER_CONTEXTS; i++)
            coder->context[i] = context[i] != 0 ? coder_hash(context[i], got + 1) : 0;
        part = left < 8 ? left : 8;
        left -= part;
        got = got << part | coder_bits(coder, coder_value_bits(value, left, part), part, set + 2);
    }
    return bits(got, 0, count);
}

/* Contexts of a field: all of the instruction that is known, and what came before it. */
static void set_contexts(struct coder *coder, uint32_t first)
{
    const struct coder_riscv *r = &coder->of.riscv;
    coder_set_contexts(
        coder, first, coder_hash(first, r->operation[0] ^ r->destination[0] << 24),
        coder_is_deep(coder) ? coder_hash(first, r->operation[0] ^ r->operation[1] * 0x9E3779B1u) : 0);
}

/* Bits of the word in which it is said what is done, and with which registers. */
static uint32_t code_part(struct coder *coder, struct walk *walk, unsigned low, unsigned count, unsigned set)
{
    set_contexts(coder, coder_hash(walk->so_far, low + 32 * walk->class));
    uint32_t got = code_number(coder, coder_value_bits(walk->value, low, count), count, set);
    walk->so_far = coder_hash(walk->so_far, got + 1);
    walk->word |= got << low;
    return got;
}

/* A number: from fields that are taken apart and put together by whoever calls. */
static uint32_t code_immediate(struct coder *coder, struct walk *walk, struct coder_value value,
                               unsigned count, unsigned set)
{
    coder_set_contexts(coder, coder_hash(walk->so_far, 31 + 32 * walk->class), 0, 0);
    return code_number(coder, value, count, set);
}

/* An address, `count` bits of it; the same functions are called, and the same data used, from everywhere. */
static uint32_t code_address(struct coder *coder, struct coder_value value, unsigned count, unsigned set)
{
    coder_set_contexts(coder, coder_hash(set, 3), 0, 0);
    return code_number(coder, value, count, set);
}

/* ---- numbers that an instruction scatters
 * ------------------------------------------------------------------------ */
static uint32_t short_number(uint32_t w)
{
    return bits(w, 12, 1) << 5 | bits(w, 2, 5);
}

static uint32_t short_registers(uint32_t w)
{
    return bits(w, 7, 3) << 3 | bits(w, 2, 3);
}

static uint32_t short_offset(uint32_t w)
{
    return bits(w, 10, 3) << 2 | bits(w, 5, 2);
}

static uint32_t store_offset(uint32_t w)
{
    return bits(w, 25, 7) << 5 | bits(w, 7, 5);
}

/* ---- instructions of two bytes
 * ---------------------------------------------------------------------------------- */
static void code_short_call(struct coder *coder, struct walk *walk)
{
    uint32_t here = coder->place.address;
    struct coder_value to = coder_value_bits(CODER_FROM(here, short_jump_offset, walk->value), 1, 11);
    uint32_t target = code_address(coder, to, 12, SET_SHORT_CALL);
    walk->word |= short_jump_bits((target << 1) - here);
    walk->destination = 1;
}

static void code_short_arithmetic(struct coder *coder, struct walk *walk)
{
    uint32_t first = code_part(coder, walk, 7, 5, SET_SHORT_ARITHMETIC);
    walk->operation |= (first >> 3) << 8;
    walk->destination = 8 + (first & 7);
    uint32_t got = code_immediate(coder, walk, CODER_EACH(short_number, walk->value), 6,
                                  SET_SHORT_ARITHMETIC + (first >> 3 == 3 ? 4 : 2));
    walk->word |= bits(got, 5, 1) << 12 | bits(got, 0, 5) << 2;
}

/* lw, sw and their like, by three-bit registers. */
static void code_short_memory(struct coder *coder, struct walk *walk)
{
    uint32_t got = code_immediate(coder, walk, CODER_EACH(short_registers, walk->value), 6, SET_SHORT_MEMORY);
    walk->so_far = got + 1;
    walk->destination = 8 + (got & 7);
    walk->word |= (got >> 3) << 7 | (got & 7) << 2;
    got = code_immediate(coder, walk, CODER_EACH(short_offset, walk->value), 5, SET_SHORT_MEMORY + 2);
    walk->word |= bits(got, 2, 3) << 10 | bits(got, 0, 2) << 5;
}

static void code_short_registers(struct coder *coder, struct walk *walk)
{
    uint32_t first = code_part(coder, walk, 7, 6, SET_SHORT_REGISTERS);
    walk->operation |= (first >> 5) << 8;
    walk->destination = first & 31;
    (void)code_part(coder, walk, 2, 5, SET_SHORT_REGISTERS + 2);
}

static void code_short_store(struct coder *coder, struct walk *walk)
{
    (void)code_part(coder, walk, 2, 5, SET_SHORT_STORE);
    walk->word |= code_immediate(coder, walk, coder_value_bits(walk->value, 7, 6), 6, SET_SHORT_STORE + 2)
                  << 7;
}

/* A register and six bits. */
static void code_short_immediate(struct coder *coder, struct walk *walk)
{
    walk->destination = code_part(coder, walk, 7, 5, SET_SHORT_OTHER);
    uint32_t got = code_immediate(coder, walk, CODER_EACH(short_number, walk->value), 6, SET_SHORT_OTHER + 2);
    walk->word |= bits(got, 5, 1) << 12 | bits(got, 0, 5) << 2;
}

static void code_short(struct coder *coder, struct walk *walk)
{
    walk->word = (walk->class >> 3) | (walk->class & 7) << 13;
    switch (walk->class) {
    case C_JAL:
        code_short_call(coder, walk);
        break;
    case C_J:
        walk->word |= short_jump_bits(
            code_immediate(coder, walk, coder_value_bits(CODER_EACH(short_jump_offset, walk->value), 1, 11),
                           11, SET_SHORT_JUMP)
            << 1);
        break;
    case C_BEQZ:
    case C_BNEZ:
        (void)code_part(coder, walk, 7, 3, SET_SHORT_BRANCH);
        walk->word |= short_branch_bits(
            code_immediate(coder, walk, coder_value_bits(CODER_EACH(short_branch_offset, walk->value), 1, 8),
                           8, SET_SHORT_BRANCH + 1)
            << 1);
        break;
    case C_ARITHMETIC:
        code_short_arithmetic(coder, walk);
        break;
    case C_REGISTERS:
        code_short_registers(coder, walk);
        break;
    case C_SWSP:
        code_short_store(coder, walk);
        break;
    default:
        if (walk->class < 8)
            code_short_memory(coder, walk);
        else
            code_short_immediate(coder, walk);
    }
}

/* ---- instructions of four bytes
 * --------------------------------------------------------------------------------- */
static void code_call(struct coder *coder, struct walk *walk)
{
    walk->destination = code_part(coder, walk, 7, 5, SET_CALL);
    uint32_t here = coder->place.address;
    struct coder_value to = coder_value_bits(CODER_FROM(here, jal_offset, walk->value), 1, 20);
    uint32_t target = code_address(coder, to, 20, SET_CALL + 2);
    walk->word |= jal_bits((target << 1) - here);
}

/* Stores and branches: two registers and an offset. */
static void code_two_registers(struct coder *coder, struct walk *walk)
{
    walk->operation |= code_part(coder, walk, 12, 3, SET_STORE) << 8;
    (void)code_part(coder, walk, 15, 10, SET_STORE + 1);
    bool store = walk->class != BRANCH;
    struct coder_value offset = store ? CODER_EACH(store_offset, walk->value)
                                      : coder_value_bits(CODER_EACH(branch_offset, walk->value), 1, 12);
    uint32_t got = code_immediate(coder, walk, offset, 12, SET_STORE + 4);
    walk->word |= store ? bits(got, 5, 7) << 25 | bits(got, 0, 5) << 7 : branch_bits(got << 1);
}

static void code_upper(struct coder *coder, struct walk *walk)
{
    walk->destination = code_part(coder, walk, 7, 5, SET_UPPER);
    walk->word |= code_immediate(coder, walk, coder_value_bits(walk->value, 12, 20), 20, SET_UPPER + 2) << 12;
}

static void code_registers(struct coder *coder, struct walk *walk)
{
    uint32_t first = code_part(coder, walk, 7, 8, SET_REGISTERS);
    walk->destination = first & 31;
    walk->operation |= (first >> 5) << 8 | code_part(coder, walk, 25, 7, SET_REGISTERS + 2) << 12;
    (void)code_part(coder, walk, 15, 10, SET_REGISTERS + 4);
}

/* Register, register and number. */
static void code_wide_immediate(struct coder *coder, struct walk *walk)
{
    unsigned set = walk->class == OP_IMM ? SET_ADD : SET_OTHER;
    uint32_t first = code_part(coder, walk, 7, 8, set);
    walk->destination = first & 31;
    walk->operation |= (first >> 5) << 8;
    (void)code_part(coder, walk, 15, 5, set + 2);
    walk->word |= code_immediate(coder, walk, coder_value_bits(walk->value, 20, 12), 12, set + 4) << 20;
}

static void code_wide(struct coder *coder, struct walk *walk)
{
    walk->word = 3 | (walk->class & 31) << 2;
    switch (walk->class) {
    case JAL:
        code_call(coder, walk);
        break;
    case BRANCH:
    case STORE:
        code_two_registers(coder, walk);
        break;
    case LUI:
    case AUIPC:
        code_upper(coder, walk);
        break;
    case OP:
    case AMO:
        code_registers(coder, walk);
        break;
    default:
        code_wide_immediate(coder, walk);
    }
}

/* ---- units
 * ------------------------------------------------------------------------------------------------------ */
static void note(struct coder_riscv *r, uint32_t operation, uint32_t destination)
{
    r->operation[1] = r->operation[0];
    r->operation[0] = operation;
    r->destination[1] = r->destination[0];
    r->destination[0] = destination;
}

/* auipc and the instruction that adds the rest of an address to its register. */
static bool is_pair(uint32_t first, uint32_t second)
{
    uint32_t class = class_of(second);
    return bits(second, 15, 5) == bits(first, 7, 5) && (class == JALR || class == OP_IMM || class == LOAD);
}

/* Address and kind of a pair at `base`. */
static uint32_t pair_address(uint32_t base, uint32_t first, uint32_t second)
{
    return base + (first & 0xFFFFF000) + ((second >> 20 ^ 0x800) - 0x800);
}

static uint32_t pair_kind(uint32_t second)
{
    uint32_t class = class_of(second);
    return class == JALR ? 0 : class == OP_IMM ? 1 : 2;
}

/* Both at once, by the address. @return false: it stands alone. */
static bool code_pair(struct coder *coder, struct walk *walk)
{
    static const uint8_t second_class[4] = { JALR, OP_IMM, LOAD, LOAD };
    uint32_t second = espota_get_le32(coder->actual + 4), base = coder->place.address, got = 0;
    bool actual = coder->place.left >= 8 && is_pair(walk->value.actual, second);
    if (coder->place.left < 8 || coder_flag(coder, actual, FLAG_PAIR) == 0)
        return false;
    struct coder_value value = CODER_BOTH(second, coder_expected_behind(coder));
    uint32_t rd = code_part(coder, walk, 7, 5, SET_UPPER);
    uint32_t kind = code_number(coder, CODER_EACH(pair_kind, value), 2, SET_PAIR);
    struct walk next = { .value = value, .class = second_class[kind], .so_far = coder_hash(rd, kind) };
    next.word = 3 | (next.class & 31) << 2 | rd << 15;
    next.destination = bits(code_part(coder, &next, 7, 8, SET_OTHER), 0, 5);
    struct coder_value address =
        CODER_BOTH(pair_address(base, walk->value.actual, second),
                   pair_address(coder_expected_from(coder), walk->value.expected, value.expected));
    got = code_address(coder, address, 32, SET_PAIR + 1);
    coder_emit_word(coder, 0x17 | rd << 7 | ((got - base + 0x800) & 0xFFFFF000), 4);
    coder_emit_word(coder, next.word | (got - base) << 20, 4);
    note(&coder->of.riscv, AUIPC, rd);
    note(&coder->of.riscv, next.class, next.destination);
    coder_unit_done(coder, next.word);
    return true;
}

/* Its place apart, the instruction. */
static uint32_t key_of(uint32_t word, uint32_t class)
{
    return class == JAL || class == AUIPC ? word & 0xFFF : word;
}

static void unit(struct coder *coder)
{
    struct coder_riscv *r = &coder->of.riscv;
    if (coder->place.left < 4) {
        coder_data_byte(coder);
        return;
    }
    struct walk walk = { .value = CODER_BOTH(espota_get_le32(coder->actual), coder_expected(coder, true)),
                         .destination = NO_REGISTER };
    coder_set_contexts(coder, coder_hash(61, 61), coder_hash(62, r->operation[0] ^ r->destination[0] << 24),
                       coder_hash(63, r->operation[0] ^ r->operation[1] * 0x9E3779B1u));
    walk.class = walk.operation = coder_bits(coder, CODER_EACH(class_of, walk.value), 6, SET_CLASS);
    if (walk.class == AUIPC && code_pair(coder, &walk))
        return;
    bool wide = walk.class >= 32;
    if (wide)
        code_wide(coder, &walk);
    else
        code_short(coder, &walk);
    coder_emit_word(coder, walk.word, wide ? 4 : 2);
    note(r, walk.operation, walk.destination);
    coder_unit_done(coder, key_of(walk.word, walk.class));
}

/* ---- instructions that are repeated
 * ----------------------------------------------------------------------------- */
static unsigned move(uint8_t instruction[CODER_INSTRUCTION_MAX], uint32_t from, uint32_t to)
{
    uint32_t w = espota_get_le32(instruction), class = class_of(w);
    if (class == C_JAL) {
        w = (w & 0xE003) | short_jump_bits(short_jump_offset(w) + from - to);
        espota_put_le16(instruction, (uint16_t)w);
    } else if (class == JAL) {
        espota_put_le32(instruction, (w & 0xFFF) | jal_bits(jal_offset(w) + from - to));
    }
    return class >= 32 ? 4 : 2;
}

static uint32_t seen(struct coder *coder, const uint8_t *instruction)
{
    uint32_t w = espota_get_le32(instruction), class = class_of(w), operation = class;
    if (class < 32)
        w &= 0xFFFF;
    if (class == C_ARITHMETIC)
        operation |= bits(w, 10, 2) << 8;
    else if (class == C_REGISTERS)
        operation |= bits(w, 12, 1) << 8;
    else if (class >= 32 && class != JAL && class != LUI && class != AUIPC)
        operation |= bits(w, 12, 3) << 8;
    if (class == OP || class == AMO)
        operation |= bits(w, 25, 7) << 12;
    note(&coder->of.riscv, operation, destination_of(w, class));
    return key_of(w, class);
}

/* ---- encoder alone
 * ---------------------------------------------------------------------------------------------- */
#ifdef ESPOTA_CODER_ENCODER
static void mark_literals(const uint8_t *code, uint32_t length, uint32_t address, uint8_t *literals)
{
    (void)code;
    (void)length;
    (void)address;
    (void)literals;
}

/* Where there is code there are returns; constants and text lie at the same addresses on newer chips. */
static bool is_code(const uint8_t *bytes, uint32_t length)
{
    uint32_t returns = 0;
    for (uint32_t i = 0; i + 2 <= length; i += 2)
        returns += espota_get_le16(bytes + i) == 0x8082 ? 1 : 0;
    return returns > length / 1024;
}

#endif

#if !defined(ESPOTA_CODER_BASE) || !defined(ESPOTA_CODER_RISCV)
#define coder_riscv_guess  NULL
#define coder_riscv_target NULL
#endif

const struct coder_isa coder_isa_riscv = {
    .mixed = mixed,
    .holds_code = holds_code,
    .reset = reset,
    .unit = unit,
    .move = move,
    .seen = seen,
#ifdef ESPOTA_CODER_ENCODER
    .mark_literals = mark_literals,
    .is_code = is_code,
#endif
    .guess = coder_riscv_guess,
    .target = coder_riscv_target,
};

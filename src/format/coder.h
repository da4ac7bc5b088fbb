/* Inside the coder: what the model of data and the models of instruction sets share. Format:
 * firmware/PROTOCOL.md, "Coded streams".
 *
 * Encoder and decoder are one source. A model reads what is to be coded from `actual`, hands it to a coding
 * function and goes on with what that returns; in the decoder `actual` is zeros, and the coding functions
 * return what was in the chunk. So a model must never decide by `actual`. */
#ifndef ESPOTA_FORMAT_CODER_H
#define ESPOTA_FORMAT_CODER_H

#include "espota/coder.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODER_BASE_SETS       16u  /* more of them where there is a base */
#define CODER_SETS            108u /* of weights; a symbol of more than four bits takes two */
#define CODER_STATES          126u
#define CODER_STATE_KNOWN     10u /* from here on: seen four times or more */
#define CODER_STATE_SURE      21u /* six times or more */
#define CODER_UNIT_MAX        8u  /* bytes of `actual` */
#define CODER_INSTRUCTION_MAX 4u
#define CODER_CONTEXTS        3u   /* of which the quick model takes two */
#define CODER_FLAGS           128u /* single adaptive probabilities */

/* Sets of weights and flags: the first for data, matches and frame, the rest for the instruction set. */
#define CODER_SET_DATA   0u
#define CODER_SET_MATCH  8u
#define CODER_SET_CODE   16u
#define CODER_FLAG_FRAME 0u
#define CODER_FLAG_MATCH 8u
#define CODER_FLAG_CODE  32u

struct coder;

/* What is to be coded, and, where the model is deep, what it is expected to be. */
struct coder_value {
    uint32_t actual;
#ifdef ESPOTA_CODER_DEEP_MODEL
    uint32_t expected;
#endif
};

/* A decoder does not know what is to be coded: it is not worked out. */
#ifdef ESPOTA_CODER_ENCODER
#define CODER_ACTUAL(actual) (actual)
#else
#define CODER_ACTUAL(actual) ((uint32_t)(0 * sizeof(actual)))
#endif
#ifdef ESPOTA_CODER_DEEP_MODEL
#define CODER_BOTH(actual, expected) ((struct coder_value){ CODER_ACTUAL(actual), (expected) })
#define CODER_FROM(here, f, value)                                                                           \
    CODER_BOTH((here) + f((value).actual), coder->deep != NULL ? (here) + f((value).expected) : 0)
#else
#define CODER_BOTH(actual, expected) ((struct coder_value){ CODER_ACTUAL(actual) })
#define CODER_FROM(here, f, value)   CODER_BOTH((here) + f((value).actual), )
#endif
#define CODER_EACH(f, value) CODER_FROM(0u, f, value)
struct coder_base; /* coder_base.h */
struct coder_guess;
struct coder_deep; /* coder_deep.h */

/* Where units are: the chain of segments of an image. */
struct coder_place {
    uint32_t offset;        /* of the sector within the image */
    uint32_t address;       /* of the next unit when the image runs, or 0 */
    uint32_t left;          /* bytes of the segment, or of what is coded as one, from here on */
    uint32_t segments_left; /* segments whose headers are still to come */
};

/* An instruction set. */
struct coder_isa {
    /* Of each set, which bits are mixed (coder_set.mixed); those that gain little by it are not. */
    const uint8_t *mixed;
    /* Does a segment at this address hold code? A hint: the encoder decides. */
    bool (*holds_code)(uint32_t address);
    /* Code begins, or goes on elsewhere: forget what came before. */
    void (*reset)(struct coder *coder);
    /* Code one unit of 1..6 bytes, at most place.left of them (at least 1), by coder_emit. */
    void (*unit)(struct coder *coder);
    /* An instruction that was at address `from`, at `to`: the same target, if it has one relative to itself.
     * @return its length, at most CODER_INSTRUCTION_MAX, of which it needs all. */
    unsigned (*move)(uint8_t instruction[CODER_INSTRUCTION_MAX], uint32_t from, uint32_t to);
    /* An instruction, `place` still at it, that is not coded by `unit`: it came before what is.
     * @return what tells it from others, its place apart. */
    uint32_t (*seen)(struct coder *coder, const uint8_t *instruction);
    /* Encoder alone: of `length` bytes of code loaded to `address`, set literals[i] where word i is data and
     * no instruction. */
    void (*mark_literals)(const uint8_t *code, uint32_t length, uint32_t address, uint8_t *literals);
    /* Encoder alone: is this a segment of code? NULL: its address says it. */
    bool (*is_code)(const uint8_t *bytes, uint32_t length);
    /* With a base: complete a guess, whose address, room and old bytes are there. */
    void (*guess)(struct coder *coder, struct coder_guess *guess);
    /* With a base: to what the unit that was guessed refers in the image, now that it is known and behind us;
     * 0: it is another one. */
    uint32_t (*target)(struct coder *coder, const struct coder_guess *guess, uint32_t word);
};

/* So many bytes are, but for targets, those that were `distance` bytes before. */
struct coder_match {
    uint32_t length, distance;
};

struct coder_data {
    uint32_t word; /* hash of the word of text that goes on */
};

/* Xtensa: see coder_xtensa.c */
struct coder_xtensa {
    uint32_t instruction[2];       /* the last ones, calls and l32r without their targets */
    uint32_t operation[3];         /* what they do, without operands */
    uint32_t destination[3];       /* the registers they set */
    uint32_t literal, literal_top; /* the last literal and the highest of them: word addresses */
    bool ended;                    /* nothing falls through to here */
    bool after_literal;
};

/* RISC-V: see coder_riscv.c */
struct coder_riscv {
    uint32_t operation[2];   /* what the last instructions do */
    uint32_t destination[2]; /* the registers that the last ones set */
};

/* Bits as they were coded, to be coded once more where another chunk begins: p << 1 | bit. */
struct coder_record {
    uint32_t *bit;
    size_t count, room; /* more than there is room for: it is of no use */
};

/* The encoder's half: where chunks are made, and what of. */
struct coder_sink {
    struct coder_record *record; /* NULL: none is kept */
    uint8_t *out;
    size_t size, capacity; /* bytes beyond the capacity are counted only */
    uint64_t low;
    size_t pending; /* bytes FF behind `held` that a carry would change */
    uint8_t held;
    bool holds;
};

/* What is known of a nibble at its place, whatever the contexts. */
struct coder_set {
    int16_t weight[4][2];
    uint8_t state[15];
    uint8_t mixed;       /* bit 0: the first two bits are mixed, bit 1: the others */
    uint16_t direct[16]; /* probabilities of bits that are not */
};

struct coder {
    /* arithmetic */
    uint32_t range, code;
    const uint8_t *next, *end;
    uint32_t beyond;                   /* zeros taken beyond the chunk's end */
    struct coder_sink *sink;           /* encoder alone, else NULL */
    void (*look)(struct coder *coder); /* encoder alone, else NULL: set actual, actual_... */
    void (*find)(struct coder *coder); /* the same: set actual_match */
    /* probabilities and weights */
    unsigned shift;                   /* of a hash */
    uint8_t *table;                   /* buckets: a check and three states */
    uint32_t context[CODER_CONTEXTS]; /* what the models set for the coding functions; 0: none */
    struct coder_deep *deep;          /* NULL: the model is the quick one */
    uint16_t squash[512];             /* probabilities; by 16ths of ln(p / (1 - p)), and 256 */
    uint16_t flag[CODER_FLAGS];
    /* what the encoder sets */
    uint8_t actual[CODER_UNIT_MAX];
    bool actual_literal, actual_code; /* is the word here a literal; does the segment hold code */
    struct coder_match actual_match;  /* length 0: none */
    /* what was coded lately, and is repeated: the last `windowed` bytes, in a ring */
    uint8_t *window;
    uint32_t window_size, windowed;
    uint32_t match_distance; /* of the last match */
    uint32_t match_past;     /* was there a match? The last time in bit 0 */
    /* where we are */
    const struct coder_isa *isa;
    const struct espota_coder_image *image;
    struct coder_base *base; /* NULL: none */
    bool hinted;             /* the next unit is one that was guessed wrong: */
    uint32_t hint;
    uint8_t *sector;
    uint32_t filled;              /* bytes of the sector that are there; more: `over` */
    uint8_t over[CODER_UNIT_MAX]; /* of the last unit, beyond the sector */
    struct coder_place place;
    uint8_t header[8]; /* of the segment that begins */
    bool code_here, in_header, mode_known;
    uint32_t before; /* the last four bytes; the latest on top */
    struct coder_data data;
    union {
        struct coder_xtensa xtensa;
        struct coder_riscv riscv;
    } of;
    struct coder_set set[]; /* CODER_SETS, with a base CODER_BASE_SETS more */
};

/* What is known of a bit, in a byte: how often it was seen, up to a point, and how probable a 1 is. 0: never
 * seen; they are sorted by how often. See coder_states.c. */
struct coder_state {
    int16_t stretch; /* sixteenths of ln(p / (1 - p)) */
    uint8_t next[2]; /* after a 0, after a 1 */
    uint8_t older;   /* seen one time less */
    uint8_t unused[3];
};

extern const struct coder_state coder_states[CODER_STATES];
extern const struct coder_isa coder_isa_xtensa, coder_isa_riscv;

/* Mix two values into a context. */
static inline uint32_t coder_hash(uint32_t a, uint32_t b)
{
    uint32_t h = (a ^ b * 0x9E3779B1u) * 0x85EBCA6Bu;
    return h ^ h >> 15;
}

/* `count` bits (2, 4, 6 or 8), highest first, with contexts context[0..inputs), the most telling second, and
 * a set; with more than four bits, that one for the first four, and the next for the rest. @return them. */
uint32_t coder_bits(struct coder *coder, struct coder_value value, unsigned count, unsigned set);
/* The contexts of what is coded next; 0: none. The third is for the deep model. */
static inline void coder_set_contexts(struct coder *coder, uint32_t first, uint32_t second, uint32_t third)
{
    coder->context[0] = first;
    coder->context[1] = second;
    coder->context[2] = third;
}
/* One bit by an adaptive probability of its own: quick. */
uint32_t coder_flag(struct coder *coder, uint32_t value, unsigned flag);
uint32_t coder_flag_at(struct coder *coder, uint32_t value, uint16_t *probability);
/* `count` bits, equally likely. */
uint32_t coder_plain(struct coder *coder, uint32_t value, unsigned count);
/* The next byte of the unit is known; or so many, in instructions. */
void coder_emit(struct coder *coder, uint32_t byte);
void coder_emit_word(struct coder *coder, uint32_t word, unsigned count);
/* Bytes that repeat earlier ones? @return false: not here. */
bool coder_match(struct coder *coder);
/* `unit`, which lies `distance` bytes before `here`, as it would be there. @return its length, at most
 * `most`. */
unsigned coder_match_unit(const struct coder *coder, uint8_t unit[CODER_INSTRUCTION_MAX], uint32_t distance,
                          uint32_t here, uint32_t most);
/* The byte `distance` before the next. */
static inline uint8_t coder_byte_back(const struct coder *coder, uint32_t distance)
{
    return coder->window[(coder->windowed - distance) & (coder->window_size - 1)];
}
/* Let others work. */
void coder_relax(struct coder *coder);
/* One byte of anything but code. */
void coder_data_byte(struct coder *coder);
void coder_data_byte_of(struct coder *coder, struct coder_value value);

/* Both directions: begin a stretch; a sector, whose chunk arithmetic has been begun. `actual_place` is where
 * the sector lies if it does not simply go on where the last coded one ended, else NULL (encoder alone). */
size_t coder_memory(unsigned table_log, bool with_base);
int coder_begin(struct coder *coder, size_t size, enum espota_isa isa, unsigned table_log, uint32_t offset,
                const struct espota_coder_image *image);
void coder_sector(struct coder *coder, uint8_t *sector, const struct coder_place *actual_place);

/* Arithmetic, encoder alone. */
void coder_encode_bit(struct coder *coder, uint32_t bit, uint32_t p);
void coder_encode_again(struct coder *coder, const struct coder_record *record);
void coder_encode_end(struct coder *coder);

#endif

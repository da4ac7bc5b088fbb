/* Inside the coder: the base, an image that is in flash already, and units that are predicted from it. */
#ifndef ESPOTA_FORMAT_CODER_BASE_H
#define ESPOTA_FORMAT_CODER_BASE_H

#include "coder.h"
#include "coder_map.h"

#define CODER_SEGMENTS    16u
#define CODER_LINE        256u /* bytes of flash that are read at once */
#define CODER_LINES       3u
#define CODER_WORDS       64u
#define CODER_MOVES       192u
#define CODER_VALUES      96u
#define CODER_VALUE_LIMIT 8192u /* of numbers that may move */
#define CODER_VALUE_KEYS  258u
#define CODER_KINDS       16u /* of units */
#define CODER_GUESS_FLAGS (CODER_KINDS * 32u)

struct coder_segment {
    uint32_t offset, length, address;
};

struct coder_segments {
    struct coder_segment at[CODER_SEGMENTS];
    uint32_t count;
};

/* What was at `from` is at `to`. Sorted by from. */
struct coder_move {
    uint32_t from, to;
};

/* A number that may be at byte `at` of a word, behind a byte `key`. */
struct coder_number {
    uint16_t key, was, now;
    uint8_t at;
};

struct coder_base {
    struct coder_segments old, new; /* of base and image */
    struct coder_map map;
    struct coder_block block; /* where we are, its length 0: in none */
    /* what the map did not know; `order` is that of their coming */
    struct coder_move move[CODER_MOVES];
    uint32_t order[CODER_MOVES];
    uint32_t moves, oldest;
    struct coder_move value[CODER_VALUES]; /* the same of small numbers */
    uint32_t values;
    struct coder_number considered[4]; /* in this word */
    uint32_t considerations;
    uint32_t rest_at; /* where in the base the other byte of a number is that began in the word before */
    uint8_t rest;     /* what that has become */
    uint8_t applies[CODER_VALUE_KEYS]; /* is it a number behind this byte? */
    uint16_t flag[CODER_GUESS_FLAGS], unchanged[CODER_KINDS];
    /* Few units are not as guessed: of a sector and of each piece of it a flag says whether all are. */
    bool quiet, sure, sector_sure;
    bool stays;            /* bytes are as they were, also where they refer to what has moved */
    uint32_t piece;        /* that was asked about last, counted from 1 */
    uint16_t sure_flag[3]; /* of sectors; of pieces, behind one that was not sure, or was */
    uint32_t hits;         /* whether guesses were right, the last in bit 0 */
    uint32_t slot[4];      /* of the map's last numbers */
    struct coder_move
        upper[32];      /* RISC-V: what lui or auipc left in a register, in base and image; from 0: nothing */
    bool begun, failed; /* segments are known; flash could not be read */
    uint16_t more[4];   /* of blocks, of chunks; again; sectors of a chunk */
    uint32_t sectors;   /* of this chunk, so far, if another follows; or 0 */
    /* encoder alone: pieces of the sector in which guesses will be wrong, a bit each; in which they were */
    uint32_t to_miss, missed;
    /* what was read: of the image, if `line_of` is odd, else of the base; 0: nothing */
    uint32_t line_of[CODER_LINES], line_next;
    uint8_t line[CODER_LINES][CODER_LINE];
    struct coder_word {
        uint32_t address, word; /* address 0: none */
    } old_word[CODER_WORDS], new_word[CODER_WORDS];
};

/* A unit of the base and what is likely to have become of it. */
struct coder_guess {
    uint32_t address;             /* of it in the base, or 0 */
    uint32_t offset;              /* in the base */
    uint32_t room;                /* bytes that it may have, at least 1 */
    uint8_t old[8];               /* its bytes and what follows */
    uint32_t length;              /* bytes of it, at most 4 */
    uint32_t was, word;           /* the same before and now, lowest byte first */
    uint32_t kind, quality;       /* 0..3: how sure */
    uint32_t target;              /* to what it refers, an address in the base, or a value; or 0 */
    bool is_instruction, is_part; /* part: bytes that are none */
    uint32_t sets; /* RISC-V: the register that it sets, if it may have been part of an address */
};

/* The map that the encoder has made; how much of it is coded. */
struct coder_map_source {
    uint8_t layout;                        /* ESPOTA_LAYOUT_... */
    const struct coder_segments *segments; /* of the image */
    const struct coder_move *value; /* numbers that move, sorted by from: those from there on by as much */
    uint32_t values;
    const struct coder_block *block;
    uint32_t blocks, done;
};

/* coder->base is memory for it, coder->image says what it is. @return 0, or -1. */
int coder_base_begin(struct coder *coder);
/* The segments of the base are known: what else is known before the map? @return 0, or -1. */
int coder_base_lay_out(struct coder *coder);
/* One chunk of the map, whose arithmetic has been begun. `source` is NULL in the decoder.
 * @return 1: more follows; 0: that was all; -1: malformed. */
int coder_base_map(struct coder *coder, struct coder_map_source *source);
/* A unit that is known from the base? @return false: there is no block here. */
bool coder_base_unit(struct coder *coder);

/* coder_values.c: before the first; a word of the base that is no address, behind byte `before`; what it has
 * become. */
void coder_values_begin(struct coder_base *base);
void coder_values_guess(struct coder_base *base, struct coder_guess *guess, uint8_t before);
void coder_values_learn(struct coder_base *base, uint32_t got);

/* A stretch is at a sector and a piece of it: is all there as guessed? */
#define CODER_PIECE 256u
/* Behind each sector: does this chunk hold another one? */
bool coder_base_goes_on(struct coder *coder, bool actual);

/* For the instruction sets: where an address of the base is now. @return it; *quality says how sure: 0..3. */
uint32_t coder_base_moved(struct coder *coder, uint32_t address, uint32_t *quality);
/* Might a word be an address of something that moves? */
bool coder_base_is_address(const struct coder *coder, uint32_t word);
/* Bytes of the base, zeros behind it. */
void coder_base_read_old(struct coder *coder, uint32_t offset, uint8_t *to, uint32_t length);
/* A word at an address of base or image; 0 where there is none. */
uint32_t coder_base_old_word(struct coder *coder, uint32_t address);
bool coder_base_new_word(struct coder *coder, uint32_t address, uint32_t *word);
/* `guess` is a word, an address or not. */
void coder_base_guess_word(struct coder *coder, struct coder_guess *guess);

/* Segments of an image of which `read` gives bytes; none where it is no image. */
int coder_segments_parse(struct coder_segments *segments, uint32_t length,
                         int (*read)(void *context, uint32_t offset, void *buffer, size_t length),
                         void *context);
/* @return false: it is in no segment. */
bool coder_segments_offset(const struct coder_segments *segments, uint32_t address, uint32_t *offset);
bool coder_segments_address(const struct coder_segments *segments, uint32_t offset, uint32_t *address);

#endif

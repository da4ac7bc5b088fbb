/** The image coder: rebuilds sectors of a firmware image from the chunks of a coded stream.
 *
 * A context-mixing coder that knows what firmware is made of: instructions of Xtensa or RISC-V, addresses,
 * words, text. Its state adapts from sector to sector. The format is specified in firmware/PROTOCOL.md,
 * "Coded streams"; the encoder is espota/encode.h.
 *
 * With a base, an image that is in flash already, a sector is rebuilt from what that has: a map, which comes
 * before the sectors, says where its parts have gone.
 *
 * Pure code: no allocation, no globals, integer arithmetic only, the same bits on every machine. Whatever a
 * chunk holds, a call ends, and writes to its memory and to the sector alone. firmware/ compiles it too, for
 * the instruction sets named by ESPOTA_CODER_XTENSA and ESPOTA_CODER_RISCV, and bases where ESPOTA_CODER_BASE
 * is defined. */
#ifndef ESPOTA_CODER_H
#define ESPOTA_CODER_H

#pragma GCC visibility push(default)

#include <stddef.h>
#include <stdint.h>

#define ESPOTA_CODER_SECTOR 4096u
/* log2 of the bytes of the context table */
#define ESPOTA_CODER_TABLE_MIN     13u
#define ESPOTA_CODER_TABLE_MAX     18u
#define ESPOTA_CODER_TABLE_DEFAULT 14u
/* Or'd to that: the deep model, which takes three times the time, and more memory, for some 6 % less bytes.
 */
#define ESPOTA_CODER_DEEP 0x80u

/* What decoding a byte takes, at the usual optimisation and table: instructions counted by QEMU
 * (tests/bench/instructions.sh, firmware/CODER.md), taken for a cycle each. */
#define ESPOTA_CODER_CYCLES_XTENSA 650u
#define ESPOTA_CODER_CYCLES_RISCV  720u
#define ESPOTA_CODER_CYCLES_DEEP   3100u

/* Streams (firmware/PROTOCOL.md) */
#define ESPOTA_STREAM_HEAD_SIZE 16u
#define ESPOTA_STREAM_RAW       0u
#define ESPOTA_STREAM_CODED     1u
/* Coded with a base. Such a stream has a head of its own: coder, instruction set and table, as others have
 * them; layout (1), ESPOTA_LAYOUT_...; offset and length of the stretch, and offset of the base in flash, in
 * sectors (2 each); length of the base (4); the first bytes of its SHA-256. */
#define ESPOTA_STREAM_BASED        2u
#define ESPOTA_BASED_HEAD_SIZE     30u
#define ESPOTA_BASED_LAYOUT        3u
#define ESPOTA_BASED_OFFSET        4u
#define ESPOTA_BASED_LENGTH        6u
#define ESPOTA_BASED_FLASH         8u
#define ESPOTA_BASED_BASE_LENGTH   10u
#define ESPOTA_BASED_SHA256        14u
#define ESPOTA_BASED_SHA256_LENGTH 16u
/* How an image comes of its base: few units are not as predicted; bytes are as they were, whatever they refer
 * to has moved; all that is in the base is where it was; the segments are those of the base. With the latter
 * two there is no map. */
#define ESPOTA_LAYOUT_QUIET    1u
#define ESPOTA_LAYOUT_STAYS    2u
#define ESPOTA_LAYOUT_IN_PLACE 4u
#define ESPOTA_LAYOUT_SEGMENTS 8u
#define ESPOTA_LAYOUT_UNMAPPED (ESPOTA_LAYOUT_IN_PLACE | ESPOTA_LAYOUT_SEGMENTS)
#define ESPOTA_LAYOUT_ALL      15u
/* Bits 15..14 of the word that begins a chunk; bits 13..0 are the length of a coded one, else 0. */
#define ESPOTA_CHUNK_CODED       0u
#define ESPOTA_CHUNK_STORED      1u
#define ESPOTA_CHUNK_FILL        2u
#define ESPOTA_CHUNK_COPY        3u
#define ESPOTA_CHUNK_LENGTH_MASK 0x3FFFu
/* Sectors in a coded chunk, at most, of a stream with a base; otherwise 1. */
#define ESPOTA_CHUNK_SECTORS 4096u

enum espota_isa {
    ESPOTA_ISA_NONE, /* data alone */
    ESPOTA_ISA_XTENSA,
    ESPOTA_ISA_RISCV,
};

/** What surrounds the decoder. The functions may be NULL where noted. */
struct espota_coder_image {
    void *context;
    /** Bytes of the image that lie before the sector being rebuilt; 0, or -1. Needed with a base, else it may
     * be NULL. */
    int (*read)(void *context, uint32_t offset, void *buffer, size_t length);
    /** Called after each instruction, byte of data or match that is rebuilt, and while beginning every
     * few thousand cycles; may be NULL. It must not call the decoder. */
    void (*relax)(void *context);
    /** Bytes of the base, all of them below base_length; 0, or -1. May be NULL without a base. */
    int (*read_base)(void *context, uint32_t offset, void *buffer, size_t length);
    uint32_t base_length; /* 0: no base */
    uint8_t layout;       /* with a base: ESPOTA_LAYOUT_... */
};

struct espota_decoder_ops {
    /** Bytes that it needs with a table of 2^table_log bytes; 0 where that is out of range. */
    size_t (*memory)(unsigned table_log);
    /** The same where there is a base; 0 also where this decoder takes none. */
    size_t (*memory_with_base)(unsigned table_log);
    /** Begin a stretch at `offset` (whole sectors) of the image. `memory`, of `size` bytes and aligned for
     * uint32_t, and `image` stay the caller's, and in use until the stretch ends.
     * @return 0; -1 where memory, table or instruction set cannot be used, or the base. */
    int (*begin)(void *memory, size_t size, enum espota_isa isa, unsigned table_log, uint32_t offset,
                 const struct espota_coder_image *image);
    /** With a base: take the next chunk of the map, all of which comes before the first sector; there is none
     * where the layout has all bits of ESPOTA_LAYOUT_UNMAPPED.
     * @return 1: more of it follows; 0: that was all; -1 where it is malformed, or the base cannot be read:
     * the stretch is over then. */
    int (*map)(void *memory, const uint8_t *chunk, size_t length);
    /** Rebuild the next sector from the `length` bytes of a chunk of kind coded. Sectors of other kinds are
     * not shown to the decoder.
     * @return 0; 1: the next sector comes in this chunk too, which has to stay, and is rebuilt by a call with
     * NULL and 0 (with a base alone, and at most ESPOTA_CHUNK_SECTORS of a chunk); -1 where it is malformed,
     * or base or image cannot be read: the sector's contents are then undefined, and the stretch is over.
     */
    int (*sector)(void *memory, const uint8_t *chunk, size_t length, uint8_t sector[ESPOTA_CODER_SECTOR]);
};

extern const struct espota_decoder_ops espota_decoder;

#pragma GCC visibility pop

#endif

/* Matches of the image coder: what is repeated travels once, and calls of one function are the same from
 * everywhere. */
#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/encode.h"
#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IMAGE_SIZE 65536u
#define CODE_AT    32u
#define TABLE      14u
#define BLOCK      40u /* instructions that are repeated */
#define BETWEEN    60u /* bytes between the repetitions */

/* A chip's instructions: how one that calls `target` looks at `address`, and one that does not. */
struct code {
    enum espota_isa isa;
    uint8_t chip;
    uint32_t address;
    unsigned length;
    uint32_t (*call)(uint32_t address, uint32_t target);
    uint32_t other;
};

static uint32_t xtensa_call8(uint32_t address, uint32_t target)
{
    return 0x25 | ((target >> 2) - (address >> 2) - 1) << 6;
}

static uint32_t jal_ra(uint32_t address, uint32_t target)
{
    uint32_t o = target - address;
    return 0xEF | (o >> 1 & 0x3FF) << 21 | (o >> 11 & 1) << 20 | (o >> 12 & 0xFF) << 12 | (o >> 20 & 1) << 31;
}

static const struct code riscv = { ESPOTA_ISA_RISCV, 5, 0x42000020, 4, jal_ra, 0x00000013 };
static const struct code xtensa = { ESPOTA_ISA_XTENSA, 0, 0x400D0020, 3, xtensa_call8, 0x800000 };

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void begin_image(const struct code *code, uint8_t image[IMAGE_SIZE])
{
    memset(image, 0, IMAGE_SIZE);
    image[0] = 0xE9;
    image[1] = 1;
    image[12] = code->chip;
    espota_put_le32(image + 24, code->address);
    espota_put_le32(image + 28, IMAGE_SIZE - CODE_AT);
}

/* Blocks of calls of always the same functions and a few instructions, with noise between them. */
static void fill_image(const struct code *code, uint8_t image[IMAGE_SIZE])
{
    uint32_t seed = 1, at = CODE_AT;
    begin_image(code, image);
    while (at + BETWEEN + BLOCK * 4 < IMAGE_SIZE) {
        for (unsigned i = 0; i < BETWEEN; i++)
            image[at++] = (uint8_t)next_random(&seed);
        espota_put_le16(image + (at & ~1u) - 2, 0x8082); /* ret: there is code here */
        at += code->length - at % code->length;
        for (unsigned i = 0; i < BLOCK; i++, at += code->length) {
            uint32_t here = code->address + at - CODE_AT, target = code->address + 4096 + i * 628;
            espota_put_le32(image + at, i % 2 == 0 ? code->call(here, target) : code->other + (i << 12));
        }
    }
}

static struct espota_bytes encoded(enum espota_isa isa, const uint8_t *image)
{
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    assert_int_equal(espota_encode(isa, TABLE, NULL, image, IMAGE_SIZE, 0, IMAGE_SIZE, &stream, &error), 0);
    return stream;
}

static void decode(enum espota_isa isa, const struct espota_bytes *stream, uint8_t image[IMAGE_SIZE])
{
    size_t size = espota_decoder.memory(TABLE), at = ESPOTA_STREAM_HEAD_SIZE;
    void *memory = malloc(size);
    assert_non_null(memory);
    assert_int_equal(espota_decoder.begin(memory, size, isa, TABLE, 0, NULL), 0);
    for (uint32_t offset = 0; offset < IMAGE_SIZE; offset += ESPOTA_CODER_SECTOR) {
        uint32_t word = espota_get_le16(stream->data + at), length = word & ESPOTA_CHUNK_LENGTH_MASK;
        if (word >> 14 == ESPOTA_CHUNK_COPY) {
            memcpy(image + offset, image + espota_get_le32(stream->data + at + 2), ESPOTA_CODER_SECTOR);
            at += 6;
            continue;
        }
        assert_int_equal(word >> 14, ESPOTA_CHUNK_CODED);
        assert_int_equal(espota_decoder.sector(memory, stream->data + at + 2, length, image + offset), 0);
        at += 2 + length;
    }
    assert_int_equal(at, stream->size);
    free(memory);
}

static void repeated_calls_travel_once(void **state)
{
    const struct code *code = *state;
    static uint8_t image[IMAGE_SIZE], rebuilt[IMAGE_SIZE];
    fill_image(code, image);
    struct espota_bytes stream = encoded(code->isa, image), as_data = encoded(ESPOTA_ISA_NONE, image);
    decode(code->isa, &stream, rebuilt);
    assert_memory_equal(rebuilt, image, IMAGE_SIZE);
    /* noise is 60 bytes of 180 or 220; as bytes, calls from different places differ */
    assert_true(stream.size < IMAGE_SIZE * 9 / 20);
    assert_true(as_data.size > stream.size * 6 / 5);
    espota_bytes_free(&stream);
    espota_bytes_free(&as_data);
}

/* Words that mean anything at all, in any order: all instructions, and halves of them. */
static void every_instruction_comes_back(void **state)
{
    const struct code *code = *state;
    static uint8_t image[IMAGE_SIZE], rebuilt[IMAGE_SIZE];
    uint32_t seed = 3, words[64];
    for (unsigned round = 0; round < 8; round++) {
        begin_image(code, image);
        for (unsigned i = 0; i < 64; i++)
            words[i] = next_random(&seed) << 16 ^ next_random(&seed);
        words[0] = 0x80828082;
        for (uint32_t at = CODE_AT; at + 4 <= IMAGE_SIZE; at += 2 + (round & 2))
            espota_put_le32(image + at, words[next_random(&seed) & 63]);
        struct espota_bytes stream = encoded(code->isa, image);
        decode(code->isa, &stream, rebuilt);
        assert_memory_equal(rebuilt, image, IMAGE_SIZE);
        espota_bytes_free(&stream);
    }
}

/* Whatever a chunk says, of lengths and distances too, the call ends; under the sanitizers it touches nothing
 * else. */
static void noise_in_a_chunk_does_no_harm(void **state)
{
    (void)state;
    uint32_t seed = 7;
    size_t size = espota_decoder.memory(ESPOTA_CODER_TABLE_MIN);
    void *memory = malloc(size);
    uint8_t *sector = malloc(ESPOTA_CODER_SECTOR);
    for (unsigned round = 0; round < 300; round++) {
        uint8_t chunk[64];
        for (size_t i = 0; i < sizeof chunk; i++)
            chunk[i] = (uint8_t)next_random(&seed);
        assert_int_equal(espota_decoder.begin(memory, size, round % 3, ESPOTA_CODER_TABLE_MIN, 0, NULL), 0);
        for (unsigned i = 0; i < 3; i++)
            (void)espota_decoder.sector(memory, chunk, i * 32, sector);
    }
    free(sector);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "repeated_calls_travel_once (Xtensa)", repeated_calls_travel_once, NULL, NULL,
          (void *)(uintptr_t)&xtensa },
        { "repeated_calls_travel_once (RISC-V)", repeated_calls_travel_once, NULL, NULL,
          (void *)(uintptr_t)&riscv },
        { "every_instruction_comes_back (Xtensa)", every_instruction_comes_back, NULL, NULL,
          (void *)(uintptr_t)&xtensa },
        { "every_instruction_comes_back (RISC-V)", every_instruction_comes_back, NULL, NULL,
          (void *)(uintptr_t)&riscv },
        cmocka_unit_test(noise_in_a_chunk_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

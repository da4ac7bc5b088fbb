/* The image coder: what is encoded comes back, from wherever a stretch begins; what is broken does no harm.
 */
#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/encode.h"
#include "fixtures/code_like.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECTOR  ESPOTA_CODER_SECTOR
#define SECTORS 12u
#define SIZE    (SECTORS * SECTOR)
#define DATA    5000u
#define CODE_AT (48u + DATA)
#define GUARD   64u
#define DEEP    ESPOTA_CODER_DEEP

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* ---- images of different kinds
 * --------------------------------------------------------------------------------- */
static void text(uint8_t *image)
{
    static const char words[] = "a firmware image is text too: messages, names, certificates, pages; ";
    for (uint32_t i = 0; i < SIZE; i++)
        image[i] = (uint8_t)words[(i + i / 7 * (i / 512)) % (sizeof words - 1)];
}

/* A header, a segment of data, an empty one, and one of code. */
static void make_image(uint8_t *image, uint32_t seed, uint32_t data_at, uint32_t code_at)
{
    text(image);
    memset(image, 0, 24);
    image[0] = 0xE9;
    image[1] = 3;
    espota_put_le32(image + 24, data_at);
    espota_put_le32(image + 28, DATA);
    espota_put_le32(image + 32 + DATA, data_at);
    espota_put_le32(image + 36 + DATA, 0);
    espota_put_le32(image + 40 + DATA, code_at);
    espota_put_le32(image + CODE_AT - 4, SIZE - CODE_AT - 100);
    code_like_fill(image + CODE_AT, SIZE - CODE_AT - 100, seed, code_at == 0x42000018);
}

static void xtensa(uint8_t *image)
{
    make_image(image, 1, 0x3F400020, 0x400D0018);
}

static void riscv(uint8_t *image)
{
    make_image(image, 2, 0x3C000020, 0x42000018);
}

static void noise(uint8_t *image)
{
    uint32_t seed = 3;
    for (uint32_t i = 0; i < SIZE; i++)
        image[i] = (uint8_t)next_random(&seed);
}

static void erased(uint8_t *image)
{
    memset(image, 0xFF, SIZE);
}

/* Code, a stored sector, a fill and a copy, and code that goes on behind them. */
static void mixture(uint8_t *image)
{
    uint32_t seed = 4;
    xtensa(image);
    for (uint32_t i = 0; i < SECTOR; i++)
        image[4 * SECTOR + i] = (uint8_t)next_random(&seed);
    memset(image + 6 * SECTOR, 0, SECTOR);
    memcpy(image + 8 * SECTOR, image + 3 * SECTOR, SECTOR);
}

/* A segment that says it is longer than the image, one that ends in the midst of a sector, and a second
 * image. */
static void strange_segments(uint8_t *image)
{
    xtensa(image);
    espota_put_le32(image + CODE_AT - 4, 0xFFFFFFF0);
    code_like_fill(image + 8 * SECTOR, 4 * SECTOR, 5, false);
    memcpy(image + 8 * SECTOR, image, 40);
    espota_put_le32(image + 8 * SECTOR + 28, SECTOR - 32 - 4);
    image[8 * SECTOR + 1] = 2;
}

struct kind {
    const char *name;
    void (*make)(uint8_t *image);
    enum espota_isa isa;
};

static const struct kind kinds[] = {
    { "Xtensa", xtensa, ESPOTA_ISA_XTENSA },
    { "Xtensa as data", xtensa, ESPOTA_ISA_NONE },
    { "RISC-V", riscv, ESPOTA_ISA_RISCV },
    { "RISC-V as Xtensa", riscv, ESPOTA_ISA_XTENSA },
    { "text", text, ESPOTA_ISA_RISCV },
    { "noise", noise, ESPOTA_ISA_XTENSA },
    { "erased", erased, ESPOTA_ISA_XTENSA },
    { "mixture", mixture, ESPOTA_ISA_XTENSA },
    { "strange", strange_segments, ESPOTA_ISA_XTENSA },
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* ---- decoding as an agent does
 * --------------------------------------------------------------------------------- */
struct decoding {
    const struct espota_bytes *stream;
    void *memory;
    size_t size, at;
    unsigned relaxed;
    uint8_t *image; /* in which sectors are rebuilt */
};

static void relax(void *context)
{
    ((struct decoding *)context)->relaxed++;
}

/* One chunk. @return 0, or -1 where it is malformed or cut off. */
static int decode_chunk(struct decoding *d, uint8_t *sector)
{
    const uint8_t *data = d->stream->data + d->at;
    size_t left = d->stream->size - d->at, length = 0;
    if (left < 2)
        return -1;
    unsigned kind = espota_get_le16(data) >> 14;
    static const size_t lengths[] = { 0, SECTOR, 1, 4 };
    length = kind == ESPOTA_CHUNK_CODED ? espota_get_le16(data) & ESPOTA_CHUNK_LENGTH_MASK : lengths[kind];
    if (left - 2 < length)
        return -1;
    d->at += 2 + length;
    if (kind == ESPOTA_CHUNK_CODED)
        return espota_decoder.sector(d->memory, data + 2, length, sector);
    if (kind == ESPOTA_CHUNK_STORED)
        memcpy(sector, data + 2, SECTOR);
    else if (kind == ESPOTA_CHUNK_FILL)
        memset(sector, data[2], SECTOR);
    else if (espota_get_le32(data + 2) <= SIZE - SECTOR)
        memmove(sector, d->image + espota_get_le32(data + 2), SECTOR);
    return 0;
}

/* @return 0; -1 where the stream is malformed. */
static int decode(const struct espota_bytes *stream, uint8_t *image)
{
    struct decoding d = { .stream = stream, .at = ESPOTA_STREAM_HEAD_SIZE, .image = image };
    struct espota_coder_image around = { .context = &d, .relax = relax };
    uint32_t offset = espota_get_le32(stream->data + 4), end = offset + espota_get_le32(stream->data + 8);
    d.size = espota_decoder.memory(stream->data[2]);
    d.memory = malloc(d.size);
    assert_non_null(d.memory);
    assert_int_equal(
        espota_decoder.begin(d.memory, d.size, stream->data[1], stream->data[2], offset, &around), 0);
    int bad = 0;
    for (uint32_t at = offset; at < end && bad == 0; at += SECTOR)
        bad = decode_chunk(&d, image + at);
    free(d.memory);
    return bad != 0 || d.at != stream->size ? -1 : 0;
}

static struct espota_bytes encode(enum espota_isa isa, unsigned table, const uint8_t *image, size_t size,
                                  uint32_t offset, uint32_t length)
{
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    assert_int_equal(espota_encode(isa, table, NULL, image, size, offset, length, &stream, &error), 0);
    return stream;
}

static void assert_comes_back(const struct kind *kind, unsigned table, uint32_t offset, uint32_t length)
{
    static uint8_t image[SIZE], rebuilt[SIZE];
    kind->make(image);
    memcpy(rebuilt, image, offset);
    struct espota_bytes stream = encode(kind->isa, table, image, SIZE, offset, length);
    if (decode(&stream, rebuilt) != 0 || memcmp(rebuilt, image, offset + length) != 0)
        fail_msg("%s, table %u, %u bytes from %u", kind->name, table, length, offset);
    espota_bytes_free(&stream);
}

/* ---- what comes back
 * ------------------------------------------------------------------------------------------- */
static void all_kinds_come_back_with_all_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++)
        for (unsigned table = ESPOTA_CODER_TABLE_MIN; table <= ESPOTA_CODER_TABLE_MAX; table++)
            for (unsigned deep = 0; deep <= DEEP; deep += DEEP)
                assert_comes_back(&kinds[i], table | deep, 0, SIZE);
}

static void a_stretch_begins_and_ends_at_any_sector(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++)
        for (uint32_t from = 1; from < SECTORS; from++)
            assert_comes_back(&kinds[i], 13 | (from % 2 ? DEEP : 0), from * SECTOR,
                              (SECTORS - from) * SECTOR);
    for (uint32_t count = 1; count < SECTORS; count++)
        assert_comes_back(&kinds[0], 13, SECTOR, count * SECTOR < SIZE - SECTOR ? count * SECTOR : SECTOR);
}

static void an_image_is_padded_with_ones(void **state)
{
    (void)state;
    static uint8_t image[SIZE], rebuilt[SIZE];
    xtensa(image);
    for (size_t size = 3 * SECTOR + 1; size < 4 * SECTOR; size += 977) {
        struct espota_bytes stream = encode(ESPOTA_ISA_XTENSA, 14, image, size, 0, 5 * SECTOR);
        assert_int_equal(decode(&stream, rebuilt), 0);
        assert_memory_equal(rebuilt, image, size);
        for (size_t i = size; i < 5 * SECTOR; i++)
            assert_int_equal(rebuilt[i], 0xFF);
        espota_bytes_free(&stream);
    }
}

static void sector_by_sector_makes_the_same_stream(void **state)
{
    (void)state;
    static uint8_t image[SIZE];
    mixture(image);
    struct espota_bytes whole = encode(ESPOTA_ISA_XTENSA, 15, image, SIZE, 0, SIZE), parts = { 0 };
    struct espota_encoder *encoder;
    struct espota_error error;
    assert_int_equal(
        espota_encoder_begin(&encoder, ESPOTA_ISA_XTENSA, 15, NULL, image, SIZE, 0, SIZE, &parts, &error), 0);
    for (unsigned i = 0; i < SECTORS; i++)
        assert_int_equal(espota_encoder_sector(encoder, &parts, &error), 1);
    assert_int_equal(espota_encoder_sector(encoder, &parts, &error), 0);
    espota_encoder_end(encoder);
    espota_encoder_end(NULL);
    assert_int_equal(parts.size, whole.size);
    assert_memory_equal(parts.data, whole.data, whole.size);
    espota_bytes_free(&parts);
    espota_bytes_free(&whole);
}

/* ---- how much it takes
 * ----------------------------------------------------------------------------------------- */
static size_t size_of(void (*make)(uint8_t *), enum espota_isa isa, unsigned table)
{
    static uint8_t image[SIZE];
    make(image);
    struct espota_bytes stream = encode(isa, table, image, SIZE, 0, SIZE);
    size_t size = stream.size;
    espota_bytes_free(&stream);
    return size;
}

static void what_cannot_shrink_hardly_grows(void **state)
{
    (void)state;
    assert_true(size_of(noise, ESPOTA_ISA_XTENSA, 14) == ESPOTA_STREAM_HEAD_SIZE + SECTORS * (SECTOR + 2));
    assert_true(size_of(erased, ESPOTA_ISA_XTENSA, 14) == ESPOTA_STREAM_HEAD_SIZE + SECTORS * 3);
}

static void fills_and_copies_are_found(void **state)
{
    (void)state;
    size_t plain = size_of(xtensa, ESPOTA_ISA_XTENSA, 14), mixed = size_of(mixture, ESPOTA_ISA_XTENSA, 14);
    /* a stored sector instead of a coded one, a fill and a copy instead of two */
    assert_true(mixed < plain + SECTOR - plain / SECTORS * 2);
}

/* ---- what is wrong
 * --------------------------------------------------------------------------------------------- */
static void arguments_out_of_range_are_refused(void **state)
{
    (void)state;
    static uint8_t image[SIZE];
    static uint32_t memory[100000];
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    assert_int_equal(espota_encode(ESPOTA_ISA_NONE, 12, NULL, image, SIZE, 0, SIZE, &stream, &error),
                     ESPOTA_ERR_USAGE);
    assert_int_equal(espota_encode(ESPOTA_ISA_NONE, 19, NULL, image, SIZE, 0, SIZE, &stream, &error),
                     ESPOTA_ERR_USAGE);
    assert_int_equal(espota_encode((enum espota_isa)3, 14, NULL, image, SIZE, 0, SIZE, &stream, &error),
                     ESPOTA_ERR_USAGE);
    assert_int_equal(espota_encode(ESPOTA_ISA_NONE, 14, NULL, image, SIZE, 1, SECTOR, &stream, &error),
                     ESPOTA_ERR_USAGE);
    assert_int_equal(espota_encode(ESPOTA_ISA_NONE, 14, NULL, image, SIZE, 0, 100, &stream, &error),
                     ESPOTA_ERR_USAGE);
    assert_int_equal(stream.size, 0);
    assert_int_equal(espota_decoder.memory(12), 0);
    assert_int_equal(espota_decoder.memory(19), 0);
    assert_int_equal(espota_decoder.memory(12 | DEEP), 0);
    assert_int_equal(espota_decoder.memory(19 | DEEP), 0);
    size_t size = espota_decoder.memory(14);
    assert_int_equal(espota_decoder.begin(memory, size - 1, ESPOTA_ISA_NONE, 14, 0, NULL), -1);
    assert_int_equal(espota_decoder.begin(memory, size, (enum espota_isa)3, 14, 0, NULL), -1);
    assert_int_equal(espota_decoder.begin(memory, sizeof memory, ESPOTA_ISA_NONE, 255, 0, NULL), -1);
    assert_int_equal(espota_decoder.begin(memory, size, ESPOTA_ISA_NONE, 14, 0, NULL), 0);
    assert_int_equal(espota_decoder.begin(memory, size, ESPOTA_ISA_NONE, 14 | DEEP, 0, NULL), -1);
    size = espota_decoder.memory(14 | DEEP);
    assert_int_equal(espota_decoder.begin(memory, size - 1, ESPOTA_ISA_NONE, 14 | DEEP, 0, NULL), -1);
    assert_int_equal(espota_decoder.begin(memory, size, ESPOTA_ISA_NONE, 14 | DEEP, 0, NULL), 0);
}

/* The decoder's memory and its sector, each with bytes behind it that must stay as they are. */
struct guarded {
    uint8_t *memory, *sector;
    size_t size;
};

static struct guarded guarded_new(unsigned table)
{
    struct guarded g = { .size = espota_decoder.memory(table) };
    g.memory = malloc(g.size + GUARD);
    g.sector = malloc(SECTOR + GUARD);
    assert_non_null(g.memory);
    assert_non_null(g.sector);
    memset(g.memory + g.size, 0xA5, GUARD);
    memset(g.sector + SECTOR, 0xA5, GUARD);
    return g;
}

static void guarded_end(struct guarded *g)
{
    for (unsigned i = 0; i < GUARD; i++) {
        assert_int_equal(g->memory[g->size + i], 0xA5);
        assert_int_equal(g->sector[SECTOR + i], 0xA5);
    }
    free(g->memory);
    free(g->sector);
}

/* All sectors of a stream of coded chunks, of which one is changed. */
static void decode_damaged(const struct espota_bytes *stream, struct guarded *g, size_t chunk_at,
                           size_t length)
{
    (void)espota_decoder.begin(g->memory, g->size, stream->data[1], stream->data[2], 0, NULL);
    for (size_t at = ESPOTA_STREAM_HEAD_SIZE; at < stream->size;) {
        size_t whole = espota_get_le16(stream->data + at) & ESPOTA_CHUNK_LENGTH_MASK;
        uint8_t *exact = malloc(whole + 1);
        assert_non_null(exact);
        memcpy(exact, stream->data + at + 2, whole);
        (void)espota_decoder.sector(g->memory, exact, at == chunk_at ? length : whole, g->sector);
        free(exact);
        at += 2 + whole;
    }
}

/* After either the decoder goes on with the chunks that follow: an agent does not, but nothing may happen
 * then either. */
static void damage_everywhere(const struct kind *kind, unsigned table)
{
    static uint8_t image[SIZE];
    kind->make(image);
    struct espota_bytes stream = encode(kind->isa, table, image, SIZE, 0, 2 * SECTOR);
    struct guarded g = guarded_new(table);
    size_t first = ESPOTA_STREAM_HEAD_SIZE, length = espota_get_le16(stream.data + first);
    assert_true(length < SECTOR);
    for (size_t cut = 0; cut < length; cut += 7)
        decode_damaged(&stream, &g, first, cut);
    for (size_t bit = 0; bit < 8 * length; bit += bit < 256 ? 1 : 61) {
        stream.data[first + 2 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        decode_damaged(&stream, &g, first, length);
        stream.data[first + 2 + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    guarded_end(&g);
    espota_bytes_free(&stream);
}

static void every_truncation_and_bit_flip_is_harmless(void **state)
{
    damage_everywhere(*state, 13);
    damage_everywhere(*state, 13 | DEEP);
}

static void a_chunk_that_ends_early_or_late_is_malformed(void **state)
{
    (void)state;
    static uint8_t image[SIZE], sector[SECTOR], chunk[SECTOR + 16];
    text(image);
    struct espota_bytes stream = encode(ESPOTA_ISA_NONE, 13, image, SIZE, 0, SECTOR);
    size_t length = stream.size - ESPOTA_STREAM_HEAD_SIZE - 2;
    struct guarded g = guarded_new(13);
    memcpy(chunk, stream.data + ESPOTA_STREAM_HEAD_SIZE + 2, length);
    for (size_t size = 0; size < length + 16; size += size + 8 < length ? 13 : 1) {
        (void)espota_decoder.begin(g.memory, g.size, ESPOTA_ISA_NONE, 13, 0, NULL);
        int bad = espota_decoder.sector(g.memory, chunk, size, sector);
        if (size == length)
            assert_int_equal(bad, 0);
        else if (size + 5 <= length || size > length + 4)
            assert_int_equal(bad, -1);
    }
    guarded_end(&g);
    espota_bytes_free(&stream);
}

static void the_decoder_relaxes_every_few_bytes(void **state)
{
    (void)state;
    static uint8_t image[SIZE], sector[SECTOR];
    struct decoding d = { 0 };
    struct espota_coder_image around = { .context = &d, .relax = relax };
    xtensa(image);
    struct espota_bytes stream = encode(ESPOTA_ISA_XTENSA, 13, image, SIZE, 0, SECTOR);
    struct guarded g = guarded_new(13);
    assert_int_equal(espota_decoder.begin(g.memory, g.size, ESPOTA_ISA_XTENSA, 13, 0, &around), 0);
    size_t length = stream.size - ESPOTA_STREAM_HEAD_SIZE - 2;
    assert_int_equal(
        espota_decoder.sector(g.memory, stream.data + ESPOTA_STREAM_HEAD_SIZE + 2, length, sector), 0);
    assert_true(d.relaxed >= SECTOR / 32);
    guarded_end(&g);
    espota_bytes_free(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_come_back_with_all_tables),
        cmocka_unit_test(a_stretch_begins_and_ends_at_any_sector),
        cmocka_unit_test(an_image_is_padded_with_ones),
        cmocka_unit_test(sector_by_sector_makes_the_same_stream),
        cmocka_unit_test(what_cannot_shrink_hardly_grows),
        cmocka_unit_test(fills_and_copies_are_found),
        cmocka_unit_test(arguments_out_of_range_are_refused),
        { "every_truncation_and_bit_flip_is_harmless (Xtensa)", every_truncation_and_bit_flip_is_harmless,
          NULL, NULL, (void *)(uintptr_t)&kinds[0] },
        { "every_truncation_and_bit_flip_is_harmless (RISC-V)", every_truncation_and_bit_flip_is_harmless,
          NULL, NULL, (void *)(uintptr_t)&kinds[2] },
        cmocka_unit_test(a_chunk_that_ends_early_or_late_is_malformed),
        cmocka_unit_test(the_decoder_relaxes_every_few_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

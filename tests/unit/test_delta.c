/* Images made from a base: what is encoded with one comes back, from every sector on. */
#include "fixtures/code_like.h"
#include "fixtures/decoded_stream.h"

#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/encode.h"
#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECTOR ESPOTA_CODER_SECTOR
#define SIZE   (8 * SECTOR)
#define TABLE  ESPOTA_CODER_TABLE_DEFAULT

static struct espota_bytes encoded(enum espota_isa isa, const struct espota_bytes *old, const uint8_t *image,
                                   uint32_t from)
{
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    struct espota_base *base;
    assert_int_equal(espota_base_new(&base, isa, old->data, old->size, image, SIZE, &error), 0);
    assert_int_equal(espota_encode(isa, TABLE, base, image, SIZE, from, SIZE - from, &stream, &error), 0);
    espota_base_free(base);
    return stream;
}

static void what_is_encoded_with_a_base_comes_back_from_every_sector_on(void **state)
{
    enum espota_isa isa = *(const enum espota_isa *)*state;
    static uint8_t old[SIZE], image[SIZE], rebuilt[SIZE];
    struct espota_bytes base = { .data = old, .size = SIZE };
    code_like_fill(old, SIZE, 1, isa == ESPOTA_ISA_RISCV);
    memcpy(image, old, SIZE);
    code_like_fill(image + 3 * SECTOR, SECTOR, 2, isa == ESPOTA_ISA_RISCV);
    for (uint32_t from = 0; from < SIZE; from += SECTOR) {
        struct espota_bytes stream = encoded(isa, &base, image, from);
        memset(rebuilt, 0, SIZE);
        memcpy(rebuilt, image, from);
        assert_int_equal(decode_stream(&stream, &base, rebuilt, SIZE), 0);
        assert_memory_equal(rebuilt, image, SIZE);
        espota_bytes_free(&stream);
    }
}

/* ---- firmware built twice
 * -------------------------------------------------------------------------------------------- */
enum { FUNCTIONS = 160, FIRMWARE = 32 * SECTOR };

struct firmware {
    uint8_t *bytes;
    uint32_t function[FUNCTIONS]; /* addresses */
    uint32_t at, seed;
    bool riscv;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void put(struct firmware *f, uint32_t word, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        f->bytes[f->at++] = (uint8_t)(word >> 8 * i);
}

static uint32_t address(const struct firmware *f)
{
    return (f->riscv ? 0x42000020u : 0x400D0020u) + f->at - 32;
}

static void put_call(struct firmware *f, uint32_t target)
{
    uint32_t o = target - address(f);
    if (f->riscv)
        put(f,
            0xEF | (o >> 1 & 0x3FF) << 21 | (o >> 11 & 1) << 20 | (o >> 12 & 0xFF) << 12 |
                (o >> 20 & 1) << 31,
            4);
    else
        put(f, (0x25 | ((target >> 2) - (address(f) >> 2) - 1) << 6) & 0xFFFFFF, 3);
}

/* A function that is the same in each build but for whom it calls: its instructions come from its number. */
static void put_function(struct firmware *f, unsigned number)
{
    uint32_t seed = number * 977 + 5;
    while (f->at % 4 != 0)
        put(f, 0, 1);
    f->function[number] = address(f);
    put(f, f->riscv ? 0x1101 : 0x004136, f->riscv ? 2 : 3);
    for (unsigned i = 0; i < 60; i++) {
        uint32_t random = next_random(&seed);
        if (i % 4 == 3)
            put_call(f, f->function[random % FUNCTIONS]);
        else if (f->riscv)
            put(f, (random & 0xFFFF8F80u) << 8 | 0x13, 4);
        else
            put(f, (random & 0xFFF) << 12 | 0xA02 | (random & 0xF0), 3);
    }
    put(f, f->riscv ? 0x8082 : 0xF01D, 2);
}

/* `moved` functions come first, of `extra` bytes more each. Twice: then all addresses are known. */
static void build_firmware(struct firmware *f, unsigned moved)
{
    for (int pass = 0; pass < 2; pass++) {
        memset(f->bytes, 0, FIRMWARE);
        f->bytes[0] = 0xE9;
        f->bytes[1] = 1;
        f->bytes[12] = f->riscv ? 5 : 0;
        espota_put_le32(f->bytes + 24, f->riscv ? 0x42000020 : 0x400D0020);
        espota_put_le32(f->bytes + 28, FIRMWARE - 32);
        f->at = 32;
        for (unsigned i = 0; i < FUNCTIONS; i++)
            put_function(f, (i * 7 + moved * 3) % FUNCTIONS);
    }
}

static struct espota_bytes patch(const struct firmware *old, const struct firmware *new, uint32_t from)
{
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    struct espota_base *base;
    enum espota_isa isa = new->riscv ? ESPOTA_ISA_RISCV : ESPOTA_ISA_XTENSA;
    assert_int_equal(espota_base_new(&base, isa, old->bytes, FIRMWARE, new->bytes, FIRMWARE, &error), 0);
    assert_true(espota_base_helps(base));
    assert_int_equal(
        espota_encode(isa, TABLE, base, new->bytes, FIRMWARE, from, FIRMWARE - from, &stream, &error), 0);
    espota_base_free(base);
    return stream;
}

static void functions_that_moved_cost_little(void **state)
{
    static uint8_t before[FIRMWARE], after[FIRMWARE], rebuilt[FIRMWARE];
    struct firmware old = { .bytes = before, .riscv = *state != NULL },
                    new = { .bytes = after, .riscv = *state != NULL };
    struct espota_bytes base = { .data = before, .size = FIRMWARE };
    build_firmware(&old, 0);
    build_firmware(&new, 1);
    for (uint32_t from = 0; from < FIRMWARE; from += 5 * SECTOR) {
        struct espota_bytes stream = patch(&old, &new, from);
        memset(rebuilt, 0, sizeof rebuilt);
        memcpy(rebuilt, after, from);
        assert_int_equal(decode_stream(&stream, &base, rebuilt, FIRMWARE), 0);
        assert_memory_equal(rebuilt, after, FIRMWARE);
        /* every function is elsewhere, and with it every call: where they are takes a few bytes each */
        assert_true(stream.size < FUNCTIONS * 12);
        espota_bytes_free(&stream);
    }
}

static void the_same_image_costs_next_to_nothing(void **state)
{
    static uint8_t bytes[FIRMWARE], rebuilt[FIRMWARE];
    struct firmware f = { .bytes = bytes, .riscv = *state != NULL };
    struct espota_bytes base = { .data = bytes, .size = FIRMWARE };
    build_firmware(&f, 0);
    struct espota_bytes stream = patch(&f, &f, 0);
    assert_int_equal(decode_stream(&stream, &base, rebuilt, FIRMWARE), 0);
    assert_memory_equal(rebuilt, bytes, FIRMWARE);
    assert_true(stream.size < 200);
    espota_bytes_free(&stream);
}

/* One segment of code in a style that firmware has, and nothing of other seeds. */
static void make_strange(uint8_t *image, size_t size, uint32_t seed, bool riscv)
{
    memset(image, 0, 32);
    image[0] = 0xE9;
    image[1] = 1;
    image[12] = riscv ? 5 : 0;
    espota_put_le32(image + 24, riscv ? 0x42000020 : 0x400D0020);
    espota_put_le32(image + 28, (uint32_t)size - 32);
    code_like_fill(image + 32, size - 32, seed, riscv);
}

static size_t size_with(enum espota_isa isa, const uint8_t *old, const uint8_t *image, uint32_t size)
{
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    struct espota_base *base = NULL;
    if (old != NULL)
        assert_int_equal(espota_base_new(&base, isa, old, size, image, size, &error), 0);
    assert_int_equal(espota_encode(isa, TABLE, base, image, size, 0, size, &stream, &error), 0);
    espota_base_free(base);
    size_t made = stream.size;
    espota_bytes_free(&stream);
    return made;
}

static void a_base_with_nothing_in_common_costs_nothing(void **state)
{
    enum { MOST = 100 * SECTOR, FEW_BYTES = 16 };
    enum espota_isa isa = *(const enum espota_isa *)*state;
    static uint8_t old[MOST], image[MOST];
    static const uint32_t sizes[] = { SECTOR, 8 * SECTOR, 30 * SECTOR, MOST };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        make_strange(old, sizes[i], 1, isa == ESPOTA_ISA_RISCV);
        make_strange(image, sizes[i], 2, isa == ESPOTA_ISA_RISCV);
        size_t with = size_with(isa, old, image, sizes[i]), without = size_with(isa, NULL, image, sizes[i]);
        if (with > without + FEW_BYTES)
            fail_msg("%u bytes: %zu with a base, %zu without", sizes[i], with, without);
    }
}

/* It is next to nothing by itself: what tells it from its base, which is the same with other changes, may be
 * more. */
static void a_base_of_an_image_that_repeats_itself_costs_nothing(void **state)
{
    enum { MOST = 100 * SECTOR, PERIOD = 300, EVERY = 120 };
    static uint8_t image[2][MOST];
    uint32_t seed = 7;
    (void)state;
    for (unsigned which = 0; which < 2; which++) {
        for (size_t i = 0; i < MOST; i++)
            image[which][i] = i < PERIOD ? (uint8_t)(i * i * 31 >> 4) : image[which][i - PERIOD];
        for (size_t i = PERIOD; i + EVERY < MOST; i += EVERY)
            image[which][i + next_random(&seed) % EVERY] ^= (uint8_t)(1 + next_random(&seed) % 255);
    }
    size_t with = size_with(ESPOTA_ISA_NONE, image[0], image[1], MOST),
           without = size_with(ESPOTA_ISA_NONE, NULL, image[1], MOST);
    if (with > without)
        fail_msg("%zu with a base, %zu without", with, without);
}

/* ---- images that differ in little
 * ------------------------------------------------------------------------------------- */
enum { DIGEST = 32, LONG = 300 * SECTOR };

/* An image of `length` bytes, its one segment that much less what frames it; the last bytes are a digest.
 */
static void make_image(uint8_t *bytes, uint32_t length, bool riscv)
{
    code_like_fill(bytes, length, 9, riscv);
    memset(bytes, 0, 32);
    bytes[0] = 0xE9;
    bytes[1] = 1;
    bytes[12] = riscv ? 5 : 0;
    espota_put_le32(bytes + 24, riscv ? 0x42000020 : 0x400D0020);
    espota_put_le32(bytes + 28, length - 32 - 16 - DIGEST);
}

static void new_digest(uint8_t *bytes, uint32_t length)
{
    uint32_t seed = length;
    for (uint32_t i = 1; i <= DIGEST; i++)
        bytes[length - i] = (uint8_t)next_random(&seed);
}

/* What travels of it, rebuilt and compared. */
static size_t travels(const uint8_t *old, uint32_t old_length, const uint8_t *new, uint32_t new_length,
                      bool riscv)
{
    struct espota_bytes base = { .data = (uint8_t *)(uintptr_t)old, .size = old_length }, stream = { 0 };
    enum espota_isa isa = riscv ? ESPOTA_ISA_RISCV : ESPOTA_ISA_XTENSA;
    struct espota_base *prepared;
    struct espota_error error;
    uint32_t whole = (new_length + SECTOR - 1) / SECTOR * SECTOR;
    uint8_t *rebuilt = calloc(1, new_length);
    assert_non_null(rebuilt);
    assert_int_equal(espota_base_new(&prepared, isa, old, old_length, new, new_length, &error), 0);
    assert_int_equal(espota_encode(isa, TABLE, prepared, new, new_length, 0, whole, &stream, &error), 0);
    assert_int_equal(decode_stream(&stream, &base, rebuilt, new_length), 0);
    assert_memory_equal(rebuilt, new, new_length);
    size_t size = stream.size;
    espota_base_free(prepared);
    espota_bytes_free(&stream);
    free(rebuilt);
    return size;
}

#define VERSION "1.2.4-rc3, Nov 26 2026 11:22:33"

static void check_tiny(uint32_t length, bool riscv)
{
    static uint8_t old[LONG], new[LONG + 64];
    make_image(old, length, riscv);
    memcpy(new, old, length);
    assert_true(travels(old, length, new, length, riscv) <= 40); /* the same */
    new_digest(new, length);
    assert_true(travels(old, length, new, length, riscv) <= 40 + DIGEST + 8);
    new[length / 2] ^= 1; /* a byte besides, which comes with its instruction */
    assert_true(travels(old, length, new, length, riscv) <= 40 + DIGEST + 20);
    for (size_t i = 0; i < sizeof VERSION - 1; i++)
        new[100 + i] = (uint8_t)VERSION[i];
    assert_true(travels(old, length, new, length, riscv) <= 40 + DIGEST + (sizeof VERSION - 1) + 30);
    /* longer, by eight bytes at the end of its segment */
    memcpy(new, old, length - 16 - DIGEST);
    memset(new + length - 16 - DIGEST, 0x5A, 24);
    espota_put_le32(new + 28, length - 32 - 16 - DIGEST + 8);
    new_digest(new, length + 8);
    assert_true(travels(old, length, new, length + 8, riscv) <= 40 + DIGEST + 8 + 30);
}

/* In all of these, detools' hdiffpatch with LZMA takes 52 to 170 bytes. */
static void little_changes_are_tiny_patches(void **state)
{
    check_tiny(5 * SECTOR + 1234, *state != NULL);
    check_tiny(LONG - 2000, *state != NULL);
    check_tiny(LONG, *state != NULL); /* no padding */
}

/* Bytes were put in, and nothing that refers to what is behind them was told. */
static void what_moved_and_is_not_referred_to_anew_is_a_tiny_patch(void **state)
{
    static uint8_t old[LONG], new[LONG];
    const uint32_t length = LONG - 5000, at = 3000;
    make_image(old, length, *state != NULL);
    memcpy(new, old, at);
    memset(new + at, 'h', 12);
    memcpy(new + at + 12, old + at, length - at);
    espota_put_le32(new + 28, length - 32 - 16 - DIGEST + 12);
    new_digest(new, length + 12);
    assert_true(travels(old, length, new, length + 12, *state != NULL) <= 40 + DIGEST + 12 + 50);
}

/* ---- what is wrong
 * --------------------------------------------------------------------------------------------------- */
static void another_base_is_told(void **state)
{
    static uint8_t before[FIRMWARE], after[FIRMWARE], rebuilt[FIRMWARE];
    struct firmware old = { .bytes = before }, new = { .bytes = after };
    struct espota_bytes base = { .data = before, .size = FIRMWARE };
    (void)state;
    build_firmware(&old, 0);
    build_firmware(&new, 1);
    struct espota_bytes stream = patch(&old, &new, 0);
    assert_int_equal(stream.data[0], ESPOTA_STREAM_BASED);
    espota_stream_set_base(stream.data, stream.size, 0x110000);
    assert_int_equal(espota_get_le16(stream.data + ESPOTA_BASED_FLASH), 0x110);
    before[9000] ^= 1;
    assert_int_equal(decode_stream(&stream, &base, rebuilt, FIRMWARE), -1);
    espota_bytes_free(&stream);
}

struct reading {
    const uint8_t *base;
    uint32_t length, failing; /* reads from here on fail */
};

static int read_either(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct reading *r = context;
    if (offset > r->length || length > r->length - offset || offset >= r->failing)
        return -1;
    memcpy(buffer, r->base + offset, length);
    return 0;
}

/* Any bytes may come as map and chunks: nothing outside memory, sector and base is touched, and all ends.
 */
static void hostile_maps_and_chunks_do_no_harm(void **state)
{
    static uint8_t old[4 * SECTOR];
    uint8_t chunk[600], sector[SECTOR];
    uint32_t seed = 7;
    (void)state;
    code_like_fill(old, sizeof old, 3, false);
    struct reading reading = { old, sizeof old, UINT32_MAX };
    struct espota_coder_image around = {
        .context = &reading, .read = read_either, .read_base = read_either, .base_length = sizeof old
    };
    size_t size = espota_decoder.memory_with_base(ESPOTA_CODER_TABLE_MIN);
    void *memory = malloc(size);
    assert_non_null(memory);
    for (unsigned round = 0; round < 300; round++) {
        enum espota_isa isa = (enum espota_isa)(round % 3);
        around.layout = (uint8_t)(next_random(&seed) & ESPOTA_LAYOUT_ALL);
        assert_int_equal(espota_decoder.begin(memory, size, isa, ESPOTA_CODER_TABLE_MIN, 0, &around), 0);
        for (size_t i = 0; i < sizeof chunk; i++)
            chunk[i] = round % 2 != 0 ? (uint8_t)next_random(&seed) : (uint8_t)(next_random(&seed) & 3);
        (void)espota_decoder.map(memory, chunk, 1 + next_random(&seed) % sizeof chunk);
        int result = espota_decoder.sector(memory, chunk, sizeof chunk, sector);
        for (unsigned i = 0; i < ESPOTA_CHUNK_SECTORS && result == 1; i++)
            result = espota_decoder.sector(memory, NULL, 0, sector);
        assert_true(result <= 0);
    }
    free(memory);
}

static void a_base_that_cannot_be_read_ends_the_stretch(void **state)
{
    static uint8_t before[FIRMWARE], after[FIRMWARE];
    struct firmware old = { .bytes = before }, new = { .bytes = after };
    uint8_t sector[SECTOR];
    (void)state;
    build_firmware(&old, 0);
    build_firmware(&new, 1);
    struct espota_bytes stream = patch(&old, &new, 0);
    struct reading reading = { before, FIRMWARE, 64 };
    struct espota_coder_image around = { .context = &reading,
                                         .read = read_either,
                                         .read_base = read_either,
                                         .base_length = FIRMWARE,
                                         .layout = stream.data[ESPOTA_BASED_LAYOUT] };
    size_t size = espota_decoder.memory_with_base(TABLE);
    void *memory = malloc(size);
    assert_non_null(memory);
    assert_int_equal(espota_decoder.begin(memory, size - 1, ESPOTA_ISA_XTENSA, TABLE, 0, &around), -1);
    assert_int_equal(espota_decoder.begin(memory, size, ESPOTA_ISA_XTENSA, TABLE, 0, &around), 0);
    const uint8_t *at = stream.data + ESPOTA_BASED_HEAD_SIZE;
    assert_int_equal(espota_decoder.map(memory, at + 2, espota_get_le16(at)), 0);
    at += 2 + espota_get_le16(at);
    assert_int_equal(espota_decoder.sector(memory, at + 2, espota_get_le16(at), sector), -1);
    assert_int_equal(espota_decoder.sector(memory, NULL, 0, sector), -1);
    free(memory);
    espota_bytes_free(&stream);
}

int main(void)
{
    static enum espota_isa none = ESPOTA_ISA_NONE, xtensa = ESPOTA_ISA_XTENSA, riscv = ESPOTA_ISA_RISCV;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(what_is_encoded_with_a_base_comes_back_from_every_sector_on, &none),
        cmocka_unit_test_prestate(what_is_encoded_with_a_base_comes_back_from_every_sector_on, &xtensa),
        cmocka_unit_test_prestate(what_is_encoded_with_a_base_comes_back_from_every_sector_on, &riscv),
        cmocka_unit_test_prestate(functions_that_moved_cost_little, NULL),
        cmocka_unit_test_prestate(functions_that_moved_cost_little, &riscv),
        cmocka_unit_test_prestate(the_same_image_costs_next_to_nothing, NULL),
        cmocka_unit_test_prestate(the_same_image_costs_next_to_nothing, &riscv),
        cmocka_unit_test_prestate(a_base_with_nothing_in_common_costs_nothing, &xtensa),
        cmocka_unit_test_prestate(a_base_with_nothing_in_common_costs_nothing, &riscv),
        cmocka_unit_test(a_base_of_an_image_that_repeats_itself_costs_nothing),
        cmocka_unit_test_prestate(little_changes_are_tiny_patches, NULL),
        cmocka_unit_test_prestate(little_changes_are_tiny_patches, &riscv),
        cmocka_unit_test_prestate(what_moved_and_is_not_referred_to_anew_is_a_tiny_patch, NULL),
        cmocka_unit_test_prestate(what_moved_and_is_not_referred_to_anew_is_a_tiny_patch, &riscv),
        cmocka_unit_test(another_base_is_told),
        cmocka_unit_test(hostile_maps_and_chunks_do_no_harm),
        cmocka_unit_test(a_base_that_cannot_be_read_ends_the_stretch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Patch files as bytes: nothing in one is believed. */
#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/patch_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECTORS = 3, HEADS = ESPOTA_BASED_HEAD_SIZE, MAP = 2 + 5, CHUNKS = 2, ROOM = 8192 };

/* A file of a map of one chunk, a chunk of two coded sectors, and a fill: they fit together, and no more. */
struct file {
    uint8_t data[ROOM];
    size_t size;
    struct espota_patch_head head;
};

static void seal(struct file *f)
{
    f->head.crc = espota_crc32(0, f->data + ESPOTA_PATCH_HEAD_SIZE, f->size - ESPOTA_PATCH_HEAD_SIZE);
    espota_patch_put_head(&f->head, f->data);
}

static void add(struct file *f, unsigned kind, size_t length, size_t bytes)
{
    espota_put_le16(f->data + f->size, (uint16_t)(kind << 14 | length));
    memset(f->data + f->size + 2, 0x55, bytes);
    f->size += 2 + bytes;
}

static struct file make(void)
{
    struct file f = { .size = ESPOTA_PATCH_HEAD_SIZE + HEADS,
                      .head = { .isa = ESPOTA_ISA_XTENSA,
                                .table_log = 14,
                                .chip_id = 5,
                                .base_length = 1000,
                                .image_length = SECTORS * ESPOTA_CODER_SECTOR - 1,
                                .base_sha256 = { 1 },
                                .image_sha256 = { 2 } } };
    uint8_t *stream = f.data + ESPOTA_PATCH_HEAD_SIZE;
    stream[0] = ESPOTA_STREAM_BASED;
    stream[1] = ESPOTA_ISA_XTENSA;
    stream[2] = 14;
    stream[ESPOTA_BASED_LENGTH] = SECTORS;
    espota_put_le32(stream + ESPOTA_BASED_BASE_LENGTH, 1000);
    stream[ESPOTA_BASED_SHA256] = 1;
    add(&f, ESPOTA_CHUNK_CODED, MAP - 2, MAP - 2);
    add(&f, ESPOTA_CHUNK_CODED, 100, 100);
    add(&f, ESPOTA_CHUNK_FILL, 0, 1);
    f.head.map_length = MAP;
    f.head.stream_length = (uint32_t)(f.size - ESPOTA_PATCH_HEAD_SIZE);
    f.data[f.size] = 2;
    f.data[f.size + 2] = 1;
    f.size += CHUNKS * ESPOTA_PATCH_COUNT_SIZE;
    seal(&f);
    return f;
}

static enum espota_patch_verdict verdict_of(const struct file *f)
{
    struct espota_patch patch;
    uint8_t *exact = malloc(f->size > 0 ? f->size : 1); /* nothing is read beyond it */
    assert_non_null(exact);
    memcpy(exact, f->data, f->size);
    enum espota_patch_verdict verdict = espota_patch_parse(&patch, exact, f->size);
    free(exact);
    return verdict;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct file f = make();
    struct espota_patch patch;
    assert_int_equal(espota_patch_parse(&patch, f.data, f.size), ESPOTA_PATCH_OK);
    assert_memory_equal(&patch.head, &f.head, sizeof f.head);
    assert_ptr_equal(patch.stream, f.data + ESPOTA_PATCH_HEAD_SIZE);
    assert_int_equal(patch.chunks, CHUNKS);
    assert_int_equal(espota_patch_sectors(&patch, 0), 2);
    assert_int_equal(espota_patch_sectors(&patch, 1), 1);
    assert_int_equal(patch.kinds[ESPOTA_CHUNK_CODED], 1);
    assert_int_equal(patch.kinds[ESPOTA_CHUNK_FILL], 1);
}

/* The figures that firmware/PROTOCOL.md gives. */
static void the_head_is_as_specified(void **state)
{
    (void)state;
    struct file f = make();
    assert_memory_equal(f.data, "espota patch\r\n\x1a\n\x02\x01\x0e\x00\x05\x00\x00\x00", 24);
    assert_int_equal(espota_get_le32(f.data + 24), 1000);
    assert_int_equal(espota_get_le32(f.data + 28), SECTORS * 4096 - 1);
    assert_int_equal(f.data[32], 1);
    assert_int_equal(f.data[64], 2);
    assert_int_equal(espota_get_le32(f.data + 96), f.size - CHUNKS * 2 - 112);
    assert_int_equal(espota_get_le32(f.data + 100), MAP);
    assert_int_equal(espota_get_le32(f.data + 104), espota_crc32(0, f.data + 112, f.size - 112));
    assert_int_equal(espota_get_le32(f.data + 108), espota_crc32(0, f.data, 108));
}

static void every_file_that_is_cut_off_is_found(void **state)
{
    (void)state;
    struct file f = make(), cut = f;
    for (cut.size = 0; cut.size < f.size; cut.size++)
        assert_int_not_equal(verdict_of(&cut), ESPOTA_PATCH_OK);
    f.data[f.size++] = 1;
    seal(&f);
    assert_int_equal(verdict_of(&f), ESPOTA_PATCH_TRUNCATED);
    f.size -= 2;
    seal(&f);
    assert_int_equal(verdict_of(&f), ESPOTA_PATCH_TRUNCATED);
}

static void every_damaged_byte_is_found(void **state)
{
    (void)state;
    struct file f = make();
    for (size_t i = 0; i < f.size; i++) {
        f.data[i] ^= 0x10;
        assert_int_not_equal(verdict_of(&f), ESPOTA_PATCH_OK);
        f.data[i] ^= 0x10;
    }
}

/* Damage that a CRC does not tell of. */
static void what_contradicts_itself_is_malformed(void **state)
{
    static const struct {
        size_t at; /* of the file */
        uint32_t value;
    } wrong[] = {
        { ESPOTA_PATCH_HEAD_SIZE, 0x000e0101 },                        /* another coder */
        { ESPOTA_PATCH_HEAD_SIZE, 0x000e0202 },                        /* another instruction set */
        { ESPOTA_PATCH_HEAD_SIZE, 0x000f0102 },                        /* another table */
        { ESPOTA_PATCH_HEAD_SIZE, 0x100e0102 },                        /* a layout that there is not */
        { ESPOTA_PATCH_HEAD_SIZE, 0x0c0e0102 },                        /* one without a map */
        { ESPOTA_PATCH_HEAD_SIZE + 4, 0x00030001 },                    /* not the whole image */
        { ESPOTA_PATCH_HEAD_SIZE + 4, 0x00020000 },                    /* shorter than the image */
        { ESPOTA_PATCH_HEAD_SIZE + 8, 1000u << 16 | 1 },               /* with a place in flash */
        { ESPOTA_PATCH_HEAD_SIZE + 10, 999 },                          /* of another length */
        { ESPOTA_PATCH_HEAD_SIZE + 14, 3 },                            /* another base */
        { ESPOTA_PATCH_HEAD_SIZE + HEADS, 0x55554001 },                /* a map that is stored */
        { ESPOTA_PATCH_HEAD_SIZE + HEADS, 0x55550000 },                /* a chunk of nothing */
        { ESPOTA_PATCH_HEAD_SIZE + HEADS, 0x55553fff },                /* one longer than a sector */
        { ESPOTA_PATCH_HEAD_SIZE + HEADS + MAP, 0x55550064 | 0x8000 }, /* a fill with a length */
        { ESPOTA_PATCH_HEAD_SIZE + HEADS + MAP, 0x55550064 + 200 },    /* beyond the end */
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct file f = make();
        espota_put_le32(f.data + wrong[i].at, wrong[i].value);
        seal(&f);
        assert_int_equal(verdict_of(&f), ESPOTA_PATCH_MALFORMED);
    }
}

static void heads_that_no_patch_has_are_refused(void **state)
{
    (void)state;
    struct file f = make();
    f.head.table_log = ESPOTA_CODER_TABLE_MAX + 1;
    seal(&f);
    assert_int_equal(verdict_of(&f), ESPOTA_PATCH_UNKNOWN);
    f = make();
    f.head.isa = (enum espota_isa)3;
    seal(&f);
    assert_int_equal(verdict_of(&f), ESPOTA_PATCH_UNKNOWN);
    static const uint32_t lengths[] = { 0, UINT32_MAX, (uint32_t)INT32_MAX + 1 };
    for (size_t i = 0; i < 3; i++) {
        f = make();
        f.head.base_length = lengths[i];
        seal(&f);
        assert_int_equal(verdict_of(&f), ESPOTA_PATCH_MALFORMED);
        f = make();
        f.head.image_length = lengths[i];
        seal(&f);
        assert_int_equal(verdict_of(&f), ESPOTA_PATCH_MALFORMED);
    }
}

static void the_map_and_the_sectors_are_as_many_as_they_have_to_be(void **state)
{
    static const uint32_t maps[] = { 0, MAP - 1, MAP + 1, MAP + 102, 10000, UINT32_MAX };
    static const uint8_t counts[][CHUNKS] = { { 0, 3 }, { 1, 1 }, { 3, 1 }, { 1, 2 }, { 255, 255 } };
    (void)state;
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        struct file f = make();
        f.head.map_length = maps[i];
        seal(&f);
        assert_int_not_equal(verdict_of(&f), ESPOTA_PATCH_OK);
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct file f = make();
        memcpy(f.data + f.size - CHUNKS, counts[i], CHUNKS);
        seal(&f);
        assert_int_equal(verdict_of(&f), ESPOTA_PATCH_MALFORMED); /* also a fill of two sectors */
    }
}

static void chunks_have_the_size_that_their_word_says(void **state)
{
    static const struct {
        uint8_t word[2];
        size_t left, size;
    } cases[] = {
        { { 5, 0 }, 7, 7 },          { { 5, 0 }, 6, 0 },       { { 0, 0 }, 100, 0 },
        { { 0, 0x10 }, 5000, 4098 }, { { 1, 0x10 }, 5000, 0 }, { { 0, 0x40 }, 4098, 4098 },
        { { 0, 0x40 }, 4097, 0 },    { { 0, 0x80 }, 3, 3 },    { { 0, 0xc0 }, 6, 6 },
        { { 1, 0xc0 }, 6, 0 },       { { 0, 0xc0 }, 1, 0 },
    };
    static uint8_t at[5000];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(at, cases[i].word, 2);
        assert_int_equal(espota_stream_chunk_size(at, cases[i].left), cases[i].size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_head_is_as_specified),
        cmocka_unit_test(every_file_that_is_cut_off_is_found),
        cmocka_unit_test(every_damaged_byte_is_found),
        cmocka_unit_test(what_contradicts_itself_is_malformed),
        cmocka_unit_test(heads_that_no_patch_has_are_refused),
        cmocka_unit_test(the_map_and_the_sectors_are_as_many_as_they_have_to_be),
        cmocka_unit_test(chunks_have_the_size_that_their_word_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Encoding for a decoder that is slower than the line. */
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

#define SECTORS 64u
#define LENGTH  (SECTORS * ESPOTA_CODER_SECTOR)
#define TABLE   ESPOTA_CODER_TABLE_MIN

/* Bytes of which a half can be saved. */
static void fill_image(uint8_t *image)
{
    uint32_t seed = 5;
    for (uint32_t i = 0; i < LENGTH; i++) {
        seed = seed * 1664525u + 1013904223u;
        image[i] = (uint8_t)(seed >> 24 & 15);
    }
}

struct times {
    uint64_t line, decoder; /* when the last byte has come, and when the last sector is there */
    unsigned coded, stored;
};

/* What the decoder's half of it takes, and whether it all comes back. */
static struct times decode(const struct espota_bytes *stream, const uint8_t *image, uint32_t line_ns,
                           uint32_t decode_ns)
{
    struct times times = { 0, 0, 0, 0 };
    size_t size = espota_decoder.memory(TABLE), at = ESPOTA_STREAM_HEAD_SIZE;
    void *memory = malloc(size);
    uint8_t sector[ESPOTA_CODER_SECTOR];
    assert_int_equal(espota_decoder.begin(memory, size, ESPOTA_ISA_NONE, TABLE, 0, NULL), 0);
    for (uint32_t i = 0; i < SECTORS; i++) {
        uint32_t word = espota_get_le16(stream->data + at), length = word & ESPOTA_CHUNK_LENGTH_MASK;
        bool coded = word >> 14 == ESPOTA_CHUNK_CODED;
        if (coded)
            assert_int_equal(espota_decoder.sector(memory, stream->data + at + 2, length, sector), 0);
        else
            memcpy(sector, stream->data + at + 2, length = sizeof sector);
        assert_memory_equal(sector, image + (size_t)i * sizeof sector, sizeof sector);
        at += 2 + length;
        times.line += (2 + length) * (uint64_t)line_ns;
        if (times.decoder < times.line)
            times.decoder = times.line;
        times.decoder += coded ? (uint64_t)decode_ns * sizeof sector : 0;
        times.coded += coded ? 1 : 0;
        times.stored += coded ? 0 : 1;
    }
    assert_int_equal(at, stream->size);
    free(memory);
    return times;
}

static struct times run(uint32_t line_ns, uint32_t decode_ns)
{
    uint8_t *image = malloc(LENGTH);
    struct espota_bytes stream = { 0 };
    struct espota_encoder *encoder;
    struct espota_error error;
    fill_image(image);
    assert_int_equal(espota_encoder_begin(&encoder, ESPOTA_ISA_NONE, TABLE, NULL, image, LENGTH, 0, LENGTH,
                                          &stream, &error),
                     0);
    espota_encoder_pace(encoder, line_ns, decode_ns, 4 * ESPOTA_CODER_SECTOR);
    while (espota_encoder_sector(encoder, &stream, &error) > 0)
        ;
    struct times times = decode(&stream, image, line_ns, decode_ns);
    espota_encoder_end(encoder);
    espota_bytes_free(&stream);
    free(image);
    return times;
}

static void a_slow_line_gets_everything_coded(void **state)
{
    (void)state;
    struct times times = run(86806, 5000); /* 115200 baud; 800 cycles at 160 MHz */
    assert_int_equal(times.coded, SECTORS);
}

/* Neither raw nor coded is as quick as some of both. */
static void a_fast_line_gets_what_the_decoder_has_time_for(void **state)
{
    (void)state;
    const uint32_t line = 5000, decoder = 5000; /* 2,000,000 baud */
    struct times times = run(line, decoder);
    assert_true(times.coded > SECTORS / 2);
    assert_true(times.stored > SECTORS / 8);
    assert_true(times.decoder < (uint64_t)LENGTH * line * 4 / 5);
}

static void a_decoder_that_is_far_too_slow_costs_little(void **state)
{
    (void)state;
    const uint32_t line = 1000, decoder = 20000;
    struct times times = run(line, decoder);
    assert_true(times.decoder < (uint64_t)LENGTH * line * 21 / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_line_gets_everything_coded),
        cmocka_unit_test(a_fast_line_gets_what_the_decoder_has_time_for),
        cmocka_unit_test(a_decoder_that_is_far_too_slow_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

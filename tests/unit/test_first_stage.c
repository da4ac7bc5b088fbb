/* The stub's first stage, by a port of the test's: what comes damaged, twice or in any order, and a rate that
 * nothing is heard at. */
#include "stub/check.h"
#include "stub/first.h"

#include "espota/bytes.h"
#include "espota/chip.h"
#include "espota/crc32.h"
#include "espota/error.h"
#include "espota/first_stage.h"
#include "espota/packed.h"
#include "espota/slip.h"
#include "espota/stub_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOME = 0x15b, FAST = 0x60002b, STORED = 4 };

struct setup {
    struct first first;
    _Alignas(uint32_t) uint8_t packed[ESPOTA_FIRST_PACKED];
    _Alignas(uint32_t) uint8_t unpacked[ESPOTA_FIRST_UNPACKED];
    uint32_t divider, cycles, entry;
    uint8_t sent[4096];
    size_t count;
    struct {
        uint32_t address, length;
        uint8_t *data;
    } stored[STORED];
    unsigned pieces;
};

static void first_port_send(struct first *first, const uint8_t *data, size_t length)
{
    struct setup *s = first->context;
    assert_true(s->count + length <= sizeof s->sent);
    memcpy(s->sent + s->count, data, length);
    s->count += length;
}

static uint32_t first_port_divider(struct first *first)
{
    const struct setup *s = first->context;
    return s->divider;
}

static void first_port_set_divider(struct first *first, uint32_t value)
{
    struct setup *s = first->context;
    s->divider = value;
}

static uint32_t first_port_chip(struct first *first)
{
    (void)first;
    return 5;
}

static uint32_t first_port_cycles(struct first *first)
{
    const struct setup *s = first->context;
    return s->cycles;
}

static void first_port_store(struct first *first, uint32_t address, const uint32_t *words, size_t count)
{
    struct setup *s = first->context;
    assert_true(s->pieces < STORED);
    uint8_t *data = malloc(count * 4);
    assert_non_null(data);
    memcpy(data, words, count * 4);
    s->stored[s->pieces].address = address;
    s->stored[s->pieces].length = (uint32_t)count * 4;
    s->stored[s->pieces++].data = data;
}

static void first_port_start(struct first *first, uint32_t entry)
{
    struct setup *s = first->context;
    s->entry = entry;
}

static int set_up(void **state)
{
    struct setup *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->first = (struct first){ .context = s, .packed = s->packed, .unpacked = s->unpacked };
    s->divider = HOME;
    first_begin(&s->first);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    for (unsigned i = 0; i < s->pieces; i++)
        free(s->stored[i].data);
    free(s);
    return 0;
}

/* ---- a host ---------------------------------------------------------------------------------------------
 */

static size_t build(uint8_t *wire, enum espota_first_kind kind, uint8_t index, const void *data,
                    size_t length)
{
    uint8_t body[1024] = { (uint8_t)kind, index };
    if (length > 0)
        memcpy(body + ESPOTA_FIRST_HEAD, data, length);
    espota_put_le32(body + ESPOTA_FIRST_HEAD + length, espota_crc32(0, body, ESPOTA_FIRST_HEAD + length));
    return espota_slip_encode(body, ESPOTA_FIRST_HEAD + length + ESPOTA_FIRST_CRC, wire);
}

static void give(struct setup *s, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        first_take(&s->first, data[i]);
}

static void request(struct setup *s, enum espota_first_kind kind, uint8_t index, const void *data,
                    size_t length)
{
    uint8_t wire[ESPOTA_SLIP_MAX_ENCODED(1024)];
    give(s, wire, build(wire, kind, index, data, length));
}

/* The last answer; false: there was none since this was asked before. */
static bool answered(struct setup *s, uint8_t kind, uint64_t *have)
{
    struct espota_slip_decoder decoder;
    uint8_t frame[64];
    bool any = false;
    espota_slip_begin(&decoder, frame, sizeof frame);
    for (size_t i = 0; i < s->count; i++)
        if (espota_slip_byte(&decoder, s->sent[i]) == ESPOTA_SLIP_FRAME) {
            assert_int_equal(decoder.length, ESPOTA_FIRST_ANSWER);
            assert_int_equal(espota_get_le32(frame + 16), espota_crc32(0, frame, 16));
            assert_int_equal(frame[0], kind);
            assert_int_equal(espota_get_le16(frame + 1), 6); /* the chip's id, plus 1 */
            *have = espota_get_le32(frame + 4) | (uint64_t)espota_get_le32(frame + 8) << 32;
            any = true;
        }
    s->count = 0;
    return any;
}

static void start_words(uint8_t out[12], uint64_t all, uint32_t unpacked)
{
    espota_put_le32(out, (uint32_t)all);
    espota_put_le32(out + 4, (uint32_t)(all >> 32));
    espota_put_le32(out + 8, unpacked);
}

static void send_image(struct setup *s, const struct espota_stub_image *image, unsigned skip)
{
    unsigned blocks = (image->packed_length + ESPOTA_FIRST_BLOCK - 1) / ESPOTA_FIRST_BLOCK;
    for (unsigned i = blocks; i-- > 0;) {
        uint8_t block[ESPOTA_FIRST_BLOCK] = { 0 };
        size_t at = (size_t)i * sizeof block, left = image->packed_length - at;
        memcpy(block, image->packed + at, left < sizeof block ? left : sizeof block);
        if (i != skip)
            request(s, ESPOTA_FIRST_DATA, (uint8_t)i, block, sizeof block);
    }
}

static uint64_t all_of(const struct espota_stub_image *image)
{
    return (1ull << ((image->packed_length + ESPOTA_FIRST_BLOCK - 1) / ESPOTA_FIRST_BLOCK)) - 1;
}

/* ---- tests ----------------------------------------------------------------------------------------------
 */

static void check_program(const struct setup *s, const struct espota_stub_image *image)
{
    struct espota_stub_program program;
    struct espota_error error = { 0 };
    assert_int_equal(espota_stub_unpack(image, &program, &error), 0);
    assert_int_equal(s->pieces, ESPOTA_STUB_SEGMENTS);
    assert_int_equal(s->entry, program.entry);
    for (unsigned i = 0; i < ESPOTA_STUB_SEGMENTS; i++) {
        assert_int_equal(s->stored[i].address, program.segment[i].address);
        assert_int_equal(s->stored[i].length, program.segment[i].length);
        assert_memory_equal(s->stored[i].data, program.segment[i].data, program.segment[i].length);
    }
    espota_stub_program_free(&program);
}

static void blocks_in_any_order_become_the_stub(void **state)
{
    struct setup *s = *state;
    const struct espota_stub_image *image = espota_stub_image(espota_chip_by_name("esp32"));
    uint8_t start[12];
    uint64_t have = 0;
    send_image(s, image, 3);
    start_words(start, all_of(image), image->unpacked_length);
    s->count = 0;
    request(s, ESPOTA_FIRST_START, 0, start, sizeof start);
    assert_true(answered(s, ESPOTA_FIRST_START, &have));
    assert_int_equal(have, all_of(image) & ~(1ull << 3));
    assert_int_equal(s->entry, 0); /* a block is missing */
    send_image(s, image, ESPOTA_FIRST_BLOCKS);
    s->count = 0;
    request(s, ESPOTA_FIRST_START, 0, start, sizeof start);
    assert_true(answered(s, ESPOTA_FIRST_START, &have));
    assert_int_equal(have, all_of(image));
    check_program(s, image);
}

static void damaged_frames_are_not_there(void **state)
{
    struct setup *s = *state;
    uint8_t wire[ESPOTA_SLIP_MAX_ENCODED(1024)], block[ESPOTA_FIRST_BLOCK + 1];
    uint64_t have = 0;
    memset(block, 0xa5, sizeof block);
    size_t length = build(wire, ESPOTA_FIRST_DATA, 1, block, ESPOTA_FIRST_BLOCK);
    for (size_t i = 1; i + 1 < length; i++) { /* flipped, cut, doubled */
        wire[i] ^= 0x10;
        give(s, wire, length);
        wire[i] ^= 0x10;
    }
    give(s, wire, length / 2);
    give(s, wire, length - 1 - length / 2);
    give(s, wire + length - 1, 1);
    assert_false(answered(s, ESPOTA_FIRST_DATA, &have));
    request(s, ESPOTA_FIRST_DATA, ESPOTA_FIRST_BLOCKS, block, ESPOTA_FIRST_BLOCK); /* beyond the last */
    assert_true(answered(s, ESPOTA_FIRST_DATA, &have));
    assert_int_equal(have, 0);
    request(s, ESPOTA_FIRST_DATA, 0, block, ESPOTA_FIRST_BLOCK - 1);
    assert_true(answered(s, ESPOTA_FIRST_DATA, &have));
    assert_int_equal(have, 0);
    request(s, ESPOTA_FIRST_DATA, 0, block, ESPOTA_FIRST_BLOCK + 1); /* too long to be held */
    (void)answered(s, ESPOTA_FIRST_DATA, &have);
    assert_int_equal(have, 0);
    give(s, wire, length);
    assert_true(answered(s, ESPOTA_FIRST_DATA, &have));
    assert_int_equal(have, 2);
    assert_memory_equal(s->packed + ESPOTA_FIRST_BLOCK, block, ESPOTA_FIRST_BLOCK);
}

/* What is asked for has to be there, not what an earlier frame left in its place. */
static void requests_that_are_too_short_do_nothing(void **state)
{
    struct setup *s = *state;
    const struct espota_stub_image *image = espota_stub_image(espota_chip_by_name("esp32"));
    uint8_t start[12], rate[4];
    send_image(s, image, ESPOTA_FIRST_BLOCKS);
    start_words(start, all_of(image), image->unpacked_length);
    espota_put_le32(rate, FAST);
    request(s, ESPOTA_FIRST_ASK, 0, start, sizeof start); /* leaves them there */
    request(s, ESPOTA_FIRST_START, 0, start, sizeof start - 4);
    request(s, ESPOTA_FIRST_START, 0, NULL, 0);
    assert_int_equal(s->entry, 0);
    request(s, ESPOTA_FIRST_ASK, 0, rate, sizeof rate);
    request(s, ESPOTA_FIRST_RATE, 0, NULL, 0);
    request(s, ESPOTA_FIRST_RATE, 0, rate, 3);
    assert_int_equal(s->divider, HOME);
    request(s, ESPOTA_FIRST_RATE, 0, rate, sizeof rate);
    assert_int_equal(s->divider, FAST);
}

static void what_does_not_unpack_does_not_start(void **state)
{
    struct setup *s = *state;
    uint8_t start[12], block[ESPOTA_FIRST_BLOCK];
    memset(block, 0, sizeof block); /* numbers without an end */
    request(s, ESPOTA_FIRST_DATA, 0, block, sizeof block);
    start_words(start, 1, ESPOTA_FIRST_UNPACKED + 4);
    request(s, ESPOTA_FIRST_START, 0, start, sizeof start);
    start_words(start, 1, 20000);
    request(s, ESPOTA_FIRST_START, 0, start, sizeof start);
    assert_int_equal(s->entry, 0);
    request(s, ESPOTA_FIRST_ASK, 0, NULL, 0);
    assert_int_equal(s->pieces, 0);
}

static void a_rate_without_requests_is_given_up(void **state)
{
    struct setup *s = *state;
    uint8_t divider[4];
    espota_put_le32(divider, FAST);
    request(s, ESPOTA_FIRST_RATE, 0, divider, sizeof divider);
    assert_int_equal(s->divider, FAST);
    s->cycles += ESPOTA_FIRST_PATIENCE - 1;
    first_idle(&s->first);
    assert_int_equal(s->divider, FAST);
    request(s, ESPOTA_FIRST_ASK, 0, NULL, 0);
    s->cycles += ESPOTA_FIRST_PATIENCE - 1;
    first_idle(&s->first);
    assert_int_equal(s->divider, FAST);
    give(s, (const uint8_t *)"\xc0\x51garbage\xc0", 10); /* is no request */
    s->cycles += 2;
    first_idle(&s->first);
    assert_int_equal(s->divider, HOME);
}

static void the_stub_starts_at_the_first_rate(void **state)
{
    struct setup *s = *state;
    const struct espota_stub_image *image = espota_stub_image(espota_chip_by_name("esp32c3"));
    uint8_t start[12], divider[4];
    espota_put_le32(divider, FAST);
    request(s, ESPOTA_FIRST_RATE, 0, divider, sizeof divider);
    for (unsigned i = 0; i < 2; i++) {
        s->count = 0;
        send_image(s, image, ESPOTA_FIRST_BLOCKS);
    }
    start_words(start, all_of(image), image->unpacked_length);
    s->count = 0;
    request(s, ESPOTA_FIRST_START, 0, start, sizeof start);
    assert_int_equal(s->divider, HOME);
    check_program(s, image);
}

/* ---- the images -----------------------------------------------------------------------------------------
 */

static void add(struct stub_check *check, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i + 4 <= length; i += 4)
        stub_check_add(check, espota_get_le32(data + i));
}

static void check_image(const struct espota_chip *chip)
{
    const struct espota_stub_image *image = espota_stub_image(chip);
    struct espota_stub_program program;
    struct espota_error error = { 0 };
    struct stub_check check = { 0 };
    assert_non_null(image);
    assert_true(image->packed_length <= ESPOTA_FIRST_PACKED);
    assert_true(image->unpacked_length <= ESPOTA_FIRST_UNPACKED);
    assert_int_equal(espota_stub_unpack(image, &program, &error), 0);
    const struct espota_stub_segment *code = &program.segment[0], *data = &program.segment[1];
    if (program.entry - code->address >= code->length) {
        code = &program.segment[1];
        data = &program.segment[0];
    }
    assert_true(program.entry - code->address < code->length);
    add(&check, code->data, code->length);
    add(&check, data->data, data->length - sizeof check);
    assert_int_equal(espota_get_le32(data->data + data->length - 8), check.sum);
    assert_int_equal(espota_get_le32(data->data + data->length - 4), check.sum_of_sums);
    espota_stub_program_free(&program);
}

static void every_image_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; espota_chips[i]; i++)
        check_image(espota_chips[i]);
}

static void a_damaged_image_stays_in_its_place(void **state)
{
    (void)state;
    const struct espota_stub_image *image = espota_stub_image(espota_chip_by_name("esp32"));
    uint8_t *packed = malloc(image->packed_length), *out = malloc(image->unpacked_length);
    assert_true(packed && out);
    memcpy(packed, image->packed, image->packed_length);
    for (uint32_t i = 0; i < image->packed_length; i += 37) {
        assert_true(espota_unpack(packed, i, out, image->unpacked_length) < image->unpacked_length);
        packed[i] ^= (uint8_t)(1u << i % 8);
        assert_true(espota_unpack(packed, image->packed_length, out, image->unpacked_length) <=
                    image->unpacked_length);
        packed[i] ^= (uint8_t)(1u << i % 8);
    }
    free(packed);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_in_any_order_become_the_stub, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_frames_are_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_that_are_too_short_do_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_unpack_does_not_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rate_without_requests_is_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_stub_starts_at_the_first_rate, set_up, tear_down),
        cmocka_unit_test(every_image_is_whole),
        cmocka_unit_test(a_damaged_image_stays_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

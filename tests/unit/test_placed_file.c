/* Intel HEX and UF2. The HEX lines are those of Intel's specification and of Python's intelhex. */
#include "espota/bytes.h"
#include "espota/placed_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    char text[512];
    unsigned stop_after; /* 0: never */
    unsigned count;
};

static int note(void *context, uint32_t address, const uint8_t *data, size_t length)
{
    struct seen *s = context;
    size_t used = strlen(s->text);
    snprintf(s->text + used, sizeof s->text - used, "%x+%zu:%02x ", (unsigned)address, length,
             length ? data[0] : 0);
    return ++s->count == s->stop_after;
}

static void hex_lines_are_placed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *seen;
        enum espota_placed_fault fault;
        uint32_t line;
    } cases[] = {
        { ":10010000214601360121470136007EFE09D2190140\n:00000001FF\n", "100+16:21 ", ESPOTA_PLACED_OK, 0 },
        { ":020000040010EA\r\n:0400000001020304F2\r\n:00000001FF\r\n", "100000+4:01 ", ESPOTA_PLACED_OK, 0 },
        { ":020000021200EA\n:0100000055AA\n:00000001FF\n", "12000+1:55 ", ESPOTA_PLACED_OK, 0 },
        { ":0400000500000000F7\n:00000001ff\nwhat follows does not count", "", ESPOTA_PLACED_OK, 0 },
        { ":0100000055AA\n", "0+1:55 ", ESPOTA_PLACED_NO_END, 2 },
        { ":0100000055AB\n:00000001FF\n", "", ESPOTA_PLACED_BAD_SUM, 1 },
        { "\n:0200000055A9\n", "", ESPOTA_PLACED_BAD_RECORD, 2 },
        { ":01000000554A\n:0100000G55AA\n", "", ESPOTA_PLACED_BAD_SUM, 1 },
        { ":0000000G\n", "", ESPOTA_PLACED_BAD_RECORD, 1 },
        { ":00000006FA\n", "", ESPOTA_PLACED_BAD_TYPE, 1 },
        { ":0100000410EB\n", "", ESPOTA_PLACED_BAD_RECORD, 1 },
        { "", "", ESPOTA_PLACED_NO_END, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = { .count = 0 };
        struct espota_placed_problem p = { .fault = ESPOTA_PLACED_OK };
        int result =
            espota_intel_hex_walk((const uint8_t *)cases[i].text, strlen(cases[i].text), note, &seen, &p);
        assert_int_equal(p.fault, cases[i].fault);
        assert_int_equal(result, cases[i].fault ? -1 : 0);
        assert_int_equal(p.where, cases[i].line);
        assert_string_equal(seen.text, cases[i].seen);
    }
}

static void put_block(uint8_t *block, uint32_t flags, uint32_t address, uint32_t length, uint32_t family)
{
    memset(block, 0x11, 512);
    espota_put_le32(block, 0x0a324655);
    espota_put_le32(block + 4, 0x9e5d5157);
    espota_put_le32(block + 8, flags);
    espota_put_le32(block + 12, address);
    espota_put_le32(block + 16, length);
    espota_put_le32(block + 20, 0);
    espota_put_le32(block + 24, 1);
    espota_put_le32(block + 28, family);
    espota_put_le32(block + 508, 0x0ab16f30);
}

static void uf2_blocks_are_placed(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags, length, family;
        size_t size;
        const char *seen;
        enum espota_placed_fault fault;
    } cases[] = {
        { 0x2000, 256, 7, 512, "1000+256:11 ", ESPOTA_PLACED_OK },
        { 0, 476, 9, 512, "1000+476:11 ", ESPOTA_PLACED_OK },
        { 0x2001, 256, 7, 512, "", ESPOTA_PLACED_OK },
        { 0x2000, 256, 9, 512, "", ESPOTA_PLACED_OTHER_FAMILY },
        { 0x2000, 477, 7, 512, "", ESPOTA_PLACED_BAD_RECORD },
        { 0x2000, 256, 7, 500, "", ESPOTA_PLACED_NO_END },
        { 0x2000, 256, 7, 600, "1000+256:11 ", ESPOTA_PLACED_NO_END },
        { 0x2000, 256, 7, 1024, "1000+256:11 ", ESPOTA_PLACED_BAD_RECORD },
        { 0, 0, 0, 0, "", ESPOTA_PLACED_NO_END },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static uint8_t data[1024];
        struct seen seen = { .count = 0 };
        struct espota_placed_problem p = { .fault = ESPOTA_PLACED_OK };
        put_block(data, cases[i].flags, 0x1000, cases[i].length, cases[i].family);
        int result = espota_uf2_walk(data, cases[i].size, 7, note, &seen, &p);
        assert_int_equal(p.fault, cases[i].fault);
        assert_int_equal(result, cases[i].fault ? -1 : 0);
        assert_string_equal(seen.text, cases[i].seen);
    }
}

static void the_callback_may_stop_it(void **state)
{
    (void)state;
    static const char text[] = ":0100000055AA\n:0100010055A9\n:00000001FF\n";
    struct seen seen = { .stop_after = 1 };
    struct espota_placed_problem p;
    assert_int_equal(espota_intel_hex_walk((const uint8_t *)text, sizeof text - 1, note, &seen, &p), -1);
    assert_int_equal(p.fault, ESPOTA_PLACED_STOPPED);
    assert_int_equal(seen.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_lines_are_placed),
        cmocka_unit_test(uf2_blocks_are_placed),
        cmocka_unit_test(the_callback_may_stop_it),
    };
    return cmocka_run_group_tests_name("placed_file", tests, NULL, NULL);
}

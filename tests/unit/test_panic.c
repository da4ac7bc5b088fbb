/* The text of a panic. */
#include "espota/panic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PANIC_SHA256 "0123abcde"
#include "fixtures/panic_text.h"

/* How often a panic was complete in `text`. */
static unsigned feed(struct espota_panic *panic, const char *text)
{
    unsigned complete = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        complete += espota_panic_line(panic, text, length) == ESPOTA_PANIC_COMPLETE;
        text += length + (text[length] == '\n');
    }
    return complete;
}

static void registers_and_stack_are_read(void **state)
{
    (void)state;
    static struct espota_panic panic;
    espota_panic_begin(&panic);
    assert_int_equal(feed(&panic, PANIC_TEXT), 1);
    assert_int_equal(panic.core, 0);
    assert_int_equal(panic.pc, 0x42000008);
    assert_int_equal(panic.x[1], 0x42000050);
    assert_int_equal(panic.x[2], 0x3fc90000);
    assert_int_equal(panic.x[8], 1);
    assert_int_equal(panic.x[11], 0);
    assert_true(panic.known >> 11 & 1u);
    assert_false(panic.known >> 12 & 1u);
    assert_int_equal(panic.stack_base, 0x3fc90000);
    assert_int_equal(panic.stack_length, 96);
    assert_memory_equal(panic.stack + 44, "\x74\x00\x00\x42", 4);
}

static void the_next_panic_begins_anew(void **state)
{
    (void)state;
    static struct espota_panic panic;
    espota_panic_begin(&panic);
    assert_int_equal(feed(&panic, PANIC_TEXT "noise\n" PANIC_TEXT), 2);
    assert_int_equal(panic.stack_length, 96);
}

/* Console lines of another task may get between, a line may be lost, and the dump may be cut off. */
static void a_dump_with_gaps_counts_up_to_the_first(void **state)
{
    (void)state;
    static struct espota_panic panic;
    static const char head[] = "Core  1 register dump:\nMEPC : 0x42000008  SP : 0x3fc90000\n";
    char text[1024];
    espota_panic_begin(&panic);
    strcpy(text, head);
    strcat(text,
           "Stack memory:\n3fc90000: 0x00000001 0x00000002\n3fc90010: 0x00000003\n3fc90008: 0x000000\n\n");
    assert_int_equal(feed(&panic, text), 1);
    assert_int_equal(panic.core, 1);
    assert_int_equal(panic.stack_length, 12); /* a short word is a word */
    strcpy(text, head);
    strcat(text, "Stack memory:\n\n3fc90000: 0x00000001\n");
    assert_int_equal(feed(&panic, text), 0);
    strcpy(text, "Core  0 register dump:\nSP : 0x3fc90000\nStack memory:\n3fc90000: 0x00000001\n\n");
    assert_int_equal(feed(&panic, text), 0); /* no program counter */
}

static void more_stack_than_there_is_room_for_is_left_out(void **state)
{
    (void)state;
    static struct espota_panic panic;
    espota_panic_begin(&panic);
    feed(&panic, "Core  0 register dump:\nMEPC : 0x42000008  SP : 0x3fc00000\nStack memory:\n");
    for (uint32_t i = 0; i < 2 * ESPOTA_PANIC_STACK_MAX; i += 4) {
        char line[64];
        snprintf(line, sizeof line, "%08x: 0x%08x", 0x3fc00000 + i, i);
        assert_int_equal(espota_panic_line(&panic, line, strlen(line)), ESPOTA_PANIC_STACK_LINE);
    }
    assert_int_equal(espota_panic_line(&panic, "", 0), ESPOTA_PANIC_COMPLETE);
    assert_int_equal(panic.stack_length, ESPOTA_PANIC_STACK_MAX);
}

static void addresses_are_found_in_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t address[3];
        size_t count;
    } cases[] = {
        { "Backtrace: 0x400d1234:0x3ffb1234 0x40081DDC:0x3ffb1250  |<-CORRUPTED",
          { 0x400d1234, 0x3ffb1234, 0x40081ddc },
          3 },
        { "abort() was called at PC 0x420056c1 on core 0", { 0x420056c1 }, 1 },
        { "PC      : 0x400d1234  EXCVADDR: 0x400d5678  LBEG    : 0x40001000", { 0x400d1234, 0x40001000 }, 2 },
        { "MTVEC   : 0x40380001  MCAUSE  : 0x00000005  MTVAL   : 0x42000000", { 0x00000005 }, 1 },
        { "0x400d123 0x400d12345 x400d1234 0x", { 0 }, 0 },
        { "0x400d1234", { 0x400d1234 }, 1 },
        { "00x400d1234,0x400d5678", { 0x400d1234, 0x400d5678 }, 2 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = strlen(cases[i].text), at = 0, count = 0;
        uint32_t address;
        while (espota_panic_address(cases[i].text, length, &at, &address)) {
            if (count < 3)
                assert_int_equal(address, cases[i].address[count]);
            count++;
            if (count == 3)
                break;
        }
        assert_int_equal(count, cases[i].count);
    }
}

static void what_calls_return_to_is_known(void **state)
{
    (void)state;
    static const char line[] = "MEPC    : 0x42000008  RA      : 0x42000050  EXTRA   : 0x42000050";
    size_t length = strlen(line), at = 0;
    uint32_t address;
    bool is_return[3];
    for (unsigned i = 0; i < 3; i++) {
        assert_true(espota_panic_address(line, length, &at, &address));
        is_return[i] = espota_panic_is_return(line, at - 10);
    }
    assert_false(is_return[0]);
    assert_true(is_return[1]);
    assert_false(is_return[2]);
}

static void the_digest_of_the_elf_file_is_found(void **state)
{
    (void)state;
    const char *digits;
    static const char boot[] = "I (93) app_init: ELF file SHA256:  53e10a659...";
    assert_int_equal(espota_panic_elf_sha256(boot, strlen(boot), &digits), 9);
    assert_memory_equal(digits, "53e10a659", 9);
    assert_int_equal(espota_panic_elf_sha256("ELF file SHA256: ", 17, &digits), 0);
    assert_int_equal(espota_panic_elf_sha256("ELF file SHA256", 15, &digits), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_and_stack_are_read),
        cmocka_unit_test(the_next_panic_begins_anew),
        cmocka_unit_test(a_dump_with_gaps_counts_up_to_the_first),
        cmocka_unit_test(more_stack_than_there_is_room_for_is_left_out),
        cmocka_unit_test(addresses_are_found_in_a_line),
        cmocka_unit_test(what_calls_return_to_is_known),
        cmocka_unit_test(the_digest_of_the_elf_file_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

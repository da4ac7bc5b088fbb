/* Code into RAM through a simulated ROM, and its start. */
#include "device/rom/rom.h"
#include "sim/rom.h"

#include "espota/clock.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CODE = 10000, AT = 0x40080000, OTHER = 0x3ffb0000, ENTRY = 0x40080004 };

/* A ROM at the other end of a line that carries no packet above `largest` bytes without harm. */
struct setup {
    struct espota_link link;
    struct espota_clock clock;
    struct sim_rom rom;
    struct sim_flash flash;
    uint8_t out[65536];
    size_t at, count;
    size_t largest;
    uint64_t ms;
    uint32_t entry;
};

static void take(void *context, const uint8_t *data, size_t length)
{
    struct setup *s = context;
    assert_true(s->count + length <= sizeof s->out);
    memcpy(s->out + s->count, data, length);
    s->count += length;
}

static void ignore_baud(void *context, uint32_t baud)
{
    (void)context;
    (void)baud;
}

static void ignore_leave(void *context)
{
    (void)context;
}

static void note_start(void *context, uint32_t entry)
{
    ((struct setup *)context)->entry = entry;
}

static int setup_write(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct setup *s = (struct setup *)link;
    const uint8_t *bytes = data;
    (void)error;
    if (s->largest > 0 && size > s->largest) { /* it loses its middle */
        sim_rom_input(&s->rom, bytes, size / 2);
        sim_rom_input(&s->rom, bytes + size / 2 + 1, size - size / 2 - 1);
    } else {
        sim_rom_input(&s->rom, bytes, size);
    }
    return 0;
}

static int setup_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                      struct espota_error *error)
{
    struct setup *s = (struct setup *)link;
    size_t left = s->count - s->at;
    (void)error;
    *got = left < size ? left : size;
    memcpy(buffer, s->out + s->at, *got);
    s->at += *got;
    if (s->at == s->count)
        s->at = s->count = 0;
    s->ms += *got > 0 ? 0 : timeout_ms;
    return 0;
}

static void setup_drain(struct espota_link *link)
{
    struct setup *s = (struct setup *)link;
    s->at = s->count = 0;
}

static void setup_close(struct espota_link *link)
{
    (void)link;
}

static const struct espota_link_ops setup_ops = {
    .read = setup_read, .write = setup_write, .drain = setup_drain, .close = setup_close
};

static uint64_t setup_now(void *context)
{
    return ((struct setup *)context)->ms;
}

static void setup_sleep(void *context, unsigned ms)
{
    ((struct setup *)context)->ms += ms;
}

static struct rom *begin(struct setup *s, size_t largest)
{
    const struct sim_rom_events events = { s, take, ignore_baud, ignore_leave, note_start };
    const struct sim_identity identity = { .crystal_mhz = 40, .revision = 301 };
    const struct espota_rom_options options = { 0 };
    struct espota_device *device = NULL;
    struct espota_error error = { 0 };
    memset(s, 0, sizeof *s);
    s->clock = (struct espota_clock){ s, setup_now, setup_sleep };
    s->link = (struct espota_link){ .ops = &setup_ops, .name = "line", .clock = &s->clock };
    s->largest = largest;
    assert_int_equal(sim_flash_memory(&s->flash, 4 << 20, &error), 0);
    sim_rom_start(&s->rom, espota_chip_by_name("esp32"), &s->flash, &identity, &events);
    assert_int_equal(espota_rom_open(&device, &s->link, &options, &error), 0);
    return (struct rom *)device;
}

static void end(struct setup *s, struct rom *rom)
{
    espota_device_close(&rom->device);
    sim_rom_stop(&s->rom);
    sim_flash_close(&s->flash);
}

static void fill(uint8_t *data, size_t length, uint32_t random)
{
    for (size_t i = 0; i < length; i++)
        data[i] = (uint8_t)((random = random * 1664525u + 1013904223u) >> 24);
}

static void code_is_loaded_whole_also_where_large_packets_fail(void **state)
{
    static const size_t lines[] = { 0, 3000, 700 };
    static uint8_t code[CODE], data[64];
    (void)state;
    fill(code, sizeof code, 1);
    fill(data, sizeof data, 2);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        static struct setup s;
        struct espota_error error = { 0 };
        struct rom *rom = begin(&s, lines[i]);
        assert_int_equal(rom_load(rom, AT, code, sizeof code, &error), 0);
        assert_int_equal(rom_load(rom, OTHER, data, sizeof data, &error), 0);
        assert_true(sim_memory_holds(&s.rom.memory, AT, code, sizeof code));
        assert_true(sim_memory_holds(&s.rom.memory, OTHER, data, sizeof data));
        assert_false(sim_memory_holds(&s.rom.memory, AT, code, sizeof code - 1));
        end(&s, rom);
    }
}

static void a_line_that_carries_no_packet_is_an_error(void **state)
{
    static uint8_t code[CODE];
    static struct setup s;
    struct espota_error error = { 0 };
    struct rom *rom = begin(&s, 200);
    (void)state;
    assert_int_not_equal(rom_load(rom, AT, code, sizeof code, &error), 0);
    assert_non_null(strstr(error.text, "loading RAM 0x40080000+0x2710"));
    end(&s, rom);
}

static void what_is_started_has_the_line(void **state)
{
    static uint8_t code[CODE];
    static struct setup s;
    struct espota_error error = { 0 };
    struct rom *rom = begin(&s, 0);
    (void)state;
    assert_int_equal(rom_load(rom, AT, code, sizeof code, &error), 0);
    assert_int_equal(rom_start(rom, ENTRY, &error), 0);
    assert_int_equal(s.entry, ENTRY);
    assert_int_not_equal(rom_sync(rom, &error), 0);
    end(&s, rom);
}

static void leaving_needs_no_rom_that_is_gone(void **state)
{
    static const enum espota_reset_after after[] = { ESPOTA_AFTER_HARD_RESET, ESPOTA_AFTER_SOFT_RESET,
                                                     ESPOTA_AFTER_WATCHDOG };
    (void)state;
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        static struct setup s;
        struct espota_error error = { 0 };
        struct rom *rom = begin(&s, 0);
        assert_int_equal(rom_start(rom, ENTRY, &error), 0);
        rom->options.after = after[i];
        assert_int_equal(rom_leave(rom, &error), ESPOTA_ERR_UNSUPPORTED);
        rom->options.after = ESPOTA_AFTER_NO_RESET;
        assert_int_equal(rom_leave(rom, &error), 0);
        end(&s, rom);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_is_loaded_whole_also_where_large_packets_fail),
        cmocka_unit_test(a_line_that_carries_no_packet_is_an_error),
        cmocka_unit_test(what_is_started_has_the_line),
        cmocka_unit_test(leaving_needs_no_rom_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

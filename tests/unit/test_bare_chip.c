/* The bare ports' drivers, on a chip whose registers are known: a flash of 32M behind the SPI controller, a
 * UART, clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* in the place of registers.h: the drivers are compiled here as they are */
#define ESPOTA_BARE_REGISTERS_H
struct bare_step {
    uint32_t address, clear, set;
};
static uint32_t bare_get(uint32_t address);
static void bare_put(uint32_t address, uint32_t value);
static void bare_change(uint32_t address, uint32_t clear, uint32_t set)
{
    bare_put(address, (bare_get(address) & ~clear) | set);
}
static void bare_walk(const struct bare_step *steps, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bare_change(steps[i].address, steps[i].clear, steps[i].set);
}

#include "chip.c"
#include "spi_flash.c"
#include "uart.c"
#include "usb_jtag.c"

#include "../chip/esp32.c"

enum { FLASH_SIZE = 32 << 20, CELLS = 64, BUSY_POLLS = 3 };

/* ---- the chip -------------------------------------------------------------------------------------------
 */

static struct {
    struct {
        uint32_t address, value;
    } cell[CELLS]; /* registers without a meaning of their own here */
    unsigned cells;
    uint8_t *flash;
    bool enabled;  /* WRITE ENABLE came */
    unsigned busy; /* reads of the status that still say so */
    bool stuck;    /* it stays busy */
    enum own_read { READS_ITSELF, READS_FF, NEVER_ENDS } own_read;
    unsigned starts;    /* of reads */
    unsigned longest;   /* bytes in one PROGRAM */
    uint8_t command[4]; /* the last ones */
    bool has_pll;
    uint8_t pll[256];
    uint32_t ticks;
} world;

static uint32_t *cell(uint32_t address)
{
    for (unsigned i = 0; i < world.cells; i++)
        if (world.cell[i].address == address)
            return &world.cell[i].value;
    assert_true(world.cells < CELLS);
    world.cell[world.cells].address = address;
    return &world.cell[world.cells++].value;
}

static const struct bare_spi spi_under_test = BARE_SPI_LATER(0x60002000);

static uint32_t spi_register(uint8_t offset)
{
    return *cell(spi_under_test.base + offset);
}

static void spi_data(uint8_t *bytes, size_t length, bool to_controller)
{
    for (size_t i = 0; i < length; i++) {
        uint32_t *word = cell(spi_under_test.base + spi_under_test.data + (uint32_t)(i & ~3u));
        if (to_controller)
            *word = (*word & ~(0xffu << i % 4 * 8)) | (uint32_t)bytes[i] << i % 4 * 8;
        else
            bytes[i] = (uint8_t)(*word >> i % 4 * 8);
    }
}

static void erase_flash(uint32_t address, uint32_t length)
{
    assert_true(world.enabled && world.busy == 0 && address % length == 0);
    memset(world.flash + address, 0xff, length);
    world.enabled = false;
    world.busy = BUSY_POLLS;
}

static void program_flash(uint32_t address, size_t length)
{
    uint8_t bytes[64];
    assert_true(world.enabled && world.busy == 0 && length <= sizeof bytes);
    assert_int_equal(address / 256, (address + length - 1) / 256);
    spi_data(bytes, length, false);
    for (size_t i = 0; i < length; i++)
        world.flash[address + i] &= bytes[i];
    world.enabled = false;
    world.busy = BUSY_POLLS;
}

static void read_flash(uint32_t address, size_t length)
{
    assert_int_equal(world.busy, 0);
    assert_true(address + length <= FLASH_SIZE);
    spi_data(world.flash + address, length, true);
}

static void read_status(void)
{
    *cell(spi_under_test.base + spi_under_test.status) = world.busy > 0 || world.stuck;
    if (world.busy > 0)
        world.busy--;
}

/* By a bit of its own: the length is in the address, of three bytes. */
static void run_page_program(void)
{
    uint32_t address = spi_register(ADDRESS);
    assert_int_equal(spi_register(spi_under_test.user) & PHASES & ~(HAS_COMMAND | HAS_ADDRESS | HAS_INPUT),
                     0);
    assert_int_equal(spi_register(spi_under_test.user1) >> 26, 23);
    program_flash(address & 0xffffff, address >> 24);
}

static void run_flash(void)
{
    static uint8_t id[3] = { 0xef, 0x40, 0x19 };
    uint8_t command = (uint8_t)spi_register(spi_under_test.user2);
    uint32_t user = spi_register(spi_under_test.user), bits = (spi_register(spi_under_test.user1) >> 26) + 1;
    uint32_t address = user & HAS_ADDRESS ? spi_register(ADDRESS) : 0;
    size_t in = user & HAS_INPUT ? (spi_register(spi_under_test.miso_length) + 1) / 8 : 0;
    size_t out = user & HAS_OUTPUT ? (spi_register(spi_under_test.mosi_length) + 1) / 8 : 0;
    static const uint8_t wide[] = { READ_4, PROGRAM_4, ERASE_SECTOR_4, ERASE_32K_4, ERASE_64K_4 };
    if (bits == 24)
        address &= 0xffffff;
    if (user & HAS_ADDRESS)
        assert_int_equal(bits, memchr(wide, command, sizeof wide) ? 32 : 24);
    memmove(world.command + 1, world.command, sizeof world.command - 1);
    world.command[0] = command;
    switch (command) {
    case READ_ID:
        spi_data(id, sizeof id, true);
        break;
    case READ:
    case READ_4:
        world.starts++;
        read_flash(address, in);
        break;
    case PROGRAM_4:
        program_flash(address, out);
        break;
    case ERASE_SECTOR:
    case ERASE_SECTOR_4:
        erase_flash(address, 4096);
        break;
    case ERASE_32K:
    case ERASE_32K_4:
        erase_flash(address, 32768);
        break;
    case ERASE_64K:
    case ERASE_64K_4:
        erase_flash(address, 65536);
        break;
    default:
        fail_msg("command %02x", command);
    }
}

static void run_own_read(void)
{
    uint8_t ff[64];
    uint32_t address = spi_register(ADDRESS);
    size_t length = (spi_register(spi_under_test.miso_length) + 1) / 8;
    assert_int_equal(length, address >> 24);
    assert_int_equal(spi_register(spi_under_test.user1) >> 26, 23);
    memset(ff, 0xff, sizeof ff);
    if (world.own_read == READS_ITSELF)
        read_flash(address & 0xffffff, length);
    else if (world.own_read == READS_FF)
        spi_data(ff, length, true);
    else
        *cell(spi_under_test.base + COMMAND) = GET_DATA;
}

static void run_command(uint32_t bit)
{
    *cell(spi_under_test.base + COMMAND) = 0;
    if (bit == START)
        run_flash();
    else if (bit == PROGRAM_PAGE)
        run_page_program();
    else if (bit == GET_STATUS)
        read_status();
    else if (bit == ENABLE_WRITE)
        world.enabled = true;
    else if (bit == GET_DATA)
        run_own_read();
    else
        fail_msg("command bits %08x", (unsigned)bit);
}

/* The ESP32's analog part: a write keeps, a read gives back, if there is a PLL. */
static void run_analog(uint32_t value)
{
    uint8_t at = (uint8_t)(value >> 8);
    assert_int_equal(value & 0xff, PLL_BLOCK);
    if (value & ANALOG_WRITE)
        world.pll[at] = (uint8_t)(value >> 16);
    *cell(ANALOG) = world.has_pll ? (uint32_t)world.pll[at] << 16 : 0;
}

static uint32_t bare_get(uint32_t address)
{
    if (address == bare_esp32.timer + 4)
        return world.ticks++;
    return *cell(address);
}

static void bare_put(uint32_t address, uint32_t value)
{
    if (address == spi_under_test.base + COMMAND)
        run_command(value);
    else if (address == ANALOG)
        run_analog(value);
    else
        *cell(address) = value;
}

uint32_t bare_cycles(void)
{
    return world.ticks += 1000;
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    world.flash = malloc(FLASH_SIZE);
    assert_non_null(world.flash);
    memset(world.flash, 0, FLASH_SIZE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(world.flash);
    return 0;
}

static unsigned finish(struct bare_flash *flash)
{
    unsigned polls = 0;
    while (bare_flash_busy(flash) == 1)
        polls++;
    return polls;
}

/* ---- flash ----------------------------------------------------------------------------------------------
 */

static void flash_is_erased_programmed_and_read_on_both_sides_of_16M(void **state)
{
    (void)state;
    static const struct {
        uint32_t at, length;
        uint8_t command;
    } erases[] = {
        { 0x1000, 4096, ERASE_SECTOR },    { 0x8000, 32768, ERASE_32K },
        { 0xff0000, 65536, ERASE_64K },    { 0x1000000, 65536, ERASE_64K_4 },
        { 0x1018000, 32768, ERASE_32K_4 }, { 0x1fff000, 4096, ERASE_SECTOR_4 },
    };
    struct bare_flash flash;
    uint8_t page[256], back[256];
    bare_flash_begin(&flash, &spi_under_test);
    for (size_t i = 0; i < sizeof page; i++)
        page[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof erases / sizeof erases[0]; i++) {
        uint32_t last = erases[i].at + erases[i].length - 256;
        assert_int_equal(bare_flash_erase(&flash, erases[i].at, erases[i].length), 0);
        assert_int_equal(world.command[0], erases[i].command);
        assert_true(finish(&flash) >= BUSY_POLLS);
        assert_int_equal(bare_flash_program(&flash, last, page, sizeof page), 0);
        assert_true(finish(&flash) >= 4 * BUSY_POLLS);
        assert_memory_equal(world.flash + last, page, sizeof page);
        assert_int_equal(bare_flash_read(&flash, last, back, sizeof back), 0);
        assert_memory_equal(back, page, sizeof back);
    }
}

static void an_operation_begins_and_goes_on_by_itself(void **state)
{
    (void)state;
    static const uint8_t data[100] = { 1, 2, 3 };
    struct bare_flash flash;
    bare_flash_begin(&flash, &spi_under_test);
    assert_int_equal(bare_flash_erase(&flash, 0, 4096), 0);
    assert_int_equal(bare_flash_busy(&flash), 1);
    finish(&flash);
    assert_int_equal(bare_flash_program(&flash, 0, data, sizeof data), 0);
    assert_int_equal(world.flash[63], 0);
    assert_int_equal(world.flash[64], 0xff); /* the next part waits until the first one is in flash */
    finish(&flash);
    assert_memory_equal(world.flash, data, sizeof data);
    assert_int_equal(bare_flash_busy(&flash), 0);
}

static void a_flash_that_stays_busy_is_given_up(void **state)
{
    (void)state;
    struct bare_flash flash;
    bare_flash_begin(&flash, &spi_under_test);
    assert_int_equal(bare_flash_erase(&flash, 0, 4096), 0);
    world.stuck = true;
    flash.polls = LONGEST_POLLS - 4;
    int busy;
    do
        busy = bare_flash_busy(&flash);
    while (busy == 1);
    assert_int_equal(busy, -1);
}

/* A flash with so many bytes of FF before its data, read in pages. */
static void check_reads(struct bare_flash *flash, enum own_read own_read, uint32_t blank)
{
    struct bare_spi spi = spi_under_test;
    uint8_t page[256];
    spi.reads = true;
    world.own_read = own_read;
    world.starts = 0;
    for (uint32_t i = 0; i < 8192; i++)
        world.flash[i] = i < blank ? 0xff : (uint8_t)(i * 7);
    bare_flash_begin(flash, &spi);
    for (uint32_t at = 0; at < 8192; at += sizeof page) {
        assert_int_equal(bare_flash_read(flash, at, page, sizeof page), 0);
        if (own_read == READS_ITSELF || blank == 0 || at >= blank + 64 * PROBE) /* found out by then */
            assert_memory_equal(page, world.flash + at, sizeof page);
    }
}

static void a_controller_that_reads_itself_is_proven_by_data(void **state)
{
    (void)state;
    struct bare_flash flash;
    check_reads(&flash, READS_ITSELF, 0);
    assert_int_equal(world.starts, 1);
    check_reads(&flash, READS_ITSELF, 4096);
    assert_int_equal(world.starts, 4096 / 64 / PROBE + 1);
    check_reads(&flash, READS_ITSELF, 8192);
    assert_int_equal(world.starts, 8192 / 64 / PROBE);
}

static void a_controller_that_does_not_is_found_out(void **state)
{
    (void)state;
    struct bare_flash flash;
    check_reads(&flash, READS_FF, 0);
    assert_int_equal(flash.reading, GIVEN_UP);
    check_reads(&flash, READS_FF, 5 * 1024);
    assert_int_equal(flash.reading, GIVEN_UP);
    check_reads(&flash, NEVER_ENDS, 0);
    assert_int_equal(flash.reading, GIVEN_UP);
    check_reads(&flash, NEVER_ENDS, 5 * 1024);
    assert_int_equal(flash.reading, GIVEN_UP);
}

static void the_size_is_what_the_id_says(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = { { 0x1640c8, 4u << 20 },  { 0x1840ef, 16u << 20 },
                                         { 0x1940ef, 32u << 20 }, { 0x1a20c2, 64u << 20 },
                                         { 0x20ba20, 64u << 20 }, { 0x21ba20, 128u << 20 },
                                         { 0x3825c2, 16u << 20 }, { 0, 0 },
                                         { 0xffffff, 0 } };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_int_equal(bare_flash_size(sizes[i][0]), sizes[i][1]);
}

/* ---- UART and CPU ---------------------------------------------------------------------------------------
 */

static void set_divider(uint32_t sixteenths)
{
    *cell(bare_esp32.uart.base + DIVIDER) = sixteenths >> 4 | (sixteenths & 0xf) << 20;
}

static uint32_t rate_now(const struct bare_device *device)
{
    uint32_t divider = bare_uart_divider(&device->chip->uart);
    return divider ? device->uart_hz / divider * 16 : 0;
}

static void the_crystal_is_the_one_that_makes_a_usual_rate(void **state)
{
    (void)state;
    static const uint32_t crystals[] = { 40, 26 };
    static const uint32_t rates[] = { 9600, 57600, 115200, 230400, 460800, 921600, 1500000, 2000000 };
    for (size_t c = 0; c < 2; c++)
        for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
            struct bare_device device;
            set_divider((crystals[c] * 16000000 + rates[r] / 2) / rates[r]);
            bare_device_begin(&device, &bare_esp32);
            assert_int_equal(device.uart_hz, crystals[c] * 1000000);
            assert_in_range(device.uart_rate, rates[r] - rates[r] / 100, rates[r] + rates[r] / 100);
        }
}

static void with_the_pll_the_rate_stays_and_can_be_changed(void **state)
{
    (void)state;
    static const uint32_t crystals[] = { 40, 26 };
    static const uint32_t rates[] = { 115200, 921600, 2000000 };
    world.has_pll = true;
    for (size_t c = 0; c < 2; c++) {
        struct bare_device device;
        *cell(RTC_CLOCK) = 0;
        set_divider(crystals[c] * 16000000 / 115200);
        bare_device_begin(&device, &bare_esp32);
        assert_int_equal(device.uart_hz, 80000000);
        assert_in_range(rate_now(&device), 114000, 116400);
        assert_int_equal(*cell(RTC_CLOCK) >> SOURCE_AT & 3, 1);
        assert_int_equal(*cell(CPU_CLOCK) & 3, 1);
        assert_int_equal(world.pll[3], crystals[c] == 40 ? 32 : 224);
        for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
            assert_int_equal(bare_device_uart_set_rate(&device, rates[r]), 0);
            assert_in_range(rate_now(&device), rates[r] - rates[r] / 100, rates[r] + rates[r] / 100);
        }
        assert_int_equal(bare_device_uart_set_rate(&device, 1), -1);
        assert_int_equal(bare_device_uart_set_rate(&device, 0), -1);
        assert_in_range(rate_now(&device), 1980000, 2020000);
    }
}

static void with_the_pll_a_low_rate_stays(void **state)
{
    (void)state;
    struct bare_device device;
    world.has_pll = true;
    set_divider(40 * 16000000 / 9600);
    bare_device_begin(&device, &bare_esp32);
    assert_int_equal(device.uart_hz, 80000000);
    assert_in_range(rate_now(&device), 9500, 9700);
}

static void a_pll_that_does_not_take_its_settings_is_left_alone(void **state)
{
    (void)state;
    struct bare_device device;
    set_divider(40 * 16000000 / 115200);
    bare_device_begin(&device, &bare_esp32);
    assert_int_equal(device.uart_hz, 40000000);
    assert_in_range(rate_now(&device), 114000, 116400);
    assert_int_equal(*cell(RTC_CLOCK) >> SOURCE_AT & 3, 0);
}

static void what_a_bootloader_set_up_stays(void **state)
{
    (void)state;
    struct bare_device device;
    *cell(RTC_CLOCK) = (uint32_t)PLL << SOURCE_AT;
    set_divider(80 * 16000000 / 115200);
    bare_device_begin(&device, &bare_esp32);
    assert_int_equal(device.uart_hz, 80000000);
    assert_in_range(device.uart_rate, 114000, 116400);
    assert_in_range(rate_now(&device), 114000, 116400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flash_is_erased_programmed_and_read_on_both_sides_of_16M, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_operation_begins_and_goes_on_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flash_that_stays_busy_is_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_controller_that_reads_itself_is_proven_by_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_controller_that_does_not_is_found_out, set_up, tear_down),
        cmocka_unit_test(the_size_is_what_the_id_says),
        cmocka_unit_test_setup_teardown(the_crystal_is_the_one_that_makes_a_usual_rate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_the_pll_the_rate_stays_and_can_be_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_the_pll_a_low_rate_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pll_that_does_not_take_its_settings_is_left_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_bootloader_set_up_stays, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

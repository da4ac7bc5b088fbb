/* For tests of the bare ports' driver of flash: a chip whose registers are known, and a flash of 32M behind
 * its SPI controller. */
#ifndef ESPOTA_TESTS_BARE_FLASH_RIG_H
#define ESPOTA_TESTS_BARE_FLASH_RIG_H

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
static uint32_t bare_get(uint32_t address);
static void bare_put(uint32_t address, uint32_t value);
static void bare_change(uint32_t address, uint32_t clear, uint32_t set)
{
    bare_put(address, (bare_get(address) & ~clear) | set);
}

#include "spi_flash.c"

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
    unsigned starts;   /* of reads by one line, */
    unsigned duals;    /* by two */
    unsigned programs; /* commands */
    bool keeps;        /* the flash stays selected if the controller is to have it so */
    bool selected;     /* it is, and what it was told to program waits for more: */
    uint8_t page[256];
    uint32_t page_at;
    size_t page_has;
    unsigned ignored;   /* commands to a flash that is busy */
    unsigned late;      /* cycles that data come late at the fast rate */
    bool one_line;      /* nothing is wired to the second one */
    uint8_t command[4]; /* the last ones */
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

enum { FAST_CLOCK = 0xfa57, SLOW_CLOCK = 0x5103 };
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

/* Programming begins when the flash is not selected any more. */
static void deselect_flash(void)
{
    world.selected = world.keeps && (spi_register(spi_under_test.pins) & spi_under_test.keep);
    if (world.selected || world.page_has == 0)
        return;
    assert_true(world.enabled && world.busy == 0);
    assert_int_equal(world.page_at / 256, (world.page_at + world.page_has - 1) / 256);
    for (size_t i = 0; i < world.page_has; i++)
        world.flash[world.page_at + i] &= world.page[i];
    world.enabled = false;
    world.busy = BUSY_POLLS;
    world.page_has = 0;
    world.programs++;
}

static void program_flash(uint32_t address, size_t length)
{
    assert_true(length <= 64 && world.page_has == 0);
    world.page_at = address;
    world.page_has = length;
    spi_data(world.page, length, false);
}

/* Data without a command. */
static void give_more(size_t length)
{
    uint8_t bytes[64];
    assert_true(length > 0 && length <= sizeof bytes);
    spi_data(bytes, length, false);
    if (world.selected) {
        assert_true(world.page_has + length <= sizeof world.page);
        memcpy(world.page + world.page_has, bytes, length);
        world.page_has += length;
        return;
    }
    assert_true(world.busy > 0);
    for (size_t i = 0; i < length; i++) /* each a command to an emulated flash, which never is */
        assert_true(bytes[i] == 0 || bytes[i] == 0xff);
    world.ignored++;
}

static void read_flash(uint32_t address, size_t length)
{
    assert_int_equal(world.busy, 0);
    assert_true(address + length <= FLASH_SIZE);
    spi_data(world.flash + address, length, true);
}

static bool is_fast(void)
{
    return spi_register(spi_under_test.clock) == FAST_CLOCK;
}

/* Two bits more or less with each cycle of another delay than the wiring has. */
static void read_dual_flash(uint32_t address, size_t length)
{
    uint8_t bytes[64];
    unsigned late = is_fast() ? world.late : 0,
             delay = (spi_register(spi_under_test.user1) & 0xff) + 1 - DUMMY;
    assert_int_equal(spi_register(CONTROL) & FAST_READS, BY_TWO_LINES);
    read_flash(address, length);
    spi_data(bytes, length, false);
    for (size_t i = 0; i < length && (delay != late || world.one_line); i++)
        bytes[i] = (uint8_t)(bytes[i] << 2 | bytes[i] >> 6);
    spi_data(bytes, length, true);
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
    deselect_flash();
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
    if (!(user & HAS_COMMAND)) {
        assert_int_equal(spi_register(spi_under_test.user2), 0);
        give_more(out);
        deselect_flash();
        return;
    }
    assert_false(world.selected);
    memmove(world.command + 1, world.command, sizeof world.command - 1);
    world.command[0] = command;
    assert_int_equal(user & HAS_DUMMY ? READ_DUAL : command, command);
    switch (command) {
    case READ_ID:
        spi_data(id, sizeof id, true);
        break;
    case READ:
    case READ_4:
        world.starts++;
        assert_false(is_fast());
        read_flash(address, in);
        break;
    case READ_DUAL:
        world.duals++;
        read_dual_flash(address, in);
        break;
    case PROGRAM:
    case PROGRAM_4:
        program_flash(address, out);
        deselect_flash();
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
    assert_true(!world.selected || bit == START);
    if (bit == START)
        run_flash();
    else if (bit == PROGRAM_PAGE)
        run_page_program();
    else if (bit == GET_STATUS && !is_fast())
        read_status();
    else if (bit == ENABLE_WRITE)
        world.enabled = true;
    else if (bit == GET_DATA && !is_fast())
        run_own_read();
    else
        fail_msg("command bits %08x", (unsigned)bit);
}

static uint32_t bare_get(uint32_t address)
{
    return *cell(address);
}

static void bare_put(uint32_t address, uint32_t value)
{
    if (address == spi_under_test.base + COMMAND)
        run_command(value);
    else
        *cell(address) = value;
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

#endif

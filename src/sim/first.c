#include "first.h"

#include "board.h"
#include "stub/first.h"

#include "espota/clock.h"
#include "espota/stub_image.h"

#include <stdlib.h>
#include <string.h>

/* Cycles for a byte that comes, SLIP and CRC bit by bit; and for one that is unpacked and put in its place.
 */
enum { BYTE_CYCLES = 110, UNPACK_CYCLES = 40, MILLION = 1000000 };

/* Behind what is unpacked is zero: no piece comes after. */
enum { ZEROS = 16 };

struct sim_first {
    struct first first;
    _Alignas(uint32_t) uint8_t packed[ESPOTA_FIRST_PACKED];
    _Alignas(uint32_t) uint8_t unpacked[ESPOTA_FIRST_UNPACKED + ZEROS];
    uint32_t heard; /* bytes since it was started */
    uint32_t entry; /* of what it loaded; 0: nothing yet */
};

static bool is_dead(const struct sim_board *board)
{
    const struct sim_board_options *o = &board->options;
    return o->stub_fault == SIM_FIRST_SILENT ||
           (o->stub_fault == SIM_FIRST_DIES && board->first->heard > o->stub_dies_after);
}

static void first_port_send(struct first *first, const uint8_t *data, size_t length)
{
    struct sim_board *board = first->context;
    uint8_t bytes[2 + 2 * ESPOTA_FIRST_ANSWER];
    bool babbles = board->options.stub_fault == SIM_FIRST_BABBLES;
    for (size_t i = 0; i < length; i++)
        bytes[i] = babbles ? (uint8_t)~data[i] : data[i];
    if (!is_dead(board))
        sim_send(board, SIM_UART, bytes, length);
}

/* The crystal's clock makes the rate; whole periods in the low bits, sixteenths above them. */
static uint32_t crystal_hz(const struct sim_board *board)
{
    return board->options.identity.crystal_mhz * MILLION;
}

static uint32_t first_port_chip(struct first *first)
{
    const struct sim_board *board = first->context;
    return board->options.chip->image_id;
}

static uint32_t first_port_divider(struct first *first)
{
    const struct sim_board *board = first->context;
    uint32_t sixteenths =
        (uint32_t)(((uint64_t)crystal_hz(board) * 16 + board->rom.baud / 2) / board->rom.baud);
    return sixteenths >> 4 | (sixteenths & 0xf) << 20;
}

static void first_port_set_divider(struct first *first, uint32_t value)
{
    struct sim_board *board = first->context;
    uint32_t sixteenths = (value & 0xfffff) << 4 | (value >> 20 & 0xf);
    if (board->options.baud && sixteenths > 0)
        board->options.baud(board->options.context,
                            (uint32_t)((uint64_t)crystal_hz(board) * 16 / sixteenths));
}

static uint32_t first_port_cycles(struct first *first)
{
    const struct sim_board *board = first->context;
    return (uint32_t)(espota_clock_now_ms(board->options.clock) * SIM_ROM_MHZ * 1000u);
}

/* A piece that is longer than what was unpacked is empty; on a chip the host has but itself to harm. */
static bool is_too_long(struct first *first, const uint32_t *words, size_t count)
{
    size_t at = (size_t)((const uint8_t *)words - first->unpacked);
    if (at <= ESPOTA_FIRST_UNPACKED && count * 4 <= ESPOTA_FIRST_UNPACKED - at)
        return false;
    memset(first->unpacked + at - 4, 0, 4);
    return true;
}

static void first_port_store(struct first *first, uint32_t address, const uint32_t *words, size_t count)
{
    struct sim_board *board = first->context;
    if (is_too_long(first, words, count))
        return;
    sim_cpu_spend(&board->cpu, count * 4 * UNPACK_CYCLES);
    if (sim_memory_begin(&board->rom.memory, address, (uint32_t)count * 4))
        (void)sim_memory_store(&board->rom.memory, 0, (const uint8_t *)words, count * 4);
}

static void first_port_start(struct first *first, uint32_t entry)
{
    struct sim_board *board = first->context;
    board->first->entry = entry;
}

bool sim_first_start(struct sim_board *board, uint32_t entry)
{
    const struct espota_stub_image *image = espota_stub_image(board->options.chip);
    if (!image || image->first.length == 0 || image->first_entry != entry ||
        !sim_memory_holds(&board->rom.memory, image->first.address, image->first.data, image->first.length))
        return false;
    struct sim_first *f = calloc(1, sizeof *f);
    if (!f)
        return false;
    board->first = f;
    board->cpu.mhz = SIM_ROM_MHZ;
    if (board->options.paced) /* no interrupt empties the FIFO */
        board->uart.limit = SIM_UART_FIFO;
    f->first = (struct first){ .context = board, .packed = f->packed, .unpacked = f->unpacked };
    first_begin(&f->first);
    return true;
}

bool sim_first_step(struct sim_board *board, uint32_t *entry)
{
    struct sim_first *f = board->first;
    uint8_t byte;
    size_t length = sim_uart_take(&board->uart, sim_time_now(board->flash->time), &byte, 1);
    f->heard += (uint32_t)length;
    sim_cpu_spend(&board->cpu, length * BYTE_CYCLES);
    if (length == 0)
        first_idle(&f->first);
    else if (!is_dead(board))
        first_take(&f->first, byte);
    *entry = f->entry;
    return length > 0;
}

void sim_first_stop(struct sim_board *board)
{
    free(board->first);
    board->first = NULL;
}

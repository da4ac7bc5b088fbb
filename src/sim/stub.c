#include "stub.h"

#include "board.h"

#include "espota/clock.h"
#include "espota/stub_image.h"
#include "espota/version.h"

#include <stdlib.h>
#include <string.h>

enum { SENT_AT_ONCE = 32 };

static uint32_t flash_id(void *context)
{
    const struct sim_board *board = context;
    return sim_flash_id(board->flash);
}

static uint32_t flash_size(void *context)
{
    const struct sim_board *board = context;
    return board->flash->size;
}

static int flash_read(void *context, uint32_t offset, void *out, size_t length)
{
    const struct sim_board *board = context;
    return sim_flash_read_dual(board->flash, offset, out, length);
}

static int flash_erase(void *context, uint32_t offset, uint32_t length)
{
    const struct sim_board *board = context;
    return sim_flash_erase_block(board->flash, offset, length);
}

static int flash_program(void *context, uint32_t offset, const void *data, size_t length)
{
    const struct sim_board *board = context;
    return sim_flash_program_page(board->flash, offset, data, length);
}

static int flash_busy(void *context)
{
    const struct sim_board *board = context;
    return sim_flash_poll(board->flash);
}

static void mac(void *context, uint8_t out[6])
{
    const struct sim_board *board = context;
    memcpy(out, board->options.identity.mac, sizeof board->options.identity.mac);
}

static uint32_t now_ms(void *context)
{
    const struct sim_board *board = context;
    return (uint32_t)espota_clock_now_ms(board->options.clock);
}

static uint16_t cpu_mhz(void *context)
{
    const struct sim_board *board = context;
    return (uint16_t)board->cpu.mhz;
}

static void restart(void *context)
{
    struct sim_board *board = context;
    board->restart_wanted = true;
}

static bool is_dead(const struct sim_board *board)
{
    const struct sim_board_options *o = &board->options;
    return o->stub_fault == SIM_STUB_SILENT ||
           (o->stub_fault == SIM_STUB_DIES && board->stub->heard > o->stub_dies_after);
}

static size_t uart_read(void *context, uint8_t *out, size_t room)
{
    struct sim_board *board = context;
    size_t length = sim_uart_take(&board->uart, sim_time_now(board->flash->time), out, room);
    board->stub->heard += (uint32_t)length;
    sim_cpu_spend(&board->cpu, length * board->cpu.costs.frame);
    return length;
}

static size_t uart_write(void *context, const uint8_t *data, size_t length)
{
    struct sim_board *board = context;
    uint8_t bytes[SENT_AT_ONCE];
    size_t part = length < sizeof bytes ? length : sizeof bytes;
    bool babbles = board->options.stub_fault == SIM_STUB_BABBLES;
    for (size_t i = 0; i < part; i++)
        bytes[i] = babbles ? (uint8_t)~data[i] : data[i];
    sim_cpu_spend(&board->cpu, part * board->cpu.costs.frame);
    if (!is_dead(board))
        sim_send(board, SIM_UART, bytes, part);
    return part;
}

static uint32_t uart_rate(void *context)
{
    const struct sim_board *board = context;
    return board->rom.baud;
}

static int uart_set_rate(void *context, uint32_t baud)
{
    struct sim_board *board = context;
    if (board->options.baud)
        board->options.baud(board->options.context, baud);
    return 0;
}

static bool is_loaded(const struct sim_board *board, uint32_t entry)
{
    const struct espota_stub_image *image = espota_stub_image(board->options.chip);
    struct espota_stub_program program;
    struct espota_error ignored;
    if (!image || espota_stub_unpack(image, &program, &ignored) != 0)
        return false;
    bool loaded = program.entry == entry;
    for (size_t i = 0; i < ESPOTA_STUB_SEGMENTS; i++) {
        const struct espota_stub_segment *s = &program.segment[i];
        if (s->length > 0 && !sim_memory_holds(&board->rom.memory, s->address, s->data, s->length))
            loaded = false;
    }
    espota_stub_program_free(&program);
    return loaded;
}

static struct bare_board board_of(struct sim_board *board)
{
    return (struct bare_board){
        .chip_id = board->options.chip->image_id,
        .isa = sim_isa(board->options.chip),
        .name = "espota stub " ESPOTA_VERSION,
        .context = board,
        .flash_id = flash_id,
        .flash_size = flash_size,
        .flash_read = flash_read,
        .flash_erase = flash_erase,
        .flash_program = flash_program,
        .flash_busy = flash_busy,
        .erase_steps = 32768 | 65536,
        .mac = mac,
        .now_ms = now_ms,
        .cpu_mhz = cpu_mhz,
        .restart = restart,
        .stream = { { uart_read, uart_write, uart_rate, uart_set_rate } },
    };
}

/* What the stub makes of each chip (firmware/port/chip), with the PLL running where it takes that from the
 * ROM. */
static uint32_t mhz_of(const struct espota_chip *chip)
{
    static const struct {
        uint16_t chip, mhz;
    } others[] = {
        { 2, 40 }, { 12, 120 }, { 16, 48 }, { SIM_WITHOUT_SHA_ENGINE, 40 }, { 20, 80 }, { 23, 80 }
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].chip == chip->image_id)
            return others[i].mhz;
    return SIM_STUB_MHZ;
}

bool sim_stub_start(struct sim_board *board, uint32_t entry)
{
    struct sim_stub *s = is_loaded(board, entry) ? calloc(1, sizeof *s) : NULL;
    size_t size = 0;
    if (!s)
        return false;
    board->stub = s;
    board->cpu.mhz = mhz_of(board->options.chip);
    if (board->options.paced) /* no interrupt empties the FIFO */
        board->uart.limit = SIM_UART_FIFO;
    s->decoder_memory = sim_cpu_decoder_memory(&board->cpu, SIM_STUB_TABLE_LOG, &size);
    if (!s->decoder_memory) {
        sim_stub_stop(board);
        return false;
    }
    const struct bare_memory memory = { s->ring, sizeof s->ring, &sim_cpu_decoder, s->decoder_memory, size };
    s->board = board_of(board);
    stub_begin(&s->stub, &s->board, &memory);
    struct espota_hash *sha256 = &s->stub.server.port.sha256;
    *sha256 = sim_cpu_hash(&s->sha256, &board->cpu, sha256);
    if (board->options.chip->image_id != SIM_WITHOUT_SHA_ENGINE)
        s->sha256.cycles = SIM_SHA_ENGINE_CYCLES;
    return true;
}

bool sim_stub_step(struct sim_board *board)
{
    uint8_t ignored[SENT_AT_ONCE];
    if (is_dead(board))
        return uart_read(board, ignored, sizeof ignored) > 0;
    return stub_step(&board->stub->stub);
}

void sim_stub_stop(struct sim_board *board)
{
    if (board->stub)
        free(board->stub->decoder_memory);
    free(board->stub);
    board->stub = NULL;
}

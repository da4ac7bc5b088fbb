#include "board.h"
#include "puller_board.h"

#include "espota/clock.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/rom_protocol.h"
#include "espota/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AGENT_WINDOW = 16,
    AGENT_WINDOW_BYTES = 8192,
    STEP = 64,
    AGENT_SECTORS = 4, /* the least of recovery agents, */
    AGENT_LINES = 16,
    ESP32_SECTORS = 8, /* and that of the ESP32 (firmware/firmware.mk) */
    ESP32_LINES = 96,
};

/* ---- download mode --------------------------------------------------------------------------------------
 */

static void rom_send(void *context, const uint8_t *data, size_t length)
{
    sim_send(context, SIM_UART, data, length);
}

static void set_baud(void *context, uint32_t baud)
{
    struct sim_board *board = context;
    if (board->options.baud)
        board->options.baud(board->options.context, baud);
}

static void leave_rom(void *context)
{
    struct sim_board *board = context;
    board->restart_wanted = true;
}

/* What is no stub leaves the chip lost until it is reset. */
static void start_loaded(void *context, uint32_t entry)
{
    struct sim_board *board = context;
    if (sim_first_start(board, entry))
        board->state = SIM_FIRST;
    else
        board->state = sim_stub_start(board, entry) ? SIM_STUB : SIM_STUCK;
}

static bool step_first(struct sim_board *board)
{
    uint32_t entry = 0;
    bool any = sim_first_step(board, &entry);
    if (entry != 0) {
        sim_first_stop(board);
        board->state = sim_stub_start(board, entry) ? SIM_STUB : SIM_STUCK;
    }
    return any;
}

static void enter_download(struct sim_board *board)
{
    const struct sim_rom_events events = { board, rom_send, set_baud, leave_rom, start_loaded };
    board->state = SIM_DOWNLOAD;
    sim_print(board, "rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))");
    sim_print(board, "waiting for download");
    sim_rom_start(&board->rom, board->options.chip, board->flash, &board->options.identity, &events);
}

/* ---- the app --------------------------------------------------------------------------------------------
 */

static int agent_read(void *context, uint32_t offset, void *buffer, size_t length)
{
    struct sim_board *board = context;
    return sim_flash_read_dual(board->flash, offset, buffer, length);
}

static int agent_erase(void *context, uint32_t offset, uint32_t length)
{
    struct sim_board *board = context;
    return sim_flash_erase_block(board->flash, offset, length);
}

static int agent_program(void *context, uint32_t offset, const void *data, size_t length)
{
    struct sim_board *board = context;
    return sim_flash_program_page(board->flash, offset, data, length);
}

static int agent_busy(void *context)
{
    struct sim_board *board = context;
    return sim_flash_poll(board->flash);
}

static uint32_t agent_now_ms(void *context)
{
    const struct sim_board *board = context;
    return (uint32_t)espota_clock_now_ms(board->options.clock);
}

static int agent_send(void *context, const uint8_t *data, size_t length)
{
    struct sim_agent_stream *s = context;
    sim_send(s->board, (enum sim_stream)(s - s->board->stream), data, length);
    return s->board->flash->powered ? 0 : -1;
}

static int agent_set_rate(void *context, uint32_t baud)
{
    const struct sim_agent_stream *s = context;
    set_baud(s->board, baud);
    return 0;
}

static int agent_check_signature(void *context, const uint8_t digest[ESPOTA_SHA256_LENGTH],
                                 const uint8_t r_s[ESPOTA_P256_SIZE])
{
    const struct sim_board *board = context;
    return espota_signer_check(board->options.owner, digest, r_s);
}

static const struct espota_agent_owner agent_owner = { espota_agent_check_owner, agent_check_signature };

static bool agent_starts(void *context, const struct espota_image *image)
{
    return !sim_boot_refusal(context, image);
}

static void agent_restart(void *context)
{
    struct sim_board *board = context;
    board->restart_wanted = true;
}

static void start_app(struct sim_board *board)
{
    const struct sim_board_options *o = &board->options;
    snprintf(board->agent_name, sizeof board->agent_name, "espota agent %s", ESPOTA_VERSION);
    board->agent_config = (struct espota_agent_config){
        .chip_id = o->chip->image_id,
        .flash_size = board->flash->size,
        .table_offset = o->table_offset,
        .running_offset = board->running->offset,
        .name = board->agent_name,
        .key = o->key,
        .key_length = o->key_length,
        .window = AGENT_WINDOW,
        .window_bytes = AGENT_WINDOW_BYTES,
        .flash_id = sim_flash_id(board->flash),
        .cpu_mhz = SIM_APP_MHZ,
        .isa = sim_isa(o->chip),
        .rollback = o->rollback,
        .min_secure_version = o->min_secure_version,
        .project = o->project,
    };
    memcpy(board->agent_config.mac, o->identity.mac, sizeof o->identity.mac);
    board->port.port.starts = agent_starts;
    board->port.port.owner = o->owner ? &agent_owner : NULL;
    board->state = SIM_RUNNING;
    for (size_t i = 0; i < SIM_STREAMS; i++) {
        struct sim_agent_stream *s = &board->stream[i];
        s->board = board;
        s->stream.context = s;
        s->stream.send = agent_send;
        s->stream.set_rate = i == SIM_UART && o->baud ? agent_set_rate : NULL;
        s->stream.rate = ESPOTA_ROM_INITIAL_BAUD;
        espota_agent_stream_begin(&s->stream);
    }
    if (espota_agent_start(&board->agent, &board->port.port, &board->agent_config) != 0)
        sim_print(board, "E (%u) agent: no partition table", sim_board_uptime_ms(board));
    sim_print(board, "I (%u) agent: %s runs from '%s'", sim_board_uptime_ms(board), board->agent_name,
              board->running->label);
}

/* ---- life -----------------------------------------------------------------------------------------------
 */

/* What costs time, and has a clock of its own. */
static int complete_port(struct sim_board *board, struct espota_error *error)
{
    struct espota_agent_port *port = &board->port.port;
    port->now_ms = agent_now_ms;
    port->sha256 = sim_cpu_hash(&board->sha256, &board->cpu, &port->sha256);
    if (board->options.chip->image_id != SIM_WITHOUT_SHA_ENGINE)
        board->sha256.cycles = SIM_SHA_ENGINE_CYCLES;
    port->decoder = &sim_cpu_decoder;
    port->decoder_memory =
        sim_cpu_decoder_memory(&board->cpu, ESPOTA_CODER_TABLE_DEFAULT, &port->decoder_memory_size);
    return port->decoder_memory ? 0 : espota_fail_memory(error, "simulating a board");
}

int sim_board_init(struct sim_board *board, struct sim_flash *flash, const struct sim_board_options *options,
                   struct espota_error *error)
{
    memset(board, 0, sizeof *board);
    board->options = *options;
    board->flash = flash;
    board->port.port = (struct espota_agent_port){
        .context = board,
        .service = &espota_agent_slots,
        .flash_read = agent_read,
        .flash_erase = agent_erase,
        .flash_program = agent_program,
        .flash_busy = agent_busy,
        .erase_steps = 32768 | 65536,
        .alone = true,
        .base_lines = options->chip->image_id == 0 ? ESP32_LINES : AGENT_LINES,
        .sectors = options->chip->image_id == 0 ? ESP32_SECTORS : AGENT_SECTORS,
        .restart = agent_restart,
    };
    sim_uart_init(&board->uart);
    sim_cpu_init(&board->cpu, flash->time, SIM_APP_MHZ);
    int result = posix_port_begin(&board->port, error);
    if (result == 0)
        result = sim_puller_begin(board, error);
    return result ? result : complete_port(board, error);
}

static void stop(struct sim_board *board)
{
    sim_rom_stop(&board->rom);
    sim_first_stop(board);
    sim_stub_stop(board);
    sim_puller_reset(board);
    board->state = SIM_OFF;
    board->running = NULL;
}

void sim_board_hold(struct sim_board *board)
{
    stop(board);
}

void sim_board_end(struct sim_board *board)
{
    stop(board);
    sim_uart_free(&board->uart);
    free(board->port.port.decoder_memory);
    sim_puller_end(board);
    posix_port_end(&board->port);
}

void sim_board_reset(struct sim_board *board, bool download)
{
    stop(board);
    board->flash->powered = true;
    board->restart_wanted = false;
    board->starts++;
    board->cpu.time = board->flash->time;
    board->cpu.mhz = SIM_APP_MHZ;
    board->uart.limit = SIM_UART_MOST; /* an interrupt empties the FIFO */
    board->started_ms = espota_clock_now_ms(board->options.clock);
    set_baud(board, ESPOTA_ROM_INITIAL_BAUD);
    board->state = SIM_STUCK;
    if (download)
        enter_download(board);
    else if (sim_boot(board))
        start_app(board);
}

static void restart_if_asked(struct sim_board *board)
{
    if (board->restart_wanted && board->flash->powered)
        sim_board_reset(board, false);
}

bool sim_board_step(struct sim_board *board)
{
    uint8_t bytes[STEP];
    if (board->state == SIM_FIRST)
        return step_first(board);
    if (board->state == SIM_STUB) {
        bool any = sim_stub_step(board);
        restart_if_asked(board);
        return any;
    }
    size_t length = sim_uart_take(&board->uart, sim_time_now(board->flash->time), bytes, sizeof bytes);
    if (length > 0 && board->state == SIM_DOWNLOAD) {
        sim_rom_input(&board->rom, bytes, length);
    } else if (length > 0 && board->state == SIM_RUNNING) {
        sim_cpu_spend(&board->cpu, length * board->cpu.costs.frame);
        espota_agent_input(&board->agent, &board->stream[SIM_UART].stream, bytes, length);
    } else if (board->state == SIM_RUNNING) {
        espota_agent_work(&board->agent);
    }
    restart_if_asked(board);
    return length > 0;
}

static void receive(struct sim_board *board, const uint8_t *data, size_t length)
{
    uint64_t now = sim_time_now(board->flash->time);
    struct espota_error ignored; /* a byte for which there is no memory is lost */
    for (size_t i = 0; i < length; i++)
        (void)sim_uart_send(&board->uart, data[i], now, &ignored);
    while (sim_board_step(board))
        continue;
}

void sim_board_input(struct sim_board *board, enum sim_stream stream, const uint8_t *data, size_t length)
{
    if (stream != SIM_UART) {
        if (board->state == SIM_RUNNING)
            espota_agent_input(&board->agent, &board->stream[stream].stream, data, length);
        restart_if_asked(board);
        return;
    }
    for (size_t part; length > 0; data += part, length -= part) {
        part = length < SIM_UART_MOST ? length : SIM_UART_MOST;
        receive(board, data, part);
    }
}

void sim_board_disconnect(struct sim_board *board, enum sim_stream stream)
{
    if (board->state == SIM_RUNNING)
        espota_agent_stream_end(&board->agent, &board->stream[stream].stream);
}

bool sim_board_serves(const struct sim_board *board, enum sim_stream stream)
{
    return board->state == SIM_RUNNING && espota_agent_serves(&board->agent, &board->stream[stream].stream);
}

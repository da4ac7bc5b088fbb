/* The agent's port to a board, and the board's streams. */
#include "bare.h"

#include <string.h>

enum { PIECE = 64, READ_PIECE = 256, STALLED_MS = 50, WINDOW = 32 };

/* ---- streams --------------------------------------------------------------------------------------------
 */

static size_t take(struct bare_line *line, uint8_t *out, size_t room)
{
    struct bare_server *server = line->server;
    size_t count = line->stream->read(server->board->context, out, room);
    if (count > 0 && server->arrived)
        server->arrived(server->arrived_context, out, count);
    return count;
}

/* Into the ring, as far as it has room. */
static void pump_line(struct bare_line *line)
{
    size_t got;
    do {
        size_t end = (line->first + line->count) % line->ring_size;
        size_t room = line->ring_size - line->count;
        if (room > line->ring_size - end)
            room = line->ring_size - end;
        got = room > 0 ? take(line, line->ring + end, room) : 0;
        line->count += got;
    } while (got > 0);
}

static void pump(void *context)
{
    struct bare_server *server = context;
    for (size_t i = 0; i < BARE_MAX_STREAMS; i++)
        if (server->line[i].ring)
            pump_line(&server->line[i]);
}

static size_t receive(struct bare_line *line, uint8_t *out, size_t room)
{
    if (!line->ring)
        return take(line, out, room);
    pump_line(line);
    size_t count = line->ring_size - line->first;
    count = count < line->count ? count : line->count;
    count = count < room ? count : room;
    memcpy(out, line->ring + line->first, count);
    line->first = (line->first + count) % line->ring_size;
    line->count -= count;
    return count;
}

/* A host that does not fetch what was sent before is not there. */
static int send(void *context, const uint8_t *data, size_t length)
{
    struct bare_line *line = context;
    const struct bare_board *board = line->server->board;
    uint32_t start = board->now_ms(board->context);
    while (length > 0) {
        size_t sent = line->stream->write(board->context, data, length);
        data += sent;
        length -= sent;
        if (sent > 0)
            start = board->now_ms(board->context);
        else if (board->now_ms(board->context) - start > STALLED_MS)
            return -1;
        pump(line->server);
    }
    return 0;
}

static int set_rate(void *context, uint32_t baud)
{
    const struct bare_line *line = context;
    return line->stream->set_rate(line->server->board->context, baud);
}

/* ---- what the port asks for -----------------------------------------------------------------------------
 */

static uint32_t now_ms(void *context)
{
    const struct bare_server *server = context;
    return server->board->now_ms(server->board->context);
}

static int flash_read(void *context, uint32_t offset, void *out, size_t length)
{
    struct bare_server *server = context;
    uint8_t *at = out;
    while (length > 0) {
        size_t piece = length < READ_PIECE ? length : READ_PIECE;
        if (server->board->flash_read(server->board->context, offset, at, piece) != 0)
            return -1;
        pump(server);
        at += piece;
        offset += (uint32_t)piece;
        length -= piece;
    }
    return 0;
}

static int flash_erase(void *context, uint32_t offset, uint32_t length)
{
    const struct bare_server *server = context;
    return server->board->flash_erase(server->board->context, offset, length);
}

static int flash_program(void *context, uint32_t offset, const void *data, size_t length)
{
    const struct bare_server *server = context;
    return server->board->flash_program(server->board->context, offset, data, length);
}

static int flash_busy(void *context)
{
    const struct bare_server *server = context;
    return server->board->flash_busy(server->board->context);
}

static void restart(void *context)
{
    const struct bare_server *server = context;
    server->board->restart(server->board->context);
}

/* ---- serving --------------------------------------------------------------------------------------------
 */

static void begin_line(struct bare_server *server, size_t index, const struct bare_memory *memory)
{
    struct bare_line *line = &server->line[index];
    const struct bare_stream *stream = &server->board->stream[index];
    *line =
        (struct bare_line){ .server = server, .stream = stream, .agent = { .context = line, .send = send } };
    if (stream->set_rate) {
        line->ring = memory->ring;
        line->ring_size = memory->ring_size;
        line->agent.set_rate = set_rate;
        line->agent.rate = stream->rate(server->board->context);
    }
    espota_agent_stream_begin(&line->agent);
}

void bare_server_begin(struct bare_server *server, const struct bare_board *board,
                       const struct bare_memory *memory)
{
    memset(server, 0, sizeof *server);
    server->board = board;
    server->port = (struct espota_agent_port){
        .context = server,
        .flash_read = flash_read,
        .flash_erase = flash_erase,
        .flash_program = flash_program,
        .flash_busy = board->flash_busy ? flash_busy : NULL,
        .erase_steps = board->erase_steps,
        .alone = true,
        .relax = pump,
        .now_ms = now_ms,
        .restart = restart,
        .sha256 = bare_sha256_hash(&server->sha256),
        .decoder = memory->decoder,
        .decoder_memory = memory->decoder_memory,
        .decoder_memory_size = memory->decoder_size,
    };
    server->config = (struct espota_agent_config){
        .chip_id = board->chip_id,
        .isa = board->isa,
        .flash_id = board->flash_id(board->context),
        .flash_size = board->flash_size(board->context),
        .cpu_mhz = board->cpu_mhz(board->context),
        .name = board->name,
        .window = WINDOW,
        .window_bytes = (uint32_t)memory->ring_size,
    };
    board->mac(board->context, server->config.mac);
    for (size_t i = 0; i < BARE_MAX_STREAMS; i++)
        if (board->stream[i].read)
            begin_line(server, i, memory);
}

bool bare_server_step(struct bare_server *server)
{
    bool any = false;
    for (size_t i = 0; i < BARE_MAX_STREAMS; i++) {
        struct bare_line *line = &server->line[i];
        uint8_t bytes[PIECE];
        size_t count = line->stream ? receive(line, bytes, sizeof bytes) : 0;
        if (count > 0)
            espota_agent_input(&server->agent, &line->agent, bytes, count);
        any = any || count > 0;
    }
    espota_agent_work(&server->agent);
    return any;
}

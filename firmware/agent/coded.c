/* Coded streams: chunks into sectors. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/table.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum { KIND_SHIFT = 14, TURNS = 2 };

enum { LINE = ESPOTA_AGENT_BASE_LINE };

static int read_written(struct espota_agent *agent, uint32_t offset, void *buffer, size_t length)
{
    return espota_agent_read_between(agent, agent->update.partition + offset, buffer, length);
}

/* With a base, code asks for the same literals again and again, which lie behind it and do not change any
 * more: to wait for flash each time would take longer than all else. */
static int read_image_line(struct espota_agent *agent, uint32_t at, void *buffer)
{
    struct espota_agent_base *b = &agent->base;
    unsigned i = 0, lines = ESPOTA_AGENT_IMAGE_LINES(espota_agent_base_lines(agent));
    while (i < lines && b->image_at[i] != at)
        i++;
    if (i == lines) {
        i = b->image_oldest;
        b->image_at[i] = UINT32_MAX;
        if (read_written(agent, at, b->image_line[i], LINE) != 0)
            return -1;
        b->image_at[i] = at;
        b->image_oldest = (uint8_t)(i + 1 < lines ? i + 1 : 0);
    }
    memcpy(buffer, b->image_line[i], LINE);
    return 0;
}

static int read_image(void *context, uint32_t offset, void *buffer, size_t length)
{
    struct espota_agent *agent = context;
    if (!espota_agent_inside(offset, (uint32_t)length, 0, agent->input.at))
        return -1;
    return BASES && agent->input.based && length == LINE && offset % LINE == 0
               ? read_image_line(agent, offset, buffer)
               : read_written(agent, offset, buffer, length);
}

static int read_base(void *context, uint32_t offset, void *buffer, size_t length)
{
    struct espota_agent *agent = context;
    uint8_t *to = buffer;
    if (!espota_agent_inside(offset, (uint32_t)length, 0, agent->image.base_length))
        return -1;
    while (length > 0) {
        uint32_t within = offset % LINE, part = LINE - within < length ? LINE - within : (uint32_t)length;
        const uint8_t *line = espota_agent_base_line(agent, offset - within);
        if (!line) {
            espota_agent_wait_for_flash(agent);
            line = espota_agent_read_lines(agent, offset - within);
        }
        if (!line)
            return -1;
        memcpy(to, line + within, part);
        to += part;
        offset += part;
        length -= part;
    }
    return 0;
}

static void relax(void *context)
{
    struct espota_agent *agent = context;
    if (++agent->turns % TURNS == 0)
        espota_agent_flash_step(agent);
}

/* A coded stream reads what lies before its stretch: all of that has to be for the host to read. */
enum espota_agent_status espota_agent_begin_coded(struct espota_agent *agent)
{
    const struct espota_agent_port *port = agent->port;
    struct espota_agent_input_stream *in = &agent->input;
    agent->image = (struct espota_coder_image){
        .context = agent,
        .read = read_image,
        .relax = relax,
        .read_base = BASES ? read_base : NULL,
        .base_length = BASES && in->based ? espota_get_le32(in->piece + ESPOTA_BASED_BASE_LENGTH) : 0,
        .layout = in->piece[ESPOTA_BASED_LAYOUT],
    };
    in->mapping =
        BASES && in->based && (agent->image.layout & ESPOTA_LAYOUT_UNMAPPED) != ESPOTA_LAYOUT_UNMAPPED;
    if (port->service->may_read(agent, agent->update.partition, in->end) != ESPOTA_AGENT_OK ||
        port->decoder->begin(port->decoder_memory, port->decoder_memory_size, (enum espota_isa)in->piece[1],
                             in->piece[2], in->at, &agent->image) != 0)
        return ESPOTA_AGENT_UNSUPPORTED;
    return ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_take_map(struct espota_agent *agent)
{
    const struct espota_agent_port *port = agent->port;
    struct espota_agent_input_stream *in = &agent->input;
    int more = port->decoder->map(port->decoder_memory, agent->chunk, in->needs);
    in->mapping = more > 0;
    return more >= 0 ? ESPOTA_AGENT_OK : ESPOTA_AGENT_MALFORMED;
}

enum espota_agent_status espota_agent_take_word(struct espota_agent_input_stream *in)
{
    uint16_t word = espota_get_le16(in->piece), length = word & ESPOTA_CHUNK_LENGTH_MASK;
    unsigned kind = word >> KIND_SHIFT;
    if (kind == ESPOTA_CHUNK_CODED) {
        if (length == 0 || length > ESPOTA_CODER_SECTOR)
            return ESPOTA_AGENT_MALFORMED;
        espota_agent_expect(in, ESPOTA_AGENT_PART_CODED, length);
        return ESPOTA_AGENT_OK;
    }
    if (length != 0 || in->mapping)
        return ESPOTA_AGENT_MALFORMED;
    if (kind == ESPOTA_CHUNK_STORED)
        espota_agent_expect(in, ESPOTA_AGENT_PART_SECTOR, SECTOR);
    else if (kind == ESPOTA_CHUNK_FILL)
        espota_agent_expect(in, ESPOTA_AGENT_PART_FILL, 1);
    else
        espota_agent_expect(in, ESPOTA_AGENT_PART_COPY, 4);
    return ESPOTA_AGENT_OK;
}

int espota_agent_rebuild(struct espota_agent *agent, uint8_t *sector, bool again)
{
    const struct espota_agent_port *port = agent->port;
    struct espota_agent_input_stream *in = &agent->input;
    if (in->part == ESPOTA_AGENT_PART_FILL)
        memset(sector, in->piece[0], SECTOR);
    else if (in->part == ESPOTA_AGENT_PART_COPY)
        return read_image(agent, espota_get_le32(in->piece), sector, SECTOR);
    else if (in->part == ESPOTA_AGENT_PART_CODED)
        return port->decoder->sector(port->decoder_memory, again ? NULL : agent->chunk, again ? 0 : in->needs,
                                     sector);
    return 0;
}

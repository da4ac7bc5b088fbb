/* WRITE: a stream that rebuilds a stretch of an image, taken apart into sectors. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/table.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum { CHUNK_WORD = 2, CHUNK_KIND_SHIFT = 14 };

void espota_agent_drop_stream(struct espota_agent *agent)
{
    memset(&agent->input, 0, sizeof agent->input);
}

static void expect(struct espota_agent_input_stream *in, enum espota_agent_part part, uint32_t bytes)
{
    in->part = part;
    in->has = 0;
    in->needs = (uint16_t)bytes;
}

/* The next sector, or what rebuilds it. */
static void expect_sector(struct espota_agent_input_stream *in)
{
    if (in->at == in->end)
        expect(in, ESPOTA_AGENT_PART_NONE, 0);
    else if (in->coded)
        expect(in, ESPOTA_AGENT_PART_WORD, CHUNK_WORD);
    else
        expect(in, ESPOTA_AGENT_PART_SECTOR, SECTOR);
}

/* The sector buffer holds what belongs to in->at. */
static enum espota_agent_status put_sector(struct espota_agent *agent)
{
    struct espota_agent_input_stream *in = &agent->input;
    uint32_t offset = agent->update.partition + in->at, start = 0;
    enum espota_agent_status status = agent->port->service->prepare(agent, offset, agent->sector, &start);
    if (status == ESPOTA_AGENT_OK && start < SECTOR)
        status = espota_agent_put(agent, offset, start);
    in->at += SECTOR;
    expect_sector(in);
    return status;
}

/* ---- coded ----------------------------------------------------------------------------------------------
 */

#if ESPOTA_AGENT_SECTORS > 1

static int read_image(void *context, uint32_t offset, void *buffer, size_t length)
{
    struct espota_agent *agent = context;
    if (!espota_agent_inside(offset, (uint32_t)length, 0, agent->input.at))
        return -1;
    return espota_agent_slot_read(agent, agent->update.partition + offset, buffer, length);
}

static void relax(void *context)
{
    espota_agent_relax(context);
}

/* A coded stream reads what lies before its stretch: all of that has to be for the host to read. */
static enum espota_agent_status begin_coded(struct espota_agent *agent)
{
    const struct espota_agent_port *port = agent->port;
    struct espota_agent_input_stream *in = &agent->input;
    agent->image = (struct espota_coder_image){ agent, read_image, relax };
    if (!espota_agent_decodes(agent) ||
        port->service->may_read(agent, agent->update.partition, in->end) != ESPOTA_AGENT_OK ||
        port->decoder->begin(port->decoder_memory, port->decoder_memory_size, (enum espota_isa)in->piece[1],
                             in->piece[2], in->at, &agent->image) != 0)
        return ESPOTA_AGENT_UNSUPPORTED;
    return ESPOTA_AGENT_OK;
}

static enum espota_agent_status take_word(struct espota_agent_input_stream *in)
{
    uint16_t word = espota_get_le16(in->piece), length = word & ESPOTA_CHUNK_LENGTH_MASK;
    unsigned kind = word >> CHUNK_KIND_SHIFT;
    if (kind == ESPOTA_CHUNK_CODED) {
        if (length == 0 || length > ESPOTA_CODER_SECTOR)
            return ESPOTA_AGENT_MALFORMED;
        expect(in, ESPOTA_AGENT_PART_CODED, length);
        return ESPOTA_AGENT_OK;
    }
    if (length != 0)
        return ESPOTA_AGENT_MALFORMED;
    if (kind == ESPOTA_CHUNK_STORED)
        expect(in, ESPOTA_AGENT_PART_SECTOR, SECTOR);
    else if (kind == ESPOTA_CHUNK_FILL)
        expect(in, ESPOTA_AGENT_PART_FILL, 1);
    else
        expect(in, ESPOTA_AGENT_PART_COPY, 4);
    return ESPOTA_AGENT_OK;
}

/* The sector that a chunk stands for. @return -1: it stands for none. */
static int rebuild(struct espota_agent *agent)
{
    const struct espota_agent_port *port = agent->port;
    struct espota_agent_input_stream *in = &agent->input;
    if (in->part == ESPOTA_AGENT_PART_FILL)
        memset(agent->sector, in->piece[0], SECTOR);
    else if (in->part == ESPOTA_AGENT_PART_COPY)
        return read_image(agent, espota_get_le32(in->piece), agent->sector, SECTOR);
    else if (in->part == ESPOTA_AGENT_PART_CODED)
        return port->decoder->sector(port->decoder_memory, agent->chunk, in->needs, agent->sector);
    return 0;
}

static uint8_t *chunk_buffer(struct espota_agent *agent)
{
    return agent->chunk;
}

#else

static enum espota_agent_status begin_coded(struct espota_agent *agent)
{
    (void)agent;
    return ESPOTA_AGENT_UNSUPPORTED;
}

static enum espota_agent_status take_word(struct espota_agent_input_stream *in)
{
    (void)in;
    return ESPOTA_AGENT_MALFORMED;
}

static int rebuild(struct espota_agent *agent)
{
    (void)agent;
    return 0;
}

static uint8_t *chunk_buffer(struct espota_agent *agent)
{
    return agent->sector;
}

#endif

/* ---- any ------------------------------------------------------------------------------------------------
 */

static enum espota_agent_status take_head(struct espota_agent *agent)
{
    struct espota_agent_input_stream *in = &agent->input;
    const uint8_t *head = in->piece;
    uint32_t length = espota_get_le32(head + 8);
    in->at = espota_get_le32(head + 4);
    in->end = in->at + length;
    in->coded = head[0] == ESPOTA_STREAM_CODED;
    if (head[0] > ESPOTA_STREAM_CODED)
        return ESPOTA_AGENT_UNSUPPORTED;
    if (head[3] != 0 || espota_get_le32(head + 12) != 0 || (!in->coded && (head[1] != 0 || head[2] != 0)))
        return ESPOTA_AGENT_MALFORMED;
    if (length == 0 || in->at % SECTOR != 0 || length % SECTOR != 0 ||
        !espota_agent_inside(in->at, length, 0, agent->update.limit))
        return ESPOTA_AGENT_RANGE;
    enum espota_agent_status status = in->coded ? begin_coded(agent) : ESPOTA_AGENT_OK;
    expect_sector(in);
    return status;
}

static enum espota_agent_status finish_part(struct espota_agent *agent)
{
    struct espota_agent_input_stream *in = &agent->input;
    if (in->part == ESPOTA_AGENT_PART_HEAD)
        return take_head(agent);
    if (in->part == ESPOTA_AGENT_PART_WORD)
        return take_word(in);
    return rebuild(agent) == 0 ? put_sector(agent) : ESPOTA_AGENT_MALFORMED;
}

static uint8_t *place(struct espota_agent *agent)
{
    enum espota_agent_part part = agent->input.part;
    if (part == ESPOTA_AGENT_PART_SECTOR)
        return agent->sector;
    return part == ESPOTA_AGENT_PART_CODED ? chunk_buffer(agent) : agent->input.piece;
}

static enum espota_agent_status gather(struct espota_agent *agent, const uint8_t *data, size_t length)
{
    struct espota_agent_input_stream *in = &agent->input;
    enum espota_agent_status status = ESPOTA_AGENT_OK;
    while (status == ESPOTA_AGENT_OK && length > 0) {
        size_t room = (size_t)in->needs - in->has, chunk = length < room ? length : room;
        if (room == 0) /* the stretch is over */
            return ESPOTA_AGENT_MALFORMED;
        memcpy(place(agent) + in->has, data, chunk);
        in->has = (uint16_t)(in->has + chunk);
        in->next += (uint32_t)chunk;
        data += chunk;
        length -= chunk;
        if (in->has == in->needs)
            status = finish_part(agent);
    }
    return status;
}

static void begin(struct espota_agent *agent, uint8_t number)
{
    espota_agent_drop_stream(agent);
    agent->input.open = true;
    agent->input.number = number;
    expect(&agent->input, ESPOTA_AGENT_PART_HEAD, ESPOTA_STREAM_HEAD_SIZE);
}

/* What lies below the next byte was taken before. */
static enum espota_agent_status take(struct espota_agent *agent, uint32_t offset, const uint8_t *data,
                                     size_t length)
{
    const struct espota_agent_input_stream *in = &agent->input;
    uint32_t known = in->next - offset;
    if (offset > in->next)
        return ESPOTA_AGENT_GAP;
    return known < length ? gather(agent, data + known, length - known) : ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_write(struct espota_agent *agent, const struct request *request,
                                            struct reply *reply)
{
    struct espota_agent_input_stream *in = &agent->input;
    if (!agent->update.open || agent->update.sealed)
        return ESPOTA_AGENT_ORDER;
    if (request->length <= ESPOTA_AGENT_WRITE_HEADER ||
        request->length > ESPOTA_AGENT_WRITE_HEADER + ESPOTA_AGENT_MAX_DATA)
        return ESPOTA_AGENT_MALFORMED;
    uint32_t offset = espota_get_le32(request->data);
    uint8_t number = request->data[4] >> ESPOTA_AGENT_WRITE_NUMBER_SHIFT;
    enum espota_agent_status status = ESPOTA_AGENT_GAP;
    reply->length = 4;
    espota_put_le32(reply->data, 0);
    if (request->data[4] & ESPOTA_AGENT_WRITE_START) {
        if (offset != 0)
            return ESPOTA_AGENT_MALFORMED;
        begin(agent, number);
    }
    if (!in->open || in->number != number)
        return ESPOTA_AGENT_GAP;
    status = take(agent, offset, request->data + ESPOTA_AGENT_WRITE_HEADER,
                  request->length - ESPOTA_AGENT_WRITE_HEADER);
    if (status != ESPOTA_AGENT_OK && status != ESPOTA_AGENT_GAP)
        espota_agent_drop_stream(agent);
    espota_put_le32(reply->data, in->next);
    return status;
}

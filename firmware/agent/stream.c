/* WRITE: a stream that rebuilds a stretch of an image, taken apart into sectors. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/table.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

/* The next sector, or what rebuilds it. */
static void expect_sector(struct espota_agent_input_stream *in)
{
    if (in->at == in->end)
        espota_agent_expect(in, ESPOTA_AGENT_PART_NONE, 0);
    else if (MORE_SECTORS && in->coded)
        espota_agent_expect(in, ESPOTA_AGENT_PART_WORD, CHUNK_WORD);
    else
        espota_agent_expect(in, ESPOTA_AGENT_PART_SECTOR, SECTOR);
}

/* A part stands for the sector that comes next, or is it. `*more`: a chunk holds the one behind it too, and
 * comes `again`. */
static enum espota_agent_status put_sector(struct espota_agent *agent, bool again, bool *more)
{
    struct espota_agent_input_stream *in = &agent->input;
    uint32_t offset = agent->update.partition + in->at, start = 0;
    uint8_t *sector = espota_agent_free_sector(agent);
    int left =
        MORE_SECTORS && in->part != ESPOTA_AGENT_PART_SECTOR ? espota_agent_rebuild(agent, sector, again) : 0;
    *more = BASES && left > 0;
    if (left < 0 || (*more && in->end - in->at <= SECTOR))
        return ESPOTA_AGENT_MALFORMED;
    enum espota_agent_status status = agent->port->service->prepare(agent, offset, sector, &start);
    if (status == ESPOTA_AGENT_OK && start < SECTOR)
        espota_agent_put(agent, offset, start);
    else if (MORE_SECTORS && status == ESPOTA_AGENT_OK)
        espota_agent_hash_sector(agent, sector);
    in->at += SECTOR;
    return status;
}

static enum espota_agent_status put_sectors(struct espota_agent *agent)
{
    bool more;
    enum espota_agent_status status = put_sector(agent, false, &more);
    while (BASES && status == ESPOTA_AGENT_OK && more)
        status = put_sector(agent, true, &more);
    expect_sector(&agent->input);
    return status;
}

/* Head and base are right: the body comes. */
static enum espota_agent_status begin_body(struct espota_agent *agent)
{
    struct espota_agent_input_stream *in = &agent->input;
    espota_agent_begin_stretch(agent, agent->update.partition + in->end);
    expect_sector(in);
    return MORE_SECTORS && in->coded ? espota_agent_begin_coded(agent) : ESPOTA_AGENT_OK;
}

static enum espota_agent_status check_stretch(const struct espota_agent *agent)
{
    const struct espota_agent_input_stream *in = &agent->input;
    uint32_t length = in->end - in->at;
    return length == 0 || (in->at | length) % SECTOR != 0 ||
                   !espota_agent_inside(in->at, length, 0, agent->update.limit)
               ? ESPOTA_AGENT_RANGE
               : ESPOTA_AGENT_OK;
}

/* All of the head of a stream with a base. */
static enum espota_agent_status take_based_head(struct espota_agent *agent)
{
    const struct espota_agent_service *service = agent->port->service;
    struct espota_agent_input_stream *in = &agent->input;
    const uint8_t *head = in->piece;
    in->at = espota_get_le16(head + ESPOTA_BASED_OFFSET) * (uint32_t)SECTOR;
    in->end = in->at + espota_get_le16(head + ESPOTA_BASED_LENGTH) * (uint32_t)SECTOR;
    if (head[ESPOTA_BASED_LAYOUT] > ESPOTA_LAYOUT_ALL)
        return ESPOTA_AGENT_MALFORMED;
    enum espota_agent_status status = check_stretch(agent);
    if (status == ESPOTA_AGENT_OK)
        status = espota_agent_check_base(agent);
    if (status == ESPOTA_AGENT_OK)
        status = begin_body(agent);
    return status == ESPOTA_AGENT_OK && in->at == 0 && service->make_way ? service->make_way(agent) : status;
}

static enum espota_agent_status take_head(struct espota_agent *agent)
{
    struct espota_agent_input_stream *in = &agent->input;
    const uint8_t *head = in->piece;
    in->coded = head[0] != ESPOTA_STREAM_RAW && espota_agent_decodes(agent);
    in->based =
        BASES && in->coded && head[0] == ESPOTA_STREAM_BASED && espota_agent_table_log(agent, true, 0) != 0;
    if (BASES && in->based) {
        in->part = ESPOTA_AGENT_PART_BASE;
        in->needs = ESPOTA_BASED_HEAD_SIZE;
        return ESPOTA_AGENT_OK;
    }
    if (head[0] != (in->coded ? ESPOTA_STREAM_CODED : ESPOTA_STREAM_RAW))
        return ESPOTA_AGENT_UNSUPPORTED;
    uint32_t kind = espota_get_le32(head);
    in->at = espota_get_le32(head + 4);
    in->end = in->at + espota_get_le32(head + 8);
    if ((in->coded ? kind >> 24 : kind) != 0 || espota_get_le32(head + 12) != 0)
        return ESPOTA_AGENT_MALFORMED;
    enum espota_agent_status status = check_stretch(agent);
    return status == ESPOTA_AGENT_OK ? begin_body(agent) : status;
}

static enum espota_agent_status take_map(struct espota_agent *agent)
{
    enum espota_agent_status status = espota_agent_take_map(agent);
    expect_sector(&agent->input);
    return status;
}

static enum espota_agent_status finish_part(struct espota_agent *agent)
{
    struct espota_agent_input_stream *in = &agent->input;
    if (in->part == ESPOTA_AGENT_PART_HEAD)
        return take_head(agent);
    if (BASES && in->part == ESPOTA_AGENT_PART_BASE)
        return take_based_head(agent);
    if (MORE_SECTORS && in->part == ESPOTA_AGENT_PART_WORD)
        return espota_agent_take_word(in);
    if (BASES && in->mapping)
        return take_map(agent);
    return put_sectors(agent);
}

static uint8_t *place(struct espota_agent *agent)
{
    enum espota_agent_part part = agent->input.part;
    if (part == ESPOTA_AGENT_PART_SECTOR)
        return espota_agent_free_sector(agent);
    return part == ESPOTA_AGENT_PART_CODED ? agent->chunk : agent->input.piece;
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
    espota_agent_expect(&agent->input, ESPOTA_AGENT_PART_HEAD, ESPOTA_STREAM_HEAD_SIZE);
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

enum espota_agent_status espota_agent_write(struct espota_agent *agent,
                                            const struct espota_agent_request_in *request,
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
    enum espota_agent_status status;
    reply->length = 4;
    espota_put_le32(reply->data, 0);
    if (request->data[4] & ESPOTA_AGENT_WRITE_START) {
        if (offset != 0)
            return ESPOTA_AGENT_MALFORMED;
        begin(agent, number);
        agent->request = request; /* to hash a base may take long */
        agent->told_ms = agent->port->now_ms(agent->port->context);
    }
    status = ESPOTA_AGENT_GAP;
    if (in->open && in->number == number)
        status = take(agent, offset, request->data + ESPOTA_AGENT_WRITE_HEADER,
                      request->length - ESPOTA_AGENT_WRITE_HEADER);
    if (in->part == ESPOTA_AGENT_PART_NONE)
        espota_agent_drain(agent);
    if (MORE_SECTORS && in->part == ESPOTA_AGENT_PART_NONE)
        reply->length += espota_agent_stretch_digest(agent, reply->data + 4);
    if (espota_agent_flash_failed(agent))
        status = ESPOTA_AGENT_FLASH;
    if (status != ESPOTA_AGENT_OK && status != ESPOTA_AGENT_GAP)
        espota_agent_drop_stream(agent);
    espota_put_le32(reply->data, in->next);
    return status;
}

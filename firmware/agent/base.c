/* Images that flash holds: which they are. An agent with one sector buffer does not say. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/hash.h"
#include "espota/image.h"

#include <string.h>

struct image_reader {
    struct espota_agent *agent;
    uint32_t offset;
};

static int read_image(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct image_reader *reader = context;
    return espota_agent_slot_read(reader->agent, reader->offset + offset, buffer, length);
}

/* How long is the image there, by its headers? 0: there is none. */
static enum espota_agent_status measure(struct espota_agent *agent, uint32_t offset, uint32_t room,
                                        uint32_t *length)
{
    struct image_reader reader = { agent, offset };
    struct espota_image_source source = { &reader, read_image, room };
    struct espota_image image;
    enum espota_image_verdict verdict = espota_image_parse_headers(&image, &source);
    *length = verdict == ESPOTA_IMAGE_OK ? image.length : 0;
    return verdict == ESPOTA_IMAGE_READ_FAILED ? ESPOTA_AGENT_FLASH : ESPOTA_AGENT_OK;
}

void espota_agent_forget(struct espota_agent *agent, uint32_t offset, uint32_t length)
{
    struct espota_agent_named *named = &agent->named;
    if (named->offset < offset + (uint64_t)length && offset < named->offset + named->length)
        memset(named, 0, sizeof *named);
}

static bool is_apart(const struct espota_agent *agent, uint32_t offset, uint32_t length)
{
    const struct espota_agent_update *u = &agent->update;
    return offset + (uint64_t)length <= u->partition || offset >= u->partition + (uint64_t)u->size;
}

/* The SHA-256 of an image that lies there, as it is now. What is being written will be another one. */
static enum espota_agent_status name(struct espota_agent *agent, uint32_t offset, uint32_t length,
                                     uint8_t sha256[ESPOTA_SHA256_LENGTH])
{
    struct espota_agent_named *named = &agent->named;
    enum espota_agent_status status = ESPOTA_AGENT_OK;
    if (!agent->port->alone || named->length != length || named->offset != offset) {
        named->length = 0;
        status = espota_agent_digest_range(agent, offset, length, named->sha256);
    }
    if (status != ESPOTA_AGENT_OK)
        return status;
    named->offset = offset;
    named->length = is_apart(agent, offset, length) ? length : 0;
    memcpy(sha256, named->sha256, ESPOTA_SHA256_LENGTH);
    return ESPOTA_AGENT_OK;
}

/* What this host may not read is none: what is rebuilt from it could be read. */
static bool may_build_on(const struct espota_agent *agent, uint32_t offset, uint32_t length)
{
    const struct espota_agent_service *service = agent->port->service;
    return length > 0 && length <= service->room(agent, offset) && is_apart(agent, offset, length) &&
           service->may_reach(agent, offset, length) == ESPOTA_AGENT_OK &&
           service->may_read(agent, offset, length) == ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_check_base(struct espota_agent *agent)
{
    const uint8_t *head = agent->input.piece;
    uint32_t offset = espota_get_le16(head + ESPOTA_BASED_FLASH) * (uint32_t)ESPOTA_SECTOR_SIZE,
             length = espota_get_le32(head + ESPOTA_BASED_BASE_LENGTH);
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    if (!may_build_on(agent, offset, length))
        return ESPOTA_AGENT_BASE;
    espota_agent_drain(agent);
    enum espota_agent_status status = name(agent, offset, length, sha256);
    if (status == ESPOTA_AGENT_OK &&
        memcmp(sha256, head + ESPOTA_BASED_SHA256, ESPOTA_BASED_SHA256_LENGTH) != 0)
        status = ESPOTA_AGENT_BASE;
    agent->base.offset = offset;
    agent->base.oldest = 0;
    agent->base.place = agent->base.last = 0;
    memset(agent->base.at, 0xff, sizeof agent->base.at);
    memset(agent->base.image_at, 0xff, sizeof agent->base.image_at);
    return status;
}

enum espota_agent_status espota_agent_identify(struct espota_agent *agent,
                                               const struct espota_agent_request_in *request,
                                               struct reply *reply)
{
    const struct espota_agent_service *service = agent->port->service;
    uint32_t offset = espota_get_le32(request->data), room = service->room(agent, offset), length;
    if (room == 0)
        return ESPOTA_AGENT_DENIED;
    enum espota_agent_status status = measure(agent, offset, room, &length);
    if (status == ESPOTA_AGENT_OK && length > 0)
        status = service->may_reach(agent, offset, length);
    if (status == ESPOTA_AGENT_OK && length > 0)
        status = name(agent, offset, length, reply->data + 4);
    if (status != ESPOTA_AGENT_OK)
        return status;
    espota_put_le32(reply->data, length);
    reply->length = length > 0 ? ESPOTA_AGENT_IDENTIFY_SIZE : 4;
    return ESPOTA_AGENT_OK;
}

/* All of flash, for an agent in RAM: whole sectors anywhere, and nothing promised. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/table.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

static int start(struct espota_agent *agent)
{
    (void)agent;
    return 0;
}

static enum espota_agent_status may(const struct espota_agent *agent, uint32_t offset, uint32_t length)
{
    return espota_agent_inside(offset, length, 0, agent->config->flash_size) ? ESPOTA_AGENT_OK
                                                                             : ESPOTA_AGENT_RANGE;
}

static enum espota_agent_status may_write(const struct espota_agent *agent, uint32_t offset, uint32_t length)
{
    return length == 0 || offset % SECTOR != 0 || length % SECTOR != 0 ? ESPOTA_AGENT_RANGE
                                                                       : may(agent, offset, length);
}

static enum espota_agent_status prepare(struct espota_agent *agent, uint32_t offset, const uint8_t *sector,
                                        uint32_t *from)
{
    (void)agent;
    (void)offset;
    (void)sector;
    *from = 0;
    return ESPOTA_AGENT_OK;
}

static uint32_t room(const struct espota_agent *agent, uint32_t offset)
{
    return offset < agent->config->flash_size ? agent->config->flash_size - offset : 0;
}

static enum espota_agent_status begin(struct espota_agent *agent,
                                      const struct espota_agent_request_in *request, struct reply *reply)
{
    struct espota_agent_update *u = &agent->update;
    const uint8_t *in = request->data;
    (void)reply;
    if (in[0] != ESPOTA_AGENT_BEGIN_RANGE)
        return ESPOTA_AGENT_UNSUPPORTED;
    u->partition = espota_get_le32(in + 4);
    u->limit = u->size = u->length = espota_get_le32(in + 8);
    enum espota_agent_status status = may_write(agent, u->partition, u->length);
    u->open = status == ESPOTA_AGENT_OK;
    espota_agent_forget_named(agent, u->partition, u->length);
    return status;
}

static enum espota_agent_status erase(struct espota_agent *agent,
                                      const struct espota_agent_request_in *request, struct reply *reply)
{
    (void)reply;
    uint32_t offset = espota_get_le32(request->data), length = espota_get_le32(request->data + 4);
    uint32_t end = offset + length;
    espota_agent_forget_named(agent, offset, length);
    enum espota_agent_status status = may_write(agent, offset, length);
    while (status == ESPOTA_AGENT_OK && offset < end) {
        offset = espota_agent_begin_blank(agent, offset, end);
        espota_agent_drain(agent);
        if (espota_agent_flash_failed(agent))
            status = ESPOTA_AGENT_FLASH;
    }
    return status;
}

const struct espota_agent_service espota_agent_ranges = {
    .capabilities = ESPOTA_AGENT_CAN_ALL_FLASH,
    .start = start,
    .may_reach = may,
    .may_read = may,
    .may_digest = may,
    .prepare = prepare,
    .room = room,
    .handlers = { COMMON_HANDLERS, [ESPOTA_AGENT_BEGIN] = begin, [ESPOTA_AGENT_ERASE] = erase },
};

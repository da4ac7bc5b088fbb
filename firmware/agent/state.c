/* What an agent knows without asking anybody: its session, its flash, the stream that comes in. */
#include "private.h"

#include <string.h>

bool espota_agent_serves(const struct espota_agent *agent, const struct espota_agent_stream *stream)
{
    return agent->session.stream == stream;
}

uint32_t espota_agent_silence_ms(const struct espota_agent *agent)
{
    return agent->port->now_ms(agent->port->context) - agent->session.heard_ms;
}

bool espota_agent_inside(uint32_t offset, uint32_t length, uint32_t start, uint32_t size)
{
    return offset >= start && offset - start <= size && length <= size - (offset - start);
}

bool espota_agent_is_blank(const uint8_t *data, size_t length)
{
    for (; MORE_SECTORS && length >= 4 && (data[0] & data[1] & data[2] & data[3]) == 0xff; length -= 4)
        data += 4;
    while (length > 0 && *data == 0xff) {
        data++;
        length--;
    }
    return length == 0;
}

int espota_agent_flash_read(const struct espota_agent *agent, uint32_t offset, void *buffer, size_t length)
{
    return agent->port->flash_read(agent->port->context, offset, buffer, length);
}

int espota_agent_slot_read(const struct espota_agent *agent, uint32_t offset, void *buffer, size_t length)
{
    const struct espota_agent_update *u = &agent->update;
    if (espota_agent_flash_read(agent, offset, buffer, length) != 0)
        return -1;
    for (uint32_t i = 0; u->held && i < sizeof u->header; i++)
        if (u->partition + i >= offset && u->partition + i - offset < length)
            ((uint8_t *)buffer)[u->partition + i - offset] = u->header[i];
    return 0;
}

void espota_agent_drop_stream(struct espota_agent *agent)
{
    memset(&agent->input, 0, sizeof agent->input);
}

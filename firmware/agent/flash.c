/* Sectors into flash. */
#include "private.h"

#include "espota/table.h"

#include <string.h>

enum { PAGE = 256, PIECE = 32 };

/* Until the operation that began is over. */
static int wait_idle(const struct espota_agent *agent)
{
    const struct espota_agent_port *port = agent->port;
    int busy = 1;
    if (!port->flash_busy)
        return 0;
    while (busy > 0) {
        espota_agent_relax(agent);
        busy = port->flash_busy(port->context);
    }
    return busy;
}

int espota_agent_erase(struct espota_agent *agent, uint32_t offset)
{
    const struct espota_agent_port *port = agent->port;
    return port->flash_erase(port->context, offset, ESPOTA_SECTOR_SIZE) == 0 ? wait_idle(agent) : -1;
}

int espota_agent_program(struct espota_agent *agent, uint32_t offset, const uint8_t *data, size_t length)
{
    const struct espota_agent_port *port = agent->port;
    while (length > 0) {
        size_t room = PAGE - offset % PAGE, chunk = length < room ? length : room;
        if (!espota_agent_is_blank(data, chunk) &&
            (port->flash_program(port->context, offset, data, chunk) != 0 || wait_idle(agent) != 0))
            return -1;
        offset += (uint32_t)chunk;
        data += chunk;
        length -= chunk;
    }
    return 0;
}

int espota_agent_compare(const struct espota_agent *agent, uint32_t offset, const uint8_t *sector,
                         uint32_t start, bool *same, bool *blank)
{
    uint8_t piece[PIECE];
    *same = true;
    *blank = true;
    for (uint32_t at = start; at < ESPOTA_SECTOR_SIZE; at += sizeof piece) {
        if (espota_agent_flash_read(agent, offset + at, piece, sizeof piece) != 0)
            return -1;
        *same = *same && memcmp(piece, sector + at, sizeof piece) == 0;
        *blank = *blank && espota_agent_is_blank(piece, sizeof piece);
    }
    return 0;
}

/* One that is there already costs no erase. */
enum espota_agent_status espota_agent_put(struct espota_agent *agent, uint32_t offset, uint32_t start)
{
    bool same, blank;
    if (espota_agent_compare(agent, offset, agent->sector, start, &same, &blank) != 0)
        return ESPOTA_AGENT_FLASH;
    if (same)
        return ESPOTA_AGENT_OK;
    if (!blank && espota_agent_erase(agent, offset) != 0)
        return ESPOTA_AGENT_FLASH;
    if (espota_agent_program(agent, offset + start, agent->sector + start, ESPOTA_SECTOR_SIZE - start) != 0 ||
        espota_agent_compare(agent, offset, agent->sector, start, &same, &blank) != 0 || !same)
        return ESPOTA_AGENT_FLASH;
    return ESPOTA_AGENT_OK;
}

/* Sectors that are known to be blank: whoever asked for digests of blank flash is going to write to it, and
 * what was read once need not be read again. */
#include "private.h"

#include "espota/table.h"

#include <string.h>

void espota_agent_saw_sector(struct espota_agent *agent, uint32_t offset, bool blank)
{
    uint32_t sector = offset / ESPOTA_SECTOR_SIZE;
    uint8_t bit = (uint8_t)(1u << sector % 8), *at;
    if (!KNOWS_BLANK || sector / 8 >= sizeof agent->blank)
        return;
    at = agent->blank + sector / 8;
    *at = (uint8_t)(blank && agent->port->alone && !agent->port->encrypted ? *at | bit : *at & ~bit);
}

bool espota_agent_saw_blank(const struct espota_agent *agent, uint32_t offset)
{
    uint32_t sector = offset / ESPOTA_SECTOR_SIZE;
    return KNOWS_BLANK && sector / 8 < sizeof agent->blank && agent->blank[sector / 8] >> sector % 8 & 1;
}

void espota_agent_saw_none(struct espota_agent *agent)
{
    memset(agent->blank, 0, sizeof agent->blank);
}

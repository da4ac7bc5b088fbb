/* Lines of the base: what was read of it last, and what comes next. Reading waits for flash, and the decoder
 * for that; with enough lines it goes on while a block is erased. */
#include "private.h"

#include <string.h>

enum {
    LINE = ESPOTA_AGENT_BASE_LINE,
    LINES = ESPOTA_AGENT_BASE_LINES,
    AHEAD = 4, /* lines that are read at once */
    KEPT = 16, /* that are left in place when more are fetched */
};

static const uint8_t *known_line(const struct espota_agent_base *b, uint32_t at)
{
    for (unsigned i = 0; i < LINES; i++)
        if (b->at[i] == at)
            return b->line[i];
    return NULL;
}

/* The base is read on from one line to the next, but for a look elsewhere now and then. */
const uint8_t *espota_agent_base_line(struct espota_agent *agent, uint32_t at)
{
    struct espota_agent_base *b = &agent->base;
    if (at == b->place + LINE || (at > 0 && at == b->last + LINE))
        b->place = at;
    b->last = at;
    return known_line(b, at);
}

/* `count` lines from `at` on into places that lie side by side, `count` of which are left before the last. */
static uint8_t *read_lines(struct espota_agent *agent, uint32_t at, unsigned count)
{
    struct espota_agent_base *b = &agent->base;
    unsigned most = espota_agent_base_lines(agent), i = (b->oldest + count - 1u) / count * count % most;
    uint32_t left = agent->image.base_length - at;
    for (unsigned k = 0; k < count; k++)
        b->at[i + k] = UINT32_MAX;
    if (espota_agent_flash_read(agent, b->offset + at, b->line[i],
                                count * LINE < left ? count * LINE : left) != 0)
        return NULL;
    for (unsigned k = 0; k < count && k * LINE < left; k++)
        b->at[i + k] = at + k * LINE;
    b->oldest = (uint8_t)((i + count) % most);
    return b->line[i];
}

const uint8_t *espota_agent_read_lines(struct espota_agent *agent, uint32_t at)
{
    bool on = at > 0 && known_line(&agent->base, at - LINE);
    return agent->flash.failed ? NULL : read_lines(agent, at, on ? AHEAD : 1);
}

void espota_agent_fetch_lines(struct espota_agent *agent)
{
    const struct espota_agent_base *b = &agent->base;
    unsigned count = espota_agent_base_lines(agent);
    if (!agent->input.based || agent->input.mapping || agent->input.at == agent->input.end)
        return;
    for (uint32_t at = b->place; count > KEPT && at < agent->image.base_length; at += LINE, count--)
        if (!known_line(b, at))
            (void)read_lines(agent, at, 1);
}

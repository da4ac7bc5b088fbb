/* Writing an image into a slot. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/hash.h"
#include "espota/table.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum espota_agent_status espota_agent_begin(struct espota_agent *agent, const struct request *request,
                                            struct reply *reply)
{
    const uint8_t *in = request->data;
    struct espota_agent_update *u = &agent->update;
    struct espota_table_problem problem;
    (void)reply;
    memset(u, 0, sizeof *u);
    if (request->length < 1)
        return ESPOTA_AGENT_MALFORMED;
    if (in[0] != ESPOTA_AGENT_RAW)
        return ESPOTA_AGENT_UNSUPPORTED;
    if (request->length != 12 + ESPOTA_SHA256_LENGTH)
        return ESPOTA_AGENT_MALFORMED;
    const struct espota_partition *p = espota_agent_app_at(agent, espota_get_le32(in + 4));
    if (!p || !espota_agent_inside(p->offset, p->size, 0, agent->config->flash_size) ||
        espota_table_verify_writable(&agent->table, p, &problem) != 0)
        return ESPOTA_AGENT_DENIED;
    if (p->offset == agent->config->running_offset)
        return ESPOTA_AGENT_RUNNING;
    enum espota_agent_status status = espota_agent_check_trial(agent);
    if (status != ESPOTA_AGENT_OK)
        return status;
    u->length = espota_get_le32(in + 8);
    if (u->length == 0 || u->length > espota_partition_capacity(p))
        return ESPOTA_AGENT_SIZE;
    if (agent->port->allow_update && !agent->port->allow_update(agent->port->context, p->offset, u->length))
        return ESPOTA_AGENT_NOT_NOW;
    u->partition = p->offset;
    u->size = p->size;
    memcpy(u->sha256, in + 12, sizeof u->sha256);
    u->open = true;
    return ESPOTA_AGENT_OK;
}

/* Does flash hold this part of the sector buffer? `*blank`: it holds nothing but FF there. */
static int compare(const struct espota_agent *agent, uint32_t offset, uint32_t start, bool *same, bool *blank)
{
    uint8_t piece[32];
    *same = true;
    *blank = true;
    for (uint32_t at = start; at < SECTOR; at += sizeof piece) {
        if (espota_agent_flash_read(agent, offset + at, piece, sizeof piece) != 0)
            return -1;
        *same = *same && memcmp(piece, agent->sector + at, sizeof piece) == 0;
        *blank = *blank && espota_agent_is_blank(piece, sizeof piece);
    }
    return 0;
}

/* From here on no rule of the bootloader starts this slot: otadata asks for the app that runs, and the slot
 * has no header. */
static enum espota_agent_status clear(struct espota_agent *agent)
{
    struct espota_agent_update *u = &agent->update;
    const struct espota_agent_port *port = agent->port;
    uint8_t header[ESPOTA_AGENT_HEADER];
    enum espota_agent_status status = espota_agent_settle(agent);
    if (status != ESPOTA_AGENT_OK)
        return status;
    if (espota_agent_flash_read(agent, u->partition, header, sizeof header) != 0)
        return ESPOTA_AGENT_FLASH;
    if (!espota_agent_is_blank(header, sizeof header) && port->flash_erase(port->context, u->partition) != 0)
        return ESPOTA_AGENT_FLASH;
    u->cleared = true;
    return u->running_run ? ESPOTA_AGENT_OK : ESPOTA_AGENT_GAP; /* the sector buffer was needed */
}

/* Bring the sector into flash, from `start` on; one that is there already costs no erase. */
static enum espota_agent_status put_sector(struct espota_agent *agent, uint32_t offset, uint32_t start)
{
    const struct espota_agent_port *port = agent->port;
    bool same, blank;
    if (compare(agent, offset, start, &same, &blank) != 0)
        return ESPOTA_AGENT_FLASH;
    if (same)
        return ESPOTA_AGENT_OK;
    if (!blank && port->flash_erase(port->context, offset) != 0)
        return ESPOTA_AGENT_FLASH;
    if (port->flash_program(port->context, offset + start, agent->sector + start, SECTOR - start) != 0 ||
        compare(agent, offset, start, &same, &blank) != 0 || !same)
        return ESPOTA_AGENT_FLASH;
    return ESPOTA_AGENT_OK;
}

/* A sector is there. The first one without its header, which is held back. */
static enum espota_agent_status commit(struct espota_agent *agent, uint32_t offset)
{
    struct espota_agent_update *u = &agent->update;
    bool first = offset == u->partition, same, blank;
    if (!u->cleared) {
        if (compare(agent, offset, 0, &same, &blank) != 0)
            return ESPOTA_AGENT_FLASH;
        enum espota_agent_status status = same ? ESPOTA_AGENT_OK : clear(agent);
        if (same || status != ESPOTA_AGENT_OK)
            return status;
    }
    if (first) {
        memcpy(u->header, agent->sector, sizeof u->header);
        u->held = true;
    }
    return put_sector(agent, offset, first ? sizeof u->header : 0);
}

/* Copy data into the sector buffer, committing each sector that it fills. */
static enum espota_agent_status gather(struct espota_agent *agent, const uint8_t *data, size_t length)
{
    struct espota_agent_update *u = &agent->update;
    while (length > 0) {
        size_t at = u->next % SECTOR;
        size_t room = SECTOR - at;
        size_t chunk = length < room ? length : room;
        memcpy(agent->sector + at, data, chunk);
        if (chunk == room) {
            enum espota_agent_status status = commit(agent, u->partition + (u->next - (uint32_t)at));
            if (status != ESPOTA_AGENT_OK) {
                u->next -= (uint32_t)at;
                u->running_run = false;
                return status;
            }
        }
        u->next += (uint32_t)chunk;
        data += chunk;
        length -= chunk;
    }
    return ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_write(struct espota_agent *agent, const struct request *request,
                                            struct reply *reply)
{
    struct espota_agent_update *u = &agent->update;
    if (!u->open || u->sealed)
        return ESPOTA_AGENT_ORDER;
    if (request->length <= ESPOTA_AGENT_WRITE_HEADER ||
        request->length > ESPOTA_AGENT_WRITE_HEADER + ESPOTA_AGENT_MAX_DATA)
        return ESPOTA_AGENT_MALFORMED;
    uint32_t offset = espota_get_le32(request->data);
    uint32_t length = (uint32_t)(request->length - ESPOTA_AGENT_WRITE_HEADER);
    uint32_t limit = (u->length + SECTOR - 1) / SECTOR * SECTOR;
    enum espota_agent_status status = ESPOTA_AGENT_OK;
    if (!espota_agent_inside(offset, length, 0, limit <= u->size ? limit : u->size))
        return ESPOTA_AGENT_RANGE;
    if (request->data[4] & ESPOTA_AGENT_WRITE_START) {
        if (offset % SECTOR != 0)
            return ESPOTA_AGENT_RANGE;
        u->running_run = true;
        u->next = offset;
    }
    if (!u->running_run || offset > u->next)
        status = ESPOTA_AGENT_GAP;
    else if (offset + length > u->next) /* what lies below was taken before */
        status = gather(agent, request->data + ESPOTA_AGENT_WRITE_HEADER + (u->next - offset),
                        offset + length - u->next);
    espota_put_le32(reply->data, u->next);
    reply->length = 4;
    return status;
}

/* All is in order: the header goes to flash, and nothing after it. */
static enum espota_agent_status seal(struct espota_agent *agent)
{
    struct espota_agent_update *u = &agent->update;
    const struct espota_agent_port *port = agent->port;
    uint8_t back[ESPOTA_AGENT_HEADER];
    if (u->held && (port->flash_program(port->context, u->partition, u->header, sizeof u->header) != 0 ||
                    espota_agent_flash_read(agent, u->partition, back, sizeof back) != 0 ||
                    memcmp(back, u->header, sizeof back) != 0))
        return ESPOTA_AGENT_FLASH;
    u->held = false;
    u->cleared = false;
    u->sealed = true;
    return ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_verify(struct espota_agent *agent, const struct request *request,
                                             struct reply *reply)
{
    const struct espota_agent_update *u = &agent->update;
    if (request->length != 0)
        return ESPOTA_AGENT_MALFORMED;
    if (!u->open)
        return ESPOTA_AGENT_ORDER;
    enum espota_agent_status status = espota_agent_digest_range(agent, u->partition, u->length, reply->data);
    if (status != ESPOTA_AGENT_OK)
        return status;
    reply->length = ESPOTA_SHA256_LENGTH;
    if (memcmp(reply->data, u->sha256, sizeof u->sha256) != 0)
        return ESPOTA_AGENT_BAD_DIGEST;
    status = espota_agent_examine(agent, espota_agent_app_at(agent, u->partition));
    return status == ESPOTA_AGENT_OK ? seal(agent) : status;
}

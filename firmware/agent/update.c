/* Writing an image into a slot. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/hash.h"
#include "espota/table.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

static int load_table(struct espota_agent *agent)
{
    struct espota_table_problem problem;
    if (agent->port->flash_read(agent->port->context, agent->config->table_offset, agent->sector[0],
                                ESPOTA_TABLE_BINARY_SIZE) != 0)
        return -1;
    return espota_table_parse_flash(&agent->table, agent->sector[0], ESPOTA_TABLE_BINARY_SIZE,
                                    agent->config->table_offset, agent->config->flash_size, agent->port->md5,
                                    &problem);
}

static enum espota_agent_status begin(struct espota_agent *agent,
                                      const struct espota_agent_request_in *request, struct reply *reply)
{
    const uint8_t *in = request->data;
    struct espota_agent_update *u = &agent->update;
    struct espota_table_problem problem;
    (void)reply;
    if (in[0] != 0)
        return ESPOTA_AGENT_UNSUPPORTED;
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
    u->limit = (u->length + SECTOR - 1) / SECTOR * SECTOR;
    if (u->limit > u->size)
        u->limit = u->size;
    memcpy(u->sha256, in + 12, sizeof u->sha256);
    u->open = true;
    espota_agent_forget_named(agent, u->partition, u->size);
    return ESPOTA_AGENT_OK;
}

/* The slot is written from its start on: with its header goes what one erase does well. */
static enum espota_agent_status clear_ahead(struct espota_agent *agent)
{
    struct espota_agent_flash *flash = &agent->flash;
    flash->blank_end = espota_agent_begin_blank(agent, agent->update.partition, flash->end);
    espota_agent_drain(agent);
    agent->update.cleared = !flash->failed;
    return flash->failed ? ESPOTA_AGENT_FLASH : ESPOTA_AGENT_OK;
}

/* From here on no rule of the bootloader starts this slot: otadata asks for the app that runs, and the slot
 * has no header. With it goes its whole sector: a stretch from behind that is not said to be all that was
 * missing. */
static enum espota_agent_status clear(struct espota_agent *agent, uint32_t offset)
{
    struct espota_agent_update *u = &agent->update;
    uint8_t header[ESPOTA_AGENT_HEADER];
    enum espota_agent_status status = espota_agent_settle(agent);
    if (status != ESPOTA_AGENT_OK)
        return status;
    if (espota_agent_flash_read(agent, u->partition, header, sizeof header) != 0)
        return ESPOTA_AGENT_FLASH;
    u->cleared = true;
    if (espota_agent_is_blank(header, sizeof header))
        return ESPOTA_AGENT_OK;
    if (MORE_SECTORS && offset == u->partition)
        return clear_ahead(agent);
    if (MORE_SECTORS)
        agent->hashed = false;
    u->cleared = espota_agent_erase(agent, u->partition) == 0;
    return u->cleared ? ESPOTA_AGENT_OK : ESPOTA_AGENT_FLASH;
}

/* Nothing starts this slot when its erasing begins, and that its header is gone then is seen when the first
 * sector comes. Where it is gone already, what lies behind it may be the beginning of this image: it stays
 * until it is known to be another's. */
static enum espota_agent_status make_way(struct espota_agent *agent)
{
    struct espota_agent_flash *flash = &agent->flash;
    uint32_t slot = agent->update.partition;
    uint8_t header[ESPOTA_AGENT_HEADER];
    enum espota_agent_status status = agent->update.cleared ? ESPOTA_AGENT_OK : espota_agent_settle(agent);
    if (status != ESPOTA_AGENT_OK || agent->update.cleared)
        return status;
    if (espota_agent_flash_read(agent, slot, header, sizeof header) != 0)
        return ESPOTA_AGENT_FLASH;
    if (!espota_agent_is_blank(header, sizeof header))
        flash->blank_end = espota_agent_begin_blank(agent, slot, flash->end);
    return ESPOTA_AGENT_OK;
}

/* The first change of a slot clears it; the header of its first sector is held back. */
static enum espota_agent_status prepare(struct espota_agent *agent, uint32_t offset, const uint8_t *sector,
                                        uint32_t *start)
{
    struct espota_agent_update *u = &agent->update;
    if (!u->cleared) {
        if (espota_agent_flash_holds(agent, offset, sector)) {
            *start = SECTOR;
            return ESPOTA_AGENT_OK;
        }
        enum espota_agent_status status = clear(agent, offset);
        if (status != ESPOTA_AGENT_OK)
            return status;
    }
    if (offset == u->partition) {
        memcpy(u->header, sector, sizeof u->header);
        u->held = true;
        *start = sizeof u->header;
    }
    return ESPOTA_AGENT_OK;
}

/* All is in order: the header goes to flash, and nothing after it; where that fails, it may be there all the
 * same, and a write has to clear the slot again. */
static enum espota_agent_status seal(struct espota_agent *agent)
{
    struct espota_agent_update *u = &agent->update;
    uint8_t back[ESPOTA_AGENT_HEADER];
    u->cleared = false;
    if (u->held && (espota_agent_program(agent, u->partition, u->header, sizeof u->header) != 0 ||
                    espota_agent_flash_read(agent, u->partition, back, sizeof back) != 0 ||
                    memcmp(back, u->header, sizeof back) != 0))
        return ESPOTA_AGENT_FLASH;
    u->held = false;
    u->sealed = true;
    return ESPOTA_AGENT_OK;
}

static enum espota_agent_status verify(struct espota_agent *agent,
                                       const struct espota_agent_request_in *request, struct reply *reply)
{
    struct espota_agent_update *u = &agent->update;
    (void)request;
    if (!u->open)
        return ESPOTA_AGENT_ORDER;
    u->sealed = false; /* what was in order once need not be now */
    enum espota_agent_status status = espota_agent_examine_as(agent, espota_agent_app_at(agent, u->partition),
                                                              u->length, u->sha256, reply->data);
    /* what it is goes with what is wrong with it */
    bool digested =
        status != ESPOTA_AGENT_DENIED && status != ESPOTA_AGENT_FLASH && status != ESPOTA_AGENT_CRYPTO;
    reply->length = digested ? ESPOTA_SHA256_LENGTH : 0;
    return status == ESPOTA_AGENT_OK ? seal(agent) : status;
}

const struct espota_agent_service espota_agent_slots = {
    .start = load_table,
    .may_reach = espota_agent_slots_may_reach,
    .may_read = espota_agent_slots_may_read,
    .may_digest = espota_agent_slots_may_digest,
    .prepare = prepare,
    .make_way = BASES ? make_way : NULL,
    .room = MORE_SECTORS ? espota_agent_slots_room : NULL,
    .handlers = { COMMON_HANDLERS, [ESPOTA_AGENT_BEGIN] = begin, [ESPOTA_AGENT_VERIFY] = verify,
                  [ESPOTA_AGENT_SELECT] = espota_agent_select, [ESPOTA_AGENT_CONFIRM] = espota_agent_confirm,
                  [ESPOTA_AGENT_ROLLBACK] = espota_agent_rollback },
};

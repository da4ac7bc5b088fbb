/* otadata: which app boots next. */
#include "private.h"

#include "espota/bytes.h"

#include <string.h>

#define RECORD ESPOTA_OTADATA_RECORD_SIZE

static const struct espota_partition *otadata_partition(const struct espota_agent *agent)
{
    struct espota_table_problem problem;
    const struct espota_partition *p = espota_table_otadata(&agent->table);
    bool good = p && espota_agent_inside(p->offset, ESPOTA_OTADATA_SIZE, 0, agent->config->flash_size);
    return good && espota_table_verify_writable(&agent->table, p, &problem) == 0 ? p : NULL;
}

static int load(const struct espota_agent *agent, uint32_t offset, struct espota_otadata *otadata)
{
    uint8_t data[RECORD];
    for (int i = 0; i < 2; i++) {
        uint32_t at = offset + (uint32_t)i * ESPOTA_SECTOR_SIZE;
        if (agent->port->flash_read(agent->port->context, at, data, sizeof data) != 0)
            return -1;
        espota_otadata_record_parse(&otadata->record[i], data);
    }
    return 0;
}

/* Each record has a sector of its own; the other one stays in charge until this one is whole. */
static enum espota_agent_status store(const struct espota_agent *agent, uint32_t offset,
                                      const struct espota_otadata *otadata, int record)
{
    const struct espota_agent_port *port = agent->port;
    uint8_t data[RECORD], back[RECORD];
    uint32_t at = offset + (uint32_t)record * ESPOTA_SECTOR_SIZE;
    espota_otadata_record_format(&otadata->record[record], data);
    if (port->flash_erase(port->context, at) != 0 ||
        port->flash_program(port->context, at, data, sizeof data) != 0 ||
        port->flash_read(port->context, at, back, sizeof back) != 0 || memcmp(data, back, sizeof back) != 0)
        return ESPOTA_AGENT_FLASH;
    return ESPOTA_AGENT_OK;
}

/* The factory app boots when otadata says nothing. The record in charge goes last. */
static enum espota_agent_status erase_both(const struct espota_agent *agent, uint32_t offset,
                                           const struct espota_otadata *otadata)
{
    const struct espota_agent_port *port = agent->port;
    uint32_t last = espota_otadata_active(otadata) == 1 ? 1 : 0;
    if (port->flash_erase(port->context, offset + (1 - last) * ESPOTA_SECTOR_SIZE) != 0 ||
        port->flash_erase(port->context, offset + last * ESPOTA_SECTOR_SIZE) != 0)
        return ESPOTA_AGENT_FLASH;
    return ESPOTA_AGENT_OK;
}

static enum espota_agent_status select_slot(const struct espota_agent *agent, uint32_t offset,
                                            const struct espota_partition *partition, uint32_t state,
                                            struct espota_otadata *otadata)
{
    struct espota_otadata before = *otadata;
    int record = espota_otadata_select(otadata, (unsigned)(partition->subtype - ESPOTA_APP_OTA_0),
                                       espota_table_slot_count(&agent->table), state);
    if (record < 0)
        return ESPOTA_AGENT_STATE;
    if (memcmp(&before, otadata, sizeof before) == 0)
        return ESPOTA_AGENT_OK;
    return store(agent, offset, otadata, record);
}

enum espota_agent_status espota_agent_select(struct espota_agent *agent, const struct request *request,
                                             struct reply *reply)
{
    struct espota_otadata otadata;
    const struct espota_partition *place = otadata_partition(agent);
    (void)reply;
    if (request->length != 8)
        return ESPOTA_AGENT_MALFORMED;
    const struct espota_partition *p = espota_agent_app_at(agent, espota_get_le32(request->data));
    uint32_t state = espota_get_le32(request->data + 4);
    if (!p)
        return ESPOTA_AGENT_DENIED;
    if (!place || (state != ESPOTA_OTA_UNDEFINED && state != ESPOTA_OTA_NEW))
        return ESPOTA_AGENT_STATE;
    if (state == ESPOTA_OTA_NEW && (!agent->config->rollback || p->subtype == ESPOTA_APP_FACTORY))
        return ESPOTA_AGENT_UNSUPPORTED;
    enum espota_agent_status status = espota_agent_examine(agent, p);
    if (status != ESPOTA_AGENT_OK)
        return status;
    if (load(agent, place->offset, &otadata) != 0)
        return ESPOTA_AGENT_FLASH;
    return p->subtype == ESPOTA_APP_FACTORY ? erase_both(agent, place->offset, &otadata)
                                            : select_slot(agent, place->offset, p, state, &otadata);
}

/* The running slot's record gets `state`. */
static enum espota_agent_status mark(struct espota_agent *agent, uint32_t state)
{
    struct espota_otadata otadata;
    const struct espota_partition *place = otadata_partition(agent);
    const struct espota_partition *running = espota_agent_app_at(agent, agent->config->running_offset);
    if (!place || !running || !espota_partition_is_slot(running))
        return ESPOTA_AGENT_STATE;
    if (load(agent, place->offset, &otadata) != 0)
        return ESPOTA_AGENT_FLASH;
    int record = espota_otadata_mark(&otadata, (unsigned)(running->subtype - ESPOTA_APP_OTA_0),
                                     espota_table_slot_count(&agent->table), state);
    if (record == -1)
        return ESPOTA_AGENT_STATE;
    return record < 0 ? ESPOTA_AGENT_OK : store(agent, place->offset, &otadata, record);
}

enum espota_agent_status espota_agent_confirm(struct espota_agent *agent, const struct request *request,
                                              struct reply *reply)
{
    (void)reply;
    return request->length == 0 ? mark(agent, ESPOTA_OTA_VALID) : ESPOTA_AGENT_MALFORMED;
}

/* What would boot if the running slot were out of the question? */
static bool has_other_app(struct espota_agent *agent)
{
    for (unsigned i = 0; i < agent->table.count; i++) {
        const struct espota_partition *p = espota_agent_app_at(agent, agent->table.entry[i].offset);
        if (p && p->offset != agent->config->running_offset &&
            espota_agent_examine(agent, p) == ESPOTA_AGENT_OK)
            return true;
    }
    return false;
}

enum espota_agent_status espota_agent_rollback(struct espota_agent *agent, const struct request *request,
                                               struct reply *reply)
{
    (void)reply;
    if (request->length != 0)
        return ESPOTA_AGENT_MALFORMED;
    return has_other_app(agent) ? mark(agent, ESPOTA_OTA_INVALID) : ESPOTA_AGENT_IMAGE;
}

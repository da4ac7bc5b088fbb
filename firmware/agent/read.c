/* What is in flash: who the device is, reads and digests. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/hash.h"
#include "espota/table.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum {
    PIECE = 256,        /* bytes that are hashed before others get their turn */
    LARGEST_TABLE = 24, /* log2 */
};

uint8_t espota_agent_table_log(const struct espota_agent *agent, bool base, unsigned deep)
{
    const struct espota_agent_port *port = agent->port;
    unsigned log = espota_agent_decodes(agent) ? LARGEST_TABLE : 0;
    for (size_t size; log > 0; log--) {
        size = base ? port->decoder->memory_with_base(log | deep) : port->decoder->memory(log | deep);
        if (size > 0 && size <= port->decoder_memory_size)
            break;
    }
    return (uint8_t)log;
}

enum espota_agent_status espota_agent_info(struct espota_agent *agent,
                                           const struct espota_agent_request_in *request, struct reply *reply)
{
    const struct espota_agent_config *config = agent->config;
    uint8_t *out = reply->data;
    (void)request;
    espota_put_le16(out, config->chip_id);
    memcpy(out + 2, config->mac, 6);
    espota_put_le32(out + 8, config->flash_size);
    espota_put_le32(out + 12, config->table_offset);
    espota_put_le32(out + 16, config->running_offset);
    memset(out + 20, 0, ESPOTA_AGENT_INFO_SIZE - 20);
    for (size_t i = 0; i < ESPOTA_AGENT_NAME_SIZE - 1 && config->name[i]; i++)
        out[20 + i] = (uint8_t)config->name[i];
    out += 20 + ESPOTA_AGENT_NAME_SIZE;
    espota_put_le32(out, config->flash_id);
    espota_put_le16(out + 4, config->cpu_mhz);
    out[6] =
        (uint8_t)(1u << ESPOTA_STREAM_RAW | (espota_agent_decodes(agent) ? 1u << ESPOTA_STREAM_CODED : 0));
    out[7] = (uint8_t)config->isa;
    out[8] = espota_agent_table_log(agent, false, 0);
    out[9] = BASES ? espota_agent_table_log(agent, true, 0) : 0;
    if (BASES && out[9] != 0)
        out[6] |= 1u << ESPOTA_STREAM_BASED;
    out[10] = espota_agent_table_log(agent, false, ESPOTA_CODER_DEEP);
    reply->length = ESPOTA_AGENT_INFO_SIZE;
    return ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_read(struct espota_agent *agent,
                                           const struct espota_agent_request_in *request, struct reply *reply)
{
    uint32_t offset = espota_get_le32(request->data);
    uint16_t length = espota_get_le16(request->data + 4);
    if (length == 0 || length > ESPOTA_AGENT_MAX_DATA)
        return ESPOTA_AGENT_RANGE;
    const struct espota_agent_service *service = agent->port->service;
    enum espota_agent_status status = service->may_reach(agent, offset, length);
    if (status == ESPOTA_AGENT_OK)
        status = service->may_read(agent, offset, length);
    if (status == ESPOTA_AGENT_OK && espota_agent_slot_read(agent, offset, reply->data, length) != 0)
        status = ESPOTA_AGENT_FLASH;
    if (status == ESPOTA_AGENT_OK)
        reply->length = length;
    return status;
}

enum espota_agent_status espota_agent_digest_rest(struct espota_agent *agent, uint32_t offset,
                                                  uint32_t length, uint8_t digest[ESPOTA_SHA256_LENGTH])
{
    const struct espota_hash *h = &agent->port->sha256;
    uint8_t piece[PIECE];
    bool blank = false; /* the sector so far, from its start */
    while (length > 0) {
        uint32_t chunk = length < PIECE ? length : PIECE;
        espota_agent_relax(agent);
        espota_agent_say_working(agent);
        if (espota_agent_slot_read(agent, offset, piece, chunk) != 0)
            return ESPOTA_AGENT_FLASH;
        if (h->update(h->context, piece, chunk) != 0)
            return ESPOTA_AGENT_CRYPTO;
        blank = KNOWS_BLANK && (blank || offset % SECTOR == 0) && espota_agent_is_blank(piece, chunk);
        offset += chunk;
        length -= chunk;
        if (KNOWS_BLANK && blank && offset % SECTOR == 0)
            espota_agent_saw_sector(agent, offset - SECTOR, true);
    }
    return h->finish(h->context, digest) == 0 ? ESPOTA_AGENT_OK : ESPOTA_AGENT_CRYPTO;
}

enum espota_agent_status espota_agent_digest_range(struct espota_agent *agent, uint32_t offset,
                                                   uint32_t length, uint8_t digest[ESPOTA_SHA256_LENGTH])
{
    const struct espota_hash *h = &agent->port->sha256;
    enum espota_agent_status status = agent->port->service->may_digest(agent, offset, length);
    if (status != ESPOTA_AGENT_OK)
        return status;
    return h->begin(h->context) == 0 ? espota_agent_digest_rest(agent, offset, length, digest)
                                     : ESPOTA_AGENT_CRYPTO;
}

enum espota_agent_status espota_agent_digest(struct espota_agent *agent,
                                             const struct espota_agent_request_in *request,
                                             struct reply *reply)
{
    uint32_t offset = espota_get_le32(request->data);
    uint32_t length = espota_get_le32(request->data + 4);
    uint32_t block = espota_get_le32(request->data + 8);
    enum espota_agent_status status = agent->port->service->may_reach(agent, offset, length);
    if (status != ESPOTA_AGENT_OK)
        return status;
    if (block == 0)
        block = length;
    if (length == 0 || (length - 1) / block + 1 > ESPOTA_AGENT_MAX_DATA / ESPOTA_SHA256_LENGTH)
        return ESPOTA_AGENT_RANGE;
    while (length > 0) {
        uint32_t part = length < block ? length : block;
        status = espota_agent_digest_range(agent, offset, part, reply->data + reply->length);
        if (status != ESPOTA_AGENT_OK) {
            reply->length = 0;
            return status;
        }
        reply->length += ESPOTA_SHA256_LENGTH;
        offset += part;
        length -= part;
    }
    return ESPOTA_AGENT_OK;
}

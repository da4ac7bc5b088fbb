/* What is in flash, and writing an image into a slot. */
#include "private.h"

#include "espota/bytes.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum espota_agent_status espota_agent_info(struct espota_agent *agent, const struct request *request,
                                           struct reply *reply)
{
    const struct espota_agent_config *config = agent->config;
    uint8_t *out = reply->data;
    if (request->length != 0)
        return ESPOTA_AGENT_MALFORMED;
    espota_put_le16(out, config->chip_id);
    memcpy(out + 2, config->mac, 6);
    espota_put_le32(out + 8, config->flash_size);
    espota_put_le32(out + 12, config->table_offset);
    espota_put_le32(out + 16, config->running_offset);
    memset(out + 20, 0, ESPOTA_AGENT_NAME_SIZE);
    for (size_t i = 0; i < ESPOTA_AGENT_NAME_SIZE - 1 && config->name[i]; i++)
        out[20 + i] = (uint8_t)config->name[i];
    reply->length = 20 + ESPOTA_AGENT_NAME_SIZE;
    return ESPOTA_AGENT_OK;
}

const struct espota_partition *espota_agent_app_at(const struct espota_agent *agent, uint32_t offset)
{
    for (unsigned i = 0; i < agent->table.count; i++) {
        const struct espota_partition *p = &agent->table.entry[i];
        bool bootable =
            p->type == ESPOTA_TYPE_APP && (p->subtype == ESPOTA_APP_FACTORY || espota_partition_is_slot(p));
        if (bootable && p->offset == offset)
            return p;
    }
    return NULL;
}

static bool inside(uint32_t offset, uint32_t length, uint32_t start, uint32_t size)
{
    return offset >= start && offset - start <= size && length <= size - (offset - start);
}

/* The table, otadata and apps may be read; data partitions hold secrets. */
static enum espota_agent_status readable(const struct espota_agent *agent, uint32_t offset, uint32_t length)
{
    if (!inside(offset, length, 0, agent->config->flash_size))
        return ESPOTA_AGENT_RANGE;
    if (inside(offset, length, agent->config->table_offset, ESPOTA_TABLE_SECTOR_SIZE))
        return ESPOTA_AGENT_OK;
    for (unsigned i = 0; i < agent->table.count; i++) {
        const struct espota_partition *p = &agent->table.entry[i];
        bool open =
            p->type == ESPOTA_TYPE_APP || (p->type == ESPOTA_TYPE_DATA && p->subtype == ESPOTA_DATA_OTA);
        if (open && inside(offset, length, p->offset, p->size))
            return ESPOTA_AGENT_OK;
    }
    return ESPOTA_AGENT_DENIED;
}

static int read_flash(const struct espota_agent *agent, uint32_t offset, void *buffer, size_t length)
{
    return agent->port->flash_read(agent->port->context, offset, buffer, length);
}

enum espota_agent_status espota_agent_read(struct espota_agent *agent, const struct request *request,
                                           struct reply *reply)
{
    if (request->length != 6)
        return ESPOTA_AGENT_MALFORMED;
    uint32_t offset = espota_get_le32(request->data);
    uint16_t length = espota_get_le16(request->data + 4);
    if (length == 0 || length > ESPOTA_AGENT_MAX_DATA)
        return ESPOTA_AGENT_RANGE;
    enum espota_agent_status status = readable(agent, offset, length);
    if (status == ESPOTA_AGENT_OK && read_flash(agent, offset, reply->data, length) != 0)
        status = ESPOTA_AGENT_FLASH;
    if (status == ESPOTA_AGENT_OK)
        reply->length = length;
    return status;
}

/* Uses the sector buffer: an unfinished sector of a run is lost, and the run with it. */
static enum espota_agent_status digest_range(struct espota_agent *agent, uint32_t offset, uint32_t length,
                                             uint8_t digest[ESPOTA_SHA256_LENGTH])
{
    const struct espota_hash *h = &agent->port->sha256;
    agent->update.running_run = false;
    if (h->begin(h->context) != 0)
        return ESPOTA_AGENT_CRYPTO;
    while (length > 0) {
        uint32_t chunk = length < SECTOR ? length : SECTOR;
        if (read_flash(agent, offset, agent->sector, chunk) != 0)
            return ESPOTA_AGENT_FLASH;
        if (h->update(h->context, agent->sector, chunk) != 0)
            return ESPOTA_AGENT_CRYPTO;
        offset += chunk;
        length -= chunk;
    }
    return h->finish(h->context, digest) == 0 ? ESPOTA_AGENT_OK : ESPOTA_AGENT_CRYPTO;
}

enum espota_agent_status espota_agent_digest(struct espota_agent *agent, const struct request *request,
                                             struct reply *reply)
{
    if (request->length != 12)
        return ESPOTA_AGENT_MALFORMED;
    uint32_t offset = espota_get_le32(request->data);
    uint32_t length = espota_get_le32(request->data + 4);
    uint32_t block = espota_get_le32(request->data + 8);
    enum espota_agent_status status = readable(agent, offset, length);
    if (status != ESPOTA_AGENT_OK)
        return status;
    if (block == 0)
        block = length;
    if (length == 0 || (length - 1) / block + 1 > ESPOTA_AGENT_MAX_DATA / ESPOTA_SHA256_LENGTH)
        return ESPOTA_AGENT_RANGE;
    while (length > 0) {
        uint32_t part = length < block ? length : block;
        status = digest_range(agent, offset, part, reply->data + reply->length);
        if (status != ESPOTA_AGENT_OK) {
            reply->length = 0;
            return status;
        }
        reply->length += ESPOTA_SHA256_LENGTH;
        offset += part;
        length -= part;
        if (length > 0) {
            /* the answer is being built in the reply buffer: only its first byte is on loan */
            espota_agent_send_status(agent, request, ESPOTA_AGENT_WORKING, 0);
        }
    }
    return ESPOTA_AGENT_OK;
}

/* ---- update ---------------------------------------------------------------------------------------------
 */

enum espota_agent_status espota_agent_begin(struct espota_agent *agent, const struct request *request,
                                            struct reply *reply)
{
    const uint8_t *in = request->data;
    struct espota_agent_update *u = &agent->update;
    (void)reply;
    memset(u, 0, sizeof *u);
    if (request->length < 1)
        return ESPOTA_AGENT_MALFORMED;
    if (in[0] != ESPOTA_AGENT_RAW)
        return ESPOTA_AGENT_UNSUPPORTED;
    if (request->length != 12 + ESPOTA_SHA256_LENGTH)
        return ESPOTA_AGENT_MALFORMED;
    const struct espota_partition *p = espota_agent_app_at(agent, espota_get_le32(in + 4));
    if (!p || !inside(p->offset, p->size, 0, agent->config->flash_size))
        return ESPOTA_AGENT_DENIED;
    if (p->offset == agent->config->running_offset)
        return ESPOTA_AGENT_RUNNING;
    u->length = espota_get_le32(in + 8);
    if (u->length == 0 || u->length > p->size)
        return ESPOTA_AGENT_SIZE;
    if (agent->port->allow_update && !agent->port->allow_update(agent->port->context, p->offset, u->length))
        return ESPOTA_AGENT_NOT_NOW;
    u->partition = p->offset;
    u->size = p->size;
    memcpy(u->sha256, in + 12, sizeof u->sha256);
    u->open = true;
    return ESPOTA_AGENT_OK;
}

/* Does flash hold these bytes at `offset`? `*blank`: it holds nothing but FF there. */
static int compare(const struct espota_agent *agent, uint32_t offset, const uint8_t *data, bool *same,
                   bool *blank)
{
    uint8_t piece[64];
    *same = true;
    *blank = true;
    for (uint32_t at = 0; at < SECTOR; at += sizeof piece) {
        if (read_flash(agent, offset + at, piece, sizeof piece) != 0)
            return -1;
        *same = *same && memcmp(piece, data + at, sizeof piece) == 0;
        for (size_t i = 0; *blank && i < sizeof piece; i++)
            *blank = piece[i] == 0xff;
    }
    return 0;
}

/* Bring one sector into flash; one that is there already costs no erase. */
static enum espota_agent_status commit(struct espota_agent *agent, uint32_t offset)
{
    const struct espota_agent_port *port = agent->port;
    bool same, blank;
    if (compare(agent, offset, agent->sector, &same, &blank) != 0)
        return ESPOTA_AGENT_FLASH;
    if (same)
        return ESPOTA_AGENT_OK;
    if (!blank && port->flash_erase(port->context, offset) != 0)
        return ESPOTA_AGENT_FLASH;
    if (port->flash_program(port->context, offset, agent->sector, SECTOR) != 0)
        return ESPOTA_AGENT_FLASH;
    if (compare(agent, offset, agent->sector, &same, &blank) != 0 || !same)
        return ESPOTA_AGENT_FLASH;
    return ESPOTA_AGENT_OK;
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
    if (!u->open)
        return ESPOTA_AGENT_ORDER;
    if (request->length <= ESPOTA_AGENT_WRITE_HEADER ||
        request->length > ESPOTA_AGENT_WRITE_HEADER + ESPOTA_AGENT_MAX_DATA)
        return ESPOTA_AGENT_MALFORMED;
    uint32_t offset = espota_get_le32(request->data);
    uint32_t length = (uint32_t)(request->length - ESPOTA_AGENT_WRITE_HEADER);
    uint32_t limit = (u->length + SECTOR - 1) / SECTOR * SECTOR;
    enum espota_agent_status status = ESPOTA_AGENT_OK;
    if (!inside(offset, length, 0, limit <= u->size ? limit : u->size))
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

/* ---- checking -------------------------------------------------------------------------------------------
 */

struct slot_reader {
    const struct espota_agent *agent;
    uint32_t offset;
};

static int read_slot(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct slot_reader *reader = context;
    return read_flash(reader->agent, reader->offset + offset, buffer, length);
}

/* Is the image signed by the device's owner? */
static enum espota_agent_status check_owner(struct espota_agent *agent,
                                            const struct espota_partition *partition, uint32_t length)
{
    struct espota_signature signature;
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    uint32_t end = espota_signature_offset(length);
    if (end < length || !inside(end, ESPOTA_SIGNATURE_BLOCK_SIZE, 0, partition->size))
        return ESPOTA_AGENT_UNSIGNED;
    enum espota_agent_status status = digest_range(agent, partition->offset, end, digest);
    if (status != ESPOTA_AGENT_OK)
        return status;
    if (read_flash(agent, partition->offset + end, agent->sector, ESPOTA_SIGNATURE_BLOCK_SIZE) != 0)
        return ESPOTA_AGENT_FLASH;
    if (!espota_signature_parse(&signature, agent->sector) ||
        memcmp(signature.digest, digest, sizeof digest) != 0 ||
        agent->port->check_signature(agent->port->context, digest, signature.r_s) != 0)
        return ESPOTA_AGENT_UNSIGNED;
    return ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_examine(struct espota_agent *agent,
                                              const struct espota_partition *partition)
{
    struct espota_image image;
    struct slot_reader reader = { agent, partition->offset };
    struct espota_image_source source = { &reader, read_slot, partition->size };
    agent->update.running_run = false; /* the sector buffer serves here */
    enum espota_image_verdict verdict =
        espota_image_examine(&image, &source, &agent->port->sha256, agent->sector, sizeof agent->sector);
    if (verdict == ESPOTA_IMAGE_READ_FAILED)
        return ESPOTA_AGENT_FLASH;
    if (verdict == ESPOTA_IMAGE_HASH_FAILED)
        return ESPOTA_AGENT_CRYPTO;
    if (verdict != ESPOTA_IMAGE_OK || image.chip_id != agent->config->chip_id)
        return ESPOTA_AGENT_IMAGE;
    if ((image.has_description ? image.description.secure_version : 0) < agent->config->min_secure_version)
        return ESPOTA_AGENT_OLD;
    return agent->port->check_signature ? check_owner(agent, partition, image.length) : ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_verify(struct espota_agent *agent, const struct request *request,
                                             struct reply *reply)
{
    const struct espota_agent_update *u = &agent->update;
    if (request->length != 0)
        return ESPOTA_AGENT_MALFORMED;
    if (!u->open)
        return ESPOTA_AGENT_ORDER;
    enum espota_agent_status status = digest_range(agent, u->partition, u->length, reply->data);
    if (status != ESPOTA_AGENT_OK)
        return status;
    reply->length = ESPOTA_SHA256_LENGTH;
    if (memcmp(reply->data, u->sha256, sizeof u->sha256) != 0)
        return ESPOTA_AGENT_BAD_DIGEST;
    return espota_agent_examine(agent, espota_agent_app_at(agent, u->partition));
}

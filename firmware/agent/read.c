/* What is in flash: who the device is, reads and digests. */
#include "private.h"

#include "espota/agent_settings.h"
#include "espota/bytes.h"
#include "espota/hash.h"
#include "espota/table.h"

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

bool espota_agent_inside(uint32_t offset, uint32_t length, uint32_t start, uint32_t size)
{
    return offset >= start && offset - start <= size && length <= size - (offset - start);
}

const struct espota_partition *espota_agent_app_at(const struct espota_agent *agent, uint32_t offset)
{
    for (unsigned i = 0; i < agent->table.count; i++) {
        const struct espota_partition *p = &agent->table.entry[i];
        bool bootable =
            p->type == ESPOTA_TYPE_APP && (p->subtype == ESPOTA_APP_FACTORY || espota_partition_is_slot(p));
        /* of two of a kind, the bootloader sees one */
        if (bootable && p->offset == offset &&
            espota_table_find_type(&agent->table, p->type, p->subtype) == p)
            return p;
    }
    return NULL;
}

/* The range lies within the flash; a partition need not. */
static bool touches(const struct espota_partition *p, uint32_t offset, uint32_t length)
{
    return p->offset < offset + length && (offset < p->offset || offset - p->offset < p->size);
}

/* Does it lie in one app partition? */
static bool in_app(const struct espota_agent *agent, uint32_t offset, uint32_t length)
{
    for (unsigned i = 0; i < agent->table.count; i++) {
        const struct espota_partition *p = &agent->table.entry[i];
        if (p->type == ESPOTA_TYPE_APP && espota_agent_inside(offset, length, p->offset, p->size))
            return true;
    }
    return false;
}

/* In a table where partitions overlap, what one of them keeps to itself is not read through another. */
static bool has_secrets(const struct espota_agent *agent, const struct espota_partition *otadata,
                        uint32_t offset, uint32_t length)
{
    for (unsigned i = 0; i < agent->table.count; i++) {
        const struct espota_partition *p = &agent->table.entry[i];
        if (p->type != ESPOTA_TYPE_APP && p != otadata && touches(p, offset, length))
            return true;
    }
    return false;
}

/* The table, otadata and apps may be read; data partitions hold secrets. */
static enum espota_agent_status readable(const struct espota_agent *agent, uint32_t offset, uint32_t length)
{
    const struct espota_partition *otadata =
        espota_table_find_type(&agent->table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA);
    uint32_t table = agent->config->table_offset;
    if (!espota_agent_inside(offset, length, 0, agent->config->flash_size))
        return ESPOTA_AGENT_RANGE;
    if (espota_agent_inside(offset, length, table, ESPOTA_TABLE_BINARY_SIZE))
        return ESPOTA_AGENT_OK;
    bool open = espota_agent_inside(offset, length, table, ESPOTA_TABLE_SECTOR_SIZE) ||
                (otadata && espota_agent_inside(offset, length, otadata->offset, otadata->size)) ||
                in_app(agent, offset, length);
    return open && !has_secrets(agent, otadata, offset, length) ? ESPOTA_AGENT_OK : ESPOTA_AGENT_DENIED;
}

/* How much of a range is of the key in the settings of a recovery image that lies in `p`; -1: flash cannot be
 * read. */
static int key_bytes(const struct espota_agent *agent, const struct espota_partition *p, uint32_t offset,
                     uint32_t length)
{
    enum { KEY_AT = ESPOTA_SETTINGS_OFFSET + offsetof(struct espota_agent_settings, key) };
    uint8_t magic[sizeof ESPOTA_SETTINGS_MAGIC - 1];
    uint32_t key = p->offset + KEY_AT, end = key + ESPOTA_SETTINGS_KEY_SIZE;
    uint32_t first = offset > key ? offset : key, last = offset + length < end ? offset + length : end;
    if (first >= last)
        return 0;
    if (espota_agent_flash_read(agent, p->offset + ESPOTA_SETTINGS_OFFSET, magic, sizeof magic) != 0)
        return -1;
    return memcmp(magic, ESPOTA_SETTINGS_MAGIC, sizeof magic) == 0 ? (int)(last - first) : 0;
}

bool espota_agent_is_blank(const uint8_t *data, size_t length)
{
    while (length > 0 && *data == 0xff) {
        data++;
        length--;
    }
    return length == 0;
}

/* Is there nothing but FF from here to the end of the sector? */
static bool blank_behind(const struct espota_agent *agent, uint32_t offset)
{
    uint8_t piece[32];
    while (offset % SECTOR) {
        uint32_t left = SECTOR - offset % SECTOR, chunk = left < sizeof piece ? left : sizeof piece;
        if (espota_agent_flash_read(agent, offset, piece, chunk) != 0)
            return false;
        if (!espota_agent_is_blank(piece, chunk))
            return false;
        offset += chunk;
    }
    return true;
}

/* Whole sectors, or an image with what it is padded with: a digest of less would tell who knows what stands
 * before it, since he may have written that, byte by byte what follows. */
static bool is_whole(const struct espota_agent *agent, const struct espota_partition *p, uint32_t offset,
                     uint32_t length)
{
    return offset % SECTOR == 0 && (length % SECTOR == 0 || (offset == p->offset && length > SECTOR &&
                                                             blank_behind(agent, offset + length)));
}

/* A key is read by nobody, and where the device conceals its apps, only what says what they are. */
static enum espota_agent_status may_read(const struct espota_agent *agent, const struct espota_partition *p,
                                         uint32_t offset, uint32_t length)
{
    if (agent->config->conceal && offset + length > p->offset + ESPOTA_SETTINGS_OFFSET)
        return ESPOTA_AGENT_DENIED;
    int bytes = key_bytes(agent, p, offset, length);
    return bytes < 0 ? ESPOTA_AGENT_FLASH : bytes > 0 ? ESPOTA_AGENT_DENIED : ESPOTA_AGENT_OK;
}

/* A digest of a part of a key tells the key, byte by byte; one of all of it tells nothing. So it is with the
 * sectors of a concealed app. */
static enum espota_agent_status may_digest(const struct espota_agent *agent, const struct espota_partition *p,
                                           uint32_t offset, uint32_t length)
{
    if (agent->config->conceal && !is_whole(agent, p, offset, length))
        return ESPOTA_AGENT_DENIED;
    int bytes = key_bytes(agent, p, offset, length);
    if (bytes < 0)
        return ESPOTA_AGENT_FLASH;
    return bytes == 0 || bytes == ESPOTA_SETTINGS_KEY_SIZE ? ESPOTA_AGENT_OK : ESPOTA_AGENT_DENIED;
}

typedef enum espota_agent_status permission(const struct espota_agent *agent,
                                            const struct espota_partition *p, uint32_t offset,
                                            uint32_t length);

/* Every app partition that the range touches has to agree. */
static enum espota_agent_status ask_apps(const struct espota_agent *agent, permission *may, uint32_t offset,
                                         uint32_t length)
{
    enum espota_agent_status status = ESPOTA_AGENT_OK;
    for (unsigned i = 0; status == ESPOTA_AGENT_OK && i < agent->table.count; i++) {
        const struct espota_partition *p = &agent->table.entry[i];
        if (p->type == ESPOTA_TYPE_APP && touches(p, offset, length))
            status = may(agent, p, offset, length);
    }
    return status;
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
    if (status == ESPOTA_AGENT_OK)
        status = ask_apps(agent, may_read, offset, length);
    if (status == ESPOTA_AGENT_OK && espota_agent_slot_read(agent, offset, reply->data, length) != 0)
        status = ESPOTA_AGENT_FLASH;
    if (status == ESPOTA_AGENT_OK)
        reply->length = length;
    return status;
}

enum espota_agent_status espota_agent_digest_range(struct espota_agent *agent, uint32_t offset,
                                                   uint32_t length, uint8_t digest[ESPOTA_SHA256_LENGTH])
{
    const struct espota_hash *h = &agent->port->sha256;
    enum espota_agent_status status = ask_apps(agent, may_digest, offset, length);
    agent->update.running_run = false;
    if (status != ESPOTA_AGENT_OK)
        return status;
    if (h->begin(h->context) != 0)
        return ESPOTA_AGENT_CRYPTO;
    while (length > 0) {
        uint32_t chunk = length < SECTOR ? length : SECTOR;
        if (espota_agent_slot_read(agent, offset, agent->sector, chunk) != 0)
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
        status = espota_agent_digest_range(agent, offset, part, reply->data + reply->length);
        if (status != ESPOTA_AGENT_OK) {
            reply->length = 0;
            return status;
        }
        reply->length += ESPOTA_SHA256_LENGTH;
        offset += part;
        length -= part;
        if (length > 0)
            espota_agent_send_status(agent, request, ESPOTA_AGENT_WORKING, 0);
    }
    return ESPOTA_AGENT_OK;
}

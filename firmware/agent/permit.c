/* What of a device with slots may be read and digested. */
#include "private.h"

#include "espota/agent_settings.h"
#include "espota/table.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

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

uint32_t espota_agent_slots_room(const struct espota_agent *agent, uint32_t offset)
{
    const struct espota_partition *p = espota_agent_app_at(agent, offset);
    return p && espota_agent_inside(p->offset, p->size, 0, agent->config->flash_size) ? p->size : 0;
}

/* The range lies within the flash; a partition need not. */
static bool touches(const struct espota_partition *p, uint32_t offset, uint32_t length)
{
    return p->offset < offset + length && (offset < p->offset || offset - p->offset < p->size);
}

/* The table, otadata and apps may be read; data partitions hold secrets, which are not read through another
 * partition either that overlaps them. */
enum espota_agent_status espota_agent_slots_may_reach(const struct espota_agent *agent, uint32_t offset,
                                                      uint32_t length)
{
    const struct espota_table *table = &agent->table;
    const struct espota_partition *otadata = espota_table_find_type(table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA);
    uint32_t at = agent->config->table_offset;
    if (!espota_agent_inside(offset, length, 0, agent->config->flash_size))
        return ESPOTA_AGENT_RANGE;
    if (espota_agent_inside(offset, length, at, ESPOTA_TABLE_BINARY_SIZE))
        return ESPOTA_AGENT_OK;
    bool open = espota_agent_inside(offset, length, at, ESPOTA_TABLE_SECTOR_SIZE);
    for (const struct espota_partition *p = table->entry; p < table->entry + table->count; p++) {
        if (p->type != ESPOTA_TYPE_APP && p != otadata && touches(p, offset, length))
            return ESPOTA_AGENT_DENIED;
        if ((p->type == ESPOTA_TYPE_APP || p == otadata) &&
            espota_agent_inside(offset, length, p->offset, p->size))
            open = true;
    }
    return open ? ESPOTA_AGENT_OK : ESPOTA_AGENT_DENIED;
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

enum espota_agent_status espota_agent_slots_may_read(const struct espota_agent *agent, uint32_t offset,
                                                     uint32_t length)
{
    return ask_apps(agent, may_read, offset, length);
}

enum espota_agent_status espota_agent_slots_may_digest(const struct espota_agent *agent, uint32_t offset,
                                                       uint32_t length)
{
    return ask_apps(agent, may_digest, offset, length);
}

/* What flash holds of the image, and how it comes to boot. */
#include "puller_private.h"

#include "espota/bytes.h"
#include "espota/otadata.h"

#include <string.h>

enum { PIECE = 256 };

/* As a host chooses it: the factory partition, or the slot behind the one that runs. */
static const struct espota_partition *choose(const struct espota_puller_work *w)
{
    const struct espota_table *table = &w->agent.table;
    const struct espota_partition *running = espota_agent_app_at(&w->agent, w->config.running_offset);
    unsigned count = espota_table_slot_count(table);
    if (w->order.factory)
        return espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY);
    if (count == 0 || !espota_table_otadata(table))
        return NULL;
    unsigned next = running && espota_partition_is_slot(running)
                        ? ((unsigned)(running->subtype - ESPOTA_APP_OTA_0) + 1u) % count
                        : 0;
    return espota_table_slot(table, next);
}

enum espota_agent_status puller_choose(struct espota_puller_work *w)
{
    w->target = w->agent.serves ? choose(w) : NULL;
    if (!w->target || w->target->offset == w->config.running_offset)
        return ESPOTA_AGENT_STATE;
    return w->length > espota_partition_capacity(w->target) ? ESPOTA_AGENT_SIZE : ESPOTA_AGENT_OK;
}

bool puller_holds(struct espota_puller_work *w, uint32_t at, const uint8_t *data, size_t length)
{
    uint8_t piece[PIECE];
    while (length > 0) {
        size_t chunk = length < sizeof piece ? length : sizeof piece;
        if (espota_agent_slot_read(&w->agent, w->target->offset + at, piece, chunk) != 0 ||
            memcmp(piece, data, chunk) != 0)
            return false;
        at += (uint32_t)chunk;
        data += chunk;
        length -= chunk;
    }
    return true;
}

static bool is_blank(struct espota_puller_work *w, uint32_t at)
{
    uint8_t piece[PIECE];
    for (uint32_t i = 0; i < ESPOTA_SECTOR_SIZE; i += sizeof piece)
        if (espota_agent_slot_read(&w->agent, w->target->offset + at + i, piece, sizeof piece) != 0 ||
            !espota_agent_is_blank(piece, sizeof piece))
            return false;
    return true;
}

/* The last sector is fetched in any case. */
uint32_t puller_filled(struct espota_puller_work *w)
{
    uint32_t at = ESPOTA_SECTOR_SIZE, last = (w->length - 1) / ESPOTA_SECTOR_SIZE * ESPOTA_SECTOR_SIZE;
    while (at < last && !is_blank(w, at))
        at += ESPOTA_SECTOR_SIZE;
    return at;
}

/* ---- the end --------------------------------------------------------------------------------------------
 */

static int md5_of_slot(struct espota_puller *p, uint8_t md5[ESPOTA_MD5_LENGTH])
{
    struct espota_puller_work *w = p->work;
    const struct espota_hash *h = &p->port->md5;
    uint8_t piece[PIECE];
    if (h->begin(h->context) != 0)
        return -1;
    for (uint32_t at = 0; at < w->length;) {
        uint32_t chunk = w->length - at < sizeof piece ? w->length - at : (uint32_t)sizeof piece;
        espota_agent_relax(&w->agent);
        if (espota_agent_slot_read(&w->agent, w->target->offset + at, piece, chunk) != 0 ||
            h->update(h->context, piece, chunk) != 0)
            return -1;
        at += chunk;
    }
    return h->finish(h->context, md5);
}

/* Is what flash holds what was expected? What nobody expected is what came. */
static enum espota_agent_status check_digests(struct espota_puller *p, enum espota_pull_reason *reason)
{
    struct espota_puller_work *w = p->work;
    uint8_t md5[ESPOTA_MD5_LENGTH];
    enum espota_agent_status status =
        espota_agent_digest_range(&w->agent, w->target->offset, w->length, w->sha256);
    if (status != ESPOTA_AGENT_OK)
        return status;
    if (w->order.has_sha256 && memcmp(w->sha256, w->order.sha256, sizeof w->sha256) != 0) {
        *reason = ESPOTA_PULL_SHA256;
        return ESPOTA_AGENT_BAD_DIGEST;
    }
    if (w->has_md5 && md5_of_slot(p, md5) != 0)
        return ESPOTA_AGENT_CRYPTO;
    if (w->has_md5 && memcmp(md5, w->md5, sizeof md5) != 0) {
        *reason = ESPOTA_PULL_MD5;
        return ESPOTA_AGENT_BAD_DIGEST;
    }
    memcpy(w->agent.update.sha256, w->sha256,
           sizeof w->sha256); /* nobody could say it when the update began */
    return ESPOTA_AGENT_OK;
}

static enum espota_agent_status choose_boot(struct espota_puller_work *w)
{
    uint8_t payload[8];
    espota_put_le32(payload, w->target->offset);
    espota_put_le32(payload + 4, w->order.trial ? ESPOTA_OTA_NEW : ESPOTA_OTA_UNDEFINED);
    return puller_ask(w, ESPOTA_AGENT_SELECT, payload, sizeof payload);
}

enum espota_agent_status puller_finish(struct espota_puller *p, enum espota_pull_reason *reason)
{
    struct espota_puller_work *w = p->work;
    *reason = ESPOTA_PULL_AGENT;
    espota_agent_drain(&w->agent);
    enum espota_agent_status status =
        espota_agent_flash_failed(&w->agent) ? ESPOTA_AGENT_FLASH : check_digests(p, reason);
    if (status == ESPOTA_AGENT_OK)
        status = puller_ask(w, ESPOTA_AGENT_VERIFY, NULL, 0);
    return status == ESPOTA_AGENT_OK ? choose_boot(w) : status;
}

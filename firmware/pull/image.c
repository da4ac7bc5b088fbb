/* Bytes of the image, and what is done when all of them are there. */
#include "puller_private.h"

#include "espota/bytes.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum {
    PROGRESS = 4 * SECTOR,    /* worth another attempt */
    SKIP_LEAST = 16 * SECTOR, /* what lies in flash is worth another request */
};

static enum espota_agent_status tell_agent(struct espota_puller_work *w)
{
    uint8_t payload[ESPOTA_AGENT_BEGIN_SIZE] = { 0 };
    espota_put_le32(payload + 4, w->target->offset);
    espota_put_le32(payload + 8, w->length);
    enum espota_agent_status status = puller_ask(w, ESPOTA_AGENT_BEGIN, payload, sizeof payload);
    return status == ESPOTA_AGENT_OK ? puller_begin_stream(w, 0) : status;
}

/* The head is there: is it worth a change of flash? */
static bool begin_image(struct espota_puller *p)
{
    struct espota_puller_work *w = p->work;
    struct espota_image image;
    if (espota_image_parse_header(&image, w->head) != ESPOTA_IMAGE_OK)
        return puller_fail(p, ESPOTA_PULL_NO_IMAGE, ESPOTA_AGENT_OK);
    if (image.chip_id != w->config.chip_id)
        return puller_fail(p, ESPOTA_PULL_OTHER_CHIP, ESPOTA_AGENT_OK);
    enum espota_agent_status status = puller_choose(w);
    if (status == ESPOTA_AGENT_STATE)
        return puller_fail(p, ESPOTA_PULL_NO_SLOT, status);
    if (status == ESPOTA_AGENT_OK)
        status = tell_agent(w);
    if (status != ESPOTA_AGENT_OK)
        return puller_refused(p, status);
    w->begun = true;
    w->same = w->same && puller_holds(w, ESPOTA_AGENT_HEADER, w->head + ESPOTA_AGENT_HEADER,
                                      sizeof w->head - ESPOTA_AGENT_HEADER);
    status = puller_write(w, w->head, sizeof w->head);
    return status == ESPOTA_AGENT_OK || puller_refused(p, status);
}

static size_t take_head(struct espota_puller *p, const uint8_t *data, size_t length)
{
    struct espota_puller_work *w = p->work;
    size_t chunk = PULLER_HEAD - w->at < length ? PULLER_HEAD - w->at : length;
    memcpy(w->head + w->at, data, chunk);
    w->at += (uint32_t)chunk;
    return w->at < PULLER_HEAD || begin_image(p) ? chunk : 0;
}

/* Before the place to go on at: it has to be what flash holds. */
static size_t compare(struct espota_puller *p, const uint8_t *data, size_t length)
{
    struct espota_puller_work *w = p->work;
    size_t chunk = w->compared - w->at < length ? w->compared - w->at : length;
    if (!puller_holds(w, w->at, data, chunk)) {
        puller_start_over(p, ESPOTA_PULL_ANSWER);
        return 0;
    }
    w->at += (uint32_t)chunk;
    if (w->at < w->compared)
        return chunk;
    enum espota_agent_status status = puller_begin_stream(w, w->at);
    return status == ESPOTA_AGENT_OK || puller_refused(p, status) ? chunk : 0;
}

/* The first sector is as flash has it: somebody began with this image, and what he wrote need not come again.
 * @return false when the answer ends for that. */
static bool look_for_rest(struct espota_puller *p)
{
    struct espota_puller_work *w = p->work;
    if (!w->same || w->fresh || !puller_is_vouched_for(w))
        return true;
    espota_agent_drain(&w->agent);
    uint32_t whole = puller_filled(w) - SECTOR; /* the last one may be torn */
    if (whole < SECTOR + SKIP_LEAST)
        return true;
    w->resume = whole;
    w->kept = whole - 2 * SECTOR;
    w->streaming = false;
    w->stopped = true;
    return false;
}

static size_t take_stream(struct espota_puller *p, const uint8_t *data, size_t length)
{
    struct espota_puller_work *w = p->work;
    bool first = w->at < SECTOR;
    size_t chunk = first && SECTOR - w->at < length ? SECTOR - w->at : length;
    w->same = w->same && (!first || puller_holds(w, w->at, data, chunk));
    enum espota_agent_status status = puller_write(w, data, chunk);
    if (status != ESPOTA_AGENT_OK)
        return puller_refused(p, status);
    w->at += (uint32_t)chunk;
    return !first || w->at < SECTOR || look_for_rest(p) ? chunk : 0;
}

bool puller_take_image(struct espota_puller *p, const uint8_t *data, size_t length)
{
    struct espota_puller_work *w = p->work;
    if (length > w->length - w->at)
        return puller_start_over(p, ESPOTA_PULL_ANSWER);
    while (length > 0) {
        size_t taken = w->at < w->compared ? compare(p, data, length)
                       : !w->begun         ? take_head(p, data, length)
                                           : take_stream(p, data, length);
        if (taken == 0)
            return false;
        data += taken;
        length -= taken;
    }
    if (w->at >= w->furthest + PROGRESS) {
        w->furthest = w->at;
        w->attempts = 0;
        puller_came_on(p);
    }
    puller_tell(p, ESPOTA_PULL_FETCHING);
    return true;
}

static enum espota_agent_status pad(struct espota_puller_work *w)
{
    uint8_t blank[64];
    enum espota_agent_status status = ESPOTA_AGENT_OK;
    memset(blank, 0xff, sizeof blank);
    for (uint32_t at = w->length; status == ESPOTA_AGENT_OK && at % SECTOR != 0;) {
        uint32_t left = SECTOR - at % SECTOR, chunk = left < sizeof blank ? left : (uint32_t)sizeof blank;
        status = puller_write(w, blank, chunk);
        at += chunk;
    }
    return status;
}

/* A slot that begins with this image is cleared when something else of it changes, and with its header goes
 * its first sector, which had been passed over. */
static bool lost_start(struct espota_puller_work *w)
{
    return !puller_holds(w, 0, w->head, sizeof w->head);
}

void puller_complete(struct espota_puller *p)
{
    struct espota_puller_work *w = p->work;
    enum espota_pull_reason reason = ESPOTA_PULL_AGENT;
    puller_tell(p, ESPOTA_PULL_VERIFYING);
    enum espota_agent_status status = pad(w);
    if (status == ESPOTA_AGENT_OK)
        status = puller_finish(p, &reason);
    bool wrong = status == ESPOTA_AGENT_BAD_DIGEST || status == ESPOTA_AGENT_IMAGE;
    if (status == ESPOTA_AGENT_OK)
        puller_end(p, ESPOTA_PULL_DONE);
    else if (wrong && (w->kept > 0 || lost_start(w)))
        puller_start_over(p, reason);
    else
        puller_fail(p, reason, status);
}

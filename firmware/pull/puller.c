/* The course of a pull: what is asked for, what is answered, and what goes on after a failure. */
#include "puller_private.h"

#include "espota/md5_sidecar.h"

#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum {
    ATTEMPTS = 5, /* in a row that bring nothing to speak of */
    REDIRECTS = 10,
    SLOWEST_MS = 600000, /* for as much as makes an attempt worth it */
};

/* The URL that was ordered, or its sidecar's: where it was redirected to may be good for a while only. */
static void go_to_start(struct espota_puller_work *w)
{
    memcpy(w->url, w->order.url, w->order.url_length);
    w->url[w->order.url_length] = '\0';
    w->redirects = 0;
    if (w->part == PULLER_PART_SIDECAR)
        (void)puller_sidecar_url(w->url); /* it fitted before */
}

/* Later, and from the last whole sector on, if all of that is sure to be of one image. */
static bool try_again(struct espota_puller *p, enum espota_pull_reason reason)
{
    struct espota_puller_work *w = p->work;
    if (++w->attempts >= ATTEMPTS)
        return puller_fail(p, reason, ESPOTA_AGENT_OK);
    puller_note(p, reason, ESPOTA_AGENT_OK);
    go_to_start(w);
    if (w->part != PULLER_PART_IMAGE || !w->streaming)
        return false; /* as before */
    espota_agent_drain(&w->agent);
    if (espota_agent_flash_failed(&w->agent))
        return puller_fail(p, ESPOTA_PULL_AGENT, ESPOTA_AGENT_FLASH);
    w->resume = w->etag[0] || puller_is_vouched_for(w) ? w->at / SECTOR * SECTOR : 0;
    w->streaming = false;
    return false;
}

/* ---- answers --------------------------------------------------------------------------------------------
 */

/* One that vouches for bytes. */
static void note_etag(struct espota_puller_work *w, const char *etag)
{
    size_t length = etag ? strlen(etag) : 0;
    w->etag[0] = '\0';
    if (length > 1 && length < sizeof w->etag && etag[0] == '"' && !strpbrk(etag, "\r\n"))
        memcpy(w->etag, etag, length + 1);
}

static bool begin_whole(struct espota_puller *p, const struct espota_puller_answer *answer)
{
    struct espota_puller_work *w = p->work;
    int64_t length = answer->length;
    bool part_asked = w->from > 0; /* and not given: what lies in flash saves nothing */
    if (w->order.size > 0 && length < 0)
        length = w->order.size;
    if (length <= 0 || (w->order.size > 0 && length != w->order.size))
        return puller_fail(p, ESPOTA_PULL_LENGTH, ESPOTA_AGENT_OK);
    if (length > UINT32_MAX)
        return puller_refused(p, ESPOTA_AGENT_SIZE);
    if (length < PULLER_HEAD)
        return puller_fail(p, ESPOTA_PULL_NO_IMAGE, ESPOTA_AGENT_OK);
    w->length = (uint32_t)length;
    w->from = w->at = w->compared = w->resume = w->kept = 0;
    w->begun = w->streaming = false;
    w->same = !w->fresh && !part_asked;
    note_etag(w, answer->etag);
    return true;
}

/* It has to be the rest that was asked for, of the same file. */
static bool begin_part(struct espota_puller *p, const struct espota_puller_answer *answer)
{
    struct espota_puller_work *w = p->work;
    uint32_t first = 0, last = 0, total = 0;
    bool fits = answer->content_range && puller_parse_range(answer->content_range, &first, &last, &total) &&
                first == w->from && total == w->length && last == total - 1 &&
                (answer->length < 0 || answer->length == (int64_t)(total - first)) &&
                (!answer->etag || !w->etag[0] || strcmp(answer->etag, w->etag) == 0);
    if (!fits)
        return puller_start_over(p, ESPOTA_PULL_ANSWER);
    w->at = w->from;
    w->compared = w->resume;
    return true;
}

static bool begin_sidecar(struct espota_puller *p, const struct espota_puller_answer *answer)
{
    p->work->sidecar_size = 0;
    return (answer->status == 200 && answer->length <= (int64_t)PULLER_SIDECAR) ||
           puller_fail(p, ESPOTA_PULL_NO_SIDECAR, ESPOTA_AGENT_OK);
}

static bool follow(struct espota_puller *p, const char *location)
{
    struct espota_puller_work *w = p->work;
    if (!location || w->redirects++ >= REDIRECTS || !puller_redirect(w->url, location))
        return puller_fail(p, ESPOTA_PULL_REDIRECT, ESPOTA_AGENT_OK);
    w->stopped = true;
    return false;
}

static bool is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* The server may be able to, later. */
static bool is_passing(unsigned status)
{
    return status >= 500 || status == 429 || status == 408;
}

bool espota_puller_answered(struct espota_puller *p, const struct espota_puller_answer *answer)
{
    struct espota_puller_work *w = p->work;
    puller_lock(p, true);
    p->state.http = (uint16_t)answer->status;
    puller_lock(p, false);
    w->answered = true;
    if (w->stopped)
        return false;
    if (is_redirect(answer->status))
        return follow(p, answer->location);
    if (is_passing(answer->status))
        return try_again(p, ESPOTA_PULL_HTTP);
    if (answer->encoding && strcmp(answer->encoding, "identity") != 0)
        return puller_fail(p, ESPOTA_PULL_ANSWER, ESPOTA_AGENT_OK);
    if (w->part == PULLER_PART_SIDECAR)
        return begin_sidecar(p, answer);
    if (answer->status == 206 && w->from > 0)
        return begin_part(p, answer);
    if (answer->status == 416 && w->from > 0)
        return puller_start_over(p, ESPOTA_PULL_HTTP);
    return answer->status == 200 ? begin_whole(p, answer) : puller_fail(p, ESPOTA_PULL_HTTP, ESPOTA_AGENT_OK);
}

static bool take_sidecar(struct espota_puller *p, const void *data, size_t length)
{
    struct espota_puller_work *w = p->work;
    if (length > PULLER_SIDECAR - w->sidecar_size)
        return puller_fail(p, ESPOTA_PULL_NO_SIDECAR, ESPOTA_AGENT_OK);
    memcpy(w->room.sidecar + w->sidecar_size, data, length);
    w->sidecar_size += (uint32_t)length;
    return true;
}

static bool is_overdue(const struct espota_puller *p)
{
    const struct espota_agent_port *port = p->agent->port;
    return port->now_ms(port->context) - p->since_ms > SLOWEST_MS;
}

bool espota_puller_gives_up(const struct espota_puller *p)
{
    return p->cancel || (p->work && is_overdue(p));
}

bool espota_puller_take(struct espota_puller *p, const void *data, size_t length)
{
    struct espota_puller_work *w = p->work;
    if (w->stopped || espota_puller_is_cancelled(p))
        return false;
    if (is_overdue(p))
        return try_again(p, ESPOTA_PULL_BROKEN);
    return w->part == PULLER_PART_SIDECAR ? take_sidecar(p, data, length)
                                          : puller_take_image(p, data, length);
}

/* ---- from one answer to the next ------------------------------------------------------------------------
 */

static void go_to_image(struct espota_puller_work *w)
{
    w->part = PULLER_PART_IMAGE;
    go_to_start(w);
    w->attempts = 0;
}

/* Whose MD5 it is, goes by the file's name in the URL that was ordered. */
static void read_sidecar(struct espota_puller *p)
{
    struct espota_puller_work *w = p->work;
    go_to_image(w);
    puller_cut_query(w->url);
    enum espota_md5_search found = espota_md5_find_in(w->room.sidecar, w->sidecar_size, w->url, w->md5);
    go_to_image(w);
    w->has_md5 = found == ESPOTA_MD5_FOUND;
    if (!w->has_md5)
        puller_fail(p, ESPOTA_PULL_NO_SIDECAR, ESPOTA_AGENT_OK);
}

static void end_answer(struct espota_puller *p)
{
    struct espota_puller_work *w = p->work;
    if (!w->answered)
        try_again(p, ESPOTA_PULL_BROKEN);
    else if (w->part == PULLER_PART_SIDECAR)
        read_sidecar(p);
    else if (w->at < w->length)
        try_again(p, ESPOTA_PULL_BROKEN);
    else
        puller_complete(p);
}

/* However it ends: it was all of the image. */
static bool has_all(const struct espota_puller_work *w)
{
    return w->part == PULLER_PART_IMAGE && w->answered && w->length > 0 && w->at == w->length;
}

void espota_puller_ended(struct espota_puller *p, enum espota_puller_end how)
{
    struct espota_puller_work *w = p->work;
    if (w->over)
        return;
    if (espota_puller_is_cancelled(p))
        puller_end(p, ESPOTA_PULL_CANCELLED);
    else if (w->stopped)
        return;
    else if (how == ESPOTA_PULLER_ALL || has_all(w))
        end_answer(p);
    else if (how == ESPOTA_PULLER_UNTRUSTED)
        puller_fail(p, ESPOTA_PULL_UNTRUSTED, ESPOTA_AGENT_OK);
    else if (how == ESPOTA_PULLER_BAD_TRUST)
        puller_fail(p, ESPOTA_PULL_BAD_TRUST, ESPOTA_AGENT_OK);
    else
        try_again(p, how == ESPOTA_PULLER_NO_SERVER ? ESPOTA_PULL_NO_SERVER : ESPOTA_PULL_BROKEN);
}

/* ---- begin and end --------------------------------------------------------------------------------------
 */

static void set_out(struct espota_puller *p)
{
    struct espota_puller_work *w = p->work;
    (void)espota_pull_order_parse(&w->order, w->memory, w->memory_length); /* START did */
    go_to_image(w);
    w->has_md5 = w->order.has_md5;
    memcpy(w->md5, w->order.md5, sizeof w->md5);
    puller_start_agent(p);
    if (!w->order.sidecar)
        return;
    w->part = PULLER_PART_SIDECAR;
    if (!puller_sidecar_url(w->url))
        puller_fail(p, ESPOTA_PULL_NO_SIDECAR, ESPOTA_AGENT_OK);
}

/* Is there an order to be carried out? */
static bool take_order(struct espota_puller *p)
{
    puller_lock(p, true);
    bool wanted = p->wanted;
    p->wanted = false;
    if (wanted)
        p->work = p->port->allocate(p->port->context, sizeof *p->work);
    if (wanted && !p->work) {
        p->state.phase = ESPOTA_PULL_FAILED;
        p->state.reason = ESPOTA_PULL_NO_MEMORY;
        espota_puller_forget_order(p);
    } else if (wanted) {
        p->work->memory = p->order;
        p->work->memory_length = p->order_length;
        p->order = NULL;
        p->order_length = p->order_has = 0;
    }
    puller_lock(p, false);
    if (p->work)
        set_out(p);
    return p->work != NULL;
}

static void put_away(struct espota_puller *p)
{
    p->port->release(p->port->context, p->work->memory);
    p->port->release(p->port->context, p->work);
    puller_lock(p, true);
    p->work = NULL;
    p->cancel = p->cancel && p->wanted; /* that of the next one */
    puller_lock(p, false);
}

bool espota_puller_wants(struct espota_puller *p, struct espota_puller_wish *wish)
{
    if (!p->work && !take_order(p))
        return false;
    struct espota_puller_work *w = p->work;
    if (!w->over && espota_puller_is_cancelled(p))
        puller_end(p, ESPOTA_PULL_CANCELLED);
    if (w->over) {
        put_away(p);
        return false;
    }
    w->stopped = w->answered = false;
    w->from = w->resume > 0 ? w->resume - SECTOR : 0;
    memcpy(w->asked, w->etag, sizeof w->asked);
    *wish = (struct espota_puller_wish){
        .url = w->url,
        .certificate = w->order.certificate,
        .certificate_length = w->order.certificate_length,
        .from = w->from,
        .if_range = w->from > 0 && w->asked[0] ? w->asked : NULL,
        .pause_ms = w->attempts > 0 ? p->port->pause_ms << (w->attempts - 1) : 0,
    };
    puller_lock(p, true);
    p->state.attempts++;
    p->since_ms = w->agent_port.now_ms(w->agent_port.context);
    puller_lock(p, false);
    puller_tell(p, ESPOTA_PULL_CONNECTING);
    return true;
}

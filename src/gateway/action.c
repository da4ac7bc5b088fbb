/* An action of the server: the jobs that it takes, and what is made of their ends. */
#include "action.h"

#include "report.h"

#include "espota/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    USUAL_JOBS = 16,
    MOST_UNSURE = 3,
    STEP_PERCENT = 20,
    MANY = 10, /* actions of a device, more of which are no emergency */
    REST_MS = 3600000,
    LOOK_AGAIN_MS = 60000, /* at a device that has told what it is */
};

const char *unit_authorization(const struct unit *u)
{
    return u->authorization ? u->authorization : u->gateway->gateway_authorization;
}

void unit_free_action(struct action *a)
{
    if (!a)
        return;
    espota_ddi_deployment_free(&a->deployment);
    free(a->url);
    free(a->cancel_url);
    free(a);
}

void unit_forget_etag(struct unit *u)
{
    free(u->etag);
    u->etag = NULL;
}

/* What the server wants after it is asked anew. */
void unit_end_action(struct unit *u)
{
    struct history *h = &u->history;
    uint64_t now = espota_now_ms();
    memcpy(h->id[h->next], u->action->deployment.id, sizeof h->id[0]);
    h->next = (h->next + 1) % UNIT_ENDED;
    h->lately = now - h->ended_ms < REST_MS ? h->lately + 1 : 1;
    h->ended_ms = now;
    unit_free_action(u->action);
    u->action = NULL;
    unit_forget_etag(u);
}

/* One that ended here is offered again: the server was told how, and does not heed it. */
uint64_t unit_pause_before(struct unit *u, const char *id, uint64_t now)
{
    struct history *h = &u->history;
    bool again = false;
    if (now - h->ended_ms >= REST_MS)
        h->lately = h->repeats = 0;
    for (unsigned i = 0; i < UNIT_ENDED; i++)
        again = again || strcmp(h->id[i], id) == 0;
    if (again)
        h->repeats++;
    unsigned most = again ? h->repeats : 0, failures = h->failures > 0 ? h->failures - 1 : 0;
    unsigned lately = h->lately > MANY ? h->lately - MANY : 0;
    most = failures > most ? failures : most;
    most = lately > most ? lately : most;
    return most > 0 ? gateway_pause_ms(u->gateway, most) : 0;
}

/* Its action is being worked on. */
bool unit_is_at_work(const struct unit *u)
{
    return u->job && u->job->kind != JOB_DESCRIBE;
}

/* ---- jobs -----------------------------------------------------------------------------------------------
 */

/* Looking at what devices are leaves half of the room to updates. */
static bool has_room(const struct gateway *g, enum job_kind kind)
{
    size_t jobs = g->options->jobs ? g->options->jobs : USUAL_JOBS;
    return g->running < jobs && (kind != JOB_DESCRIBE || g->describing < (jobs + 1) / 2);
}

/* Not now, or not at all, is it to be installed. */
static bool fetches_only(const struct action *a)
{
    return a->deployment.update == ESPOTA_DDI_SKIP || a->deployment.window_closed;
}

/* Is it time for a job of this action? */
static bool wants_job(const struct unit *u, uint64_t now)
{
    const struct action *a = u->action;
    if (!a || a->ended || a->renew || now < a->retry_ms || a->deployment.download == ESPOTA_DDI_SKIP)
        return false;
    return !(fetches_only(a) && a->fetched);
}

static void job_ended(void *context)
{
    struct gateway *g = context;
    gateway_http_wake(g->http);
}

static void begin_job(struct unit *u, enum job_kind kind)
{
    struct espota_error error;
    struct gateway *g = u->gateway;
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    job->options = g->options;
    job->artifacts = g->artifacts;
    job->device = u->index;
    job->kind = kind;
    job->deployment = u->action ? &u->action->deployment : NULL;
    job->authorization = unit_authorization(u);
    job->ended = job_ended;
    job->context = g;
    if (job_begin(job, &error) != 0) {
        uint64_t again = espota_now_ms() + gateway_pause_ms(g, ++u->thread_errors);
        if (u->thread_errors == 1)
            gateway_tell(g, u->index, ESPOTA_GATEWAY_WARNING, "%s", error.text);
        if (kind == JOB_DESCRIBE)
            u->describe_ms = again;
        else
            u->action->retry_ms = again;
        free(job);
        return;
    }
    u->thread_errors = 0;
    u->job = job;
    g->running++;
    g->describing += kind == JOB_DESCRIBE;
}

static void begin_action_job(struct unit *u)
{
    struct action *a = u->action;
    if (!a->started) {
        unit_feed_back(u, ESPOTA_DDI_PROCEEDING, ESPOTA_DDI_NONE, "started");
        gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_NOTE, "action %s: %s %s", a->deployment.id,
                     a->deployment.name, a->deployment.version);
    }
    a->started = true;
    begin_job(u, fetches_only(a) ? JOB_FETCH : JOB_UPDATE);
}

/* ---- their ends -----------------------------------------------------------------------------------------
 */

static void describe_ended(struct unit *u, uint64_t now)
{
    if (u->job->end == JOB_DONE) {
        unit_report_attributes(u, NULL);
        u->wants_attributes = false;
        u->describe_ms = now + LOOK_AGAIN_MS;
        gateway_relieve(u->gateway, u->index, &u->looking, "it answers");
        return;
    }
    gateway_complain(u->gateway, u->index, &u->looking, "%s", u->job->error.text);
    u->describe_ms = now + gateway_pause_ms(u->gateway, u->looking.times);
}

static void succeed(struct unit *u)
{
    struct gateway *g = u->gateway;
    const struct job *job = u->job;
    char text[128] = "it runs this image already";
    if (!job->already)
        snprintf(text, sizeof text,
                 "updated by %" PRIu64 " bytes, %.0f%% of the image, and came back with it", job->sent,
                 100.0 * (double)job->sent / (double)job->image_size);
    u->action->told_percent = 100;
    g->counts.updates_done++;
    gateway_tell(g, u->index, ESPOTA_GATEWAY_NOTE, "action %s: %s", u->action->deployment.id, text);
    unit_feed_back(u, ESPOTA_DDI_CLOSED, ESPOTA_DDI_SUCCESS, text);
    if (job->attributes > 0)
        unit_report_attributes(u, u->action->deployment.version);
    u->action->ended = true;
    u->history.failures = 0;
}

static void fail(struct unit *u)
{
    u->history.failures++;
    u->gateway->counts.updates_failed++;
    gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_WARNING, "action %s failed: %s",
                 u->action->deployment.id, u->job->error.text);
    unit_feed_back(u, ESPOTA_DDI_CLOSED, ESPOTA_DDI_FAILURE, u->job->error.text);
    u->action->ended = true;
}

static void try_again(struct unit *u, uint64_t now)
{
    struct action *a = u->action;
    gateway_complain(u->gateway, u->index, &a->waiting, "action %s waits: %s", a->deployment.id,
                     u->job->error.text);
    a->retry_ms = now + gateway_pause_ms(u->gateway, a->waiting.times);
    u->gateway->counts.away++;
    if (a->waiting.times == 1)
        unit_feed_back(u, ESPOTA_DDI_PROCEEDING, ESPOTA_DDI_NONE, u->job->error.text);
}

static void fetched(struct unit *u)
{
    u->action->fetched = true;
    u->action->ended = u->action->deployment.update == ESPOTA_DDI_SKIP;
    unit_feed_back(u, ESPOTA_DDI_DOWNLOADED, ESPOTA_DDI_NONE, "fetched and checked");
}

static void action_job_ended(struct unit *u, uint64_t now)
{
    struct action *a = u->action;
    bool failed = u->job->end == JOB_FAILED || (u->job->end == JOB_UNSURE && ++a->unsure >= MOST_UNSURE);
    bool was_cancelled =
        a->cancel_id[0] != '\0' && !failed && (u->job->end != JOB_DONE || u->job->kind == JOB_FETCH);
    if (a->cancel_id[0] != '\0')
        unit_answer_cancel(u, a->cancel_url, a->cancel_id, was_cancelled);
    a->cancel_id[0] = '\0';
    if (was_cancelled) {
        u->gateway->counts.updates_cancelled++;
        gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_NOTE, "action %s cancelled", a->deployment.id);
        a->ended = true;
    } else if (a->abandoned && u->job->end != JOB_DONE) {
        a->ended = true;
    } else if (u->job->end == JOB_DONE && u->job->kind == JOB_FETCH) {
        fetched(u);
    } else if (u->job->end == JOB_DONE) {
        succeed(u);
    } else if (failed) {
        fail(u);
    } else {
        try_again(u, now);
    }
}

static void take_job(struct unit *u, uint64_t now)
{
    job_join(u->job);
    u->gateway->running--;
    u->gateway->describing -= u->job->kind == JOB_DESCRIBE;
    if (u->job->kind == JOB_DESCRIBE)
        describe_ended(u, now);
    else if (!u->gateway->options->stopped(u->gateway->options->context))
        action_job_ended(u, now);
    free(u->job);
    u->job = NULL;
}

/* ---- what is due ----------------------------------------------------------------------------------------
 */

static void tell_progress(struct unit *u)
{
    struct action *a = u->action;
    unsigned percent = atomic_load(&u->job->percent);
    char text[32];
    if (u->job->kind != JOB_UPDATE || percent < a->told_percent + STEP_PERCENT || u->reports > 0)
        return;
    a->told_percent = percent - percent % STEP_PERCENT;
    snprintf(text, sizeof text, "%u%% written", a->told_percent);
    unit_feed_back(u, ESPOTA_DDI_PROCEEDING, ESPOTA_DDI_NONE, text);
}

void unit_step_jobs(struct unit *u, uint64_t now)
{
    if (u->job && atomic_load(&u->job->over))
        take_job(u, now);
    if (u->job)
        tell_progress(u);
    else if (u->action && u->action->ended && u->reports == 0)
        unit_end_action(u);
    if (u->job)
        return;
    if (wants_job(u, now) && has_room(u->gateway, JOB_UPDATE))
        begin_action_job(u);
    else if (u->wants_attributes && now >= u->describe_ms && has_room(u->gateway, JOB_DESCRIBE))
        begin_job(u, JOB_DESCRIBE);
}

uint64_t unit_job_due(const struct unit *u)
{
    uint64_t action = UINT64_MAX, attributes = UINT64_MAX;
    if (u->job)
        return UINT64_MAX;
    if (wants_job(u, UINT64_MAX) && has_room(u->gateway, JOB_UPDATE))
        action = u->action->retry_ms;
    if (u->wants_attributes && has_room(u->gateway, JOB_DESCRIBE))
        attributes = u->describe_ms;
    return action < attributes ? action : attributes;
}

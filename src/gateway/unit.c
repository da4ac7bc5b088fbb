#include "unit.h"

#include "espota/clock.h"
#include "espota/fetch.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    USUAL_SLEEP_S = 300,
    USUAL_JOBS = 16,
    MOST_UNSURE = 3,
    STEP_PERCENT = 20,
    FIRST_POLLS_A_SECOND = 50,
    MOST_REQUESTS = 32
};

static unsigned jobs_at_once(const struct gateway *g)
{
    return g->options->jobs ? g->options->jobs : USUAL_JOBS;
}

static unsigned shortest_poll_ms(const struct gateway *g)
{
    return g->options->shortest_poll_ms ? g->options->shortest_poll_ms : 1000;
}

static const char *authorization(const struct unit *u)
{
    return u->authorization ? u->authorization : u->gateway->gateway_authorization;
}

/* ---- reports --------------------------------------------------------------------------------------------
 */

/* Takes `body`; NULL: memory was short, and the server will not hear of it. */
static void report(struct unit *u, const char *method, const char *url, const char *path, char *body)
{
    char *whole = NULL;
    if (u->reports == UNIT_REPORTS || !body || asprintf(&whole, "%s%s", url, path) < 0) {
        free(body);
        return;
    }
    u->report[u->reports++] = (struct report){ whole, body, method };
}

static void drop_report(struct unit *u)
{
    free(u->report[0].url);
    free(u->report[0].body);
    memmove(&u->report[0], &u->report[1], (u->reports - 1) * sizeof u->report[0]);
    u->reports--;
    u->report_errors = 0;
    u->report_ms = 0;
}

static void feed_back(struct unit *u, enum espota_ddi_execution execution, enum espota_ddi_finished finished,
                      const char *detail)
{
    const struct espota_ddi_feedback f = { .id = u->action->deployment.id,
                                           .execution = execution,
                                           .finished = finished,
                                           .done = u->action->told_percent,
                                           .of = 100,
                                           .detail = detail };
    report(u, "POST", u->action->url, "/feedback", espota_ddi_feedback_text(&f));
}

/* `version` of the software as the server calls it; NULL: as the app does. */
static void report_attributes(struct unit *u, const char *version)
{
    struct job *job = u->job;
    for (size_t i = 0; version && version[0] && i < job->attributes; i++)
        if (strcmp(job->attribute[i].key, "sw_version") == 0)
            job->attribute[i].value = version;
    report(u, "PUT", u->url, "/configData", espota_ddi_attributes_text(job->attribute, job->attributes));
}

/* ---- actions --------------------------------------------------------------------------------------------
 */

static void free_action(struct action *a)
{
    if (!a)
        return;
    espota_ddi_deployment_free(&a->deployment);
    free(a->url);
    free(a->cancel_url);
    free(a);
}

static void forget_etag(struct unit *u)
{
    free(u->etag);
    u->etag = NULL;
}

/* What the server wants after it is asked anew. */
static void end_action(struct unit *u)
{
    memcpy(u->ended_id, u->action->deployment.id, sizeof u->ended_id);
    free_action(u->action);
    u->action = NULL;
    forget_etag(u);
}

static void answer_cancel(struct unit *u, const char *url, const char *id, bool cancelled)
{
    const struct espota_ddi_feedback f = {
        .id = id,
        .execution = cancelled ? ESPOTA_DDI_CLOSED : ESPOTA_DDI_REJECTED,
        .finished = cancelled ? ESPOTA_DDI_SUCCESS : ESPOTA_DDI_NONE,
        .done = cancelled,
        .of = 1,
        .detail = cancelled ? "stopped" : "too late: the new app boots next",
    };
    report(u, "POST", url, "/feedback", espota_ddi_feedback_text(&f));
}

/* Its action is being worked on. */
static bool is_at_work(const struct unit *u)
{
    return u->job && u->job->kind != JOB_DESCRIBE;
}

/* Is it time for a job of this action? */
static bool wants_job(const struct unit *u, uint64_t now)
{
    const struct action *a = u->action;
    if (!a || a->ended || a->renew || now < a->retry_ms || a->deployment.download == ESPOTA_DDI_SKIP)
        return false;
    bool fetch_only = a->deployment.update == ESPOTA_DDI_SKIP || a->deployment.window_closed;
    return !(fetch_only && a->fetched);
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
    job->authorization = authorization(u);
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
}

static void begin_action_job(struct unit *u)
{
    struct action *a = u->action;
    bool fetch_only = a->deployment.update == ESPOTA_DDI_SKIP || a->deployment.window_closed;
    if (!a->started) {
        feed_back(u, ESPOTA_DDI_PROCEEDING, ESPOTA_DDI_NONE, "started");
        gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_NOTE, "action %s: %s %s", a->deployment.id,
                     a->deployment.name, a->deployment.version);
    }
    a->started = true;
    begin_job(u, fetch_only ? JOB_FETCH : JOB_UPDATE);
}

/* ---- the ends of jobs -----------------------------------------------------------------------------------
 */

static void describe_ended(struct unit *u, uint64_t now)
{
    if (u->job->end == JOB_DONE) {
        report_attributes(u, NULL);
        u->wants_attributes = false;
        u->describe_errors = 0;
        return;
    }
    u->describe_ms = now + gateway_pause_ms(u->gateway, ++u->describe_errors);
    if (u->describe_errors == 1)
        gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_WARNING, "%s", u->job->error.text);
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
    g->counts.already += job->already;
    gateway_tell(g, u->index, ESPOTA_GATEWAY_NOTE, "action %s: %s", u->action->deployment.id, text);
    feed_back(u, ESPOTA_DDI_CLOSED, ESPOTA_DDI_SUCCESS, text);
    if (job->attributes > 0)
        report_attributes(u, u->action->deployment.version);
    u->action->ended = true;
}

static void fail(struct unit *u)
{
    u->gateway->counts.updates_failed++;
    gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_WARNING, "action %s failed: %s",
                 u->action->deployment.id, u->job->error.text);
    feed_back(u, ESPOTA_DDI_CLOSED, ESPOTA_DDI_FAILURE, u->job->error.text);
    u->action->ended = true;
}

static void try_again(struct unit *u, uint64_t now)
{
    struct action *a = u->action;
    uint64_t pause = gateway_pause_ms(u->gateway, ++a->attempts);
    a->retry_ms = now + pause;
    u->gateway->counts.away++;
    if (a->attempts > 1)
        return;
    gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_WARNING, "action %s waits: %s", a->deployment.id,
                 u->job->error.text);
    feed_back(u, ESPOTA_DDI_PROCEEDING, ESPOTA_DDI_NONE, u->job->error.text);
}

static void fetched(struct unit *u)
{
    u->action->fetched = true;
    u->action->ended = u->action->deployment.update == ESPOTA_DDI_SKIP;
    feed_back(u, ESPOTA_DDI_DOWNLOADED, ESPOTA_DDI_NONE, "fetched and checked");
}

static void action_job_ended(struct unit *u, uint64_t now)
{
    struct action *a = u->action;
    bool failed = u->job->end == JOB_FAILED || (u->job->end == JOB_UNSURE && ++a->unsure >= MOST_UNSURE);
    bool was_cancelled =
        a->cancel_id[0] != '\0' && !failed && (u->job->end != JOB_DONE || u->job->kind == JOB_FETCH);
    if (a->cancel_id[0] != '\0')
        answer_cancel(u, a->cancel_url, a->cancel_id, was_cancelled);
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
    if (u->job->kind == JOB_DESCRIBE)
        describe_ended(u, now);
    else if (!u->gateway->options->stopped(u->gateway->options->context))
        action_job_ended(u, now);
    free(u->job);
    u->job = NULL;
}

/* ---- answers --------------------------------------------------------------------------------------------
 */

static bool is_good(const struct gateway_answer *answer, const struct espota_error *error)
{
    return !error && answer->status >= 200 && answer->status < 300;
}

/* The server did not do what was asked. */
static void complain(struct unit *u, const char *what, const struct gateway_answer *answer,
                     const struct espota_error *error)
{
    if (error)
        gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_WARNING, "%s: %s", what, error->text);
    else
        gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_WARNING,
                     "%s: the server answers with HTTP status %ld%s", what, answer->status,
                     answer->status == 401 || answer->status == 403 ? ": is the token right?"
                     : answer->status == 404 ? ": does it know this device, and tenant?"
                                             : "");
}

static void poll_failed(struct unit *u, const struct gateway_answer *answer, const struct espota_error *error)
{
    uint64_t pause = gateway_pause_ms(u->gateway, ++u->poll_errors);
    u->gateway->counts.poll_errors++;
    u->poll_ms = espota_now_ms() + pause;
    forget_etag(u);
    if (u->poll_errors == 1)
        complain(u, "cannot poll", answer, error);
}

/* An action that nobody wants any more: it was closed by somebody else. */
static void give_up_action(struct unit *u)
{
    if (!is_at_work(u)) {
        end_action(u);
        return;
    }
    u->action->abandoned = true;
    atomic_store(&u->job->cancel, true);
}

static bool is_another(const struct action *a, const char *url)
{
    size_t length = strcspn(url, "?#");
    return strlen(a->url) != length || strncmp(a->url, url, length) != 0;
}

static void take_poll(struct unit *u, const struct espota_ddi_poll *poll, const char *etag)
{
    espota_ddi_poll_free(&u->poll);
    u->poll = *poll;
    forget_etag(u);
    u->etag = etag[0] ? strdup(etag) : NULL;
    u->wants_attributes = u->poll.config_data != NULL;
    u->wants_consent =
        u->poll.confirmation && (!u->consented || strcmp(u->consented, u->poll.confirmation) != 0);
    u->wants_cancel = u->poll.cancel != NULL && !(u->action && u->action->cancel_id[0]);
    u->wants_deployment = u->poll.deployment && !is_at_work(u) &&
                          (!u->action || u->action->renew || is_another(u->action, u->poll.deployment));
    if (u->action && !u->poll.deployment && !u->poll.cancel && u->reports == 0)
        give_up_action(u);
}

static void poll_answered(void *context, const struct gateway_answer *answer,
                          const struct espota_error *error)
{
    struct unit *u = context;
    struct espota_ddi_poll poll;
    struct espota_error reason;
    unsigned shortest = shortest_poll_ms(u->gateway);
    u->asking = false;
    u->gateway->counts.polls++;
    if (error || (answer->status != 200 && answer->status != 304)) {
        poll_failed(u, answer, error);
        return;
    }
    if (answer->status == 200 &&
        espota_ddi_poll_parse(&poll, answer->text, answer->length, u->url, &reason) != 0) {
        espota_ddi_poll_free(&poll);
        poll_failed(u, answer, &reason);
        return;
    }
    if (u->poll_errors > 0)
        gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_NOTE, "the server answers again");
    u->poll_errors = 0;
    if (answer->status == 200)
        u->sleep_ms = 1000ull * (poll.has_sleep ? poll.sleep_s : USUAL_SLEEP_S);
    u->poll_ms = espota_now_ms() + (u->sleep_ms > shortest ? u->sleep_ms : shortest);
    if (u->action && u->action->fetched && !u->action->ended && u->poll.deployment)
        u->action->renew = u->wants_deployment = true;
    if (answer->status == 200)
        take_poll(u, &poll, answer->etag);
}

static char *without_query(const char *url)
{
    return strndup(url, strcspn(url, "?#"));
}

static void take_deployment(struct unit *u, struct espota_ddi_deployment *d)
{
    struct action *a = u->action;
    if (is_at_work(u)) { /* it was asked before that began */
        espota_ddi_deployment_free(d);
        return;
    }
    if (a && strcmp(a->deployment.id, d->id) == 0) { /* is it its time now? */
        a->deployment.window_closed = d->window_closed;
        a->deployment.download = d->download;
        a->deployment.update = d->update;
        a->renew = false;
        espota_ddi_deployment_free(d);
        return;
    }
    if (a)
        end_action(u);
    a = calloc(1, sizeof *a);
    if (a)
        a->url = without_query(u->poll.deployment);
    if (!a || !a->url) {
        free(a);
        espota_ddi_deployment_free(d);
        return;
    }
    a->deployment = *d;
    u->action = a;
    u->repeats = strcmp(d->id, u->ended_id) == 0 ? u->repeats + 1 : 0;
    if (u->repeats > 0) /* it was told how that ended, and does not heed it */
        a->retry_ms = espota_now_ms() + gateway_pause_ms(u->gateway, u->repeats);
}

static void deployment_answered(void *context, const struct gateway_answer *answer,
                                const struct espota_error *error)
{
    struct unit *u = context;
    struct espota_error reason;
    struct espota_ddi_deployment *d = calloc(1, sizeof *d);
    u->asking = false;
    u->wants_deployment = false;
    if (!d)
        return;
    if (!is_good(answer, error)) {
        complain(u, "cannot get the deployment", answer, error);
        forget_etag(u);
    } else if (espota_ddi_deployment_parse(d, answer->text, answer->length, u->url, &reason) != 0) {
        complain(u, "cannot get the deployment", answer, &reason);
        espota_ddi_deployment_free(d);
        forget_etag(u);
    } else if (d->id[0] != '\0') {
        take_deployment(u, d);
    }
    free(d);
}

static void cancel_answered(void *context, const struct gateway_answer *answer,
                            const struct espota_error *error)
{
    struct unit *u = context;
    struct espota_ddi_cancel cancel;
    struct espota_error reason;
    u->asking = false;
    u->wants_cancel = false;
    if (!is_good(answer, error) ||
        espota_ddi_cancel_parse(&cancel, answer->text, answer->length, &reason) != 0) {
        complain(u, "cannot get the cancellation", answer, is_good(answer, error) ? &reason : error);
        forget_etag(u);
        return;
    }
    char *url = without_query(u->poll.cancel);
    bool ours = u->action && strcmp(u->action->deployment.id, cancel.stop_id) == 0;
    if (url && ours && is_at_work(u)) { /* what became of it is told when it has stopped */
        memcpy(u->action->cancel_id, cancel.id, sizeof cancel.id);
        free(u->action->cancel_url);
        u->action->cancel_url = url;
        atomic_store(&u->job->cancel, true);
        return;
    }
    if (url)
        answer_cancel(u, url, cancel.id, true);
    free(url);
    if (ours) {
        u->gateway->counts.updates_cancelled++;
        end_action(u);
    }
}

/* 404 and 410: the action is closed, or gone: there is nobody to tell. */
static void report_answered(void *context, const struct gateway_answer *answer,
                            const struct espota_error *error)
{
    struct unit *u = context;
    u->asking = false;
    if (is_good(answer, error)) {
        drop_report(u);
        return;
    }
    bool refused = !error && answer->status >= 400 && answer->status < 500 && answer->status != 401 &&
                   answer->status != 403 && answer->status != 408 && answer->status != 429;
    if (u->report_errors++ == 0 && !(refused && (answer->status == 404 || answer->status == 410)))
        complain(u, "cannot report", answer, error);
    if (refused)
        drop_report(u);
    else
        u->report_ms = espota_now_ms() + gateway_pause_ms(u->gateway, u->report_errors);
}

/* ---- asking ---------------------------------------------------------------------------------------------
 */

static void ask(struct unit *u, const char *method, const char *url, const char *body,
                gateway_answer_fn *answered)
{
    struct espota_error error;
    bool known = espota_fetch_same_server(u->gateway->server, url);
    const struct gateway_request request = {
        .method = method,
        .url = url,
        .body = body,
        .authorization = known ? authorization(u) : NULL, /* a secret of this server and no other */
        .etag = answered == poll_answered ? u->etag : NULL,
        .answered = answered,
        .context = u,
    };
    u->asking = gateway_http_ask(u->gateway->http, &request, &error) == 0;
    if (!u->asking)
        gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_WARNING, "%s", error.text);
}

static void give_consent(struct unit *u)
{
    char *url = without_query(u->poll.confirmation);
    u->wants_consent = false;
    free(u->consented);
    u->consented = strdup(u->poll.confirmation);
    gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_NOTE, "the server asks for consent: %s",
                 u->gateway->options->consent ? "given" : "its operator has to give it");
    if (url && u->gateway->options->consent)
        report(u, "POST", url, "/feedback", espota_ddi_consent_text(true, "the gateway consents"));
    free(url);
}

/* The next request, if one is due. */
static void ask_next(struct unit *u, uint64_t now)
{
    if (u->reports > 0 && now >= u->report_ms)
        ask(u, u->report[0].method, u->report[0].url, u->report[0].body, report_answered);
    else if (u->reports > 0)
        ; /* in their order */
    else if (u->wants_cancel)
        ask(u, "GET", u->poll.cancel, NULL, cancel_answered);
    else if (u->wants_consent)
        give_consent(u);
    else if (u->wants_deployment)
        ask(u, "GET", u->poll.deployment, NULL, deployment_answered);
    else if (now >= u->poll_ms)
        ask(u, "GET", u->url, NULL, poll_answered);
}

static void tell_progress(struct unit *u)
{
    struct action *a = u->action;
    unsigned percent = atomic_load(&u->job->percent);
    char text[32];
    if (u->job->kind != JOB_UPDATE || percent < a->told_percent + STEP_PERCENT || u->reports > 0)
        return;
    a->told_percent = percent - percent % STEP_PERCENT;
    snprintf(text, sizeof text, "%u%% written", a->told_percent);
    feed_back(u, ESPOTA_DDI_PROCEEDING, ESPOTA_DDI_NONE, text);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_due(const struct unit *u, bool room)
{
    uint64_t due = UINT64_MAX;
    if (!u->asking)
        due = u->reports > 0 ? u->report_ms : u->poll_ms;
    if (u->job || !room)
        return due;
    if (u->action && !u->action->ended && !u->action->renew && wants_job(u, UINT64_MAX))
        due = sooner(due, u->action->retry_ms);
    if (u->wants_attributes)
        due = sooner(due, u->describe_ms);
    return due;
}

static void step_jobs(struct unit *u, uint64_t now)
{
    if (u->job && atomic_load(&u->job->over))
        take_job(u, now);
    if (u->job)
        tell_progress(u);
    else if (u->action && u->action->ended && u->reports == 0)
        end_action(u);
    bool room = u->gateway->running < jobs_at_once(u->gateway);
    if (!u->job && room && wants_job(u, now))
        begin_action_job(u);
    else if (!u->job && room && u->wants_attributes && now >= u->describe_ms)
        begin_job(u, JOB_DESCRIBE);
}

uint64_t unit_step(struct unit *u, uint64_t now)
{
    step_jobs(u, now);
    bool room_to_ask = gateway_http_under_way(u->gateway->http) < MOST_REQUESTS;
    if (!u->asking && room_to_ask)
        ask_next(u, now);
    if (!u->asking && !room_to_ask)
        return UINT64_MAX; /* an answer to another one ends the wait */
    return next_due(u, u->gateway->running < jobs_at_once(u->gateway));
}

/* ---- begin and end --------------------------------------------------------------------------------------
 */

static char *poll_address(const struct gateway *g, const char *name)
{
    char *escaped = curl_easy_escape(NULL, name, 0), *url = NULL;
    if (escaped && asprintf(&url, "%s/controller/v1/%s", g->base, escaped) < 0)
        url = NULL;
    curl_free(escaped);
    return url;
}

/* Not all of them poll at once. */
int unit_begin(struct unit *u, struct gateway *g, size_t index, uint64_t now, struct espota_error *error)
{
    const struct espota_gateway_device *device = &g->options->device[index];
    *u = (struct unit){ .gateway = g, .index = index };
    u->url = poll_address(g, device->name);
    if (device->token && asprintf(&u->authorization, "TargetToken %s", device->token) < 0)
        u->authorization = NULL;
    if (!u->url || (device->token && !u->authorization))
        return espota_fail_memory(error, "listing the devices");
    u->poll_ms = now + (uint64_t)index * shortest_poll_ms(g) / FIRST_POLLS_A_SECOND;
    return 0;
}

void unit_free(struct unit *u)
{
    if (u->job) {
        job_join(u->job);
        free(u->job);
    }
    while (u->reports > 0)
        drop_report(u);
    free_action(u->action);
    espota_ddi_poll_free(&u->poll);
    free(u->url);
    free(u->authorization);
    free(u->etag);
    free(u->consented);
}

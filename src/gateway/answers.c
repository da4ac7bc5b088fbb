/* What the server answers a device. */
#include "answers.h"

#include "action.h"
#include "report.h"

#include "espota/clock.h"

#include <stdlib.h>
#include <string.h>

enum { USUAL_SLEEP_S = 300 };

static bool is_good(const struct gateway_answer *answer, const struct espota_error *error)
{
    return !error && answer->status >= 200 && answer->status < 300;
}

/* The server did not do what was asked. That nobody answers is no matter of one device. */
static void complain(struct unit *u, struct trouble *trouble, const char *what,
                     const struct gateway_answer *answer, const struct espota_error *error)
{
    if (answer->status == 0) {
        trouble->times++;
        gateway_complain(u->gateway, SIZE_MAX, &u->gateway->reaching, "%s", error->text);
    } else if (error)
        gateway_complain(u->gateway, u->index, trouble, "%s: %s", what, error->text);
    else
        gateway_complain(u->gateway, u->index, trouble, "%s: the server answers with HTTP status %ld%s", what,
                         answer->status,
                         answer->status == 401 || answer->status == 403 ? ": is the token right?"
                         : answer->status == 404 ? ": does it know this device, and tenant?"
                                                 : "");
}

/* It did. */
static void relieve(struct unit *u, struct trouble *trouble, const char *text)
{
    gateway_relieve(u->gateway, u->index, trouble, text);
}

static void poll_failed(struct unit *u, const struct gateway_answer *answer, const struct espota_error *error)
{
    u->gateway->counts.poll_errors++;
    unit_forget_etag(u);
    complain(u, &u->polling, "cannot poll", answer, error);
    u->poll_ms = espota_now_ms() + gateway_pause_ms(u->gateway, u->polling.times);
}

/* An action that nobody wants any more: it was closed by somebody else. */
static void give_up_action(struct unit *u)
{
    if (!unit_is_at_work(u)) {
        unit_end_action(u);
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
    unit_forget_etag(u);
    u->etag = etag[0] ? strdup(etag) : NULL;
    u->wants_attributes = u->poll.config_data != NULL;
    u->wants_consent =
        u->poll.confirmation && (!u->consented || strcmp(u->consented, u->poll.confirmation) != 0);
    u->wants_cancel = u->poll.cancel != NULL && !(u->action && u->action->cancel_id[0]);
    u->wants_deployment = u->poll.deployment && !unit_is_at_work(u) &&
                          (!u->action || u->action->renew || is_another(u->action, u->poll.deployment));
    if (u->action && !u->poll.deployment && !u->poll.cancel && u->reports == 0)
        give_up_action(u);
}

unsigned unit_shortest_poll_ms(const struct gateway *g)
{
    return g->options->shortest_poll_ms ? g->options->shortest_poll_ms : 1000;
}

void unit_poll_answered(void *context, const struct gateway_answer *answer, const struct espota_error *error)
{
    struct unit *u = context;
    struct espota_ddi_poll poll;
    struct espota_error reason;
    unsigned shortest = unit_shortest_poll_ms(u->gateway);
    u->asking = false;
    u->gateway->counts.polls++;
    if (answer->status != 0)
        gateway_relieve(u->gateway, SIZE_MAX, &u->gateway->reaching, "the server answers again");
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
    relieve(u, &u->polling, "the server answers its polls again");
    if (answer->status == 200)
        u->sleep_ms = 1000ull * (poll.has_sleep ? poll.sleep_s : USUAL_SLEEP_S);
    u->poll_ms = espota_now_ms() + (u->sleep_ms > shortest ? u->sleep_ms : shortest);
    if (u->action && u->action->fetched && !u->action->ended && u->poll.deployment)
        u->action->renew = u->wants_deployment = true;
    if (answer->status == 200)
        take_poll(u, &poll, answer->etag);
}

static void take_deployment(struct unit *u, struct espota_ddi_deployment *d)
{
    struct action *a = u->action;
    if (unit_is_at_work(u)) { /* it was asked before that began */
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
        unit_end_action(u);
    a = calloc(1, sizeof *a);
    if (a)
        a->url = unit_without_query(u->poll.deployment);
    if (!a || !a->url) {
        free(a);
        espota_ddi_deployment_free(d);
        return;
    }
    uint64_t now = espota_now_ms(), pause = unit_pause_before(u, d->id, now);
    a->deployment = *d;
    a->retry_ms = now + pause;
    u->action = a;
    if (pause > 0)
        gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_DETAIL, "action %s waits %u s after those before",
                     d->id, (unsigned)(pause / 1000));
}

/* Asked again after a pause. What is wrong with it may stay so; cancellations are heard of meanwhile. */
static void deployment_failed(struct unit *u, const struct gateway_answer *answer,
                              const struct espota_error *error)
{
    complain(u, &u->deploying, "cannot get the deployment", answer, error);
    u->deployment_ms = espota_now_ms() + gateway_pause_ms(u->gateway, u->deploying.times);
    u->wants_deployment = true;
    unit_forget_etag(u);
}

void unit_deployment_answered(void *context, const struct gateway_answer *answer,
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
        deployment_failed(u, answer, error);
    } else if (espota_ddi_deployment_parse(d, answer->text, answer->length, u->url, &reason) != 0) {
        deployment_failed(u, answer, &reason);
        espota_ddi_deployment_free(d);
    } else {
        relieve(u, &u->deploying, "the server gives deployments again");
        if (d->id[0] != '\0')
            take_deployment(u, d);
    }
    free(d);
}

void unit_cancel_answered(void *context, const struct gateway_answer *answer,
                          const struct espota_error *error)
{
    struct unit *u = context;
    struct espota_ddi_cancel cancel;
    struct espota_error reason;
    u->asking = false;
    u->wants_cancel = false;
    if (!is_good(answer, error) ||
        espota_ddi_cancel_parse(&cancel, answer->text, answer->length, &reason) != 0) {
        complain(u, &u->cancelling, "cannot get the cancellation", answer,
                 is_good(answer, error) ? &reason : error);
        unit_forget_etag(u);
        return;
    }
    relieve(u, &u->cancelling, "the server gives cancellations again");
    char *url = unit_without_query(u->poll.cancel);
    bool ours = u->action && strcmp(u->action->deployment.id, cancel.stop_id) == 0;
    if (url && ours && unit_is_at_work(u)) { /* what became of it is told when it has stopped */
        memcpy(u->action->cancel_id, cancel.id, sizeof cancel.id);
        free(u->action->cancel_url);
        u->action->cancel_url = url;
        atomic_store(&u->job->cancel, true);
        return;
    }
    if (url)
        unit_answer_cancel(u, url, cancel.id, true);
    free(url);
    if (ours) {
        u->gateway->counts.updates_cancelled++;
        unit_end_action(u);
    }
}

/* 404 and 410: the action is closed, or gone: there is nobody to tell. */
void unit_report_answered(void *context, const struct gateway_answer *answer,
                          const struct espota_error *error)
{
    struct unit *u = context;
    u->asking = false;
    if (is_good(answer, error)) {
        relieve(u, &u->reporting, "the server hears reports again");
        unit_drop_report(u);
        return;
    }
    bool refused = !error && answer->status >= 400 && answer->status < 500 && answer->status != 401 &&
                   answer->status != 403 && answer->status != 408 && answer->status != 429;
    if (!(refused && (answer->status == 404 || answer->status == 410)))
        complain(u, &u->reporting, "cannot report", answer, error);
    if (refused)
        unit_drop_report(u);
    else
        u->report_ms = espota_now_ms() + gateway_pause_ms(u->gateway, u->reporting.times);
}

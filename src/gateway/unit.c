#include "unit.h"

#include "action.h"
#include "answers.h"
#include "report.h"

#include "espota/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_POLLS_A_SECOND = 50, MOST_REQUESTS = 32 };

static void ask(struct unit *u, const char *method, const char *url, const char *body,
                gateway_answer_fn *answered)
{
    struct espota_error error;
    bool known = espota_fetch_same_server(u->gateway->server, url);
    const struct gateway_request request = {
        .method = method,
        .url = url,
        .body = body,
        .authorization = known ? unit_authorization(u) : NULL, /* a secret of this server and no other */
        .etag = answered == unit_poll_answered ? u->etag : NULL,
        .answered = answered,
        .context = u,
    };
    u->asking = gateway_http_ask(u->gateway->http, &request, &error) == 0;
    if (!u->asking)
        gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_WARNING, "%s", error.text);
}

static void give_consent(struct unit *u)
{
    char *url = unit_without_query(u->poll.confirmation);
    u->wants_consent = false;
    free(u->consented);
    u->consented = strdup(u->poll.confirmation);
    gateway_tell(u->gateway, u->index, ESPOTA_GATEWAY_NOTE, "the server asks for consent: %s",
                 u->gateway->options->consent ? "given" : "its operator has to give it");
    if (url && u->gateway->options->consent)
        unit_report(u, "POST", url, "/feedback", espota_ddi_consent_text(true, "the gateway consents"));
    free(url);
}

/* The next request, if one is due. */
static void ask_next(struct unit *u, uint64_t now)
{
    if (u->reports > 0 && now >= u->report_ms)
        ask(u, u->report[0].method, u->report[0].url, u->report[0].body, unit_report_answered);
    else if (u->reports > 0)
        ; /* in their order */
    else if (u->wants_cancel)
        ask(u, "GET", u->poll.cancel, NULL, unit_cancel_answered);
    else if (u->wants_consent)
        give_consent(u);
    else if (u->wants_deployment && now >= u->deployment_ms)
        ask(u, "GET", u->poll.deployment, NULL, unit_deployment_answered);
    else if (now >= u->poll_ms)
        ask(u, "GET", u->url, NULL, unit_poll_answered);
}

static uint64_t next_due(const struct unit *u)
{
    uint64_t job = unit_job_due(u), request = UINT64_MAX;
    if (!u->asking)
        request = u->reports > 0 ? u->report_ms : u->poll_ms;
    if (!u->asking && u->reports == 0 && u->wants_deployment && u->deployment_ms < request)
        request = u->deployment_ms;
    return job < request ? job : request;
}

uint64_t unit_step(struct unit *u, uint64_t now)
{
    unit_step_jobs(u, now);
    bool room_to_ask = gateway_http_under_way(u->gateway->http) < MOST_REQUESTS;
    if (!u->asking && room_to_ask)
        ask_next(u, now);
    if (!u->asking && !room_to_ask)
        return UINT64_MAX; /* an answer to another one ends the wait */
    return next_due(u);
}

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
    u->poll_ms = now + (uint64_t)index * unit_shortest_poll_ms(g) / FIRST_POLLS_A_SECOND;
    return 0;
}

void unit_free(struct unit *u)
{
    if (u->job) {
        job_join(u->job);
        free(u->job);
    }
    while (u->reports > 0)
        unit_drop_report(u);
    unit_free_action(u->action);
    espota_ddi_poll_free(&u->poll);
    free(u->url);
    free(u->authorization);
    free(u->etag);
    free(u->consented);
}

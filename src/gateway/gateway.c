/* The gateway's loop. */
#include "unit.h"

#include "espota/address.h"
#include "espota/clock.h"
#include "espota/fetch.h"
#include "espota/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NAP_MS = 500, METRICS_MS = 15000 };

/* ---- metrics --------------------------------------------------------------------------------------------
 */

static void count_units(const struct gateway *g, size_t *busy, size_t *waiting, size_t *unreachable_server)
{
    *busy = *waiting = *unreachable_server = 0;
    for (size_t i = 0; i < g->options->count; i++) {
        const struct unit *u = &g->unit[i];
        *busy += u->job != NULL;
        *waiting += u->action && !u->job && !u->action->ended;
        *unreachable_server += u->polling.times > 0;
    }
}

/* Text format of Prometheus, version 0.0.4. */
static void write_metrics(struct gateway *g)
{
    const struct gateway_counts *c = &g->counts;
    struct espota_error error;
    char text[2048];
    size_t busy, waiting, unreachable;
    count_units(g, &busy, &waiting, &unreachable);
    int length = snprintf(text, sizeof text,
                          "# TYPE espota_gateway_devices gauge\n"
                          "espota_gateway_devices %zu\n"
                          "espota_gateway_devices_busy %zu\n"
                          "espota_gateway_devices_waiting %zu\n"
                          "espota_gateway_devices_poll_failing %zu\n"
                          "# TYPE espota_gateway_polls_total counter\n"
                          "espota_gateway_polls_total %" PRIu64 "\n"
                          "# TYPE espota_gateway_poll_errors_total counter\n"
                          "espota_gateway_poll_errors_total %" PRIu64 "\n"
                          "# TYPE espota_gateway_unreachable_total counter\n"
                          "espota_gateway_unreachable_total %" PRIu64 "\n"
                          "# TYPE espota_gateway_updates_total counter\n"
                          "espota_gateway_updates_total{result=\"success\"} %" PRIu64 "\n"
                          "espota_gateway_updates_total{result=\"failure\"} %" PRIu64 "\n"
                          "espota_gateway_updates_total{result=\"cancelled\"} %" PRIu64 "\n",
                          g->options->count, busy, waiting, unreachable, c->polls, c->poll_errors, c->away,
                          c->updates_done, c->updates_failed, c->updates_cancelled);
    if (espota_file_write(g->options->metrics, text, (size_t)length, &error) != 0)
        gateway_tell(g, SIZE_MAX, ESPOTA_GATEWAY_WARNING, "%s", error.text);
}

/* ---- the loop -------------------------------------------------------------------------------------------
 */

static uint64_t step_all(struct gateway *g, uint64_t now)
{
    uint64_t due = now + LONGEST_NAP_MS;
    size_t count = g->options->count;
    for (size_t i = 0; i < count; i++) { /* another one is the first each time */
        uint64_t its = unit_step(&g->unit[(g->first + i) % count], now);
        due = its < due ? its : due;
    }
    g->first = count > 0 ? (g->first + 1) % count : 0;
    if (g->options->metrics && now >= g->metrics_ms) {
        write_metrics(g);
        g->metrics_ms = now + METRICS_MS;
    }
    return due;
}

static void loop(struct gateway *g)
{
    while (!g->options->stopped(g->options->context)) {
        uint64_t now = espota_now_ms(), due = step_all(g, now);
        gateway_http_wait(g->http, due > now ? (unsigned)(due - now) : 0);
    }
}

static int begin(struct gateway *g, struct espota_error *error)
{
    const struct espota_gateway_options *o = g->options;
    uint64_t now = espota_now_ms();
    int result = espota_address_has_scheme(o->server)
                     ? espota_fetch_complete_url(o->server, 0, "/", &g->server, error)
                     : espota_fail(error, ESPOTA_ERR_USAGE,
                                   "the server's address has no scheme: write https:// or http:// before it");
    if (result != 0)
        return result;
    size_t length = strlen(g->server);
    while (length > 0 && g->server[length - 1] == '/')
        length--;
    bool ok = asprintf(&g->base, "%.*s/%s", (int)length, g->server, o->tenant ? o->tenant : "DEFAULT") >= 0;
    if (ok && o->gateway_token)
        ok = asprintf(&g->gateway_authorization, "GatewayToken %s", o->gateway_token) >= 0;
    g->http = gateway_http_new(o->certificate);
    g->artifacts = artifacts_new(g->server, o->certificate, o->cache);
    g->unit = calloc(o->count + 1, sizeof *g->unit);
    if (!ok || !g->http || !g->artifacts || !g->unit)
        return espota_fail_memory(error, "starting the gateway");
    for (size_t i = 0; result == 0 && i < o->count; i++)
        result = unit_begin(&g->unit[i], g, i, now, error);
    return result;
}

static void end(struct gateway *g)
{
    for (size_t i = 0; g->unit && i < g->options->count; i++)
        unit_free(&g->unit[i]);
    free(g->unit);
    gateway_http_free(g->http);
    artifacts_free(g->artifacts);
    free(g->server);
    free(g->base);
    free(g->gateway_authorization);
}

int espota_gateway_run(const struct espota_gateway_options *options, struct espota_error *error)
{
    struct gateway g = { .options = options };
    int result = begin(&g, error);
    if (result == 0) {
        loop(&g);
        if (options->metrics)
            write_metrics(&g);
        result = espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped");
    }
    end(&g);
    return result;
}

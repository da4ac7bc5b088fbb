/* gateway: devices that cannot speak to hawkBit, through a host that can. */
#include "cached.h"
#include "connect.h"
#include "devices_file.h"
#include "fleet_targets.h"
#include "sink.h"

#include "espota/address.h"
#include "espota/clock.h"
#include "espota/device_list.h"
#include "espota/error.h"
#include "espota/fetch.h"
#include "espota/file.h"
#include "espota/gateway.h"
#include "espota/known_images.h"
#include "espota/stream_cache.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct connect_options connect;
    const char *server, *tenant, *devices, *token_file, *certificate, *metrics;
    struct list_option tags;
    struct number_option jobs, return_timeout;
    bool trial, consent, no_cache;
};

static const struct option_spec option_table[] = {
    { "server", 0, OPTION_TEXT, offsetof(struct options, server), "URL",
      "http or https address of hawkBit, or another server of its DDI API" },
    { "tenant", 0, OPTION_TEXT, offsetof(struct options, tenant), "NAME", "its tenant (DEFAULT)" },
    { "devices", 0, OPTION_TEXT, offsetof(struct options, devices), "FILE",
      "the devices: CSV with the columns name (its controller id), address, key, tags, token; or TOML" },
    { "tag", 0, OPTION_LIST, offsetof(struct options, tags), "TAG",
      "of that list, those with this tag; can be repeated" },
    { "gateway-token-file", 0, OPTION_TEXT, offsetof(struct options, token_file), "FILE",
      "the gateway token, for devices without a token of their own" },
    { "key", 'k', OPTION_TEXT, offsetof(struct options, connect.key), "FILE",
      "file with the key of devices that the list names none for" },
    { "certificate", 0, OPTION_TEXT, offsetof(struct options, certificate), "PEM",
      "trust this certificate (a CA's, or the server's) for https" },
    { "jobs", 0, OPTION_NUMBER, offsetof(struct options, jobs), "N", "at most N devices at a time (16)" },
    { "consent", 0, OPTION_FLAG, offsetof(struct options, consent), NULL,
      "give consent where the server asks for it" },
    { "return-timeout", 0, OPTION_NUMBER, offsetof(struct options, return_timeout), "SECONDS",
      "an updated device has to be back in so long (300)" },
    { "metrics", 0, OPTION_TEXT, offsetof(struct options, metrics), "FILE",
      "counts for Prometheus' node exporter, renewed every 15 s" },
    OPTION_END,
};

struct gateway {
    struct cli *cli;
    const struct options *o;
    struct espota_device_list list;
    const struct espota_listed_device **chosen;
    struct espota_gateway_device *device;
    char **token; /* what `device` points to */
    size_t count;
    char *gateway_token;
    struct espota_image_cache *cache;
    struct espota_known_images *known;
    struct espota_stream_cache *streams;
    struct espota_ui quiet; /* of jobs' threads; the other one is the main thread's */
    bool journal;           /* lines say how serious they are, as systemd's journal reads it */
};

/* ---- tokens ---------------------------------------------------------------------------------------------
 */

static int read_token(struct cli *cli, const char *path, char **token, struct espota_error *error)
{
    enum { LONGEST = 512 };
    struct espota_bytes text = { 0 };
    int result = espota_file_read(path, LONGEST, &text, error);
    if (result != 0)
        return result;
    if (espota_file_others_can_read(path))
        espota_ui_warn(&cli->ui, "others can read the token in %s: 'chmod 600 %s'", path, path);
    size_t length = text.size;
    while (length > 0 && isspace(text.data[length - 1]))
        length--;
    bool good = length > 0;
    for (size_t i = 0; i < length; i++)
        good = good && text.data[i] > ' ' && text.data[i] < 0x7f;
    *token = good ? strndup((const char *)text.data, length) : NULL;
    espota_bytes_free(&text);
    if (!good)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "%s holds no token: expected one line of letters and digits", path);
    return *token ? 0 : espota_fail_memory(error, "reading a token");
}

/* ---- which devices --------------------------------------------------------------------------------------
 */

/* What cannot say what it runs cannot be seen to run what it was given. */
static int check_address(const struct espota_listed_device *device, struct espota_error *error)
{
    const char *speaks =
        espota_address_after(device->address, "ws://") ? "WebREPL" : sink_speaks(device->address);
    if (!speaks)
        return 0;
    char *shown = espota_address_shown(device->address); /* without a password in it */
    espota_fail(error, ESPOTA_ERR_USAGE,
                "%s, %s, speaks %s: a gateway needs an agent, which says what it runs; leave it out, or "
                "choose others by their tag",
                device->name, shown ? shown : "its address", speaks);
    free(shown);
    return (int)error->status;
}

static int add(struct gateway *g, const struct espota_listed_device *device, struct espota_error *error)
{
    if (check_address(device, error) != 0)
        return (int)error->status;
    int result = device->token ? read_token(g->cli, device->token, &g->token[g->count], error) : 0;
    g->chosen[g->count] = device;
    g->device[g->count] = (struct espota_gateway_device){ device->name, g->token[g->count] };
    g->count++;
    return result;
}

static int choose(struct gateway *g, struct espota_error *error)
{
    int result = devices_file_read(&g->list, g->o->devices, error);
    if (result != 0)
        return result;
    g->chosen = calloc(g->list.count + 1, sizeof(void *));
    g->device = calloc(g->list.count + 1, sizeof *g->device);
    g->token = calloc(g->list.count + 1, sizeof *g->token);
    if (!g->chosen || !g->device || !g->token)
        return espota_fail_memory(error, "listing the devices");
    for (size_t i = 0; result == 0 && i < g->list.count; i++)
        if (fleet_has_tags(&g->list.device[i], &g->o->tags))
            result = add(g, &g->list.device[i], error);
    if (result == 0 && g->count == 0)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "%s lists no device of that kind", g->o->devices);
    return result;
}

static void free_gateway(struct gateway *g)
{
    for (size_t i = 0; g->token && i < g->list.count; i++)
        free(g->token[i]);
    free(g->token);
    free(g->device);
    free(g->chosen);
    free(g->gateway_token);
    espota_stream_cache_free(g->streams);
    espota_known_images_free(g->known);
    espota_image_cache_free(g->cache);
    espota_device_list_free(&g->list);
}

/* What all devices share. */
static int open_caches(struct gateway *g, struct espota_error *error)
{
    int result = cache_open(g->cli, g->o->no_cache, &g->cache, error);
    if (result == 0)
        result = espota_known_images_new(&g->known, g->cache, error);
    return result ? result : espota_stream_cache_new(&g->streams, 0, error);
}

/* ---- what the library calls -----------------------------------------------------------------------------
 */

static int open_device(void *context, size_t device, const struct espota_observer *observer,
                       struct espota_device **opened, struct espota_error *error)
{
    struct gateway *g = context;
    const struct espota_listed_device *d = g->chosen[device];
    struct cli quiet = { .ui = g->quiet,
                         .settings = g->cli->settings,
                         .observer = *observer,
                         .of_many = true,
                         .streams = g->streams };
    struct connect_options connect = g->o->connect;
    bool port = espota_device_address_is_port(d->address);
    connect.port = port ? d->address : NULL;
    connect.host = port ? NULL : d->address;
    connect.key = d->key ? d->key : connect.key;
    int result = connect_device(&quiet, &connect, VIA_AGENT, opened, error);
    if (*opened)
        (*opened)->observer = observer;
    return result;
}

static void print_event(const char *device, enum espota_gateway_event event, const char *text)
{
    struct espota_error ignored; /* a broken stdout shows at the end */
    struct fields line = document_begin();
    field_text(&line, "device", device);
    field_text(&line, "level", event == ESPOTA_GATEWAY_WARNING ? "warning" : "note");
    field_text(&line, "message", text);
    (void)print_line(&line, &ignored);
}

static void tell(void *context, size_t device, enum espota_gateway_event event, const char *text)
{
    static const char *const levels[] = { "<7>", "<6>", "<4>" };
    struct gateway *g = context;
    const char *level = g->journal ? levels[event] : "";
    const char *name = device == SIZE_MAX ? "gateway" : g->chosen[device]->name;
    if (g->cli->json && event != ESPOTA_GATEWAY_DETAIL) {
        print_event(device == SIZE_MAX ? NULL : name, event, text);
        return;
    }
    if (event == ESPOTA_GATEWAY_DETAIL)
        espota_ui_detail(&g->cli->ui, "%s%s: %s", level, name, text);
    else if (event == ESPOTA_GATEWAY_NOTE)
        espota_ui_say(&g->cli->ui, "%s%s: %s", level, name, text);
    else if (g->journal) { /* -q does not keep a warning back */
        struct espota_ui ui = g->cli->ui;
        ui.quiet = false;
        espota_ui_say(&ui, "%s%s: %s", level, name, text);
    } else
        espota_ui_warn(&g->cli->ui, "%s: %s", name, text);
}

static bool stopped(void *context)
{
    (void)context;
    return cli_interrupted(NULL);
}

/* ---- the command ----------------------------------------------------------------------------------------
 */

static int no_scheme(const char *server, struct espota_error *error)
{
    char *shown = espota_address_shown(server);
    espota_fail(error, ESPOTA_ERR_USAGE,
                "--server '%s' does not say how tokens and images travel: begin it with https://, or with "
                "http:// where others may read them",
                shown ? shown : "");
    free(shown);
    return (int)error->status;
}

static int check_options(const struct options *o, struct espota_error *error)
{
    if (!o->server || !o->devices)
        return espota_fail(error, ESPOTA_ERR_USAGE, "give --server URL and --devices FILE");
    if (!espota_address_has_scheme(o->server))
        return no_scheme(o->server, error);
    if (o->tenant && (o->tenant[0] == '\0' || strpbrk(o->tenant, "/?#% ")))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--tenant '%s' is no name of a tenant", o->tenant);
    if (o->return_timeout.given && o->return_timeout.value == 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--return-timeout takes at least a second");
    return 0;
}

static int run_gateway(struct gateway *g, struct espota_error *error)
{
    const struct options *o = g->o;
    const struct espota_base_source bases = espota_known_images_source(g->known);
    const struct espota_gateway_options options = {
        .server = o->server,
        .tenant = o->tenant,
        .certificate = o->certificate,
        .gateway_token = g->gateway_token,
        .device = g->device,
        .count = g->count,
        .jobs = o->jobs.value,
        .trial = o->trial,
        .consent = o->consent,
        .return_timeout_s = o->return_timeout.value,
        .cache = g->cache,
        .bases = &bases,
        .metrics = o->metrics,
        .context = g,
        .open = open_device,
        .event = tell,
        .stopped = stopped,
    };
    cli_catch_interrupts();
    char text[400];
    char *shown = espota_address_shown(o->server); /* without a password in it */
    snprintf(text, sizeof text, "%zu device%s, for %.300s", g->count, g->count == 1 ? "" : "s",
             shown ? shown : "the server");
    free(shown);
    tell(g, SIZE_MAX, ESPOTA_GATEWAY_NOTE, text);
    int result = espota_gateway_run(&options, error);
    if (result == ESPOTA_ERR_CANCELLED && cli_ended_by_request()) {
        tell(g, SIZE_MAX, ESPOTA_GATEWAY_NOTE, "stopped");
        result = 0;
    }
    return result;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct gateway g = { .cli = cli, .o = o, .journal = getenv("JOURNAL_STREAM") != NULL };
    g.quiet = cli->ui;
    g.quiet.quiet = true;
    g.quiet.verbosity = 0;
    g.quiet.live = false;
    int result = check_options(o, error);
    if (result == 0 && o->certificate && access(o->certificate, R_OK) != 0)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "cannot read the certificate %s", o->certificate);
    if (result == 0 && o->token_file)
        result = read_token(cli, o->token_file, &g.gateway_token, error);
    if (result == 0)
        result = choose(&g, error);
    if (result == 0)
        result = open_caches(&g, error);
    if (result == 0)
        result = run_gateway(&g, error);
    free_gateway(&g);
    return result;
}

const struct command command_gateway = {
    .name = "gateway",
    .summary = "update devices as a hawkBit server says",
    .usage = "--server URL --devices FILE",
    .description =
        "Polls the server for each device of a list, in its name; updates the device through its agent, and\n"
        "reports what became of it. Runs until it is stopped, and keeps nothing: started again, it goes on.",
    .options = option_table,
    .groups = { { trial_option, offsetof(struct options, trial) },
                { cache_option, offsetof(struct options, no_cache) } },
    .options_size = sizeof(struct options),
    .run = run,
};

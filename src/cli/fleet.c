#include "fleet.h"

#include "connect.h"
#include "fleet_targets.h"
#include "sink.h"
#include "watch.h"

#include "espota/address.h"
#include "espota/clock.h"
#include "espota/error.h"
#include "espota/fetch.h"
#include "espota/fleet.h"
#include "espota/size.h"
#include "espota/stream_cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FLEET(field) offsetof(struct fleet_options, field)

const struct option_spec fleet_options[] = {
    { "devices", 0, OPTION_TEXT, FLEET(devices), "FILE",
      "all devices of a list: CSV with the columns name, address, key, tags; or TOML" },
    { "tag", 0, OPTION_LIST, FLEET(tags), "TAG", "of that list, those with this tag; can be repeated" },
    { "all", 0, OPTION_FLAG, FLEET(all), NULL, "all boards that are plugged in" },
    { "jobs", 0, OPTION_NUMBER, FLEET(jobs), "N", "at most N devices at a time (256)" },
    { "canary", 0, OPTION_NUMBER, FLEET(canary), "N",
      "N devices first; the others when all is well with them" },
    OPTION_END,
};

struct fleet {
    struct cli *cli;
    const struct command *command;
    void *options;
    void *shared; /* what all devices get, such as an image */
    struct espota_stream_cache *streams;
    size_t connect_offset, canaries;
    struct fleet_targets targets;
    struct fields *results; /* a document for each device */
    uint64_t started_ms;
};

/* Where a group's fields lie in a command's options. */
static bool find_group(const struct command *command, const struct option_spec *group, size_t *offset)
{
    for (int i = 0; i < MAX_GROUPS && command->groups[i].options; i++)
        if (command->groups[i].options == group) {
            *offset = command->groups[i].offset;
            return true;
        }
    return false;
}

static struct connect_options *connect_of(const struct command *command, void *options)
{
    size_t offset;
    return find_group(command, port_options, &offset) ? (struct connect_options *)((char *)options + offset)
                                                      : NULL;
}

static const struct fleet_options *fleet_of(const struct command *command, const void *options)
{
    size_t offset;
    return find_group(command, fleet_options, &offset)
               ? (const struct fleet_options *)((const char *)options + offset)
               : NULL;
}

bool fleet_is_wanted(const struct command *command, void *options)
{
    const struct connect_options *connect = connect_of(command, options);
    const struct fleet_options *fleet = fleet_of(command, options);
    return fleet && (fleet->devices || fleet->all || connect->ports.count + connect->hosts.count > 1);
}

/* An address of firmware that is not ours is for those commands which reach that. */
static int take_sink(const struct command *command, void *options, const char *address, const char *password,
                     struct espota_error *error)
{
    const char *speaks = address ? sink_speaks(address) : NULL;
    size_t offset;
    if (!speaks)
        return 0;
    if (!find_group(command, sink_options, &offset)) {
        char *shown = espota_address_shown(address); /* without a password in it */
        espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                    "cannot '%s' %s: it speaks %s, which takes updates ('espota ota') and nothing else",
                    command->name, shown ? shown : "it", speaks);
        free(shown);
        return (int)error->status;
    }
    sink_take((struct sink_options *)((char *)options + offset), connect_of(command, options), address,
              password);
    return 0;
}

/* That there are some among many. */
static void mark_sinks(struct fleet *f)
{
    size_t offset;
    if (!find_group(f->command, sink_options, &offset))
        return;
    struct sink_options *sink = (struct sink_options *)((char *)f->options + offset);
    for (size_t i = 0; i < f->targets.count; i++)
        if (f->targets.target[i].host && sink_speaks(f->targets.target[i].host))
            sink->listed = true;
}

int fleet_settle(const struct command *command, void *options, struct espota_error *error)
{
    struct connect_options *connect = connect_of(command, options);
    const struct fleet_options *fleet = fleet_of(command, options);
    if (connect && connect->ports.count + connect->hosts.count > 1)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "'espota %s' works on one device: give --port or --host once", command->name);
    if (fleet && (fleet->tags.count > 0 || fleet->jobs.given || fleet->canary.given))
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--tag, --jobs and --canary are for many devices: name them by --devices, --all, or --port "
            "and --host given several times");
    if (connect)
        connect_settle(connect);
    return connect ? take_sink(command, options, connect->host, NULL, error) : 0;
}

/* ---- the work -------------------------------------------------------------------------------------------
 */

/* A key, or a WebREPL's password. One password for all that have one is none of an agent's. */
static void take_secret(struct connect_options *connect, const struct fleet_target *target)
{
    bool web = connect_is_web(connect);
    if (target->key)
        *(web ? &connect->password_file : &connect->key) = target->key;
    if (web)
        connect->key = NULL;
    else if (!target->host || !sink_speaks(target->host))
        connect->password_file = NULL;
}

static int work(void *context, size_t device, struct espota_error *error)
{
    struct fleet *f = context;
    const struct fleet_target *target = &f->targets.target[device];
    struct cli cli = { .ui = f->cli->ui,
                       .json = true,
                       .arguments = f->cli->arguments,
                       .argument_count = f->cli->argument_count,
                       .shared = f->shared,
                       .streams = f->streams,
                       .of_many = true,
                       .canary = device < f->canaries };
    char *options = malloc(f->command->options_size);
    if (!options)
        return espota_fail_memory(error, "starting");
    memcpy(options, f->options, f->command->options_size);
    struct connect_options *connect = (struct connect_options *)(options + f->connect_offset);
    connect->port = target->port;
    connect->host = target->host;
    take_secret(connect, target);
    cli.ui.quiet = true;
    cli.ui.verbosity = 0;
    cli.ui.live = false;
    cli_observe(&cli);
    int result = take_sink(f->command, options, target->host, target->key, error);
    if (result == 0)
        result = f->command->run(&cli, options, error);
    if (result != 0)
        add_hint(error);
    f->results[device] = cli.result;
    items_free(&cli.warnings);
    free(options);
    return result;
}

static void say_end(struct fleet *f, size_t device, int result, const struct espota_error *error)
{
    char words[FLEET_WORDS] = "done";
    if (result == 0 && f->command->fleet->sum_up && f->results[device].object)
        f->command->fleet->sum_up(&f->results[device], words);
    print("%s: %s\n", f->targets.target[device].name, result ? error->text : words);
    fflush(stdout);
}

static void print_end(struct fleet *f, size_t device, int result, const struct espota_error *error)
{
    struct espota_error ignored;
    struct fields line = document_begin();
    field_text(&line, "name", f->targets.target[device].name);
    if (result == 0)
        field_null(&line, "error");
    else
        field_object(&line, "error", failure_fields(error));
    if (f->results[device].object)
        field_object(&line, "result", f->results[device]);
    else
        field_null(&line, "result");
    f->results[device] = (struct fields){ 0 };
    (void)print_line(&line, &ignored); /* a broken stdout shows at the end */
}

static void ended(void *context, size_t device, int result, const struct espota_error *error)
{
    struct fleet *f = context;
    if (f->cli->json)
        print_end(f, device, result, error);
    else
        say_end(f, device, result, error);
    fields_free(&f->results[device]);
}

static bool stopped(void *context)
{
    (void)context;
    return cli_interrupted(NULL);
}

static void tell(struct fleet *f, const struct espota_fleet_result *r)
{
    double seconds = (double)(espota_now_ms() - f->started_ms) / 1000.0;
    struct espota_error ignored;
    if (f->cli->json) {
        struct fields line = document_begin(), summary = fields_begin();
        field_number(&summary, "devices", (int64_t)f->targets.count);
        field_number(&summary, "done", (int64_t)r->done);
        field_number(&summary, "failed", (int64_t)r->failed);
        field_number(&summary, "not_begun", (int64_t)r->not_begun);
        field_real(&summary, "seconds", seconds);
        field_object(&line, "summary", summary);
        (void)print_line(&line, &ignored);
        f->cli->json = false; /* all is said */
    }
    espota_ui_say(&f->cli->ui, "%zu done, %zu failed, %zu not begun, in %.1f s", r->done, r->failed,
                  r->not_begun, seconds);
}

static int conclude(struct fleet *f, const struct espota_fleet_result *r, struct espota_error *error)
{
    tell(f, r);
    if (cli_interrupted(NULL))
        return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped: the same command goes on where it was");
    if (r->failed > 0 && r->not_begun > 0)
        return espota_fail(error, (enum espota_status)r->status,
                           "%zu of the first %zu device%s failed: the other %zu %s", r->failed, f->canaries,
                           ESPOTA_PLURAL(f->canaries), r->not_begun,
                           r->not_begun == 1 ? "was left as it is" : "were left as they are");
    if (r->status != 0)
        return espota_fail(error, (enum espota_status)r->status,
                           "%zu of %zu device%s failed; the same command does what is left", r->failed,
                           f->targets.count, ESPOTA_PLURAL(f->targets.count));
    return 0;
}

/* As many at a time as there are open files for: each device needs one for its link, and for a moment some
 * more, for its key or to ask a name server. */
static unsigned fleet_jobs(const struct fleet *f, const struct fleet_options *o)
{
    enum { USUAL_JOBS = 256, FILES_A_DEVICE = 3, OTHER_FILES = 24 };
    size_t jobs = o->jobs.given ? o->jobs.value : USUAL_JOBS;
    if (jobs > f->targets.count)
        jobs = f->targets.count;
    struct rlimit files;
    rlim_t needed = jobs * FILES_A_DEVICE + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= needed)
        return (unsigned)jobs;
    files.rlim_cur = files.rlim_max < needed ? files.rlim_max : needed;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        (void)getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur >= needed)
        return (unsigned)jobs;
    jobs = files.rlim_cur > OTHER_FILES ? (files.rlim_cur - OTHER_FILES) / FILES_A_DEVICE : 0;
    jobs = jobs ? jobs : 1;
    espota_ui_warn(&f->cli->ui,
                   "%zu device%s at a time: this program may open no more than %llu files (ulimit -n)", jobs,
                   ESPOTA_PLURAL(jobs), (unsigned long long)files.rlim_cur);
    return (unsigned)jobs;
}

int fleet_run(struct cli *cli, const struct command *command, void *options, struct espota_error *error)
{
    const struct fleet_options *o = fleet_of(command, options);
    struct fleet f = { .cli = cli, .command = command, .options = options, .started_ms = espota_now_ms() };
    struct espota_fleet_result done;
    size_t watch;
    bool watched = find_group(command, watch_options, &watch) &&
                   ((const struct watch_options *)((const char *)options + watch))->monitor;
    find_group(command, port_options, &f.connect_offset);
    int result = watched ? espota_fail(error, ESPOTA_ERR_USAGE, "--monitor shows one device: name one")
                         : fleet_targets_choose(&f.targets, o, connect_of(command, options), error);
    if (result == 0 && o->jobs.given && (o->jobs.value == 0 || o->jobs.value > ESPOTA_FLEET_MOST_JOBS))
        result = espota_fail(error, ESPOTA_ERR_USAGE, "--jobs takes a number from 1 to %d",
                             ESPOTA_FLEET_MOST_JOBS);
    if (result == 0 && !(f.results = calloc(f.targets.count + 1, sizeof *f.results)))
        result = espota_fail_memory(error, "listing the devices");
    if (result == 0) {
        mark_sinks(&f);
        cli->devices = f.targets.count;
        cli->at_once = fleet_jobs(&f, o);
    }
    if (result == 0 && command->fleet->prepare)
        result = command->fleet->prepare(cli, options, &f.shared, error);
    f.canaries = o->canary.value;
    if (result == 0)
        result = espota_stream_cache_new(&f.streams, 0, error);
    if (result == 0) {
        const struct espota_fleet_request request = { f.targets.count, cli->at_once, f.canaries, &f, work,
                                                      ended,           stopped };
        espota_ui_progress_end(&cli->ui);
        cli_catch_interrupts();
        result = espota_fleet_run(&request, &done, error);
    }
    if (result == 0)
        result = conclude(&f, &done, error);
    espota_stream_cache_free(f.streams);
    if (f.shared)
        command->fleet->release(f.shared);
    for (size_t i = 0; f.results && i < f.targets.count; i++)
        fields_free(&f.results[i]);
    free(f.results);
    fleet_targets_free(&f.targets);
    return result;
}

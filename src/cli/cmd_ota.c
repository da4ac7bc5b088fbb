#include "cached.h"
#include "canary.h"
#include "connect.h"
#include "fleet.h"
#include "ota_bases.h"
#include "ota_pull.h"
#include "ota_source.h"
#include "sink.h"
#include "watch.h"

#include "espota/buffer.h"
#include "espota/clock.h"
#include "espota/device.h"
#include "espota/elf_image.h"
#include "espota/error.h"
#include "espota/fetch.h"
#include "espota/file.h"
#include "espota/hash.h"
#include "espota/hex.h"
#include "espota/ota.h"
#include "espota/smart_write.h"
#include "espota/table.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    struct connect_options connect;
    struct watch_options watch;
    struct fleet_options fleet;
    struct sink_options sink;
    struct source_options source;
    struct base_options bases;
    struct number_option table_offset;
    bool force_factory, restart, trial, force, pull;
};

static const struct option_spec force_factory_option[] = {
    { "force-factory", 0, OPTION_FLAG, 0, NULL, "update the factory partition, from an OTA slot" },
    OPTION_END,
};

static const struct option_spec pull_option[] = {
    { "pull", 0, OPTION_FLAG, 0, NULL, "the device fetches the URL by itself" },
    OPTION_END,
};

/* ---- the command ----------------------------------------------------------------------------------------
 */

static int set_ota_result(struct cli *cli, const struct options *o, const struct espota_device *device,
                          const struct source *source, const struct espota_ota_result *r, double seconds,
                          bool returned, struct espota_error *error)
{
    bool sink = espota_device_can(device, ESPOTA_CAP_SINK);
    bool already = r->to.size == 0 && !sink; /* nothing was left to do */
    struct fields document = device_document_begin(device->name);
    field_text(&document, "image", source->name);
    field_flag(&document, "already", already);
    field_flag(&document, "pulled", false);
    field_text_if_any(&document, "from", r->from.label);
    field_label(&document, "to", r->to.size == 0 ? NULL : &r->to);
    field_number_if(&document, "offset", r->to.size > 0, r->to.offset);
    field_number(&document, "size", (int64_t)source->image.size);
    field_bytes(&document, "sha256", already ? NULL : r->sha256, sizeof r->sha256);
    field_flag(&document, "md5_checked", source->has_md5);
    field_number(&document, "written", r->write.written);
    field_number(&document, "kept", r->write.kept);
    bases_fields(&document, !already && !sink, r);
    field_real(&document, "seconds", seconds);
    field_flag(&document, "trial", o->trial && !already);
    field_flag(&document, "restarted", (o->restart || o->watch.monitor || sink) && !already);
    sink_fields(&document, device, returned);
    return set_device_result(cli, document, error);
}

static int update(struct cli *cli, const struct options *o, struct source *source,
                  struct espota_device *device, struct espota_error *error)
{
    struct espota_ota_request request = {
        .name = source->name,
        .payload = source->payload,
        .checked = source->about.segment_count > 0 ? &source->about : NULL,
        .force_factory = o->force_factory,
        .trial = o->trial,
        .file_system = o->sink.file_system,
        .table_offset = o->table_offset.value,
        .bases = bases_source(&source->bases),
    };
    struct espota_ota_result result;
    uint64_t started = espota_now_ms();
    int outcome = espota_ota_run(device, &request, &result, error);
    espota_ui_progress_end(&cli->ui);
    double seconds = (double)(espota_now_ms() - started) / 1000.0;
    if (outcome == 0)
        espota_ui_say(&cli->ui, "Done in %.1f s", seconds);
    if (outcome == 0 && !espota_device_can(device, ESPOTA_CAP_SINK) &&
        !atomic_flag_test_and_set(&source->kept))
        cache_keep(cli, source->bases.cache, source->name, source->image.data, source->image.size);
    bool returned = false, itself = espota_device_can(device, ESPOTA_CAP_RETURN);
    if (outcome == 0 && itself)
        outcome = sink_await_return(cli, &o->sink, device, &returned, error);
    if (outcome == 0 && !itself && (o->restart || o->watch.monitor)) {
        outcome = espota_device_restart(device, error);
        if (outcome == 0)
            espota_ui_say(&cli->ui, "Restarted");
    }
    if (outcome == 0 && cli->json)
        outcome = set_ota_result(cli, o, device, source, &result, seconds, returned, error);
    return outcome;
}

static int check_pull(const struct options *o, struct espota_error *error)
{
    if (!o->pull)
        return 0;
    if (o->source.file || sink_is_wanted(&o->sink))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--pull goes with --url, and a device that has espota's agent");
    if (o->fleet.canary.value > 0)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--pull and --canary do not go together: whether a canary runs the image is not known "
            "here");
    if (o->source.timeout.given || o->source.stall_timeout.given)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--timeout and --stall-timeout are for what is fetched here: with --pull the device "
            "decides");
    if (o->watch.monitor)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--pull and --monitor do not go together");
    return 0;
}

static int check_options(const struct options *o, struct espota_error *error)
{
    if (check_pull(o, error) != 0)
        return (int)error->status;
    if (!o->source.url == !o->source.file)
        return espota_fail(error, ESPOTA_ERR_USAGE, "which image? Give either --url URL or --file FILE");
    if (o->source.file && (o->source.path || o->source.http_port.given || o->source.certificate))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--path, --http-port and --certificate go with --url, not --file");
    if (o->source.http_port.given && (o->source.http_port.value == 0 || o->source.http_port.value > 65535))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--http-port takes a port from 1 to 65535");
    if (o->source.path && o->source.path[0] != '/')
        return espota_fail(error, ESPOTA_ERR_USAGE, "--path '%s' must begin with /", o->source.path);
    if (o->trial && o->force_factory)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--trial and --force-factory do not go together: the factory app has no trial");
    if (o->fleet.canary.value > 0 && !o->restart && !sink_is_wanted(&o->sink))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--canary needs --restart: a canary is well when it runs the image");
    if (sink_is_wanted(&o->sink) && (o->fleet.devices || o->fleet.all))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--arduino, --esphome and --http-upload name one device: of several list the "
                           "addresses, as arduino://HOST, esphome://HOST and http://HOST/update");
    if (sink_is_wanted(&o->sink) && o->watch.monitor)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--monitor: there is no console over this connection");
    return sink_check(&o->sink, &o->connect, error);
}

/* That of --chip; NULL: not given. */
static const struct espota_chip *chip_of(const struct options *o)
{
    return o->connect.chip ? espota_chip_by_name(o->connect.chip) : NULL;
}

/* An ELF file is as good as its image. */
static int convert_image(struct cli *cli, const struct options *o, struct source *source,
                         struct espota_error *error)
{
    bool converted = false;
    int result = espota_elf_image_replace(&source->image, source->name, chip_of(o), &converted, error);
    if (converted)
        espota_ui_say(&cli->ui, "%s is an ELF file: made into an image of %zu bytes", source->name,
                      source->image.size);
    return result;
}

/* Before the device is touched; against the device it is checked later. */
static int check_image(const struct options *o, struct source *source, struct espota_error *error)
{
    const struct espota_bytes *image = &source->image;
    struct espota_device_info any;
    int result = sink_info(&o->sink, &o->connect, &any, error);
    if (result != 0)
        return result;
    return o->sink.file_system
               ? espota_ota_check_file_system(source->name, image->data, image->size, error)
               : espota_ota_check_image(&any, source->name, image->data, image->size, &source->about, error);
}

static int prepare_source(struct cli *cli, const struct options *o, struct source *source,
                          struct espota_error *error)
{
    if (o->pull) /* nothing of the image is known here */
        return pull_check(&o->source, error);
    int result = bases_open(cli, &o->bases, chip_of(o), &source->bases, error);
    if (result == 0)
        result = source_get(cli, &o->source, source, error);
    if (result == 0)
        result = convert_image(cli, o, source, error);
    if (result == 0)
        result = check_image(o, source, error);
    source->payload = espota_payload_raw(source->image.data, source->image.size);
    if (result == 0)
        result = espota_payload_identify(&source->payload, error);
    const struct espota_patch_getter getter = { source, source_get_patch, 0 };
    return result ? result : bases_add_published(&source->bases, &getter, &source->image, error);
}

static int await_canary(struct cli *cli, const struct options *o, const struct source *source,
                        struct espota_error *error)
{
    const struct canary canary = { .connect = &o->connect,
                                   .name = source->name,
                                   .image = &source->image,
                                   .table_offset = o->table_offset.value,
                                   .trial = o->trial };
    return canary_await(cli, &canary, error);
}

static void say_lacks(struct cli *cli, const struct espota_device *device)
{
    espota_ui_say(
        &cli->ui,
        "%s is a WebREPL: nothing is encrypted, its password neither, and the board does not prove who it "
        "is",
        device->name);
}

/* Whether it runs the image is asked of a canary, and of one to whom the connection is gone; not of one on
 * trial: what is asked is stopped for it, and might be what confirms the app. */
static bool is_awaited(const struct cli *cli, const struct options *o, const struct connect_options *connect)
{
    return o->restart && !sink_is_wanted(&o->sink) && (cli->canary || (connect_is_web(connect) && !o->trial));
}

static int pull(struct cli *cli, const struct options *o, struct espota_device *device,
                struct espota_error *error)
{
    const struct pull_wishes wishes = { o->force_factory, o->trial, o->restart, o->table_offset.value };
    return pull_image(cli, &o->source, &wishes, device, error);
}

static int update_device(struct cli *cli, const struct options *o, const struct connect_options *connect,
                         struct source *source, struct espota_error *error)
{
    const struct espota_ota_result nothing = { 0 };
    struct espota_device *device = NULL;
    bool already = false;
    int result = sink_is_wanted(&o->sink)
                     ? sink_open(cli, &o->sink, connect, source->name, &source->image, &device, error)
                     : connect_device(cli, connect, VIA_AGENT, &device, error);
    if (result == 0)
        result = check_security(cli, device, o->force, error);
    if (result == 0 && connect_is_web(connect))
        say_lacks(cli, device);
    if (result == 0 && cli->of_many && !o->pull)
        result = espota_ota_runs(device, source->image.data, source->image.size, o->table_offset.value,
                                 &already, error);
    if (result == 0 && o->pull)
        result = pull(cli, o, device, error);
    else if (result == 0 && already)
        result = set_ota_result(cli, o, device, source, &nothing, 0, false, error);
    else if (result == 0)
        result = update(cli, o, source, device, error);
    result = disconnect_device(device, result, error);
    if (result != 0 || !is_awaited(cli, o, connect))
        return result;
    if (!cli->canary)
        espota_ui_say(&cli->ui, "Waiting for it to come back");
    return await_canary(cli, o, source, error);
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    struct source source = { .kept = ATOMIC_FLAG_INIT };
    struct watch_after after = { 0 };
    struct connect_options connect = o->connect;
    connect.starts = o->restart;
    if (cli->shared)
        return update_device(cli, o, &connect, cli->shared, error);
    int result = check_options(o, error);
    if (result == 0)
        result = watch_after_begin(&after, cli, &o->watch, o->source.file, &connect, error);
    if (result == 0 && !sink_is_wanted(&o->sink))
        result = connect_check(cli, &o->connect, VIA_AGENT, error);
    if (result == 0)
        result = prepare_source(cli, o, &source, error);
    if (result == 0)
        result = update_device(cli, o, &connect, &source, error);
    result = watch_after_end(&after, result, error);
    source_free(&source);
    return result;
}

/* ---- many devices ---------------------------------------------------------------------------------------
 */

static void release(void *shared)
{
    source_free(shared);
    free(shared);
}

/* All of them get it from here. */
static int fill_sector(struct source *source, struct espota_error *error)
{
    struct espota_bytes *image = &source->image;
    uint8_t blank[ESPOTA_SECTOR_SIZE];
    size_t size = image->size;
    memset(blank, 0xFF, sizeof blank);
    int result = espota_bytes_append(image, blank, espota_smart_write_total(size) - size, error);
    image->size = size;
    source->payload.data = image->data;
    source->payload.filled = result == 0;
    return result;
}

static int prepare(struct cli *cli, const void *options, void **shared, struct espota_error *error)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source)
        return espota_fail_memory(error, "fetching an image");
    atomic_flag_clear(&source->kept);
    int result = check_options(options, error);
    if (result == 0)
        result = prepare_source(cli, options, source, error);
    if (result == 0 && !((const struct options *)options)->pull)
        result = fill_sector(source, error);
    if (result == 0)
        *shared = source;
    else
        release(source);
    return result;
}

static void sum_up(const struct fields *result, char words[FLEET_WORDS])
{
    const char *to = field_text_of(result, "to");
    if (sink_sum_up(result, words))
        return;
    if (field_flag_of(result, "already"))
        snprintf(words, FLEET_WORDS, "runs it already");
    else
        snprintf(words, FLEET_WORDS, "written to '%.40s' and verified%s%s", to ? to : "it",
                 field_flag_of(result, "restarted") ? ", restarted" : "",
                 field_number_of(result, "read_back") > 0 ? "; its base was read back first" : "");
}

static const struct fleet_part fleet = { prepare, release, sum_up };

const struct command command_ota = {
    .name = "ota",
    .summary = "update a device with a new image",
    .usage = "(--url URL | --file FILE)",
    .description =
        "Fetches the image, checks it, has the agent write what differs to the idle slot and verify it, "
        "and only\n"
        "then switches boot. A run that was interrupted is finished by the same command.",
    .groups = { { source_options, offsetof(struct options, source) },
                { pull_option, offsetof(struct options, pull) },
                { force_factory_option, offsetof(struct options, force_factory) },
                { trial_option, offsetof(struct options, trial) },
                { restart_option, offsetof(struct options, restart) },
                { force_option, offsetof(struct options, force) },
                CONNECT_GROUPS(via_agent_option),
                WATCH_GROUPS,
                { base_options, offsetof(struct options, bases) },
                { table_offset_option, offsetof(struct options, table_offset) },
                { sink_options, offsetof(struct options, sink) },
                { fleet_options, offsetof(struct options, fleet) } },
    .options_size = sizeof(struct options),
    .run = run,
    .fleet = &fleet,
};

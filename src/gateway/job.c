#include "job.h"

#include "espota/apps.h"
#include "espota/clock.h"
#include "espota/hex.h"
#include "espota/ota.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { STACK = 1 << 20, RETURN_S = 300, BETWEEN_LOOKS_MS = 1000, NAP_MS = 100 };

/* ---- what its devices' observer is ----------------------------------------------------------------------
 */

static bool cancelled(void *context)
{
    struct job *job = context;
    return atomic_load(&job->cancel) || job->options->stopped(job->options->context);
}

static void progress(void *context, const char *device, const struct espota_progress *p)
{
    struct job *job = context;
    (void)device;
    if (p->phase == ESPOTA_PHASE_WRITE && p->total > 0)
        atomic_store(&job->percent, (unsigned)(100 * p->done / p->total));
}

static struct espota_observer observer_of(struct job *job)
{
    return (struct espota_observer){ job, progress, NULL, cancelled };
}

/* What is under way now is not to be stopped half way. */
static bool only_stopped(void *context)
{
    struct job *job = context;
    return job->options->stopped(job->options->context);
}

/* ---- describing -----------------------------------------------------------------------------------------
 */

static void attribute(struct job *job, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void attribute(struct job *job, const char *key, const char *format, ...)
{
    if (job->attributes == JOB_ATTRIBUTES)
        return;
    char *value = job->value[job->attributes];
    va_list args;
    va_start(args, format);
    vsnprintf(value, JOB_VALUE, format, args);
    va_end(args);
    job->attribute[job->attributes++] = (struct espota_ddi_attribute){ key, value };
}

static void describe_app(struct job *job, const struct espota_app *app)
{
    char hex[2 * ESPOTA_SHA256_LENGTH + 1];
    attribute(job, "running", "%s", app->partition->label);
    if (app->image.has_description) {
        attribute(job, "project", "%s", app->image.description.project);
        attribute(job, "version", "%s", app->image.description.version);
        attribute(job, "sw_version", "%s", app->image.description.version); /* SWUpdate's name for it */
    }
    if (app->image.hash_appended) {
        espota_hex(app->image.hash_stored, ESPOTA_SHA256_LENGTH, hex);
        attribute(job, "sha256", "%s", hex);
    }
}

static void describe_layout(struct job *job, const struct espota_apps *apps)
{
    char text[JOB_VALUE];
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < apps->count && used < sizeof text; i++) {
        char size[ESPOTA_SIZE_TEXT];
        const struct espota_partition *p = apps->app[i].partition;
        int length = snprintf(text + used, sizeof text - used, "%s%s %s", i ? ", " : "", p->label,
                              espota_size_text(p->size, size));
        used += length > 0 ? (size_t)length : 0;
    }
    attribute(job, "layout", "%s", text);
}

static int describe(struct job *job, struct espota_device *device, struct espota_error *error)
{
    const struct espota_device_info *info = &device->info;
    struct espota_apps *apps = malloc(sizeof *apps);
    char text[ESPOTA_MAC_TEXT > ESPOTA_SIZE_TEXT ? ESPOTA_MAC_TEXT : ESPOTA_SIZE_TEXT];
    if (!apps)
        return espota_fail_memory(error, "looking at a device");
    int result = espota_apps_load(apps, device, 0, error);
    job->attributes = 0;
    if (result == 0) {
        if (info->chip)
            attribute(job, "chip", "%s", info->chip->id);
        if (info->flash_size)
            attribute(job, "flash", "%s", espota_size_text(info->flash_size, text));
        if (info->has_mac)
            attribute(job, "mac", "%s", espota_mac_text(info->mac, text));
        if (info->firmware[0])
            attribute(job, "agent", "%s", info->firmware);
        for (unsigned i = 0; i < apps->count; i++)
            if (apps->app[i].running)
                describe_app(job, &apps->app[i]);
        describe_layout(job, apps);
    }
    free(apps);
    return result;
}

static int open_device(struct job *job, const struct espota_observer *observer, struct espota_device **device,
                       struct espota_error *error)
{
    *device = NULL;
    return job->options->open(job->options->context, job->device, observer, device, error);
}

static int describe_device(struct job *job, const struct espota_observer *observer,
                           struct espota_error *error)
{
    struct espota_device *device = NULL;
    int result = open_device(job, observer, &device, error);
    if (result == 0)
        result = describe(job, device, error);
    espota_device_close(device);
    return result;
}

/* ---- artifacts ------------------------------------------------------------------------------------------
 */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), of_end = strlen(end);
    return length >= of_end && strcasecmp(text + length - of_end, end) == 0;
}

static bool may_be_image(const struct espota_ddi_deployment *d, size_t i)
{
    return d->count == 1 || ends_with(d->artifact[i].name, ".bin") || ends_with(d->artifact[i].name, ".swu");
}

struct fetched {
    const struct espota_bytes *image[ESPOTA_DDI_ARTIFACTS];
};

static void release(struct job *job, struct fetched *f, size_t but)
{
    for (size_t i = 0; i < ESPOTA_DDI_ARTIFACTS; i++)
        if (f->image[i] && i != but) {
            artifacts_release(job->artifacts, f->image[i]);
            f->image[i] = NULL;
        }
}

static int fetch(struct job *job, const struct espota_observer *observer, struct fetched *f,
                 struct espota_error *error)
{
    const struct espota_ddi_deployment *d = job->deployment;
    const struct espota_bytes *image[ESPOTA_DDI_ARTIFACTS];
    struct artifacts_wanted wanted = { .authorization = job->authorization };
    size_t place[ESPOTA_DDI_ARTIFACTS] = { 0 };
    for (size_t i = 0; i < d->count; i++)
        if (may_be_image(d, i)) {
            place[wanted.count] = i;
            wanted.artifact[wanted.count++] = &d->artifact[i];
        }
    if (wanted.count == 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "the deployment has no artifact that ends with .bin or .swu");
    int result = artifacts_get(job->artifacts, &wanted, observer, image, error);
    for (size_t i = 0; result == 0 && i < wanted.count; i++)
        f->image[place[i]] = image[i];
    return result;
}

/* Of several, the one for this chip. */
static int choose(const struct job *job, const struct fetched *f, const struct espota_device *device,
                  size_t *chosen, struct espota_error *error)
{
    const struct espota_ddi_deployment *d = job->deployment;
    size_t fitting = 0;
    for (size_t i = 0; i < d->count; i++)
        if (f->image[i] && espota_ota_check_image(&device->info, d->artifact[i].name, f->image[i]->data,
                                                  f->image[i]->size, NULL, error) == 0) {
            *chosen = i;
            fitting++;
        }
    if (fitting > 1)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "the deployment has %zu images for this chip: which one is meant?", fitting);
    return fitting == 1 ? 0 : ESPOTA_ERR_VERIFY; /* what was said of the last one */
}

/* ---- updating -------------------------------------------------------------------------------------------
 */

static int write_image(struct job *job, struct espota_device *device, const char *name,
                       const struct espota_bytes *image, struct espota_error *error)
{
    const struct espota_ota_request request = {
        .name = name,
        .payload = espota_payload_raw(image->data, image->size),
        .trial = job->options->trial,
        .bases = job->options->bases,
    };
    struct espota_ota_result done;
    struct espota_observer whole = observer_of(job);
    int result = espota_ota_run(device, &request, &done, error);
    if (result != 0)
        return result;
    job->sent = done.sent.bytes;
    job->image_size = image->size;
    whole.cancelled = only_stopped; /* it boots next now: too late to cancel */
    device->observer = &whole;
    result = espota_device_restart(device, error);
    device->observer = NULL;
    return result;
}

static int look(struct job *job, const struct espota_observer *observer, const struct espota_bytes *image,
                bool *runs, struct espota_error *error)
{
    struct espota_device *device = NULL;
    int result = open_device(job, observer, &device, error);
    if (result == 0)
        result = espota_ota_runs(device, image->data, image->size, 0, runs, error);
    if (result == 0 && *runs)
        result = describe(job, device, error);
    espota_device_close(device);
    return result;
}

static void wait_a_while(struct job *job)
{
    for (unsigned ms = 0; ms < BETWEEN_LOOKS_MS && !only_stopped(job); ms += NAP_MS)
        espota_sleep_ms(NAP_MS);
}

/* Only then it is done. */
static int wait_for_return(struct job *job, const struct espota_bytes *image, struct espota_error *error)
{
    const struct espota_observer observer = { job, NULL, NULL, only_stopped };
    unsigned patience = job->options->return_timeout_s ? job->options->return_timeout_s : RETURN_S;
    uint64_t deadline = espota_now_ms() + 1000ull * patience;
    bool runs = false;
    int result = 0;
    do {
        wait_a_while(job);
        result = look(job, &observer, image, &runs, error);
        if (result == 0 && runs)
            return 0;
    } while (espota_now_ms() < deadline && !only_stopped(job));
    if (only_stopped(job))
        return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped while the device restarts");
    if (result != 0) {
        espota_fail_while(error, "it was updated, but did not come back within %u s", patience);
        error->status = ESPOTA_ERR_VERIFY;
        return ESPOTA_ERR_VERIFY;
    }
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "it was updated and came back, but does not run the new app%s",
                       job->options->trial ? ", or nobody confirmed it" : "");
}

static int update_device(struct job *job, struct espota_device *device, struct fetched *f, size_t *which,
                         struct espota_error *error)
{
    int result = choose(job, f, device, which, error);
    if (result == 0)
        release(job, f, *which);
    if (result == 0)
        result =
            espota_ota_runs(device, f->image[*which]->data, f->image[*which]->size, 0, &job->already, error);
    if (result == 0 && job->already)
        return describe(job, device, error);
    return result ? result
                  : write_image(job, device, job->deployment->artifact[*which].name, f->image[*which], error);
}

static int update(struct job *job, const struct espota_observer *observer, struct espota_error *error)
{
    struct fetched f = { { NULL } };
    struct espota_device *device = NULL;
    size_t which = 0;
    int result = fetch(job, observer, &f, error);
    if (result == 0 && job->kind == JOB_UPDATE) {
        result = open_device(job, observer, &device, error);
        if (result == 0)
            result = update_device(job, device, &f, &which, error);
        espota_device_close(device);
        if (result == 0 && !job->already)
            result = wait_for_return(job, f.image[which], error);
    }
    release(job, &f, SIZE_MAX);
    return result;
}

/* ---- the thread -----------------------------------------------------------------------------------------
 */

static enum job_end end_of(const struct job *job, int result)
{
    switch (result) {
    case 0:
        return JOB_DONE;
    case ESPOTA_ERR_CANCELLED:
        return JOB_CANCELLED;
    case ESPOTA_ERR_NO_DEVICE:
    case ESPOTA_ERR_TIMEOUT:
    case ESPOTA_ERR_NETWORK:
    case ESPOTA_ERR_NOMEM:
        return JOB_AWAY;
    case ESPOTA_ERR_IO:
    case ESPOTA_ERR_DEVICE:
        return JOB_UNSURE;
    default:
        return job->kind == JOB_DESCRIBE ? JOB_AWAY : JOB_FAILED;
    }
}

static void *work(void *argument)
{
    struct job *job = argument;
    const struct espota_observer observer = observer_of(job);
    int result = job->kind == JOB_DESCRIBE ? describe_device(job, &observer, &job->error)
                                           : update(job, &observer, &job->error);
    job->end = end_of(job, result);
    void (*ended)(void *) = job->ended;
    void *context = job->context;
    atomic_store(&job->over, true);
    ended(context);
    return NULL;
}

int job_begin(struct job *job, struct espota_error *error)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return espota_fail_memory(error, "starting a thread");
    bool begun = pthread_attr_setstacksize(&attributes, STACK) == 0 &&
                 pthread_create(&job->thread, &attributes, work, job) == 0;
    pthread_attr_destroy(&attributes);
    return begun ? 0 : espota_fail(error, ESPOTA_ERR_IO, "no thread is to be had");
}

void job_join(struct job *job)
{
    pthread_join(job->thread, NULL);
}

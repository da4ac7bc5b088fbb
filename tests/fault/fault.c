/* Power cuts, all of them: for each procedure that changes what a device boots, power fails at every flash
 * operation, in each of four ways (not done, torn in the middle, done but not answered, some of its bits),
 * the bootloader's own writes included; then again at every flash operation of the next run. After each cut
 * the model of ESP-IDF's bootloader must find an app, and a last run without a cut must complete. The device
 * has an owner and a least secure version: whenever flash has changed, what would boot is one of the owner's
 * images, or what ran.
 *
 * Prints the number of cases for each procedure and layout. Exit status 1 when one went wrong. */
#include "espota/agent_client.h"
#include "espota/bootsel.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/ota.h"
#include "espota/otadata.h"
#include "espota/slots.h"
#include "espota/table.h"

#include "fixtures/boot_guard.h"
#include "fixtures/known_bases.h"
#include "fixtures/lagging_flash.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_CUTS = 2, EVERY_FIRST = 3, EVERY_SECOND = 5, LAG = 2 };

static const struct espota_partition *part(struct memory_board *b, const char *label)
{
    const struct espota_partition *p = espota_table_find(&b->board.table, label);
    memory_board_check(p != NULL, label);
    return p;
}

struct scenario {
    const char *name;
    void (*prepare)(struct memory_board *b, const struct signed_images *images);
    /* Carry it out; the board may have to be restarted in between. */
    int (*run)(struct memory_board *b, const struct signed_images *images, struct espota_error *error);
    const char *ends_with; /* runs when all is done; NULL: what ran before */
    bool three;
    bool trial; /* a cut may end the trial: the app before boots then */
};

/* ---- steps ----------------------------------------------------------------------------------------------
 */

static int connect_agent(struct memory_board *b, struct espota_device **device, struct espota_error *error)
{
    struct espota_agent_client_options options = { .hello_timeout_ms = 20 };
    return espota_agent_client_open(device, &b->link, &options, error);
}

static unsigned long patched; /* updates that were sent against a base */

static int update_against(struct memory_board *b, const struct espota_bytes *image, bool factory, bool trial,
                          const struct espota_base_source *bases, struct espota_error *error)
{
    struct espota_device *device = NULL;
    struct espota_ota_result done;
    struct espota_ota_request request = { .name = "new",
                                          .payload = espota_payload_raw(image->data, image->size),
                                          .force_factory = factory,
                                          .trial = trial,
                                          .bases = bases };
    int result = connect_agent(b, &device, error);
    if (result == 0)
        result = espota_ota_run(device, &request, &done, error);
    if (device)
        patched += device->sent.patched > 0;
    espota_device_close(device);
    return result;
}

static int update(struct memory_board *b, const struct espota_bytes *image, bool factory, bool trial,
                  struct espota_error *error)
{
    return update_against(b, image, factory, trial, NULL, error);
}

static int open_slots(struct memory_board *b, struct espota_device **device, struct espota_slots *slots,
                      struct espota_error *error)
{
    int result = connect_agent(b, device, error);
    return result ? result : espota_slots_load(slots, *device, 0, error);
}

static int select_slot(struct memory_board *b, const char *label, struct espota_error *error)
{
    struct espota_device *device = NULL;
    struct espota_slots slots;
    int result = open_slots(b, &device, &slots, error);
    if (result == 0)
        result = espota_slots_select(&slots, device, espota_table_find(&slots.table, label),
                                     ESPOTA_OTA_UNDEFINED, error);
    espota_device_close(device);
    return result;
}

static int mark(struct memory_board *b,
                int (*act)(struct espota_slots *, struct espota_device *, struct espota_error *),
                struct espota_error *error)
{
    struct espota_device *device = NULL;
    struct espota_slots slots;
    int result = open_slots(b, &device, &slots, error);
    if (result == 0)
        result = act(&slots, device, error);
    espota_device_close(device);
    return result;
}

static struct boot_guard guard;
static struct lagging_flash lag;

/* Power on: what starts is what the guard allows, and it is set anew. */
static void restart(struct memory_board *b)
{
    lagging_flash_rest(&lag);
    memory_board_restart(b);
    if (!b->flash.powered)
        return;
    if (guard.before && !boot_guard_may_boot(&guard, b->board.running))
        guard.faults++;
    if (b->board.state == SIM_RUNNING)
        boot_guard_set(&guard);
}

static bool runs(const struct memory_board *b, const char *label)
{
    return b->board.state == SIM_RUNNING && strcmp(b->board.running->label, label) == 0;
}

static void must(int result, const struct espota_error *error)
{
    memory_board_check(result == 0, error->text);
}

/* ---- procedures -----------------------------------------------------------------------------------------
 */

static const char *first_slot(const struct memory_board *b)
{
    return b->flash.size > MiB(4) ? "MicroPython" : "MicroPython_1";
}
static const char *next_slot(const struct memory_board *b)
{
    return b->flash.size > MiB(4) ? "MicroPython_1" : "MicroPython_2";
}

static void nothing_first(struct memory_board *b, const struct signed_images *images)
{
    (void)b;
    (void)images;
}

static void half_there(struct memory_board *b, const struct signed_images *images)
{
    memory_board_put(b, part(b, next_slot(b))->offset, &images->image[IMAGE_GOOD]);
    memset(b->flash.data + part(b, next_slot(b))->offset + 4096, 0x5a, 4096);
}

static void other_app_there(struct memory_board *b, const struct signed_images *images)
{
    memory_board_put(b, part(b, next_slot(b))->offset, &images->image[IMAGE_LATER]);
}

static void other_image_there(struct memory_board *b, const struct signed_images *images)
{
    memory_board_put(b, part(b, next_slot(b))->offset, &images->image[IMAGE_GOOD]);
}

/* The app of `images->new` runs from the next slot, confirmed or on trial. */
static void new_app_runs(struct memory_board *b, const struct signed_images *images, bool trial)
{
    struct espota_error error = { 0 };
    must(update(b, &images->image[IMAGE_GOOD], false, trial, &error), &error);
    restart(b);
    memory_board_check(runs(b, next_slot(b)), "starting the new app");
}
static void from_slot(struct memory_board *b, const struct signed_images *images)
{
    new_app_runs(b, images, false);
}
static void on_trial(struct memory_board *b, const struct signed_images *images)
{
    new_app_runs(b, images, true);
}

/* A good image is chosen, but was not started. */
static void chosen(struct memory_board *b, const struct signed_images *images)
{
    struct espota_error error = { 0 };
    must(update(b, &images->image[IMAGE_GOOD], false, false, &error), &error);
}

/* An image that nobody signed is refused. */
static int run_refused(struct memory_board *b, const struct signed_images *images, struct espota_error *error)
{
    int result = update(b, &images->image[IMAGE_UNSIGNED], false, false, error);
    return result == ESPOTA_ERR_VERIFY ? 0 : result ? result : ESPOTA_ERR_FAILED;
}
static int run_update(struct memory_board *b, const struct signed_images *images, struct espota_error *error)
{
    return runs(b, next_slot(b)) ? 0 : update(b, &images->image[IMAGE_GOOD], false, false, error);
}
/* What the host knows of the device is its first image. */
static int run_based(struct memory_board *b, const struct signed_images *images, struct espota_error *error)
{
    struct known_bases bases;
    known_bases_begin(&bases, &images->image[IMAGE_FIRST]);
    return runs(b, next_slot(b))
               ? 0
               : update_against(b, &images->image[IMAGE_LATER], false, false, &bases.source, error);
}
/* From the slot that runs to the one after it. */
static int run_second(struct memory_board *b, const struct signed_images *images, struct espota_error *error)
{
    bool done = b->flash.size > MiB(4) ? runs(b, "MicroPython_2") : runs(b, "MicroPython_1");
    return done ? 0 : update(b, &images->image[IMAGE_LATER], false, false, error);
}
static int run_factory(struct memory_board *b, const struct signed_images *images, struct espota_error *error)
{
    return runs(b, "MicroPython") ? 0 : update(b, &images->image[IMAGE_LATER], true, false, error);
}
static int run_select_back(struct memory_board *b, const struct signed_images *images,
                           struct espota_error *error)
{
    (void)images;
    return select_slot(b, first_slot(b), error);
}
static int run_select_next(struct memory_board *b, const struct signed_images *images,
                           struct espota_error *error)
{
    (void)images;
    return select_slot(b, next_slot(b), error);
}
/* A trial that a power cut ended is begun again. */
static int run_confirm(struct memory_board *b, const struct signed_images *images, struct espota_error *error)
{
    if (!runs(b, next_slot(b))) {
        int result = update(b, &images->image[IMAGE_GOOD], false, true, error);
        if (result != 0)
            return result;
        restart(b);
        if (!b->flash.powered)
            return ESPOTA_ERR_NO_DEVICE;
    }
    return mark(b, espota_slots_confirm, error);
}
static int run_rollback(struct memory_board *b, const struct signed_images *images,
                        struct espota_error *error)
{
    (void)images;
    return runs(b, next_slot(b)) ? mark(b, espota_slots_rollback, error) : 0;
}

static const struct scenario scenarios[] = {
    { "update", nothing_first, run_update, "MicroPython_2", false, false },
    { "update over another app", other_app_there, run_update, "MicroPython_2", false, false },
    { "update against a base", nothing_first, run_based, "MicroPython_2", false, false },
    { "and over another app", other_image_there, run_based, "MicroPython_2", false, false },
    { "update resumed", half_there, run_update, "MicroPython_2", false, false },
    { "second update", from_slot, run_second, "MicroPython_1", false, false },
    { "update refused", nothing_first, run_refused, NULL, false, false },
    { "update refused over a choice", chosen, run_refused, NULL, false, false },
    { "boot switch", from_slot, run_select_back, "MicroPython_1", false, false },
    { "boot switch to another app", other_app_there, run_select_next, "MicroPython_2", false, false },
    { "confirm", on_trial, run_confirm, "MicroPython_2", false, true },
    { "rollback", from_slot, run_rollback, "MicroPython_1", false, false },
    { "rollback of a trial", on_trial, run_rollback, "MicroPython_1", false, true },
    { "update", nothing_first, run_update, "MicroPython_1", true, false },
    { "update over another app", other_app_there, run_update, "MicroPython_1", true, false },
    { "update resumed", half_there, run_update, "MicroPython_1", true, false },
    { "second update", from_slot, run_second, "MicroPython_2", true, false },
    { "update refused", from_slot, run_refused, NULL, true, false },
    { "update refused over a choice", chosen, run_refused, NULL, true, false },
    { "update of factory", from_slot, run_factory, "MicroPython", true, false },
    { "boot switch to factory", from_slot, run_select_back, "MicroPython", true, false },
    { "boot switch to a slot", other_app_there, run_select_next, "MicroPython_1", true, false },
    { "confirm", on_trial, run_confirm, "MicroPython_1", true, true },
    { "rollback", from_slot, run_rollback, "MicroPython", true, false },
    { "rollback of a trial", on_trial, run_rollback, "MicroPython", true, true },
};

/* ---- what must hold -------------------------------------------------------------------------------------
 */

struct tally {
    unsigned long cases, looks, no_app, unverified, stray, incomplete, base_changed;
};

/* What boots is what ran before the cut or what was asked for, never a third app. */
static bool expected(const struct memory_board *b, const struct scenario *s, const char *before)
{
    if (!s->ends_with) /* refused: what is chosen may have been started by a cut */
        return runs(b, first_slot(b)) || runs(b, next_slot(b));
    return runs(b, before) || runs(b, s->ends_with) || (s->trial && runs(b, first_slot(b)));
}

static void examine(struct memory_board *b, const struct scenario *s, const char *before, struct tally *tally,
                    const char *what)
{
    if (guard.faults) {
        tally->unverified++;
        printf("%s: for a moment another app would have booted\n", what);
        guard.faults = 0;
    }
    /* what is built upon never changes */
    const struct espota_bytes *first = &guard.images->image[IMAGE_FIRST];
    if (s->run == run_based &&
        memcmp(b->flash.data + part(b, first_slot(b))->offset, first->data, first->size) != 0) {
        tally->base_changed++;
        printf("%s: the base is not what it was\n", what);
    }
    if (b->board.state != SIM_RUNNING) {
        tally->no_app++;
        printf("%s: nothing boots\n", what);
        return;
    }
    if (!expected(b, s, before)) {
        tally->stray++;
        printf("%s: '%s' boots, neither '%s' nor what was asked for\n", what, b->board.running->label,
               before);
    }
}

/* ---- cases ----------------------------------------------------------------------------------------------
 */

struct cut {
    int kind;
    uint64_t at;
};

/* One run up to its cut, and power again. @return whether power failed before the end. */
static bool run_to(struct memory_board *b, const struct scenario *s, const struct signed_images *images,
                   struct cut cut)
{
    struct espota_error error = { 0 };
    b->flash.cut = (enum sim_cut)cut.kind;
    b->flash.cut_at = b->flash.operations + cut.at;
    b->flash.bits = (uint32_t)cut.at * 2654435761u;
    int result = s->run(b, images, &error);
    if (b->flash.powered)
        restart(b); /* the bootloader writes otadata too */
    bool failed = !b->flash.powered;
    if (!failed && result != 0)
        printf("%s: %s\n", s->name, error.text);
    b->flash.cut = SIM_CUT_NONE;
    restart(b);
    return failed;
}

/* @return the number of cuts that took place. */
static unsigned run_case(const struct scenario *s, const struct signed_images *images, const struct cut *cuts,
                         unsigned count, struct tally *tally)
{
    struct memory_board *b = memory_board_with(s->three, &images->image[IMAGE_FIRST]);
    struct espota_error error = { 0 };
    char what[128], before[sizeof b->board.running->label];
    unsigned i = 0;
    guard = (struct boot_guard){ .images = images, .board = &b->board };
    signed_images_own(images, &b->board.options);
    if (cuts[0].at % 2 == 0) /* flash that goes on when it was begun */
        lagging_flash_begin(&lag, &b->board, LAG);
    restart(b);
    s->prepare(b, images);
    snprintf(what, sizeof what, "%s, cut %d at %u", s->name, cuts[0].kind, (unsigned)cuts[0].at);
    if (count > 1)
        snprintf(what + strlen(what), sizeof what - strlen(what), ", then %d at %u", cuts[1].kind,
                 (unsigned)cuts[1].at);
    snprintf(before, sizeof before, "%s", b->board.running->label);
    while (i < count && run_to(b, s, images, cuts[i])) {
        examine(b, s, before, tally, what);
        if (b->board.running)
            snprintf(before, sizeof before, "%s", b->board.running->label);
        i++;
    }
    int result = i == count ? s->run(b, images, &error) : 0;
    if (i == count)
        restart(b);
    examine(b, s, before, tally, what);
    if (result != 0 || (s->ends_with && !runs(b, s->ends_with))) {
        tally->incomplete++;
        printf("%s: the last run does not complete: %s\n", what,
               result != 0 ? error.text : "another app runs");
    }
    tally->cases++;
    tally->looks += guard.looks;
    memory_board_check(lag.misuses == 0, "flash, while it was busy,");
    boot_guard_free(&guard);
    memory_board_free(b);
    return i;
}

/* Every operation of the next run, in every way, behind the cuts that are there. A sector is sixteen pages:
 * of pairs of cuts some are left out, other ones for each sector. */
static void every_cut(const struct scenario *s, const struct signed_images *images, struct cut *cuts,
                      unsigned count, struct tally *tally)
{
    unsigned step = count > 0 ? EVERY_SECOND : 1;
    for (cuts[count].kind = SIM_CUT_BEFORE; cuts[count].kind <= SIM_CUT_BITS; cuts[count].kind++)
        for (cuts[count].at = 1; run_case(s, images, cuts, count + 1, tally) == count + 1;
             cuts[count].at += step)
            if (count + 1 < MAX_CUTS && cuts[count].at % EVERY_FIRST == 1)
                every_cut(s, images, cuts, count + 1, tally);
}

int main(void)
{
    struct signed_images images;
    struct tally all = { 0 };
    signed_images_make(&images);
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        struct tally tally = { 0 };
        struct cut cuts[MAX_CUTS];
        every_cut(&scenarios[i], &images, cuts, 0, &tally);
        printf("%s %-28s %6lu cases\n", scenarios[i].three ? "3p" : "2p", scenarios[i].name, tally.cases);
        all.cases += tally.cases;
        all.looks += tally.looks;
        all.no_app += tally.no_app;
        all.unverified += tally.unverified;
        all.stray += tally.stray;
        all.incomplete += tally.incomplete;
        all.base_changed += tally.base_changed;
    }
    printf(
        "%lu cases, %lu looks at flash: %lu without an app, %lu with an unverified image, %lu with a third "
        "app, %lu that did not complete\n",
        all.cases, all.looks, all.no_app, all.unverified, all.stray, all.incomplete);
    signed_images_free(&images);
    printf("%lu runs against a base, which %lu times was not what it was\n", patched, all.base_changed);
    memory_board_check(patched > 0, "an update against a base");
    return all.no_app + all.unverified + all.stray + all.incomplete + all.base_changed > 0;
}

#include "espota/ota_pull.h"

#include "espota/buffer.h"
#include "espota/bytes.h"
#include "espota/clock.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/observer.h"
#include "espota/slots.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 200, STOP_LOOK_MS = 50, STOP_LOOKS = 20 };

static const struct {
    enum espota_status status;
    enum espota_hint hint;
    const char *text;
} reasons[ESPOTA_PULL_REASONS] = {
    [ESPOTA_PULL_NO_REASON] = { ESPOTA_ERR_DEVICE, ESPOTA_HINT_NONE, "it gives no reason" },
    [ESPOTA_PULL_NO_MEMORY] = { ESPOTA_ERR_DEVICE, ESPOTA_HINT_SEND_IMAGE,
                                "it has not enough memory for it" },
    [ESPOTA_PULL_NO_SERVER] = { ESPOTA_ERR_NETWORK, ESPOTA_HINT_SEND_IMAGE,
                                "it gets no connection to the server" },
    [ESPOTA_PULL_UNTRUSTED] = { ESPOTA_ERR_VERIFY, ESPOTA_HINT_PRIVATE_CA, "it does not trust the server" },
    [ESPOTA_PULL_BAD_TRUST] = { ESPOTA_ERR_USAGE, ESPOTA_HINT_NONE, "it cannot use the certificate" },
    [ESPOTA_PULL_HTTP] = { ESPOTA_ERR_NETWORK, ESPOTA_HINT_NONE, "the server does not give it" },
    [ESPOTA_PULL_REDIRECT] = { ESPOTA_ERR_NETWORK, ESPOTA_HINT_NONE,
                               "the server redirects too often, or to where that is not followed: from https "
                               "to "
                               "http, or to neither" },
    [ESPOTA_PULL_LENGTH] = { ESPOTA_ERR_NETWORK, ESPOTA_HINT_SEND_IMAGE,
                             "the server does not say how long it is, or says another length than was "
                             "ordered" },
    [ESPOTA_PULL_BROKEN] = { ESPOTA_ERR_NETWORK, ESPOTA_HINT_NONE, "the connection to the server breaks" },
    [ESPOTA_PULL_ANSWER] = { ESPOTA_ERR_NETWORK, ESPOTA_HINT_SEND_IMAGE,
                             "what the server sends does not fit together" },
    [ESPOTA_PULL_NO_SIDECAR] = { ESPOTA_ERR_VERIFY, ESPOTA_HINT_NONE,
                                 "an MD5 was asked for, but there is none to check with, or more than one" },
    [ESPOTA_PULL_NO_IMAGE] = { ESPOTA_ERR_VERIFY, ESPOTA_HINT_NONE, "it is no app image" },
    [ESPOTA_PULL_OTHER_CHIP] = { ESPOTA_ERR_VERIFY, ESPOTA_HINT_NONE, "it is an image for another chip" },
    [ESPOTA_PULL_MD5] = { ESPOTA_ERR_VERIFY, ESPOTA_HINT_NONE, "the MD5 check failed" },
    [ESPOTA_PULL_SHA256] = { ESPOTA_ERR_VERIFY, ESPOTA_HINT_NONE, "it has another SHA-256 than it should" },
    [ESPOTA_PULL_NO_SLOT] = { ESPOTA_ERR_FAILED, ESPOTA_HINT_OTA_LAYOUT,
                              "there is no partition to put it into" },
};

static int explain(const struct espota_device *device, const struct espota_ota_pull_request *request,
                   const struct espota_pull_state *state, struct espota_error *error)
{
    enum espota_pull_reason reason = state->reason;
    if (reason == ESPOTA_PULL_HTTP || (reason == ESPOTA_PULL_NO_SIDECAR && state->http >= 300))
        return espota_fail(error, reasons[reason].status,
                           "%s cannot fetch %s: %s (the server answers with HTTP status %u)", device->name,
                           request->name, reasons[reason].text, state->http);
    return espota_fail_hint(error, reasons[reason].status, reasons[reason].hint, "%s cannot fetch %s: %s",
                            device->name, request->name, reasons[reason].text);
}

/* By which the device, and whoever comes back to it, knows it again. */
static int number_of(const struct espota_pull_order *order, uint32_t *number, struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    size_t length = espota_pull_order_format(order, NULL);
    uint8_t *data = malloc(length + 1);
    if (!data)
        return espota_fail_memory(error, "ordering an image");
    length = espota_pull_order_format(order, data);
    int failed = espota_sha256(data, length, digest);
    free(data);
    *number = espota_get_le32(digest);
    return failed ? espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library")
                  : 0;
}

static int begin(struct espota_device *device, const struct espota_ota_pull_request *request,
                 struct espota_pull_state *state, struct espota_error *error)
{
    uint32_t number = 0;
    struct espota_error ignored;
    int result = number_of(&request->order, &number, error);
    if (result != 0)
        return result;
    if (espota_device_pull_state(device, false, state, &ignored) == 0 && espota_pull_is_active(state) &&
        state->number == number) {
        espota_device_note(device, "It is fetching %s already", request->name);
        return 0;
    }
    state->phase = ESPOTA_PULL_NONE; /* that was of an earlier one */
    result = espota_device_pull_start(device, &request->order, number, error);
    if (result == 0)
        espota_device_note(device, "It fetches %s by itself", request->name);
    return result;
}

/* @return whether it answered: that it failed is an answer, whatever for. */
static bool ask(struct espota_device *device, bool cancel, struct espota_pull_state *state)
{
    struct espota_error ignored;
    state->phase = ESPOTA_PULL_NONE;
    return espota_device_pull_state(device, cancel, state, &ignored) == 0 ||
           state->phase == ESPOTA_PULL_FAILED;
}

/* Told by somebody who was told to stop himself. What it says then is how it was before: it may be done. */
static int stop(struct espota_device *device, struct espota_pull_state *state, uint32_t number,
                struct espota_error *error)
{
    const struct espota_observer *observer = device->observer;
    device->observer = NULL;
    bool told = ask(device, true, state);
    for (unsigned i = 0; i < STOP_LOOKS && told && espota_pull_is_active(state); i++) {
        espota_sleep_ms(STOP_LOOK_MS);
        told = ask(device, false, state);
    }
    device->observer = observer;
    if (told && state->phase == ESPOTA_PULL_DONE && state->number == number)
        return espota_fail(error, ESPOTA_ERR_CANCELLED,
                           "stopped on request, too late: %s has the image, and it boots next%s",
                           device->name, state->restart ? "; it restarts by itself in a moment" : "");
    return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped on request; %s %s", device->name,
                       told ? "was told to stop" : "does not answer, and may go on by itself");
}

static void show(const struct espota_device *device, const struct espota_pull_state *state)
{
    struct espota_progress progress = { ESPOTA_PHASE_DOWNLOAD, NULL, state->done, state->total };
    if (state->total > 0)
        espota_observe_progress(device->observer, device->name, &progress);
}

/* The way to it may break while it goes on. */
static int look(struct espota_device *device, struct espota_pull_state *state, struct espota_error *error)
{
    struct espota_error again;
    int result = espota_device_pull_state(device, false, state, error);
    bool broken = result == ESPOTA_ERR_TIMEOUT || result == ESPOTA_ERR_NO_DEVICE ||
                  (result == ESPOTA_ERR_DEVICE && state->phase != ESPOTA_PULL_FAILED);
    if (broken && espota_device_can(device, ESPOTA_CAP_RECOVER) && espota_device_recover(device, &again) == 0)
        result = espota_device_pull_state(device, false, state, error);
    return result;
}

static int watch(struct espota_device *device, const struct espota_ota_pull_request *request,
                 struct espota_pull_state *state, struct espota_error *error)
{
    uint32_t number = 0;
    int result = number_of(&request->order, &number, error);
    do {
        if (espota_observer_cancelled(device->observer))
            return stop(device, state, number, error);
        espota_sleep_ms(LOOK_MS);
        state->phase = ESPOTA_PULL_NONE;
        if (result == 0)
            result = look(device, state, error);
        if (result == ESPOTA_ERR_CANCELLED)
            return stop(device, state, number, error);
        if (result == 0)
            show(device, state);
    } while (result == 0 && espota_pull_is_active(state) && state->number == number);
    if (result == 0 && (state->phase == ESPOTA_PULL_NONE || state->number != number))
        return espota_fail(
            error, ESPOTA_ERR_DEVICE,
            "%s does not know any more what it was to fetch: it was restarted, run the command again",
            device->name);
    return result;
}

static int conclude(struct espota_device *device, const struct espota_ota_pull_request *request,
                    const struct espota_pull_state *state, struct espota_error *error)
{
    switch (state->phase) {
    case ESPOTA_PULL_DONE:
        return 0;
    case ESPOTA_PULL_CANCELLED:
        return espota_fail(error, ESPOTA_ERR_FAILED, "%s was told by somebody else to stop fetching %s",
                           device->name, request->name);
    default:
        return explain(device, request, state, error);
    }
}

static int load(struct espota_device *device, const struct espota_ota_pull_request *request,
                struct espota_slots *slots, struct espota_error *error)
{
    if (!espota_device_can(device, ESPOTA_CAP_PULL))
        return espota_fail_hint(error, ESPOTA_ERR_UNSUPPORTED, ESPOTA_HINT_SEND_IMAGE,
                                "%s cannot fetch images by itself: its agent is not built so", device->name);
    if (request->order.trial && !espota_device_can(device, ESPOTA_CAP_TRIAL))
        return espota_fail(
            error, ESPOTA_ERR_UNSUPPORTED,
            "cannot update %s on trial: its bootloader would not take the old app back (rollback is "
            "not enabled in it)",
            device->name);
    int result = espota_slots_load(slots, device, request->table_offset, error);
    if (result == 0 && !espota_slots_next(slots, request->order.factory, error))
        result = (int)error->status;
    return result;
}

/* Was the order refused, or is it only that no answer came? Then it may be carried out all the same. */
static bool may_have_begun(int outcome)
{
    return outcome == 0 || outcome == ESPOTA_ERR_TIMEOUT || outcome == ESPOTA_ERR_NO_DEVICE ||
           outcome == ESPOTA_ERR_CANCELLED;
}

/* Where it is not known how it ended, nothing is said of what boots. */
static int fail_as(const struct espota_pull_state *state, bool begun, struct espota_error *error)
{
    if (!begun || state->phase == ESPOTA_PULL_FAILED || state->phase == ESPOTA_PULL_CANCELLED)
        return espota_fail_while(error, "update not finished, what boots is as it was");
    return state->phase == ESPOTA_PULL_DONE
               ? (int)error->status
               : espota_fail_while(error, "whether the update was finished is not known here");
}

/* Where an image may have been put; NULL: nowhere. */
static const struct espota_partition *partition_at(const struct espota_slots *slots, uint32_t offset)
{
    for (unsigned i = 0; i < slots->table.count; i++) {
        const struct espota_partition *p = &slots->table.entry[i];
        if (p->offset == offset && p->type == ESPOTA_TYPE_APP && p != slots->running)
            return p;
    }
    return NULL;
}

int espota_ota_pull(struct espota_device *device, const struct espota_ota_pull_request *request,
                    struct espota_ota_pull_result *result, struct espota_error *error)
{
    struct espota_slots slots = { 0 };
    struct espota_pull_state *state = &result->state;
    memset(result, 0, sizeof *result);
    int outcome = load(device, request, &slots, error);
    if (outcome != 0)
        return outcome;
    if (slots.running)
        result->from = *slots.running;
    outcome = begin(device, request, state, error);
    bool begun = may_have_begun(outcome);
    if (outcome == 0)
        outcome = watch(device, request, state, error);
    if (outcome == 0)
        outcome = conclude(device, request, state, error);
    if (outcome != 0)
        return fail_as(state, begun, error);
    const struct espota_partition *to = partition_at(&slots, state->offset);
    if (!to)
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "%s says that it put the image where no app goes, at 0x%" PRIx32
                           ": look at what boots next",
                           device->name, state->offset);
    result->to = *to;
    espota_device_note(device,
                       "Image fetched and verified, total length = %" PRIu32 " bytes (%" PRIu32
                       " were there already)",
                       state->total, state->kept);
    espota_device_note(device, "On next reboot the system will be started from '%s' partition%s",
                       result->to.label, state->trial ? " on trial" : "");
    return 0;
}

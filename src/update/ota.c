/* The OTA procedure. */
#include "espota/ota.h"
#include "ota_base.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/file_kind.h"
#include "espota/flash_holds.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/otadata.h"
#include "espota/size.h"
#include "espota/slots.h"
#include "espota/smart_write.h"
#include "espota/table.h"
#include "ota_kinds.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int check_chip(const struct espota_device_info *info, const char *name,
                      const struct espota_image *image, struct espota_error *error)
{
    const struct espota_chip *chip = espota_chip_by_image_id(image->chip_id);
    if (info->esp8266 != ESPOTA_IS_ESP8266 && (!info->chip || image->chip_id == info->chip->image_id))
        return 0;
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "%s is an image for %s (chip id %u), but the device is an %s: build it for that chip",
                       name, chip ? chip->name : "another chip", image->chip_id,
                       info->chip ? info->chip->name : "ESP8266");
}

int espota_ota_check_image(const struct espota_device_info *info, const char *name, const uint8_t *data,
                           size_t length, struct espota_image *image, struct espota_error *error)
{
    struct espota_image scratch = { 0 };
    struct espota_file file;
    char words[ESPOTA_FILE_WORDS];
    struct espota_image *i = image ? image : &scratch;
    *i = scratch;
    espota_file_examine(&file, data, length);
    if (file.kind == ESPOTA_FILE_ESP8266 && info->esp8266 != ESPOTA_NOT_ESP8266)
        return ota_check_esp8266(info, name, data, length, error);
    enum espota_image_verdict verdict = espota_image_examine_memory(i, data, length);
    if (verdict != ESPOTA_IMAGE_OK)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no image to write: %s", name,
                           espota_image_fault_words(verdict, i, data, length, words));
    if (espota_file_check_app(&file, name, error) != 0)
        return (int)error->status;
    return check_chip(info, name, i, error);
}

const char *espota_ota_size_warning(const struct espota_device_info *info, const char *name,
                                    const struct espota_image *image, char text[ESPOTA_IMAGE_WARNING])
{
    char header[ESPOTA_SIZE_TEXT], flash[ESPOTA_SIZE_TEXT];
    uint64_t built_for = (uint64_t)1 << (20 + image->flash_size);
    if (info->flash_size == 0 || image->flash_size >= 8 || built_for <= info->flash_size)
        return NULL;
    snprintf(text, ESPOTA_IMAGE_WARNING,
             "%.200s was built for %s of flash, but the device has %s: harmless, unless the app was built to "
             "believe its own header",
             name, espota_size_text(built_for, header), espota_size_text(info->flash_size, flash));
    return text;
}

static int check_fits(const struct espota_ota_request *request, const struct espota_partition *target,
                      struct espota_error *error)
{
    uint32_t room = espota_partition_capacity(target);
    if (request->payload.length <= room)
        return 0;
    return espota_fail_hint(
        error, ESPOTA_ERR_TOO_BIG, ESPOTA_HINT_LARGER_SLOT,
        "%s is %" PRIu32 " bytes, but partition '%s' holds %" PRIu32 ": %" PRIu32 " too many", request->name,
        request->payload.length, target->label, room, request->payload.length - room);
}

/* The whole image, once more, as flash has it. */
static int verify(struct espota_device *device, const struct espota_ota_request *request,
                  const struct espota_partition *target, struct espota_error *error)
{
    bool holds = false;
    if (espota_device_can(device, ESPOTA_CAP_IMAGE))
        return espota_device_finish_image(device, error);
    int result = espota_flash_holds(device, target->offset, request->payload.data, request->payload.length,
                                    &holds, error);
    if (result != 0)
        return result;
    if (!holds)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "what partition '%s' holds is not what was written",
                           target->label);
    return 0;
}

static int write_once(struct espota_device *device, const struct espota_ota_request *request,
                      const struct espota_partition *target, struct espota_ota_result *result,
                      struct espota_error *error)
{
    const struct espota_payload *payload = &request->payload;
    size_t size = payload->filled ? espota_smart_write_total(payload->size) : payload->size;
    int outcome = 0;
    if (espota_device_can(device, ESPOTA_CAP_IMAGE))
        outcome = espota_device_begin_image(device, target->offset, payload, error);
    if (outcome == 0)
        outcome = espota_smart_write(device, target->offset, payload->data, size, &result->write, error);
    if (outcome == 0)
        outcome = verify(device, request, target, error);
    return outcome;
}

/* What was built on a base and is refused in the end is sent once more without. */
static int write_image(struct espota_device *device, const struct espota_ota_request *request,
                       const struct espota_partition *target, struct espota_ota_result *result,
                       struct espota_error *error)
{
    const struct espota_payload *payload = &request->payload;
    struct espota_ota_request without = *request;
    struct espota_error ignored;
    bool holds = false;
    int outcome = write_once(device, request, target, result, error);
    if (outcome != ESPOTA_ERR_VERIFY || device->sent.patched == 0 || !payload->bases ||
        espota_flash_holds(device, target->offset, payload->data, payload->length, &holds, &ignored) != 0 ||
        holds)
        return outcome;
    espota_device_note(device, "%s: sending it once more, without a base", error->text);
    device->sent.no_base = ESPOTA_BASE_FAILED;
    without.payload.bases = NULL;
    return write_once(device, &without, target, result, error);
}

static void say_sent(const struct espota_device *device, const struct espota_ota_request *request,
                     const struct espota_ota_result *result)
{
    const struct espota_sent *sent = &result->sent;
    if (!request->bases || sent->bytes == 0)
        return;
    if (sent->patched > 0 && result->base_held.label[0])
        espota_device_note(
            device, "Sent %" PRIu64 " bytes, %.1f%% of the image: what differs from %s in '%s'", sent->bytes,
            100.0 * (double)sent->bytes / (double)request->payload.length,
            result->base_version[0] ? result->base_version : "the image", result->base_held.label);
    else
        espota_device_note(device, "Sent %" PRIu64 " bytes, without a base: %s", sent->bytes,
                           espota_no_base_words(sent->no_base));
}

/* With what the device holds already, where somebody knows that. */
static int write_with_base(struct espota_device *device, struct espota_ota_request *request,
                           const struct espota_slots *slots, const struct espota_partition *target,
                           struct espota_ota_result *result, struct espota_error *error)
{
    struct ota_base base;
    ota_base_begin(&base, request->bases, slots, target, &request->payload);
    if (request->bases)
        request->payload.bases = &base.finder;
    int outcome = write_image(device, request, target, result, error);
    result->sent = device->sent;
    if (base.held && result->sent.patched > 0) {
        result->base_held = *base.held;
        result->sent.base = base.chosen;
    }
    memcpy(result->base_version, base.version, sizeof result->base_version);
    result->read_back = base.read_back;
    ota_base_end(&base);
    request->payload.bases = NULL;
    return outcome;
}

static void say_image(const struct espota_device *device, const struct espota_ota_request *request,
                      const struct espota_image *image)
{
    const struct espota_app_desc *d = &image->description;
    char warning[ESPOTA_IMAGE_WARNING];
    if (image->has_description && d->date[0])
        espota_device_note(device, "Image: %s %s, built %s with ESP-IDF %s", d->project, d->version, d->date,
                           d->idf_version);
    else if (image->has_description)
        espota_device_note(device, "Image: %s %s", d->project, d->version);
    espota_device_note(device, "Update image size: %" PRIu32 " bytes", request->payload.length);
    if (espota_ota_size_warning(&device->info, request->name, image, warning))
        espota_device_warn(device, "%s", warning);
}

/* A device that writes otadata itself knows its bootloader; of others nothing is known. */
static int check_trial(const struct espota_device *device, const struct espota_ota_request *request,
                       struct espota_error *error)
{
    if (!request->trial || !espota_device_can(device, ESPOTA_CAP_BOOT) ||
        espota_device_can(device, ESPOTA_CAP_TRIAL))
        return 0;
    return espota_fail(
        error, ESPOTA_ERR_UNSUPPORTED,
        "cannot update %s on trial: its bootloader would not take the old app back (rollback is "
        "not enabled in it)",
        device->name);
}

static int choose_slot(struct espota_device *device, const struct espota_ota_request *request,
                       struct espota_slots *slots, const struct espota_partition **target,
                       struct espota_error *error)
{
    int result = espota_slots_load(slots, device, request->table_offset, error);
    if (result == 0 && !(*target = espota_slots_next(slots, request->force_factory, error)))
        result = (int)error->status;
    if (result == 0 && request->trial && (*target)->subtype == ESPOTA_APP_FACTORY)
        result = espota_fail(error, ESPOTA_ERR_USAGE,
                             "the factory app '%s' has no trial: only an OTA slot has", (*target)->label);
    return result ? result : check_trial(device, request, error);
}

/* The failure of an update, with what boots now: the device is asked, unless it is gone. */
static int fail_unfinished(struct espota_device *device, const struct espota_ota_request *request,
                           const struct espota_slots *slots, const struct espota_partition *target,
                           struct espota_error *error)
{
    struct espota_slots now;
    struct espota_error ignored = { 0 };
    bool gone = error->status == ESPOTA_ERR_NO_DEVICE || error->status == ESPOTA_ERR_TIMEOUT ||
                error->status == ESPOTA_ERR_CANCELLED || error->status == ESPOTA_ERR_IO;
    if (!gone && espota_slots_load(&now, device, request->table_offset, &ignored) == 0 &&
        espota_slots_look(&now, device, &ignored) == 0)
        return espota_fail_while(
            error, "update of '%s' not finished, '%s' %s", target->label,
            now.boot ? now.boot->label : "nothing",
            now.boot && slots->boot && now.boot->offset != slots->boot->offset ? "boots now" : "still boots");
    if (slots->boot == target)
        return espota_fail_while(error, "update of '%s' not finished, '%s' boots, or '%s' as it was",
                                 target->label, slots->running ? slots->running->label : "nothing",
                                 target->label);
    return espota_fail_while(error, "update of '%s' not finished, '%s' still boots", target->label,
                             slots->boot ? slots->boot->label : "nothing");
}

/* Into a slot, which is chosen here. */
static int update_slot(struct espota_device *device, struct espota_ota_request *request,
                       const struct espota_image *image, struct espota_ota_result *result,
                       struct espota_error *error)
{
    struct espota_slots slots;
    const struct espota_partition *target = NULL;
    int outcome = choose_slot(device, request, &slots, &target, error);
    if (outcome != 0)
        return outcome;
    espota_device_note(device, "Starting OTA update from '%s' to '%s' partition",
                       slots.running ? slots.running->label : "nothing", target->label);
    say_image(device, request, image);
    outcome = check_fits(request, target, error);
    if (outcome != 0)
        return outcome;
    result->to = *target;
    if (slots.running)
        result->from = *slots.running;
    espota_device_note(device, "Writing to '%s' partition at offset 0x%" PRIx32, target->label,
                       target->offset);
    outcome = write_with_base(device, request, &slots, target, result, error);
    if (outcome != 0)
        return fail_unfinished(device, request, &slots, target, error);
    espota_device_note(device,
                       "Image written and verified, total length = %" PRIu32 " bytes (%" PRIu32
                       " were there already)",
                       request->payload.length, result->write.kept);
    say_sent(device, request, result);
    outcome = espota_slots_select_verified(&slots, device, target,
                                           request->trial ? ESPOTA_OTA_NEW : ESPOTA_OTA_UNDEFINED, error);
    if (outcome != 0)
        return espota_fail_while(error, "'%s' is written, but boot is not switched", target->label);
    espota_device_note(device, "On next reboot the system will be started from '%s' partition%s",
                       target->label, request->trial ? " on trial" : "");
    return 0;
}

int espota_ota_runs(struct espota_device *device, const void *data, size_t length, uint32_t table_offset,
                    bool *runs, struct espota_error *error)
{
    struct espota_slots slots;
    *runs = false;
    if (!device->info.has_running || length > UINT32_MAX)
        return 0;
    int result = espota_slots_load(&slots, device, table_offset, error);
    if (result == 0)
        result = espota_slots_look(&slots, device, error);
    const struct espota_partition *running = slots.running;
    /* after a trial that nobody confirmed another one would boot */
    if (result != 0 || !running || slots.boot != running || length > espota_partition_capacity(running))
        return result;
    return espota_flash_holds(device, running->offset, data, (uint32_t)length, runs, error);
}

/* Into a device that sees to the rest itself. */
static int update_sink(struct espota_device *device, const struct espota_ota_request *request,
                       const struct espota_image *image, struct espota_ota_result *result,
                       struct espota_error *error)
{
    if (request->force_factory || request->trial)
        return espota_fail(
            error, ESPOTA_ERR_UNSUPPORTED,
            "cannot update %s %s: the device itself chooses where an image goes and how it boots",
            device->name, request->trial ? "on trial" : "in its factory partition");
    espota_device_note(device, "Starting OTA update of %s", device->name);
    if (!request->file_system)
        say_image(device, request, image);
    int outcome = espota_device_put_image(device, &request->payload, error);
    if (outcome != 0)
        return espota_fail_while(error, "update of %s not finished", device->name);
    result->write.written = request->payload.length;
    espota_device_note(device, "Image put into %s, total length = %" PRIu32 " bytes%s", device->name,
                       request->payload.length, request->file_system ? "" : ": it boots next");
    return 0;
}

/* What is known of it for all devices need not be found again for this one. */
static int check_payload(const struct espota_device *device, const struct espota_ota_request *request,
                         struct espota_image *image, struct espota_error *error)
{
    const struct espota_payload *payload = &request->payload;
    if (request->file_system)
        return espota_ota_check_file_system(request->name, payload->data, payload->size, error);
    if (!request->checked)
        return espota_ota_check_image(&device->info, request->name, payload->data, payload->size, image,
                                      error);
    *image = *request->checked;
    return check_chip(&device->info, request->name, image, error);
}

int espota_ota_run(struct espota_device *device, const struct espota_ota_request *request,
                   struct espota_ota_result *result, struct espota_error *error)
{
    struct espota_ota_request identified = *request;
    struct espota_payload *payload = &identified.payload;
    struct espota_image image = { 0 };
    memset(result, 0, sizeof *result);
    int outcome = check_payload(device, request, &image, error);
    if (outcome == 0)
        outcome = espota_payload_identify(payload, error);
    if (outcome != 0)
        return outcome;
    memcpy(result->sha256, payload->sha256, sizeof result->sha256);
    bool sink = espota_device_can(device, ESPOTA_CAP_SINK) &&
                !espota_device_can(device, ESPOTA_CAP_READ | ESPOTA_CAP_WRITE);
    if (request->file_system && !sink)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                           "cannot update the file system of %s in this way: it takes apps", device->name);
    return sink ? update_sink(device, &identified, &image, result, error)
                : update_slot(device, &identified, &image, result, error);
}

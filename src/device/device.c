#include "espota/device.h"

#include "espota/clock.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/link.h"
#include "espota/observer.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void espota_device_init(struct espota_device *device, const struct espota_device_ops *ops, const char *kind,
                        enum espota_hash_kind digest_kind, const char *name)
{
    const struct {
        bool there;
        uint32_t cap;
    } can[] = {
        { ops->digest, ESPOTA_CAP_DIGEST },
        { ops->digests, ESPOTA_CAP_DIGESTS },
        { ops->read, ESPOTA_CAP_READ },
        { ops->erase, ESPOTA_CAP_ERASE },
        { ops->write, ESPOTA_CAP_WRITE },
        { ops->begin_image && ops->finish_image, ESPOTA_CAP_IMAGE },
        { ops->select_boot && ops->confirm && ops->rollback, ESPOTA_CAP_BOOT },
        { ops->restart, ESPOTA_CAP_RESTART },
        { ops->details, ESPOTA_CAP_DETAILS },
        { ops->recover, ESPOTA_CAP_RECOVER },
        { ops->put_image, ESPOTA_CAP_SINK },
        { ops->identify, ESPOTA_CAP_BASES },
        { ops->await_return, ESPOTA_CAP_RETURN },
        { ops->pull_start && ops->pull_state, ESPOTA_CAP_PULL },
    };
    device->ops = ops;
    device->kind = kind;
    device->digest_kind = digest_kind;
    for (size_t i = 0; i < sizeof can / sizeof can[0]; i++)
        device->caps |= can[i].there ? can[i].cap : 0;
    device->payloads = ops->write || ops->put_image ? 1u << ESPOTA_PAYLOAD_RAW : 0;
    snprintf(device->name, sizeof device->name, "%s", name);
}

bool espota_device_can(const struct espota_device *device, uint32_t caps)
{
    return (device->caps & caps) == caps;
}

bool espota_device_takes(const struct espota_device *device, enum espota_payload_kind kind)
{
    return device->payloads >> kind & 1u;
}

size_t espota_device_digest_length(const struct espota_device *device)
{
    return device->digest_kind == ESPOTA_HASH_MD5 ? ESPOTA_MD5_LENGTH : ESPOTA_SHA256_LENGTH;
}

int espota_device_digest_of(const struct espota_device *device, const void *data, size_t length,
                            uint8_t *digest)
{
    return device->digest_kind == ESPOTA_HASH_MD5 ? espota_md5(data, length, digest)
                                                  : espota_sha256(data, length, digest);
}

int espota_device_check_range(const struct espota_device *device, const char *what, uint32_t offset,
                              uint64_t length, struct espota_error *error)
{
    uint32_t size = device->info.flash_size;
    if (size != 0 && offset + length > size)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG,
                           "cannot %s 0x%" PRIx32 "-0x%" PRIx64 " of %s: its flash ends at 0x%" PRIx32, what,
                           offset, offset + length, device->name, size);
    uint32_t reach = device->info.addressable;
    bool rom = strcmp(device->kind, "rom") == 0;
    if (reach != 0 && offset + length > reach)
        return espota_fail(
            error, ESPOTA_ERR_TOO_BIG,
            "cannot %s 0x%" PRIx32 "-0x%" PRIx64 " of %s: %s the first %" PRIu32 "M of flash only%s", what,
            offset, offset + length, device->name,
            rom ? "the chip's ROM bootloader addresses" : "what runs there reaches", reach >> 20,
            rom ? ", and would take their start for what follows; the stub and agents reach all of it" : "");
    return 0;
}

static int check_sectors(const struct espota_device *device, const char *what, uint32_t offset,
                         uint64_t length, struct espota_error *error)
{
    if (offset % ESPOTA_SECTOR_SIZE || length % ESPOTA_SECTOR_SIZE)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "cannot %s 0x%" PRIx32 "+0x%" PRIx64 " of %s: not whole 4K sectors", what, offset,
                           length, device->name);
    return espota_device_check_range(device, what, offset, length, error);
}

/* Has it the capability? `what` completes "cannot ... NAME". */
static int need(const struct espota_device *device, uint32_t cap, const char *what,
                struct espota_error *error)
{
    if (espota_device_can(device, cap))
        return 0;
    return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                       "cannot %s %s: a device of the kind '%s' has no way to do it", what, device->name,
                       device->kind);
}

int espota_device_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                         struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_DIGEST, "compute digests of", error);
    if (result == 0)
        result = espota_device_check_range(device, "digest", offset, length, error);
    return result ? result : device->ops->digest(device, offset, length, digest, error);
}

/* For a device that is asked block by block. */
static int digest_blocks(struct espota_device *device, const struct espota_extent *extent, uint32_t block,
                         uint8_t **digests, struct espota_error *error)
{
    int result = 0;
    for (uint32_t at = 0; result == 0 && at < extent->length; at += block) {
        uint32_t part = extent->length - at < block ? extent->length - at : block;
        result = espota_device_check_cancelled(device, error);
        if (result == 0)
            result = espota_device_digest(device, extent->offset + at, part, *digests, error);
        *digests += espota_device_digest_length(device);
    }
    return result;
}

int espota_device_digests_of(struct espota_device *device, const struct espota_extent *extent, size_t count,
                             uint32_t block, uint8_t *digests, struct espota_error *error)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++)
        result = espota_device_check_range(device, "digest", extent[i].offset, extent[i].length, error);
    if (result == 0 && espota_device_can(device, ESPOTA_CAP_DIGESTS))
        return device->ops->digests(device, extent, count, block, digests, error);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = digest_blocks(device, &extent[i], block, &digests, error);
    return result;
}

int espota_device_digests(struct espota_device *device, uint32_t offset, uint32_t length, uint32_t block,
                          uint8_t *digests, struct espota_error *error)
{
    struct espota_extent extent = { offset, length };
    return espota_device_digests_of(device, &extent, 1, block, digests, error);
}

int espota_device_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                       struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_READ, "read flash of", error);
    if (result == 0)
        result = espota_device_check_range(device, "read", offset, length, error);
    return result ? result : device->ops->read(device, offset, buffer, length, error);
}

int espota_device_reads(struct espota_device *device, const struct espota_read *read, size_t count,
                        struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_READ, "read flash of", error);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = espota_device_check_range(device, "read", read[i].offset, read[i].length, error);
    if (result == 0 && device->ops->reads)
        return device->ops->reads(device, read, count, error);
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = espota_device_check_cancelled(device, error);
        if (result == 0)
            result = device->ops->read(device, read[i].offset, read[i].buffer, read[i].length, error);
        if (result == 0)
            espota_device_moved(device, read[i].length);
    }
    return result;
}

/* Progress of what repeats nothing. */
struct one_pass {
    const struct espota_device *device;
    enum espota_phase phase;
    uint32_t done, total;
};

static void on_moved(void *context, uint32_t bytes)
{
    struct one_pass *pass = context;
    pass->done += bytes;
    espota_device_progress(pass->device, pass->phase, pass->done, pass->total);
}

static void count(struct espota_device *device, struct one_pass *pass)
{
    device->changed = true;
    device->moved = pass ? on_moved : NULL;
    device->moved_context = pass;
}

int espota_device_erase(struct espota_device *device, uint32_t offset, uint32_t length,
                        struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_ERASE, "erase flash of", error);
    if (result == 0)
        result = check_sectors(device, "erase", offset, length, error);
    if (result != 0)
        return result;
    struct one_pass pass = { device, ESPOTA_PHASE_ERASE, 0, length };
    count(device, &pass);
    result = device->ops->erase(device, offset, length, error);
    count(device, NULL);
    return result;
}

int espota_device_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                        struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_WRITE, "write flash of", error);
    if (result == 0)
        result = check_sectors(device, "write", offset, length, error);
    device->changed = device->changed || result == 0;
    return result ? result : device->ops->write(device, offset, data, length, error);
}

/* For a device that is told run by run. */
static int write_runs(struct espota_device *device, const struct espota_changes *changes,
                      struct espota_error *error)
{
    enum { LONGEST = 256 << 10 };
    const bool *differs = changes->differs;
    int result = 0;
    for (uint32_t at = 0, end;
         result == 0 && at<changes->length; at = end> at ? end : at + ESPOTA_SECTOR_SIZE) {
        for (end = at;
             end < changes->length && end - at < LONGEST && (!differs || differs[end / ESPOTA_SECTOR_SIZE]);
             end += ESPOTA_SECTOR_SIZE)
            ;
        if (end == at)
            continue;
        result = espota_device_check_cancelled(device, error);
        if (result == 0)
            result = device->ops->write(device, changes->offset + at, changes->data + at, end - at, error);
    }
    return result;
}

int espota_device_write_changes(struct espota_device *device, const struct espota_changes *changes,
                                struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_WRITE, "write flash of", error);
    if (result == 0)
        result = check_sectors(device, "write", changes->offset, changes->length, error);
    if (result != 0)
        return result;
    device->changed = true;
    if (changes->proven)
        *changes->proven = false;
    return device->ops->write_changes ? device->ops->write_changes(device, changes, error)
                                      : write_runs(device, changes, error);
}

static int need_payload(const struct espota_device *device, enum espota_payload_kind kind,
                        struct espota_error *error)
{
    if (espota_device_takes(device, kind))
        return 0;
    return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                       "cannot send %s an image of the kind '%s': it takes none", device->name,
                       espota_payload_name(kind));
}

int espota_device_begin_image(struct espota_device *device, uint32_t offset,
                              const struct espota_payload *payload, struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_IMAGE, "announce an image to", error);
    if (result == 0)
        result = need_payload(device, payload->kind, error);
    return result ? result : device->ops->begin_image(device, offset, payload, error);
}

int espota_device_identify(struct espota_device *device, uint32_t offset, struct espota_payload_base *held,
                           struct espota_error *error)
{
    *held = (struct espota_payload_base){ .offset = offset };
    int result = need(device, ESPOTA_CAP_BASES, "ask for an image of", error);
    return result ? result : device->ops->identify(device, offset, held, error);
}

int espota_device_put_image(struct espota_device *device, const struct espota_payload *payload,
                            struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_SINK, "put an image into", error);
    if (result == 0)
        result = need_payload(device, payload->kind, error);
    if (result != 0)
        return result;
    struct one_pass pass = { device, ESPOTA_PHASE_WRITE, 0, (uint32_t)payload->size };
    count(device, &pass);
    result = device->ops->put_image(device, payload, error);
    count(device, NULL);
    return result;
}

int espota_device_await_return(struct espota_device *device, unsigned patience_ms, struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_RETURN, "wait for the return of", error);
    return result ? result : device->ops->await_return(device, patience_ms, error);
}

int espota_device_finish_image(struct espota_device *device, struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_IMAGE, "have an image judged by", error);
    return result ? result : device->ops->finish_image(device, error);
}

int espota_device_select_boot(struct espota_device *device, uint32_t offset, uint32_t state,
                              struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_BOOT, "choose what boots by", error);
    return result ? result : device->ops->select_boot(device, offset, state, error);
}

int espota_device_confirm(struct espota_device *device, struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_BOOT, "confirm the app by", error);
    return result ? result : device->ops->confirm(device, error);
}

int espota_device_rollback(struct espota_device *device, struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_BOOT, "roll back by", error);
    return result ? result : device->ops->rollback(device, error);
}

int espota_device_pull_start(struct espota_device *device, const struct espota_pull_order *order,
                             uint32_t number, struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_PULL, "have an image fetched by", error);
    return result ? result : device->ops->pull_start(device, order, number, error);
}

int espota_device_pull_state(struct espota_device *device, bool cancel, struct espota_pull_state *state,
                             struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_PULL, "have an image fetched by", error);
    return result ? result : device->ops->pull_state(device, cancel, state, error);
}

int espota_device_restart(struct espota_device *device, struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_RESTART, "restart", error);
    if (result != 0)
        return result;
    device->app_stopped = false;
    return device->ops->restart(device, error);
}

int espota_device_details(struct espota_device *device, struct espota_chip_details *details,
                          struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_DETAILS, "tell the revision of", error);
    *details = (struct espota_chip_details){ 0 };
    return result ? result : device->ops->details(device, details, error);
}

int espota_device_recover(struct espota_device *device, struct espota_error *error)
{
    int result = need(device, ESPOTA_CAP_RECOVER, "take up again with", error);
    return result ? result : device->ops->recover(device, error);
}

void espota_device_close(struct espota_device *device)
{
    if (device)
        device->ops->close(device);
}

int espota_device_receive(struct espota_device *device, struct espota_link *link, void *buffer, size_t size,
                          uint64_t deadline, size_t *got, struct espota_error *error)
{
    enum { LOOK_MS = 100 };
    uint64_t now = espota_link_now_ms(link);
    uint64_t left = deadline > now ? deadline - now : 0;
    int result = espota_device_check_cancelled(device, error);
    *got = 0;
    return result
               ? result
               : espota_link_read(link, buffer, size, left < LOOK_MS ? (unsigned)left : LOOK_MS, got, error);
}

void espota_device_moved(struct espota_device *device, uint32_t bytes)
{
    if (device->moved)
        device->moved(device->moved_context, bytes);
}

void espota_device_progress(const struct espota_device *device, enum espota_phase phase, uint64_t done,
                            uint64_t total)
{
    struct espota_progress progress = { phase, device->what, device->progress_before + done,
                                        device->progress_all ? device->progress_all : total };
    espota_observe_progress(device->observer, device->name, &progress);
}

__attribute__((format(printf, 3, 0))) static void
tell(const struct espota_device *device, enum espota_message kind, const char *format, va_list args)
{
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    espota_observe_message(device->observer, device->name, kind, "%s", text);
}

void espota_device_detail(const struct espota_device *device, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(device, ESPOTA_MESSAGE_DETAIL, format, args);
    va_end(args);
}

void espota_device_note(const struct espota_device *device, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(device, ESPOTA_MESSAGE_NOTE, format, args);
    va_end(args);
}

void espota_device_warn(const struct espota_device *device, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell(device, ESPOTA_MESSAGE_WARNING, format, args);
    va_end(args);
}

int espota_device_pause(struct espota_device *device, unsigned ms, struct espota_error *error)
{
    enum { SLICE_MS = 100 };
    int result = espota_device_check_cancelled(device, error);
    for (unsigned done = 0; result == 0 && done < ms; done += SLICE_MS) {
        espota_sleep_ms(ms - done < SLICE_MS ? ms - done : SLICE_MS);
        result = espota_device_check_cancelled(device, error);
    }
    return result;
}

int espota_device_check_cancelled(struct espota_device *device, struct espota_error *error)
{
    if (espota_observer_cancelled(device->observer))
        return espota_fail(error, ESPOTA_ERR_CANCELLED,
                           "stopped on request; run the same command again to finish");
    return 0;
}

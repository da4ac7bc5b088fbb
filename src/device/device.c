#include "espota/device.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

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

static int check_range(const struct espota_device *device, const char *what, uint32_t offset, uint64_t length,
                       struct espota_error *error)
{
    uint32_t size = device->info.flash_size;
    if (size != 0 && offset + length > size)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG,
                           "cannot %s 0x%" PRIx32 "-0x%" PRIx64 " of %s: its flash ends at 0x%" PRIx32, what,
                           offset, offset + length, device->name, size);
    return 0;
}

static int check_sectors(const struct espota_device *device, const char *what, uint32_t offset,
                         uint64_t length, struct espota_error *error)
{
    if (offset % ESPOTA_SECTOR_SIZE || length % ESPOTA_SECTOR_SIZE)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "cannot %s 0x%" PRIx32 "+0x%" PRIx64 " of %s: not whole 4K sectors", what, offset,
                           length, device->name);
    return check_range(device, what, offset, length, error);
}

static int cannot(const struct espota_device *device, const char *what, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                       "cannot %s %s: a device of the kind '%s' has no way to do it", what, device->name,
                       device->kind);
}

int espota_device_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                         struct espota_error *error)
{
    int result = check_range(device, "digest", offset, length, error);
    return result ? result : device->ops->digest(device, offset, length, digest, error);
}

int espota_device_digests(struct espota_device *device, uint32_t offset, uint32_t length, uint32_t block,
                          uint8_t *digests, struct espota_error *error)
{
    int result = check_range(device, "digest", offset, length, error);
    if (result == 0 && device->ops->digests)
        return device->ops->digests(device, offset, length, block, digests, error);
    for (uint32_t at = 0; result == 0 && at < length; at += block) {
        uint32_t part = length - at < block ? length - at : block;
        result = espota_device_check_cancelled(device, error);
        if (result == 0)
            result = device->ops->digest(device, offset + at, part, digests, error);
        digests += espota_device_digest_length(device);
    }
    return result;
}

int espota_device_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                       struct espota_error *error)
{
    int result = check_range(device, "read", offset, length, error);
    return result ? result : device->ops->read(device, offset, buffer, length, error);
}

int espota_device_erase(struct espota_device *device, uint32_t offset, uint32_t length,
                        struct espota_error *error)
{
    int result = check_sectors(device, "erase", offset, length, error);
    if (result == 0 && !device->ops->erase)
        result = cannot(device, "erase flash of", error);
    return result ? result : device->ops->erase(device, offset, length, error);
}

int espota_device_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                        struct espota_error *error)
{
    int result = check_sectors(device, "write", offset, length, error);
    if (result == 0 && !device->ops->write)
        result = cannot(device, "write flash of", error);
    return result ? result : device->ops->write(device, offset, data, length, error);
}

int espota_device_restart(struct espota_device *device, struct espota_error *error)
{
    if (!device->ops->restart)
        return cannot(device, "restart", error);
    device->app_stopped = false;
    return device->ops->restart(device, error);
}

int espota_device_details(struct espota_device *device, struct espota_chip_details *details,
                          struct espota_error *error)
{
    *details = (struct espota_chip_details){ 0 };
    return device->ops->details ? device->ops->details(device, details, error)
                                : cannot(device, "tell the revision of", error);
}

void espota_device_close(struct espota_device *device)
{
    if (device)
        device->ops->close(device);
}

void espota_device_advance(struct espota_device *device, uint32_t bytes)
{
    if (device->watch.advance)
        device->watch.advance(device->watch.context, bytes);
}

void espota_device_remark(struct espota_device *device, const char *format, ...)
{
    char text[512];
    va_list args;
    if (!device->watch.remark)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    device->watch.remark(device->watch.context, text);
}

int espota_device_check_cancelled(struct espota_device *device, struct espota_error *error)
{
    if (device->watch.cancelled && device->watch.cancelled(device->watch.context))
        return espota_fail(error, ESPOTA_ERR_CANCELLED,
                           "stopped on request; run the same command again to finish");
    return 0;
}

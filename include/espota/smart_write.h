/** Smart write: ask for digests, find what differs, write only that, verify by digest. Skipping, resuming and
 * verifying are this one primitive; no state is kept. */
#ifndef ESPOTA_SMART_WRITE_H
#define ESPOTA_SMART_WRITE_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"

#include <stddef.h>
#include <stdint.h>

struct espota_smart_write {
    uint32_t total;   /* bytes asked for, in whole sectors */
    uint32_t written; /* bytes that were not there and are now, each counted once */
    uint32_t kept;    /* bytes that were there already */
    unsigned repeats; /* rounds after an error on the line */
};

/** Make flash at `offset` (a multiple of 4K) hold `data`; the rest of the last sector becomes FF. Errors of
 * the line are survived: what is missing is found and sent again. Nothing is taken for there already by MD5
 * alone (espota_flash_holds). The device's observer hears of `total` bytes in all, however often something is
 * sent.
 * @return 0; ESPOTA_ERR_VERIFY when flash does not take the data; or what the device returned. */
int espota_smart_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                       struct espota_smart_write *result, struct espota_error *error);

/** The same into a range of `room` bytes that begins and ends anywhere (partitions of old tables do): what
 * lies in its first and last sector before and behind it stays. A power cut may cost those neighbours what
 * they have in these two sectors. */
int espota_smart_write_within(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                              uint32_t room, struct espota_smart_write *result, struct espota_error *error);

/** Bytes of progress for `length` bytes of data: whole sectors. */
uint32_t espota_smart_write_total(size_t length);

#pragma GCC visibility pop

#endif

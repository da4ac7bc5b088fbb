/** The OTA procedure with a device that fetches the image by itself: order it, watch, say what came of it.
 *
 * The device goes on when nobody watches. Whoever orders the same once more meanwhile watches on. */
#ifndef ESPOTA_OTA_PULL_H
#define ESPOTA_OTA_PULL_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/pull.h"
#include "espota/table.h"

#include <stdint.h>

struct espota_ota_pull_request {
    const char *name; /* of the image, for messages: the URL without what may be secret */
    struct espota_pull_order order;
    uint32_t table_offset; /* 0: as the device says */
};

struct espota_ota_pull_result {
    struct espota_partition from, to; /* from.label is empty when nothing ran */
    struct espota_pull_state state;   /* with the image's length, as `total`, and SHA-256 */
};

/** The whole procedure, up to the switch of otadata; the device is not restarted here, though it restarts by
 * itself some seconds later where it was told to. Its observer hears of the progress; when he cancels, the
 * device is told to stop.
 * @return 0; ESPOTA_ERR_UNSUPPORTED when it cannot; ESPOTA_ERR_NETWORK and ESPOTA_ERR_VERIFY as
 * espota_fetch_url, ESPOTA_ERR_CANCELLED; or what the device returned. */
int espota_ota_pull(struct espota_device *device, const struct espota_ota_pull_request *request,
                    struct espota_ota_pull_result *result, struct espota_error *error);

#pragma GCC visibility pop

#endif

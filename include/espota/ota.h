/** The OTA procedure: choose the slot, check the image, write, verify the whole, only then switch otadata. */
#ifndef ESPOTA_OTA_H
#define ESPOTA_OTA_H

#pragma GCC visibility push(default)

#include "espota/base_source.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/smart_write.h"
#include "espota/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct espota_ota_request {
    const char *name;              /* of the image, for messages: URL or path */
    struct espota_payload payload; /* of a kind that the device takes; need not be identified */
    /* What espota_ota_check_image has found in it: one check will do for many devices. NULL: not checked. */
    const struct espota_image *checked;
    bool force_factory;
    bool trial;
    bool file_system;      /* it is no app, but an image of the file system, which an image sink takes */
    uint32_t table_offset; /* 0: as the device says */
    /* Who knows the images that the device may hold, so that only what changed is sent; NULL: nobody. */
    const struct espota_base_source *bases;
};

struct espota_ota_result {
    struct espota_partition from, to; /* from.label is empty when nothing ran, both where the device chose */
    struct espota_smart_write write;
    struct espota_sent sent;           /* by an agent: bytes, how, and against which base */
    struct espota_partition base_held; /* the partition with that base; label empty: none */
    uint32_t read_back;                /* bytes that came from the device for a base that nobody knew */
    char base_version[33];             /* as its app description has it; empty: none, or not known */
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
};

/** Check an image in memory before anything is written: it is one, for this chip, undamaged.
 * `image` may be NULL; it stays empty for an ESP8266. @return ESPOTA_ERR_VERIFY. */
int espota_ota_check_image(const struct espota_device_info *info, const char *name, const uint8_t *data,
                           size_t length, struct espota_image *image, struct espota_error *error);

/** Check the image of a file system, as far as its kind is known: it is no app, and nothing else that belongs
 * elsewhere. @return ESPOTA_ERR_VERIFY. */
int espota_ota_check_file_system(const char *name, const uint8_t *data, size_t length,
                                 struct espota_error *error);

/** Was the image built for more flash than the device has? ESP-IDF takes the size from the bootloader's
 * header unless the app was built to override it (CONFIG_SPI_FLASH_SIZE_OVERRIDE), so that this is worth a
 * warning.
 * @return `text`, or NULL: it was not. */
#define ESPOTA_IMAGE_WARNING 400
const char *espota_ota_size_warning(const struct espota_device_info *info, const char *name,
                                    const struct espota_image *image, char text[ESPOTA_IMAGE_WARNING]);

/** The whole procedure, up to the switch of otadata. The device is not restarted. Where the device gives
 * access to its flash, the slot is chosen here and only what differs travels; a device that is an image sink
 * alone (ESPOTA_CAP_SINK) gets the whole image, and does the rest. */
int espota_ota_run(struct espota_device *device, const struct espota_ota_request *request,
                   struct espota_ota_result *result, struct espota_error *error);

/** Is nothing left to do: does the device run this image, confirmed where it was on trial, and boot it next?
 * `table_offset` as in the request. @return 0 with `*runs` set, or what the device returned. */
int espota_ota_runs(struct espota_device *device, const void *data, size_t length, uint32_t table_offset,
                    bool *runs, struct espota_error *error);

#pragma GCC visibility pop

#endif

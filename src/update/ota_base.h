/* What an update may be sent against: an image in another slot of the device that somebody here knows. */
#ifndef ESPOTA_UPDATE_OTA_BASE_H
#define ESPOTA_UPDATE_OTA_BASE_H

#include "espota/base_source.h"
#include "espota/payload.h"
#include "espota/slots.h"

#include <stdbool.h>

struct ota_base {
    struct espota_base_finder finder; /* for the payload */
    const struct espota_base_source *source;
    const struct espota_slots *slots;
    const struct espota_partition *target;
    const uint8_t *image;                    /* that was found; ota_base_end gives it back */
    const struct espota_base *prepared;      /* or a patch against it, */
    unsigned table_log;                      /* and its table */
    bool patches;                            /* look for one of these */
    const struct espota_partition *held;     /* the partition that it lies in */
    const struct espota_payload *payload;    /* that is to be sent */
    const struct espota_partition *unknown;  /* the first that holds what nobody knows, */
    struct espota_payload_base unknown_base; /* and that */
    uint32_t read_back;                      /* bytes that were read of it */
    struct espota_payload_base chosen;       /* the same, without its bytes */
    char version[33];                        /* as its description has it */
};

/* For an update of `target` with `payload`. All of these must outlive it, and it stays where it is. */
void ota_base_begin(struct ota_base *base, const struct espota_base_source *source,
                    const struct espota_slots *slots, const struct espota_partition *target,
                    const struct espota_payload *payload);
void ota_base_end(struct ota_base *base);

#endif

/* An update over a connection that is there: for device.c, and for tests that play the device. */
#ifndef ESPOTA_ESPHOME_TALK_H
#define ESPOTA_ESPHOME_TALK_H

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

int esphome_talk(struct espota_device *device, struct espota_link *link, const struct espota_payload *payload,
                 struct espota_error *error);

#endif

/* The image over a connection that the device has opened: for device.c, and for tests that play the device.
 */
#ifndef ESPOTA_ARDUINO_TALK_H
#define ESPOTA_ARDUINO_TALK_H

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

int arduino_talk(struct espota_device *device, struct espota_link *link, const struct espota_payload *payload,
                 struct espota_error *error);

#endif

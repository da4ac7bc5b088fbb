/** A device with ESPHome as an image sink (espota/esphome_ota.h).
 *
 * It compares the MD5 of what has arrived; an ESP32 has ESP-IDF check the image before it is booted, and
 * neither says what flash holds. Nothing is encrypted, and the device does not prove who it is. It restarts
 * by itself when it has the image. */
#ifndef ESPOTA_ESPHOME_DEVICE_H
#define ESPOTA_ESPHOME_DEVICE_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/observer.h"

struct espota_esphome_options {
    const char *password;                   /* copied; NULL: none */
    const struct espota_observer *observer; /* as in struct espota_device */
};

/** The device at `address`: a name or an address, with :PORT or without (3232). It is looked up and hears of
 * it when it gets an image. @return 0 and `*device`, owned by the caller (espota_device_close),
 * ESPOTA_ERR_USAGE for what is no address.
 *
 * espota_device_put_image returns ESPOTA_ERR_NO_DEVICE when it cannot be reached or is gone in the middle;
 * ESPOTA_ERR_TIMEOUT when it falls silent; ESPOTA_ERR_FAILED where the password is not right;
 * ESPOTA_ERR_DEVICE when it said what went wrong. */
int espota_esphome_open(struct espota_device **device, const char *address,
                        const struct espota_esphome_options *options, struct espota_error *error);

#pragma GCC visibility pop

#endif

/** A device with ArduinoOTA (espota/arduino_ota.h) as an image sink: what sketches have in which
 * ArduinoOTA.handle() runs, on chips of the ESP32 family and the ESP8266.
 *
 * It compares the MD5 of what has arrived. An ESP32 has ESP-IDF check the image before it is booted, an
 * ESP8266 checks its first byte; neither says what flash holds. Nothing is encrypted, and the device does not
 * prove who it is. It restarts by itself when it has the image. */
#ifndef ESPOTA_ARDUINO_DEVICE_H
#define ESPOTA_ARDUINO_DEVICE_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/observer.h"

#include <stdbool.h>
#include <stdint.h>

struct espota_arduino_options {
    const char *password; /* copied; NULL: none */
    bool md5_password;    /* the sketch has but the MD5 of it: do not try its SHA-256 first */
    bool file_system;     /* images are of the file system, not apps */
    const char
        *listen_at; /* our address, to which the device connects; copied; NULL: the one on the way to it */
    uint16_t listen_port; /* our TCP port; 0: any */
    unsigned answer_ms; /* wait so long for an answer to each of 10 invitations; 0: 1 s, then more and more */
    const struct espota_observer *observer; /* as in struct espota_device */
};

/** The device at `address`: a name or an address with :PORT (UDP), as espota_address_with_port makes it. It
 * is looked up, and hears of it when it gets an image. @return 0 and `*device`, owned by the caller
 * (espota_device_close); ESPOTA_ERR_NO_DEVICE when there is no such host; ESPOTA_ERR_USAGE for what is no
 * address.
 *
 * espota_device_put_image returns ESPOTA_ERR_NO_DEVICE when it does not answer, does not connect, or is gone
 * in the middle; ESPOTA_ERR_FAILED where the password is not right; ESPOTA_ERR_DEVICE when it said what went
 * wrong. */
int espota_arduino_open(struct espota_device **device, const char *address,
                        const struct espota_arduino_options *options, struct espota_error *error);

#pragma GCC visibility pop

#endif

/* For ota.c alone. */
#ifndef ESPOTA_OTA_KINDS_H
#define ESPOTA_OTA_KINDS_H

#include "espota/device.h"
#include "espota/error.h"

#include <stddef.h>
#include <stdint.h>

/* An image that espota_file_examine found to be for the ESP8266, for a device that may be one. */
int ota_check_esp8266(const struct espota_device_info *info, const char *name, const uint8_t *data,
                      size_t length, struct espota_error *error);

#endif

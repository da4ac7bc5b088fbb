/* What can go to image sinks alone: images for the ESP8266, and file systems. */
#include "ota_kinds.h"
#include "espota/error.h"
#include "espota/esp8266_image.h"
#include "espota/file_kind.h"
#include "espota/ota.h"

#include <string.h>

int ota_check_esp8266(const struct espota_device_info *info, const char *name, const uint8_t *data,
                      size_t length, struct espota_error *error)
{
    if (info->chip)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "%s is an image for the ESP8266, but the device is an %s: build it for that chip",
                           name, info->chip->name);
    enum espota_esp8266_verdict verdict = espota_esp8266_examine(data, length);
    if (verdict == ESPOTA_ESP8266_OK)
        return 0;
    return espota_fail(
        error, ESPOTA_ERR_VERIFY, "%s is no image to write: it is for the ESP8266, and %s", name,
        verdict == ESPOTA_ESP8266_TRUNCATED ? "its end is missing" : "damaged: its checksum is wrong");
}

int espota_ota_check_file_system(const char *name, const uint8_t *data, size_t length,
                                 struct espota_error *error)
{
    struct espota_file file;
    char words[ESPOTA_FILE_WORDS];
    espota_file_examine(&file, data, length);
    if (file.kind == ESPOTA_FILE_LITTLEFS || file.kind == ESPOTA_FILE_SPIFFS ||
        file.kind == ESPOTA_FILE_FAT || file.kind == ESPOTA_FILE_DATA || file.kind == ESPOTA_FILE_BLANK)
        return 0;
    return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no image of a file system: it is %s", name,
                       espota_file_words(&file, words));
}

#include "espota/esp8266_image.h"

#include "espota/bytes.h"

#include <stdbool.h>

enum { MAGIC = 0xe9, HEADER = 8, SEGMENT_HEADER = 8, SEGMENTS_MOST = 16, APP_OFFSET = 4096 };

/* One image; `*end` is where it ends. */
static enum espota_esp8266_verdict examine_one(const uint8_t *data, size_t size, size_t *end)
{
    uint8_t checksum = 0xef;
    if (size < HEADER + SEGMENT_HEADER || data[0] != MAGIC || data[1] == 0 || data[1] > SEGMENTS_MOST)
        return ESPOTA_ESP8266_NO_IMAGE;
    size_t at = HEADER;
    for (unsigned i = 0; i < data[1]; i++) {
        uint32_t length = size - at < SEGMENT_HEADER ? UINT32_MAX : espota_get_le32(data + at + 4);
        if (length > size || size - at - SEGMENT_HEADER < length)
            return ESPOTA_ESP8266_TRUNCATED;
        at += SEGMENT_HEADER;
        for (uint32_t k = 0; k < length; k++)
            checksum ^= data[at + k];
        at += length;
    }
    at |= 15;
    *end = at + 1;
    if (at >= size)
        return ESPOTA_ESP8266_TRUNCATED;
    return data[at] == checksum ? ESPOTA_ESP8266_OK : ESPOTA_ESP8266_BAD_CHECKSUM;
}

/* A boot loader is there for an app. */
enum espota_esp8266_verdict espota_esp8266_examine(const uint8_t *data, size_t size)
{
    size_t end = 0;
    enum espota_esp8266_verdict verdict = examine_one(data, size, &end);
    if (verdict != ESPOTA_ESP8266_OK || size <= APP_OFFSET || end > APP_OFFSET)
        return verdict;
    verdict = examine_one(data + APP_OFFSET, size - APP_OFFSET, &end);
    return verdict == ESPOTA_ESP8266_NO_IMAGE ? ESPOTA_ESP8266_OK : verdict;
}

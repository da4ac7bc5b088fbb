#include "example_keys.h"

#include "esp_log.h"
#include "sdkconfig.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const uint8_t *read_hex(const char *hex, const char *what, uint8_t *out, size_t length)
{
    unsigned byte;
    if (*hex == '\0')
        return NULL;
    for (size_t i = 0; i < length; i++) {
        if (strlen(hex) != 2 * length || sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            ESP_LOGE("example", "%s is not %u hex digits, and not used", what, (unsigned)(2 * length));
            return NULL;
        }
        out[i] = (uint8_t)byte;
    }
    return out;
}

const uint8_t *example_key(void)
{
    static uint8_t key[EXAMPLE_KEY_LENGTH];
    return read_hex(CONFIG_EXAMPLE_KEY, "CONFIG_EXAMPLE_KEY", key, sizeof key);
}

const uint8_t *example_owner(void)
{
    static uint8_t owner[EXAMPLE_OWNER_LENGTH];
    return read_hex(CONFIG_EXAMPLE_OWNER, "CONFIG_EXAMPLE_OWNER", owner, sizeof owner);
}

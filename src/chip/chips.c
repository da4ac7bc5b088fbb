#include "espota/chip.h"

#include "chips.h"

#include <ctype.h>
#include <stddef.h>

const struct espota_chip *const espota_chips[] = {
    &espota_chip_esp32,
    &espota_chip_esp32s2,
    &espota_chip_esp32s3,
    &espota_chip_esp32c2,
    &espota_chip_esp32c3,
    &espota_chip_esp32c5,
    &espota_chip_esp32c6,
    &espota_chip_esp32c61,
    &espota_chip_esp32h2,
    &espota_chip_esp32p4,
    NULL,
};

/* "ESP32-C3" and "esp32c3" are the same name. */
static bool same_name(const char *id, const char *name)
{
    for (; *name; name++) {
        if (*name == '-' || *name == '_')
            continue;
        if (*id++ != tolower((unsigned char)*name))
            return false;
    }
    return *id == '\0';
}

const struct espota_chip *espota_chip_by_name(const char *name)
{
    for (size_t i = 0; espota_chips[i]; i++)
        if (same_name(espota_chips[i]->id, name))
            return espota_chips[i];
    return NULL;
}

const struct espota_chip *espota_chip_by_image_id(uint16_t image_id)
{
    for (size_t i = 0; espota_chips[i]; i++)
        if (espota_chips[i]->image_id == image_id)
            return espota_chips[i];
    return NULL;
}

const struct espota_chip *espota_chip_by_magic(uint32_t magic)
{
    for (size_t i = 0; espota_chips[i]; i++)
        if (espota_chips[i]->has_magic && espota_chips[i]->magic == magic)
            return espota_chips[i];
    return NULL;
}

#include "espota/stub_image.h"

#include <stddef.h>
#include <string.h>

/* clang-format off: made by `make stubs-update` */
#include "images/esp32.inc"
#include "images/esp32c2.inc"
#include "images/esp32c3.inc"
#include "images/esp32c5.inc"
#include "images/esp32c6.inc"
#include "images/esp32c61.inc"
#include "images/esp32h2.inc"
#include "images/esp32p4.inc"
#include "images/esp32s2.inc"
#include "images/esp32s3.inc"
/* clang-format on */

static const struct {
    const char *chip;
    const struct espota_stub_image *image;
} images[] = {
    { "esp32", &esp32_image },     { "esp32c2", &esp32c2_image }, { "esp32c3", &esp32c3_image },
    { "esp32c5", &esp32c5_image }, { "esp32c6", &esp32c6_image }, { "esp32c61", &esp32c61_image },
    { "esp32h2", &esp32h2_image }, { "esp32p4", &esp32p4_image }, { "esp32s2", &esp32s2_image },
    { "esp32s3", &esp32s3_image },
};

const struct espota_stub_image *espota_stub_image(const struct espota_chip *chip)
{
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        if (strcmp(images[i].chip, chip->id) == 0)
            return images[i].image;
    return NULL;
}

#include "espota/stub_image.h"

#include <stddef.h>

const struct espota_stub_image *espota_stub_image(const struct espota_chip *chip)
{
    (void)chip;
    return NULL;
}

/* The descriptors that chips.c registers: one file each. */
#ifndef ESPOTA_CHIP_CHIPS_H
#define ESPOTA_CHIP_CHIPS_H

#include "espota/chip.h"

extern const struct espota_chip espota_chip_esp32;
extern const struct espota_chip espota_chip_esp32s2;
extern const struct espota_chip espota_chip_esp32s3;
extern const struct espota_chip espota_chip_esp32c2;
extern const struct espota_chip espota_chip_esp32c3;
extern const struct espota_chip espota_chip_esp32c5;
extern const struct espota_chip espota_chip_esp32c6;
extern const struct espota_chip espota_chip_esp32c61;
extern const struct espota_chip espota_chip_esp32h2;
extern const struct espota_chip espota_chip_esp32p4;

#endif

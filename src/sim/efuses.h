/* What a simulated chip's eFuses and clock registers hold. */
#ifndef ESPOTA_SIM_EFUSES_H
#define ESPOTA_SIM_EFUSES_H

#include "espota/chip.h"

struct sim_identity {
    uint8_t mac[6];
    uint16_t revision; /* major * 100 + minor */
    uint32_t crystal_mhz;
    bool secure_boot, flash_encryption, secure_download;
};

/* The word at an address of a chip's registers, apart from those that software writes. `baud` is the rate
 * that the UART makes. */
uint32_t sim_efuse_word(const struct espota_chip *chip, const struct sim_identity *identity, uint32_t baud,
                        uint32_t address);

#endif

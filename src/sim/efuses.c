#include "efuses.h"

#define ESP32_RTC_CALIBRATION 0x3ff5f06cu
#define ESP32_EFUSE_WORD_4    0x3ff5a010u
#define CK8M_COUNT            100u /* calibration of a plausible ESP32 */
#define MILLION               1000000u

/* The part of `value` that belongs at `address`, where `fields` hold it, low bits first. */
static uint32_t part_at(const struct espota_chip_field *fields, unsigned count, uint32_t value,
                        uint32_t address)
{
    uint32_t word = 0;
    for (unsigned i = 0; i < count; i++) {
        if (fields[i].width && fields[i].address == address)
            word |= (value & ((1u << fields[i].width) - 1u)) << fields[i].shift;
        value >>= fields[i].width;
    }
    return word;
}

static uint32_t mac_word(const uint8_t mac[6], uint32_t index)
{
    if (index == 0)
        return (uint32_t)mac[2] << 24 | (uint32_t)mac[3] << 16 | (uint32_t)mac[4] << 8 | mac[5];
    return (uint32_t)mac[0] << 8 | mac[1];
}

/* By the ROM's own formula: crystal = calibration * 15625 * count / 40. */
static uint32_t esp32_clock_word(const struct sim_identity *identity, uint32_t address)
{
    if (address == ESP32_RTC_CALIBRATION)
        return identity->crystal_mhz * MILLION / 15625u * 40u / CK8M_COUNT << 7;
    return address == ESP32_EFUSE_WORD_4 ? CK8M_COUNT : 0;
}

uint32_t sim_efuse_word(const struct espota_chip *chip, const struct sim_identity *identity, uint32_t baud,
                        uint32_t address)
{
    uint32_t major = identity->revision / 100u, minor = identity->revision % 100u;
    if (address == ESPOTA_CHIP_MAGIC_REGISTER)
        return chip->magic;
    if (address == chip->uart_divider)
        return identity->crystal_mhz * MILLION / baud;
    if (chip->major_counts_bits)
        major = (1u << major) - 1u;
    uint32_t word = chip->rom_clock_drifts ? esp32_clock_word(identity, address) : 0;
    if (address == chip->mac_register || address == chip->mac_register + 4)
        word |= mac_word(identity->mac, (address - chip->mac_register) / 4);
    word |= part_at(chip->major, 3, major, address);
    word |= part_at(chip->minor, 2, minor, address);
    word |= part_at(&chip->crypt_count, 1, identity->flash_encryption, address);
    word |= part_at(&chip->secure_boot, 1, identity->secure_boot, address);
    return word | part_at(&chip->rom_crystal, 1, identity->crystal_mhz, address);
}

/* Changing the line rate. */
#include "rom.h"

#include <inttypes.h>

/* An ESP32's ROM derives its clock from the 8 MHz oscillator, which drifts; it then divides by what it
 * believes the crystal to be. The rate asked for is corrected by the same factor. Source: esptool,
 * esptool/targets/esp32.py, get_rom_cal_crystal_freq. */
#define ESP32_RTC_CALIBRATION 0x3ff5f06cu
#define ESP32_EFUSE_WORD_4    0x3ff5a010u

static int esp32_corrected(struct rom *rom, uint32_t baud, uint32_t *corrected, struct espota_error *error)
{
    uint32_t calibration = 0, efuse = 0;
    int result = rom_read_register(rom, ESP32_RTC_CALIBRATION, &calibration, error);
    if (result == 0)
        result = rom_read_register(rom, ESP32_EFUSE_WORD_4, &efuse, error);
    if (result != 0)
        return result;
    uint64_t believed = (uint64_t)(calibration >> 7 & 0x1ffffff) * 15625 * (efuse & 0xff) / 40;
    uint64_t crystal = believed > 33000000 ? 40000000 : 26000000;
    bool plausible = believed > 20000000 && believed < 50000000;
    *corrected = plausible ? (uint32_t)(baud * believed / crystal) : baud;
    return 0;
}

int rom_change_baud(struct rom *rom, uint32_t baud, struct espota_error *error)
{
    uint32_t corrected = baud;
    int result = 0;
    if (rom->device.info.chip->rom_clock_drifts)
        result = esp32_corrected(rom, baud, &corrected, error);
    if (result == 0)
        result = rom_words(rom, ESPOTA_ROM_CHANGE_BAUDRATE, (uint32_t[]){ corrected, 0 }, 2, ROM_TIMEOUT_MS,
                           error);
    if (result == 0)
        result = espota_link_set_baud(rom->link, baud, error);
    if (result != 0)
        return result;
    espota_sleep_ms(50); /* the switch makes garbage on the line */
    rom_drain(rom);
    uint32_t magic = 0;
    if (rom_read_register(rom, ESPOTA_CHIP_MAGIC_REGISTER, &magic, error) != 0 &&
        error->status == ESPOTA_ERR_TIMEOUT)
        return espota_fail(error, ESPOTA_ERR_TIMEOUT,
                           "the chip on %s is silent after the change to %" PRIu32
                           " baud: use a lower --baud",
                           rom->link->name, baud);
    return 0;
}

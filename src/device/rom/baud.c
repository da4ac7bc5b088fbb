/* The line rate: changing it, finding the highest that works, and stepping down when the line turns noisy. */
#include "rom.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <inttypes.h>
#include <string.h>

/* An ESP32's ROM derives its clock from the 8 MHz oscillator, which drifts; it then divides by what it
 * believes the crystal to be. The rate asked for is corrected by the same factor. Source: esptool,
 * esptool/targets/esp32.py, get_rom_cal_crystal_freq. */
#define ESP32_RTC_CALIBRATION 0x3ff5f06cu
#define ESP32_EFUSE_WORD_4    0x3ff5a010u

/* Rates that adapters and chips do. */
static const uint32_t ladder[] = { 3000000, 2000000, 1500000, 921600, 460800, 230400, 115200 };

enum { LADDER = sizeof ladder / sizeof ladder[0], PROBES = 16, SETTLE_MS = 50, PROBE_TIMEOUT_MS = 300 };

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

/* A ROM that takes its crystal for another one divides wrongly, by the same factor. */
static int corrected_rate(struct rom *rom, uint32_t baud, uint32_t *corrected, struct espota_error *error)
{
    const struct espota_chip *chip = rom->device.info.chip;
    uint32_t believed = chip->rom_crystal_mhz, crystal = 0;
    *corrected = baud;
    if (chip->rom_clock_drifts)
        return esp32_corrected(rom, baud, corrected, error);
    if (!chip->rom_crystal.width && !believed)
        return 0;
    int result = rom_read_crystal(rom, &crystal, error);
    if (result == 0 && chip->rom_crystal.width)
        result = rom_read_field(rom, chip->rom_crystal, &believed, error);
    if (result == 0 && believed && crystal)
        *corrected = (uint32_t)((uint64_t)baud * believed / crystal);
    return result;
}

static int hears_us(struct rom *rom, struct espota_error *error)
{
    uint32_t magic = 0;
    espota_link_sleep_ms(rom->link, SETTLE_MS); /* the switch makes garbage on the line */
    rom_drain(rom);
    int result = rom_read_register(rom, ESPOTA_CHIP_MAGIC_REGISTER, &magic, error);
    return result == ESPOTA_ERR_DEVICE ? 0 : result; /* a refusal is an answer too */
}

int rom_change_baud(struct rom *rom, uint32_t baud, struct espota_error *error)
{
    uint32_t corrected = baud;
    int result = corrected_rate(rom, baud, &corrected, error);
    if (result == 0)
        result = rom_words(rom, ESPOTA_ROM_CHANGE_BAUDRATE, (uint32_t[]){ corrected, 0 }, 2,
                           rom->loader->answer_ms, error);
    if (result == 0)
        result = espota_link_set_baud(rom->link, baud, error);
    if (result == 0)
        result = hears_us(rom, error);
    if (result == ESPOTA_ERR_TIMEOUT)
        return espota_fail_hint(error, ESPOTA_ERR_TIMEOUT, ESPOTA_HINT_LOWER_BAUD,
                                "the chip on %s is silent after the change to %" PRIu32 " baud",
                                rom->link->name, baud);
    return result;
}

/* ---- down -----------------------------------------------------------------------------------------------
 */

uint32_t rom_next_rate_below(uint32_t baud)
{
    for (size_t i = 0; i < LADDER; i++)
        if (ladder[i] < baud)
            return ladder[i];
    return 0;
}

/* Ask at a rate at which little gets through; whether the chip has heard us shows at the new one. */
static int try_to_switch(struct rom *rom, uint32_t from, uint32_t to, struct espota_error *error)
{
    uint32_t corrected = to;
    int result = ESPOTA_ERR_TIMEOUT;
    for (int i = 0; result != 0 && i < 3; i++) {
        result = espota_link_set_baud(rom->link, from, error);
        if (result == 0)
            result = corrected_rate(rom, to, &corrected, error);
        if (result == 0) /* no answer may mean that only the answer was lost */
            (void)rom_words(rom, ESPOTA_ROM_CHANGE_BAUDRATE, (uint32_t[]){ corrected, 0 }, 2,
                            PROBE_TIMEOUT_MS, error);
        result = espota_link_set_baud(rom->link, to, error);
        espota_link_sleep_ms(rom->link, SETTLE_MS);
        rom_drain(rom);
        if (result == 0)
            result = rom_sync(rom, error);
        if (result == ESPOTA_ERR_NO_DEVICE || result == ESPOTA_ERR_CANCELLED)
            break;
    }
    return result;
}

/* From the start, at the rate that every chip begins with. */
static int start_over(struct rom *rom, struct espota_error *error)
{
    int result = espota_link_set_baud(rom->link, ESPOTA_ROM_INITIAL_BAUD, error);
    if (result == 0)
        result = rom_connect(rom, error);
    return result ? result : rom_examine(rom, error);
}

int rom_slow_down(struct rom *rom, struct espota_error *error)
{
    uint32_t from = rom->link->baud, to = rom_next_rate_below(from);
    if (!espota_link_has_baud(rom->link) || to == 0)
        return ESPOTA_ERR_UNSUPPORTED;
    int result = try_to_switch(rom, from, to, error);
    if (result == ESPOTA_ERR_TIMEOUT && rom_can_reset(rom))
        result = start_over(rom, error);
    if (result == 0)
        espota_device_detail(&rom->device, "the line is too noisy for %" PRIu32 " baud: going on at %" PRIu32,
                             from, rom->link->baud);
    return result;
}

/* ---- up -------------------------------------------------------------------------------------------------
 */

static int read_probe(struct rom *rom, uint8_t data[ESPOTA_ROM_LOADER_MAX_READ], struct espota_error *error)
{
    size_t size = rom->loader->read_size;
    const uint8_t request[8] = { [4] = (uint8_t)size };
    struct rom_response response;
    int result = rom_exchange_once(rom, ESPOTA_ROM_READ_FLASH_SLOW, request, sizeof request, PROBE_TIMEOUT_MS,
                                   size, &response, error);
    if (result == 0)
        memcpy(data, response.data, size);
    return result;
}

/* Does the same always come over the line? */
static bool line_is_clean(struct rom *rom, const uint8_t expected[ESPOTA_ROM_LOADER_MAX_READ],
                          struct espota_error *error)
{
    for (int i = 0; i < PROBES; i++) {
        uint8_t data[ESPOTA_ROM_LOADER_MAX_READ];
        if (read_probe(rom, data, error) != 0 || memcmp(data, expected, rom->loader->read_size) != 0)
            return false;
    }
    return true;
}

int rom_find_baud(struct rom *rom, uint32_t limit, struct espota_error *error)
{
    uint8_t expected[ESPOTA_ROM_LOADER_MAX_READ];
    uint32_t baud = rom_next_rate_below(limit + 1);
    if (!espota_link_has_baud(rom->link) || baud <= rom->link->baud)
        return 0;
    int result = read_probe(rom, expected, error);
    if (result != 0)
        return result;
    result = rom_change_baud(rom, baud, error);
    while (result == ESPOTA_ERR_TIMEOUT || (result == 0 && rom->link->baud > ESPOTA_ROM_INITIAL_BAUD &&
                                            !line_is_clean(rom, expected, error))) {
        struct espota_error cause = *error;
        result = rom_slow_down(rom, error);
        if (result == ESPOTA_ERR_TIMEOUT || result == ESPOTA_ERR_UNSUPPORTED) {
            *error = cause; /* no way down: the first failure tells more */
            return espota_fail_while(error, "looking for the highest rate");
        }
    }
    if (result == 0)
        espota_device_detail(&rom->device, "using %" PRIu32 " baud", rom->link->baud);
    return result;
}

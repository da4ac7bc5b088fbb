/* The chip's watchdogs: kept from biting, and one of them as a way to reset. */
#include "rom.h"

#include "espota/error.h"
#include "espota/link.h"
#include "espota/reset.h"

#define WATCHDOG_ENABLE         (1u << 31)
#define WATCHDOG_STAGE_0_SYSTEM (5u << 28) /* when the time is up: reset the system */
#define WATCHDOG_SYSTEM_LENGTH  (1u << 8)
#define WATCHDOG_CHIP_WIDTH     2u
#define WATCHDOG_TIMEOUT        2000u /* cycles of the slow clock */

static int write_all(struct rom *rom, const uint32_t (*writes)[2], size_t count, struct espota_error *error)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++)
        result = rom_write_register(rom, writes[i][0], writes[i][1], error);
    return result;
}

/* Its reset line is inside the chip, so a USB-Serial/JTAG controller does not stop the watchdogs that the app
 * had started. Source: esptool, esptool/targets/esp32c3.py, disable_watchdogs. */
int rom_disable_watchdogs(struct rom *rom, struct espota_error *error)
{
    const struct espota_chip *chip = rom->device.info.chip;
    const struct espota_link *link = rom->link;
    uint32_t config = 0;
    bool usb_jtag = link->usb_vid == ESPOTA_USB_VID_ESPRESSIF && link->usb_pid == ESPOTA_USB_PID_JTAG;
    if (!usb_jtag || !chip->super_watchdog.config)
        return 0;
    int result = rom_read_register(rom, chip->super_watchdog.config, &config, error);
    const uint32_t writes[][2] = {
        { chip->watchdog.protect, chip->watchdog.key },
        { chip->watchdog.config, 0 },
        { chip->watchdog.protect, 0 },
        { chip->super_watchdog.protect, chip->super_watchdog.key },
        { chip->super_watchdog.config, config | chip->super_watchdog.auto_feed },
        { chip->super_watchdog.protect, 0 },
    };
    return result ? result : write_all(rom, writes, sizeof writes / sizeof writes[0], error);
}

int rom_reset_by_watchdog(struct rom *rom, struct espota_error *error)
{
    const struct espota_chip *chip = rom->device.info.chip;
    if (!chip->watchdog_resets)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "an %s cannot be reset that way (by its watchdog)",
                           chip->name);
    const uint32_t writes[][2] = {
        { chip->watchdog.protect, chip->watchdog.key },
        { chip->watchdog.timeout, WATCHDOG_TIMEOUT },
        { chip->watchdog.config,
          WATCHDOG_ENABLE | WATCHDOG_STAGE_0_SYSTEM | WATCHDOG_SYSTEM_LENGTH | WATCHDOG_CHIP_WIDTH },
        { chip->watchdog.protect, 0 },
    };
    int result = write_all(rom, writes, sizeof writes / sizeof writes[0], error);
    if (result == 0)
        espota_link_sleep_ms(rom->link, 500);
    return result;
}

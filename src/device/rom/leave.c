/* Out of download mode. */
#include "rom.h"

#include "espota/error.h"
#include "espota/link.h"
#include "espota/reset.h"

/* A write of nothing, and its end. */
static int leave_by_command(struct rom *rom, struct espota_error *error)
{
    int result = rom_begin_write(rom, ESPOTA_ROM_FLASH_BEGIN, 0, 0, 0, error);
    return result ? result
                  : rom_words(rom, ESPOTA_ROM_FLASH_END, (uint32_t[]){ 0 }, 1, rom->loader->answer_ms, error);
}

/* On USB-OTG the lines are the ROM's own invention: they do not reset a chip whose GPIO0 is held low. */
static int hard_reset(struct rom *rom, struct espota_error *error)
{
    const struct espota_chip *chip = rom->device.info.chip;
    const struct espota_link *link = rom->link;
    bool otg = link->usb_vid == ESPOTA_USB_VID_ESPRESSIF && link->usb_pid == chip->image_id;
    uint32_t option = 0;
    int result = 0;
    if (!link->has_lines)
        return leave_by_command(rom, error);
    if (chip->force_download.width) {
        const struct espota_chip_field *f = &chip->force_download;
        result = rom_read_register(rom, f->address, &option, error);
        if (result == 0 && (option >> f->shift & 1u))
            result = rom_write_register(rom, f->address, option & ~(1u << f->shift), error);
    }
    if (result == 0 && otg && chip->watchdog_resets)
        return rom_reset_by_watchdog(rom, error);
    return result ? result : espota_reset_run(rom->link, espota_reset_hard_for(link), error);
}

int rom_leave(struct rom *rom, struct espota_error *error)
{
    switch (rom->options.after) {
    case ESPOTA_AFTER_NO_RESET:
        return 0;
    case ESPOTA_AFTER_SOFT_RESET:
        return leave_by_command(rom, error);
    case ESPOTA_AFTER_WATCHDOG:
        return rom_reset_by_watchdog(rom, error);
    case ESPOTA_AFTER_SEQUENCE:
        return espota_reset_run(rom->link, rom->options.after_sequence, error);
    case ESPOTA_AFTER_HARD_RESET:
        break;
    }
    return hard_reset(rom, error);
}

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

int rom_clear_force_download(struct rom *rom, struct espota_error *error)
{
    const struct espota_chip_field *f = &rom->device.info.chip->force_download;
    uint32_t option = 0;
    if (!f->width)
        return 0;
    int result = rom_read_register(rom, f->address, &option, error);
    if (result == 0 && (option >> f->shift & 1u))
        result = rom_write_register(rom, f->address, option & ~(1u << f->shift), error);
    return result;
}

/* Whoever goes on reading finds the console, from its first byte on. */
static int to_console_rate(struct rom *rom, struct espota_error *error)
{
    uint32_t baud = rom->options.console_baud;
    return baud ? espota_link_set_baud(rom->link, baud, error) : 0;
}

static int reset_by_lines(struct rom *rom, const char *sequence, struct espota_error *error)
{
    int result = to_console_rate(rom, error);
    return result ? result : espota_reset_run(rom->link, sequence, error);
}

/* On USB-OTG the lines are the ROM's own invention: they do not reset a chip whose GPIO0 is held low. */
static int hard_reset(struct rom *rom, struct espota_error *error)
{
    const struct espota_chip *chip = rom->device.info.chip;
    const struct espota_link *link = rom->link;
    int result = rom->handed_over ? 0 : rom_clear_force_download(rom, error);
    if (result == 0 && rom_on_usb_otg(rom) && chip->watchdog_resets)
        return rom_reset_by_watchdog(rom, error);
    return result ? result : reset_by_lines(rom, espota_reset_hard_for(link), error);
}

static int handed_over(const struct rom *rom, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "the ROM on %s does not run any more", rom->link->name);
}

static int leave(struct rom *rom, struct espota_error *error)
{
    switch (rom->options.after) {
    case ESPOTA_AFTER_NO_RESET:
        return 0;
    case ESPOTA_AFTER_SOFT_RESET:
        return rom->handed_over ? handed_over(rom, error) : leave_by_command(rom, error);
    case ESPOTA_AFTER_WATCHDOG:
        return rom->handed_over ? handed_over(rom, error) : rom_reset_by_watchdog(rom, error);
    case ESPOTA_AFTER_SEQUENCE:
        return reset_by_lines(rom, rom->options.after_sequence, error);
    case ESPOTA_AFTER_HARD_RESET:
        break;
    }
    if (rom->link->has_lines)
        return hard_reset(rom, error);
    return rom->handed_over ? handed_over(rom, error) : leave_by_command(rom, error);
}

int rom_leave(struct rom *rom, struct espota_error *error)
{
    int result = leave(rom, error);
    if (result != 0 || rom->options.after == ESPOTA_AFTER_NO_RESET)
        return result;
    espota_link_unread(rom->link, rom->in + rom->in_at, rom->in_count - rom->in_at);
    rom->in_at = rom->in_count = 0;
    return to_console_rate(rom, error);
}

/* Getting into download mode, and words for what is wrong when that fails. */
#include "rom.h"

#include <string.h>

enum { SYNCS_PER_ATTEMPT = 5, DEFAULT_ATTEMPTS = 7, SYNC_ANSWERS = 8 };

/* The auto-reset circuit of development boards: RTS asserted holds the chip in reset (EN low), DTR asserted
 * pulls GPIO0 low, and both together do nothing. Source: esptool, esptool/reset.py, ClassicReset. */
static int reset_to_download(struct rom *rom, unsigned hold_gpio0_ms, struct espota_error *error)
{
    int result = espota_link_set_lines(rom->link, false, true, error);
    espota_sleep_ms(100);
    rom_drain(rom);
    rom->log_length = 0;
    if (result == 0)
        result = espota_link_set_lines(rom->link, true, false, error);
    espota_sleep_ms(hold_gpio0_ms);
    if (result == 0)
        result = espota_link_set_lines(rom->link, false, false, error);
    return result;
}

bool rom_hard_reset(struct rom *rom, struct espota_error *error, int *result)
{
    if (!rom->link->has_lines)
        return false;
    *result = espota_link_set_lines(rom->link, false, true, error);
    espota_sleep_ms(100);
    if (*result == 0)
        *result = espota_link_set_lines(rom->link, false, false, error);
    return true;
}

int rom_sync(struct rom *rom, struct espota_error *error)
{
    uint8_t data[36] = { 0x07, 0x07, 0x12, 0x20 };
    memset(data + 4, 0x55, 32);
    int result =
        rom_exchange(rom, ESPOTA_ROM_SYNC, data, sizeof data, 0, ROM_SYNC_TIMEOUT_MS, 0, NULL, error);
    if (result != 0)
        return result;
    /* The ROM answers eight times; the rest must not be taken for answers to what comes next. */
    struct espota_error ignored;
    espota_sleep_ms(20);
    for (int i = 1; i < SYNC_ANSWERS; i++) {
        size_t got = 0;
        uint8_t scratch[64];
        if (espota_link_read(rom->link, scratch, sizeof scratch, 10, &got, &ignored) != 0 || got == 0)
            break;
    }
    rom_drain(rom);
    return 0;
}

static int attempt(struct rom *rom, unsigned number, struct espota_error *error)
{
    bool reset = rom->link->has_lines && rom->options.before == ESPOTA_BEFORE_DEFAULT;
    int result = 0;
    if (reset)
        result = reset_to_download(rom, number % 2 ? 550 : 50, error);
    for (int i = 0; result == 0 && i < SYNCS_PER_ATTEMPT; i++) {
        result = espota_device_check_cancelled(&rom->device, error);
        if (result == 0 && rom_sync(rom, error) == 0)
            return 0;
        if (error->status == ESPOTA_ERR_NO_DEVICE || result != 0)
            return (int)error->status;
        espota_sleep_ms(50);
    }
    return result ? result : ESPOTA_ERR_TIMEOUT;
}

static const char *advice(const struct rom *rom)
{
    const char *log = rom->log;
    if (strstr(log, "waiting for download"))
        return "the chip is in download mode but does not hear us: check the wire to its RX pin";
    if (strstr(log, "boot:0x") || strstr(log, "rst:0x"))
        return "the chip booted from flash instead of into download mode: hold BOOT (GPIO0 low), press "
               "RESET, "
               "and try again";
    if (rom->log_length > 0)
        return "something is talking, but no ROM bootloader: hold BOOT (GPIO0 low), press RESET, and try "
               "again; "
               "or an app is running: for an espota agent use 'espota ota' and 'espota status'";
    if (rom->link->has_lines)
        return "nothing answers: check that it is the right port and the board has power; without an "
               "auto-reset "
               "circuit hold BOOT, press RESET, and use --before no-reset";
    return "nothing answers: put the chip into download mode first (hold BOOT, press RESET); this kind of "
           "port "
           "cannot do it for you";
}

int rom_connect(struct rom *rom, struct espota_error *error)
{
    unsigned attempts = rom->options.attempts ? rom->options.attempts : DEFAULT_ATTEMPTS;
    espota_slip_begin(&rom->decoder, rom->frame, sizeof rom->frame);
    rom_drain(rom);
    for (unsigned i = 0; i < attempts; i++) {
        int result = attempt(rom, i, error);
        if (result == 0)
            return 0;
        if (result == ESPOTA_ERR_CANCELLED || result == ESPOTA_ERR_NO_DEVICE)
            return result;
    }
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot connect to a ROM bootloader on %s: %s",
                       rom->link->name, advice(rom));
}

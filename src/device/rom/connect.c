/* Getting into download mode, and words for what is wrong when that fails. */
#include "rom.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/ports.h"
#include "espota/reset.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SYNCS_PER_ATTEMPT = 5, DEFAULT_ATTEMPTS = 7, REST_OF_SYNC_MS = 30 };

/* A chip on its own USB leaves the bus when it restarts, and the port comes back. */
static int survive_reset(struct rom *rom, int result, struct espota_error *error)
{
    enum { COMES_BACK_MS = 3000 };
    if (result != ESPOTA_ERR_NO_DEVICE || !espota_link_can_reopen(rom->link))
        return result;
    espota_device_detail(&rom->device, "%s; opening the port again", error->text);
    return espota_link_reopen(rom->link, COMES_BACK_MS, error);
}

static int reset_to_download(struct rom *rom, unsigned number, struct espota_error *error)
{
    const char *sequence = rom->options.before == ESPOTA_BEFORE_SEQUENCE
                               ? rom->options.before_sequence
                               : espota_reset_download_for(rom->link, number);
    rom_drain(rom);
    rom->log_length = 0;
    rom->was_reset = true;
    espota_device_detail(&rom->device, "reset %s", sequence);
    return survive_reset(rom, espota_reset_run(rom->link, sequence, error), error);
}

int rom_sync(struct rom *rom, struct espota_error *error)
{
    uint8_t data[36] = { 0x07, 0x07, 0x12, 0x20 };
    memset(data + 4, 0x55, 32);
    int result =
        rom_exchange(rom, ESPOTA_ROM_SYNC, data, sizeof data, 0, rom->loader->sync_ms, 0, NULL, error);
    if (result != 0)
        return result;
    /* The ROM answers several times; the rest must not be taken for answers to what comes next. */
    rom_skip_answers(rom, rom->loader->sync_answers - 1u, REST_OF_SYNC_MS);
    rom_drain(rom);
    return 0;
}

bool rom_can_reset(const struct rom *rom)
{
    return rom->link->has_lines && rom->options.before != ESPOTA_BEFORE_NO_RESET;
}

/* There its product number is the chip's. */
bool rom_on_usb_otg(const struct rom *rom)
{
    const struct espota_chip *chip = rom->device.info.chip;
    return rom->link->usb_vid == ESPOTA_USB_VID_ESPRESSIF && rom->link->usb_pid == chip->image_id;
}

static int attempt(struct rom *rom, unsigned number, struct espota_error *error)
{
    int result = 0;
    if (rom_can_reset(rom))
        result = reset_to_download(rom, number, error);
    for (int i = 0; result == 0 && i < SYNCS_PER_ATTEMPT; i++) {
        result = espota_device_check_cancelled(&rom->device, error);
        if (result == 0 && rom_sync(rom, error) == 0)
            return 0;
        if (error->status == ESPOTA_ERR_NO_DEVICE || result != 0)
            return survive_reset(rom, (int)error->status, error);
        espota_link_sleep_ms(rom->link, 50);
    }
    return result ? result : ESPOTA_ERR_TIMEOUT;
}

/* ---- words for what is wrong ----------------------------------------------------------------------------
 */

static unsigned count_of(const char *text, const char *what)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

#define HOLD_BOOT "hold BOOT (GPIO0 low), press RESET, and try again"

/* The boot mode that a log gives, "0x13" of "boot:0x13 (SPI_FAST_FLASH_BOOT)". */
static const char *boot_mode(const char *log, char mode[16])
{
    const char *at = strstr(log, "boot:0x");
    size_t length = at ? strspn(at + 7, "0123456789abcdefABCDEF") : 0;
    mode[0] = '\0';
    if (length > 0 && length < 9)
        snprintf(mode, 16, "0x%.*s", (int)length, at + 7);
    return mode;
}

__attribute__((format(printf, 4, 5))) static int cannot_connect(const struct rom *rom,
                                                                struct espota_error *error,
                                                                enum espota_hint hint, const char *format,
                                                                ...)
{
    char why[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return espota_fail_hint(error, ESPOTA_ERR_NO_DEVICE, hint, "cannot connect to a ROM bootloader on %s: %s",
                            rom->link->name, why);
}

/* Somebody answers, but not as a ROM bootloader does. */
static int blame_log(const struct rom *rom, bool lines, struct espota_error *error)
{
    const char *log = rom->log;
    char mode[16];
    if (strstr(log, "waiting for download"))
        return cannot_connect(
            rom, error, ESPOTA_HINT_NONE,
            "the chip is in download mode but does not hear us: check the wire to its RX pin");
    if (count_of(log, "rst:0x") > 2 && !lines)
        return cannot_connect(rom, error, ESPOTA_HINT_NONE,
                              "the chip restarts again and again (a boot loop; is the power supply strong "
                              "enough?) and never enters download mode: " HOLD_BOOT);
    if (boot_mode(log, mode)[0])
        return cannot_connect(
            rom, error, ESPOTA_HINT_NONE,
            "wrong boot mode %s: the chip boots from flash instead of into download mode%s: " HOLD_BOOT, mode,
            lines ? ", so DTR does not pull GPIO0 low on this board" : "");
    if (strstr(log, "rst:0x") || strstr(log, "flash boot") || strstr(log, "invalid header"))
        return cannot_connect(rom, error, ESPOTA_HINT_NONE,
                              "the chip boots from flash instead of into download mode: " HOLD_BOOT);
    return cannot_connect(rom, error, ESPOTA_HINT_ASK_AGENT,
                          "something is talking, but no ROM bootloader: " HOLD_BOOT "; or an app is running");
}

static int blame(const struct rom *rom, struct espota_error *error)
{
    bool lines = rom_can_reset(rom);
    char holder[64];
    if (espota_port_holder(rom->link->name, holder, sizeof holder))
        return cannot_connect(rom, error, ESPOTA_HINT_NONE,
                              "%s has the port open too and takes what the chip answers: end that program",
                              holder);
    if (rom->log_length > 0)
        return blame_log(rom, lines, error);
    if (lines)
        return cannot_connect(rom, error, ESPOTA_HINT_BOOT_BUTTON,
                              "nothing answers: check that it is the right port and the board has power; "
                              "without an auto-reset circuit hold BOOT and press RESET");
    return cannot_connect(rom, error, rom->link->has_lines ? ESPOTA_HINT_BOOT_BUTTON : ESPOTA_HINT_NONE,
                          "nothing answers: put the chip into download mode first (hold BOOT, press RESET)%s",
                          rom->link->has_lines ? "" : "; this kind of port cannot do it for you");
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
        if (result == ESPOTA_ERR_CANCELLED || result == ESPOTA_ERR_NO_DEVICE || result == ESPOTA_ERR_USAGE)
            return result;
    }
    return blame(rom, error);
}

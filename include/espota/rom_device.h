/** The mask-ROM serial bootloader of a chip in download mode, as a device (espota/device.h). */
#ifndef ESPOTA_ROM_DEVICE_H
#define ESPOTA_ROM_DEVICE_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/observer.h"

/** How to get a chip into download mode, and out of it. */
enum espota_reset_before { ESPOTA_BEFORE_DEFAULT, ESPOTA_BEFORE_NO_RESET, ESPOTA_BEFORE_SEQUENCE };
enum espota_reset_after {
    ESPOTA_AFTER_HARD_RESET, /* by the lines; by the ROM's command where there are none */
    ESPOTA_AFTER_SOFT_RESET, /* by the ROM's command */
    ESPOTA_AFTER_WATCHDOG,   /* by the RTC watchdog, where the chip has one that can */
    ESPOTA_AFTER_NO_RESET,
    ESPOTA_AFTER_SEQUENCE
};

struct espota_rom_options {
    const struct espota_chip *chip; /* NULL: detect. Otherwise another chip is an error */
    uint32_t baud;                  /* rate to switch to after the sync; 0: stay */
    bool baud_auto;                 /* the highest rate that works, up to `baud` */
    enum espota_reset_before before;
    const char *before_sequence; /* espota/reset.h; must outlive the device */
    enum espota_reset_after after;
    const char *after_sequence;
    uint32_t
        console_baud;   /* what the link is set to when the chip restarts, for who reads on; 0: it is left */
    bool identify_only; /* a chip in secure download mode will do: nothing is read or written */
    unsigned attempts;  /* 0: 7 */
    const struct espota_observer *observer; /* as in struct espota_device */
};

/** Talk to the ROM bootloader on `link`, which the device owns from now on, also on failure.
 * Resets into download mode where the link can, syncs, identifies chip and flash, changes the rate.
 * @return 0 and `*device`, owned by the caller (espota_device_close); ESPOTA_ERR_NO_DEVICE when no ROM
 * answers; ESPOTA_ERR_UNSUPPORTED for a chip that is not known; or what link and ROM returned. */
int espota_rom_open(struct espota_device **device, struct espota_link *link,
                    const struct espota_rom_options *options, struct espota_error *error);

#pragma GCC visibility pop

#endif

/* A ROM bootloader at the other end of a link; shared by the files of this folder. */
#ifndef ESPOTA_ROM_H
#define ESPOTA_ROM_H

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/rom_device.h"
#include "espota/rom_protocol.h"
#include "espota/slip.h"

enum {
    ROM_ATTEMPTS = 3,
    ROM_MAX_RESPONSE = 256,
    ROM_MAX_BLOCK = ESPOTA_ROM_MEMORY_BLOCK, /* data bytes of the largest packet */
    ROM_MAX_REQUEST = ESPOTA_ROM_HEADER_SIZE + ESPOTA_ROM_BLOCK_HEADER + ROM_MAX_BLOCK,
};

struct rom {
    struct espota_device device;
    struct espota_link *link;
    const struct espota_rom_loader *loader; /* how it speaks */
    struct espota_rom_options options;
    struct espota_slip_decoder decoder;
    uint8_t frame[ROM_MAX_RESPONSE];
    uint8_t in[512]; /* received, not yet decoded */
    size_t in_at, in_count;
    uint8_t error_code; /* of the last answer: enum espota_rom_error */
    char log[1024];     /* what the chip printed before it answered, for diagnosis */
    size_t log_length;
    unsigned recoveries; /* since the rate was last changed */
    bool misheard;       /* it, or we, since it was found */
    bool was_reset;      /* by us, into download mode */
    bool handed_over;    /* to code in RAM: it no longer answers itself */
};

struct rom_response {
    uint32_t value;
    const uint8_t *data; /* in rom->frame, valid until the next exchange; status bytes cut off */
    size_t length;
};

#define ROM_ALL_DATA SIZE_MAX

/* One request, one response; asked again when none or an error comes, where that does no harm. `data_length`
 * is how many bytes the response must carry before its status; ROM_ALL_DATA: whatever it carries.
 * @return ESPOTA_ERR_TIMEOUT when nothing fitting came, ESPOTA_ERR_DEVICE when the ROM reports an error. */
int rom_exchange(struct rom *rom, enum espota_rom_command command, const void *data, size_t length,
                 uint32_t checksum, unsigned timeout_ms, size_t data_length, struct rom_response *response,
                 struct espota_error *error);

/* The same, asked only once, without a checksum. */
int rom_exchange_once(struct rom *rom, enum espota_rom_command command, const void *data, size_t length,
                      unsigned timeout_ms, size_t data_length, struct rom_response *response,
                      struct espota_error *error);

/* A request of 32-bit words whose response only says that it worked. */
int rom_words(struct rom *rom, enum espota_rom_command command, const uint32_t *words, size_t count,
              unsigned timeout_ms, struct espota_error *error);

int rom_read_register(struct rom *rom, uint32_t address, uint32_t *value, struct espota_error *error);
int rom_write_register(struct rom *rom, uint32_t address, uint32_t value, struct espota_error *error);

/* A numbered packet of data, sent again up to `attempts` times in all when it is refused or not answered. */
int rom_send_block(struct rom *rom, enum espota_rom_command command, const uint8_t *data, size_t length,
                   uint32_t sequence, unsigned timeout_ms, unsigned attempts, struct espota_error *error);

/* Bytes into RAM. */
int rom_load(struct rom *rom, uint32_t address, const uint8_t *data, size_t length,
             struct espota_error *error);

/* Jump to what was loaded. Whether it runs shows when it says something itself. */
int rom_start(struct rom *rom, uint32_t entry, struct espota_error *error);

/* Forget half-received frames and whatever else came in. */
void rom_drain(struct rom *rom);

/* Let so many more answers pass, or what comes until the line is silent. */
void rom_skip_answers(struct rom *rom, unsigned count, unsigned quiet_ms);

/* One round of SYNC. @return 0 when the ROM answered. */
int rom_sync(struct rom *rom, struct espota_error *error);

/* Reset into download mode as the options say, and sync. */
int rom_connect(struct rom *rom, struct espota_error *error);

/* A ROM at the other end of `link`, which it owns from now on, also on failure; not connected yet. */
int rom_new(struct rom **rom, struct espota_link *link, const struct espota_rom_options *options,
            struct espota_error *error);

/* Close it after a failure; a chip that was brought into download mode goes back to its app. @return
 * `result`. */
int rom_give_up(struct rom *rom, int result);

/* What comes once a ROM answers: who it is, the rate, the flash. */
int rom_begin(struct rom *rom, struct espota_error *error);

/* From the start, after something else had the chip or the line was lost: by a reset where the link can. */
int rom_return(struct rom *rom, struct espota_error *error);

/* Is the port the chip's own USB-OTG controller, which the ROM drives? */
bool rom_on_usb_otg(const struct rom *rom);

/* Does the link reset the chip, and may it? */
bool rom_can_reset(const struct rom *rom);

/* See to it that the next reset does not end in download mode again, where a chip's register says so. */
int rom_clear_force_download(struct rom *rom, struct espota_error *error);

/* Leave download mode, as the options say. ESPOTA_ERR_UNSUPPORTED when that takes the ROM, which has handed
 * over. */
int rom_leave(struct rom *rom, struct espota_error *error);

/* Keep watchdogs from biting that a reset over USB does not stop. */
int rom_disable_watchdogs(struct rom *rom, struct espota_error *error);

/* Reset by the RTC watchdog. @return ESPOTA_ERR_UNSUPPORTED on a chip that cannot. */
int rom_reset_by_watchdog(struct rom *rom, struct espota_error *error);

/* Announce a write: `erase` bytes from `offset` are erased, `blocks` packets follow. */
int rom_begin_write(struct rom *rom, enum espota_rom_command command, uint32_t erase, uint32_t blocks,
                    uint32_t offset, struct espota_error *error);

/* Bits of a register; 0 for a field that the chip does not have. */
int rom_read_field(struct rom *rom, struct espota_chip_field field, uint32_t *value,
                   struct espota_error *error);

/* GET_SECURITY_INFO, into rom->device.info.security. ESPOTA_ERR_DEVICE from a chip that has no such command.
 */
int rom_get_security_info(struct rom *rom, uint32_t *chip_id, bool *has_chip_id, struct espota_error *error);
/* Complete rom->device.info.security: from that, or from eFuses. */
int rom_read_security(struct rom *rom, struct espota_error *error);
int rom_read_revision(struct rom *rom, uint16_t *revision, struct espota_error *error);
int rom_read_crystal(struct rom *rom, uint32_t *mhz, struct espota_error *error);
int rom_details(struct espota_device *device, struct espota_chip_details *details,
                struct espota_error *error);

/* Which chip is it? Fills in rom->device.info.chip, or fails when it is not the one asked for. */
int rom_identify(struct rom *rom, struct espota_error *error);

/* Attach the flash, find its size, read the MAC. */
int rom_examine(struct rom *rom, struct espota_error *error);

int rom_change_baud(struct rom *rom, uint32_t baud, struct espota_error *error);
/* The highest rate up to `limit` at which the line is clean. */
int rom_find_baud(struct rom *rom, uint32_t limit, struct espota_error *error);
/* Of the usual ones; 0: there is none. */
uint32_t rom_next_rate_below(uint32_t baud);
/* Go on at a lower rate. @return ESPOTA_ERR_UNSUPPORTED where there is none. */
int rom_slow_down(struct rom *rom, struct espota_error *error);

/* Milliseconds for an operation on `length` bytes: at least the loader's for any answer. */
unsigned rom_timeout(const struct rom *rom, uint32_t ms_per_mb, uint32_t length);

#endif

/* What --before and --after say. */
#ifndef ESPOTA_CLI_RESET_WORDS_H
#define ESPOTA_CLI_RESET_WORDS_H

#include "espota/error.h"
#include "espota/rom_device.h"

/* Put into `rom` what `text` says; NULL: what is usual. */
int reset_before(const char *text, struct espota_rom_options *rom, struct espota_error *error);
int reset_after(const char *text, struct espota_rom_options *rom, struct espota_error *error);

#endif

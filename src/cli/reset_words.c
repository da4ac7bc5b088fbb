#include "reset_words.h"

#include "espota/error.h"
#include "espota/reset.h"

#include <string.h>

/* esptool 4 wrote its words with underscores. */
static bool is_word(const char *text, const char *word)
{
    for (; *text && *word; text++, word++)
        if (*text != *word && !(*text == '_' && *word == '-'))
            return false;
    return *text == *word;
}

static bool is_sequence(const char *text)
{
    return strchr(text, '|') || strspn(text, "DRUW") == 1;
}

int reset_before(const char *text, struct espota_rom_options *rom, struct espota_error *error)
{
    rom->before = ESPOTA_BEFORE_SEQUENCE;
    if (!text || is_word(text, "default-reset"))
        rom->before = ESPOTA_BEFORE_DEFAULT;
    else if (is_word(text, "no-reset") || is_word(text, "no-reset-no-sync"))
        rom->before = ESPOTA_BEFORE_NO_RESET;
    else if (is_word(text, "classic-reset"))
        rom->before_sequence = ESPOTA_RESET_CLASSIC;
    else if (is_word(text, "usb-reset"))
        rom->before_sequence = ESPOTA_RESET_USB_JTAG;
    else if (is_sequence(text))
        rom->before_sequence = text;
    else
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--before '%s': use default-reset, classic-reset, usb-reset, no-reset, or a sequence "
            "such as 'D0|R1|W0.1|D1|R0|W0.05|D0'",
            text);
    return rom->before_sequence ? espota_reset_check(rom->before_sequence, error) : 0;
}

int reset_after(const char *text, struct espota_rom_options *rom, struct espota_error *error)
{
    static const struct {
        const char *word;
        enum espota_reset_after after;
    } words[] = { { "hard-reset", ESPOTA_AFTER_HARD_RESET },
                  { "soft-reset", ESPOTA_AFTER_SOFT_RESET },
                  { "watchdog-reset", ESPOTA_AFTER_WATCHDOG },
                  { "no-reset", ESPOTA_AFTER_NO_RESET },
                  { "no-reset-stub", ESPOTA_AFTER_NO_RESET } }; /* esptool's: the stub stays anyway */
    rom->after = ESPOTA_AFTER_HARD_RESET;
    for (size_t i = 0; text && i < sizeof words / sizeof words[0]; i++)
        if (is_word(text, words[i].word)) {
            rom->after = words[i].after;
            return 0;
        }
    if (!text)
        return 0;
    rom->after = ESPOTA_AFTER_SEQUENCE;
    rom->after_sequence = text;
    if (is_sequence(text))
        return espota_reset_check(text, error);
    return espota_fail(
        error, ESPOTA_ERR_USAGE,
        "--after '%s': use hard-reset, soft-reset, watchdog-reset, no-reset, or a sequence such as "
        "'R1|W0.1|R0'",
        text);
}

#include "espota/flash_header.h"

#include "espota/digest.h"
#include "espota/error.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const modes[] = { "qio", "qout", "dio", "dout" };

enum { MODES = sizeof modes / sizeof modes[0], SIZES = 8 };

static bool is(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

/* "4M", "4MB" to the code of 1M << code, or -1. */
static int size_code(const char *text)
{
    char *end = NULL;
    unsigned long megabytes = strtoul(text, &end, 10);
    if (end == text || (strcmp(end, "M") != 0 && strcmp(end, "MB") != 0))
        return -1;
    for (int code = 0; code < SIZES; code++)
        if (1ul << code == megabytes)
            return code;
    return -1;
}

static int code_of_bytes(uint32_t bytes)
{
    int code = 0;
    while (code < SIZES - 1 && (1u << (20 + code)) < bytes)
        code++;
    return code;
}

static int mode_code(const char *text)
{
    for (int code = 0; code < MODES; code++)
        if (strcmp(text, modes[code]) == 0)
            return code;
    return -1;
}

/* "40m" to the chip's nibble for it, or -1. */
static int frequency_code(const char *text, const struct espota_chip *chip)
{
    char *end = NULL;
    unsigned long mhz = strtoul(text, &end, 10);
    if (end == text || (*end != '\0' && strcmp(end, "m") != 0))
        return -1;
    for (int code = 0; code < 16; code++)
        if (chip->frequency[code] == mhz && mhz > 0)
            return code;
    return mhz > 0 && chip->frequency_too == mhz ? 0 : -1;
}

int espota_flash_header_check(const struct espota_flash_header *h, struct espota_error *error)
{
    if (h->mode && !is(h->mode, "keep") && mode_code(h->mode) < 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "flash mode '%s': use keep, qio, qout, dio or dout",
                           h->mode);
    if (h->size && !is(h->size, "keep") && !is(h->size, "detect") && size_code(h->size) < 0)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "flash size '%s': use detect, keep, or a size from 1M to 128M", h->size);
    return 0;
}

static int find_frequency(const struct espota_flash_header *h, const struct espota_chip *chip, uint8_t *code,
                          struct espota_error *error)
{
    char known[64] = "";
    int found;
    if (!h->frequency || is(h->frequency, "keep"))
        return 0;
    found = frequency_code(h->frequency, chip);
    if (found >= 0) {
        *code = (uint8_t)found;
        return 0;
    }
    for (int i = 15; i >= 0; i--) {
        size_t used = strlen(known);
        if (chip->frequency[i])
            snprintf(known + used, sizeof known - used, ", %" PRIu32 "m", chip->frequency[i]);
    }
    return espota_fail(error, ESPOTA_ERR_USAGE, "flash frequency '%s': an %s has keep%s", h->frequency,
                       chip->name, known);
}

int espota_flash_header_codes(const struct espota_flash_header *h, const struct espota_chip *chip,
                              uint8_t *mode, uint8_t *frequency, uint8_t *size, struct espota_error *error)
{
    int result = espota_flash_header_check(h, error);
    if (result == 0)
        result = find_frequency(h, chip, frequency, error);
    if (result != 0)
        return result;
    if (h->mode && !is(h->mode, "keep"))
        *mode = (uint8_t)mode_code(h->mode);
    if (h->size && !is(h->size, "keep") && !is(h->size, "detect"))
        *size = (uint8_t)size_code(h->size);
    return 0;
}

/* The appended hash covers the header. Source: esptool, esptool/cmds.py, _update_image_flash_params. */
static int hash_again(const struct espota_image *image, uint8_t *data, struct espota_error *error)
{
    uint32_t end = image->length - (uint32_t)sizeof image->hash_stored;
    if (image->hash_appended && espota_sha256(data, end, data + end) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    return 0;
}

/* A changed header makes a signature void. Source: ESP-IDF, bootloader_support, esp_secure_boot.h: a
 * signature block starts with E7 and version 2 or 3, in the sector behind the image. */
static bool is_signed(const struct espota_image *image, const uint8_t *data, size_t size)
{
    size_t block = espota_signature_offset(image->length);
    return size >= block + 2 && data[block] == 0xe7 && (data[block + 1] == 0x02 || data[block + 1] == 0x03);
}

int espota_flash_header_apply(const struct espota_flash_header *h, const struct espota_chip *chip,
                              uint32_t flash_size, uint8_t *data, size_t length,
                              struct espota_flash_notes *notes, struct espota_error *error)
{
    struct espota_image found;
    if (espota_image_examine_memory(&found, data, length) != ESPOTA_IMAGE_OK)
        return 0;
    uint8_t mode = found.flash_mode, frequency = found.flash_frequency, size = found.flash_size;
    int result = espota_flash_header_codes(h, chip, &mode, &frequency, &size, error);
    if (result != 0)
        return result;
    if ((!h->size || is(h->size, "detect")) && flash_size)
        size = (uint8_t)code_of_bytes(flash_size);
    if (size == found.flash_size && mode == found.flash_mode && frequency == found.flash_frequency)
        return 0;
    if (is_signed(&found, data, length))
        return espota_fail_hint(
            error, ESPOTA_ERR_REFUSED, ESPOTA_HINT_KEEP_HEADER,
            "the bootloader is signed, and another header would make its signature void: keep the "
            "flash size in it, and sign it with the header that the board needs");
    if (size != found.flash_size)
        espota_flash_note(notes, false, "flash size in the bootloader's header set from %uM to %uM",
                          1u << found.flash_size, 1u << size);
    if (mode != found.flash_mode || frequency != found.flash_frequency)
        espota_flash_note(notes, false,
                          "flash mode and frequency in the bootloader's header set to %s, %" PRIu32 " MHz",
                          mode < MODES ? modes[mode] : "?", chip->frequency[frequency & 0x0f]);
    data[2] = mode;
    data[3] = (uint8_t)(size << 4 | (frequency & 0x0f));
    return hash_again(&found, data, error);
}

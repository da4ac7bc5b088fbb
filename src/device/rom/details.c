/* What a chip's eFuses and clocks tell: revision, package, features, crystal; and how it is protected. */
#include "rom.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/size.h"

#include <stdio.h>
#include <string.h>

enum security_flag { SECURE_BOOT_ENABLED = 1u << 0, SECURE_DOWNLOAD_ENABLED = 1u << 2 };

int rom_read_field(struct rom *rom, struct espota_chip_field field, uint32_t *value,
                   struct espota_error *error)
{
    uint32_t word = 0;
    *value = 0;
    if (field.width == 0)
        return 0;
    int result = rom_read_register(rom, field.address, &word, error);
    *value = word >> field.shift & ((1u << field.width) - 1u);
    return result;
}

/* ---- security -------------------------------------------------------------------------------------------
 */

static bool odd_bits(uint32_t value)
{
    bool odd = false;
    for (; value; value &= value - 1)
        odd = !odd;
    return odd;
}

int rom_read_security(struct rom *rom, struct espota_error *error)
{
    struct espota_security *s = &rom->device.info.security;
    const struct espota_chip *chip = rom->device.info.chip;
    uint32_t count = 0, boot = 0;
    if (!s->has_flags) { /* an ESP32, which has no such command */
        int result = rom_read_field(rom, chip->crypt_count, &count, error);
        if (result == 0)
            result = rom_read_field(rom, chip->secure_boot, &boot, error);
        if (result != 0)
            return result;
        s->crypt_count = (uint8_t)count;
        s->secure_boot = boot != 0;
    } else {
        s->secure_boot = (s->flags & SECURE_BOOT_ENABLED) != 0;
        s->secure_download = (s->flags & SECURE_DOWNLOAD_ENABLED) != 0;
    }
    s->flash_encryption = odd_bits(s->crypt_count);
    s->known = true;
    return 0;
}

/* flags (4), crypt count, key purposes (7), chip id (4), API version (4); an ESP32-S2 sends the first 12. */
int rom_get_security_info(struct rom *rom, uint32_t *chip_id, bool *has_chip_id, struct espota_error *error)
{
    enum { SHORT_SIZE = 12, FULL_SIZE = 20 };
    struct espota_security *s = &rom->device.info.security;
    struct rom_response response;
    int result = rom_exchange(rom, ESPOTA_ROM_GET_SECURITY_INFO, NULL, 0, 0, rom->loader->answer_ms,
                              ROM_ALL_DATA, &response, error);
    if (result != 0)
        return result;
    if (response.length != SHORT_SIZE && response.length != FULL_SIZE)
        return espota_fail(error, ESPOTA_ERR_DEVICE, "the ROM on %s tells %zu byte%s of security info",
                           rom->link->name, response.length, ESPOTA_PLURAL(response.length));
    s->has_flags = true;
    s->flags = espota_get_le32(response.data);
    s->crypt_count = response.data[4];
    memcpy(s->key_purpose, response.data + 5, sizeof s->key_purpose);
    *has_chip_id = response.length == FULL_SIZE;
    *chip_id = *has_chip_id ? espota_get_le32(response.data + 12) : 0;
    s->api_version = *has_chip_id ? espota_get_le32(response.data + 16) : 0;
    return 0;
}

/* ---- revision, features ---------------------------------------------------------------------------------
 */

static int read_bits(struct rom *rom, const struct espota_chip_field *fields, size_t count, uint32_t *value,
                     struct espota_error *error)
{
    unsigned shift = 0;
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t part = 0;
        int result = rom_read_field(rom, fields[i], &part, error);
        if (result != 0)
            return result;
        *value |= part << shift;
        shift += fields[i].width;
    }
    return 0;
}

int rom_read_revision(struct rom *rom, uint16_t *revision, struct espota_error *error)
{
    const struct espota_chip *chip = rom->device.info.chip;
    uint32_t major = 0, minor = 0, set = 0;
    int result = read_bits(rom, chip->major, sizeof chip->major / sizeof chip->major[0], &major, error);
    if (result == 0)
        result = read_bits(rom, chip->minor, sizeof chip->minor / sizeof chip->minor[0], &minor, error);
    for (uint32_t bits = major; bits; bits &= bits - 1)
        set++;
    *revision = (uint16_t)((chip->major_counts_bits ? set : major) * 100 + minor);
    return result;
}

static int read_feature(struct rom *rom, const struct espota_chip_feature *feature, const char **text,
                        struct espota_error *error)
{
    uint32_t value = 0;
    int result = rom_read_field(rom, feature->field, &value, error);
    *text = value < sizeof feature->text / sizeof feature->text[0] ? feature->text[value] : NULL;
    return result;
}

static int read_features(struct rom *rom, char *features, size_t room, struct espota_error *error)
{
    const struct espota_chip *chip = rom->device.info.chip;
    features[0] = '\0';
    for (size_t i = 0; i < ESPOTA_CHIP_MAX_FEATURES; i++) {
        const char *text = NULL;
        int result = read_feature(rom, &chip->features[i], &text, error);
        if (result != 0)
            return result;
        size_t used = strlen(features);
        if (text)
            snprintf(features + used, room - used, "%s%s", used ? ", " : "", text);
    }
    return 0;
}

/* ---- crystal --------------------------------------------------------------------------------------------
 */

/* The UART's divider makes our rate out of the crystal's. Source: esptool, esptool/loader.py,
 * get_crystal_freq. */
int rom_read_crystal(struct rom *rom, uint32_t *mhz, struct espota_error *error)
{
    const struct espota_chip *chip = rom->device.info.chip;
    uint32_t divider = 0;
    if (chip->crystal_mhz || !chip->uart_divider) {
        *mhz = chip->crystal_mhz;
        return 0;
    }
    uint32_t baud = rom->link->baud ? rom->link->baud : ESPOTA_ROM_INITIAL_BAUD;
    int result = rom_read_register(rom, chip->uart_divider, &divider, error);
    uint64_t hz = (uint64_t)baud * (divider & 0xfffff);
    *mhz = hz > 45000000 ? 48 : hz > 33000000 ? 40 : 26;
    return result;
}

int rom_details(struct espota_device *device, struct espota_chip_details *details, struct espota_error *error)
{
    struct rom *rom = (struct rom *)device;
    const struct espota_chip *chip = device->info.chip;
    const char *package = NULL;
    if (device->info.security.secure_download)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                           "%s is in secure download mode and does not let its eFuses be read", device->name);
    int result = rom_read_revision(rom, &details->revision, error);
    if (result == 0)
        result = read_feature(rom, &chip->package, &package, error);
    if (result == 0)
        result = read_features(rom, details->features, sizeof details->features, error);
    if (result == 0)
        result = rom_read_crystal(rom, &details->crystal_mhz, error);
    snprintf(details->package, sizeof details->package, "%s", package ? package : chip->name);
    return result;
}

/* Which chip, which flash, which MAC. */
#include "rom.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <inttypes.h>

#define SPI_USR_COMMAND    (1u << 31)
#define SPI_USR_MISO       (1u << 28)
#define SPI_CMD_USR        (1u << 18)
#define SPI_COMMAND_8_BITS (7u << 28)
#define SPI_FLASH_READ_ID  0x9fu
#define MAKER_ADESTO       0x1fu /* has its size in the second byte */

static int unknown_chip(const struct rom *rom, struct espota_error *error)
{
    return espota_fail_while(error, "cannot tell which chip is on %s", rom->link->name);
}

/* By the value of a register: one older than those whose ROMs tell their id. */
static int find_by_magic(const struct rom *rom, uint32_t magic, const struct espota_chip **chip,
                         struct espota_error *error)
{
    *chip = espota_chip_by_magic(magic);
    return *chip ? 0
                 : espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                               "the chip on %s has the magic value 0x%08" PRIx32 ", which is not known here",
                               rom->link->name, magic);
}

static int find_by_id(const struct rom *rom, uint32_t id, const struct espota_chip **chip,
                      struct espota_error *error)
{
    *chip = id <= UINT16_MAX ? espota_chip_by_image_id((uint16_t)id) : NULL;
    return *chip ? 0
                 : espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                               "the chip on %s has id %" PRIu32 ", which is not known here", rom->link->name,
                               id);
}

/* Newer ROMs tell their chip id. An ESP32 knows no such command, and answers it at length; an ESP32-S2 leaves
 * the id out: the value of a magic register tells them, unless secure download mode hides it, which then
 * leaves the ESP32-S2 alone. */
static int find_chip(struct rom *rom, const struct espota_chip **chip, struct espota_error *error)
{
    uint32_t magic = 0, id = 0;
    bool has_id = false;
    int read = rom_read_register(rom, ESPOTA_CHIP_MAGIC_REGISTER, &magic, error);
    *chip = read == 0 ? espota_chip_by_magic(magic) : NULL;
    if (*chip && !(*chip)->rom_loader->security_info)
        return 0;
    if (read != 0 && read != ESPOTA_ERR_DEVICE)
        return unknown_chip(rom, error);
    int result = rom_get_security_info(rom, &id, &has_id, error);
    if (result == 0 && has_id)
        return find_by_id(rom, id, chip, error);
    if (result != 0 && (result != ESPOTA_ERR_DEVICE || read != 0))
        return unknown_chip(rom, error);
    if (read == 0)
        return find_by_magic(rom, magic, chip, error);
    *chip = espota_chip_by_name("esp32s2");
    return 0;
}

int rom_identify(struct rom *rom, struct espota_error *error)
{
    const struct espota_chip *chip = NULL;
    int result = find_chip(rom, &chip, error);
    rom->device.info.chip = chip;
    if (result == 0 && rom->options.chip && rom->options.chip != chip)
        return espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_CHIP,
                                "the chip on %s is an %s, not an %s", rom->link->name, chip->name,
                                rom->options.chip->name);
    if (chip)
        rom->loader = chip->rom_loader;
    return result;
}

static int wait_for_spi(struct rom *rom, uint32_t command_register, struct espota_error *error)
{
    for (int i = 0; i < 10; i++) {
        uint32_t value = 0;
        int result = rom_read_register(rom, command_register, &value, error);
        if (result != 0 || (value & SPI_CMD_USR) == 0)
            return result;
    }
    return espota_fail(error, ESPOTA_ERR_DEVICE, "the flash of the chip on %s does not answer",
                       rom->link->name);
}

/* Have the SPI controller send READ ID to the flash chip. */
static int read_flash_id(struct rom *rom, uint32_t *id, struct espota_error *error)
{
    const struct espota_chip *chip = rom->device.info.chip;
    uint32_t base = chip->spi.base, usr = 0, usr2 = 0;
    int result = rom_read_register(rom, base + chip->spi.usr, &usr, error);
    if (result == 0)
        result = rom_read_register(rom, base + chip->spi.usr2, &usr2, error);
    const uint32_t writes[][2] = {
        { base + chip->spi.miso_length, 24 - 1 },
        { base + chip->spi.usr, SPI_USR_COMMAND | SPI_USR_MISO },
        { base + chip->spi.usr2, SPI_COMMAND_8_BITS | SPI_FLASH_READ_ID },
        { base + chip->spi.w0, 0 },
        { base, SPI_CMD_USR },
    };
    for (size_t i = 0; result == 0 && i < sizeof writes / sizeof writes[0]; i++)
        result = rom_write_register(rom, writes[i][0], writes[i][1], error);
    if (result == 0)
        result = wait_for_spi(rom, base, error);
    if (result == 0)
        result = rom_read_register(rom, base + chip->spi.w0, id, error);
    if (result == 0)
        result = rom_write_register(rom, base + chip->spi.usr, usr, error);
    return result ? result : rom_write_register(rom, base + chip->spi.usr2, usr2, error);
}

/* Capacity byte of a JEDEC id: 2^n bytes; some makers count 64M and more from 0x20, others
 * all from 0x20 higher. */
static uint32_t size_of_flash(uint32_t id)
{
    uint32_t capacity = id >> 16 & 0xff;
    if ((id & 0xff) == MAKER_ADESTO)
        capacity = (id >> 8 & 0x1f) + 15;
    if (capacity >= 0x20 && capacity <= 0x22)
        capacity = capacity - 0x20 + 26;
    else if (capacity >= 0x32 && capacity <= 0x3a)
        capacity -= 0x20;
    return capacity >= 18 && capacity <= 28 ? 1u << capacity : 0;
}

static int read_mac(struct rom *rom, struct espota_error *error)
{
    uint32_t low = 0, high = 0;
    int result = rom_read_register(rom, rom->device.info.chip->mac_register, &low, error);
    if (result == 0)
        result = rom_read_register(rom, rom->device.info.chip->mac_register + 4, &high, error);
    if (result != 0)
        return result;
    const uint8_t mac[6] = { (uint8_t)(high >> 8), (uint8_t)high,       (uint8_t)(low >> 24),
                             (uint8_t)(low >> 16), (uint8_t)(low >> 8), (uint8_t)low };
    for (int i = 0; i < 6; i++)
        rom->device.info.mac[i] = mac[i];
    rom->device.info.has_mac = true;
    return 0;
}

/* Some revisions start with their flash unpowered. */
static int power_flash(struct rom *rom, struct espota_error *error)
{
    const struct espota_chip *chip = rom->device.info.chip;
    uint16_t revision = 0;
    if (!chip->flash_power)
        return 0;
    int result = rom_read_revision(rom, &revision, error);
    if (result != 0 || revision < chip->flash_power_from || revision > chip->flash_power_to)
        return result;
    for (const struct espota_chip_step *step = chip->flash_power; result == 0 && step->address; step++) {
        uint32_t value = 0;
        result = rom_read_register(rom, step->address, &value, error);
        if (result == 0)
            result = rom_write_register(rom, step->address, (value & ~step->clear) | step->set, error);
        espota_link_sleep_ms(rom->link, (step->wait_us + 999u) / 1000u);
    }
    return result;
}

static int find_flash(struct rom *rom, struct espota_error *error)
{
    struct espota_device_info *info = &rom->device.info;
    int result = read_flash_id(rom, &info->flash_id, error);
    if (result != 0)
        return result;
    info->flash_size = size_of_flash(info->flash_id);
    if (info->flash_size > rom->loader->flash_limit)
        info->addressable = rom->loader->flash_limit;
    if (info->flash_size == 0)
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "the flash of the chip on %s says id %06" PRIx32
                           ", which tells no size: is the flash chip connected and powered?",
                           rom->link->name, info->flash_id);
    return 0;
}

/* What secure download mode leaves of us: nothing that could find out what the flash holds or is. */
static int give_up(const struct rom *rom, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_REFUSED,
                       "the %s on %s is in secure download mode: its ROM does not tell what the flash is and "
                       "holds, so nothing is written; its agent can still update it",
                       rom->device.info.chip->name, rom->link->name);
}

int rom_examine(struct rom *rom, struct espota_error *error)
{
    struct espota_device_info *info = &rom->device.info;
    int result = rom_read_security(rom, error);
    if (result == 0 && info->security.secure_download)
        return rom->options.identify_only ? 0 : give_up(rom, error);
    if (result == 0)
        result = rom_disable_watchdogs(rom, error);
    if (result == 0)
        result = power_flash(rom, error);
    if (result == 0)
        result =
            rom_words(rom, ESPOTA_ROM_SPI_ATTACH, (uint32_t[]){ 0, 0 }, 2, rom->loader->answer_ms, error);
    if (result == 0)
        result = find_flash(rom, error);
    if (result == 0)
        result = rom_words(rom, ESPOTA_ROM_SPI_SET_PARAMS,
                           (uint32_t[]){ 0, info->flash_size, 64 * 1024, 4096, 256, 0xffff }, 6,
                           rom->loader->answer_ms, error);
    return result ? result : read_mac(rom, error);
}

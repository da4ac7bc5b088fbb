/* Zephyr's builds. Three ways to boot, said by the .config beside the image: ESP-IDF's bootloader and table
 * (until 3.5), MCUboot, or the image alone, which the ROM loads as it would a bootloader. */
#include "flash_folder.h"

#include "espota/buffer.h"
#include "espota/chip.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/size.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct zephyr {
    struct espota_flash_files *files;
    const char *directory;
    struct espota_bytes config;
    struct espota_error *error;
};

/* The value of a setting, without quotes; false: it is not set. */
static bool setting(const struct zephyr *z, const char *name, char *value, size_t room)
{
    const char *at = (const char *)z->config.data;
    size_t length = strlen(name);
    for (; at && *at; at = strchr(at, '\n'), at += at != NULL) {
        if (strncmp(at, name, length) != 0 || at[length] != '=')
            continue;
        const char *from = at + length + 1;
        from += *from == '"';
        size_t size = strcspn(from, "\"\r\n");
        snprintf(value, room, "%.*s", (int)(size < room ? size : room - 1), from);
        return true;
    }
    return false;
}

static bool is_set(const struct zephyr *z, const char *name)
{
    char value[8];
    return setting(z, name, value, sizeof value) && strcmp(value, "y") == 0;
}

static int find_chip(struct zephyr *z)
{
    char name[40] = "an unknown chip";
    if (setting(z, "CONFIG_SOC_SERIES", name, sizeof name))
        z->files->chip = espota_chip_by_name(name);
    if (!z->files->chip && setting(z, "CONFIG_SOC", name, sizeof name))
        z->files->chip = espota_chip_by_name(name);
    if (z->files->chip)
        return 0;
    return espota_fail(z->error, ESPOTA_ERR_VERIFY, "cannot flash the Zephyr build in %s: it is for %s",
                       z->directory, name);
}

static int add(struct zephyr *z, const char *name, enum espota_flash_role role, uint32_t offset)
{
    char path[PATH_MAX];
    if (!flash_path(path, z->directory, name) || !flash_is_file(path))
        return espota_fail(z->error, ESPOTA_ERR_USAGE, "the Zephyr build in %s has no %s: build it first",
                           z->directory, name);
    int result = espota_flash_files_add(z->files, role, path, z->error);
    if (result == 0)
        z->files->list[z->files->count - 1].offset = offset;
    return result;
}

static bool there(const struct zephyr *z, const char *name)
{
    char path[PATH_MAX];
    return flash_path(path, z->directory, name) && flash_is_file(path);
}

/* The app into its slot, and MCUboot where sysbuild built it too. */
static int add_for_mcuboot(struct zephyr *z)
{
    static const char mcuboot[] = "../mcuboot/zephyr/zephyr.bin";
    char text[24];
    uint32_t offset = 0;
    if (!setting(z, "CONFIG_FLASH_LOAD_OFFSET", text, sizeof text) || !espota_size_parse(text, &offset) ||
        offset == 0)
        return espota_fail(
            z->error, ESPOTA_ERR_FAILED,
            "the Zephyr build in %s does not say where its app goes: no CONFIG_FLASH_LOAD_OFFSET",
            z->directory);
    z->files->no_table = true;
    int result =
        there(z, mcuboot) ? add(z, mcuboot, ESPOTA_FLASH_OTHER, z->files->chip->bootloader_offset) : 0;
    if (result == 0 && !there(z, mcuboot))
        espota_flash_note(&z->files->notes, false,
                          "MCUboot is not in this build: the one in flash starts the app");
    return result ? result : add(z, "zephyr/zephyr.signed.bin", ESPOTA_FLASH_OTHER, offset);
}

static int add_for_idf(struct zephyr *z)
{
    static const char bootloader[] = "esp-idf/build/bootloader/bootloader.bin",
                      table[] = "esp-idf/build/partitions_singleapp.bin";
    int result = add(z, "zephyr/zephyr.bin", ESPOTA_FLASH_APP, 0);
    if (result == 0 && there(z, bootloader))
        result = add(z, bootloader, ESPOTA_FLASH_BOOTLOADER, 0);
    if (result == 0 && there(z, table))
        result = add(z, table, ESPOTA_FLASH_TABLE, 0);
    return result;
}

static int add_all(struct zephyr *z)
{
    if (is_set(z, "CONFIG_BOOTLOADER_MCUBOOT"))
        return add_for_mcuboot(z);
    if (there(z, "esp-idf/build/bootloader/bootloader.bin") || is_set(z, "CONFIG_BOOTLOADER_ESP_IDF"))
        return add_for_idf(z);
    z->files->no_table = true;
    return add(z, "zephyr/zephyr.bin", ESPOTA_FLASH_OTHER, z->files->chip->bootloader_offset);
}

int flash_zephyr_read(struct espota_flash_files *files, const char *directory, struct espota_error *error)
{
    struct zephyr z = { .files = files, .directory = directory, .error = error };
    char path[PATH_MAX];
    if (!flash_path(path, directory, "zephyr/.config") || !flash_is_file(path))
        return espota_fail(
            error, ESPOTA_ERR_FAILED,
            "cannot flash the Zephyr build in %s: zephyr/.config, which says how it boots, is missing",
            directory);
    int result = espota_file_read(path, 1 << 20, &z.config, error);
    if (result == 0)
        result = find_chip(&z);
    if (result == 0)
        result = add_all(&z);
    espota_bytes_free(&z.config);
    return result;
}

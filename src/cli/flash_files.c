#include "flash_files.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void flash_files_free(struct flash_files *f)
{
    free(f->bootloader);
    free(f->table);
    free(f->app);
    free(f->fs_image);
    free(f->phy);
    free(f->chip);
    for (unsigned i = 0; i < f->extra_count; i++)
        free(f->extra[i].path);
    memset(f, 0, sizeof *f);
}

/* ---- flasher_args.json: what ESP-IDF's build leaves (components/esptool_py) ------------------------------
 */

static const char *file_in(const json_t *root, const char *key)
{
    return json_string_value(json_object_get(json_object_get(root, key), "file"));
}

static int take_path(char **to, const char *directory, const char *name, struct espota_error *error)
{
    if (!name)
        return 0;
    *to = espota_path_join(directory, name);
    return *to ? 0 : espota_fail_memory(error, "looking for files");
}

static bool is_one_of(const char *name, const char *const *others, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (others[i] && strcmp(name, others[i]) == 0)
            return true;
    return false;
}

static int take_extras(struct flash_files *f, const json_t *root, const char *directory, const char *path,
                       struct espota_error *error)
{
    const char *const known[] = { file_in(root, "bootloader"), file_in(root, "partition-table"),
                                  file_in(root, "app"), file_in(root, "otadata") };
    const char *offset_text;
    json_t *value;
    json_object_foreach(json_object_get(root, "flash_files"), offset_text, value)
    {
        const char *name = json_string_value(value);
        uint32_t offset = 0;
        if (!name || !espota_size_parse(offset_text, &offset))
            return espota_fail(error, ESPOTA_ERR_FAILED,
                               "%s: flash_files has an entry '%s' that is no offset and file", path,
                               offset_text);
        if (is_one_of(name, known, sizeof known / sizeof known[0]))
            continue;
        if (f->extra_count == FLASH_MAX_EXTRA)
            return espota_fail(error, ESPOTA_ERR_FAILED, "%s names more than %d files", path,
                               FLASH_MAX_EXTRA);
        f->extra[f->extra_count].offset = offset;
        int result = take_path(&f->extra[f->extra_count].path, directory, name, error);
        if (result != 0)
            return result;
        f->extra_count++;
    }
    return 0;
}

static int take_json(struct flash_files *f, const json_t *root, const char *directory, const char *path,
                     struct espota_error *error)
{
    const char *chip =
        json_string_value(json_object_get(json_object_get(root, "extra_esptool_args"), "chip"));
    int result = take_path(&f->bootloader, directory, file_in(root, "bootloader"), error);
    if (result == 0)
        result = take_path(&f->table, directory, file_in(root, "partition-table"), error);
    if (result == 0)
        result = take_path(&f->app, directory, file_in(root, "app"), error);
    if (result == 0)
        result = take_extras(f, root, directory, path, error);
    if (result == 0 && chip && !(f->chip = strdup(chip)))
        result = espota_fail_memory(error, "looking for files");
    return result;
}

static int read_args(struct flash_files *f, const char *directory, const char *path,
                     struct espota_error *error)
{
    struct espota_bytes text = { 0 };
    json_error_t where;
    int result = espota_file_read(path, 1 << 20, &text, error);
    if (result != 0)
        return result;
    json_t *root = json_loadb((const char *)text.data, text.size, 0, &where);
    if (!root)
        result =
            espota_fail(error, ESPOTA_ERR_FAILED, "%s is no JSON: line %d: %s", path, where.line, where.text);
    else
        result = take_json(f, root, directory, path, error);
    json_decref(root);
    espota_bytes_free(&text);
    return result;
}

/* ---- conventional names ---------------------------------------------------------------------------------
 */

/* The first of `names` (NULL ends them) that exists in the folder. */
static int take_first(char **to, const char *directory, const char *const *names, struct espota_error *error)
{
    for (; *names && !*to; names++) {
        char *path = espota_path_join(directory, *names);
        if (!path)
            return espota_fail_memory(error, "looking for files");
        if (espota_file_exists(path))
            *to = path;
        else
            free(path);
    }
    return 0;
}

static bool is_app(const char *path)
{
    struct espota_bytes bytes = { 0 };
    struct espota_image image;
    struct espota_error ignored;
    bool app = espota_file_read(path, 16 << 20, &bytes, &ignored) == 0 &&
               espota_image_examine_memory(&image, bytes.data, bytes.size) == ESPOTA_IMAGE_OK &&
               image.has_description;
    espota_bytes_free(&bytes);
    return app;
}

/* The one app image among the .bin files; several are for the user to choose from. */
static int find_app(struct flash_files *f, const char *directory, struct espota_error *error)
{
    DIR *folder = opendir(directory);
    int result = 0;
    for (struct dirent *entry; result == 0 && folder && (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 4, ".bin") != 0)
            continue;
        char *path = espota_path_join(directory, entry->d_name);
        if (!path)
            result = espota_fail_memory(error, "looking for files");
        else if (!is_app(path))
            free(path);
        else if (!f->app)
            f->app = path;
        else {
            result = espota_fail(error, ESPOTA_ERR_USAGE,
                                 "which app? %s and %s are both apps: choose with --app", f->app, path);
            free(path);
        }
    }
    if (folder)
        closedir(folder);
    return result;
}

int flash_files_find(struct flash_files *f, const char *directory, struct espota_error *error)
{
    static const char *const bootloaders[] = { "bootloader/bootloader.bin", "bootloader.bin", NULL };
    static const char *const tables[] = { "partition_table/partition-table.bin",
                                          "partition-table.bin",
                                          "partitions_mpy.bin",
                                          "partitions.bin",
                                          "partitions.csv",
                                          NULL };
    static const char *const apps[] = { "MicroPython.bin", "micropython.bin", "firmware.bin", NULL };
    static const char *const phys[] = { "phy_init_data.bin", NULL };
    char *args = espota_path_join(directory, "flasher_args.json");
    int result = 0;
    if (!args)
        return espota_fail_memory(error, "looking for files");
    if (espota_file_exists(args)) {
        result = read_args(f, directory, args, error);
    } else {
        result = take_first(&f->bootloader, directory, bootloaders, error);
        if (result == 0)
            result = take_first(&f->table, directory, tables, error);
        if (result == 0)
            result = take_first(&f->app, directory, apps, error);
        if (result == 0)
            result = take_first(&f->phy, directory, phys, error);
        if (result == 0 && !f->app)
            result = find_app(f, directory, error);
    }
    free(args);
    if (result == 0 && !f->app && !f->bootloader && !f->table)
        result = espota_fail(
            error, ESPOTA_ERR_USAGE,
            "there is nothing to flash in %s: no flasher_args.json, bootloader, table or app", directory);
    return result;
}

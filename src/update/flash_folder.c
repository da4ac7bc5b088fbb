#include "flash_folder.h"

#include "espota/error.h"
#include "espota/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct search {
    struct espota_flash_files *files;
    unsigned named; /* files that were there before */
    char unknown[200];
    struct espota_error *error;
};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Names that ESP-IDF, Arduino and PlatformIO give; "x.ino.bootloader.bin" ends like "bootloader.bin". */
static int role_by_name(const char *name)
{
    static const struct {
        const char *end;
        enum espota_flash_role role;
    } names[] = {
        { "bootloader.bin", ESPOTA_FLASH_BOOTLOADER },
        { "partitions.bin", ESPOTA_FLASH_TABLE },
        { "partition-table.bin", ESPOTA_FLASH_TABLE },
        { "partitions_mpy.bin", ESPOTA_FLASH_TABLE },
        { "boot_app0.bin", ESPOTA_FLASH_OTADATA },
        { "ota_data_initial.bin", ESPOTA_FLASH_OTADATA },
        { "littlefs.bin", ESPOTA_FLASH_FS },
        { "spiffs.bin", ESPOTA_FLASH_FS },
        { "fatfs.bin", ESPOTA_FLASH_FS },
        { "phy_init_data.bin", ESPOTA_FLASH_PHY },
        { "MicroPython.bin", ESPOTA_FLASH_APP },
        { "micropython.bin", ESPOTA_FLASH_APP },
        { "firmware.bin", ESPOTA_FLASH_APP },
        { ".ino.bin", ESPOTA_FLASH_APP },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (ends_with(name, names[i].end))
            return (int)names[i].role;
    return -1;
}

static int role_of(const struct espota_file *file, const char *name)
{
    switch (file->kind) {
    case ESPOTA_FILE_APP:
        return ESPOTA_FLASH_APP;
    case ESPOTA_FILE_BOOTLOADER:
        return ESPOTA_FLASH_BOOTLOADER;
    case ESPOTA_FILE_MERGED:
        return ESPOTA_FLASH_MERGED;
    case ESPOTA_FILE_TABLE:
        return ESPOTA_FLASH_TABLE;
    case ESPOTA_FILE_OTADATA:
        return ESPOTA_FLASH_OTADATA;
    case ESPOTA_FILE_FAT:
    case ESPOTA_FILE_LITTLEFS:
    case ESPOTA_FILE_SPIFFS:
        return ESPOTA_FLASH_FS;
    default:
        return role_by_name(name);
    }
}

/* Was a file for this role named, so that what is found does not count? */
static bool was_named(const struct search *s, enum espota_flash_role role)
{
    bool merged = false;
    for (unsigned i = 0; i < s->named; i++) {
        merged = merged || s->files->list[i].role == ESPOTA_FLASH_MERGED;
        if (s->files->list[i].role == role)
            return true;
    }
    return merged;
}

static const char *role_name(enum espota_flash_role role)
{
    return role == ESPOTA_FLASH_APP       ? "app"
           : role == ESPOTA_FLASH_TABLE   ? "partition table"
           : role == ESPOTA_FLASH_MERGED  ? "merged image"
           : role == ESPOTA_FLASH_PHY     ? "phy_init"
           : role == ESPOTA_FLASH_FS      ? "file system"
           : role == ESPOTA_FLASH_OTADATA ? "otadata"
                                          : "bootloader";
}

/* Two files of one role are for the person to choose from, unless they are the same, or go to two places. */
static int check_only_one(const struct search *s, const struct espota_flash_file *found)
{
    for (unsigned i = s->named; i + 1 < s->files->count; i++) {
        const struct espota_flash_file *other = &s->files->list[i];
        bool same = other->data.size == found->data.size &&
                    memcmp(other->data.data, found->data.data, found->data.size) == 0;
        if (other->role != found->role || found->role == ESPOTA_FLASH_FS)
            continue;
        if (same)
            return 1;
        return espota_fail(s->error, ESPOTA_ERR_USAGE,
                           "which %s? %s and %s are both one: name the one that is meant",
                           role_name(found->role), other->path, found->path),
               -1;
    }
    return 0;
}

static void remember_unknown(struct search *s, const char *name)
{
    size_t used = strlen(s->unknown);
    snprintf(s->unknown + used, sizeof s->unknown - used, "%s%s", used ? ", " : "", name);
}

static int take(struct search *s, const char *directory, const char *name)
{
    char *path = espota_path_join(directory, name);
    if (!path)
        return espota_fail_memory(s->error, "looking for files");
    int result = espota_flash_files_add(s->files, ESPOTA_FLASH_OTHER, path, s->error);
    free(path);
    if (result != 0)
        return result;
    struct espota_flash_file *file = &s->files->list[s->files->count - 1];
    int role = role_of(&file->file, name);
    int copies = 0;
    if (role < 0)
        remember_unknown(s, name);
    else if (!was_named(s, (enum espota_flash_role)role)) {
        file->role = (enum espota_flash_role)role;
        copies = check_only_one(s, file);
        if (copies == 0)
            return 0;
    }
    flash_files_drop(s->files, s->files->count - 1);
    return copies < 0 ? (int)s->error->status : 0;
}

static int is_image(const struct dirent *entry)
{
    return ends_with(entry->d_name, ".bin") && entry->d_name[0] != '.';
}

/* In the order of their names, so that the same folder gives the same plan. */
static int scan(struct search *s, const char *directory)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_image, alphasort);
    int result = 0;
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = take(s, directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return result;
}

static int scan_below(struct search *s, const char *directory, const char *name)
{
    char *path = espota_path_join(directory, name);
    int result = path ? scan(s, path) : espota_fail_memory(s->error, "looking for files");
    free(path);
    return result;
}

/* CSV counts where there is no binary table. */
static int take_csv(struct search *s, const char *directory)
{
    char *path = espota_path_join(directory, "partitions.csv");
    int result = 0;
    if (!path)
        return espota_fail_memory(s->error, "looking for files");
    if (!espota_flash_files_get(s->files, ESPOTA_FLASH_TABLE) &&
        !espota_flash_files_get(s->files, ESPOTA_FLASH_MERGED) && espota_file_exists(path))
        result = espota_flash_files_add(s->files, ESPOTA_FLASH_TABLE, path, s->error);
    free(path);
    return result;
}

const char *flash_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A merged image beside its parts is not needed; one without an app beside it is the build. */
static void choose_merged(struct search *s)
{
    bool parts = espota_flash_files_get(s->files, ESPOTA_FLASH_APP) != NULL;
    bool merged = espota_flash_files_get(s->files, ESPOTA_FLASH_MERGED) != NULL;
    for (unsigned i = s->files->count; merged && i-- > s->named;) {
        const struct espota_flash_file *file = &s->files->list[i];
        bool is_merged = file->role == ESPOTA_FLASH_MERGED;
        bool is_part = file->role == ESPOTA_FLASH_BOOTLOADER || file->role == ESPOTA_FLASH_TABLE ||
                       file->role == ESPOTA_FLASH_OTADATA;
        if (parts ? !is_merged : !is_part)
            continue;
        espota_flash_note(&s->files->notes, false,
                          parts ? "%s holds all in one and is not used: its parts are there too"
                                : "%s is not used: the merged image has its own",
                          flash_base_name(file->path));
        flash_files_drop(s->files, i);
    }
}

static int scan_folder(struct search *s, const char *directory)
{
    int result = scan(s, directory);
    if (result == 0)
        result = scan_below(s, directory, "bootloader");
    if (result == 0)
        result = scan_below(s, directory, "partition_table");
    if (result != 0)
        return result;
    choose_merged(s);
    if (s->unknown[0])
        espota_flash_note(&s->files->notes, true,
                          "not flashed, since neither content nor name says where it belongs: %s",
                          s->unknown);
    return take_csv(s, directory);
}

static int check_folder(const char *directory, struct espota_error *error)
{
    DIR *folder = opendir(directory);
    if (!folder && errno == ENOENT)
        return espota_fail(error, ESPOTA_ERR_USAGE, "nothing to flash: there is no folder or file %s",
                           directory);
    if (!folder)
        return espota_fail(error, ESPOTA_ERR_USAGE, "nothing to flash: cannot look into the folder %s: %s",
                           directory, espota_reason(errno));
    closedir(folder);
    return 0;
}

int espota_flash_files_find(struct espota_flash_files *files, const char *directory,
                            struct espota_error *error)
{
    struct search search = { .files = files, .named = files->count, .error = error };
    char *args = espota_path_join(directory, "flasher_args.json");
    if (!args)
        return espota_fail_memory(error, "looking for files");
    int result = check_folder(directory, error);
    if (result == 0 && espota_file_exists(args))
        result = flash_folder_read_args(files, directory, args, error);
    else if (result == 0)
        result = scan_folder(&search, directory);
    free(args);
    if (result == 0 && files->count == 0)
        result = espota_fail(
            error, ESPOTA_ERR_USAGE,
            "there is nothing to flash in %s: no flasher_args.json, bootloader, table, app or merged image",
            directory);
    return result;
}

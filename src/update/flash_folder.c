/* A folder of images: which file is for what. */
#include "flash_folder.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/table.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_FILE = 128 << 20 };

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
        return espota_fail_hint(s->error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NAME_FILE,
                                "which %s? %s and %s are both one", flash_role_name(found->role), other->path,
                                found->path),
               -1;
    }
    return 0;
}

static void remember_unknown(struct search *s, const char *name)
{
    size_t used = strlen(s->unknown);
    snprintf(s->unknown + used, sizeof s->unknown - used, "%s%s", used ? ", " : "", name);
}

/* What nothing in flash looks like, whatever its name. */
static bool is_foreign(enum espota_file_kind kind)
{
    return kind == ESPOTA_FILE_EMPTY || kind == ESPOTA_FILE_ESP8266 || kind == ESPOTA_FILE_MCUBOOT ||
           kind >= ESPOTA_FILE_ELF;
}

/* What only its name speaks for may be anything, another's secrets too, where a link leads to it. */
static bool is_strange(const char *directory, const struct espota_flash_file *file)
{
    return (file->file.kind == ESPOTA_FILE_DATA || file->file.kind == ESPOTA_FILE_NVS) &&
           flash_leads_out(directory, file->path);
}

static int refuse_foreign(const struct search *s, const struct espota_flash_file *file, int role)
{
    char words[ESPOTA_FILE_WORDS];
    return espota_fail(s->error, ESPOTA_ERR_VERIFY, "cannot flash %s as the %s: it is %s", file->path,
                       flash_role_name((enum espota_flash_role)role), espota_file_words(&file->file, words));
}

/* Keep the last file that was read, or forget it. */
static int sort_in(struct search *s, const char *directory, const char *name)
{
    struct espota_flash_file *file = &s->files->list[s->files->count - 1];
    int role = role_of(&file->file, name), copies = 0, result = 0;
    if (role < 0)
        remember_unknown(s, name);
    else if (is_strange(directory, file))
        espota_flash_note(&s->files->notes, true,
                          "%s is not flashed: it is a link out of its folder, to what may be anything",
                          file->path);
    else if (!was_named(s, (enum espota_flash_role)role)) {
        file->role = (enum espota_flash_role)role;
        copies = check_only_one(s, file);
        if (copies == 0 && is_foreign(file->file.kind))
            copies = -1, refuse_foreign(s, file, role);
        if (copies == 0)
            return 0;
        result = copies < 0 ? (int)s->error->status : 0;
    }
    flash_files_drop(s->files, s->files->count - 1);
    return result;
}

/* Why a file of a folder is not opened; NULL: it is. */
static const char *reason_to_skip(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return espota_reason(errno);
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? "it is a folder" : "it is no regular file";
    return st.st_size > LARGEST_FILE ? "it is larger than any flash" : NULL;
}

static int take(struct search *s, const char *directory, const char *name)
{
    char path[PATH_MAX];
    if (!flash_path(path, directory, name))
        return 0;
    const char *reason = reason_to_skip(path);
    if (reason) {
        espota_flash_note(&s->files->notes, true, "%s is not looked at: %s", path, reason);
        return 0;
    }
    int result = espota_flash_files_add(s->files, ESPOTA_FLASH_OTHER, path, s->error);
    return result ? result : sort_in(s, directory, name);
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
    char path[PATH_MAX];
    return flash_path(path, directory, name) ? scan(s, path) : 0;
}

/* CSV counts where there is no binary table. */
static int take_csv(struct search *s, const char *directory)
{
    char path[PATH_MAX];
    if (espota_flash_files_get(s->files, ESPOTA_FLASH_TABLE) ||
        espota_flash_files_get(s->files, ESPOTA_FLASH_MERGED) ||
        !flash_path(path, directory, "partitions.csv") || !flash_is_file(path))
        return 0;
    return espota_flash_files_add(s->files, ESPOTA_FLASH_TABLE, path, s->error);
}

static bool has(const struct search *s, enum espota_flash_role role)
{
    return espota_flash_files_get(s->files, role) != NULL;
}

/* Does the merged image hold that app? Where it does not, one of them is of another build. */
static bool holds_app(const struct espota_flash_file *merged, const struct espota_flash_file *app)
{
    const uint8_t *part = merged->data.data + merged->file.merged.app;
    return merged->file.merged.has_app && app->data.size <= merged->data.size - merged->file.merged.app &&
           memcmp(part, app->data.data, app->data.size) == 0;
}

static bool in_merged(const struct search *s, const struct espota_flash_file *app)
{
    const struct espota_flash_file *merged = espota_flash_files_get(s->files, ESPOTA_FLASH_MERGED);
    uint32_t at = merged->file.merged.has_table ? merged->file.merged.table : 0;
    if (holds_app(merged, app))
        return true;
    for (; at + app->data.size <= merged->data.size; at += ESPOTA_SECTOR_SIZE) /* in another partition */
        if (memcmp(merged->data.data + at, app->data.data, app->data.size) == 0)
            return true;
    return false;
}

/* A merged image beside its parts is not needed; where bootloader or table are missing, it has them. */
static int choose_merged(struct search *s)
{
    const struct espota_flash_file *app = espota_flash_files_get(s->files, ESPOTA_FLASH_APP);
    bool named = app && app < s->files->list + s->named;
    bool parts = named || (app && has(s, ESPOTA_FLASH_BOOTLOADER) && has(s, ESPOTA_FLASH_TABLE));
    bool merged = has(s, ESPOTA_FLASH_MERGED);
    if (merged && app && !parts && !in_merged(s, app))
        return espota_fail_hint(s->error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NAME_FILE,
                                "which app? %s is another one than that in %s, of another build", app->path,
                                espota_flash_files_get(s->files, ESPOTA_FLASH_MERGED)->path);
    for (unsigned i = s->files->count; merged && i-- > s->named;) {
        const struct espota_flash_file *file = &s->files->list[i];
        bool is_merged = file->role == ESPOTA_FLASH_MERGED;
        bool is_part = file->role == ESPOTA_FLASH_BOOTLOADER || file->role == ESPOTA_FLASH_TABLE ||
                       file->role == ESPOTA_FLASH_OTADATA || file->role == ESPOTA_FLASH_APP;
        if (parts ? !is_merged : !is_part)
            continue;
        if (!(is_merged && app && in_merged(s, app)))
            espota_flash_note(&s->files->notes, false,
                              parts ? "%s holds another app in one piece with its bootloader, and is not used"
                                    : "%s is not used: the merged image has its own",
                              flash_base_name(file->path));
        flash_files_drop(s->files, i);
    }
    return 0;
}

int flash_folder_scan(struct espota_flash_files *files, const char *directory, struct espota_error *error)
{
    struct search s = { .files = files, .named = files->count, .error = error };
    int result = scan(&s, directory);
    if (result == 0)
        result = scan_below(&s, directory, "bootloader");
    if (result == 0)
        result = scan_below(&s, directory, "partition_table");
    if (result == 0)
        result = choose_merged(&s);
    if (result != 0)
        return result;
    if (s.unknown[0])
        espota_flash_note(&files->notes, true,
                          "not flashed, since neither content nor name says where it belongs: %s", s.unknown);
    return take_csv(&s, directory);
}

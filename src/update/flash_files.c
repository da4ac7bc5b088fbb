#include "flash_folder.h"

#include "espota/buffer.h"
#include "espota/elf_image.h"
#include "espota/error.h"
#include "espota/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_FILE = 128 << 20 };

void espota_flash_note(struct espota_flash_notes *notes, bool warning, const char *format, ...)
{
    va_list args;
    if (notes->count == ESPOTA_FLASH_MAX_NOTES)
        return;
    struct espota_flash_note *note = &notes->note[notes->count++];
    note->warning = warning;
    va_start(args, format);
    vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}

static void free_file(struct espota_flash_file *file)
{
    espota_bytes_free(&file->data);
    free(file->path);
    memset(file, 0, sizeof *file);
}

void espota_flash_files_free(struct espota_flash_files *files)
{
    for (unsigned i = 0; i < files->count; i++)
        free_file(&files->list[i]);
    memset(files, 0, sizeof *files);
}

void flash_files_drop(struct espota_flash_files *files, unsigned index)
{
    free_file(&files->list[index]);
    files->count--;
    memmove(&files->list[index], &files->list[index + 1], (files->count - index) * sizeof files->list[0]);
}

const struct espota_flash_file *espota_flash_files_get(const struct espota_flash_files *files,
                                                       enum espota_flash_role role)
{
    for (unsigned i = 0; i < files->count; i++)
        if (files->list[i].role == role)
            return &files->list[i];
    return NULL;
}

const char *flash_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool flash_path(char out[PATH_MAX], const char *directory, const char *name)
{
    int length = name[0] ? snprintf(out, PATH_MAX, "%s/%s", directory, name)
                         : snprintf(out, PATH_MAX, "%s", directory);
    return length > 0 && length < PATH_MAX;
}

bool flash_is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool flash_leads_out(const char *directory, const char *path)
{
    char inside[PATH_MAX], target[PATH_MAX];
    if (!realpath(directory, inside) || !realpath(path, target))
        return false; /* opening it will say what is wrong */
    size_t length = strlen(inside);
    return strncmp(target, inside, length) != 0 || (target[length] != '/' && strcmp(inside, "/") != 0);
}

const char *flash_role_name(enum espota_flash_role role)
{
    return role == ESPOTA_FLASH_APP       ? "app"
           : role == ESPOTA_FLASH_TABLE   ? "partition table"
           : role == ESPOTA_FLASH_MERGED  ? "merged image"
           : role == ESPOTA_FLASH_PHY     ? "phy_init"
           : role == ESPOTA_FLASH_FS      ? "file system"
           : role == ESPOTA_FLASH_OTADATA ? "otadata"
                                          : "bootloader";
}

/* What an app may be wrapped in. */
static int unwrap(struct espota_flash_file *file, struct espota_error *error)
{
    bool placed = file->file.kind == ESPOTA_FILE_INTEL_HEX || file->file.kind == ESPOTA_FILE_UF2;
    return placed && file->role == ESPOTA_FLASH_APP ? flash_placed_unpack(file, error) : 0;
}

/* The image of an ELF file, for the chip; which one, it may not say itself: then it waits. */
static int make_image(struct espota_flash_files *files, struct espota_flash_file *file,
                      const struct espota_chip *chip, bool may_wait, struct espota_error *error)
{
    char words[ESPOTA_FILE_WORDS];
    bool converted = false;
    if (file->file.kind != ESPOTA_FILE_ELF ||
        (file->role != ESPOTA_FLASH_APP && file->role != ESPOTA_FLASH_BOOTLOADER))
        return 0;
    int result = espota_elf_image_replace(&file->data, file->path, chip, &converted, error);
    if (result != 0 && may_wait && error->hint == ESPOTA_HINT_NAME_CHIP)
        return 0;
    if (result != 0)
        return result;
    espota_file_examine(&file->file, file->data.data, file->data.size);
    espota_flash_note(&files->notes, false, "%s is an ELF file: made into %s, %zu bytes", file->path,
                      espota_file_words(&file->file, words), file->data.size);
    return 0;
}

int espota_flash_files_settle(struct espota_flash_files *files, const struct espota_chip *chip,
                              struct espota_error *error)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < files->count; i++)
        result = make_image(files, &files->list[i], chip, false, error);
    return result;
}

int espota_flash_files_add(struct espota_flash_files *files, enum espota_flash_role role, const char *path,
                           struct espota_error *error)
{
    if (files->count == ESPOTA_FLASH_MAX_FILES)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "%s is one file too many: at most %d are flashed at once", path,
                           ESPOTA_FLASH_MAX_FILES);
    struct espota_flash_file file = { .role = role, .path = strdup(path) };
    if (!file.path)
        return espota_fail_memory(error, "looking for files");
    int result = espota_file_read(path, LARGEST_FILE, &file.data, error);
    if (result == 0) {
        espota_file_examine(&file.file, file.data.data, file.data.size);
        file.came_as = file.file.kind;
        result = unwrap(&file, error);
    }
    if (result == 0)
        result = make_image(files, &file, files->chip, true, error);
    if (result != 0)
        free_file(&file);
    else
        files->list[files->count++] = file;
    return result;
}

enum espota_hint flash_files_hint(enum espota_file_kind kind)
{
    static const enum espota_hint hints[ESPOTA_FILE_KINDS] = {
        [ESPOTA_FILE_DATA] = ESPOTA_HINT_WRITE_RANGE,
        [ESPOTA_FILE_BOOTLOADER] = ESPOTA_HINT_AS_BOOTLOADER,
        [ESPOTA_FILE_MERGED] = ESPOTA_HINT_MERGED,
        [ESPOTA_FILE_TABLE] = ESPOTA_HINT_AS_TABLE,
        [ESPOTA_FILE_TABLE_CSV] = ESPOTA_HINT_AS_TABLE,
        [ESPOTA_FILE_OTADATA] = ESPOTA_HINT_WRITE_RANGE,
        [ESPOTA_FILE_NVS] = ESPOTA_HINT_WRITE_RANGE,
        [ESPOTA_FILE_FAT] = ESPOTA_HINT_AS_FS,
        [ESPOTA_FILE_LITTLEFS] = ESPOTA_HINT_AS_FS,
        [ESPOTA_FILE_SPIFFS] = ESPOTA_HINT_AS_FS,
        [ESPOTA_FILE_INTEL_HEX] = ESPOTA_HINT_WRITE_RANGE,
        [ESPOTA_FILE_UF2] = ESPOTA_HINT_WRITE_RANGE,
    };
    return hints[kind];
}

int espota_flash_files_take(struct espota_flash_files *files, const char *path, struct espota_error *error)
{
    char words[ESPOTA_FILE_WORDS];
    int result = espota_flash_files_add(files, ESPOTA_FLASH_APP, path, error);
    if (result != 0)
        return result;
    struct espota_flash_file *file = &files->list[files->count - 1];
    if (file->file.kind == ESPOTA_FILE_MERGED)
        file->role = ESPOTA_FLASH_MERGED;
    if (file->file.kind == ESPOTA_FILE_MERGED || file->file.kind == ESPOTA_FILE_APP ||
        file->file.kind == ESPOTA_FILE_ELF)
        return 0;
    return espota_fail_hint(error, ESPOTA_ERR_VERIFY, flash_files_hint(file->file.kind),
                            "cannot flash %s alone: it is %s", path, espota_file_words(&file->file, words));
}

/* Where builds leave the ELF file of the app. */
#include "espota/symbols.h"

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_DESCRIPTION = 64 << 20, MOST_DEPTH = 3 };

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Not a pipe, of which nothing would be left to who reads it whole. */
static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_elf(const char *path)
{
    char magic[4] = "";
    FILE *file = is_file(path) ? fopen(path, "rb") : NULL;
    bool elf =
        file && fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "\177ELF", 4) == 0;
    if (file)
        fclose(file);
    return elf;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* ESP-IDF says which it is: "app_elf" of project_description.json. */
static char *described(const char *folder)
{
    struct espota_bytes text = { 0 };
    struct espota_error ignored;
    char *path = espota_path_join(folder, "project_description.json"), *elf = NULL;
    if (path && espota_file_read(path, LARGEST_DESCRIPTION, &text, &ignored) == 0) {
        json_t *description = json_loadb((const char *)text.data, text.size, 0, NULL);
        const char *name = json_string_value(json_object_get(description, "app_elf"));
        elf = name ? espota_path_join(folder, name) : NULL;
        json_decref(description);
    }
    if (elf && !is_elf(elf)) {
        free(elf);
        elf = NULL;
    }
    espota_bytes_free(&text);
    free(path);
    return elf;
}

struct found {
    char *elf;
    unsigned count;
};

static void keep(struct found *found, char *path)
{
    found->count++;
    if (found->count == 1)
        found->elf = path;
    else
        free(path);
}

/* The ELF files of a folder itself; a bootloader's is none of an app. */
static void look_for(struct found *found, const char *folder, const char *end)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        char *path = ends_with(entry->d_name, end) && strcmp(entry->d_name, "bootloader.elf") != 0
                         ? espota_path_join(folder, entry->d_name)
                         : NULL;
        if (path && is_elf(path))
            keep(found, path);
        else
            free(path);
    }
    if (dir)
        closedir(dir);
}

static void search(struct found *found, const char *folder, unsigned depth);

/* In each folder of `folder`: PlatformIO has one for each environment. */
static void search_below(struct found *found, const char *folder, unsigned depth)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        char *path = entry->d_name[0] != '.' ? espota_path_join(folder, entry->d_name) : NULL;
        if (path && is_folder(path))
            search(found, path, depth);
        free(path);
    }
    if (dir)
        closedir(dir);
}

/* What a build by ESP-IDF, Arduino or PlatformIO has; then its place in a project. */
static void search(struct found *found, const char *folder, unsigned depth)
{
    static const char *const places[] = { "build", ".pio/build", "zephyr" };
    char *elf = described(folder);
    if (elf) {
        keep(found, elf);
        return;
    }
    look_for(found, folder, ".elf");
    for (size_t i = 0; found->count == 0 && depth > 0 && i < sizeof places / sizeof places[0]; i++) {
        char *path = espota_path_join(folder, places[i]);
        if (path && is_folder(path))
            search(found, path, depth - 1);
        if (path && found->count == 0 && i < 2)
            search_below(found, path, 0);
        free(path);
    }
}

/* x.elf beside x.bin, or Arduino's x.ino.elf. */
static void search_beside(struct found *found, const char *path)
{
    size_t length = strlen(path);
    char *beside = ends_with(path, ".bin") ? malloc(length + 1) : NULL;
    if (!beside)
        return;
    memcpy(beside, path, length - 4);
    memcpy(beside + length - 4, ".elf", 5);
    if (is_elf(beside))
        keep(found, beside);
    else
        free(beside);
}

int espota_symbols_locate(const char *path, char **elf, struct espota_error *error)
{
    struct found found = { 0 };
    if (is_folder(path))
        search(&found, path, MOST_DEPTH);
    else if (is_elf(path))
        keep(&found, strdup(path));
    else
        search_beside(&found, path);
    if (found.count == 1 && found.elf) {
        *elf = found.elf;
        return 0;
    }
    free(found.elf);
    if (found.count > 1)
        return espota_fail(error, ESPOTA_ERR_IO, "there is more than one ELF file in %s: name the app's",
                           path);
    return espota_fail(error, ESPOTA_ERR_IO, "there is no ELF file of an app %s %s",
                       is_folder(path) ? "in" : "at", path);
}

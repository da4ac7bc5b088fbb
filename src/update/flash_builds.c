/* Where toolchains leave what they build. */
#include "flash_folder.h"

#include "espota/bytes.h"
#include "espota/error.h"
#include "espota/file_kind.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EM_XTENSA 94
#define EM_RISCV  243
#define ET_EXEC   2

static const struct {
    const char *name, *maker, *build;
} origins[ESPOTA_ORIGINS] = {
    [ESPOTA_ORIGIN_NONE] = { NULL, "", "" },
    [ESPOTA_ORIGIN_FILE] = { "file", "", "" },
    [ESPOTA_ORIGIN_FOLDER] = { "folder", "", "folder" },
    [ESPOTA_ORIGIN_IDF] = { "esp-idf", "ESP-IDF", "folder" },
    [ESPOTA_ORIGIN_ARDUINO] = { "arduino", "Arduino", "board" },
    [ESPOTA_ORIGIN_PLATFORMIO] = { "platformio", "PlatformIO", "environment" },
    [ESPOTA_ORIGIN_ESPHOME] = { "esphome", "ESPHome", "device" },
    [ESPOTA_ORIGIN_ZEPHYR] = { "zephyr", "Zephyr", "folder" },
    [ESPOTA_ORIGIN_RUST] = { "rust", "Rust", "program" },
};

const char *espota_flash_origin_name(enum espota_flash_origin origin)
{
    return origins[origin].name;
}

const char *flash_builds_maker(enum espota_flash_origin origin)
{
    return origins[origin].maker;
}

void flash_builds_free(struct flash_builds *builds)
{
    for (unsigned i = 0; i < builds->count; i++)
        free(builds->list[i].path);
    builds->count = 0;
}

/* Each folder once, by the first rule that it meets. */
static void add(struct flash_builds *builds, enum espota_flash_origin origin, const char *name,
                const char *path)
{
    for (unsigned i = 0; i < builds->count; i++)
        if (strcmp(builds->list[i].path, path) == 0)
            return;
    if (builds->count == FLASH_MAX_BUILDS)
        return;
    struct flash_build *build = &builds->list[builds->count];
    build->origin = origin;
    snprintf(build->name, sizeof build->name, "%s", name);
    build->path = strdup(path);
    if (build->path)
        builds->count++;
}

/* ---- by the files in a folder ---------------------------------------------------------------------------
 */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool has_file_that_ends(const char *directory, const char *end)
{
    DIR *folder = opendir(directory);
    char path[PATH_MAX];
    bool found = false;
    for (const struct dirent *entry; folder && !found && (entry = readdir(folder)) != NULL;)
        found = ends_with(entry->d_name, end) && flash_path(path, directory, entry->d_name) &&
                flash_is_file(path);
    if (folder)
        closedir(folder);
    return found;
}

/* A file of that name; "*END": any that ends so. */
static bool has_mark(const char *directory, const char *mark)
{
    char path[PATH_MAX];
    if (mark[0] == '*')
        return has_file_that_ends(directory, mark + 1);
    return flash_path(path, directory, mark) && flash_is_file(path);
}

enum espota_flash_origin flash_builds_origin(const char *directory)
{
    char real[PATH_MAX];
    if (has_mark(directory, "*.ino.bin"))
        return ESPOTA_ORIGIN_ARDUINO;
    if (!realpath(directory, real) || !has_mark(directory, "firmware.bin"))
        return ESPOTA_ORIGIN_FOLDER;
    if (strstr(real, "/.pioenvs/"))
        return ESPOTA_ORIGIN_ESPHOME;
    return strstr(real, "/.pio/build/") ? ESPOTA_ORIGIN_PLATFORMIO : ESPOTA_ORIGIN_FOLDER;
}

/* ---- by the folders in a folder -------------------------------------------------------------------------
 */

struct place {
    enum espota_flash_origin origin;
    const char *parent; /* of the builds, below the folder; "": the folder itself */
    const char *inside; /* ESPHome: a build NAME has its images in this folder, in NAME again */
    const char *mark;   /* a file that a build has */
};

static const struct place of_project[] = {
    { ESPOTA_ORIGIN_PLATFORMIO, ".pio/build", NULL, "firmware.bin" },
    { ESPOTA_ORIGIN_ESPHOME, ".esphome/build", ".pioenvs", "firmware.bin" },
    { ESPOTA_ORIGIN_ESPHOME, ".pioenvs", NULL, "firmware.bin" },
    { ESPOTA_ORIGIN_IDF, "", NULL, "flasher_args.json" },
    { ESPOTA_ORIGIN_ARDUINO, "build", NULL, "*.ino.bin" },
    { ESPOTA_ORIGIN_ZEPHYR, "", NULL, "zephyr/zephyr.bin" },
    { ESPOTA_ORIGIN_ZEPHYR, "build", NULL, "zephyr/zephyr.bin" },
};

static const struct place below[] = {
    { ESPOTA_ORIGIN_ARDUINO, "", NULL, "*.ino.bin" },
    { ESPOTA_ORIGIN_FOLDER, "", NULL, "firmware.bin" },
    { ESPOTA_ORIGIN_FOLDER, "", NULL, "MicroPython.bin" }, /* LoBo's */
    { ESPOTA_ORIGIN_FOLDER, "build", NULL, "firmware.bin" },
};

/* Zephyr's second-stage bootloader is built beside the app, and is no app. */
static bool is_build(const struct place *place, const char *path, const char *name)
{
    return has_mark(path, place->mark) &&
           !(place->origin == ESPOTA_ORIGIN_ZEPHYR && strcmp(name, "mcuboot") == 0);
}

static void look_at(struct flash_builds *builds, const struct place *place, const char *parent,
                    const char *name)
{
    char path[PATH_MAX], inner[PATH_MAX];
    if (!flash_path(path, parent, name))
        return;
    if (place->inside && !(flash_path(inner, path, place->inside) && flash_path(path, inner, name)))
        return;
    if (!is_build(place, path, name))
        return;
    add(builds, place->origin == ESPOTA_ORIGIN_FOLDER ? flash_builds_origin(path) : place->origin, name,
        path);
}

static void list(struct flash_builds *builds, const struct place *places, size_t count, const char *directory)
{
    for (size_t i = 0; i < count; i++) {
        char parent[PATH_MAX];
        struct dirent **entries = NULL;
        if (!flash_path(parent, directory, places[i].parent))
            continue;
        int found = scandir(parent, &entries, is_visible, alphasort);
        for (int k = 0; k < found; k++) {
            look_at(builds, &places[i], parent, entries[k]->d_name);
            free(entries[k]);
        }
        free(entries);
    }
}

/* ---- Rust -----------------------------------------------------------------------------------------------
 */

/* A program for one of the chips, as the linker left it. */
static bool is_program(const char *path)
{
    uint8_t head[20];
    FILE *file = flash_is_file(path) ? fopen(path, "rb") : NULL;
    bool read = file && fread(head, 1, sizeof head, file) == sizeof head;
    if (file)
        fclose(file);
    if (!read || memcmp(head, "\177ELF", 4) != 0 || espota_get_le16(head + 16) != ET_EXEC)
        return false;
    uint16_t machine = espota_get_le16(head + 18);
    return machine == EM_XTENSA || machine == EM_RISCV;
}

static void list_programs(struct flash_builds *builds, const char *directory, const char *prefix)
{
    struct dirent **entries = NULL;
    int found = scandir(directory, &entries, is_visible, alphasort);
    for (int i = 0; i < found; i++) {
        char path[PATH_MAX], name[96];
        snprintf(name, sizeof name, "%s%.60s", prefix, entries[i]->d_name);
        if (flash_path(path, directory, entries[i]->d_name) && is_program(path))
            add(builds, ESPOTA_ORIGIN_RUST, name, path);
        free(entries[i]);
    }
    free(entries);
}

/* target/TRIPLE/PROFILE: programs of the host are in target/PROFILE. */
static void list_rust(struct flash_builds *builds, const char *directory)
{
    static const char *const profiles[] = { "debug", "release" };
    char target[PATH_MAX], triple[PATH_MAX], profile[PATH_MAX], prefix[96];
    struct dirent **entries = NULL;
    if (!flash_path(target, directory, "target"))
        return;
    int found = scandir(target, &entries, is_visible, alphasort);
    for (int i = 0; i < found; i++) {
        for (size_t k = 0; k < 2; k++) {
            snprintf(prefix, sizeof prefix, "%s/", profiles[k]);
            if (flash_path(triple, target, entries[i]->d_name) && flash_path(profile, triple, profiles[k]))
                list_programs(builds, profile, prefix);
        }
        free(entries[i]);
    }
    free(entries);
}

void flash_builds_of_project(struct flash_builds *builds, const char *directory)
{
    list(builds, of_project, sizeof of_project / sizeof of_project[0], directory);
    list_rust(builds, directory);
}

void flash_builds_below(struct flash_builds *builds, const char *directory)
{
    list(builds, below, sizeof below / sizeof below[0], directory);
    list_programs(builds, directory, "");
}

/* ---- which of them? -------------------------------------------------------------------------------------
 */

/* The one environment that 'pio run -t upload' would take: default_envs in platformio.ini. */
static bool default_environment(const char *directory, char name[96])
{
    char path[PATH_MAX], line[256];
    unsigned found = 0;
    FILE *file =
        flash_path(path, directory, "platformio.ini") && flash_is_file(path) ? fopen(path, "r") : NULL;
    while (file && fgets(line, sizeof line, file)) {
        char value[96], more[8];
        int words = sscanf(line, " default_envs = %95[^ ,;\r\n] %7s", value, more);
        if (words >= 1) {
            found += (unsigned)words;
            snprintf(name, 96, "%s", value);
        } else if (strncmp(line, "default_envs", 12) == 0) {
            found = 2; /* a list on the lines that follow */
        }
    }
    if (file)
        fclose(file);
    return found == 1;
}

static bool matches(const struct flash_build *build, const char *name)
{
    const char *slash = strchr(build->name, '/');
    size_t profile = slash ? (size_t)(slash - build->name) : 0;
    return strcmp(build->name, name) == 0 ||
           (slash && (strcmp(slash + 1, name) == 0 ||
                      (strlen(name) == profile && strncmp(build->name, name, profile) == 0)));
}

static const struct flash_build *find(const struct flash_builds *builds, const char *name, unsigned *count)
{
    const struct flash_build *found = NULL;
    *count = 0;
    for (unsigned i = 0; i < builds->count; i++)
        if (!name || matches(&builds->list[i], name)) {
            found = found ? found : &builds->list[i];
            ++*count;
        }
    return found;
}

/* "PlatformIO environment: esp32dev, esp32c3". */
static const char *names(const struct flash_builds *builds, char text[512])
{
    size_t used = 0;
    for (unsigned i = 0; i < builds->count && used + 160 < 512; i++) {
        const struct flash_build *b = &builds->list[i];
        if (i == 0 || b->origin != builds->list[i - 1].origin)
            used += (size_t)snprintf(text + used, 512 - used, "%s%s%s%s:", i ? "; " : "",
                                     origins[b->origin].maker, *origins[b->origin].maker ? " " : "",
                                     origins[b->origin].build);
        used += (size_t)snprintf(text + used, 512 - used, "%s %s", text[used - 1] == ':' ? "" : ",", b->name);
    }
    if (used + 160 >= 512)
        snprintf(text + used, 512 - used, " ...");
    return text;
}

/* What the tools take when nobody says: ESP-IDF and Zephyr have 'build', PlatformIO its default_envs. */
static const struct flash_build *usual(const struct flash_builds *builds, const char *directory)
{
    char name[96];
    unsigned count = 0;
    enum espota_flash_origin origin = builds->list[0].origin;
    for (unsigned i = 1; i < builds->count; i++)
        if (builds->list[i].origin != origin)
            return NULL;
    if (origin == ESPOTA_ORIGIN_IDF || origin == ESPOTA_ORIGIN_ZEPHYR)
        return find(builds, "build", &count);
    return origin == ESPOTA_ORIGIN_PLATFORMIO && default_environment(directory, name)
               ? find(builds, name, &count)
               : NULL;
}

const struct flash_build *flash_builds_choose(const struct flash_builds *builds, const char *directory,
                                              const char *name, struct espota_flash_notes *notes,
                                              struct espota_error *error)
{
    char text[512];
    unsigned count = 0;
    const struct flash_build *found = find(builds, name, &count);
    if (count == 1)
        return found;
    if (!name && (found = usual(builds, directory)) != NULL) {
        espota_flash_note(notes, false, "%s is taken, of %s", found->name, names(builds, text));
        return found;
    }
    if (count == 0)
        espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NAME_BUILD,
                         "there is no build '%s' in %s, but %s", name, directory, names(builds, text));
    else
        espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NAME_BUILD,
                         "which build? In %s there are several: %s", directory, names(builds, text));
    return NULL;
}

/* Whatever `espota flash` is pointed at: which toolchain left it, which files are meant. */
#include "flash_folder.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/image.h"
#include "espota/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- one build ------------------------------------------------------------------------------------------
 */

static int scan(struct espota_flash_files *files, const char *directory, struct espota_error *error)
{
    unsigned before = files->count;
    files->origin = flash_builds_origin(directory);
    int result = flash_folder_scan(files, directory, error);
    if (result == 0 && files->count > before)
        flash_idedata_find_bootloader(files, directory);
    return result;
}

static int read_folder(struct espota_flash_files *files, const char *directory, struct espota_error *error)
{
    char args[PATH_MAX];
    bool elsewhere = false;
    if (!flash_path(args, directory, "flasher_args.json") || !espota_file_exists(args))
        return scan(files, directory, error);
    files->origin = ESPOTA_ORIGIN_IDF;
    int result = flash_folder_read_args(files, directory, args, &elsewhere, error);
    return result == 0 && elsewhere ? scan(files, directory, error) : result;
}

/* The linker's output, and what esp-idf-sys leaves beside it. */
static int read_rust(struct espota_flash_files *files, const char *program, struct espota_error *error)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s", program);
    directory[flash_base_name(directory) - directory - 1] = '\0';
    int result =
        espota_flash_files_get(files, ESPOTA_FLASH_APP) ? 0 : espota_flash_files_take(files, program, error);
    return result ? result : flash_folder_scan(files, directory, error);
}

static int read_build(struct espota_flash_files *files, const struct flash_build *build,
                      struct espota_error *error)
{
    int result = build->origin == ESPOTA_ORIGIN_ZEPHYR ? flash_zephyr_read(files, build->path, error)
                 : build->origin == ESPOTA_ORIGIN_RUST ? read_rust(files, build->path, error)
                                                       : read_folder(files, build->path, error);
    if (build->origin == ESPOTA_ORIGIN_ZEPHYR || build->origin == ESPOTA_ORIGIN_RUST ||
        build->origin == ESPOTA_ORIGIN_PLATFORMIO || build->origin == ESPOTA_ORIGIN_ESPHOME)
        files->origin = build->origin;
    return result;
}

/* ---- a folder -------------------------------------------------------------------------------------------
 */

/* A project that nobody has built yet. */
static const char *unbuilt(const char *directory)
{
    static const struct {
        const char *file, *what;
    } projects[] = {
        { "platformio.ini", "a PlatformIO project without a build: 'pio run' makes one" },
        { "Cargo.toml", "a Rust project without a program for an ESP32: 'cargo build' makes one" },
        { "west.yml", "a Zephyr project without a build: 'west build' makes one" },
        { "prj.conf", "a Zephyr project without a build: 'west build' makes one" },
        { "sdkconfig", "an ESP-IDF project without a build: 'idf.py build' makes one" },
        { "CMakeLists.txt", "a project without a build: build it first" },
    };
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof projects / sizeof projects[0]; i++)
        if (flash_path(path, directory, projects[i].file) && flash_is_file(path))
            return projects[i].what;
    return NULL;
}

static int find_nothing(const char *directory, struct espota_error *error)
{
    const char *project = unbuilt(directory);
    if (project)
        return espota_fail(error, ESPOTA_ERR_USAGE, "there is nothing to flash in %s: it is %s", directory,
                           project);
    return espota_fail(
        error, ESPOTA_ERR_USAGE,
        "there is nothing to flash in %s: no flasher_args.json, bootloader, table, app or merged "
        "image, and no build of a toolchain that is known here",
        directory);
}

static int read_chosen(struct espota_flash_files *files, const struct flash_builds *builds,
                       const char *directory, struct espota_error *error)
{
    const struct flash_build *build =
        flash_builds_choose(builds, directory, files->build, &files->notes, error);
    return build ? read_build(files, build, error) : (int)error->status;
}

/* The folder above, by its name where that is to be seen. */
static bool parent_of(const char *directory, char parent[PATH_MAX])
{
    const char *name = flash_base_name(directory);
    if (name == directory || name[0] == '\0' || name[0] == '.')
        return flash_path(parent, directory, "..");
    snprintf(parent, PATH_MAX, "%.*s", (int)(name - directory - 1), directory);
    return parent[0] != '\0' || flash_path(parent, directory, "..");
}

/* Zephyr's own folder, or the one above it. */
static bool is_zephyr(const char *directory, char build[PATH_MAX])
{
    char path[PATH_MAX];
    if (flash_path(path, directory, "zephyr/zephyr.bin") && flash_is_file(path))
        return flash_path(build, directory, "");
    return flash_path(path, directory, "zephyr.bin") && flash_is_file(path) &&
           flash_path(path, directory, ".config") && flash_is_file(path) && parent_of(directory, build);
}

static int refuse_name(const struct espota_flash_files *files, const char *path, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_USAGE, "there is no build '%s' in %s: it is one itself",
                       files->build, path);
}

/* A folder with images of its own, or what lies right below it. */
static int read_own(struct espota_flash_files *files, const char *directory, struct flash_builds *builds,
                    struct espota_error *error)
{
    char build[PATH_MAX];
    unsigned before = files->count;
    bool zephyr = is_zephyr(directory, build);
    int result = zephyr ? flash_zephyr_read(files, build, error) : read_folder(files, directory, error);
    if (zephyr)
        files->origin = ESPOTA_ORIGIN_ZEPHYR;
    if (result == 0 && files->count > before && files->build)
        return refuse_name(files, directory, error);
    if (result != 0 || files->count > before)
        return result;
    flash_builds_below(builds, directory);
    return builds->count > 0 ? read_chosen(files, builds, directory, error) : 0;
}

static int find_in_folder(struct espota_flash_files *files, const char *directory, struct espota_error *error)
{
    struct flash_builds *builds = calloc(1, sizeof *builds);
    char args[PATH_MAX], build[PATH_MAX];
    if (!builds)
        return espota_fail_memory(error, "looking for files");
    bool idf = flash_path(args, directory, "flasher_args.json") && espota_file_exists(args);
    if (!idf && !is_zephyr(directory, build))
        flash_builds_of_project(builds, directory);
    int result = builds->count > 0 ? read_chosen(files, builds, directory, error)
                                   : read_own(files, directory, builds, error);
    flash_builds_free(builds);
    free(builds);
    return result == 0 && files->count == 0 ? find_nothing(directory, error) : result;
}

/* ---- what was found -------------------------------------------------------------------------------------
 */

/* A build is for one chip; an old image of another one lies about easily. */
static int check_one_chip(const struct espota_flash_files *files, struct espota_error *error)
{
    const struct espota_flash_file *first = NULL;
    for (unsigned i = 0; i < files->count; i++) {
        const struct espota_flash_file *file = &files->list[i];
        if (!file->file.has_chip)
            continue;
        if (files->chip && files->chip->image_id != file->file.chip.image_id)
            return espota_fail(error, ESPOTA_ERR_VERIFY,
                               "cannot flash a build for the %s: in it, %s is for the %s", files->chip->name,
                               file->path, file->file.chip.name);
        if (first && first->file.chip.image_id != file->file.chip.image_id)
            return espota_fail(error, ESPOTA_ERR_VERIFY,
                               "cannot flash files for two chips: %s is for the %s, %s for the %s",
                               first->path, first->file.chip.name, file->path, file->file.chip.name);
        first = first ? first : file;
    }
    return 0;
}

static const char *chip_name(const struct espota_flash_files *files)
{
    for (unsigned i = 0; !files->chip && i < files->count; i++)
        if (files->list[i].file.has_chip)
            return files->list[i].file.chip.name;
    return files->chip ? files->chip->name : NULL;
}

/* The app: of a merged image, that in it. */
static bool find_app(const struct espota_flash_files *files, struct espota_image_memory *app)
{
    const struct espota_flash_file *alone = espota_flash_files_get(files, ESPOTA_FLASH_APP);
    const struct espota_flash_file *merged = espota_flash_files_get(files, ESPOTA_FLASH_MERGED);
    if (alone)
        *app = (struct espota_image_memory){ alone->data.data, alone->data.size };
    else if (merged && merged->file.merged.has_app)
        *app = (struct espota_image_memory){ merged->data.data + merged->file.merged.app,
                                             merged->data.size - merged->file.merged.app };
    return alone || (merged && merged->file.merged.has_app);
}

__attribute__((format(printf, 2, 3))) static void append(struct espota_flash_files *files, const char *format,
                                                         ...)
{
    size_t used = strlen(files->what);
    va_list args;
    va_start(args, format);
    vsnprintf(files->what + used, sizeof files->what - used, format, args);
    va_end(args);
}

/* Where they lie: the folder of the app, or of what there is. */
static const char *home(const struct espota_flash_files *files, unsigned before, char directory[PATH_MAX])
{
    const struct espota_flash_file *app = espota_flash_files_get(files, ESPOTA_FLASH_APP);
    const char *path = app && app >= files->list + before ? app->path : files->list[before].path;
    size_t length = (size_t)(flash_base_name(path) - path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    snprintf(directory, PATH_MAX, "%.*s", (int)length, path);
    return directory;
}

/* "an ESP-IDF build for the ESP32 in hello/build: hello.bin, bootloader.bin; 'hello' 1.0" */
static void describe_build(struct espota_flash_files *files, unsigned before)
{
    char directory[PATH_MAX];
    const char *maker = flash_builds_maker(files->origin), *chip = chip_name(files);
    if (*maker)
        append(files, "a%s %s build", strchr("AE", *maker) ? "n" : "", maker);
    else
        append(files, "images");
    if (chip)
        append(files, " for the %s", chip);
    append(files, " in %.160s", home(files, before, directory));
    for (unsigned i = before; i < files->count; i++)
        append(files, "%s%s", i == before ? ": " : ", ", flash_base_name(files->list[i].path));
}

static void describe_file(struct espota_flash_files *files, const struct espota_flash_file *file)
{
    char words[ESPOTA_FILE_WORDS];
    append(files, "%s: %s%s", file->path, espota_file_words(&file->file, words),
           file->came_as == ESPOTA_FILE_UF2         ? ", as UF2"
           : file->came_as == ESPOTA_FILE_INTEL_HEX ? ", as Intel HEX"
                                                    : "");
}

static void describe_app(struct espota_flash_files *files)
{
    struct espota_image_memory app;
    struct espota_image image;
    char version[ESPOTA_MICROPYTHON_VERSION];
    if (!find_app(files, &app))
        return;
    struct espota_image_source source = { &app, espota_image_memory_read, (uint32_t)app.size };
    bool described = espota_image_parse_headers(&image, &source) == ESPOTA_IMAGE_OK &&
                     image.has_description && image.description.project[0];
    const struct espota_app_desc *desc = &image.description;
    if (espota_micropython_version(app.data, app.size, version))
        append(files, "; MicroPython %s", version);
    else if (described && !strstr(desc->project, "arduino-lib-builder"))
        append(files, "; app '%s'%s%s", desc->project, desc->version[0] ? " " : "", desc->version);
    else if (described &&
             files->origin <= ESPOTA_ORIGIN_FOLDER) /* it names who built the core, not the app */
        append(files, "; made with Arduino");
}

/* Zephyr's image does not say how it is to be booted, the .config beside it does. */
static bool is_of_zephyr(const char *path)
{
    char config[PATH_MAX];
    const char *name = flash_base_name(path);
    snprintf(config, sizeof config, "%.*s.config", (int)(name - path), path);
    return (strcmp(name, "zephyr.bin") == 0 || strcmp(name, "zephyr.elf") == 0 ||
            strcmp(name, "zephyr.signed.bin") == 0) &&
           flash_is_file(config);
}

/* A file stands for its folder where it says what else belongs to it. */
static bool is_index(const char *path)
{
    const char *name = flash_base_name(path);
    return strcmp(name, "flasher_args.json") == 0 || strcmp(name, "platformio.ini") == 0 ||
           strcmp(name, "Cargo.toml") == 0 || is_of_zephyr(path);
}

static int find_by_index(struct espota_flash_files *files, const char *path, struct espota_error *error)
{
    char directory[PATH_MAX];
    const char *name = flash_base_name(path);
    if (name == path)
        return find_in_folder(files, ".", error);
    snprintf(directory, sizeof directory, "%.*s", (int)(name - path - 1), path);
    return find_in_folder(files, directory[0] ? directory : "/", error);
}

static int check_path(const char *path, struct stat *st, struct espota_error *error)
{
    if (stat(path, st) != 0 && errno == ENOENT)
        return espota_fail(error, ESPOTA_ERR_USAGE, "nothing to flash: there is no folder or file %s", path);
    if (stat(path, st) != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "nothing to flash: cannot look at %s: %s", path,
                           espota_reason(errno));
    if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISFIFO(st->st_mode))
        return espota_fail(error, ESPOTA_ERR_USAGE, "nothing to flash: %s is neither a file nor a folder",
                           path);
    if (S_ISDIR(st->st_mode) && access(path, R_OK | X_OK) != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "nothing to flash: cannot look into the folder %s: %s",
                           path, espota_reason(errno));
    return 0;
}

int espota_flash_files_find(struct espota_flash_files *files, const char *path, struct espota_error *error)
{
    struct stat st;
    unsigned before = files->count;
    int result = check_path(path, &st, error);
    if (result != 0)
        return result;
    bool folder = S_ISDIR(st.st_mode);
    if (folder)
        result = find_in_folder(files, path, error);
    else if (is_index(path))
        result = find_by_index(files, path, error);
    else if (files->build)
        result = refuse_name(files, path, error);
    else
        result = espota_flash_files_take(files, path, error);
    if (result == 0)
        result = check_one_chip(files, error);
    if (result != 0)
        return result;
    if (files->origin == ESPOTA_ORIGIN_NONE)
        files->origin = ESPOTA_ORIGIN_FILE;
    if (files->origin == ESPOTA_ORIGIN_FILE)
        describe_file(files, &files->list[files->count - 1]);
    else if (files->count > before)
        describe_build(files, before);
    else
        append(files, "nothing in %.200s that was not named", path);
    describe_app(files);
    return 0;
}

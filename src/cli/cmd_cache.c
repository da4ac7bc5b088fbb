/* cache: what is kept of images that were flashed. */
#include "cached.h"
#include "cli.h"

#include "espota/chip.h"
#include "espota/elf_image.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hex.h"
#include "espota/image_cache.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LARGEST_FILE = 128 << 20, LEAST_DIGITS = 4, DIGITS = 2 * ESPOTA_SHA256_LENGTH, SHOWN_DIGITS = 12 };

struct options {
    const char *older_than;
};

static const struct option_spec option_table[] = {
    { "older-than", 0, OPTION_TEXT, offsetof(struct options, older_than), "AGE",
      "clear: what was not used for so long alone: 12h, 30d, 8w" },
    OPTION_END,
};

struct place {
    char *folder;
    uint64_t limit;
    struct espota_image_cache *cache;
};

static int open_place(struct cli *cli, struct place *place, struct espota_error *error)
{
    int result = cache_limit(cli, &place->limit, error);
    place->folder = cache_folder();
    if (result == 0 && place->folder)
        result = espota_image_cache_new(&place->cache, place->folder, place->limit, error);
    return result;
}

static void close_place(struct place *place)
{
    espota_image_cache_free(place->cache);
    free(place->folder);
}

/* ---- show -----------------------------------------------------------------------------------------------
 */

static const struct espota_chip *chip_of(const struct espota_cached_image *image)
{
    return image->is_image ? espota_chip_by_image_id(image->chip_id) : NULL;
}

static int set_images_result(struct cli *cli, const struct place *place,
                             const struct espota_cached_image *images, size_t count,
                             struct espota_error *error)
{
    struct fields document = document_begin();
    struct items items = items_begin();
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        struct fields fields = fields_begin();
        field_bytes(&fields, "sha256", images[i].sha256, sizeof images[i].sha256);
        field_number(&fields, "size", (int64_t)images[i].size);
        field_text_if_any(&fields, "project", images[i].project);
        field_text_if_any(&fields, "version", images[i].version);
        field_chip(&fields, "chip", chip_of(&images[i]));
        field_number(&fields, "last_used", images[i].used_s);
        item_object(&items, fields);
        size += images[i].size;
    }
    field_text(&document, "folder", place->folder);
    field_number(&document, "limit", (int64_t)place->limit);
    field_number(&document, "size", (int64_t)size);
    field_list(&document, "images", items);
    return set_result(cli, document, error);
}

enum { COLUMNS = 6, CELL = 40 };

static void fill_row(const struct espota_cached_image *image, char cell[COLUMNS][CELL])
{
    char digits[DIGITS + 1];
    const struct espota_chip *chip = chip_of(image);
    const time_t used = (time_t)image->used_s;
    struct tm local;
    espota_hex(image->sha256, sizeof image->sha256, digits);
    snprintf(cell[0], CELL, "%.*s", SHOWN_DIGITS, digits);
    snprintf(cell[1], CELL, "%" PRIu64, image->size);
    snprintf(cell[2], CELL, "%s", image->project[0] ? image->project : "-");
    snprintf(cell[3], CELL, "%s", image->version[0] ? image->version : "-");
    snprintf(cell[4], CELL, "%s", chip ? chip->name : "-");
    if (!localtime_r(&used, &local) || strftime(cell[5], CELL, "%Y-%m-%d %H:%M", &local) == 0)
        snprintf(cell[5], CELL, "-");
}

static int print_images(const struct espota_cached_image *images, size_t count, struct espota_error *error)
{
    static const struct espota_column columns[COLUMNS] = {
        { "SHA-256", ESPOTA_LEFT }, { "Size", ESPOTA_RIGHT }, { "Project", ESPOTA_LEFT },
        { "Version", ESPOTA_LEFT }, { "Chip", ESPOTA_LEFT },  { "Last used", ESPOTA_LEFT },
    };
    char(*text)[COLUMNS][CELL] = calloc(count, sizeof *text);
    const char **cells = calloc(count * COLUMNS, sizeof *cells);
    if (text && cells) {
        for (size_t i = 0; i < count; i++) {
            fill_row(&images[i], text[i]);
            for (size_t k = 0; k < COLUMNS; k++)
                cells[i * COLUMNS + k] = text[i][k];
        }
        espota_ui_table(stdout, columns, COLUMNS, cells, count);
    }
    int result = text && cells ? 0 : espota_fail_memory(error, "showing the cache");
    free(text);
    free(cells);
    return result;
}

static int run_show(struct cli *cli, const struct place *place, struct espota_error *error)
{
    struct espota_cached_image *images = NULL;
    char size[ESPOTA_SIZE_TEXT], limit[ESPOTA_SIZE_TEXT];
    uint64_t bytes = 0;
    size_t count = 0;
    int result = place->cache ? espota_image_cache_list(place->cache, &images, &count, error) : 0;
    if (result == 0 && cli->json)
        result = set_images_result(cli, place, images, count, error);
    else if (result == 0 && count > 0)
        result = print_images(images, count, error);
    for (size_t i = 0; i < count; i++)
        bytes += images[i].size;
    free(images);
    if (result == 0 && place->cache)
        espota_ui_say(&cli->ui, "%zu image%s, %s of %s, in %s", count, ESPOTA_PLURAL(count),
                      espota_size_text(bytes, size), espota_size_text(place->limit, limit), place->folder);
    else if (result == 0)
        espota_ui_say(&cli->ui, "There is no cache: it is switched off, or there is no home directory");
    return result;
}

/* ---- path, add ------------------------------------------------------------------------------------------
 */

static int run_path(struct cli *cli, const struct place *place, struct espota_error *error)
{
    struct fields document;
    if (!cli->json) {
        print("%s\n", place->folder);
        return 0;
    }
    document = document_begin();
    field_text(&document, "folder", place->folder);
    return set_result(cli, document, error);
}

/* An ELF file is as good as its image. */
static int add_file(struct cli *cli, const struct place *place, const char *path, struct items *items,
                    struct espota_error *error)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    struct espota_bytes bytes = { 0 };
    char digits[DIGITS + 1];
    bool converted;
    int result = espota_file_read(path, LARGEST_FILE, &bytes, error);
    if (result == 0)
        result = espota_elf_image_replace(&bytes, path, NULL, &converted, error);
    if (result == 0)
        result = espota_image_cache_add(place->cache, path, bytes.data, bytes.size, sha256, error);
    if (result == 0) {
        struct fields fields = fields_begin();
        field_text(&fields, "file", path);
        field_bytes(&fields, "sha256", sha256, sizeof sha256);
        field_number(&fields, "size", (int64_t)bytes.size);
        item_object(items, fields);
        espota_hex(sha256, sizeof sha256, digits);
        espota_ui_say(&cli->ui, "%s is kept as %.*s", path, SHOWN_DIGITS, digits);
    }
    espota_bytes_free(&bytes);
    return result;
}

static int run_add(struct cli *cli, const struct place *place, struct espota_error *error)
{
    struct items items = items_begin();
    int result = 0;
    for (int i = 1; result == 0 && i < cli->argument_count; i++)
        result = add_file(cli, place, cli->arguments[i], &items, error);
    if (result == 0 && cli->json) {
        struct fields document = document_begin();
        field_list(&document, "images", items);
        return set_result(cli, document, error);
    }
    items_free(&items);
    return result;
}

/* ---- remove, clear --------------------------------------------------------------------------------------
 */

static int report_removed(struct cli *cli, const struct espota_image_cache_removed *removed,
                          struct espota_error *error)
{
    char size[ESPOTA_SIZE_TEXT];
    if (cli->json) {
        struct fields document = document_begin();
        field_number(&document, "removed", (int64_t)removed->images);
        field_number(&document, "size", (int64_t)removed->bytes);
        return set_result(cli, document, error);
    }
    espota_ui_say(&cli->ui, "%zu image%s removed, %s", removed->images, ESPOTA_PLURAL(removed->images),
                  espota_size_text(removed->bytes, size));
    return 0;
}

/* The one whose digits begin so. */
static int find_image(const struct place *place, const char *begin, const struct espota_cached_image *images,
                      size_t count, const struct espota_cached_image **found, struct espota_error *error)
{
    char digits[DIGITS + 1];
    size_t length = strlen(begin);
    *found = NULL;
    if (length < LEAST_DIGITS || length > DIGITS || strspn(begin, "0123456789abcdefABCDEF") != length)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "'%s' is no SHA-256: give %d to %d hex digits, as 'espota cache' shows them",
                           begin, LEAST_DIGITS, DIGITS);
    for (size_t i = 0; i < count; i++) {
        espota_hex(images[i].sha256, sizeof images[i].sha256, digits);
        if (strncasecmp(digits, begin, length) != 0)
            continue;
        if (*found)
            return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' begins more than one image: give more digits",
                               begin);
        *found = &images[i];
    }
    return *found ? 0
                  : espota_fail(error, ESPOTA_ERR_FAILED, "there is no image %s in the cache %s", begin,
                                place->folder);
}

static int run_remove(struct cli *cli, const struct place *place, struct espota_error *error)
{
    struct espota_cached_image *images = NULL;
    struct espota_image_cache_removed removed = { 0 };
    size_t count = 0;
    int result = espota_image_cache_list(place->cache, &images, &count, error);
    for (int i = 1; result == 0 && i < cli->argument_count; i++) {
        const struct espota_cached_image *image;
        result = find_image(place, cli->arguments[i], images, count, &image, error);
        if (result == 0)
            result = espota_image_cache_remove(place->cache, image->sha256, error);
        if (result == 0) {
            removed.images++;
            removed.bytes += image->size;
        }
    }
    free(images);
    return result ? result : report_removed(cli, &removed, error);
}

/* "30d" as the moment so long ago. */
static int parse_age(const char *text, int64_t *before, struct espota_error *error)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 7 * 86400 } };
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (digits > 0 && digits < 8 && text[digits] == units[i].unit && text[digits + 1] == '\0') {
            *before = (int64_t)time(NULL) - atoi(text) * units[i].seconds;
            return 0;
        }
    return espota_fail(error, ESPOTA_ERR_USAGE,
                       "--older-than '%s' is no age: give a number with s, m, h, d or w, such as 30d", text);
}

static int run_clear(struct cli *cli, const struct options *o, const struct place *place,
                     struct espota_error *error)
{
    struct espota_image_cache_removed removed;
    int64_t before = INT64_MAX;
    int result = o->older_than ? parse_age(o->older_than, &before, error) : 0;
    if (result == 0)
        result = espota_image_cache_clear(place->cache, before, &removed, error);
    return result ? result : report_removed(cli, &removed, error);
}

/* ---- the command ----------------------------------------------------------------------------------------
 */

static int check_arguments(const struct cli *cli, const struct options *o, const char *verb,
                           struct espota_error *error)
{
    static const char *const verbs[] = { "show", "path", "clear", "add", "remove" };
    bool takes = strcmp(verb, "add") == 0 || strcmp(verb, "remove") == 0, known = false;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        known = known || strcmp(verb, verbs[i]) == 0;
    if (!known)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "'cache %s' is not there: use show, path, add, remove or clear", verb);
    if (takes && cli->argument_count < 2)
        return espota_fail(error, ESPOTA_ERR_USAGE, "an argument is missing: espota cache %s %s", verb,
                           strcmp(verb, "add") == 0 ? "FILE..." : "SHA256...");
    if (!takes && cli->argument_count > 1)
        return espota_fail(error, ESPOTA_ERR_USAGE, "one argument too many, '%s': espota cache %s takes none",
                           cli->arguments[1], verb);
    if (o->older_than && strcmp(verb, "clear") != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--older-than goes with clear");
    return 0;
}

static int run_verb(struct cli *cli, const struct options *o, const struct place *place, const char *verb,
                    struct espota_error *error)
{
    if (strcmp(verb, "show") == 0)
        return run_show(cli, place, error);
    if (!place->cache)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "there is no cache: it is switched off, or there is no home directory");
    if (strcmp(verb, "path") == 0)
        return run_path(cli, place, error);
    if (strcmp(verb, "add") == 0)
        return run_add(cli, place, error);
    return strcmp(verb, "remove") == 0 ? run_remove(cli, place, error) : run_clear(cli, o, place, error);
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const char *verb = cli->argument_count > 0 ? cli->arguments[0] : "show";
    struct place place = { 0 };
    int result = check_arguments(cli, options, verb, error);
    if (result == 0)
        result = open_place(cli, &place, error);
    if (result == 0)
        result = run_verb(cli, options, &place, verb, error);
    close_place(&place);
    return result;
}

const struct command command_cache = {
    .name = "cache",
    .summary = "show and clear what is kept of images that were flashed",
    .usage = "show | path | add FILE... | remove SHA256... | clear",
    .description =
        "App images that 'flash' and 'ota' have written are kept, so that the next one can be sent as what\n"
        "changed. Without a word behind it, shows them: SHA-256, size, project, version, chip, last use.\n"
        "The folder is $XDG_CACHE_HOME/espota or ~/.cache/espota; ESPOTA_CACHE names another, and switches "
        "it\n"
        "off where it is empty. What was not used for longest goes when it is full (256M, "
        "ESPOTA_CACHE_SIZE).",
    .options = option_table,
    .options_size = sizeof(struct options),
    .max_arguments = 64,
    .run = run,
};

/* flasher_args.json: what ESP-IDF's build leaves for those who flash (components/esptool_py). */
#include "flash_folder.h"

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/size.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct espota_flash_files *files;
    const json_t *root;
    const char *directory, *path;
};

static const struct {
    const char *key;
    enum espota_flash_role role;
} known[] = { { "bootloader", ESPOTA_FLASH_BOOTLOADER },
              { "partition-table", ESPOTA_FLASH_TABLE },
              { "app", ESPOTA_FLASH_APP },
              { "otadata", ESPOTA_FLASH_OTADATA } };

enum { KNOWN = sizeof known / sizeof known[0] };

static const char *file_of(const struct reader *r, const char *key)
{
    return json_string_value(json_object_get(json_object_get(r->root, key), "file"));
}

static bool climbs(const char *name)
{
    for (const char *at = name; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
            return true;
    }
    return false;
}

/* A build names files of its own; another's secrets are not for flashing. */
static int add(const struct reader *r, enum espota_flash_role role, const char *name, uint32_t offset,
               struct espota_error *error)
{
    char *path = espota_path_join(r->directory, name);
    if (!path)
        return espota_fail_memory(error, "looking for files");
    int result;
    if (name[0] == '/' || climbs(name) || flash_leads_out(r->directory, path))
        result = espota_fail(
            error, ESPOTA_ERR_FAILED,
            "%s names the file %s, which lies outside its folder: a build has its files beside it", r->path,
            name);
    else if (!espota_file_exists(path))
        result = espota_fail(error, ESPOTA_ERR_FAILED,
                             "%s names %s, which is not there: build the project first", r->path, name);
    else if (!flash_is_file(path))
        result = espota_fail(error, ESPOTA_ERR_FAILED, "%s names %s, which is no file", r->path, name);
    else
        result = espota_flash_files_add(r->files, role, path, error);
    if (result == 0)
        r->files->list[r->files->count - 1].offset = offset;
    free(path);
    return result;
}

/* otadata is made here when the build does not bring it. */
static bool may_lack(const struct reader *r, enum espota_flash_role role, const char *name)
{
    char *path = role == ESPOTA_FLASH_OTADATA ? espota_path_join(r->directory, name) : NULL;
    bool missing = path && !espota_file_exists(path);
    free(path);
    return missing;
}

static int add_known(const struct reader *r, struct espota_error *error)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < KNOWN; i++) {
        const char *name = file_of(r, known[i].key);
        if (name && !espota_flash_files_get(r->files, known[i].role) && !may_lack(r, known[i].role, name))
            result = add(r, known[i].role, name, 0, error);
    }
    return result;
}

static bool is_known(const struct reader *r, const char *name)
{
    for (size_t i = 0; i < KNOWN; i++) {
        const char *other = file_of(r, known[i].key);
        if (other && strcmp(name, other) == 0)
            return true;
    }
    return false;
}

static int add_others(const struct reader *r, struct espota_error *error)
{
    const char *offset_text;
    json_t *value;
    json_object_foreach(json_object_get(r->root, "flash_files"), offset_text, value)
    {
        const char *name = json_string_value(value);
        uint32_t offset = 0;
        if (!name || !espota_size_parse(offset_text, &offset))
            return espota_fail(error, ESPOTA_ERR_FAILED,
                               "%s: flash_files has an entry '%s' that is no offset and file", r->path,
                               offset_text);
        int result = is_known(r, name) ? 0 : add(r, ESPOTA_FLASH_OTHER, name, offset, error);
        if (result != 0)
            return result;
    }
    return 0;
}

/* PlatformIO has ESP-IDF write flasher_args.json, and gives the app a name of its own. */
static bool is_elsewhere(const struct reader *r)
{
    const char *name = file_of(r, "app");
    char app[PATH_MAX], other[PATH_MAX];
    return name && flash_path(app, r->directory, name) && !flash_is_file(app) &&
           flash_path(other, r->directory, "firmware.bin") && flash_is_file(other);
}

static int take_root(struct reader *r, bool *elsewhere, struct espota_error *error)
{
    const char *chip =
        json_string_value(json_object_get(json_object_get(r->root, "extra_esptool_args"), "chip"));
    r->files->chip = chip ? espota_chip_by_name(chip) : NULL;
    if (chip && !r->files->chip)
        espota_flash_note(&r->files->notes, true, "%s is a build for the chip '%s', which is not known here",
                          r->path, chip);
    *elsewhere = is_elsewhere(r);
    int result = *elsewhere ? 0 : add_known(r, error);
    return result || *elsewhere ? result : add_others(r, error);
}

int flash_folder_read_args(struct espota_flash_files *files, const char *directory, const char *path,
                           bool *elsewhere, struct espota_error *error)
{
    struct espota_bytes text = { 0 };
    json_error_t where;
    int result = espota_file_read(path, 1 << 20, &text, error);
    if (result != 0)
        return result;
    json_t *root = json_loadb((const char *)text.data, text.size, 0, &where);
    struct reader reader = { files, root, directory, path };
    if (!root)
        result =
            espota_fail(error, ESPOTA_ERR_FAILED, "%s is no JSON: line %d: %s", path, where.line, where.text);
    else
        result = take_root(&reader, elsewhere, error);
    json_decref(root);
    espota_bytes_free(&text);
    return result;
}

/* image --extract: a merged image into its parts. */
#include "image_command.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/merged_image.h"
#include "espota/table_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct extraction {
    struct cli *cli;
    const char *directory;
    struct espota_extract found;
    struct items parts;
    char blank[512]; /* names of those that are */
    struct espota_error *error;
};

/* ---- UF2 and Intel HEX become what they say about flash -------------------------------------------------
 */

static int lay_out(struct espota_bytes *bytes, const struct espota_file *about, const char *name,
                   struct espota_error *error)
{
    struct espota_bytes store = { 0 }, flash = { 0 };
    struct espota_merge_part *parts = NULL;
    struct espota_merge_options raw = { 0 };
    unsigned count = 0;
    int result = espota_merge_unpack(bytes, about, name, &store, &parts, &count, error);
    if (result == 0)
        result = espota_merge(parts, count, &raw, &flash, error);
    if (result == 0) {
        espota_bytes_free(bytes);
        *bytes = flash;
    } else {
        espota_bytes_free(&flash);
    }
    free(parts);
    espota_bytes_free(&store);
    return result;
}

/* ---- files ----------------------------------------------------------------------------------------------
 */

static const char *kind_name(enum espota_extract_kind kind)
{
    static const char *const names[] = { "bootloader", "table", "app", "otadata", "data", "between" };
    return names[kind];
}

static int write_named(struct extraction *x, const char *name, const void *data, size_t size)
{
    char *path = espota_path_join(x->directory, name);
    if (!path)
        return espota_fail_memory(x->error, "extracting a merged image");
    int result =
        espota_file_exists(path)
            ? espota_fail(x->error, ESPOTA_ERR_IO,
                          "%s is there already, and is not written over: choose another folder", path)
            : espota_file_write(path, data, size, x->error);
    free(path);
    return result;
}

static void note_part(struct extraction *x, const struct espota_extract_part *part, const char *file)
{
    struct fields fields = fields_begin();
    field_text(&fields, "name", part->name);
    field_text(&fields, "kind", kind_name(part->kind));
    field_number(&fields, "offset", part->offset);
    field_number(&fields, "size", part->length);
    field_text(&fields, "file", file);
    field_flag(&fields, "cut", part->cut);
    item_object(&x->parts, fields);
}

static int write_part(struct extraction *x, const struct espota_extract_part *part)
{
    char file[sizeof part->name + 8];
    snprintf(file, sizeof file, "%s.bin", part->name);
    size_t used = strlen(x->blank);
    if (part->blank) {
        snprintf(x->blank + used, sizeof x->blank - used, "%s%s", used ? ", " : "", part->name);
        note_part(x, part, NULL);
        return 0;
    }
    int result = write_named(x, file, part->data, part->length);
    if (result != 0)
        return result;
    if (!x->cli->json)
        print("0x%08" PRIx32 "  %8" PRIu32 "  %s%s\n", part->offset, part->length, file,
              part->cut ? "  (the rest is not in the merged image)" : "");
    note_part(x, part, file);
    return 0;
}

static int write_table(struct extraction *x)
{
    struct espota_bytes csv = { 0 };
    int result = espota_table_to_csv(&x->found.table, &csv, x->error);
    if (result == 0)
        result = write_named(x, "partitions.csv", csv.data, csv.size);
    espota_bytes_free(&csv);
    return result;
}

/* What flasher_args.json calls a part, or NULL; of several apps none is the one. */
static const char *args_key(const struct extraction *x, const struct espota_extract_part *part)
{
    unsigned apps = 0;
    for (unsigned i = 0; i < x->found.count; i++)
        apps += x->found.part[i].kind == ESPOTA_EXTRACT_APP && !x->found.part[i].blank;
    return part->kind == ESPOTA_EXTRACT_BOOTLOADER        ? "bootloader"
           : part->kind == ESPOTA_EXTRACT_TABLE           ? "partition-table"
           : part->kind == ESPOTA_EXTRACT_OTADATA         ? "otadata"
           : part->kind == ESPOTA_EXTRACT_APP && apps < 2 ? "app"
                                                          : NULL;
}

/* flasher_args.json, so that the folder can be flashed as a build. */
static int write_args(struct extraction *x, const struct espota_chip *chip)
{
    struct fields args = fields_begin(), files = fields_begin(), extra = fields_begin();
    for (unsigned i = 0; i < x->found.count; i++) {
        const struct espota_extract_part *part = &x->found.part[i];
        const char *key = args_key(x, part);
        struct fields named = fields_begin();
        char offset[16], file[sizeof part->name + 8];
        snprintf(offset, sizeof offset, "0x%" PRIx32, part->offset);
        snprintf(file, sizeof file, "%s.bin", part->name);
        field_text(&named, "offset", offset);
        field_text(&named, "file", file);
        if (!part->blank)
            field_text(&files, offset, file);
        if (key && !part->blank)
            field_object(&args, key, named);
        else
            fields_free(&named);
    }
    field_object(&args, "flash_files", files);
    if (chip)
        field_text(&extra, "chip", chip->id);
    field_object(&args, "extra_esptool_args", extra);
    char *text = document_text(&args);
    fields_free(&args);
    int result = text ? write_named(x, "flasher_args.json", text, strlen(text))
                      : espota_fail_memory(x->error, "extracting a merged image");
    free(text);
    return result;
}

static int set_extract_result(struct extraction *x, const struct espota_chip *chip)
{
    struct fields document = document_begin();
    field_text(&document, "directory", x->directory);
    field_chip(&document, "chip", chip);
    field_list(&document, "parts", x->parts);
    x->parts = (struct items){ 0 };
    return set_result(x->cli, document, x->error);
}

static int write_all(struct extraction *x, const struct espota_chip *chip)
{
    int result = 0;
    if (mkdir(x->directory, 0777) != 0 && errno != EEXIST)
        return espota_fail(x->error, ESPOTA_ERR_IO, "cannot make the folder %s: %s", x->directory,
                           espota_reason(errno));
    for (unsigned i = 0; result == 0 && i < x->found.count; i++)
        result = write_part(x, &x->found.part[i]);
    if (result == 0)
        result = write_table(x);
    if (result == 0)
        result = write_args(x, chip);
    if (result == 0 && x->blank[0])
        espota_ui_say(&x->cli->ui, "Blank, and left out: %s", x->blank);
    if (result == 0 && x->cli->json)
        result = set_extract_result(x, chip);
    return result;
}

int image_extract(struct cli *cli, const struct image_options *o, const char *name,
                  struct espota_bytes *bytes, struct espota_error *error)
{
    struct extraction *x = calloc(1, sizeof *x);
    struct espota_file about;
    if (!x)
        return espota_fail_memory(error, "extracting a merged image");
    x->cli = cli;
    x->directory = o->extract;
    x->error = error;
    x->parts = items_begin();
    espota_file_examine(&about, bytes->data, bytes->size);
    int result = 0;
    if (about.kind == ESPOTA_FILE_INTEL_HEX || about.kind == ESPOTA_FILE_UF2)
        result = lay_out(bytes, &about, name, error);
    if (result == 0)
        espota_file_examine(&about, bytes->data, bytes->size);
    if (result == 0)
        result = espota_extract(&x->found, name, &about, bytes->data, bytes->size, error);
    if (result == 0)
        result = write_all(x, about.has_chip ? espota_chip_by_image_id(about.chip.image_id) : NULL);
    items_free(&x->parts);
    free(x);
    return result;
}

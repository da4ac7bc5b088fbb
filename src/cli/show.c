/* How tables and images look, to people and as JSON. */
#include "cli.h"

#include "espota/chip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool to_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

void print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    espota_ui_vprint(stdout, format, args);
    va_end(args);
}

int finish_output(struct espota_error *error)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return espota_fail(error, ESPOTA_ERR_IO, "cannot write the result to standard output: %s",
                           espota_reason(errno));
    return 0;
}

int print_json(json_t *document, struct espota_error *error)
{
    if (!document)
        return espota_fail_memory(error, "building the JSON result");
    char *text = json_dumps(document, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(document);
    if (!text)
        return espota_fail_memory(error, "writing the JSON result");
    for (const char *at = text; *at; at++) {
        if (*at == 0x7f) /* the one control character that Jansson does not escape */
            fputs("\\u007f", stdout);
        else
            fputc(*at, stdout);
    }
    fputc('\n', stdout);
    free(text);
    return 0; /* finish_output() finds what went wrong */
}

/* Text from outside may be any bytes; JSON is UTF-8. */
json_t *text_json(const char *text)
{
    json_t *value = json_string(text);
    char *copy = value ? NULL : strdup(text);
    if (copy)
        value = json_string(espota_ui_clean(copy));
    free(copy);
    return value ? value : json_string("?");
}

int print_device_json(struct cli *cli, json_t *document, struct espota_error *error)
{
    json_t *warnings = cli->warnings ? json_incref(cli->warnings) : json_array();
    if (document && json_object_set_new(document, "warnings", warnings) != 0) {
        json_decref(document);
        document = NULL;
    }
    return print_json(document, error);
}

void warn_about_device(struct cli *cli, const char *text)
{
    json_t *value = text_or_null(text), *known;
    size_t i;
    if (!cli->warnings)
        cli->warnings = json_array();
    json_array_foreach(cli->warnings, i, known)
    {
        if (json_equal(known, value)) {
            json_decref(value);
            return;
        }
    }
    json_array_append_new(cli->warnings, value);
    if (!cli->ui.quiet)
        espota_ui_warn(&cli->ui, "%s", text);
}

json_t *text_or_null(const char *text)
{
    return text && *text ? text_json(text) : json_null();
}

/* As it is into files and pipes; harmless on a terminal. */
void print_csv(const struct espota_bytes *csv)
{
    if (isatty(STDOUT_FILENO) != 1) {
        fwrite(csv->data, 1, csv->size, stdout);
        return;
    }
    for (const char *at = (const char *)csv->data; *at;) {
        size_t length = strcspn(at, "\n");
        print("%.*s\n", (int)length, at);
        at += length + (at[length] == '\n');
    }
}

int write_csv(const char *path, const struct espota_bytes *csv, struct espota_error *error)
{
    if (!to_stdout(path))
        return espota_file_write(path, csv->data, csv->size, error);
    print_csv(csv);
    return 0;
}

#define CELL 24

struct row {
    char key[2], offset[CELL], size[CELL], type[CELL], subtype[CELL], flags[CELL];
};

static char key_of(unsigned index)
{
    static const char keys[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return index < sizeof keys - 1 ? keys[index] : '#';
}

static void fill_row(struct row *row, const struct espota_partition *p, unsigned index)
{
    const char *type = espota_type_name(p->type);
    const char *subtype = espota_subtype_name(p->type, p->subtype);
    snprintf(row->key, sizeof row->key, "%c", key_of(index));
    snprintf(row->offset, sizeof row->offset, "0x%06" PRIx32, p->offset);
    espota_size_text(p->size, row->size);
    snprintf(row->type, sizeof row->type, "0x%02x", p->type);
    snprintf(row->subtype, sizeof row->subtype, "0x%02x", p->subtype);
    if (type)
        snprintf(row->type, sizeof row->type, "%s", type);
    if (subtype)
        snprintf(row->subtype, sizeof row->subtype, "%s", subtype);
    snprintf(row->flags, sizeof row->flags, "%s%s", p->flags & ESPOTA_FLAG_ENCRYPTED ? "encrypted " : "",
             p->flags & ESPOTA_FLAG_READONLY ? "readonly" : "");
}

static void print_rows(const struct espota_table *table, const struct row *rows, const char **cells)
{
    static const struct espota_column columns[] = {
        { " ", ESPOTA_LEFT },       { "Name", ESPOTA_LEFT },    { "Type", ESPOTA_LEFT },
        { "SubType", ESPOTA_LEFT }, { "Offset", ESPOTA_RIGHT }, { "Size", ESPOTA_RIGHT },
        { "Flags", ESPOTA_LEFT },
    };
    enum { COLUMNS = sizeof columns / sizeof columns[0] };
    bool any_flags = false;
    for (unsigned i = 0; i < table->count; i++)
        any_flags = any_flags || rows[i].flags[0];
    size_t shown = any_flags ? COLUMNS : COLUMNS - 1;
    for (unsigned i = 0; i < table->count; i++) {
        const char *row[COLUMNS] = { rows[i].key,    table->entry[i].label, rows[i].type, rows[i].subtype,
                                     rows[i].offset, rows[i].size,          rows[i].flags };
        memcpy(&cells[i * shown], row, shown * sizeof row[0]);
    }
    espota_ui_table(stdout, columns, shown, cells, table->count);
}

/* What lies below the partitions: bootloader and table. */
static void print_map(const struct espota_table *table, uint64_t flash_size)
{
    struct espota_map_range ranges[ESPOTA_TABLE_MAX_ENTRIES + 1];
    size_t count = 0;
    ranges[count++] = (struct espota_map_range){ '*', 0, table->offset + ESPOTA_TABLE_SECTOR_SIZE };
    for (unsigned i = 0; i < table->count; i++)
        ranges[count++] =
            (struct espota_map_range){ key_of(i), table->entry[i].offset, table->entry[i].size };
    espota_ui_map(stdout, ranges, count, flash_size, 64);
    print(" '*' bootloader and table, '+' several small parts, '.' free\n");
}

int print_table(const struct espota_table *table, uint64_t flash_size, struct espota_error *error)
{
    struct row *rows = calloc(table->count + 1, sizeof *rows);
    const char **cells = calloc((size_t)table->count * 7 + 1, sizeof *cells);
    int result = 0;
    if (!rows || !cells) {
        result = espota_fail_memory(error, "showing the table");
    } else {
        for (unsigned i = 0; i < table->count; i++)
            fill_row(&rows[i], &table->entry[i], i);
        print_rows(table, rows, cells);
        print("\n");
        print_map(table, flash_size ? flash_size : espota_table_end(table));
    }
    free(rows);
    free(cells);
    return result;
}

static json_t *partition_json(const struct espota_partition *p)
{
    const char *type = espota_type_name(p->type);
    const char *subtype = espota_subtype_name(p->type, p->subtype);
    return json_pack("{s:o, s:o, s:o, s:i, s:i, s:I, s:I, s:b, s:b}", "name", text_json(p->label), "type",
                     type ? json_string(type) : json_null(), "subtype",
                     subtype ? json_string(subtype) : json_null(), "type_id", p->type, "subtype_id",
                     p->subtype, "offset", (json_int_t)p->offset, "size", (json_int_t)p->size, "encrypted",
                     (p->flags & ESPOTA_FLAG_ENCRYPTED) != 0, "readonly",
                     (p->flags & ESPOTA_FLAG_READONLY) != 0);
}

json_t *table_json(const struct espota_table *table)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < table->count; i++)
        if (json_array_append_new(list, partition_json(&table->entry[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

int read_subtype_names(const struct list_option *list, struct espota_subtype_name *names,
                       struct espota_table_csv_options *csv, struct espota_error *error)
{
    for (unsigned i = 0; i < list->count; i++)
        if (!espota_subtype_name_parse(&names[i], list->item[i]))
            return espota_fail(
                error, ESPOTA_ERR_USAGE,
                "'%s' is no new subtype: give its type, a name and a value from 0 to 0xff that "
                "its type does not have yet, such as 'app, my_app, 0x40'",
                list->item[i]);
    csv->extra = names;
    csv->extra_count = list->count;
    return 0;
}

void warn_about_labels(struct cli *cli, const struct espota_table *table)
{
    for (unsigned i = 0; i < table->count; i++)
        if (espota_table_suspicious_label(table, i))
            espota_ui_warn(&cli->ui,
                           "partition '%s' is named like a type or subtype that it does not have: a slip?",
                           table->entry[i].label);
}

static json_t *segments_json(const struct espota_image *image)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < image->segment_count && i < ESPOTA_IMAGE_MAX_SEGMENTS; i++) {
        const struct espota_image_segment *s = &image->segment[i];
        json_array_append_new(list,
                              json_pack("{s:I, s:I, s:I}", "load_address", (json_int_t)s->load_address,
                                        "length", (json_int_t)s->length, "offset", (json_int_t)s->offset));
    }
    return list;
}

static json_t *description_json(const struct espota_image *image)
{
    const struct espota_app_desc *d = &image->description;
    char elf[2 * ESPOTA_SHA256_LENGTH + 1];
    if (!image->has_description)
        return json_null();
    espota_hex(d->elf_sha256, sizeof d->elf_sha256, elf);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:s}", "project", text_json(d->project), "version",
                     text_json(d->version), "idf_version", text_json(d->idf_version), "date",
                     text_json(d->date), "time", text_json(d->time), "secure_version",
                     (json_int_t)d->secure_version, "elf_sha256", elf);
}

json_t *image_json(const struct espota_image *image, enum espota_image_verdict verdict)
{
    static const char *const modes[] = { "qio", "qout", "dio", "dout" };
    char words[ESPOTA_PROBLEM_TEXT], hash[2 * ESPOTA_SHA256_LENGTH + 1];
    const struct espota_chip *chip = espota_chip_by_image_id(image->chip_id);
    uint32_t frequency = chip ? chip->frequency[image->flash_frequency] : 0;
    bool complete = image->length > 0;
    espota_hex(image->hash_computed, ESPOTA_SHA256_LENGTH, hash);
    return json_pack(
        "{s:b, s:s, s:o, s:i, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "valid",
        verdict == ESPOTA_IMAGE_OK, "verdict", espota_image_verdict_text(verdict, image, words), "chip",
        chip ? json_string(chip->id) : json_null(), "chip_id", image->chip_id, "entry",
        (json_int_t)image->entry, "length", (json_int_t)image->length, "flash_mode",
        image->flash_mode < 4 ? json_string(modes[image->flash_mode]) : json_null(), "flash_frequency_mhz",
        frequency ? json_integer((json_int_t)frequency) : json_null(), "flash_size",
        image->flash_size < 8 ? json_integer((json_int_t)(1u << image->flash_size) << 20) : json_null(),
        "checksum_ok",
        complete ? json_boolean(image->checksum_stored == image->checksum_computed) : json_null(), "hash_ok",
        complete && image->hash_appended
            ? json_boolean(memcmp(image->hash_stored, image->hash_computed, ESPOTA_SHA256_LENGTH) == 0)
            : json_null(),
        "sha256", complete ? json_string(hash) : json_null(), "segments", segments_json(image), "description",
        description_json(image));
}

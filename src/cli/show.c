/* How tables and images look, to people and as JSON. */
#include "cli.h"

#include "espota/buffer.h"
#include "espota/chip.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/size.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void print_text(const char *text, size_t length)
{
    if (isatty(STDOUT_FILENO) != 1) {
        fwrite(text, 1, length, stdout);
        return;
    }
    for (const char *at = text; *at;) {
        size_t line = strcspn(at, "\n");
        print("%.*s\n", (int)line, at);
        at += line + (at[line] == '\n');
    }
}

void print_csv(const struct espota_bytes *csv)
{
    print_text((const char *)csv->data, csv->size);
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

/* A terminal's, within reason. */
static unsigned map_width(void)
{
    enum { USUAL = 64, LEAST = 24, MOST = 160 };
    size_t columns = espota_ui_columns(stdout);
    if (columns == 0)
        return USUAL;
    columns = columns > 4 ? columns - 4 : 0;
    return columns < LEAST ? LEAST : columns > MOST ? MOST : (unsigned)columns;
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
    espota_ui_map(stdout, ranges, count, flash_size, map_width());
    bool narrow = map_width() < 62;
    const char *between = narrow ? "\n " : ", ";
    fprintf(stdout, " '*' bootloader and table%s'+' several small parts%s'.' free\n", between, between);
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

static struct fields partition_fields(const struct espota_partition *p)
{
    struct fields fields = fields_begin();
    field_label(&fields, "name", p);
    field_text(&fields, "type", espota_type_name(p->type));
    field_text(&fields, "subtype", espota_subtype_name(p->type, p->subtype));
    field_number(&fields, "type_id", p->type);
    field_number(&fields, "subtype_id", p->subtype);
    field_number(&fields, "offset", p->offset);
    field_number(&fields, "size", p->size);
    field_flag(&fields, "encrypted", (p->flags & ESPOTA_FLAG_ENCRYPTED) != 0);
    field_flag(&fields, "readonly", (p->flags & ESPOTA_FLAG_READONLY) != 0);
    return fields;
}

struct items table_items(const struct espota_table *table)
{
    struct items items = items_begin();
    for (unsigned i = 0; i < table->count; i++)
        item_object(&items, partition_fields(&table->entry[i]));
    return items;
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

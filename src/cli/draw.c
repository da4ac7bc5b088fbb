/* Layouts as drawings. */
#include "cli.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/size.h"
#include "espota/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char type[40], size[ESPOTA_SIZE_TEXT];
};

static enum espota_map_kind kind_of(const struct espota_partition *p)
{
    if (p->type == ESPOTA_TYPE_APP)
        return ESPOTA_PART_APP;
    if (p->type != ESPOTA_TYPE_DATA)
        return ESPOTA_PART_OTHER;
    bool files = p->subtype == ESPOTA_DATA_FAT || p->subtype == ESPOTA_DATA_SPIFFS ||
                 p->subtype == ESPOTA_DATA_LITTLEFS;
    return files ? ESPOTA_PART_FILES : ESPOTA_PART_DATA;
}

static int by_offset(const void *a, const void *b)
{
    const struct espota_map_part *left = a, *right = b;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

static void fill_part(struct espota_map_part *part, struct text *text, const struct espota_partition *p)
{
    const char *type = espota_type_name(p->type), *subtype = espota_subtype_name(p->type, p->subtype);
    char type_number[8], subtype_number[8];
    snprintf(type_number, sizeof type_number, "0x%02x", p->type);
    snprintf(subtype_number, sizeof subtype_number, "0x%02x", p->subtype);
    snprintf(text->type, sizeof text->type, "%s, %s", type ? type : type_number,
             subtype ? subtype : subtype_number);
    espota_size_text(p->size, text->size);
    *part = (struct espota_map_part){ p->label, text->type, text->size, kind_of(p), p->offset, p->size };
}

/* Bootloader and table, which no table lists as a rule, and its partitions. */
static void draw(FILE *out, const char *title, const struct espota_table *table, uint64_t flash_size)
{
    struct espota_map_part parts[ESPOTA_TABLE_MAX_ENTRIES + 1];
    struct text texts[ESPOTA_TABLE_MAX_ENTRIES + 1];
    uint32_t below = table->offset + ESPOTA_TABLE_SECTOR_SIZE;
    size_t count = 0;
    bool listed = false;
    for (unsigned i = 0; i < table->count; i++)
        listed = listed || table->entry[i].offset < below;
    if (!listed) {
        parts[count] = (struct espota_map_part){ "bootloader, table", "", texts[count].size,
                                                 ESPOTA_PART_LOADER,  0,  below };
        espota_size_text(below, texts[count++].size);
    }
    for (unsigned i = 0; i < table->count; i++, count++)
        fill_part(&parts[count], &texts[count], &table->entry[i]);
    qsort(parts, count, sizeof parts[0], by_offset);
    espota_ui_map_svg(out, title, parts, count, flash_size ? flash_size : espota_table_end(table));
}

int write_svg(const char *path, const char *title, const struct espota_table *table, uint64_t flash_size,
              struct espota_error *error)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return espota_fail_memory(error, "drawing the layout");
    draw(out, title, table, flash_size);
    bool failed = ferror(out) != 0;
    int result = 0;
    if (fclose(out) != 0 || failed)
        result = espota_fail_memory(error, "drawing the layout");
    else if (to_stdout(path))
        print_text(text, length);
    else
        result = espota_file_write(path, text, length, error);
    free(text);
    return result;
}

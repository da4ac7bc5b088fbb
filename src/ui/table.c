#include "ui.h"

#include <inttypes.h>
#include <string.h>

/* Columns of a terminal: one for each character, and for each byte that is shown as '?'. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (size_t length; *text; text += length ? length : 1, width++)
        length = espota_ui_character(text);
    return width;
}

static void put_cell(FILE *out, const char *text, size_t width, enum espota_align align, bool last)
{
    size_t used = width_of(text);
    size_t padding = width > used ? width - used : 0;
    if (align == ESPOTA_RIGHT)
        for (size_t i = 0; i < padding; i++)
            fputc(' ', out);
    espota_ui_print(out, "%s", text);
    if (last)
        return;
    for (size_t i = 0; align == ESPOTA_LEFT && i < padding; i++)
        fputc(' ', out);
    fputs("  ", out);
}

static size_t column_width(const struct espota_column *columns, size_t column_count, const char *const *cells,
                           size_t row_count, size_t column)
{
    size_t width = width_of(columns[column].title);
    for (size_t row = 0; row < row_count; row++) {
        const char *cell = cells[row * column_count + column];
        if (cell && width_of(cell) > width)
            width = width_of(cell);
    }
    return width;
}

void espota_ui_table(FILE *out, const struct espota_column *columns, size_t column_count,
                     const char *const *cells, size_t row_count)
{
    for (size_t row = 0; row <= row_count; row++) {
        for (size_t c = 0; c < column_count; c++) {
            const char *cell = row == 0 ? columns[c].title : cells[(row - 1) * column_count + c];
            put_cell(out, cell ? cell : "", column_width(columns, column_count, cells, row_count, c),
                     columns[c].align, c + 1 == column_count);
        }
        fputc('\n', out);
    }
}

static char map_cell(const struct espota_map_range *ranges, size_t count, uint64_t from, uint64_t to)
{
    size_t covering = 0;
    char key = '.';
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].size == 0 || ranges[i].offset >= to || ranges[i].offset + ranges[i].size <= from)
            continue;
        covering++;
        key = ranges[i].key;
        if (ranges[i].offset <= from && ranges[i].offset + ranges[i].size >= to)
            return key;
    }
    return covering > 1 ? '+' : key;
}

static void put_ruler(FILE *out, uint64_t total, unsigned width)
{
    enum { MARKS = 4 };
    unsigned column = 0;
    for (unsigned mark = 0; mark <= MARKS; mark++) {
        char text[24];
        uint64_t at = total * mark / MARKS;
        if (at % (1024 * 1024) == 0)
            snprintf(text, sizeof text, "%" PRIu64 "M", at / (1024 * 1024));
        else
            snprintf(text, sizeof text, "%" PRIu64 "K", at / 1024);
        unsigned place = width * mark / MARKS;
        unsigned start = place > strlen(text) && mark == MARKS ? place - (unsigned)strlen(text) + 1 : place;
        for (; column < start; column++)
            fputc(' ', out);
        column += (unsigned)fprintf(out, "%s", mark == 0 ? "0" : text);
    }
    fputc('\n', out);
}

void espota_ui_map(FILE *out, const struct espota_map_range *ranges, size_t count, uint64_t total,
                   unsigned width)
{
    fputs(" ", out);
    put_ruler(out, total, width);
    fputs("[", out);
    for (unsigned i = 0; i < width; i++)
        fputc(map_cell(ranges, count, total * i / width, total * (i + 1) / width), out);
    fputs("]\n", out);
}

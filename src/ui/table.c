#include "ui.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

size_t espota_ui_columns(FILE *out)
{
    struct winsize size;
    int fd = fileno(out);
    return isatty(fd) == 1 && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* What a cell shows in `width` columns: of a text that is longer, as many characters as leave room for "..".
 */
static size_t cut_at(const char *text, size_t width, size_t *used)
{
    size_t whole = espota_ui_width(text), end = 0;
    *used = whole;
    if (whole <= width)
        return strlen(text);
    for (*used = 0; text[end];) {
        size_t length = espota_ui_character(text + end);
        char character[8] = "?";
        length = length ? length : 1;
        snprintf(character, sizeof character, "%.*s", (int)length, text + end);
        if (*used + espota_ui_width(character) + 2 > width)
            break;
        *used += espota_ui_width(character);
        end += length;
    }
    return end;
}

static void put_cell(FILE *out, const char *text, size_t width, enum espota_align align, bool last)
{
    size_t used, end = cut_at(text, width, &used);
    bool cut = text[end] != '\0';
    used += cut ? 2 : 0;
    size_t padding = width > used ? width - used : 0;
    if (align == ESPOTA_RIGHT)
        for (size_t i = 0; i < padding; i++)
            fputc(' ', out);
    espota_ui_print(out, "%.*s%s", (int)end, text, cut ? ".." : "");
    if (last)
        return;
    for (size_t i = 0; align == ESPOTA_LEFT && i < padding; i++)
        fputc(' ', out);
    fputs("  ", out);
}

static size_t column_width(const struct espota_column *columns, size_t column_count, const char *const *cells,
                           size_t row_count, size_t column)
{
    size_t width = espota_ui_width(columns[column].title);
    for (size_t row = 0; row < row_count; row++) {
        const char *cell = cells[row * column_count + column];
        if (cell && espota_ui_width(cell) > width)
            width = espota_ui_width(cell);
    }
    return width;
}

/* The widest columns of text give way until all fit. */
static void fit(const struct espota_column *columns, size_t count, size_t *widths, size_t available)
{
    enum { LEAST = 8 };
    size_t total = 2 * (count - 1);
    for (size_t c = 0; c < count; c++)
        total += widths[c];
    for (; available > 0 && total > available; total--) {
        size_t widest = count;
        for (size_t c = 0; c < count; c++)
            if (columns[c].align == ESPOTA_LEFT && (widest == count || widths[c] > widths[widest]))
                widest = c;
        if (widest == count || widths[widest] <= LEAST)
            return;
        widths[widest]--;
    }
}

void espota_ui_table(FILE *out, const struct espota_column *columns, size_t column_count,
                     const char *const *cells, size_t row_count)
{
    size_t widths[ESPOTA_UI_MOST_COLUMNS] = { 0 };
    if (column_count > ESPOTA_UI_MOST_COLUMNS)
        column_count = ESPOTA_UI_MOST_COLUMNS;
    for (size_t c = 0; c < column_count; c++)
        widths[c] = column_width(columns, column_count, cells, row_count, c);
    fit(columns, column_count, widths, espota_ui_columns(out));
    for (size_t row = 0; row <= row_count; row++) {
        for (size_t c = 0; c < column_count; c++) {
            const char *cell = row == 0 ? columns[c].title : cells[(row - 1) * column_count + c];
            put_cell(out, cell ? cell : "", widths[c], columns[c].align, c + 1 == column_count);
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

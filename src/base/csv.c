#include "csv.h"

#include <stdbool.h>
#include <string.h>

/* A line without its end. @return false when there is none. */
static bool take_line(struct csv_reader *r, const char **line, size_t *length)
{
    do {
        if (r->at == r->end)
            return false;
        *line = r->at;
        while (r->at < r->end && *r->at != '\n' && *r->at != '\r')
            r->at++;
        *length = (size_t)(r->at - *line);
        if (r->at < r->end && *r->at == '\r' && r->at + 1 < r->end && r->at[1] == '\n')
            r->at++;
        r->at += r->at < r->end;
        r->line++;
    } while (*length > 0 && **line == '#');
    return true;
}

/* Has the line an end, or only the file? */
static bool ended(const struct csv_reader *r, const char *line, size_t length)
{
    return r->at > line + length;
}

static int append(struct csv_row *row, char c, struct espota_error *error)
{
    return espota_bytes_append(&row->text, &c, 1, error);
}

static int end_field(struct csv_row *row, struct espota_error *error)
{
    size_t start = row->count == 0 ? 0 : row->start[row->count - 1] + row->length[row->count - 1] + 1;
    if (row->count == CSV_COLUMNS) { /* one too many: forget it */
        row->text.size = start;
        return 0;
    }
    row->start[row->count] = start;
    row->length[row->count++] = row->text.size - start;
    return append(row, '\0', error);
}

enum state { AT_START, UNQUOTED, QUOTED, AFTER_QUOTE };

/* One character of a line. */
static int take(struct csv_row *row, enum state *state, char c, struct espota_error *error)
{
    if (*state == QUOTED) {
        if (c != '"')
            return append(row, c, error);
        *state = AFTER_QUOTE;
        return 0;
    }
    if (c == ',') {
        *state = AT_START;
        return end_field(row, error);
    }
    if (c == '"' && (*state == AT_START || *state == AFTER_QUOTE)) {
        int result = *state == AFTER_QUOTE ? append(row, c, error) : 0;
        *state = QUOTED;
        return result;
    }
    *state = UNQUOTED;
    return append(row, c, error);
}

int csv_next(struct csv_reader *r, struct csv_row *row, struct espota_error *error)
{
    enum state state = AT_START;
    const char *line = NULL;
    size_t length = 0;
    row->count = 0;
    row->text.size = 0;
    do
        if (!take_line(r, &line, &length))
            return 0;
    while (length == 0);
    row->line = r->line;
    for (;;) {
        for (size_t i = 0; i < length; i++)
            if (take(row, &state, line[i], error) != 0)
                return -1;
        if (state != QUOTED)
            break;
        if (ended(r, line, length) && append(row, '\n', error) != 0)
            return -1;
        if (!take_line(r, &line, &length))
            break;
    }
    row->open = state == QUOTED;
    return end_field(row, error) == 0 ? 1 : -1;
}

const char *csv_field(const struct csv_row *row, unsigned column)
{
    return column < row->count ? (const char *)row->text.data + row->start[column] : NULL;
}

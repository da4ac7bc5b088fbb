/* CSV as Python's csv module reads it (dialect excel, not strict). */
#ifndef ESPOTA_BASE_CSV_H
#define ESPOTA_BASE_CSV_H

#include "espota/buffer.h"
#include "espota/error.h"

#include <stdbool.h>

enum { CSV_COLUMNS = 32 };

struct csv_row {
    unsigned line;                                  /* where it begins, from 1 */
    unsigned count;                                 /* fields; beyond CSV_COLUMNS they are left out */
    size_t start[CSV_COLUMNS], length[CSV_COLUMNS]; /* in `text`; each is followed by a NUL */
    struct espota_bytes text;
    bool open; /* it ended with the file, within quotes */
};

struct csv_reader {
    const char *at, *end;
    unsigned line; /* lines taken */
};

/* The next row; blank lines are none, nor are those that begin with '#', also within quotes. Line ends are
 * LF, CR or CR LF, and LF in a field.
 * @return 1; 0 at the end; -1 with the error filled in: memory is short. */
int csv_next(struct csv_reader *reader, struct csv_row *row, struct espota_error *error);

/* A field; NULL: there is none. */
const char *csv_field(const struct csv_row *row, unsigned column);

#endif

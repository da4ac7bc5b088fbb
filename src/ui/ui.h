/** How espota speaks to people: messages and progress on stderr, results on stdout, colour only where it
 * helps. Depends on nothing else of ours. */
#ifndef ESPOTA_UI_H
#define ESPOTA_UI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct espota_ui {
    FILE *err;
    bool quiet;         /* -q: errors and warnings only */
    unsigned verbosity; /* -v counts */
    bool colour;        /* stderr may be coloured */
    bool live;          /* stderr is a terminal: progress redraws a line */
    /* progress under way */
    char what[96];
    uint64_t started_ms, drawn_ms;
    bool drawn;
};

/** Look at the terminal and NO_COLOR. */
void espota_ui_init(struct espota_ui *ui, bool quiet, unsigned verbosity);

/* ---- text from outside ------------------------------------------------------------------------------------
 *
 * Every function here that prints makes its text harmless first, wherever it comes from: control characters
 * (C0, DEL, C1), what is no UTF-8, and characters that turn the direction of writing become '?'. */

/** Do that in place. @return `text`. */
char *espota_ui_clean(char *text);
/** Length of the harmless character at the start of `text`; 0: there is none. */
size_t espota_ui_character(const char *text);
/** Columns that `text` takes on a terminal, made harmless; East Asian wide characters take two, combining
 * ones none. */
size_t espota_ui_width(const char *text);
/** For "%-*s" of printf, which counts bytes: the width that is `columns` of a terminal. */
int espota_ui_pad(const char *text, int columns);
/** Columns of the terminal that `out` is; 0: it is none, and text may be of any width. */
size_t espota_ui_columns(FILE *out);
/** printf for results. Line breaks at the start and the end of the format are printed; all others come from
 * arguments, and are made harmless. */
void espota_ui_print(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void espota_ui_vprint(FILE *out, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* ---- messages ---------------------------------------------------------------------------------------------
 */

/** A line of conversation; not with -q. */
void espota_ui_say(struct espota_ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A line only with -v. */
void espota_ui_detail(struct espota_ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** "espota: warning: ..." always. */
void espota_ui_warn(struct espota_ui *ui, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** "espota: ..." always. */
void espota_ui_error(struct espota_ui *ui, const char *text);

/** Progress of `what`: drawn once it has taken more than a second, with bytes, rate and time left; on a
 * terminal redrawn in place, elsewhere not at all. A change of `what` starts a new one. `now_ms` is any
 * clock. */
void espota_ui_progress(struct espota_ui *ui, const char *what, uint64_t done, uint64_t total,
                        uint64_t now_ms);
/** End the line that progress may have left. */
void espota_ui_progress_end(struct espota_ui *ui);

/* ---- text tables ------------------------------------------------------------------------------------------
 */

enum { ESPOTA_UI_MOST_COLUMNS = 16 };

enum espota_align { ESPOTA_LEFT, ESPOTA_RIGHT };

struct espota_column {
    const char *title;
    enum espota_align align;
};

/** Print rows under titles, columns two spaces apart. `cells` has rows * columns strings; NULL is empty. On a
 * terminal that is too narrow, the widest columns that are aligned left are cut short, and end with "..". */
void espota_ui_table(FILE *out, const struct espota_column *columns, size_t column_count,
                     const char *const *cells, size_t row_count);

/* ---- flash map --------------------------------------------------------------------------------------------
 */

struct espota_map_range {
    char key; /* the letter that fills it */
    uint64_t offset, size;
};

/** What a part of flash is, and so how it is coloured. */
enum espota_map_kind {
    ESPOTA_PART_LOADER,
    ESPOTA_PART_APP,
    ESPOTA_PART_DATA,
    ESPOTA_PART_FILES,
    ESPOTA_PART_OTHER,
};

struct espota_map_part {
    const char *name, *type, *size_text;
    enum espota_map_kind kind;
    uint64_t offset, size;
};

/** Draw `parts`, sorted by offset, in `total` bytes as an SVG document. Errors show in ferror(out). */
void espota_ui_map_svg(FILE *out, const char *title, const struct espota_map_part *parts, size_t count,
                       uint64_t total);

/** One bar to scale, `width` characters for `total` bytes, with a ruler of addresses. Ranges smaller than a
 * character share it: it shows '+' when several begin there. Free space is '.'. */
void espota_ui_map(FILE *out, const struct espota_map_range *ranges, size_t count, uint64_t total,
                   unsigned width);

#endif

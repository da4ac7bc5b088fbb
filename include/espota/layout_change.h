/** What changing from one partition table to another does to what the partitions hold. */
#ifndef ESPOTA_LAYOUT_CHANGE_H
#define ESPOTA_LAYOUT_CHANGE_H

#pragma GCC visibility push(default)

#include "espota/table.h"

enum espota_layout_change_kind {
    ESPOTA_CHANGE_STAYS,    /* same name, kind and place: what it holds stays */
    ESPOTA_CHANGE_MOVED,    /* it begins elsewhere */
    ESPOTA_CHANGE_GROWN,    /* it begins at the same place and ends later */
    ESPOTA_CHANGE_SHRUNK,   /* ... and ends earlier */
    ESPOTA_CHANGE_RETYPED,  /* same name, another type or subtype */
    ESPOTA_CHANGE_VANISHED, /* no partition has its name any more */
};

struct espota_layout_change {
    const struct espota_partition *from; /* in the old table */
    const struct espota_partition *to;   /* in the new table; NULL: vanished */
    enum espota_layout_change_kind kind;
};

/** What becomes of each partition of `from` under `to`, in the order of `from`. `change` has room for
 * from->count.
 * @return how many do not stay. 0 with new partitions added in free space is possible. */
unsigned espota_layout_compare(const struct espota_table *from, const struct espota_table *to,
                               struct espota_layout_change *change);

/** Do both tables say the same, entry by entry? */
bool espota_layout_same(const struct espota_table *a, const struct espota_table *b);

/** Flash that a change from one table to another has to erase. */
struct espota_layout_erasure {
    const struct espota_partition *partition; /* in the new table */
    uint32_t length;                          /* bytes from its start */
};

/** What must go so that no partition of `to` begins its life with another's content: all of a data partition
 * that is not as it was, the first sector of an app partition that is not, and otadata when a slot changed.
 * What is the same in both tables, whatever its name, is left alone. `erasure` has room for to->count.
 * @return how many. */
unsigned espota_layout_erasures(const struct espota_table *from, const struct espota_table *to,
                                struct espota_layout_erasure *erasure);

/** One sentence about a change that does not stay: "'nvs' moves from 0x9000 to 0xa000". @return `text`. */
#define ESPOTA_LAYOUT_TEXT 160
const char *espota_layout_change_text(const struct espota_layout_change *change,
                                      char text[ESPOTA_LAYOUT_TEXT]);

#pragma GCC visibility pop

#endif

#include "espota/layout_change.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum espota_layout_change_kind kind_of_change(const struct espota_partition *from,
                                                     const struct espota_partition *to)
{
    if (!to)
        return ESPOTA_CHANGE_VANISHED;
    if (from->type != to->type || from->subtype != to->subtype)
        return ESPOTA_CHANGE_RETYPED;
    if (from->offset != to->offset)
        return ESPOTA_CHANGE_MOVED;
    if (from->size != to->size)
        return from->size < to->size ? ESPOTA_CHANGE_GROWN : ESPOTA_CHANGE_SHRUNK;
    return ESPOTA_CHANGE_STAYS;
}

unsigned espota_layout_compare(const struct espota_table *from, const struct espota_table *to,
                               struct espota_layout_change *change)
{
    unsigned changed = 0;
    for (unsigned i = 0; i < from->count; i++) {
        change[i].from = &from->entry[i];
        change[i].to = espota_table_find(to, from->entry[i].label);
        change[i].kind = kind_of_change(change[i].from, change[i].to);
        changed += change[i].kind != ESPOTA_CHANGE_STAYS;
    }
    return changed;
}

bool espota_layout_same(const struct espota_table *a, const struct espota_table *b)
{
    bool same = a->count == b->count;
    for (unsigned i = 0; same && i < a->count; i++) {
        const struct espota_partition *x = &a->entry[i], *y = &b->entry[i];
        same = strcmp(x->label, y->label) == 0 && x->flags == y->flags &&
               kind_of_change(x, y) == ESPOTA_CHANGE_STAYS;
    }
    return same;
}

/* Is there such a partition, of this kind, at this place? */
static bool was_there(const struct espota_table *from, const struct espota_partition *p)
{
    for (unsigned i = 0; i < from->count; i++)
        if (kind_of_change(&from->entry[i], p) == ESPOTA_CHANGE_STAYS)
            return true;
    return false;
}

static bool slots_changed(const struct espota_table *from, const struct espota_table *to)
{
    bool changed = espota_table_slot_count(from) != espota_table_slot_count(to);
    for (unsigned i = 0; !changed && i < to->count; i++)
        changed = espota_partition_is_slot(&to->entry[i]) && !was_there(from, &to->entry[i]);
    return changed;
}

unsigned espota_layout_erasures(const struct espota_table *from, const struct espota_table *to,
                                struct espota_layout_erasure *erasure)
{
    bool reset = slots_changed(from, to);
    unsigned count = 0;
    for (unsigned i = 0; i < to->count; i++) {
        const struct espota_partition *p = &to->entry[i];
        bool otadata = p->type == ESPOTA_TYPE_DATA && p->subtype == ESPOTA_DATA_OTA;
        if (was_there(from, p) && !(otadata && reset))
            continue;
        erasure[count++] = (struct espota_layout_erasure){
            p, p->type == ESPOTA_TYPE_APP && p->size > ESPOTA_SECTOR_SIZE ? ESPOTA_SECTOR_SIZE : p->size
        };
    }
    return count;
}

static const char *subtype_of(const struct espota_partition *p, char text[8])
{
    const char *name = espota_subtype_name(p->type, p->subtype);
    if (name)
        return name;
    snprintf(text, 8, "0x%02x", p->subtype);
    return text;
}

const char *espota_layout_change_text(const struct espota_layout_change *change,
                                      char text[ESPOTA_LAYOUT_TEXT])
{
    const struct espota_partition *from = change->from, *to = change->to;
    char before[8], after[8];
    size_t room = ESPOTA_LAYOUT_TEXT;
    switch (change->kind) {
    case ESPOTA_CHANGE_STAYS:
        snprintf(text, room, "'%s' stays", from->label);
        break;
    case ESPOTA_CHANGE_MOVED:
        snprintf(text, room, "'%s' moves from 0x%" PRIx32 " to 0x%" PRIx32, from->label, from->offset,
                 to->offset);
        break;
    case ESPOTA_CHANGE_GROWN:
    case ESPOTA_CHANGE_SHRUNK:
        snprintf(text, room, "'%s' %s from %" PRIu32 "K to %" PRIu32 "K", from->label,
                 change->kind == ESPOTA_CHANGE_GROWN ? "grows" : "shrinks", from->size / 1024,
                 to->size / 1024);
        break;
    case ESPOTA_CHANGE_RETYPED:
        snprintf(text, room, "'%s' changes from %s to %s", from->label, subtype_of(from, before),
                 subtype_of(to, after));
        break;
    case ESPOTA_CHANGE_VANISHED:
        snprintf(text, room, "'%s' (%s) at 0x%" PRIx32 " vanishes", from->label, subtype_of(from, before),
                 from->offset);
        break;
    }
    return text;
}

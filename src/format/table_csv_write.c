/* Writing a partition table as CSV, as ESP-IDF's generator writes it. */
#include "espota/table.h"

struct writer {
    char *text;
    size_t capacity;
    size_t length;
};

static void put_text(struct writer *w, const char *text)
{
    for (; *text; text++, w->length++)
        if (w->length + 1 < w->capacity)
            w->text[w->length] = *text;
}

static void put_number(struct writer *w, uint32_t value, unsigned base)
{
    char digits[12];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    put_text(w, base == 16 ? "0x" : "");
    put_text(w, digits + at);
}

static void put_size(struct writer *w, uint32_t size)
{
    bool mega = size % 0x100000 == 0;
    if (!mega && size % 0x400 != 0) {
        put_number(w, size, 16);
        return;
    }
    put_number(w, size / (mega ? 0x100000 : 0x400), 10);
    put_text(w, mega ? "M" : "K");
}

static void put_name(struct writer *w, const char *name, uint8_t value)
{
    if (name)
        put_text(w, name);
    else
        put_number(w, value, 10);
}

static void put_entry(struct writer *w, const struct espota_partition *p)
{
    put_text(w, p->label);
    put_text(w, ",");
    put_name(w, espota_type_name(p->type), p->type);
    put_text(w, ",");
    put_name(w, espota_subtype_name(p->type, p->subtype), p->subtype);
    put_text(w, ",");
    put_number(w, p->offset, 16);
    put_text(w, ",");
    put_size(w, p->size);
    put_text(w, ",");
    if (p->flags & ESPOTA_FLAG_ENCRYPTED)
        put_text(w, p->flags & ESPOTA_FLAG_READONLY ? "encrypted:" : "encrypted");
    if (p->flags & ESPOTA_FLAG_READONLY)
        put_text(w, "readonly");
    put_text(w, "\n");
}

size_t espota_table_format_csv(const struct espota_table *table, char *text, size_t capacity)
{
    struct writer w = { text, capacity, 0 };
    put_text(&w, "# ESP-IDF Partition Table\n# Name, Type, SubType, Offset, Size, Flags\n");
    for (unsigned i = 0; i < table->count; i++)
        put_entry(&w, &table->entry[i]);
    if (capacity > 0)
        text[w.length < capacity ? w.length : capacity - 1] = '\0';
    return w.length;
}

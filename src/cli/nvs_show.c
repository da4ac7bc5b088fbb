#include "nvs_show.h"

#include "espota/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL 24

static const char *const standings[] = {
    [ESPOTA_NVS_CURRENT] = "current", [ESPOTA_NVS_SUPERSEDED] = "superseded", [ESPOTA_NVS_ERASED] = "erased",
    [ESPOTA_NVS_DAMAGED] = "damaged", [ESPOTA_NVS_INCOMPLETE] = "incomplete", [ESPOTA_NVS_ORPHAN] = "orphan",
};

bool nvs_is_shown(const struct nvs_view *view, const struct espota_nvs_value *value)
{
    return view->all || value->standing == ESPOTA_NVS_CURRENT || value->standing == ESPOTA_NVS_DAMAGED ||
           value->standing == ESPOTA_NVS_INCOMPLETE;
}

static bool is_hidden(const struct nvs_view *view, const struct espota_nvs_value *value)
{
    return !view->show_secrets && espota_nvs_is_secret(value->name_space_name, value->key);
}

/* ---- a value as text ------------------------------------------------------------------------------------
 */

static void type_text(const struct espota_nvs_value *value, char text[CELL])
{
    const char *name = espota_nvs_type_name(value->type);
    if (name)
        snprintf(text, CELL, "%s", name);
    else
        snprintf(text, CELL, "0x%02x", value->type);
}

static void name_space_text(const struct espota_nvs_value *value, char text[CELL])
{
    if (value->name_space_name[0])
        snprintf(text, CELL, "%s", value->name_space_name);
    else
        snprintf(text, CELL, "#%u", value->name_space);
}

/* Decimal, as the type has it. @return false where it is no integer. */
static bool integer_text(const struct espota_nvs_value *value, char text[CELL])
{
    bool is_signed = false;
    if (!espota_nvs_is_integer(value->type, NULL, &is_signed))
        return false;
    if (is_signed)
        snprintf(text, CELL, "%" PRId64, (int64_t)value->number);
    else
        snprintf(text, CELL, "%" PRIu64, value->number);
    return true;
}

static size_t shown_of(const struct nvs_view *view, size_t size)
{
    return view->limit && size > view->limit ? view->limit : size;
}

/* Strings in quotes, without the NUL at their end. */
static char *string_text(const struct nvs_view *view, const struct espota_nvs_value *value)
{
    char *text = NULL;
    size_t length = strnlen((const char *)value->data, value->size);
    size_t shown = shown_of(view, length);
    if (asprintf(&text, "\"%.*s\"%s", (int)shown, (const char *)value->data, shown < length ? "..." : "") < 0)
        return NULL;
    return text;
}

static char *blob_text(const struct nvs_view *view, const struct espota_nvs_value *value)
{
    size_t shown = shown_of(view, value->size), used = 0;
    char *text = malloc(3 * shown + 48);
    if (!text)
        return NULL;
    used +=
        (size_t)snprintf(text, 32, "%zu byte%s%s", value->size, ESPOTA_PLURAL(value->size), shown ? ":" : "");
    for (size_t i = 0; i < shown; i++)
        used += (size_t)snprintf(text + used, 4, " %02x", value->data[i]);
    snprintf(text + used, 8, "%s", shown < value->size ? " ..." : "");
    return text;
}

/* @return for the caller to free; NULL: memory is short. */
static char *value_text(const struct nvs_view *view, const struct espota_nvs_value *value)
{
    char number[CELL];
    if (value->standing == ESPOTA_NVS_DAMAGED && !value->data)
        return strdup("");
    if (is_hidden(view, value))
        return strdup("(hidden)");
    if (integer_text(value, number))
        return strdup(number);
    if (!value->data)
        return strdup("");
    return value->type == ESPOTA_NVS_STRING ? string_text(view, value) : blob_text(view, value);
}

/* ---- tables ---------------------------------------------------------------------------------------------
 */

struct row {
    char name_space[CELL], type[CELL], note[CELL];
    char *value;
};

enum { COLUMNS = 5 };

static bool fill_row(struct row *row, const struct nvs_view *view, const struct espota_nvs_value *value)
{
    name_space_text(value, row->name_space);
    type_text(value, row->type);
    if (value->standing != ESPOTA_NVS_CURRENT)
        snprintf(row->note, sizeof row->note, "%s", standings[value->standing]);
    row->value = value_text(view, value);
    return row->value != NULL;
}

static int print_rows(const struct nvs_view *view, const struct espota_nvs_values *values, struct row *rows,
                      const char **cells, struct espota_error *error)
{
    static const struct espota_column columns[COLUMNS] = {
        { "Namespace", ESPOTA_LEFT }, { "Key", ESPOTA_LEFT },   { "Type", ESPOTA_LEFT },
        { "State", ESPOTA_LEFT },     { "Value", ESPOTA_LEFT },
    };
    size_t count = 0;
    for (size_t i = 0; i < values->count; i++) {
        const struct espota_nvs_value *value = &values->value[i];
        if (!nvs_is_shown(view, value))
            continue;
        if (!fill_row(&rows[count], view, value))
            return espota_fail_memory(error, "showing NVS");
        const char *row[COLUMNS] = { rows[count].name_space, value->key, rows[count].type, rows[count].note,
                                     rows[count].value };
        memcpy(&cells[count++ * COLUMNS], row, sizeof row);
    }
    if (count > 0)
        espota_ui_table(stdout, columns, COLUMNS, cells, count);
    return 0;
}

static int print_values(const struct nvs_view *view, const struct espota_nvs_values *values,
                        struct espota_error *error)
{
    struct row *rows = calloc(values->count + 1, sizeof *rows);
    const char **cells = calloc(values->count * COLUMNS + 1, sizeof *cells);
    int result = rows && cells ? print_rows(view, values, rows, cells, error)
                               : espota_fail_memory(error, "showing NVS");
    for (size_t i = 0; rows && i < values->count; i++)
        free(rows[i].value);
    free(rows);
    free(cells);
    return result;
}

static void print_page(unsigned index, const struct espota_nvs_page *page)
{
    const char *state = espota_nvs_state_name(page->state);
    if (page->state == ESPOTA_NVS_BLANK)
        print("  page %u: blank\n", index);
    else if (!page->intact)
        print("  page %u: its header is damaged (state 0x%08" PRIx32 ")\n", index, page->state);
    else
        print("  page %u: %s, sequence %" PRIu32 ", format %u, entries: %u written, %u erased, %u empty%s\n",
              index, state, page->sequence, page->version, page->written, page->erased, page->empty,
              page->damaged ? ", some of them damaged" : "");
}

int print_nvs(const struct nvs_view *view, const struct espota_nvs_values *values, struct espota_error *error)
{
    char size[ESPOTA_SIZE_TEXT];
    unsigned shown = 0;
    for (size_t i = 0; i < values->count; i++)
        shown += nvs_is_shown(view, &values->value[i]);
    int result = values->encrypted ? 0 : print_values(view, values, error);
    if (result != 0)
        return result;
    espota_size_text((uint32_t)view->size, size);
    if (values->encrypted)
        print("%u page%s (%s), with values that are encrypted\n", values->page_count,
              ESPOTA_PLURAL(values->page_count), size);
    if (shown > 0 && !values->encrypted)
        print("\n");
    if (!values->encrypted)
        print("%u value%s on %u page%s (%s)\n", shown, ESPOTA_PLURAL(shown), values->page_count,
              ESPOTA_PLURAL(values->page_count), size);
    for (unsigned i = 0; view->pages && i < values->page_count; i++)
        print_page(i, &values->page[i]);
    return 0;
}

/* ---- JSON -----------------------------------------------------------------------------------------------
 */

static void value_fields(struct fields *to, const struct nvs_view *view, const struct espota_nvs_value *value)
{
    char text[CELL];
    bool hidden = is_hidden(view, value), is_signed = false;
    bool known = !hidden && value->standing != ESPOTA_NVS_DAMAGED;
    bool is_number = espota_nvs_is_integer(value->type, NULL, &is_signed);
    bool fits = is_number && (is_signed || value->number <= INT64_MAX);
    bool is_string = value->type == ESPOTA_NVS_STRING && value->data;
    field_flag(to, "hidden", hidden);
    field_number_if(to, "number", known && fits, (int64_t)value->number);
    if (known && is_number && integer_text(value, text))
        field_text(to, "text", text);
    else
        field_text(to, "text", known && is_string ? (const char *)value->data : NULL);
    field_bytes(to, "bytes", known && !is_number && !is_string ? value->data : NULL, value->size);
    field_number_if(to, "size", value->data != NULL, (int64_t)value->size);
}

static struct fields value_item(const struct nvs_view *view, const struct espota_nvs_value *value)
{
    struct fields item = fields_begin();
    char type[CELL];
    type_text(value, type);
    field_text_if_any(&item, "namespace", value->name_space_name);
    field_number(&item, "namespace_number", value->name_space);
    field_text(&item, "key", value->key);
    field_text(&item, "type", type);
    field_text(&item, "state", standings[value->standing]);
    value_fields(&item, view, value);
    field_number(&item, "page", value->page);
    field_number(&item, "entry", value->entry);
    return item;
}

static struct fields page_item(const struct espota_nvs_page *page)
{
    struct fields item = fields_begin();
    bool known = page->intact || page->state == ESPOTA_NVS_BLANK;
    field_text(&item, "state", known ? espota_nvs_state_name(page->state) : "damaged");
    field_number_if(&item, "sequence", page->intact, page->sequence);
    field_number_if(&item, "format", page->intact, page->version);
    field_number(&item, "written", page->written);
    field_number(&item, "erased", page->erased);
    field_number(&item, "empty", page->empty);
    field_number(&item, "damaged", page->damaged);
    return item;
}

struct fields nvs_document(const struct nvs_view *view, const struct espota_nvs_values *values)
{
    struct fields document = device_document_begin(view->device);
    struct items list = items_begin(), pages = items_begin();
    for (size_t i = 0; i < values->count; i++)
        if (nvs_is_shown(view, &values->value[i]) && !values->encrypted)
            item_object(&list, value_item(view, &values->value[i]));
    for (unsigned i = 0; i < values->page_count; i++)
        item_object(&pages, page_item(&values->page[i]));
    field_text(&document, "partition", view->partition);
    field_number_if(&document, "offset", view->partition != NULL, view->offset);
    field_number(&document, "size", (int64_t)view->size);
    field_flag(&document, "encrypted", values->encrypted);
    field_list(&document, "values", list);
    field_list(&document, "pages", pages);
    return document;
}

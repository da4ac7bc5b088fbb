#include "espota/nvs_values.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* An item, and how late it was written. */
struct written {
    struct espota_nvs_item item;
    uint32_t sequence;
};

struct reading {
    struct written *list; /* as they were written */
    size_t count, room;
    const struct written **sorted; /* what is not erased, by name; of equal ones the newest last */
    size_t sorted_count;
    char names[256][ESPOTA_NVS_KEY + 1];
};

/* ---- the items, in order --------------------------------------------------------------------------------
 */

static int by_time(const void *a, const void *b)
{
    const struct written *x = a, *y = b;
    if (x->sequence != y->sequence)
        return x->sequence < y->sequence ? -1 : 1;
    if (x->item.page != y->item.page)
        return x->item.page < y->item.page ? -1 : 1;
    return x->item.entry < y->item.entry ? -1 : x->item.entry > y->item.entry;
}

/* Blobs of both formats are one and the same to an app. */
static int type_group(uint8_t type)
{
    return type == ESPOTA_NVS_BLOB_INDEX ? ESPOTA_NVS_BLOB : type;
}

static int by_name(const struct espota_nvs_item *x, const struct espota_nvs_item *y)
{
    if (x->name_space != y->name_space)
        return x->name_space - y->name_space;
    int order = strcmp(x->key, y->key);
    if (order == 0)
        order = type_group(x->type) - type_group(y->type);
    return order ? order : x->chunk - y->chunk;
}

static int by_name_and_time(const void *a, const void *b)
{
    const struct written *x = *(const struct written *const *)a, *y = *(const struct written *const *)b;
    int order = by_name(&x->item, &y->item);
    return order ? order : by_time(x, y);
}

static int add_item(struct reading *r, const struct espota_nvs_item *item, uint32_t sequence)
{
    if (r->count == r->room) {
        size_t room = r->room ? 2 * r->room : 256;
        struct written *list = realloc(r->list, room * sizeof *list);
        if (!list)
            return -1;
        r->list = list;
        r->room = room;
    }
    r->list[r->count++] = (struct written){ *item, sequence };
    return 0;
}

static bool usable(const struct espota_nvs_item *item)
{
    return !item->erased && item->fault != ESPOTA_NVS_BAD_ENTRY;
}

/* Of damaged entries that follow each other one is enough: what it was spanned them. */
static bool goes_on(const struct reading *r, const struct espota_nvs_item *item, unsigned *last_bad)
{
    unsigned place = item->page * ESPOTA_NVS_ENTRIES + item->entry;
    bool again = r->count > 0 && place == *last_bad + 1;
    *last_bad = place;
    return again;
}

static int collect(struct reading *r, const struct espota_nvs_values *values, const uint8_t *image,
                   size_t size)
{
    struct espota_nvs_cursor cursor = { 0, 0 };
    struct espota_nvs_item item;
    unsigned last_bad = UINT_MAX; /* none */
    while (espota_nvs_next(&cursor, image, size, &item)) {
        bool bad = item.fault == ESPOTA_NVS_BAD_ENTRY;
        if (bad && (item.erased || goes_on(r, &item, &last_bad)))
            continue;
        if (add_item(r, &item, values->page[item.page].sequence) != 0)
            return -1;
    }
    r->sorted = malloc((r->count + 1) * sizeof(const struct written *));
    if (!r->sorted)
        return -1;
    if (r->count > 0)
        qsort(r->list, r->count, sizeof *r->list, by_time);
    for (size_t i = 0; i < r->count; i++)
        if (usable(&r->list[i].item))
            r->sorted[r->sorted_count++] = &r->list[i];
    if (r->sorted_count > 0)
        qsort(r->sorted, r->sorted_count, sizeof(const struct written *), by_name_and_time);
    return 0;
}

/* The newest of that name, type and chunk; NULL: there is none. */
static const struct written *newest(const struct reading *r, const struct espota_nvs_item *like)
{
    size_t low = 0, high = r->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_name(&r->sorted[middle]->item, like) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && by_name(&r->sorted[low - 1]->item, like) == 0 ? r->sorted[low - 1] : NULL;
}

/* ---- values ---------------------------------------------------------------------------------------------
 */

/* Chunk `n` of the blob that `index` is of. */
static const struct espota_nvs_item *chunk_of(const struct reading *r, const struct espota_nvs_item *index,
                                              unsigned n)
{
    struct espota_nvs_item like = *index;
    like.type = ESPOTA_NVS_BLOB_DATA;
    like.chunk = (uint8_t)(index->first_chunk + n);
    const struct written *found = newest(r, &like);
    return found ? &found->item : NULL;
}

/* @return false where memory is short. */
static bool copy_data(struct espota_nvs_value *value, const uint8_t *data, size_t size)
{
    uint8_t *all = realloc(value->data, value->size + size + 1);
    if (!all)
        return false;
    if (size > 0)
        memcpy(all + value->size, data, size);
    value->data = all;
    value->size += size;
    all[value->size] = '\0';
    return true;
}

static bool join_chunks(struct espota_nvs_value *value, const struct reading *r,
                        const struct espota_nvs_item *index)
{
    unsigned n = 0;
    for (; n < index->chunk_count && index->first_chunk + n < ESPOTA_NVS_ANY; n++) {
        const struct espota_nvs_item *chunk = chunk_of(r, index, n);
        if (!chunk || chunk->fault != ESPOTA_NVS_GOOD || value->size + chunk->size > index->size)
            break;
        if (!copy_data(value, chunk->data, chunk->size))
            return false;
    }
    if (value->standing == ESPOTA_NVS_CURRENT && (n < index->chunk_count || value->size != index->size))
        value->standing = ESPOTA_NVS_INCOMPLETE;
    return true;
}

/* Do the chunks of a blob that is there count this one? */
static bool is_orphan(const struct reading *r, const struct espota_nvs_item *chunk)
{
    struct espota_nvs_item like = *chunk;
    like.type = ESPOTA_NVS_BLOB_INDEX;
    like.chunk = ESPOTA_NVS_ANY;
    const struct written *index = newest(r, &like);
    return !index || index->item.type != ESPOTA_NVS_BLOB_INDEX || chunk->chunk < index->item.first_chunk ||
           chunk->chunk >= index->item.first_chunk + index->item.chunk_count;
}

static enum espota_nvs_standing standing_of(const struct reading *r, const struct espota_nvs_item *item)
{
    if (item->erased)
        return ESPOTA_NVS_ERASED;
    if (item->fault != ESPOTA_NVS_GOOD)
        return ESPOTA_NVS_DAMAGED;
    if (&newest(r, item)->item != item)
        return ESPOTA_NVS_SUPERSEDED;
    return item->type == ESPOTA_NVS_BLOB_DATA ? ESPOTA_NVS_ORPHAN : ESPOTA_NVS_CURRENT;
}

static bool fill_value(struct espota_nvs_value *value, const struct reading *r,
                       const struct espota_nvs_item *item)
{
    bool is_blob = item->type == ESPOTA_NVS_BLOB || item->type == ESPOTA_NVS_BLOB_INDEX;
    *value = (struct espota_nvs_value){ .standing = standing_of(r, item),
                                        .name_space = item->name_space,
                                        .type = is_blob ? ESPOTA_NVS_BLOB : item->type,
                                        .version = item->type == ESPOTA_NVS_BLOB_INDEX ? 2u : is_blob,
                                        .number = item->number,
                                        .page = item->page,
                                        .entry = item->entry };
    memcpy(value->key, item->key, sizeof value->key);
    memcpy(value->name_space_name, r->names[item->name_space], sizeof value->name_space_name);
    if (item->type == ESPOTA_NVS_BLOB_INDEX && item->fault == ESPOTA_NVS_GOOD)
        return item->erased || join_chunks(value, r, item);
    return !item->data || copy_data(value, item->data, item->size);
}

static bool is_name(const struct espota_nvs_item *item)
{
    return item->name_space == 0 && item->type == ESPOTA_NVS_U8 && item->fault == ESPOTA_NVS_GOOD;
}

static void read_names(struct reading *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct espota_nvs_item *item = &r->list[i].item;
        if (is_name(item) && !item->erased)
            memcpy(r->names[item->number & 0xff], item->key, sizeof item->key);
    }
}

/* By namespace; within one they stay as they were written. */
static bool add_values(struct espota_nvs_values *values, const struct reading *r)
{
    values->value = calloc(r->count + 1, sizeof *values->value);
    for (unsigned space = 0; values->value && space < 256; space++)
        for (size_t i = 0; i < r->count; i++) {
            const struct espota_nvs_item *item = &r->list[i].item;
            if (item->name_space != space || is_name(item) ||
                (usable(item) && item->type == ESPOTA_NVS_BLOB_DATA && !is_orphan(r, item)))
                continue;
            if (!fill_value(&values->value[values->count++], r, item))
                return false;
        }
    return values->value != NULL;
}

/* ---- pages ----------------------------------------------------------------------------------------------
 */

static void judge(struct espota_nvs_values *values)
{
    unsigned written = 0, damaged = 0;
    for (unsigned i = 0; i < values->page_count; i++) {
        written += values->page[i].written;
        damaged += values->page[i].damaged;
        values->damaged += !values->page[i].intact && values->page[i].state != ESPOTA_NVS_BLANK;
    }
    values->encrypted = written > 0 && damaged == written;
    for (size_t i = 0; i < values->count; i++)
        values->damaged += values->value[i].standing == ESPOTA_NVS_DAMAGED ||
                           values->value[i].standing == ESPOTA_NVS_INCOMPLETE;
}

static bool is_blank(const uint8_t *image, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (image[i] != 0xff)
            return false;
    return true;
}

static int read_pages(struct espota_nvs_values *values, const uint8_t *image, size_t size,
                      struct espota_error *error)
{
    unsigned intact = 0;
    values->page_count = (unsigned)(size / ESPOTA_NVS_PAGE);
    values->page = calloc(values->page_count + 1, sizeof *values->page);
    if (!values->page)
        return espota_fail_memory(error, "reading NVS");
    for (unsigned i = 0; i < values->page_count; i++) {
        espota_nvs_page_read(&values->page[i], image + (size_t)i * ESPOTA_NVS_PAGE);
        intact += values->page[i].intact;
    }
    if (intact == 0 && !is_blank(image, size))
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "no page of NVS is in it: it holds something else, or flash encryption hides it");
    return 0;
}

int espota_nvs_values_read(struct espota_nvs_values *values, const uint8_t *image, size_t size,
                           struct espota_error *error)
{
    struct reading *r = calloc(1, sizeof *r);
    memset(values, 0, sizeof *values);
    if (!r)
        return espota_fail_memory(error, "reading NVS");
    int result = read_pages(values, image, size, error);
    if (result == 0 && collect(r, values, image, size) != 0)
        result = espota_fail_memory(error, "reading NVS");
    if (result == 0) {
        read_names(r);
        if (!add_values(values, r))
            result = espota_fail_memory(error, "reading NVS");
    }
    if (result == 0)
        judge(values);
    free(r->list);
    free(r->sorted);
    free(r);
    return result;
}

void espota_nvs_values_free(struct espota_nvs_values *values)
{
    for (size_t i = 0; values->value && i < values->count; i++)
        free(values->value[i].data);
    free(values->value);
    free(values->page);
    *values = (struct espota_nvs_values){ 0 };
}

/* ---- secrets --------------------------------------------------------------------------------------------
 */

bool espota_nvs_is_secret(const char *name_space, const char *key)
{
    static const char *const words[] = { "pass", "pswd", "pwd",   "psk",    "pmk", "key",
                                         "priv", "cred", "token", "secret", "apsw" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(key, words[i]) || strcasestr(name_space, words[i]))
            return true;
    /* the WiFi driver keeps SSID and password in these blobs, too */
    return strcmp(name_space, "nvs.net80211") == 0 &&
           (strcmp(key, "sta.apinfo") == 0 || strcmp(key, "ap.info") == 0);
}

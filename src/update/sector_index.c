/* A hash table with open addressing. A digest is its own hash. */
#include "sector_index.h"

#include "espota/bytes.h"
#include "espota/error.h"

#include <stdlib.h>
#include <string.h>

int sector_index_begin(struct sector_index *index, size_t count, size_t digest_length,
                       struct espota_error *error)
{
    *index = (struct sector_index){ .room = 16, .digest_length = digest_length };
    while (index->room < 2 * count + 1)
        index->room *= 2;
    index->entry = calloc(index->room, sizeof *index->entry);
    return index->entry ? 0 : espota_fail_memory(error, "looking for sectors that are known");
}

void sector_index_free(struct sector_index *index)
{
    free(index->entry);
    *index = (struct sector_index){ 0 };
}

/* Where the digest is, or where it would be. */
static struct sector_entry *place_of(const struct sector_index *index, const uint8_t *digest)
{
    size_t at = espota_get_le32(digest) & (index->room - 1);
    while (index->entry[at].data && memcmp(index->entry[at].digest, digest, index->digest_length) != 0)
        at = (at + 1) & (index->room - 1);
    return &index->entry[at];
}

void sector_index_add(struct sector_index *index, const uint8_t *digest, const uint8_t *data)
{
    struct sector_entry *entry = place_of(index, digest);
    if (entry->data)
        return;
    memcpy(entry->digest, digest, index->digest_length);
    entry->data = data;
}

const uint8_t *sector_index_find(const struct sector_index *index, const uint8_t *digest)
{
    return index->entry ? place_of(index, digest)->data : NULL;
}

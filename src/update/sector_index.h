/* Sectors whose bytes are known, by their digests. */
#ifndef ESPOTA_UPDATE_SECTOR_INDEX_H
#define ESPOTA_UPDATE_SECTOR_INDEX_H

#include "espota/error.h"
#include "espota/hash.h"

#include <stddef.h>
#include <stdint.h>

struct sector_index {
    struct sector_entry {
        uint8_t digest[ESPOTA_SHA256_LENGTH];
        const uint8_t *data; /* NULL: nothing here */
    } * entry;
    size_t room; /* a power of two, more than twice the entries */
    size_t digest_length;
};

/* Room for `count` sectors; for sector_index_free. */
int sector_index_begin(struct sector_index *index, size_t count, size_t digest_length,
                       struct espota_error *error);
void sector_index_free(struct sector_index *index);

/* `data` are the sector's bytes, which must outlive the index. Of several with one digest the first counts.
 */
void sector_index_add(struct sector_index *index, const uint8_t *digest, const uint8_t *data);

/* @return the bytes of a sector with that digest, or NULL. */
const uint8_t *sector_index_find(const struct sector_index *index, const uint8_t *digest);

#endif

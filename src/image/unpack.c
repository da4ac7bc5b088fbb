/* What Intel HEX and UF2 place, as parts of a merged image. */
#include "espota/merged_image.h"
#include "espota/placed_file.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MAX_STRETCHES = 4096 };

struct unpacking {
    const char *name;
    struct espota_bytes *store;
    struct espota_merge_part **parts;
    unsigned *count;
    unsigned first; /* part of this file */
    uint64_t next;  /* address behind the last byte */
    struct espota_error *error;
    int result;
};

static int begin_part(struct unpacking *u, uint32_t address)
{
    if (*u->count - u->first >= MAX_STRETCHES)
        return espota_fail(u->error, ESPOTA_ERR_TOO_BIG,
                           "%s has more than %d stretches with gaps between them", u->name, MAX_STRETCHES);
    struct espota_merge_part *grown = realloc(*u->parts, (*u->count + 1) * sizeof *grown);
    if (!grown)
        return espota_fail_memory(u->error, "merging files");
    *u->parts = grown;
    grown[(*u->count)++] = (struct espota_merge_part){ u->name, address, NULL, 0 };
    return 0;
}

static int place(void *context, uint32_t address, const uint8_t *data, size_t length)
{
    struct unpacking *u = context;
    if (length == 0)
        return 0;
    if (*u->count == u->first || u->next != address)
        u->result = begin_part(u, address);
    if (u->result == 0 && u->store->size + length > ESPOTA_MERGE_MAX_SIZE)
        u->result = espota_fail(u->error, ESPOTA_ERR_TOO_BIG, "%s has more than 256M", u->name);
    if (u->result == 0)
        u->result = espota_bytes_append(u->store, data, length, u->error);
    if (u->result == 0)
        (*u->parts)[*u->count - 1].size += length;
    u->next = (uint64_t)address + length;
    return u->result;
}

int espota_merge_unpack(const struct espota_bytes *file, const struct espota_file *about, const char *name,
                        struct espota_bytes *store, struct espota_merge_part **parts, unsigned *count,
                        struct espota_error *error)
{
    struct unpacking u = { name, store, parts, count, *count, 0, error, 0 };
    struct espota_placed_problem problem;
    bool uf2 = about->kind == ESPOTA_FILE_UF2;
    int walked = uf2 ? espota_uf2_walk(file->data, file->size, about->uf2_family, place, &u, &problem)
                     : espota_intel_hex_walk(file->data, file->size, place, &u, &problem);
    if (u.result != 0)
        return u.result;
    if (walked != 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "%s is damaged or cut off: %s %" PRIu32 " is not as it should be", name,
                           uf2 ? "block" : "line", problem.where);
    size_t at = 0;
    for (unsigned i = u.first; i < *count; i++) {
        (*parts)[i].data = store->data + at;
        at += (*parts)[i].size;
    }
    return 0;
}

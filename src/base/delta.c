/* Bases: how an image is made of another one. */
#include "base/delta.h"

#include "base/delta_match.h"
#include "base/delta_units.h"
#include "base/delta_values.h"
#include "base/encode_parts.h"
#include "espota/bytes.h"
#include "espota/digest.h"

#include <stdlib.h>
#include <string.h>

#define WORTH       16u  /* bytes that agree in a block that is worth being one */
#define TAIL        64u  /* bytes behind the last segment: padding, checksum, SHA-256 */
#define BLOCK_COSTS 6u   /* bytes */
#define QUIET       384u /* of so many bytes one differs, at most, in an image that is quiet */
#define FEW         64u  /* ... or so many do */
#define STAYS       128u /* bytes that differ, at most, where references stay */
#define LITTLE      4u   /* ... before they are compared so: of the image one part in so many */
#define NEAR        64u  /* so near, two blocks with one displacement are one */

/* A match, and how many of its bytes agree. */
struct candidate {
    struct delta_match match;
    uint32_t worth;
};

struct espota_base {
    const uint8_t *old;
    uint32_t old_length;
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    struct coder_segments segments; /* of the image */
    struct coder_block *block;      /* sorted by where they are in the base */
    uint32_t blocks;
    uint8_t layout;            /* ESPOTA_LAYOUT_... */
    struct espota_patch patch; /* that it is known by; no stream: it is known itself */
    struct delta_values values;
    struct encode_parts parts;
};

void delta_base_head(const struct espota_base *base, uint8_t head[ESPOTA_BASED_HEAD_SIZE])
{
    head[ESPOTA_BASED_LAYOUT] = base->layout;
    espota_put_le32(head + ESPOTA_BASED_BASE_LENGTH, base->old_length);
    memcpy(head + ESPOTA_BASED_SHA256, base->sha256, ESPOTA_BASED_SHA256_LENGTH);
}

static uint32_t length_in_base(const struct espota_base *base, const struct coder_block *block)
{
    uint32_t left = base->old_length - block->old;
    return block->length < left ? block->length : left;
}

uint32_t delta_base_covered(const struct espota_base *base)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < base->blocks; i++)
        sum += length_in_base(base, &base->block[i]);
    return sum;
}

void delta_base_give_up(struct espota_base *base)
{
    base->blocks = 0;
}

const struct encode_parts *delta_base_parts(const struct espota_base *base)
{
    return base->parts.literals != NULL ? &base->parts : NULL;
}

uint32_t delta_base_length(const struct espota_base *base)
{
    return base->old_length;
}

int delta_base_read(const struct espota_base *base, uint32_t offset, void *buffer, size_t length)
{
    if (offset > base->old_length || length > base->old_length - offset)
        return -1;
    memcpy(buffer, base->old + offset, length);
    return 0;
}

struct coder_map_source delta_map_source(const struct espota_base *base)
{
    return (struct coder_map_source){ .layout = base->layout,
                                      .segments = &base->segments,
                                      .value = base->values.at,
                                      .values = base->values.count,
                                      .block = base->block,
                                      .blocks = base->blocks };
}

/* ---- blocks
 * ----------------------------------------------------------------------------------------------------- */
/* What is compared: an image as it is where references stay, else without what they refer to. */
static struct delta_text text_of(const struct espota_base *base, const struct delta_image *image)
{
    return (struct delta_text){ (base->layout & ESPOTA_LAYOUT_STAYS) != 0 ? image->data : image->normal,
                                image->length };
}

static uint32_t agreeing(struct delta_text old, struct delta_text new, const struct delta_match *m)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->length; i++)
        count += old.bytes[m->old + i] == new.bytes[m->new + i] ? 1 : 0;
    return count;
}

/* Units begin where it begins and behind its end. */
static void trim(struct delta_match *m, const struct delta_image *old, const struct delta_image *new)
{
    while (m->length > 0 && (!delta_begins(old, m->old) || !delta_begins(new, m->new))) {
        m->old++;
        m->new ++;
        m->length--;
    }
    while (m->length > 0 && m->new + m->length < new->length && !delta_begins(new, m->new + m->length))
        m->length--;
}

/* @return how many are left of them in `candidate`, those that are worth anything. */
static size_t find_candidates(const struct espota_base *base, struct candidate *candidate,
                              const struct delta_matches *matches, const struct delta_image *old,
                              const struct delta_image *new)
{
    size_t count = 0;
    for (size_t i = 0; i < matches->count; i++) {
        struct delta_match m = matches->at[i];
        trim(&m, old, new);
        uint32_t worth = agreeing(text_of(base, old), text_of(base, new), &m);
        if (worth >= WORTH)
            candidate[count++] = (struct candidate){ m, worth };
    }
    return count;
}

/* Leave out what is not worth it, make one of what belongs together. @return how many are left in `kept`. */
static size_t prune(const struct candidate *candidate, size_t candidates, uint32_t worth,
                    struct delta_match *kept)
{
    size_t count = 0;
    for (size_t i = 0; i < candidates; i++) {
        const struct delta_match *m = &candidate[i].match;
        struct delta_match *last = count > 0 ? &kept[count - 1] : NULL;
        if (candidate[i].worth < worth)
            continue;
        if (last != NULL && last->old - last->new == m->old - m->new &&
            m->new - last->new - last->length < NEAR)
            last->length = m->new + m->length - last->new;
        else
            kept[count++] = *m;
    }
    return count;
}

static int by_old(const void *a, const void *b)
{
    const struct coder_block *x = a, *y = b;
    if (x->old != y->old)
        return x->old < y->old ? -1 : 1;
    return x->length > y->length ? -1 : x->length < y->length;
}

/* Those that are within others of the base are there again. */
static void mark_again(struct coder_block *block, uint32_t blocks)
{
    uint32_t end = 0;
    for (uint32_t i = 0; i < blocks; i++) {
        block[i].again = block[i].old + block[i].length <= end;
        if (!block[i].again)
            end = block[i].old + block[i].length;
    }
}

static void make_blocks(struct espota_base *base, const struct delta_match *match, size_t count)
{
    for (size_t i = 0; i < count; i++)
        base->block[i] =
            (struct coder_block){ match[i].old, match[i].length, match[i].new - match[i].old, false };
    base->blocks = (uint32_t)count;
    qsort(base->block, base->blocks, sizeof *base->block, by_old);
    mark_again(base->block, base->blocks);
}

static bool fits(const struct espota_base *base, struct coder_map *map)
{
    memset(map, 0, sizeof *map);
    for (uint32_t i = 0; i < base->blocks; i++) {
        if (coder_map_add(map, base->block[i]) != 0)
            return false;
    }
    return true;
}

/* As many as the decoder has room for: the best. */
static int choose_blocks(struct espota_base *base, const struct delta_matches *matches,
                         const struct delta_image *old, const struct delta_image *new)
{
    struct delta_match *kept = calloc(matches->count + 1, sizeof *kept);
    struct candidate *candidate = calloc(matches->count + 1, sizeof *candidate);
    struct coder_map *map = malloc(sizeof *map);
    free(base->block);
    base->block = calloc(matches->count + 1, sizeof *base->block);
    bool memory = kept != NULL && candidate != NULL && map != NULL && base->block != NULL;
    size_t candidates = memory ? find_candidates(base, candidate, matches, old, new) : 0;
    uint32_t worth = WORTH;
    do {
        if (memory)
            make_blocks(base, kept, prune(candidate, candidates, worth, kept));
        worth += 1 + worth / 8;
    } while (memory && !fits(base, map));
    free(kept);
    free(candidate);
    free(map);
    return memory ? 0 : -1;
}

static int match(struct espota_base *base, const struct delta_image *old, const struct delta_image *new,
                 const struct espota_observer *observer)
{
    struct delta_matches matches;
    int bad = delta_match(text_of(base, old), text_of(base, new), observer, &matches);
    if (bad != 0)
        return bad;
    bad = choose_blocks(base, &matches, old, new);
    if (bad == 0)
        bad = delta_values_find(&base->values, old, new, &matches);
    free(matches.at);
    return bad;
}

/* Bytes of the image that differ from what is at their place in the base; both end in FF. */
static uint32_t differing_in_place(const struct delta_image *old, const struct delta_image *new)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < new->length; i++)
        count += new->data[i] != (i < old->length ? old->data[i] : 0xFF);
    for (uint32_t i = new->length; i < old->length &&i % ESPOTA_CODER_SECTOR != 0; i++)
        count += old->data[i] != 0xFF;
    return count;
}

/* Bytes that are in no block, and those that differ in it. */
static uint32_t differing(const struct espota_base *base, const struct delta_image *old,
                          const struct delta_image *new)
{
    struct delta_text from = text_of(base, old), to = text_of(base, new);
    uint32_t count = new->length;
    for (uint32_t i = 0; i < base->blocks; i++) {
        const struct coder_block *b = &base->block[i];
        struct delta_match m = { b->old, b->old + b->shift, b->length };
        count -= agreeing(from, to, &m);
    }
    return count;
}

/* Bytes were put in or taken out, and nothing that refers to what is behind them was told: better compared as
 * they are. */
static int try_to_stay(struct espota_base *base, const struct delta_image *old, const struct delta_image *new,
                       uint32_t *differ, const struct espota_observer *observer)
{
    base->layout |= ESPOTA_LAYOUT_STAYS;
    uint32_t staying = differing(base, old, new);
    bool better = staying < *differ && staying <= new->length / LITTLE; /* else it is too much anyway */
    int bad = better ? match(base, old, new, observer) : 0;
    uint32_t now = bad == 0 ? differing(base, old, new) : 0;
    if (bad != 0 || (better && now <= STAYS)) {
        *differ = now;
        return bad;
    }
    base->layout ^= ESPOTA_LAYOUT_STAYS;
    return better ? match(base, old, new, observer) : 0;
}

static bool same_segments(const struct coder_segments *a, const struct coder_segments *b)
{
    return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof *a->at) == 0;
}

/* Where the last block ends shortly before base and image do, it goes on: what is behind both is the same. */
static void extend_last(struct espota_base *base, uint32_t image_length)
{
    struct coder_block *last = &base->block[base->blocks - 1];
    uint32_t old_end = last->old + last->length, new_end = old_end + last->shift;
    if (!last->again && image_length - new_end <= TAIL &&
        base->old_length - old_end == image_length - new_end)
        last->length = CODER_MAP_ALL;
}

static int choose_layout(struct espota_base *base, const struct delta_image *old,
                         const struct delta_image *new, const struct espota_observer *observer)
{
    int bad = 0;
    uint32_t in_place = differing_in_place(old, new), differ = differing(base, old, new),
             few = FEW + new->length / QUIET;
    if (same_segments(&old->segments, &new->segments))
        base->layout |= ESPOTA_LAYOUT_SEGMENTS;
    if (base->blocks > 0 && in_place <= few && in_place <= differ + BLOCK_COSTS * base->blocks) {
        base->layout |= ESPOTA_LAYOUT_IN_PLACE;
        differ = in_place;
    } else {
        bad = try_to_stay(base, old, new, &differ, observer);
        if (bad == 0 && base->blocks > 0)
            extend_last(base, new->length);
    }
    if (differ <= few)
        base->layout |= ESPOTA_LAYOUT_QUIET;
    return bad;
}

/* ---- bases
 * ------------------------------------------------------------------------------------------------------ */
static int compare(struct espota_base *base, enum espota_isa isa, const uint8_t *image, uint32_t image_length,
                   const struct espota_observer *observer)
{
    struct delta_image old, new;
    int bad = delta_image_normalise(&old, base->old, base->old_length, isa);
    if (bad == 0) {
        bad = delta_image_normalise(&new, image, image_length, isa);
        if (bad == 0)
            bad = match(base, &old, &new, observer);
        if (bad == 0)
            bad = choose_layout(base, &old, &new, observer);
        base->segments = new.segments;
        delta_image_free(&new);
    }
    delta_image_free(&old);
    return bad;
}

static int fill(struct espota_base *base, enum espota_isa isa, const uint8_t *image, uint32_t image_length,
                const struct espota_observer *observer, struct espota_error *error)
{
    if (espota_sha256(base->old, base->old_length, base->sha256) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "cannot compute the SHA-256 of a base");
    if (base->old_length > ESPOTA_BASE_LARGEST || image_length > ESPOTA_BASE_LARGEST)
        return 0;
    int bad = compare(base, isa, image, image_length, observer);
    if (bad == DELTA_STOPPED)
        return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped while an image was compared with its base");
    if (bad == 0 && base->blocks > 0)
        bad = encode_parts_make(&base->parts, isa, image, image_length);
    return bad == DELTA_NO_MEMORY ? espota_fail_memory(error, "compare an image with its base") : 0;
}

int delta_base_new(struct espota_base **base, enum espota_isa isa, const uint8_t *old, size_t old_length,
                   const uint8_t *image, size_t image_length, const struct espota_observer *observer,
                   struct espota_error *error)
{
    *base = NULL;
    if (old_length == 0 || image_length == 0 || old_length > INT32_MAX || image_length > INT32_MAX)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "cannot make an image of %zu bytes from a base of %zu bytes", image_length,
                           old_length);
    struct espota_base *made = calloc(1, sizeof *made);
    if (made == NULL)
        return espota_fail_memory(error, "compare an image with its base");
    made->old = old;
    made->old_length = (uint32_t)old_length;
    int status = fill(made, isa, image, (uint32_t)image_length, observer, error);
    if (status != 0) {
        espota_base_free(made);
        return status;
    }
    *base = made;
    return 0;
}

void espota_base_free(struct espota_base *base)
{
    if (base == NULL)
        return;
    free(base->block);
    encode_parts_free(&base->parts);
    free(base);
}

int espota_base_of_patch(struct espota_base **base, const struct espota_patch *patch,
                         struct espota_error *error)
{
    struct espota_base *made = calloc(1, sizeof *made);
    *base = made;
    if (made == NULL)
        return espota_fail_memory(error, "use a patch");
    made->patch = *patch;
    return 0;
}

const struct espota_patch *delta_base_patch(const struct espota_base *base)
{
    return base->patch.stream != NULL ? &base->patch : NULL;
}

bool espota_base_helps(const struct espota_base *base)
{
    return base->blocks > 0 || base->patch.stream != NULL;
}

void espota_stream_set_base(uint8_t *stream, size_t size, uint32_t flash_offset)
{
    if (size >= ESPOTA_BASED_HEAD_SIZE && stream[0] == ESPOTA_STREAM_BASED)
        espota_put_le16(stream + ESPOTA_BASED_FLASH, (uint16_t)(flash_offset / ESPOTA_CODER_SECTOR));
}

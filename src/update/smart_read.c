#include "digest.h"
#include "sector_index.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/flash_holds.h"
#include "espota/hash.h"
#include "espota/observer.h"
#include "espota/smart_read.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR            ESPOTA_SECTOR_SIZE
#define BLOCK             (64u * 1024u)
#define SECTORS_PER_BLOCK (BLOCK / SECTOR)

enum {
    MAX_IDLE_ROUNDS = 12,
    /* What is asked for at once. A device that answers question by question may fail at each of them, and
     * what was learned before is lost. */
    AT_ONCE = 4 << 20,
    ONE_BY_ONE = 256 << 10,
};

/* A part of what is to be read, as large as is asked for at once. */
struct job {
    struct espota_device *device;
    uint32_t offset;
    uint8_t *data;
    uint32_t length;
    unsigned sectors, blocks;
    size_t digest_length;         /* this round's: a device that is lost may go on as one of another kind */
    uint8_t *digests;             /* of its sectors, as the device says */
    bool *right;                  /* by sector */
    struct espota_extent *extent; /* of blocks to be asked for by sector */
    struct espota_read *read;     /* of sectors */
    struct sector_index known;
    bool assumed;         /* something is right by its digest alone, without having travelled */
    bool strict;          /* only what travels, or is blank, is right */
    uint32_t before, all; /* bytes of progress: before this part, and of everything */
    uint32_t settled;     /* bytes of it that are right */
    uint32_t under_way;
    uint32_t told;
    struct espota_smart_read *result;
};

static uint32_t sector_length(const struct job *job, unsigned i)
{
    uint32_t left = job->length - i * SECTOR;
    return left < SECTOR ? left : SECTOR;
}

static void tell(struct job *job)
{
    uint32_t bytes = job->settled + job->under_way;
    bytes = job->before + (bytes < job->length ? bytes : job->length);
    if (bytes <= job->told)
        return;
    job->told = bytes;
    espota_device_progress(job->device, ESPOTA_PHASE_READ, bytes, job->all);
}

static void on_moved(void *context, uint32_t bytes)
{
    struct job *job = context;
    job->under_way += bytes;
    job->result->read += bytes;
    tell(job);
}

static void settle(struct job *job, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        job->settled += job->right[i] ? 0 : sector_length(job, i);
        job->right[i] = true;
    }
}

static int equals(const struct job *job, const uint8_t *data, uint32_t length, const uint8_t *digest,
                  bool *equal, struct espota_error *error)
{
    uint8_t own[ESPOTA_SHA256_LENGTH];
    int result = update_digest_of(job->device, data, length, own, error);
    *equal = result == 0 && memcmp(digest, own, job->digest_length) == 0;
    return result;
}

/* Does the device hold what is in `data` already, or nothing but FF, which is then put there? */
static int compare(struct job *job, uint8_t *data, uint32_t length, const uint8_t *digest, bool *same,
                   struct espota_error *error)
{
    int result = equals(job, data, length, digest, same, error);
    job->assumed = job->assumed || *same;
    if (result != 0 || *same)
        return result;
    result = update_digest_is_blank(job->device, digest, length, same, error);
    if (*same)
        memset(data, 0xff, length);
    return result;
}

/* ---- what need not travel -------------------------------------------------------------------------------
 */

/* The digests of all blocks settle most of them. `*count` extents are left. */
static int compare_blocks(struct job *job, size_t *count, struct espota_error *error)
{
    int result = espota_device_digests(job->device, job->offset, job->length, BLOCK, job->digests, error);
    for (unsigned i = 0; result == 0 && i < job->blocks; i++) {
        uint32_t at = i * BLOCK, length = job->length - at < BLOCK ? job->length - at : BLOCK;
        bool same = false;
        result = compare(job, job->data + at, length, job->digests + i * job->digest_length, &same, error);
        if (result == 0 && same)
            settle(job, i * SECTORS_PER_BLOCK, (length + SECTOR - 1) / SECTOR);
        else if (*count > 0 &&
                 job->extent[*count - 1].offset + job->extent[*count - 1].length == job->offset + at)
            job->extent[*count - 1].length += length;
        else
            job->extent[(*count)++] = (struct espota_extent){ job->offset + at, length };
    }
    return result;
}

/* A sector that the caller has elsewhere. */
static bool is_known(struct job *job, unsigned i, const uint8_t *digest)
{
    bool may =
        !job->strict && job->known.digest_length == job->digest_length && sector_length(job, i) == SECTOR;
    const uint8_t *bytes = may ? sector_index_find(&job->known, digest) : NULL;
    if (bytes)
        memcpy(job->data + i * SECTOR, bytes, SECTOR);
    job->assumed = job->assumed || bytes;
    return bytes;
}

static int compare_sector(struct job *job, unsigned i, const uint8_t *digest, struct espota_error *error)
{
    bool same = is_known(job, i, digest);
    int result = same ? 0 : compare(job, job->data + i * SECTOR, sector_length(job, i), digest, &same, error);
    if (result == 0 && same)
        settle(job, i, 1);
    return result;
}

/* The digests that came one behind the other, each to its sector's place: from the last on, as none comes
 * before its own. */
static void place_digests(struct job *job, size_t count)
{
    size_t size = job->digest_length, from = 0;
    for (size_t k = 0; k < count; k++)
        from += (job->extent[k].length + SECTOR - 1) / SECTOR;
    for (size_t k = count; k > 0; k--) {
        size_t sectors = (job->extent[k - 1].length + SECTOR - 1) / SECTOR;
        size_t first = (job->extent[k - 1].offset - job->offset) / SECTOR;
        from -= sectors;
        memmove(job->digests + first * size, job->digests + from * size, sectors * size);
    }
}

static int compare_sectors(struct job *job, size_t count, struct espota_error *error)
{
    if (count == 0)
        return 0;
    int result = espota_device_digests_of(job->device, job->extent, count, SECTOR, job->digests, error);
    if (result == 0)
        place_digests(job, count);
    for (unsigned i = 0; result == 0 && i < job->sectors; i++)
        if (!job->right[i])
            result = compare_sector(job, i, job->digests + i * job->digest_length, error);
    return result;
}

/* ---- what travels ---------------------------------------------------------------------------------------
 */

/* A device may hold a sector several times: it travels once. */
static size_t plan_reads(struct job *job, struct sector_index *planned)
{
    size_t count = 0;
    for (unsigned i = 0; i < job->sectors; i++) {
        const uint8_t *digest = job->digests + i * job->digest_length;
        bool whole = !job->strict && sector_length(job, i) == SECTOR;
        if (job->right[i] || (whole && sector_index_find(planned, digest)))
            continue;
        uint8_t *to = job->data + i * SECTOR;
        struct espota_read *last = count > 0 ? &job->read[count - 1] : NULL;
        if (last && last->offset + last->length == job->offset + i * SECTOR)
            last->length += sector_length(job, i);
        else
            job->read[count++] = (struct espota_read){ job->offset + i * SECTOR, sector_length(job, i), to };
        if (whole)
            sector_index_add(planned, digest, to);
    }
    return count;
}

/* What came is right when it has the digest that the device said. */
static int check_reads(struct job *job, const struct sector_index *planned, struct espota_error *error)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < job->sectors; i++) {
        const uint8_t *digest = job->digests + i * job->digest_length;
        const uint8_t *first = sector_length(job, i) == SECTOR ? sector_index_find(planned, digest) : NULL;
        uint8_t *data = job->data + i * SECTOR;
        bool same = false;
        if (job->right[i])
            continue;
        if (first && first != data) {
            memcpy(data, first, SECTOR);
            job->assumed = true;
        }
        result = equals(job, data, sector_length(job, i), digest, &same, error);
        if (same)
            settle(job, i, 1);
    }
    return result;
}

/* Also of a read that failed, what came counts. */
static int read_missing(struct job *job, struct espota_error *error)
{
    struct sector_index planned;
    struct espota_error ignored;
    int result = sector_index_begin(&planned, job->sectors, job->digest_length, error);
    if (result != 0)
        return result;
    size_t count = plan_reads(job, &planned);
    job->under_way = 0;
    result = count ? espota_device_reads(job->device, job->read, count, error) : 0;
    job->under_way = 0;
    int checked = check_reads(job, &planned, result ? &ignored : error);
    sector_index_free(&planned);
    return result ? result : checked;
}

/* ---- until it is right ----------------------------------------------------------------------------------
 */

static int round_of(struct job *job, struct espota_error *error)
{
    size_t count = 0;
    job->digest_length = espota_device_digest_length(job->device);
    int result = compare_blocks(job, &count, error);
    if (result == 0)
        result = compare_sectors(job, count, error);
    tell(job);
    if (result == 0)
        result = read_missing(job, error);
    tell(job);
    return result;
}

/* A device's MD5 alone does not tell that what did not travel is what is in flash. When it is not, all that
 * is not blank travels: which sectors collide, their digests do not say. */
static int prove(struct job *job, struct espota_error *error)
{
    bool holds = true;
    if (job->device->digest_kind != ESPOTA_HASH_MD5 || !job->assumed || job->strict)
        return 0;
    int result = espota_flash_holds(job->device, job->offset, job->data, job->length, &holds, error);
    if (result != 0 || holds)
        return result;
    espota_device_detail(job->device, "flash has the MD5 of what is known, but not the bytes: all is read");
    job->strict = true;
    memset(job->data, 0, job->length);
    memset(job->right, 0, job->sectors * sizeof *job->right);
    job->settled = 0;
    return 0;
}

static int run(struct job *job, struct espota_error *error)
{
    for (unsigned idle = 0; idle < MAX_IDLE_ROUNDS; idle++) {
        uint32_t before = job->settled;
        int result = round_of(job, error);
        if (job->settled == job->length) {
            result = prove(job, error);
            if (result == 0 && job->settled == job->length)
                return 0;
        }
        if (result != 0)
            result = update_recover(job->device, result, &job->result->repeats, error);
        if (result != 0)
            return result;
        if (job->settled > before)
            idle = 0;
    }
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "what was read from flash of %s at 0x%" PRIx32 "+0x%" PRIx32
                       " never has the digest that the device says: the line is too noisy",
                       job->device->name, job->offset, job->length);
}

/* Bytes from the start that are right. */
static uint32_t prefix(const struct job *job)
{
    unsigned i = 0;
    while (i < job->sectors && job->right[i])
        i++;
    return i < job->sectors ? i * SECTOR : job->length;
}

static int read_part(struct job *job, uint32_t length, struct espota_error *error)
{
    job->length = length;
    job->sectors = (length + SECTOR - 1) / SECTOR;
    job->blocks = (length + BLOCK - 1) / BLOCK;
    job->settled = job->under_way = 0;
    job->assumed = job->strict = false;
    memset(job->right, 0, job->sectors * sizeof *job->right);
    int result = run(job, error);
    job->result->done += prefix(job);
    job->offset += length;
    job->data += length;
    job->before += length;
    return result;
}

static int allocate(struct job *job, uint32_t largest, struct espota_error *error)
{
    size_t sectors = (largest + SECTOR - 1) / SECTOR;
    job->digests = malloc(sectors * ESPOTA_SHA256_LENGTH);
    job->right = calloc(sectors, sizeof *job->right);
    job->extent = calloc(sectors, sizeof *job->extent);
    job->read = calloc(sectors, sizeof *job->read);
    return job->digests && job->right && job->extent && job->read
               ? 0
               : espota_fail_memory(error, "reading flash");
}

/* Digest what the caller knows, sector by sector. */
static int learn(struct job *job, const struct espota_known *known, size_t count, struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    size_t sectors = 0;
    for (size_t i = 0; i < count; i++)
        sectors += known[i].length / SECTOR;
    int result = sectors ? sector_index_begin(&job->known, sectors, job->digest_length, error) : 0;
    for (size_t i = 0; result == 0 && i < count; i++)
        for (size_t at = 0; result == 0 && known[i].length - at >= SECTOR; at += SECTOR) {
            result = update_digest_of(job->device, known[i].data + at, SECTOR, digest, error);
            sector_index_add(&job->known, digest, known[i].data + at);
        }
    return result;
}

static int read_parts(struct job *job, uint32_t length, struct espota_error *error)
{
    uint32_t largest = espota_device_can(job->device, ESPOTA_CAP_DIGESTS) ? AT_ONCE : ONE_BY_ONE;
    int result = allocate(job, length < largest ? length : largest, error);
    job->device->moved = on_moved;
    job->device->moved_context = job;
    espota_device_progress(job->device, ESPOTA_PHASE_READ, 0, length);
    for (uint32_t at = 0; result == 0 && at < length; at += largest)
        result = read_part(job, length - at < largest ? length - at : largest, error);
    job->device->moved = NULL;
    job->device->moved_context = NULL;
    return result;
}

int espota_smart_read_knowing(struct espota_device *device, uint32_t offset, void *data, uint32_t length,
                              const struct espota_known *known, size_t count,
                              struct espota_smart_read *result, struct espota_error *error)
{
    struct job job = { .device = device,
                       .offset = offset,
                       .data = data,
                       .digest_length = espota_device_digest_length(device),
                       .all = length,
                       .result = result };
    *result = (struct espota_smart_read){ .total = length };
    int outcome = espota_device_check_range(device, "read", offset, length, error);
    if (outcome == 0 && length == 0)
        return 0;
    if (outcome == 0)
        outcome = learn(&job, known, count, error);
    if (outcome == 0)
        outcome = read_parts(&job, length, error);
    sector_index_free(&job.known);
    free(job.digests);
    free(job.right);
    free(job.extent);
    free(job.read);
    return outcome;
}

int espota_smart_read(struct espota_device *device, uint32_t offset, void *data, uint32_t length,
                      struct espota_smart_read *result, struct espota_error *error)
{
    return espota_smart_read_knowing(device, offset, data, length, NULL, 0, result, error);
}

#include "digest.h"

#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/flash_holds.h"
#include "espota/hash.h"
#include "espota/observer.h"
#include "espota/smart_write.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE
#define BLOCK  (64u * 1024u)

enum { MAX_ROUNDS = 24, MAX_IDLE_ROUNDS = 6, LEAST_SAMPLES = 4 };

struct job {
    struct espota_device *device;
    uint32_t offset;
    const uint8_t *data; /* whole sectors */
    uint32_t length;
    bool *differs; /* by sector */
    uint32_t differing;
    bool compared;      /* once at least: kept is known */
    bool proven;        /* by the device itself: what was written, which `differs` still says */
    uint32_t settled;   /* bytes known to be right */
    uint32_t under_way; /* bytes that the device says went through since */
    uint32_t told;      /* to the observer */
    struct espota_smart_write *result;
};

uint32_t espota_smart_write_total(size_t length)
{
    return (uint32_t)((length + SECTOR - 1) / SECTOR * SECTOR);
}

/* A block of which the device holds nothing but FF need not be asked for sector by sector. */
static int mark_over_blank(struct job *job, uint32_t at, uint32_t length, const uint8_t *digest,
                           bool *was_blank, struct espota_error *error)
{
    int result = update_digest_is_blank(job->device, digest, length, was_blank, error);
    for (uint32_t i = 0; result == 0 && *was_blank && i < length / SECTOR; i++)
        job->differs[at / SECTOR + i] = !update_is_blank(job->data + at + i * SECTOR, SECTOR);
    return result;
}

/* Is it settled by the digest of the whole: equal, or blank over there? */
static int compare_at_once(struct job *job, uint32_t at, uint32_t length, const uint8_t *digest,
                           bool *settled, struct espota_error *error)
{
    uint8_t expected[ESPOTA_SHA256_LENGTH];
    memset(job->differs + at / SECTOR, 0, length / SECTOR * sizeof *job->differs);
    int result = update_digest_of(job->device, job->data + at, length, expected, error);
    *settled = result == 0 && memcmp(digest, expected, espota_device_digest_length(job->device)) == 0;
    if (result == 0 && !*settled)
        result = mark_over_blank(job, at, length, digest, settled, error);
    return result;
}

/* Ask for the sectors of all blocks that are not settled, in one go. */
static int compare_sectors(struct job *job, const struct espota_extent *extent, size_t count,
                           uint8_t *digests, struct espota_error *error)
{
    uint8_t expected[ESPOTA_SHA256_LENGTH];
    size_t size = espota_device_digest_length(job->device);
    int result = count ? espota_device_digests_of(job->device, extent, count, SECTOR, digests, error) : 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        uint32_t first = extent[i].offset - job->offset, end = first + extent[i].length;
        for (uint32_t at = first; result == 0 && at < end; at += SECTOR, digests += size) {
            result = update_digest_of(job->device, job->data + at, SECTOR, expected, error);
            job->differs[at / SECTOR] = memcmp(digests, expected, size) != 0;
        }
    }
    return result;
}

/* Blocks that lie one behind the other make one extent. */
static size_t add_extent(const struct job *job, struct espota_extent *extent, size_t count, uint32_t at,
                         uint32_t length)
{
    struct espota_extent *last = count > 0 ? &extent[count - 1] : NULL;
    if (last && last->offset + last->length == job->offset + at) {
        last->length += length;
        return count;
    }
    extent[count] = (struct espota_extent){ job->offset + at, length };
    return count + 1;
}

static uint32_t block_length(const struct job *job, uint32_t at)
{
    return job->length - at < BLOCK ? job->length - at : BLOCK;
}

/* Is there anything to ask of this block? What the device has proven is right, and what was not touched was
 * right before; but what lies beside sectors that were erased and written is looked at again. */
static bool is_open(const struct job *job, uint32_t at)
{
    uint32_t written = 0, sectors = block_length(job, at) / SECTOR;
    for (uint32_t i = 0; i < sectors; i++)
        written += job->differs[at / SECTOR + i];
    return !job->proven || (written > 0 && written < sectors);
}

static bool has_blank_sector(const struct job *job)
{
    for (uint32_t at = 0; at < job->length; at += SECTOR)
        if (update_is_blank(job->data + at, SECTOR))
            return true;
    return false;
}

/* One sector of every block, each at another place within it. */
static uint32_t sample_at(uint32_t block)
{
    enum { STRIDE = 5, SECTORS = BLOCK / SECTOR };
    return block * BLOCK + block * STRIDE % SECTORS * SECTOR;
}

static int compare_samples(struct job *job, struct espota_extent *extent, uint8_t *digests, uint32_t count,
                           bool *alike, struct espota_error *error)
{
    uint8_t expected[ESPOTA_SHA256_LENGTH];
    size_t size = espota_device_digest_length(job->device);
    for (uint32_t i = 0; i < count; i++)
        extent[i] = (struct espota_extent){ job->offset + sample_at(i), SECTOR };
    int result = espota_device_digests_of(job->device, extent, count, SECTOR, digests, error);
    *alike = false;
    for (uint32_t i = 0; result == 0 && i < count; i++) {
        result = update_digest_of(job->device, job->data + sample_at(i), SECTOR, expected, error);
        *alike = *alike || memcmp(digests + i * size, expected, size) == 0;
    }
    return result;
}

/* Other firmware has hardly a sector in common with this. Where no sample is what it will be, all is written
 * without looking at the rest; a sector that was right all the same then costs its way, and no more: whoever
 * writes it sees that flash holds it. Not where blank sectors need not travel, nor where a digest is of no
 * use for that. */
static int guess(struct job *job, struct espota_extent *extent, uint8_t *digests, bool *settled,
                 struct espota_error *error)
{
    bool alike = true;
    uint32_t count = job->length / BLOCK;
    int result = 0;
    if (job->compared || count < LEAST_SAMPLES || !espota_device_can(job->device, ESPOTA_CAP_DIGESTS) ||
        has_blank_sector(job))
        return 0;
    result = compare_samples(job, extent, digests, count, &alike, error);
    *settled = result == 0 && !alike;
    for (uint32_t i = 0; *settled && i < job->length / SECTOR; i++)
        job->differs[i] = true;
    return result;
}

/* The blocks that are open. Of the others, nothing differs any more. */
static size_t open_blocks(struct job *job, struct espota_extent *extent)
{
    size_t count = 0;
    for (uint32_t at = 0; at < job->length; at += BLOCK) {
        uint32_t length = block_length(job, at);
        if (is_open(job, at))
            count = add_extent(job, extent, count, at, length);
        else
            memset(job->differs + at / SECTOR, 0, length / SECTOR * sizeof *job->differs);
    }
    job->proven = false;
    return count;
}

/* Compare blocks by their digests. @return as the others; `extent` then has those that are not settled. */
static int compare_each(struct job *job, struct espota_extent *extent, size_t *count, const uint8_t *digests,
                        struct espota_error *error)
{
    size_t size = espota_device_digest_length(job->device), asked = *count;
    int result = 0;
    *count = 0;
    for (size_t i = 0; result == 0 && i < asked; i++) {
        uint32_t at = extent[i].offset - job->offset, end = at + extent[i].length;
        for (; result == 0 && at < end; at += BLOCK, digests += size) {
            bool settled = false;
            result = compare_at_once(job, at, block_length(job, at), digests, &settled, error);
            if (result == 0 && !settled)
                *count = add_extent(job, extent + asked, *count, at, block_length(job, at));
        }
    }
    return result;
}

/* `extent` has room for twice as many as there are blocks. */
static int compare_blocks_with(struct job *job, struct espota_extent *extent, uint8_t *digests,
                               struct espota_error *error)
{
    bool settled = false;
    int guessed = guess(job, extent, digests, &settled, error);
    if (guessed != 0 || settled)
        return guessed;
    size_t count = open_blocks(job, extent), asked = count;
    int result = count ? espota_device_digests_of(job->device, extent, count, BLOCK, digests, error) : 0;
    if (result == 0)
        result = compare_each(job, extent, &count, digests, error);
    return result ? result : compare_sectors(job, extent + asked, count, digests, error);
}

static int compare_blocks(struct job *job, struct espota_error *error)
{
    uint8_t *digests = malloc(job->length / SECTOR * espota_device_digest_length(job->device));
    struct espota_extent *extent = calloc((job->length + BLOCK - 1) / BLOCK * 2, sizeof *extent);
    int result = digests && extent ? compare_blocks_with(job, extent, digests, error)
                                   : espota_fail_memory(error, "comparing flash");
    free(digests);
    free(extent);
    return result;
}

/* What differs between the device and the data? A device that gives one digest a question is asked for the
 * whole first: one answer tells most often all, as nothing or everything differs. */
static int compare(struct job *job, struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    bool settled = false;
    int result = 0;
    if (!espota_device_can(job->device, ESPOTA_CAP_DIGESTS) && job->length > BLOCK) {
        result = espota_device_digest(job->device, job->offset, job->length, digest, error);
        if (result == 0)
            result = compare_at_once(job, 0, job->length, digest, &settled, error);
    }
    if (result == 0 && !settled)
        result = compare_blocks(job, error);
    job->differing = 0;
    for (uint32_t i = 0; i < job->length / SECTOR; i++)
        job->differing += job->differs[i];
    return result;
}

/* The observer hears of every byte once: not of those that are sent again. */
static void advance_to(struct job *job, uint32_t bytes)
{
    if (bytes > job->length)
        bytes = job->length;
    if (bytes <= job->told)
        return;
    job->told = bytes;
    espota_device_progress(job->device, ESPOTA_PHASE_WRITE, job->told, job->length);
}

static void on_moved(void *context, uint32_t bytes)
{
    struct job *job = context;
    job->under_way += bytes;
    advance_to(job, job->settled + job->under_way);
}

/* What a comparison found, and what came of it. */
static void settle(struct job *job)
{
    job->settled = job->length - job->differing * SECTOR;
    job->under_way = 0;
    if (!job->compared)
        job->result->kept = job->settled;
    job->compared = true;
    job->result->written = job->settled > job->result->kept ? job->settled - job->result->kept : 0;
    advance_to(job, job->settled);
}

/* A device's MD5 alone does not tell that what was left alone is what it should be. When it is not,
 * everything is written: which sectors collide, their digests do not say. */
static int prove(struct job *job, struct espota_error *error)
{
    bool holds = true;
    if (job->device->digest_kind != ESPOTA_HASH_MD5 || job->result->kept == 0)
        return 0;
    int result = espota_flash_holds(job->device, job->offset, job->data, job->length, &holds, error);
    if (result != 0 || holds)
        return result;
    espota_device_detail(job->device,
                         "flash has the MD5 of what it should hold, but not the bytes: all is written");
    job->differing = job->length / SECTOR;
    for (uint32_t i = 0; i < job->differing; i++)
        job->differs[i] = true;
    job->compared = false;
    settle(job);
    return 0;
}

static int write_differing(struct job *job, struct espota_error *error)
{
    struct espota_changes changes = { job->offset, job->length, job->data, job->differs, &job->proven };
    int result = espota_device_write_changes(job->device, &changes, error);
    if (result != 0)
        return result;
    job->settled = job->length;
    job->result->written = job->length - job->result->kept;
    job->under_way = 0;
    return 0;
}

/* Compare and write until nothing differs. */
static int run(struct job *job, struct espota_error *error)
{
    uint32_t best = UINT32_MAX;
    unsigned idle = 0;
    for (unsigned round = 0; round < MAX_ROUNDS && idle < MAX_IDLE_ROUNDS; round++) {
        int result = compare(job, error);
        if (result == 0)
            settle(job);
        if (result == 0 && job->differing == 0)
            result = prove(job, error);
        if (result == 0 && job->differing == 0)
            return 0;
        idle = result == 0 && job->differing < best ? 0 : idle + 1;
        if (result == 0)
            best = job->differing < best ? job->differing : best;
        if (result == 0)
            result = write_differing(job, error);
        if (result != 0)
            result = update_recover(job->device, result, &job->result->repeats, error);
        if (result != 0)
            return result;
    }
    if (best == UINT32_MAX)
        return (int)error->status; /* never got as far as comparing */
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "flash of %s at 0x%" PRIx32 "+0x%" PRIx32 " does not hold what was written: %" PRIu32
                       " sectors differ; is the flash worn out or write-protected, or the line too noisy?",
                       job->device->name, job->offset, job->length, job->differing);
}

static int write_sectors(struct job *job, struct espota_error *error)
{
    struct espota_device *device = job->device;
    job->differs = calloc(job->length / SECTOR, sizeof *job->differs);
    if (!job->differs)
        return espota_fail_memory(error, "writing flash");
    device->moved = on_moved;
    device->moved_context = job;
    espota_device_progress(device, ESPOTA_PHASE_WRITE, 0, job->length);
    int outcome = run(job, error);
    device->moved = NULL;
    device->moved_context = NULL;
    free(job->differs);
    return outcome;
}

int espota_smart_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                       struct espota_smart_write *result, struct espota_error *error)
{
    struct job job = { .device = device,
                       .offset = offset,
                       .data = data,
                       .length = espota_smart_write_total(length),
                       .result = result };
    *result = (struct espota_smart_write){ .total = job.length };
    int outcome = espota_device_check_range(device, "write", offset, job.length, error);
    if (outcome != 0 || length == 0)
        return outcome;
    if (job.length == length)
        return write_sectors(&job, error);
    uint8_t *sectors = malloc(job.length);
    if (!sectors)
        return espota_fail_memory(error, "writing flash");
    memcpy(sectors, data, length);
    memset(sectors + length, 0xff, job.length - length);
    job.data = sectors;
    outcome = write_sectors(&job, error);
    free(sectors);
    return outcome;
}

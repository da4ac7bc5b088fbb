/* What is in flash of the agent's device: digests and reads, with many requests under way. */
#include "client.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/size.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- digests --------------------------------------------------------------------------------------------
 */

enum { DIGEST_LEAST_MS = 1000, SLOWEST_DIGEST = 200 /* bytes a millisecond */ };

/* A question: digests of blocks that lie one behind the other, as many as fit one answer. */
struct digest_question {
    struct espota_extent extent;
    uint8_t *digests; /* where they go */
};

struct digest_questions {
    struct digest_question *question;
    uint32_t block;
};

static size_t digests_in(uint32_t length, uint32_t block)
{
    return length ? ((length - 1) / block + 1) * (size_t)ESPOTA_SHA256_LENGTH : 0;
}

static size_t ask_digests(void *context, uint32_t item, uint8_t *payload)
{
    const struct digest_questions *questions = context;
    const struct digest_question *q = &questions->question[item];
    espota_put_le32(payload, q->extent.offset);
    espota_put_le32(payload + 4, q->extent.length);
    espota_put_le32(payload + 8, questions->block);
    return 12;
}

static int take_digests(void *context, uint32_t item, const struct client_response *response,
                        struct espota_error *error)
{
    const struct digest_questions *questions = context;
    const struct digest_question *q = &questions->question[item];
    size_t size = digests_in(q->extent.length, questions->block);
    if (response->length != size)
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "the agent answers %zu byte%s where digests of %zu were asked for",
                           response->length, ESPOTA_PLURAL(response->length), size);
    memcpy(q->digests, response->data, size);
    return 0;
}

/* Cut one range into questions. @return how many; with `question` NULL they are only counted. */
static uint32_t cut_extent(const struct espota_extent *extent, uint32_t block, uint64_t fit, uint8_t *digests,
                           struct digest_question *question)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < extent->length; count++) {
        uint32_t part = extent->length - at < fit ? extent->length - at : (uint32_t)fit;
        if (question)
            question[count] = (struct digest_question){ { extent->offset + at, part }, digests };
        digests += digests_in(part, block);
        at += part;
    }
    return count;
}

static uint32_t cut_extents(const struct agent_client *client, const struct espota_extent *extent,
                            size_t count, uint32_t block, uint8_t *digests, struct digest_question *question)
{
    uint64_t fit = (uint64_t)(client->max_data / ESPOTA_SHA256_LENGTH) * block;
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += cut_extent(&extent[i], block, fit, digests, question ? question + sum : NULL);
        digests += digests_in(extent[i].length, block);
    }
    return sum;
}

int client_digests(struct espota_device *device, const struct espota_extent *extent, size_t count,
                   uint32_t block, uint8_t *digests, struct espota_error *error)
{
    struct agent_client *client = client_of(device);
    struct digest_questions questions = { .block = block };
    struct client_series series = { .type = ESPOTA_AGENT_DIGEST,
                                    .count = cut_extents(client, extent, count, block, digests, NULL),
                                    .least_ms = DIGEST_LEAST_MS + block / SLOWEST_DIGEST,
                                    .most_ms = CLIENT_LONG_TIMEOUT_MS + block / SLOWEST_DIGEST,
                                    .context = &questions,
                                    .compose = ask_digests,
                                    .take = take_digests };
    if (series.count == 0)
        return 0;
    questions.question = calloc(series.count, sizeof *questions.question);
    if (!questions.question)
        return espota_fail_memory(error, "comparing flash");
    cut_extents(client, extent, count, block, digests, questions.question);
    int result = client_run_series(client, &series, error);
    free(questions.question);
    return result;
}

int client_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                  struct espota_error *error)
{
    struct espota_extent extent = { offset, length };
    return client_digests(device, &extent, 1, length, digest, error);
}

/* ---- reads ----------------------------------------------------------------------------------------------
 */

enum { READ_LEAST_MS = 500 };

/* One range after the other, in pieces that fit an answer. Pieces are asked for in ascending order but for
 * those that got lost: the range of the last one is looked for from there. */
struct reads {
    struct espota_device *device;
    const struct espota_read *read;
    uint32_t *first; /* piece of each range */
    size_t count;
    uint32_t piece; /* bytes */
    bool tells;     /* the device's algorithm of what has come */
};

static uint32_t pieces_of(const struct espota_read *read, uint32_t piece)
{
    return (uint32_t)((read->length + piece - 1) / piece);
}

/* Binary search: which range does the piece belong to? */
static size_t range_of(const struct reads *reads, uint32_t item)
{
    size_t low = 0, high = reads->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (reads->first[middle] <= item)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static struct espota_read piece_of(const struct reads *reads, uint32_t item)
{
    size_t i = range_of(reads, item);
    struct espota_read part = reads->read[i];
    uint32_t at = (item - reads->first[i]) * reads->piece;
    part.offset += at;
    part.buffer = (uint8_t *)part.buffer + at;
    part.length = part.length - at < reads->piece ? part.length - at : reads->piece;
    return part;
}

static size_t ask_read(void *context, uint32_t item, uint8_t *payload)
{
    struct espota_read part = piece_of(context, item);
    espota_put_le32(payload, part.offset);
    espota_put_le16(payload + 4, (uint16_t)part.length);
    return 6;
}

static int take_read(void *context, uint32_t item, const struct client_response *response,
                     struct espota_error *error)
{
    const struct reads *reads = context;
    struct espota_read part = piece_of(reads, item);
    if (response->length != part.length)
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "the agent answers %zu byte%s where %" PRIu32 " at 0x%" PRIx32 " were asked for",
                           response->length, ESPOTA_PLURAL(response->length), part.length, part.offset);
    memcpy(part.buffer, response->data, part.length);
    if (reads->tells)
        espota_device_moved(reads->device, part.length);
    return 0;
}

static int run_reads(struct espota_device *device, const struct espota_read *read, size_t count, bool tells,
                     struct espota_error *error)
{
    struct agent_client *client = client_of(device);
    struct reads reads = { .device = device,
                           .read = read,
                           .first = calloc(count ? count : 1, sizeof *reads.first),
                           .count = count,
                           .piece = client->max_data,
                           .tells = tells };
    struct client_series series = { .type = ESPOTA_AGENT_READ,
                                    .least_ms = READ_LEAST_MS,
                                    .most_ms = CLIENT_TIMEOUT_MS,
                                    .context = &reads,
                                    .compose = ask_read,
                                    .take = take_read };
    if (!reads.first)
        return espota_fail_memory(error, "reading flash");
    for (size_t i = 0; i < count; i++) {
        reads.first[i] = series.count;
        series.count += pieces_of(&read[i], reads.piece);
    }
    int result = client_run_series(client, &series, error);
    free(reads.first);
    return result;
}

int client_reads(struct espota_device *device, const struct espota_read *read, size_t count,
                 struct espota_error *error)
{
    return run_reads(device, read, count, true, error);
}

int client_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                struct espota_error *error)
{
    struct espota_read read = { offset, (uint32_t)length, buffer };
    int result = run_reads(device, &read, 1, false, error);
    return result ? espota_fail_while(error, "0x%" PRIx32, offset) : 0;
}

#include "plan.h"

#include "espota/agent_protocol.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum {
    BITS_PER_BYTE = 10,
    /* Of the decoder, on Xtensa and RISC-V alike. Source: instructions counted by QEMU (tests/bench/coder).
     */
    CYCLES_PER_BYTE = 1000,
    ASSUMED_MHZ = 80, /* where the agent does not say how fast its CPU runs */
    /* Flash: a page of 256 bytes 0.4 ms, a block of 64K erased in 150 ms (W25Q32JV datasheet, typical). */
    FLASH_BYTES_PER_SECOND = 256 * 1000,
    LEAST_CODED = 4, /* sectors: in fewer the model learns too little to be worth a start */
};

#define CODED_RATIO  0.55 /* bytes of a stream to those of firmware */
#define WORTH_CODING 0.95
#define FASTEST_LINE (4u << 20)

/* What is known of it: the rate of a serial line, or what a window's worth of bytes a round trip makes. */
static uint32_t line_rate(const struct agent_client *client)
{
    uint32_t baud = client->rate ? client->rate : client->link->baud;
    uint64_t rtt = client->fastest_ms ? client->fastest_ms : 1;
    uint64_t fits = client->window_bytes * (uint64_t)1000 / rtt;
    uint64_t rate = fits < FASTEST_LINE ? fits : FASTEST_LINE;
    if (baud && baud / BITS_PER_BYTE < rate)
        rate = baud / BITS_PER_BYTE;
    return rate ? (uint32_t)rate : 1;
}

static double longest(double a, double b, double c)
{
    double most = a > b ? a : b;
    return most > c ? most : c;
}

struct client_estimate client_estimate(const struct agent_client *client, uint32_t length)
{
    struct client_estimate e = { .line_rate = line_rate(client) };
    double mhz = client->cpu_mhz ? client->cpu_mhz : ASSUMED_MHZ;
    double line = (double)length / e.line_rate;
    double flash = (double)length / FLASH_BYTES_PER_SECOND;
    e.raw = longest(line, flash, 0);
    e.coded = longest(line * CODED_RATIO, flash, length * (CYCLES_PER_BYTE / 1e6) / mhz);
    return e;
}

static bool decodes(const struct agent_client *client)
{
    return (client->capabilities & ESPOTA_AGENT_CAN_CODED) && (client->coders >> ESPOTA_STREAM_CODED & 1) &&
           !client->coded_refused;
}

static bool is_fill(const uint8_t *sector)
{
    return memcmp(sector, sector + 1, SECTOR - 1) == 0;
}

static bool has_fill(const uint8_t *data, uint32_t length)
{
    for (uint32_t at = 0; at < length; at += SECTOR)
        if (is_fill(data + at))
            return true;
    return false;
}

/* What is not coded goes as it is, unless a sector of it need not travel at all. */
static enum client_stream_kind kind_of(bool decodes, bool worth_coding, const uint8_t *data, uint32_t length)
{
    if (decodes && worth_coding && length >= LEAST_CODED * SECTOR)
        return STREAM_CODED;
    return decodes && has_fill(data, length) ? STREAM_CHUNKS : STREAM_RAW;
}

/* The next run of sectors that differ, from `*at` on; its length, 0 when there is none. */
static uint32_t next_run(const struct espota_changes *changes, uint32_t *at)
{
    uint32_t length = 0;
    while (*at < changes->length && changes->differs && !changes->differs[*at / SECTOR])
        *at += SECTOR;
    while (*at + length < changes->length && (!changes->differs || changes->differs[(*at + length) / SECTOR]))
        length += SECTOR;
    return length;
}

static uint32_t sum_of(const struct client_plan *plan, enum client_stream_kind kind)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < plan->count; i++)
        sum += plan->stream[i].kind == kind ? plan->stream[i].stretch.length : 0;
    return sum;
}

static void tell(const struct agent_client *client, const struct client_plan *plan, uint32_t differing)
{
    struct client_estimate e = client_estimate(client, differing);
    espota_device_detail(
        &client->device,
        "writing %" PRIu32 "K in %zu stretches, %" PRIu32 "K of it coded: raw would take %.1f s, "
        "coded %.1f s (line %" PRIu32 " bytes/s, CPU %u MHz%s%s)",
        differing / 1024, plan->count, sum_of(plan, STREAM_CODED) / 1024, e.raw, e.coded, e.line_rate,
        client->cpu_mhz, decodes(client) ? "" : ", no decoder", client->coded_refused ? " any more" : "");
}

int client_plan(struct client_plan *plan, const struct agent_client *client,
                const struct espota_changes *changes, uint32_t at, struct espota_error *error)
{
    uint32_t differing = 0, length;
    /* what is coded repeats what lies before it in the image: that has to be here */
    bool may_code = decodes(client) && at == 0;
    *plan = (struct client_plan){ .stream = calloc(changes->length / SECTOR + 1, sizeof *plan->stream) };
    if (!plan->stream)
        return espota_fail_memory(error, "writing flash");
    for (uint32_t i = 0; (length = next_run(changes, &i)) > 0; i += length)
        differing += length;
    struct client_estimate e = client_estimate(client, differing);
    bool worth = e.coded < e.raw * WORTH_CODING;
    for (uint32_t i = 0; (length = next_run(changes, &i)) > 0; i += length)
        plan->stream[plan->count++] =
            (struct client_stream){ .stretch = { at + i, length },
                                    .kind = kind_of(may_code, worth, changes->data + i, length) };
    if (plan->count > 0)
        tell(client, plan, differing);
    return 0;
}

bool client_plan_codes(const struct client_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->stream[i].kind == STREAM_CODED)
            return true;
    return false;
}

void client_plan_free(struct client_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        stream_end(&plan->stream[i]);
    free(plan->stream);
    *plan = (struct client_plan){ 0 };
}

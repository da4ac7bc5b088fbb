#include "plan.h"

#include "espota/agent_protocol.h"
#include "espota/device.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

enum {
    BITS_PER_BYTE = 10,
    USUAL_BAUD = 115200,
    /* Of the agent's own code, a byte, counted by QEMU and taken for a cycle an instruction. */
    FRAME_CYCLES = 45,   /* SLIP, CRC and copying, of a byte on the wire */
    SEALED_CYCLES = 100, /* ChaCha20-Poly1305 besides */
    ASSUMED_MHZ = 80,    /* where the agent does not say how fast its CPU runs */
    /* Flash: a page of 256 bytes 0.4 ms, a block of 64K erased in 150 ms (W25Q32JV datasheet, typical). */
    FLASH_BYTES_PER_SECOND = 256 * 1000,
    LONGEST_GAP = 16, /* the same */
    SHARED_STEP = 16, /* sectors: where streams begin that are made for several devices, */
    LONG = 64,        /* if they have so many */
    LEAST_BASED = 2,  /* sectors that a map is worth sending for, */
    SHARE_BASED = 16, /* and of the image's one in so many, as a map's size goes by the image's */
};

#define QUICK_RATIO  0.5 /* bytes of a stream to those of firmware */
#define DEEP_RATIO   0.465
#define BASED_RATIO  0.15 /* more than most updates take */
#define WORTH_CODING 0.95
#define FASTEST_LINE (4u << 20)

/* Of the line behind the agent's stream; 0: it has none. A stream whose rate can change is a UART, also where
 * the link, as TCP, does not know its rate: then it is the one that agents begin with. */
static uint32_t baud_of(const struct agent_client *client)
{
    uint32_t baud = client->rate ? client->rate : client->link->baud;
    return baud == 0 && client->capabilities & ESPOTA_AGENT_CAN_RATE ? USUAL_BAUD : baud;
}

/* What is known of it: the rate of a serial line, or what a window's worth of bytes a round trip makes. */
static uint32_t line_rate(const struct agent_client *client)
{
    uint32_t baud = baud_of(client);
    uint64_t rtt = client->fastest_ms ? client->fastest_ms : 1;
    uint64_t fits = client->window_bytes * (uint64_t)1000 / rtt;
    uint64_t rate = fits < FASTEST_LINE ? fits : FASTEST_LINE;
    if (baud && baud / BITS_PER_BYTE < rate)
        rate = baud / BITS_PER_BYTE;
    return rate ? (uint32_t)rate : 1;
}

/* Seconds a byte of the image that is stored or coded. */
struct costs {
    double line[2], cpu[2], flash; /* [0]: stored, [1]: coded */
};

static double coded_ratio(const struct agent_client *client)
{
    return client->deep ? DEEP_RATIO : QUICK_RATIO;
}

static double decode_cycles(const struct agent_client *client, bool deep)
{
    if (deep)
        return ESPOTA_CODER_CYCLES_DEEP;
    return client->isa == ESPOTA_ISA_RISCV ? ESPOTA_CODER_CYCLES_RISCV : ESPOTA_CODER_CYCLES_XTENSA;
}

/* As it was measured, or else as it was counted. */
static double decode_seconds(const struct agent_client *client, double hz)
{
    return client->decode_ns ? client->decode_ns / 1e9 : decode_cycles(client, client->deep) / hz;
}

static struct costs costs_of(const struct agent_client *client, uint32_t line_rate)
{
    double hz = 1e6 * (client->cpu_mhz ? client->cpu_mhz : ASSUMED_MHZ);
    double frame = (FRAME_CYCLES + (client->sealed ? SEALED_CYCLES : 0)) / hz;
    struct costs c = { .flash = 1.0 / FLASH_BYTES_PER_SECOND };
    c.line[0] = 1.0 / line_rate;
    c.line[1] = coded_ratio(client) * c.line[0];
    c.cpu[0] = frame;
    c.cpu[1] = frame * coded_ratio(client) + decode_seconds(client, hz);
    return c;
}

static double between(const double ends[2], double share)
{
    return ends[0] + share * (ends[1] - ends[0]);
}

static double seconds(const struct costs *c, double share)
{
    double line = between(c->line, share), cpu = between(c->cpu, share), most = line > cpu ? line : cpu;
    return most > c->flash ? most : c->flash;
}

/* Where line and CPU need the same time, but no more than brings the line to the speed of flash. */
static double best_share(const struct costs *c)
{
    double saved = c->line[0] - c->line[1];
    double balanced = (c->line[0] - c->cpu[0]) / (saved + c->cpu[1] - c->cpu[0]);
    double enough = (c->line[0] - c->flash) / saved;
    double share = balanced < enough ? balanced : enough;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

struct client_estimate client_estimate(const struct agent_client *client, uint32_t length)
{
    struct client_estimate e = { .line_rate = line_rate(client) };
    struct costs c = costs_of(client, e.line_rate);
    e.share = best_share(&c);
    e.raw = length * seconds(&c, 0);
    e.coded = length * seconds(&c, e.share);
    return e;
}

/* The decoder takes as long with a base as without; all of the image is rebuilt. */
struct espota_base_costs client_base_costs(const struct agent_client *client, uint32_t length)
{
    struct costs c = costs_of(client, line_rate(client));
    double read = c.line[0] > c.cpu[0] ? c.line[0] : c.cpu[0];
    double line = BASED_RATIO * c.line[0], most = line > c.cpu[1] ? line : c.cpu[1];
    return (struct espota_base_costs){ .whole = client_estimate(client, length).coded,
                                       .based = length * (most > c.flash ? most : c.flash),
                                       .read = read };
}

/* What was measured of one model says something of the other. */
static void set_depth(struct agent_client *client, bool deep)
{
    if (client->deep != deep)
        client->decode_ns =
            (uint32_t)(client->decode_ns * decode_cycles(client, deep) / decode_cycles(client, client->deep));
    client->deep = deep;
}

void client_choose_depth(struct agent_client *client)
{
    const uint32_t some = 1u << 20;
    set_depth(client, false);
    double quick = client_estimate(client, some).coded;
    if (client->deep_table_log == 0)
        return;
    set_depth(client, true);
    if (client_estimate(client, some).coded >= quick)
        set_depth(client, false);
}

unsigned client_table_log(const struct agent_client *client)
{
    return client->deep ? client->deep_table_log | ESPOTA_CODER_DEEP : client->table_log;
}

/* What comes over the line keeps the CPU busy too: that time is not the decoder's. */
void client_set_pace(const struct agent_client *client, struct client_image *image)
{
    struct costs c = costs_of(client, line_rate(client));
    double line = c.line[0] - c.cpu[0];
    image->pace.line_ns = line * 1e9 >= 1 ? (uint32_t)(line * 1e9) : 1;
    image->pace.decode_ns = (uint32_t)((c.cpu[1] - c.cpu[0] * coded_ratio(client)) * 1e9);
    image->pace.window = client->window_bytes;
}

static bool decodes(const struct agent_client *client)
{
    return (client->capabilities & ESPOTA_AGENT_CAN_CODED) && (client->coders >> ESPOTA_STREAM_CODED & 1) &&
           !client->coded_refused;
}

static bool has_fill(const uint8_t *data, uint32_t length)
{
    for (uint32_t at = 0; at < length; at += SECTOR)
        if (espota_chunk_is_fill(data + at))
            return true;
    return false;
}

/* How streams are chosen. */
struct choice {
    bool decodes, worth_coding, based;
    uint32_t image; /* bytes */
};

/* Is so much worth a map? */
static bool pays_for_map(uint32_t length, uint32_t image)
{
    return length >= LEAST_BASED * SECTOR && length >= image / SHARE_BASED;
}

/* What is not coded goes as it is, unless a sector of it need not travel at all. */
static enum client_stream_kind kind_of(const struct choice *choice, const uint8_t *data, uint32_t length)
{
    bool decodes = choice->decodes;
    if (choice->based && pays_for_map(length, choice->image))
        return STREAM_BASED;
    if (decodes && choice->worth_coding)
        return STREAM_CODED;
    return decodes && has_fill(data, length) ? STREAM_CHUNKS : STREAM_RAW;
}

static bool differs(const struct espota_changes *changes, uint32_t at)
{
    return !changes->differs || changes->differs[at / SECTOR];
}

/* Filled sectors that do not differ cost less than to begin a stream anew behind them; with a base others do
 * too.
 */
static uint32_t gap_at(const struct espota_changes *changes, bool based, uint32_t at)
{
    uint32_t length = 0, most = LONGEST_GAP * SECTOR;
    while (at + length < changes->length && length < most && !differs(changes, at + length) &&
           (based || espota_chunk_is_fill(changes->data + at + length)))
        length += SECTOR;
    return at + length < changes->length && differs(changes, at + length) ? length : 0;
}

/* The next run of sectors that differ, from `*at` on; its length, 0 when there is none. */
static uint32_t next_run(const struct espota_changes *changes, const struct choice *choice, uint32_t *at)
{
    uint32_t length = 0, step;
    while (*at < changes->length && !differs(changes, *at))
        *at += SECTOR;
    do {
        step = 0;
        while (*at + length + step < changes->length && differs(changes, *at + length + step))
            step += SECTOR;
        length += step;
        step = choice->decodes && length > 0 ? gap_at(changes, choice->based, *at + length) : 0;
        length += step;
    } while (step > 0);
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
    espota_device_detail(&client->device,
                         "writing %" PRIu32 "K in %zu %s, %" PRIu32 "K of it for the coder, %" PRIu32
                         "K against a base (expected: %.1f s as it is, %.1f s with "
                         "%u%% coded%s; line %" PRIu32 " bytes/s, CPU %u MHz%s)",
                         differing / 1024, plan->count, plan->count == 1 ? "stretch" : "stretches",
                         sum_of(plan, STREAM_CODED) / 1024, sum_of(plan, STREAM_BASED) / 1024, e.raw, e.coded,
                         (unsigned)(e.share * 100), client->deep ? ", by the deep model" : "", e.line_rate,
                         client->cpu_mhz, decodes(client) ? "" : "; no decoder that is used");
}

/* What is coded repeats what lies before it in the image: that has to be here. */
static bool may_code(const struct agent_client *client, uint32_t at)
{
    return decodes(client) && at == 0;
}

bool client_plan_wants_base(const struct espota_changes *changes, uint32_t at)
{
    uint32_t differing = 0;
    for (uint32_t i = 0; i < changes->length; i += SECTOR)
        differing += differs(changes, i) ? SECTOR : 0;
    return at == 0 && pays_for_map(differing, changes->length);
}

/* Devices that were cut off go on at one sector or another: a long stream begins where that of the next one
 * does too. What is there already is passed over. */
static struct espota_extent stretch_of(const struct client_plan *plan, const struct agent_client *client,
                                       uint32_t offset, uint32_t length)
{
    const struct espota_extent *before = plan->count > 0 ? &plan->stream[plan->count - 1].stretch : NULL;
    uint32_t begin = offset / SECTOR / SHARED_STEP * SHARED_STEP * SECTOR;
    if (!client->options.streams || length < LONG * SECTOR ||
        (before && begin < before->offset + before->length))
        begin = offset;
    return (struct espota_extent){ begin, offset + length - begin };
}

int client_plan(struct client_plan *plan, const struct agent_client *client,
                const struct espota_changes *changes, uint32_t at, bool based, struct espota_error *error)
{
    uint32_t differing = 0, length;
    struct choice choice = { .decodes = may_code(client, at), .based = based, .image = changes->length };
    *plan = (struct client_plan){ .stream = calloc(changes->length / SECTOR + 1, sizeof *plan->stream) };
    if (!plan->stream)
        return espota_fail_memory(error, "writing flash");
    for (uint32_t i = 0; (length = next_run(changes, &choice, &i)) > 0; i += length)
        differing += length;
    struct client_estimate e = client_estimate(client, differing);
    choice.worth_coding = e.coded < e.raw * WORTH_CODING;
    for (uint32_t i = 0; (length = next_run(changes, &choice, &i)) > 0; i += length) {
        struct client_stream stream = { .kind = kind_of(&choice, changes->data + i, length) };
        if (stream.kind == STREAM_BASED) /* its chunks may stand for several sectors, up to the image's end */
            length = changes->length - i;
        stream.stretch = (struct espota_extent){ at + i, length };
        if (stream.kind == STREAM_BASED && client->base.prepared) { /* a patch is for all of an image */
            plan->count = 0;
            stream.stretch = (struct espota_extent){ at, changes->length };
        } else if (stream.kind == STREAM_CODED || stream.kind == STREAM_BASED) {
            stream.stretch = stretch_of(plan, client, i, length);
        }
        plan->stream[plan->count++] = stream;
    }
    if (plan->count > 0)
        tell(client, plan, differing);
    return 0;
}

bool client_plan_has(const struct client_plan *plan, enum client_stream_kind kind)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->stream[i].kind == kind)
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

#include "line.h"

#include "timing.h"

#include "espota/clock.h"

enum {
    BITS_PER_BYTE = 10,
    MILLION = 1000000,
    BILLION = 1000000000,
    LONGEST_STALL_MS = 1500,
    FLIPS_ABOVE_CLEAN_BAUD = 30000, /* of a million bytes */
    TOLERANCE_PERCENT = 4,          /* of a UART's rate */
};

void sim_line_init(struct sim_line *line, const struct espota_sim_options *options)
{
    *line = (struct sim_line){
        .faults = options->faults,
        .random = options->faults.seed ? options->faults.seed : 1,
        .real_time = options->real_time,
        .clock = options->clock,
        .baud = 115200,
    };
}

/* xorshift32: the same seed gives the same faults. */
static uint32_t next_random(struct sim_line *line)
{
    line->random ^= line->random << 13;
    line->random ^= line->random >> 17;
    line->random ^= line->random << 5;
    return line->random;
}

static void take_time(struct sim_line *line, size_t length)
{
    uint64_t now = sim_time_now(&sim_time_real);
    uint64_t start = line->busy_until_ns > now ? line->busy_until_ns : now;
    line->busy_until_ns = start + (uint64_t)length * BITS_PER_BYTE * BILLION / line->baud;
    sim_time_wait_until(&sim_time_real, line->busy_until_ns);
}

/* Two UARTs that disagree about the rate understand nothing. */
static bool rates_differ(const struct sim_line *line)
{
    uint64_t host = line->host_baud, chip = line->baud;
    uint64_t difference = host > chip ? host - chip : chip - host;
    return host != 0 && difference * 100 > chip * TOLERANCE_PERCENT;
}

static bool happens(struct sim_line *line, uint32_t per_million)
{
    return per_million > 0 && next_random(line) % MILLION < per_million;
}

static uint8_t disturb(struct sim_line *line, uint8_t byte, uint32_t flips)
{
    unsigned flipped = happens(line, flips) ? 1u << next_random(line) % 8 : 0;
    return (uint8_t)(byte ^ flipped);
}

size_t sim_line_pass(struct sim_line *line, const uint8_t *data, size_t length, uint8_t *out)
{
    const struct espota_sim_faults *f = &line->faults;
    bool too_fast = f->clean_baud && line->baud > f->clean_baud;
    uint32_t flips = f->flip_per_million + (too_fast ? FLIPS_ABOVE_CLEAN_BAUD : 0);
    bool garbled = rates_differ(line);
    size_t kept = 0;
    if (line->real_time && line->baud > 0)
        take_time(line, length);
    for (size_t i = 0; i < length; i++) {
        if (happens(line, f->stall_per_million))
            espota_clock_sleep_ms(line->clock, next_random(line) % LONGEST_STALL_MS);
        if (happens(line, f->drop_per_million))
            continue;
        out[kept++] = garbled ? (uint8_t)next_random(line) : disturb(line, data[i], flips);
        if (happens(line, f->duplicate_per_million)) {
            out[kept] = out[kept - 1];
            kept++;
        }
    }
    return kept;
}

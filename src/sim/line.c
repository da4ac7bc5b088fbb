#include "line.h"

#include <errno.h>
#include <time.h>

enum { BITS_PER_BYTE = 10, MILLION = 1000000 };

void sim_line_init(struct sim_line *line, const struct espota_sim_options *options)
{
    *line = (struct sim_line){
        .random = options->faults.seed ? options->faults.seed : 1,
        .drop_per_million = options->faults.drop_per_million,
        .flip_per_million = options->faults.flip_per_million,
        .real_time = options->real_time,
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

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * MILLION + (uint64_t)now.tv_nsec / 1000;
}

static void wait_until(uint64_t us)
{
    struct timespec until = { (time_t)(us / MILLION), (long)(us % MILLION) * 1000 };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static void take_time(struct sim_line *line, size_t length)
{
    uint64_t now = now_us();
    uint64_t start = line->busy_until_us > now ? line->busy_until_us : now;
    line->busy_until_us = start + (uint64_t)length * BITS_PER_BYTE * MILLION / line->baud;
    wait_until(line->busy_until_us);
}

size_t sim_line_pass(struct sim_line *line, uint8_t *data, size_t length)
{
    size_t kept = 0;
    if (line->real_time && line->baud > 0)
        take_time(line, length);
    if (line->drop_per_million == 0 && line->flip_per_million == 0)
        return length;
    for (size_t i = 0; i < length; i++) {
        if (next_random(line) % MILLION < line->drop_per_million)
            continue;
        uint8_t byte = data[i];
        if (next_random(line) % MILLION < line->flip_per_million)
            byte ^= (uint8_t)(1u << next_random(line) % 8);
        data[kept++] = byte;
    }
    return kept;
}

#include "stream_pace.h"

enum { ONE = 1024, HALF_STEP = 1218, STEP_AND_HALF = 1722 /* 2^(1/4), 2^(3/4) in 1/1024 */ };

unsigned stream_pace_step(const struct espota_stream_pace *pace)
{
    uint64_t ratio = (uint64_t)pace->decode_ns * ONE / (pace->line_ns ? pace->line_ns : 1);
    unsigned octave = 0;
    while (octave < STREAM_PACE_STEPS / 2 - 1 && ratio >> (octave + 1) != 0)
        octave++;
    uint64_t low = (uint64_t)1 << octave; /* and above its square root of 2? */
    return 2 * octave + (ratio >= UINT32_MAX || ratio * ratio >= 2 * low * low);
}

struct espota_stream_pace stream_pace_of_step(unsigned step, uint32_t window)
{
    uint64_t ratio = (step % 2 ? STEP_AND_HALF : HALF_STEP) * ((uint64_t)1 << step / 2) / ONE;
    return (struct espota_stream_pace){ .line_ns = ONE,
                                        .decode_ns = ratio > 0 ? (uint32_t)ratio : 1,
                                        .window = window };
}

void stream_pace_wish(struct stream_pace_wishes *wishes, unsigned step, int change)
{
    wishes->count[step] += (unsigned)change;
    wishes->all += (unsigned)change;
}

unsigned stream_pace_median(const struct stream_pace_wishes *wishes)
{
    unsigned step = 0, so_far = wishes->count[0];
    while (2 * so_far < wishes->all && step + 1 < STREAM_PACE_STEPS)
        so_far += wishes->count[++step];
    return step;
}

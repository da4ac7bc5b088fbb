/* The coder's arithmetic: adaptive probabilities from a hashed table, mixed in the logistic domain, refined,
 * and spent by a range coder. Integers alone. */
#include "coder.h"

#define LEARN          14
#define CHECK_OF(hash) ((uint16_t)((hash) | 1u))

/* 65536 / (n + 1.3): how far a probability that was adapted n times moves. */
static const uint16_t rate_of[16] = { 50412, 28494, 19859, 15241, 12365, 10403, 8978, 7896,
                                      7047,  6363,  5800,  5328,  4928,  4583,  4283, 3855 };

/* ---- range coder: a bit is 1 with probability p / 65536
 * ------------------------------------------------------ */
static void normalise(struct coder *coder)
{
    while (coder->range < 1u << 24) {
        coder->range <<= 8;
        coder->code <<= 8;
        if (coder->next < coder->end)
            coder->code |= *coder->next++;
        else
            coder->beyond++;
    }
}

static uint32_t decode_bit(struct coder *coder, uint32_t bound)
{
    uint32_t bit = coder->code < bound;
    if (bit != 0) {
        coder->range = bound;
    } else {
        coder->code -= bound;
        coder->range -= bound;
    }
    normalise(coder);
    return bit;
}

static inline uint32_t code_bit(struct coder *coder, uint32_t bit, uint32_t p)
{
    uint32_t bound = (coder->range >> 16) * p;
#ifdef ESPOTA_CODER_ENCODER
    if (coder->sink != NULL) {
        coder_encode_bit(coder, bit, bound);
        return bit;
    }
#else
    (void)bit;
#endif
    return decode_bit(coder, bound);
}

uint32_t coder_plain(struct coder *coder, uint32_t value, unsigned count)
{
    uint32_t got = 0;
    while (count-- > 0)
        got = got << 1 | code_bit(coder, value >> count & 1, 32768);
    return got;
}

uint32_t coder_flag(struct coder *coder, uint32_t value, unsigned flag)
{
    uint16_t *p = &coder->flag[flag];
    uint32_t bit = code_bit(coder, value & 1, *p);
    if (bit != 0)
        *p = (uint16_t)(*p + ((65504 - *p) >> 5));
    else
        *p = (uint16_t)(*p - ((*p - 32) >> 5));
    return bit;
}

/* ---- context table: buckets of a check and three probabilities, for two bits
 * --------------------------------- */
static uint16_t *bucket(struct coder *coder, uint32_t hash)
{
    uint32_t h = hash * 0x9E3779B1u;
    uint32_t at = h >> (35u - coder->table_log);
    uint16_t check = CHECK_OF(h);
    uint16_t *first = coder->table + at * 4, *second = coder->table + (at ^ 1) * 4;
    if (first[0] == check)
        return first;
    if (second[0] == check)
        return second;
    if ((second[1] & 15) < (first[1] & 15))
        first = second;
    else if ((second[1] & 15) > 1)
        second[1]--; /* what is never used again must go some time */
    first[0] = check;
    first[1] = first[2] = first[3] = 0x8000;
    return first;
}

static inline uint16_t adapted(uint16_t slot, uint32_t bit)
{
    int32_t count = slot & 15, p = slot >> 4;
    int32_t goal = bit != 0 ? 4095 : 0;
    p += ((goal - p) * (int32_t)rate_of[count] + 32768) >> 16;
    return (uint16_t)((uint32_t)p << 4 | (uint32_t)(count < 15 ? count + 1 : 15));
}

/* ---- one bit
 * ------------------------------------------------------------------------------------------------- */
/* What predicts a symbol: slots of its contexts, and the weights that they have. */
struct inputs {
    unsigned count;
    uint16_t *slot[CODER_INPUTS + 1]; /* the last one is of the set, whatever the contexts */
    int16_t *weight;
};

static uint32_t mixed_bit(struct coder *coder, const struct inputs *inputs, uint32_t value)
{
    int16_t *weight = inputs->weight;
    int32_t input[CODER_INPUTS + 1], sum = 0;
    unsigned n = inputs->count;
    for (unsigned j = 0; j <= n; j++) {
        input[j] = coder->stretch[*inputs->slot[j] >> 4];
        sum += input[j] * weight[j];
    }
    sum >>= 9;
    sum = sum > 2047 ? 2047 : sum < -2048 ? -2048 : sum;
    uint32_t p = coder->squash[(uint32_t)(sum + 2048) >> 3];
    uint32_t bit = code_bit(coder, value & 1, p);
    int32_t error = (int32_t)(bit << 16) - (int32_t)p;
    for (unsigned j = 0; j <= n; j++) {
        int32_t w = weight[j] + ((input[j] * error + (1 << (LEARN - 1))) >> LEARN);
        weight[j] = (int16_t)(w > 32767 ? 32767 : w < -32768 ? -32768 : w);
        *inputs->slot[j] = adapted(*inputs->slot[j], bit);
    }
    return bit;
}

/* Which weights: how often was the second context seen? */
static unsigned confidence(const struct inputs *inputs)
{
    unsigned count = inputs->count > 1 ? *inputs->slot[1] & 15 : 0;
    return count == 0 ? 0 : count < 4 ? 1 : 2;
}

static void set_inputs(struct coder *coder, struct inputs *inputs, uint32_t node, unsigned set)
{
    inputs->count = coder->inputs;
    for (unsigned j = 0; j < inputs->count; j++)
        inputs->slot[j] = bucket(coder, coder->context[j] + node * 0x632BE5ABu) + 1;
    inputs->weight = coder->weight[set][confidence(inputs)];
}

static uint32_t code_nibble(struct coder *coder, uint32_t value, unsigned count, uint32_t node, unsigned set)
{
    struct inputs inputs;
    uint32_t got = 1;
    for (unsigned left = count; left > 0; left -= 2) {
        set_inputs(coder, &inputs, node, set);
        inputs.slot[inputs.count] = &coder->of_set[set][got];
        uint32_t bit = mixed_bit(coder, &inputs, value >> (left - 1));
        for (unsigned j = 0; j < inputs.count; j++)
            inputs.slot[j] += 1 + bit;
        got = got << 1 | bit;
        inputs.slot[inputs.count] = &coder->of_set[set][got];
        bit = mixed_bit(coder, &inputs, value >> (left - 2));
        got = got << 1 | bit;
        node = node << 2 | (got & 3);
    }
    return got & ((1u << count) - 1);
}

uint32_t coder_bits(struct coder *coder, uint32_t value, unsigned count, unsigned set)
{
    if (count <= 4)
        return code_nibble(coder, value, count, 1, set);
    uint32_t high = code_nibble(coder, value >> (count - 4), 4, 1, set);
    return high << (count - 4) | code_nibble(coder, value, count - 4, 16 | high, set + 1);
}

uint32_t coder_bit(struct coder *coder, uint32_t value, unsigned set)
{
    struct inputs inputs;
    set_inputs(coder, &inputs, 1, set);
    inputs.slot[inputs.count] = &coder->of_set[set][1];
    return mixed_bit(coder, &inputs, value);
}

/* The coder's arithmetic: adaptive probabilities from a hashed table, mixed in the logistic domain, refined,
 * and spent by a range coder. Integers alone. */
#include "coder.h"

#define LEARN          14
#define SMALL_ERROR    2048 /* of 65536: nothing to learn from */
#define CHECK_OF(hash) ((uint16_t)((hash) | 1u))

/* 65536 / (n + 1.3): how far a probability that was adapted n times moves. */
static const uint16_t rate_of[16] = { 50412, 28494, 19859, 15241, 12365, 10403, 8978, 7896,
                                      7047,  6363,  5800,  5328,  4928,  4583,  4283, 3855 };

/* ---- range coder: a bit is 1 with probability p / 65536
 * ------------------------------------------------------ */
static void normalise(struct coder *coder)
{
    do {
        coder->range <<= 8;
        coder->code <<= 8;
        if (coder->next < coder->end)
            coder->code |= *coder->next++;
        else
            coder->beyond++;
    } while (coder->range < 1u << 24);
}

static inline uint32_t decode_bit(struct coder *coder, uint32_t bound)
{
    uint32_t range = bound, code = coder->code, bit = 1;
    if (code >= bound) {
        coder->code = code - bound;
        range = coder->range - bound;
        bit = 0;
    }
    coder->range = range;
    if (range < 1u << 24)
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
/* Neither place holds it: the one that was used less gives way. */
static uint16_t *new_bucket(uint16_t *first, uint16_t *second, uint16_t check)
{
    if ((second[1] & 15) < (first[1] & 15))
        first = second;
    else if ((second[1] & 15) > 1)
        second[1]--; /* what is never used again must go some time */
    first[0] = check;
    first[1] = first[2] = first[3] = 0x8000;
    return first;
}

static inline uint16_t *bucket(const struct coder *coder, uint32_t hash)
{
    uint32_t h = hash * 0x9E3779B1u, at = h >> (35u - coder->table_log);
    uint16_t check = CHECK_OF(h), *first = coder->table + at * 4, *second = coder->table + (at ^ 1) * 4;
    if (first[0] == check)
        return first;
    return second[0] == check ? second : new_bucket(first, second, check);
}

static inline uint16_t raised(uint16_t slot)
{
    uint32_t count = slot & 15u;
    uint32_t step = ((4095u - (slot >> 4)) * rate_of[count] + 32768u) >> 16;
    return (uint16_t)(slot + (step << 4) + (count != 15));
}

static inline uint16_t lowered(uint16_t slot)
{
    uint32_t count = slot & 15u;
    uint32_t step = ((uint32_t)(slot >> 4) * rate_of[count] + 32768u) >> 16;
    return (uint16_t)(slot - (step << 4) + (count != 15));
}

/* ---- one bit
 * ------------------------------------------------------------------------------------------------- */
/* What predicts a bit: the slot of the set and those of its contexts; and the weights that they have. */
struct inputs {
    uint16_t *set, *first, *second;
    int16_t *weight;
};

static inline int16_t learnt(int16_t weight, int32_t input, int32_t error)
{
    return (int16_t)(weight + ((input * error + (1 << (LEARN - 1))) >> LEARN));
}

static inline __attribute__((always_inline)) uint32_t mixed_bit(struct coder *coder, struct inputs in,
                                                                uint32_t value)
{
    uint16_t set = *in.set, first = *in.first, second = *in.second;
    int32_t input[3] = { coder->stretch[set >> 7], coder->stretch[first >> 7], coder->stretch[second >> 7] };
    int32_t sum = (input[0] * in.weight[0] + input[1] * in.weight[1] + input[2] * in.weight[2]) >> 9;
    uint32_t at = (uint32_t)(sum + 2048);
    if (at > 4095)
        at = sum < 0 ? 0 : 4095;
    uint32_t p = coder->squash[at >> 3];
    uint32_t bit = code_bit(coder, value & 1, p);
    int32_t error = (int32_t)(bit << 16) - (int32_t)p;
    if ((uint32_t)(error + SMALL_ERROR) < 2u * SMALL_ERROR)
        return bit;
    if (bit != 0) {
        *in.set = raised(set);
        *in.first = raised(first);
        *in.second = raised(second);
    } else {
        *in.set = lowered(set);
        *in.first = lowered(first);
        *in.second = lowered(second);
    }
    in.weight[0] = learnt(in.weight[0], input[0], error);
    in.weight[1] = learnt(in.weight[1], input[1], error);
    in.weight[2] = learnt(in.weight[2], input[2], error);
    return bit;
}

/* Which weights: how often was the second context seen? */
static inline unsigned confidence(uint16_t slot)
{
    unsigned count = slot & 15u;
    return count == 0 ? 0 : count < 4 ? 1 : 2;
}

static inline struct inputs inputs_of(struct coder *coder, uint32_t node, unsigned set)
{
    uint32_t mark = node * 0x632BE5ABu;
    struct inputs in = { NULL, bucket(coder, coder->context[0] + mark) + 1, coder->unseen, NULL };
    if (coder->inputs > 1)
        in.second = bucket(coder, coder->context[1] + mark) + 1;
    else
        coder->unseen[0] = coder->unseen[1] = coder->unseen[2] = 0x8000;
    in.weight = coder->weight[set][confidence(*in.second)];
    return in;
}

/* Two or four bits behind those of `node`. */
static uint32_t code_nibble(struct coder *coder, uint32_t value, unsigned count, uint32_t node, unsigned set)
{
    uint16_t *of_set = coder->of_set[set];
    uint32_t got = 1;
    for (unsigned left = count; left > 0; left -= 2) {
        struct inputs in = inputs_of(coder, node, set);
        in.set = of_set + got;
        uint32_t bit = mixed_bit(coder, in, value >> (left - 1));
        got = got << 1 | bit;
        in.set = of_set + got;
        in.first += 1 + bit;
        in.second += 1 + bit;
        got = got << 1 | mixed_bit(coder, in, value >> (left - 2));
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

/* The coder's arithmetic: adaptive probabilities from a hashed table, mixed in the logistic domain, and spent
 * by a range coder. Integers alone. */
#include "coder.h"

#define LEARN       14
#define SMALL_ERROR 2048u /* of 65536: nothing to learn from */

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

/* ---- context table: buckets of a check and three states, for two bits
 * ----------------------------------------- */
/* Neither place holds it: the one that was used less gives way. */
static __attribute__((noinline)) uint8_t *new_bucket(uint8_t *first, uint8_t *second, uint32_t check)
{
    if (second[1] < first[1])
        first = second;
    else
        second[1] = coder_states[second[1]].older; /* what is never used again must go some time */
    first[0] = (uint8_t)check;
    first[1] = first[2] = first[3] = 0;
    return first;
}

static inline uint8_t *bucket(const struct coder *coder, uint32_t hash)
{
    uint32_t at = hash >> coder->shift & ~3u, check = hash >> 8 & 0xFF;
    uint8_t *first = coder->table + at;
    if (*first == check)
        return first;
    uint8_t *second = coder->table + (at ^ 4);
    return *second == check ? second : new_bucket(first, second, check);
}

/* ---- one bit
 * ------------------------------------------------------------------------------------------------- */
/* The arithmetic, in registers. */
struct arithmetic {
    uint32_t range, code;
};

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE uint32_t take_bit(struct coder *coder, struct arithmetic *a, uint32_t value, uint32_t p)
{
    uint32_t bound = (a->range >> 16) * p;
#ifdef ESPOTA_CODER_ENCODER
    if (coder->sink != NULL) {
        coder->range = a->range;
        coder_encode_bit(coder, value & 1, bound);
        a->range = coder->range;
        return value & 1;
    }
#else
    (void)coder;
    (void)value;
#endif
    if (a->code < bound) {
        a->range = bound;
        return 1;
    }
    a->range -= bound;
    a->code -= bound;
    return 0;
}

static ALWAYS_INLINE void renew(struct coder *coder, struct arithmetic *a)
{
    if (a->range >= 1u << 24)
        return;
    coder->range = a->range;
    coder->code = a->code;
    normalise(coder);
    a->range = coder->range;
    a->code = coder->code;
}

static ALWAYS_INLINE int16_t learnt(int32_t weight, int32_t input, int32_t error)
{
    return (int16_t)(weight + ((input * error) >> LEARN));
}

/* One bit, by the states of two inputs, and the weights that they have. */
static ALWAYS_INLINE uint32_t mixed_bit(struct coder *coder, struct arithmetic *a, uint8_t *first,
                                        uint8_t *second, int16_t *weight, uint32_t value)
{
    const struct coder_state *one = coder_states + *first, *two = coder_states + *second;
    int32_t sum = one->stretch * weight[0] + two->stretch * weight[1];
    uint32_t at = (uint32_t)((sum >> 12) + 256);
    if (at > 511)
        at = sum < 0 ? 0 : 511;
    uint32_t p = coder->squash[at], bit = take_bit(coder, a, value, p), wrong = p;
    int32_t error = -(int32_t)p;
    if (bit != 0) {
        wrong = 65536 - p;
        error = (int32_t)wrong;
    }
    renew(coder, a);
    if (wrong < SMALL_ERROR)
        return bit;
    *first = one->next[bit];
    weight[0] = learnt(weight[0], one->stretch, error);
    *second = two->next[bit];
    weight[1] = learnt(weight[1], two->stretch, error);
    return bit;
}

/* Two bits: the states of the first, and of the second behind either. Not inlined, so that all is in
 * registers. */
static __attribute__((noinline)) uint32_t mixed_bits(struct coder *coder, uint8_t *first, uint8_t *second,
                                                     int16_t *weight, uint32_t value)
{
    struct arithmetic a = { coder->range, coder->code };
    uint32_t bit = mixed_bit(coder, &a, first, second, weight, value >> 1);
    bit = bit << 1 | mixed_bit(coder, &a, first + 1 + bit, second + 1 + bit, weight, value);
    coder->range = a.range;
    coder->code = a.code;
    return bit;
}

/* One bit by a probability of its own. */
static ALWAYS_INLINE uint32_t direct_bit(struct coder *coder, struct arithmetic *a, uint16_t *at,
                                         uint32_t value)
{
    uint32_t p = *at, bit = take_bit(coder, a, value, p);
    if (bit != 0)
        *at = (uint16_t)(p + ((65504 - p) >> 5));
    else
        *at = (uint16_t)(p - ((p - 32) >> 5));
    renew(coder, a);
    return bit;
}

uint32_t coder_flag(struct coder *coder, uint32_t value, unsigned flag)
{
    struct arithmetic a = { coder->range, coder->code };
    uint32_t bit = direct_bit(coder, &a, &coder->flag[flag], value);
    coder->range = a.range;
    coder->code = a.code;
    return bit;
}

uint32_t coder_plain(struct coder *coder, uint32_t value, unsigned count)
{
    struct arithmetic a = { coder->range, coder->code };
    uint32_t got = 0;
    while (count-- > 0) {
        got = got << 1 | take_bit(coder, &a, value >> count, 32768);
        renew(coder, &a);
    }
    coder->range = a.range;
    coder->code = a.code;
    return got;
}

/* ---- symbols
 * -------------------------------------------------------------------------------------------------- */
static inline uint32_t direct_bits(struct coder *coder, uint16_t *direct, uint32_t got, uint32_t value,
                                   unsigned count)
{
    struct arithmetic a = { coder->range, coder->code };
    while (count-- > 0)
        got = got << 1 | direct_bit(coder, &a, direct + got, value >> count);
    coder->range = a.range;
    coder->code = a.code;
    return got;
}

/* Two bits behind those of `mark`; `states` are those of the set. */
static inline uint32_t code_two(struct coder *coder, struct coder_set *set, uint8_t *states, uint32_t mark,
                                uint32_t value)
{
    uint8_t *first = bucket(coder, coder->context[0] + mark) + 1;
    if (*first < CODER_STATE_SURE || coder->context[1] == 0)
        return mixed_bits(coder, states, first, set->weight[0], value);
    uint8_t *second = bucket(coder, coder->context[1] + mark) + 1;
    if (*second != 0)
        return mixed_bits(coder, second, first, set->weight[*second < CODER_STATE_KNOWN ? 2 : 3], value);
    uint32_t two = mixed_bits(coder, states, first, set->weight[1], value), bit = two >> 1;
    second[0] = (uint8_t)(1 + bit);
    second[1 + bit] = (uint8_t)(1 + (two & 1));
    return two;
}

/* Two or four bits behind those of `node`. @return them, behind a 1. */
static uint32_t code_nibble(struct coder *coder, struct coder_set *set, uint32_t value, unsigned count,
                            uint32_t node)
{
    unsigned mixed = set->mixed;
    if (mixed == 0)
        return direct_bits(coder, set->direct, 1, value, count);
    uint32_t mark = node * 0x632BE5ABu, got = 1;
    uint8_t *states = set->state;
    for (;;) {
        count -= 2;
        if ((mixed & 1) != 0)
            got = got << 2 | code_two(coder, set, states, mark, value >> count);
        else
            got = direct_bits(coder, set->direct, got, value >> count, 2);
        if (count == 0)
            return got;
        states += 3 * (got - 3);
        mark += (got - 3) * 0x85EBCA6Bu;
        mixed >>= 1;
    }
}

uint32_t coder_bits(struct coder *coder, uint32_t value, unsigned count, unsigned set)
{
    struct coder_set *at = coder->set + set;
    if (count <= 4)
        return code_nibble(coder, at, value, count, 1) ^ 1u << count;
    unsigned rest = count - 4;
    uint32_t high = code_nibble(coder, at, value >> rest, 4, 1);
    return ((high - 16) << rest) + (code_nibble(coder, at + 1, value, rest, high) ^ 1u << rest);
}

/* The coder's arithmetic: adaptive probabilities from a hashed table, mixed in the logistic domain, and spent
 * by a range coder. Integers alone. */
#include "coder_arithmetic.h"
#include "coder_deep.h"

#define LEARN       13
#define SMALL_ERROR 2048u /* of 65536: nothing to learn from */

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
/* A bit, and what predicted it: the states of two inputs, and the weights that they have. */
struct inputs {
    uint8_t *first, *second;
    int16_t *weight;
};

static ALWAYS_INLINE int16_t learnt(int32_t weight, int32_t input, int32_t error)
{
    return (int16_t)(weight + ((input * error) >> LEARN));
}

static ALWAYS_INLINE void adapt(struct inputs in, const struct coder_state *one,
                                const struct coder_state *two, uint32_t bit, int32_t error)
{
    *in.first = one->next[bit];
    in.weight[0] = learnt(in.weight[0], one->stretch, error);
    *in.second = two->next[bit];
    in.weight[1] = learnt(in.weight[1], two->stretch, error);
}

static ALWAYS_INLINE uint32_t mixed_bit(struct coder *coder, struct arithmetic *a, struct inputs in,
                                        uint32_t value)
{
    const struct coder_state *one = coder_states + *in.first, *two = coder_states + *in.second;
    int32_t sum = one->stretch * in.weight[0] + two->stretch * in.weight[1];
    uint32_t at = (uint32_t)((sum >> 12) + 256);
    if (at > 511)
        at = sum < 0 ? 0 : 511;
    uint32_t p = coder->squash[at];
    if (is_one(coder, a, value, p)) {
        if (p < 65536 - SMALL_ERROR)
            adapt(in, one, two, 1, 65536 - (int32_t)p);
        renew(coder, a);
        return 1;
    }
    if (p > SMALL_ERROR)
        adapt(in, one, two, 0, -(int32_t)p);
    renew(coder, a);
    return 0;
}

/* Two bits: the states of the first, and of the second behind either. Not inlined, so that all is in
 * registers. */
static __attribute__((noinline)) uint32_t mixed_bits(struct coder *coder, uint8_t *first, uint8_t *second,
                                                     int16_t *weight, uint32_t value)
{
    struct arithmetic a = { coder->range, coder->code };
    struct inputs in = { first, second, weight };
    uint32_t bit = mixed_bit(coder, &a, in, value >> 1);
    in.first += 1 + bit;
    in.second += 1 + bit;
    bit = bit << 1 | mixed_bit(coder, &a, in, value);
    coder->range = a.range;
    coder->code = a.code;
    return bit;
}

/* One bit by a probability of its own. */
static ALWAYS_INLINE uint32_t direct_bit(struct coder *coder, struct arithmetic *a, uint16_t *at,
                                         uint32_t value)
{
    uint32_t p = *at, bit = is_one(coder, a, value, p) ? 1 : 0;
    if (bit != 0)
        *at = (uint16_t)(p + ((65504 - p) >> 5));
    else
        *at = (uint16_t)(p - ((p - 32) >> 5));
    renew(coder, a);
    return bit;
}

uint32_t coder_flag_at(struct coder *coder, uint32_t value, uint16_t *probability)
{
    struct arithmetic a = { coder->range, coder->code };
    uint32_t bit = direct_bit(coder, &a, probability, value);
    coder->range = a.range;
    coder->code = a.code;
    return bit;
}

uint32_t coder_flag(struct coder *coder, uint32_t value, unsigned flag)
{
    return coder_flag_at(coder, value, &coder->flag[flag]);
}

uint32_t coder_plain(struct coder *coder, uint32_t value, unsigned count)
{
    struct arithmetic a = { coder->range, coder->code };
    uint32_t got = 0;
    while (count-- > 0) {
        got = got << 1 | (is_one(coder, &a, value >> count, 32768) ? 1 : 0);
        renew(coder, &a);
    }
    coder->range = a.range;
    coder->code = a.code;
    return got;
}

/* ---- symbols
 * -------------------------------------------------------------------------------------------------- */
#define NODE_MARK 0x632BE5ABu
#define PAIR_MARK 0x85EBCA6Bu

/* `count` bits behind those of `node`, a 1 and what is known of the nibble. */
static uint32_t code_direct(struct coder *coder, struct coder_set *set, uint32_t value, unsigned count,
                            uint32_t node)
{
    struct arithmetic a = { coder->range, coder->code };
    uint32_t got = node;
    for (unsigned left = count; left-- > 0;)
        got = got << 1 | direct_bit(coder, &a, set->direct + got, value >> left);
    coder->range = a.range;
    coder->code = a.code;
    return got & ((1u << count) - 1);
}

/* Two bits, whose contexts are told apart from those of others by `mark`; `states` are those of the set. */
static inline uint32_t code_pair(struct coder *coder, struct coder_set *set, uint8_t *states, uint32_t mark,
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

/* Two or four bits. */
static uint32_t code_mixed(struct coder *coder, struct coder_set *set, uint32_t value, unsigned count,
                           uint32_t mark)
{
    uint8_t *states = set->state;
    uint32_t node = 1, high = 0;
    for (unsigned mixed = set->mixed;; mixed >>= 1) {
        count -= 2;
        uint32_t two = (mixed & 1) != 0 ? code_pair(coder, set, states, mark, value >> count)
                                        : code_direct(coder, set, value >> count, 2, node);
        if (count == 0)
            return high | two;
        high = two << 2;
        node = 4 | two;
        states += 3 + 3 * two;
        mark += (1 + two) * PAIR_MARK;
    }
}

static inline uint32_t code_nibble(struct coder *coder, struct coder_set *set, uint32_t value, unsigned count,
                                   uint32_t mark)
{
    return set->mixed == 0 ? code_direct(coder, set, value, count, 1)
                           : code_mixed(coder, set, value, count, mark);
}

static __attribute__((noinline)) uint32_t code_long(struct coder *coder, struct coder_set *set,
                                                    uint32_t value, unsigned count)
{
    uint32_t high = code_nibble(coder, set, value >> count, 4, 0);
    return high << count | code_nibble(coder, set + 1, value, count, (1 + high) * NODE_MARK);
}

uint32_t coder_bits(struct coder *coder, struct coder_value value, unsigned count, unsigned set)
{
    struct coder_set *at = coder->set + set;
    if (coder_is_deep(coder) && set < CODER_SETS)
        return coder_deep_bits(coder, value, count, set);
    if (count > 4)
        return code_long(coder, at, value.actual, count - 4);
    return code_nibble(coder, at, value.actual, count, 0);
}

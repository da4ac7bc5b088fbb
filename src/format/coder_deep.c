/* The deep model: all bits are mixed, of more inputs, by weights that go by what is known; one input is what
 * came last time behind what was coded last; and what the mix says is refined by how right it was before. */
#include "coder_deep.h"

#ifdef ESPOTA_CODER_DEEP_MODEL

#include "coder_arithmetic.h"

#include "espota/bytes.h"

#include <string.h>

/* Logits, ln(p / (1 - p)): in units of 1/256 where they are mixed, of 1/4096 where they are learnt. */
#define LOGIT_MAX    2039
#define WEIGHT_MAX   32767
#define LEARNT_SHIFT 4
#define WEIGHT_SHIFT 14 /* a weight of 1 */
#define FIRST_WEIGHT 6500
/* Rates, as shifts of the error, in 65536ths: */
#define WEIGHT_RATE   17
#define STATE_RATE    10
#define EXPECTED_RATE 7
#define REFINED_RATE  6
#define SMALL_ERROR   1024
#define AGE_EVERY     8u  /* new buckets */
#define WAYS          4u  /* places that a bucket may have */
#define SAME_MAX      16u /* bytes that are compared */

enum { INPUT_SET, INPUT_CONTEXT, INPUT_EXPECTED = INPUT_CONTEXT + CODER_CONTEXTS, INPUTS };
enum { SELECT_EXPECTED = 1 + CODER_CONTEXTS, SELECTS }; /* weights go by the most telling input */
enum { POINTS = 33, CONFIDENCES = 17 };

struct coder_deep {
    uint32_t distance;    /* so many bytes back is what is expected; 0: nothing is */
    uint32_t agreed;      /* bytes before were the same there, and then units were as expected */
    bool agrees;          /* what is coded now is as expected, up to here */
    uint32_t made;        /* buckets */
    uint8_t none[4];      /* states of no second context */
    uint32_t place_shift; /* of a hash */
    int16_t weight[CODER_SETS][SELECTS][INPUTS];
    int16_t state[INPUT_EXPECTED][CODER_STATES]; /* what states say */
    int16_t expected[2][CONFIDENCES];     /* that the first bit of a pair, the second, is as expected */
    uint16_t refined[CODER_SETS][POINTS]; /* probabilities, by the logit that was mixed */
    uint16_t place[];                     /* of what came behind a unit, the last time */
};

static unsigned places_log(unsigned table_log)
{
    return table_log - 2;
}

size_t coder_deep_size(unsigned table_log)
{
    return sizeof(struct coder_deep) + (sizeof(uint16_t) << places_log(table_log));
}

/* ---- logits
 * --------------------------------------------------------------------------------------------------- */
static ALWAYS_INLINE int32_t limited(int32_t value, int32_t most)
{
    return value > most ? most : value < -most ? -most : value;
}

static ALWAYS_INLINE uint32_t probability(const struct coder *coder, int32_t logit)
{
    uint32_t at = (uint32_t)(logit + 2048);
    const uint16_t *p = coder->squash + (at >> 3);
    return p[0] + ((uint32_t)(p[1] - p[0]) * (at & 7) >> 3);
}

static ALWAYS_INLINE int32_t shifted(int32_t value, unsigned rate)
{
    return (value + (1 << (rate - 1))) >> rate;
}

/* A logit moves towards the bit; from far out it does not move further. */
static ALWAYS_INLINE void learn(const struct coder *coder, int16_t *logit, uint32_t bit, unsigned rate)
{
    int32_t error = (bit != 0 ? 65536 : 0) - coder->squash[(*logit + 32768) >> 7];
    *logit = (int16_t)(*logit + shifted(error, rate));
}

static void fill_logits(int16_t *to, unsigned count, int16_t first, int16_t step)
{
    for (unsigned i = 0; i < count; i++)
        to[i] = (int16_t)(first + step * (int)i);
}

void coder_deep_begin(struct coder *coder, unsigned table_log)
{
    struct coder_deep *d = coder->deep;
    memset(d, 0, coder_deep_size(table_log));
    d->place_shift = 32 - places_log(table_log);
    fill_logits(d->weight[0][0], sizeof d->weight / sizeof(int16_t), FIRST_WEIGHT, 0);
    for (unsigned i = 0; i < 2; i++)
        fill_logits(d->expected[i], CONFIDENCES, 256, 128);
    for (unsigned i = 0; i < INPUT_EXPECTED; i++)
        for (unsigned s = 0; s < CODER_STATES; s++)
            d->state[i][s] = (int16_t)(coder_states[s].stretch * 256);
    for (unsigned i = 0; i < POINTS; i++)
        d->refined[0][i] = (uint16_t)probability(coder, limited((int32_t)i * 128 - 2048, LOGIT_MAX));
    for (unsigned i = 1; i < CODER_SETS; i++)
        memcpy(d->refined[i], d->refined[0], sizeof d->refined[0]);
}

/* ---- contexts: the table that the quick model has, with more places for a bucket
 * -------------------------------------------- */
/* What is never used again must go some time. */
static void age(uint8_t *line, uint32_t at, const uint8_t *but)
{
    for (uint32_t i = 0; i < 4 * WAYS; i += 4) {
        uint8_t *bucket = line + (at ^ i);
        if (bucket != but)
            bucket[1] = coder_states[bucket[1]].older;
    }
}

static __attribute__((noinline)) uint8_t *new_bucket(struct coder *coder, uint32_t at, uint32_t check)
{
    uint8_t *least = coder->table + at;
    for (uint32_t i = 4; i < 4 * WAYS; i += 4)
        if (coder->table[(at ^ i) + 1] < least[1])
            least = coder->table + (at ^ i);
    if (++coder->deep->made % AGE_EVERY == 0)
        age(coder->table, at, least);
    least[0] = (uint8_t)check;
    least[1] = least[2] = least[3] = 0;
    return least;
}

static inline uint8_t *bucket_of(struct coder *coder, uint32_t hash)
{
    uint32_t at = hash >> coder->shift & ~3u, check = hash >> 8 & 0xFF;
    for (uint32_t i = 0; i < 4 * WAYS; i += 4)
        if (coder->table[at ^ i] == check)
            return coder->table + (at ^ i);
    return new_bucket(coder, at, check);
}

/* ---- one bit
 * ------------------------------------------------------------------------------------------------------- */
/* Two bits while they are coded. */
struct pair {
    uint8_t
        *states[INPUT_EXPECTED]; /* of the first bit, and of the second behind either; the last may be NULL */
    unsigned set;
    unsigned select;   /* weights */
    int16_t *expected; /* for the first bit; NULL: nothing is expected */
};

static ALWAYS_INLINE int32_t weighted(const struct coder_deep *d, const int16_t *weight, unsigned input,
                                      const uint8_t *state)
{
    return (d->state[input][*state] >> LEARNT_SHIFT) * weight[input];
}

static ALWAYS_INLINE void adapt_weight(int16_t *weight, int32_t logit, int32_t error)
{
    *weight = (int16_t)limited(*weight + shifted(logit * error, WEIGHT_RATE), WEIGHT_MAX);
}

static ALWAYS_INLINE void adapt(struct coder *coder, int16_t *weight, unsigned input, uint8_t *state,
                                uint32_t bit, int32_t error)
{
    int16_t *learnt = &coder->deep->state[input][*state];
    adapt_weight(weight + input, *learnt >> LEARNT_SHIFT, error);
    learn(coder, learnt, bit, STATE_RATE);
    *state = coder_states[*state].next[bit];
}

/* Of the two points beside a logit, the mean; the nearer one learns. */
struct refinement {
    uint16_t *near;
    uint32_t p;
};

static ALWAYS_INLINE struct refinement refine(uint16_t *points, int32_t logit)
{
    uint32_t at = (uint32_t)(logit + 2048), part = at & 127;
    uint16_t *point = points + (at >> 7);
    return (struct refinement){ point + (part > 64), (point[0] * (128 - part) + point[1] * part) >> 7 };
}

/* @param node     0: the first bit of a pair; 1 or 2: the second behind a 0, a 1
 * @param expects  0, 1; or -1: nothing */
static uint32_t code_bit(struct coder *coder, const struct pair *pair, unsigned node, uint32_t value,
                         int expects)
{
    struct coder_deep *d = coder->deep;
    struct arithmetic a = { coder->range, coder->code };
    int16_t *weight = d->weight[pair->set][pair->select];
    uint8_t *zero = pair->states[0] + node, *one = pair->states[1] + node, *two = pair->states[2] + node,
            *three = pair->states[3];
    int32_t sum = weighted(d, weight, 0, zero) + weighted(d, weight, 1, one) + weighted(d, weight, 2, two);
    if (three != NULL)
        sum += weighted(d, weight, 3, three += node);
    int16_t *expected = pair->expected;
    int32_t by_expected = 0;
    if (expects >= 0) {
        expected += node != 0 ? CONFIDENCES : 0;
        by_expected = *expected >> LEARNT_SHIFT;
        if (expects == 0)
            by_expected = -by_expected;
        sum += by_expected * weight[INPUT_EXPECTED];
    }
    int32_t logit = limited(sum >> WEIGHT_SHIFT, LOGIT_MAX);
    uint32_t mixed = probability(coder, logit);
    struct refinement refined = refine(d->refined[pair->set], logit);
    uint32_t bit = is_one(coder, &a, value, (mixed + refined.p) >> 1) ? 1 : 0;
    renew(coder, &a);
    coder->range = a.range;
    coder->code = a.code;
    int32_t ones = bit != 0 ? 65535 : 0, error = ones - (int32_t)mixed;
    *refined.near = (uint16_t)(*refined.near + ((ones - *refined.near) >> REFINED_RATE));
    if (error <= SMALL_ERROR && error >= -SMALL_ERROR)
        return bit;
    adapt(coder, weight, 0, zero, bit, error);
    adapt(coder, weight, 1, one, bit, error);
    adapt(coder, weight, 2, two, bit, error);
    if (three != NULL)
        adapt(coder, weight, 3, three, bit, error);
    if (expects >= 0) {
        adapt_weight(weight + INPUT_EXPECTED, by_expected, error);
        learn(coder, expected, bit == (uint32_t)expects, EXPECTED_RATE);
    }
    return bit;
}

/* ---- symbols
 * -------------------------------------------------------------------------------------------------------- */
#define NODE_MARK 0x632BE5ABu
#define PAIR_MARK 0x85EBCA6Bu

/* 0 is for what the base makes expected. */
static unsigned confidence(const struct coder *coder)
{
    uint32_t agreed = coder->deep->agreed;
    return coder->hinted ? 0 : 1 + (agreed < CONFIDENCES - 2 ? agreed : CONFIDENCES - 2);
}

/* What is known of the pair whose contexts are told apart from those of others by `mark`. */
static void look_up(struct coder *coder, struct pair *pair, uint32_t mark)
{
    struct coder_deep *d = coder->deep;
    pair->select = 0;
    memset(d->none, 0, sizeof d->none);
    for (unsigned i = 0; i < CODER_CONTEXTS; i++) {
        uint8_t *states = coder->context[i] == 0 ? d->none : bucket_of(coder, coder->context[i] + mark) + 1;
        pair->states[INPUT_CONTEXT + i] = states;
        if (*states != 0)
            pair->select = 1 + i;
    }
    if (coder->context[2] == 0)
        pair->states[INPUT_CONTEXT + 2] = NULL;
    pair->expected = NULL;
    if (d->agrees) {
        pair->expected = d->expected[0] + confidence(coder);
        pair->select = SELECT_EXPECTED;
    }
}

static uint32_t code_pair(struct coder *coder, const struct pair *pair, struct coder_value value)
{
    bool *agrees = &coder->deep->agrees;
    uint32_t first = code_bit(coder, pair, 0, value.actual >> 1, *agrees ? (int)(value.expected >> 1) : -1);
    *agrees = *agrees && first == value.expected >> 1;
    uint32_t second =
        code_bit(coder, pair, 1 + first, value.actual, *agrees ? (int)(value.expected & 1) : -1);
    *agrees = *agrees && second == (value.expected & 1);
    return first << 1 | second;
}

/* Two or four bits. */
static uint32_t code_nibble(struct coder *coder, struct coder_value value, unsigned count, unsigned set,
                            uint32_t mark)
{
    struct pair pair = { .states = { coder->set[set].state }, .set = set };
    uint32_t got = 0;
    for (;;) {
        count -= 2;
        look_up(coder, &pair, mark);
        uint32_t two = code_pair(coder, &pair, coder_value_bits(value, count, 2));
        got = got << 2 | two;
        if (count == 0)
            return got;
        pair.states[INPUT_SET] += 3 + 3 * two;
        mark += (1 + two) * PAIR_MARK;
    }
}

uint32_t coder_deep_bits(struct coder *coder, struct coder_value value, unsigned count, unsigned set)
{
    if (count <= 4)
        return code_nibble(coder, value, count, set, 0);
    count -= 4;
    uint32_t high = code_nibble(coder, coder_value_bits(value, count, 4), 4, set, 0);
    struct coder_value low = coder_value_bits(value, 0, count);
    return high << count | code_nibble(coder, low, count, set + 1, (1 + high) * NODE_MARK);
}

/* ---- what is expected
 * -------------------------------------------------------------------------------------------------------- */
static uint32_t word_back(const struct coder *coder, uint32_t distance)
{
    uint32_t word = 0;
    for (uint32_t i = 0; i < 4; i++)
        word |= (uint32_t)coder_byte_back(coder, distance - i) << 8 * i;
    return word;
}

uint32_t coder_deep_expected(struct coder *coder, bool instruction)
{
    struct coder_deep *d = coder->deep;
    uint8_t unit[CODER_INSTRUCTION_MAX];
    if (coder->hinted) {
        d->agrees = true;
        return coder->hint;
    }
    d->agrees = d->distance >= sizeof unit;
    uint32_t word = d->agrees ? word_back(coder, d->distance) : 0;
    if (!instruction || !d->agrees)
        return word;
    espota_put_le32(unit, word);
    (void)coder_match_unit(coder, unit, d->distance, coder->place.address, sizeof unit);
    return espota_get_le32(unit);
}

uint32_t coder_deep_expected_behind(const struct coder *coder)
{
    return coder->deep->distance >= 8 ? word_back(coder, coder->deep->distance - 4) : 0;
}

uint32_t coder_deep_expected_from(const struct coder *coder)
{
    return coder->place.address - coder->deep->distance;
}

void coder_deep_unexpected(struct coder *coder)
{
    coder->deep->agrees = false;
}

/* So many bytes before are the same, up to SAME_MAX. */
static uint32_t same_before(const struct coder *coder, uint32_t distance)
{
    uint32_t same = 1;
    while (same <= SAME_MAX && coder_byte_back(coder, same) == coder_byte_back(coder, distance + same))
        same++;
    return same - 1;
}

static uint16_t *place_of(struct coder_deep *d, uint32_t key)
{
    return d->place + (key * 0x9E3779B1u >> d->place_shift);
}

void coder_deep_copied(struct coder *coder, uint32_t key, uint32_t distance)
{
    struct coder_deep *d = coder->deep;
    *place_of(d, key) = (uint16_t)coder->windowed;
    d->distance = distance;
    d->agreed = 0;
}

/* It was not as expected: what came last time behind this unit is. */
static void look_elsewhere(struct coder *coder, uint32_t place)
{
    struct coder_deep *d = coder->deep;
    uint32_t distance = (uint16_t)(coder->windowed - place);
    d->agreed = 0;
    if (distance <= CODER_INSTRUCTION_MAX || distance + 2 * SAME_MAX > coder->window_size ||
        distance == d->distance)
        return;
    d->distance = distance;
    d->agreed = same_before(coder, distance);
}

void coder_deep_unit(struct coder *coder, uint32_t key)
{
    struct coder_deep *d = coder->deep;
    uint16_t *place = place_of(d, key);
    if (!coder->hinted) { /* else nothing was expected of what came before */
        if (d->agrees)
            d->agreed++;
        else
            look_elsewhere(coder, *place);
    }
    *place = (uint16_t)coder->windowed;
}

#else
typedef int coder_without_deep; /* a file of C is not empty */
#endif

/* Numbers that move from build to build like addresses: indices of strings in MicroPython, above all. The map
 * says how; of where they are, the decoder learns behind which bytes. */
#include "coder_base.h"

#ifdef ESPOTA_CODER_BASE

enum { KEY_TAGGED = 256, KEY_WORD, APPLY = 128, APPLY_FIRST = 100 };

void coder_values_begin(struct coder_base *base)
{
    for (unsigned i = 0; i < CODER_VALUE_KEYS; i++)
        base->applies[i] = APPLY_FIRST;
}

static uint32_t moved(const struct coder_base *base, uint32_t value)
{
    uint32_t low = 0, high = base->values;
    if (value >= CODER_VALUE_LIMIT)
        return value;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (base->value[middle].from <= value)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? value : value + base->value[low - 1].to - base->value[low - 1].from;
}

/* A number may be here. @return true: so it is taken to be one. */
static bool consider(struct coder_base *base, struct coder_number value)
{
    base->considered[base->considerations++ & 3] = value;
    return base->applies[value.key] >= APPLY;
}

/* A word that is a number, or one with a tag: MicroPython's objects. */
static void guess_whole(struct coder_base *base, struct coder_guess *guess)
{
    bool tagged = (guess->was & 3) == 2 && guess->was >> 2 < CODER_VALUE_LIMIT;
    uint32_t number = tagged ? guess->was >> 2 : guess->was, now = moved(base, number);
    if (now == number)
        return;
    now = tagged ? now << 2 | 2 : now;
    struct coder_number value = { .key = tagged ? KEY_TAGGED : KEY_WORD,
                                  .was = (uint16_t)guess->was,
                                  .now = (uint16_t)now };
    if (consider(base, value))
        guess->word = now;
}

static void put_byte(uint32_t *word, uint32_t at, uint32_t byte)
{
    *word = (*word & ~(0xFFu << 8 * at)) | byte << 8 * at;
}

void coder_values_guess(struct coder_base *base, struct coder_guess *guess, uint8_t before)
{
    uint32_t at = 0;
    base->considerations = 0;
    if (base->values == 0)
        return;
    if (guess->was < 0x10000) {
        guess_whole(base, guess);
        return;
    }
    if (base->rest_at == guess->offset) {
        put_byte(&guess->word, 0, base->rest);
        at = 1;
    }
    for (; at < 4; at++) {
        uint32_t was = (uint32_t)guess->old[at] | (uint32_t)guess->old[at + 1] << 8, now = moved(base, was);
        struct coder_number value = { .key = at > 0 ? guess->old[at - 1] : before,
                                      .at = (uint8_t)at,
                                      .was = (uint16_t)was,
                                      .now = (uint16_t)now };
        if (now == was || !consider(base, value))
            continue;
        put_byte(&guess->word, at++, now & 0xFF);
        if (at < 4) {
            put_byte(&guess->word, at, now >> 8 & 0xFF);
        } else {
            base->rest = (uint8_t)(now >> 8);
            base->rest_at = guess->offset + 4;
        }
    }
}

void coder_values_learn(struct coder_base *base, uint32_t got)
{
    for (unsigned i = 0; i < base->considerations && i < 4; i++) {
        struct coder_number value = base->considered[i];
        uint32_t mask = value.at == 3 ? 0xFF : 0xFFFF, here = got >> 8 * value.at & mask;
        uint8_t *applies = &base->applies[value.key];
        if (here == (value.now & mask))
            *applies = (uint8_t)(*applies + ((255 - *applies) >> 2));
        else if (here == (value.was & mask))
            *applies = (uint8_t)(*applies - (*applies >> 2));
    }
}

#else
typedef int coder_values_is_empty; /* a file of C is not */
#endif

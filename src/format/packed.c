#include "espota/packed.h"

#include <stdbool.h>

#define LONGEST (1u << 20)

struct source {
    const uint8_t *data;
    size_t at, length;
    unsigned bits; /* those that are left of a byte, behind a 1; above them the last one */
};

static uint8_t next_byte(struct source *s)
{
    return s->at++ < s->length ? s->data[s->at - 1] : 0;
}

static bool next_bit(struct source *s)
{
    s->bits = (s->bits & 0xff) << 1;
    if (!(s->bits & 0xff))
        s->bits = (unsigned)next_byte(s) << 1 | 1;
    return s->bits >> 8;
}

static uint32_t next_number(struct source *s)
{
    uint32_t value = 1;
    while (value < LONGEST && !next_bit(s))
        value = value << 1 | next_bit(s);
    return value;
}

size_t espota_unpack(const uint8_t *packed, size_t length, uint8_t *out, size_t room)
{
    struct source s = { packed, 0, length, 0x80 };
    size_t at = 0, distance = 0;
    bool literals = true;
    while (at < room && s.at <= length) {
        uint32_t count;
        if (literals) {
            for (count = next_number(&s); count > 0 && at < room; count--)
                out[at++] = next_byte(&s);
            if (at == room)
                break;
        }
        bool same = literals && next_bit(&s);
        if (!same) {
            size_t high = next_number(&s) - 1;
            distance = (high << 8 | next_byte(&s)) + 1;
        }
        for (count = next_number(&s) + !same; count > 0 && at < room && distance <= at; count--, at++)
            out[at] = out[at - distance];
        literals = at < room && !next_bit(&s);
    }
    return s.at <= length ? at : 0;
}

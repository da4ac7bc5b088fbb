#include "crypto.h"

#include <string.h>

/* Numbers modulo 2^255 - 19 as twenty limbs of 13 bits. 2^260 is 608 there. A column of a product of limbs up
 * to 8,799, which carry() leaves at most, stays below 2^32. */
enum { LIMBS = 20, BITS = 13, MASK = (1 << BITS) - 1, WRAP = 608, TOP_BITS = 255 - 19 * BITS };

typedef uint32_t field[LIMBS];

static void carry(field a)
{
    for (unsigned round = 0; round < 2; round++) {
        uint32_t over = 0;
        for (unsigned i = 0; i < LIMBS; i++) {
            over += a[i];
            a[i] = over & MASK;
            over >>= BITS;
        }
        a[0] += WRAP * over;
    }
}

static void add(field out, const field a, const field b)
{
    for (unsigned i = 0; i < LIMBS; i++)
        out[i] = a[i] + b[i];
    carry(out);
}

/* 64 times the modulus, in limbs that no b exceeds, keeps the difference above 0. */
static void subtract(field out, const field a, const field b)
{
    for (unsigned i = 0; i < LIMBS; i++)
        out[i] = a[i] + 2u * (i == 0 ? MASK + 1u - WRAP : MASK) - b[i];
    carry(out);
}

static void multiply(field out, const field a, const field b)
{
    uint32_t wide[2 * LIMBS], over = 0;
    for (unsigned i = 0; i < 2 * LIMBS - 1; i++) {
        unsigned first = i < LIMBS ? 0 : i - LIMBS + 1, count = i < LIMBS ? i + 1 : 2 * LIMBS - 1 - i;
        const uint32_t *x = a + first, *end = x + count, *y = b + (i - first);
        while (x < end)
            over += *x++ * *y--;
        wide[i] = over & MASK;
        over >>= BITS;
    }
    wide[2 * LIMBS - 1] = over;
    for (unsigned i = 0; i < LIMBS; i++)
        out[i] = wide[i] + WRAP * wide[LIMBS + i];
    carry(out);
}

static void multiply_small(field out, const field a, uint32_t by)
{
    for (unsigned i = 0; i < LIMBS; i++)
        out[i] = a[i] * by;
    carry(out);
}

/* a^(2^255 - 21), which is its inverse: all bits of the exponent are set but two. */
static void invert(field out, const field a)
{
    field result;
    memcpy(result, a, sizeof result);
    for (int bit = 253; bit >= 0; bit--) {
        multiply(result, result, result);
        if (bit != 2 && bit != 4)
            multiply(result, result, a);
    }
    memcpy(out, result, sizeof result);
}

static void swap_if(uint32_t condition, field a, field b)
{
    uint32_t mask = 0 - condition;
    for (unsigned i = 0; i < LIMBS; i++) {
        uint32_t change = mask & (a[i] ^ b[i]);
        a[i] ^= change;
        b[i] ^= change;
    }
}

/* The highest bit of a coordinate is not looked at. */
static void load(field out, const uint8_t bytes[32])
{
    for (unsigned i = 0; i < LIMBS; i++) {
        unsigned bit = i * BITS, at = bit / 8;
        uint32_t word = 0;
        for (unsigned k = 0; k < 3 && at + k < 32; k++)
            word |= (uint32_t)bytes[at + k] << 8 * k;
        out[i] = word >> bit % 8 & MASK;
    }
    out[LIMBS - 1] &= (1 << TOP_BITS) - 1;
}

/* What lies above 2^255 comes in again times 19. */
static void fold(field a)
{
    uint32_t over = 0;
    for (unsigned i = 0; i < LIMBS; i++) {
        over += a[i];
        a[i] = over & MASK;
        over >>= BITS;
    }
    over = over << (BITS - TOP_BITS) | a[LIMBS - 1] >> TOP_BITS;
    a[LIMBS - 1] &= (1 << TOP_BITS) - 1;
    a[0] += 19 * over;
}

/* The one number below the modulus. */
static void reduce(field a)
{
    uint32_t over = 19;
    for (unsigned i = 0; i < 3; i++) /* below 2^255 then */
        fold(a);
    for (unsigned i = 0; i < LIMBS; i++) /* 19 more reach 2^255 where the modulus has to come off */
        over = (over + a[i]) >> (i == LIMBS - 1 ? TOP_BITS : BITS);
    over *= 19;
    for (unsigned i = 0; i < LIMBS; i++) {
        over += a[i];
        a[i] = over & MASK;
        over >>= BITS;
    }
    a[LIMBS - 1] &= (1 << TOP_BITS) - 1;
}

static void store(uint8_t bytes[32], field a)
{
    uint32_t bits = 0;
    unsigned have = 0, limb = 0;
    reduce(a);
    for (unsigned i = 0; i < 32; i++) {
        if (have < 8) {
            bits |= limb < LIMBS ? a[limb++] << have : 0;
            have += BITS;
        }
        bytes[i] = (uint8_t)bits;
        bits >>= 8;
        have -= 8;
    }
}

/* RFC 7748, 5: the ladder's points are x2 / z2 and x3 / z3. */
struct ladder {
    field x1, x2, z2, x3, z3;
};

static void step(struct ladder *l)
{
    field a, b, aa, bb, e, da, cb;
    add(a, l->x2, l->z2);
    subtract(b, l->x2, l->z2);
    multiply(aa, a, a);
    multiply(bb, b, b);
    subtract(e, aa, bb);
    subtract(cb, l->x3, l->z3);
    multiply(da, cb, a); /* D A */
    add(cb, l->x3, l->z3);
    multiply(cb, cb, b); /* C B */
    add(a, da, cb);
    subtract(b, da, cb);
    multiply(l->x3, a, a);
    multiply(b, b, b);
    multiply(l->z3, l->x1, b);
    multiply(l->x2, aa, bb);
    multiply_small(a, e, 121665);
    add(a, a, aa);
    multiply(l->z2, e, a);
}

static int is_zero(const uint8_t bytes[32])
{
    uint8_t any = 0;
    for (unsigned i = 0; i < 32; i++)
        any |= bytes[i];
    return any == 0;
}

int bare_x25519(void *context, uint8_t out[32], const uint8_t scalar[32], const uint8_t point[32])
{
    struct ladder l = { .x2 = { 1 }, .z3 = { 1 } };
    uint8_t k[32];
    uint32_t before = 0;
    (void)context;
    memcpy(k, scalar, sizeof k);
    k[0] &= 248;
    k[31] = (uint8_t)((k[31] & 127) | 64);
    load(l.x1, point);
    memcpy(l.x3, l.x1, sizeof l.x3);
    for (int bit = 254; bit >= 0; bit--) {
        uint32_t now = (uint32_t)k[bit / 8] >> (bit % 8) & 1u;
        swap_if(now ^ before, l.x2, l.x3);
        swap_if(now ^ before, l.z2, l.z3);
        before = now;
        step(&l);
    }
    swap_if(before, l.x2, l.x3);
    swap_if(before, l.z2, l.z3);
    invert(l.z2, l.z2);
    multiply(l.x2, l.x2, l.z2);
    store(out, l.x2);
    return is_zero(out) ? -1 : 0;
}

#include "crypto.h"

#include <string.h>

/* Numbers of 130 bits as ten limbs of 13: a product's column, of ten products with one side times five, stays
 * below 2^32. */
enum { LIMBS = 10, BITS = 13, MASK = (1 << BITS) - 1, BLOCK = 16 };

/* 17 bytes, little-endian, into limbs. */
static void spread(uint32_t limbs[LIMBS], const uint8_t bytes[BLOCK + 1])
{
    for (unsigned i = 0; i < LIMBS; i++) {
        unsigned bit = i * BITS, at = bit / 8;
        uint32_t word = 0;
        for (unsigned k = 0; k < 3 && at + k <= BLOCK; k++)
            word |= (uint32_t)bytes[at + k] << 8 * k;
        limbs[i] = word >> bit % 8 & MASK;
    }
}

/* Twice round: what runs over the top comes in again times five, since 2^130 is 5 modulo 2^130 - 5. */
static void carry(uint32_t limbs[LIMBS])
{
    for (unsigned round = 0; round < 2; round++) {
        uint32_t over = 0;
        for (unsigned i = 0; i < LIMBS; i++) {
            over += limbs[i];
            limbs[i] = over & MASK;
            over >>= BITS;
        }
        limbs[0] += 5 * over;
    }
}

static void multiply(uint32_t h[LIMBS], const uint32_t r[2 * LIMBS])
{
    uint32_t product[LIMBS];
    for (unsigned i = 0; i < LIMBS; i++) {
        const uint32_t *x = h, *end = h + LIMBS, *y = r + LIMBS + i;
        uint32_t sum = 0;
        while (x < end)
            sum += *x++ * *y--;
        product[i] = sum;
    }
    memcpy(h, product, sizeof product);
    carry(h);
}

void bare_poly1305_begin(struct bare_poly1305 *p, const uint8_t key[32])
{
    uint8_t r[BLOCK + 1] = { 0 };
    memset(p, 0, sizeof *p);
    memcpy(r, key, BLOCK);
    for (unsigned i = 3; i < BLOCK; i += 4)
        r[i] &= 15;
    for (unsigned i = 4; i < BLOCK; i += 4)
        r[i] &= 252;
    spread(p->r + LIMBS, r);
    for (unsigned i = 0; i < LIMBS; i++)
        p->r[i] = 5 * p->r[LIMBS + i];
    memcpy(p->pad, key + BLOCK, BLOCK);
}

void bare_poly1305_padded(struct bare_poly1305 *p, const uint8_t *data, size_t length)
{
    while (length > 0) {
        uint8_t block[BLOCK + 1] = { 0 };
        uint32_t limbs[LIMBS];
        size_t take = length < BLOCK ? length : BLOCK;
        memcpy(block, data, take);
        block[BLOCK] = 1;
        spread(limbs, block);
        for (unsigned i = 0; i < LIMBS; i++)
            p->h[i] += limbs[i];
        carry(p->h);
        multiply(p->h, p->r);
        data += take;
        length -= take;
    }
}

/* Take 2^130 - 5 off where that leaves something; without a branch. */
static void reduce(uint32_t h[LIMBS])
{
    uint32_t less[LIMBS], over = 5;
    carry(h);
    for (unsigned i = 0; i < LIMBS; i++) {
        over += h[i];
        less[i] = over & MASK;
        over >>= BITS;
    }
    uint32_t take = 0 - (over & 1);
    for (unsigned i = 0; i < LIMBS; i++)
        h[i] = (less[i] & take) | (h[i] & ~take);
}

void bare_poly1305_finish(struct bare_poly1305 *p, uint8_t tag[16])
{
    uint32_t sum = 0, bits = 0;
    unsigned have = 0, limb = 0;
    reduce(p->h);
    for (unsigned i = 0; i < BLOCK; i++) {
        while (have < 8) {
            bits |= p->h[limb++] << have;
            have += BITS;
        }
        sum += (bits & 0xff) + p->pad[i];
        tag[i] = (uint8_t)sum;
        sum >>= 8;
        bits >>= 8;
        have -= 8;
    }
}

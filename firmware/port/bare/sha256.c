#include "digest.h"

#include "espota/hash.h"

#include <string.h>

static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

static uint32_t get_be32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static void put_be32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Words 16 and up of a block's schedule. */
static void extend(uint32_t w[64])
{
    for (unsigned i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] +
               (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
}

/* The working variables are the standard's, and stay in registers: hashing is what an agent computes most. */
static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (unsigned i = 0; i < 16; i++)
        w[i] = get_be32(block + 4 * i);
    extend(w);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t one = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (g ^ (e & (f ^ g))) + rounds[i] + w[i];
        uint32_t two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) | (c & (a | b)));
        h = g;
        g = f;
        f = e;
        e = d + one;
        d = c;
        c = b;
        b = a;
        a = one + two;
    }
    const uint32_t sum[8] = { a, b, c, d, e, f, g, h };
    for (unsigned i = 0; i < 8; i++)
        state[i] += sum[i];
}

static void take_block(struct bare_sha256 *s, const uint8_t *block)
{
    if (s->hasher)
        s->hasher->block(s->hasher->context, block, s->length < sizeof s->block);
    else
        compress(s->state, block);
}

static int begin(void *context)
{
    static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    struct bare_sha256 *s = context;
    memcpy(s->state, start, sizeof start);
    s->length = 0;
    return 0;
}

static int update(void *context, const void *data, size_t length)
{
    struct bare_sha256 *s = context;
    const uint8_t *in = data;
    while (length > 0) {
        size_t used = (size_t)(s->length % sizeof s->block), room = sizeof s->block - used;
        size_t take = length < room ? length : room;
        if (used == 0 && take == sizeof s->block) {
            take_block(s, in);
        } else {
            memcpy(s->block + used, in, take);
            if (take == room)
                take_block(s, s->block);
        }
        s->length += take;
        in += take;
        length -= take;
    }
    return 0;
}

static int finish(void *context, uint8_t *digest)
{
    static const uint8_t end[64] = { 0x80 };
    struct bare_sha256 *s = context;
    uint8_t bits[8];
    size_t used = (size_t)(s->length % 64);
    put_be32(bits, (uint32_t)(s->length >> 29));
    put_be32(bits + 4, (uint32_t)(s->length << 3));
    (void)update(s, end, used < 56 ? 56 - used : 120 - used);
    (void)update(s, bits, sizeof bits);
    if (s->hasher)
        s->hasher->state(s->hasher->context, s->state);
    for (unsigned i = 0; i < 8; i++)
        put_be32(digest + 4 * i, s->state[i]);
    return 0;
}

/* An engine tells its state and goes on; what is left of a block is computed from there. */
static int so_far(void *context, uint8_t *digest)
{
    const struct bare_sha256 *s = context;
    struct bare_sha256 copy = *s;
    copy.hasher = NULL;
    if (s->hasher && s->length >= sizeof s->block)
        s->hasher->state(s->hasher->context, copy.state);
    return finish(&copy, digest);
}

struct espota_hash bare_sha256_hash(struct bare_sha256 *context)
{
    context->hasher = NULL;
    return (struct espota_hash){ context, begin, update, finish, so_far };
}

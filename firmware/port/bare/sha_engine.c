#include "sha_engine.h"

#include <string.h>

enum { MODE = 0x00, START = 0x10, CONTINUE = 0x14, BUSY = 0x18, STATE = 0x40, TEXT = 0x80, SHA256_MODE = 2 };
enum {
    FIRST_START = 0x90,
    FIRST_CONTINUE = 0x94,
    FIRST_LOAD = 0x98,
    FIRST_BUSY = 0x9c
}; /* its text is at 0 */
enum { WORDS = 16, MOST_POLLS = 10000, TEST_LENGTH = 150, TEST_PART = 100, DIGESTS = 2 };

static uint32_t swap(uint32_t word)
{
    return word << 24 | (word & 0xff00) << 8 | (word >> 8 & 0xff00) | word >> 24;
}

/* One that stays busy is told by a digest that is wrong. */
static void wait(uint32_t busy)
{
    for (unsigned i = 0; i < MOST_POLLS && bare_get(busy) != 0; i++)
        continue;
}

static void take_first(const void *context, const uint8_t *block, bool first)
{
    const struct bare_sha_engine *e = context;
    wait(e->base + FIRST_BUSY);
    for (unsigned i = 0; i < WORDS; i++, block += 4)
        bare_put(e->base + 4 * i,
                 (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3]);
    bare_put(e->base + (first ? FIRST_START : FIRST_CONTINUE), 1);
}

static void give_first(const void *context, uint32_t state[8])
{
    const struct bare_sha_engine *e = context;
    wait(e->base + FIRST_BUSY);
    bare_put(e->base + FIRST_LOAD, 1);
    wait(e->base + FIRST_BUSY);
    for (unsigned i = 0; i < 8; i++)
        state[i] = bare_get(e->base + 4 * i);
}

static void take_later(const void *context, const uint8_t *block, bool first)
{
    const struct bare_sha_engine *e = context;
    wait(e->base + BUSY);
    for (unsigned i = 0; i < WORDS; i++, block += 4)
        bare_put(e->base + TEXT + 4 * i,
                 (uint32_t)block[3] << 24 | (uint32_t)block[2] << 16 | (uint32_t)block[1] << 8 | block[0]);
    bare_put(e->base + MODE, SHA256_MODE);
    bare_put(e->base + (first ? START : CONTINUE), 1);
}

static void give_later(const void *context, uint32_t state[8])
{
    const struct bare_sha_engine *e = context;
    wait(e->base + BUSY);
    for (unsigned i = 0; i < 8; i++)
        state[i] = swap(bare_get(e->base + STATE + 4 * i));
}

/* Of a part, after which it has to go on, and of the whole. */
static void digest_test(const struct bare_hasher *hasher, uint8_t digest[DIGESTS][ESPOTA_SHA256_LENGTH])
{
    uint8_t text[TEST_LENGTH];
    struct bare_sha256 run;
    struct espota_hash hash = bare_sha256_hash(&run);
    run.hasher = hasher;
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7);
    (void)hash.begin(hash.context);
    (void)hash.update(hash.context, text, TEST_PART);
    (void)hash.so_far(hash.context, digest[0]);
    (void)hash.update(hash.context, text + TEST_PART, sizeof text - TEST_PART);
    (void)hash.finish(hash.context, digest[1]);
}

bool bare_sha_engine_begin(const struct bare_sha_engine *engine, struct bare_hasher *hasher)
{
    uint8_t expected[DIGESTS][ESPOTA_SHA256_LENGTH], digest[DIGESTS][ESPOTA_SHA256_LENGTH];
    if (!engine->base)
        return false;
    *hasher = engine->first_kind ? (struct bare_hasher){ engine, take_first, give_first }
                                 : (struct bare_hasher){ engine, take_later, give_later };
    bare_walk(engine->steps, engine->count);
    digest_test(NULL, expected);
    digest_test(hasher, digest);
    return memcmp(expected, digest, sizeof digest) == 0;
}

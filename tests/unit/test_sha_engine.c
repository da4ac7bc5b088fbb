/* SHA-256 by an engine of the chip, as its two kinds are described: it gives what is computed without it, and
 * one that does not is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* in the place of registers.h: the driver is compiled here as it is */
#define ESPOTA_BARE_REGISTERS_H
struct bare_step {
    uint32_t address, clear, set;
};
static uint32_t bare_get(uint32_t address);
static void bare_put(uint32_t address, uint32_t value);
static void bare_walk(const struct bare_step *steps, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bare_put(steps[i].address, (bare_get(steps[i].address) & ~steps[i].clear) | steps[i].set);
}

/* compiled here as they are: what both of them name begin, wait and the like stays apart */
#include "sha256.c"

#include "sha_engine.c"

enum { BASE = 0x6003b000, CLOCK = 0x600c0014, RESET = 0x600c001c, BUSY_FOR = 3, LONGEST = 300 };

static struct {
    uint32_t clock, reset;
    uint32_t text[16], shown[8]; /* what the host of the registers sees of the state */
    uint32_t state[8];
    unsigned busy, started;
    bool first_kind, lies;
} world;

static void run_block(bool first)
{
    uint8_t block[64];
    if (world.clock != 4 || (world.reset & 0x34) != 0)
        return;
    for (unsigned i = 0; i < 16; i++) {
        uint32_t word = world.first_kind ? world.text[i] : swap(world.text[i]);
        put_be32(block + 4 * i, word);
    }
    if (first) {
        struct bare_sha256 start = { 0 };
        (void)begin(&start);
        memcpy(world.state, start.state, sizeof world.state);
        world.started++;
    }
    compress(world.state, block);
    world.busy = BUSY_FOR;
}

static uint32_t bare_get(uint32_t address)
{
    if (address == CLOCK)
        return world.clock;
    if (address == RESET)
        return world.reset;
    if (address == BASE + (world.first_kind ? 0x9cu : 0x18u)) {
        world.busy -= world.busy > 0;
        return world.busy > 0;
    }
    assert_int_equal(world.busy, 0); /* nothing else is read or written while it works */
    if (world.first_kind && address - BASE < 32)
        return world.shown[(address - BASE) / 4] ^ (uint32_t)world.lies;
    if (!world.first_kind && address - BASE - 0x40 < 32)
        return swap(world.state[(address - BASE - 0x40) / 4]) ^ (uint32_t)world.lies;
    fail_msg("read of %x", address);
    return 0;
}

static void bare_put(uint32_t address, uint32_t value)
{
    uint32_t text = BASE + (world.first_kind ? 0 : 0x80u),
             begin_at = BASE + (world.first_kind ? 0x90u : 0x10u);
    assert_int_equal(world.busy, 0);
    if (address == CLOCK)
        world.clock = value;
    else if (address == RESET)
        world.reset = value;
    else if (address - text < 64)
        world.text[(address - text) / 4] = value;
    else if (address == begin_at || address == begin_at + 4)
        run_block(address == begin_at);
    else if (world.first_kind && address == BASE + 0x98)
        memcpy(world.shown, world.state, sizeof world.shown);
    else if (!world.first_kind && address == BASE)
        assert_int_equal(value, 2);
    else
        fail_msg("write to %x", address);
}

static const struct bare_step steps[] = { { CLOCK, 0, 4 }, { RESET, 0x34, 0 } };
static const struct bare_sha_engine engines[] = {
    { .base = BASE, .steps = steps, .count = 2 },
    { .base = BASE, .first_kind = true, .steps = steps, .count = 2 },
};

static void digest_in_pieces(const struct bare_hasher *hasher, const uint8_t *data, size_t length,
                             size_t piece, uint8_t *digest)
{
    uint8_t so_far[ESPOTA_SHA256_LENGTH];
    struct bare_sha256 run;
    struct espota_hash hash = bare_sha256_hash(&run);
    run.hasher = hasher;
    assert_int_equal(hash.begin(hash.context), 0);
    for (size_t at = 0; at < length; at += piece)
        assert_int_equal(hash.update(hash.context, data + at, length - at < piece ? length - at : piece) ||
                             hash.so_far(hash.context, digest),
                         0);
    assert_int_equal(hash.so_far(hash.context, so_far), 0);
    assert_int_equal(hash.finish(hash.context, digest), 0);
    assert_memory_equal(so_far, digest, sizeof so_far);
}

static void set_world(bool first_kind)
{
    memset(&world, 0, sizeof world);
    world.first_kind = first_kind;
    world.reset = 0xffffffff;
}

static void an_engine_gives_what_is_computed(void **state)
{
    static const size_t pieces[] = { 1, 7, 64, 100, LONGEST };
    uint8_t data[LONGEST], expected[32], digest[32];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i + 3);
    for (size_t e = 0; e < 2; e++) {
        struct bare_hasher hasher;
        set_world(engines[e].first_kind);
        assert_true(bare_sha_engine_begin(&engines[e], &hasher));
        for (size_t length = 0; length <= LONGEST; length += 13)
            for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
                unsigned before = world.started;
                digest_in_pieces(NULL, data, length, LONGEST, expected);
                digest_in_pieces(&hasher, data, length, pieces[p], digest);
                assert_memory_equal(digest, expected, sizeof digest);
                assert_int_equal(world.started, before + 1);
            }
    }
}

static void one_that_does_not_is_left_alone(void **state)
{
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        struct bare_hasher hasher;
        set_world(engines[e].first_kind);
        world.lies = true;
        assert_false(bare_sha_engine_begin(&engines[e], &hasher));
    }
    assert_false(bare_sha_engine_begin(&(struct bare_sha_engine){ 0 }, &(struct bare_hasher){ 0 }));
}

static void one_without_a_clock_is_left_alone(void **state)
{
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        struct bare_sha_engine engine = engines[e];
        struct bare_hasher hasher;
        set_world(engine.first_kind);
        engine.count = 0;
        assert_false(bare_sha_engine_begin(&engine, &hasher));
        engine.count = 1; /* still in reset */
        assert_false(bare_sha_engine_begin(&engine, &hasher));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_gives_what_is_computed),
        cmocka_unit_test(one_that_does_not_is_left_alone),
        cmocka_unit_test(one_without_a_clock_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

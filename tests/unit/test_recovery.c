/* The recovery agent's random numbers: what goes into them, on a board whose clock and noise are known. */
#include "espota/crypto.h"
#include "espota/digest.h"
#include "espota/hash.h"

#include "bare.h"
#include "crypto.h"
#include "digest.h"

/* compiled here as it is: it is no part of the host's library */
#include "main.c"
#include "serve.c"
#include "sha_engine.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROOM = 256 };

/* The world as the board has it. */
static struct {
    uint32_t cycles, noise;
    unsigned entropy_reads;
    bool entropy;
    const uint8_t *in; /* to the agent, a byte at a time */
    size_t left;
    uint8_t out[ROOM]; /* from it */
    size_t sent;
    struct espota_hash *sha256;
} world;

struct espota_hash bare_sha256_hash(struct bare_sha256 *context)
{
    (void)context;
    return *world.sha256;
}

int bare_md5(const void *data, size_t length, uint8_t digest[ESPOTA_MD5_LENGTH])
{
    return espota_md5(data, length, digest);
}

const struct espota_crypto bare_crypto = { 0 };

static uint32_t world_cycles(void *context)
{
    (void)context;
    return world.cycles;
}

static uint32_t world_noise(void *context)
{
    (void)context;
    world.entropy_reads += world.entropy;
    return world.noise;
}

static void world_entropy(bool on)
{
    world.entropy = on;
}

static uint32_t world_ms(void *context)
{
    (void)context;
    return 0;
}

static uint32_t world_size(void *context)
{
    (void)context;
    return 4 << 20;
}

static int world_read(void *context, uint32_t offset, void *out, size_t length)
{
    (void)context;
    (void)offset;
    memset(out, 0xff, length);
    return 0;
}

static void world_mac(void *context, uint8_t mac[6])
{
    (void)context;
    memset(mac, 0, 6);
}

static size_t world_take(void *context, uint8_t *out, size_t room)
{
    (void)context;
    (void)room;
    if (world.left == 0)
        return 0;
    world.left--;
    out[0] = *world.in++;
    return 1;
}

static uint16_t world_mhz(void *context)
{
    (void)context;
    return 80;
}

static size_t world_send(void *context, const uint8_t *data, size_t length)
{
    (void)context;
    assert_true(world.sent + length <= sizeof world.out);
    memcpy(world.out + world.sent, data, length);
    world.sent += length;
    return length;
}

static const struct bare_board board = { .name = "test",
                                         .flash_id = world_size,
                                         .flash_size = world_size,
                                         .cpu_mhz = world_mhz,
                                         .flash_read = world_read,
                                         .mac = world_mac,
                                         .now_ms = world_ms,
                                         .noise = world_noise,
                                         .cycles = world_cycles,
                                         .entropy = world_entropy,
                                         .stream = { { world_take, world_send, NULL, NULL } } };

static void start(struct recovery *r, uint32_t noise)
{
    espota_hash_free(world.sha256);
    memset(&world, 0, sizeof world);
    world.sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    world.noise = noise;
    set_up(r, &board);
}

/* Bytes that come, and what is drawn then; byte `late` comes a cycle later than it might. */
static void draw_after(struct recovery *r, const char *bytes, size_t late, uint8_t out[32])
{
    world.in = (const uint8_t *)bytes;
    world.left = strlen(bytes);
    for (size_t i = 0; world.left > 0; i++) {
        uint32_t later = i == late ? 1 : 0;
        world.cycles += 1000 + later;
        (void)bare_server_step(&r->server);
        world.cycles -= later;
    }
    assert_int_equal(random_bytes(r, out, 32), 0);
}

static void when_each_byte_comes_counts(void **state)
{
    (void)state;
    static const char bytes[] = "some bytes, more than there are words in the pool of random bits";
    static struct recovery r;
    uint8_t first[32], again[32], other[32];
    start(&r, 1);
    draw_after(&r, bytes, SIZE_MAX, first);
    start(&r, 1);
    draw_after(&r, bytes, SIZE_MAX, again);
    assert_memory_equal(first, again, sizeof first); /* nothing else comes in here */
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        start(&r, 1);
        draw_after(&r, bytes, i, other);
        assert_memory_not_equal(first, other, sizeof first);
    }
}

static void the_chips_noise_counts(void **state)
{
    (void)state;
    static struct recovery r;
    uint8_t one[32], two[32];
    start(&r, 1);
    draw_after(&r, "x", 0, one);
    start(&r, 2);
    draw_after(&r, "x", 0, two);
    assert_memory_not_equal(one, two, sizeof one);
}

static void the_source_of_entropy_is_read_at_the_start_alone(void **state)
{
    (void)state;
    static struct recovery r;
    uint8_t drawn[32];
    start(&r, 1);
    assert_int_equal(world.entropy_reads, BOOT_STIRS * NOISE_WORDS * NOISE_READS);
    assert_false(world.entropy);
    assert_int_equal(random_bytes(&r, drawn, sizeof drawn), 0);
    assert_int_equal(world.entropy_reads, BOOT_STIRS * NOISE_WORDS * NOISE_READS);
}

static void no_draw_says_what_the_next_is(void **state)
{
    (void)state;
    static struct recovery r;
    uint8_t drawn[64];
    start(&r, 1);
    assert_int_equal(random_bytes(&r, drawn, sizeof drawn), 0);
    assert_memory_not_equal(drawn, drawn + 32, 32);
    assert_memory_not_equal(drawn + 32, r.pool, 32);
    assert_memory_not_equal(drawn, r.pool, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_each_byte_comes_counts),
        cmocka_unit_test(the_chips_noise_counts),
        cmocka_unit_test(the_source_of_entropy_is_read_at_the_start_alone),
        cmocka_unit_test(no_draw_says_what_the_next_is),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    espota_hash_free(world.sha256);
    return failed;
}

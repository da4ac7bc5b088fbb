/* The handshake and the ciphers of sessions: published vectors, and the bare ports' own code against OpenSSL.
 */
#include "espota/crypto.h"
#include "espota/digest.h"
#include "espota/hash.h"
#include "espota/hex.h"
#include "espota/noise.h"
#include "espota/random.h"

/* compiled here as they are: they are no part of the host's library */
#include "chacha20.c"
#include "poly1305.c"
#define LIMBS    FIELD_LIMBS
#define BITS     FIELD_BITS
#define MASK     FIELD_MASK
#define carry    field_carry
#define multiply field_multiply
#define reduce   field_reduce
#include "x25519.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LONGEST = 300 };

static const struct espota_crypto *const both[] = { &espota_crypto_openssl, &bare_crypto };

static void fill(void *data, size_t size)
{
    assert_int_equal(espota_random(data, size), 0);
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t length = strlen(hex) / 2;
    assert_true(espota_unhex(hex, bytes, length));
    return length;
}

static void assert_hex(const uint8_t *bytes, const char *hex)
{
    uint8_t expected[LONGEST];
    size_t length = from_hex(hex, expected);
    assert_memory_equal(bytes, expected, length);
}

/* ---- RFC 8439 -------------------------------------------------------------------------------------------
 */

static void chacha20_is_rfc_8439s(void **state)
{
    (void)state;
    uint8_t key[32], nonce[12], block[64];
    for (unsigned i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    from_hex("000000090000004a00000000", nonce); /* 2.3.2 */
    bare_chacha20_block(key, nonce, 1, block);
    assert_hex(block, "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
                      "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e");
}

/* 2.5.2 and the cases of appendix A.3 that need every carry; whole blocks only, as the AEAD has them. */
static void poly1305_is_rfc_8439s(void **state)
{
    (void)state;
    static const struct {
        const char *key, *data, *tag;
    } cases[] = {
        { "0200000000000000000000000000000000000000000000000000000000000000",
          "ffffffffffffffffffffffffffffffff", "03000000000000000000000000000000" },
        { "02000000000000000000000000000000ffffffffffffffffffffffffffffffff",
          "02000000000000000000000000000000", "03000000000000000000000000000000" },
        { "0100000000000000000000000000000000000000000000000000000000000000",
          "fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff"
          "11000000000000000000000000000000",
          "05000000000000000000000000000000" },
        { "0100000000000000000000000000000000000000000000000000000000000000",
          "fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe"
          "01010101010101010101010101010101",
          "00000000000000000000000000000000" },
        { "0200000000000000000000000000000000000000000000000000000000000000",
          "fdffffffffffffffffffffffffffffff", "faffffffffffffffffffffffffffffff" },
        { "0100000000000000040000000000000000000000000000000000000000000000",
          "e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000000000000000000001"
          "000000000000000000000000000000",
          "14000000000000005500000000000000" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bare_poly1305 p;
        uint8_t key[32], data[LONGEST], tag[16];
        from_hex(cases[i].key, key);
        size_t length = from_hex(cases[i].data, data);
        bare_poly1305_begin(&p, key);
        bare_poly1305_padded(&p, data, length);
        bare_poly1305_finish(&p, tag);
        assert_hex(tag, cases[i].tag);
    }
}

static void ciphers_are_openssls(void **state)
{
    (void)state;
    const struct espota_crypto *theirs = &espota_crypto_openssl;
    for (size_t length = 0; length <= LONGEST; length++) {
        uint8_t key[32], extra[40], plain[LONGEST], one[LONGEST + 16], two[LONGEST + 16];
        uint32_t number;
        size_t extra_length = length % sizeof extra;
        fill(key, sizeof key);
        fill(extra, sizeof extra);
        fill(plain, sizeof plain);
        fill(&number, sizeof number);
        if (length % 7 == 0) /* long runs of ones carry far */
            memset(plain, 0xff, sizeof plain);
        memcpy(one, plain, length);
        memcpy(two, plain, length);
        assert_int_equal(theirs->seal(NULL, key, number, extra, extra_length, one, length), 0);
        assert_int_equal(bare_crypto.seal(NULL, key, number, extra, extra_length, two, length), 0);
        assert_memory_equal(one, two, length + 16);
        assert_int_equal(theirs->open(NULL, key, number, extra, extra_length, two, length), 0);
        assert_memory_equal(two, plain, length);
        assert_int_equal(bare_crypto.open(NULL, key, number, extra, extra_length, one, length), 0);
        assert_memory_equal(one, plain, length);
    }
}

static void every_changed_bit_is_noticed(void **state)
{
    (void)state;
    enum { LENGTH = 21, EXTRA = 5 };
    uint8_t key[32];
    fill(key, sizeof key);
    for (size_t c = 0; c < 2; c++)
        for (size_t bit = 0; bit < 8 * (LENGTH + 16 + EXTRA); bit++) {
            uint8_t all[EXTRA + LENGTH + 16] = { 0 };
            assert_int_equal(both[c]->seal(NULL, key, 1, all, EXTRA, all + EXTRA, LENGTH), 0);
            all[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(both[c]->open(NULL, key, 1, all, EXTRA, all + EXTRA, LENGTH), -1);
        }
}

/* ---- RFC 7748 -------------------------------------------------------------------------------------------
 */

static void x25519_is_rfc_7748s(void **state)
{
    (void)state;
    static const struct {
        const char *scalar, *point, *out; /* 5.2 */
    } cases[] = { { "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                    "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552" },
                  { "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                    "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957" } };
    for (size_t i = 0; i < 2; i++) {
        uint8_t scalar[32], point[32], out[32];
        from_hex(cases[i].scalar, scalar);
        from_hex(cases[i].point, point);
        assert_int_equal(bare_x25519(NULL, out, scalar, point), 0);
        assert_hex(out, cases[i].out);
    }
}

/* 5.2: each result is the next scalar. */
static void x25519_iterated_is_rfc_7748s(void **state)
{
    (void)state;
    uint8_t k[32] = { 9 }, u[32] = { 9 }, out[32];
    for (unsigned i = 1; i <= 1000; i++) {
        assert_int_equal(bare_x25519(NULL, out, k, u), 0);
        memcpy(u, k, sizeof u);
        memcpy(k, out, sizeof k);
        if (i == 1)
            assert_hex(k, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
    assert_hex(k, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

static void x25519_is_openssls(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        uint8_t scalar[32], point[32], one[32], two[32];
        fill(scalar, sizeof scalar);
        fill(point, sizeof point);
        if (i % 4 == 0) { /* at and above the modulus, where points of low order are too */
            memset(point + 1, 0xff, 31);
            point[0] = (uint8_t)(0xe0 + i / 4 % 32);
        }
        int result = espota_crypto_openssl.x25519(NULL, one, scalar, point);
        assert_int_equal(bare_x25519(NULL, two, scalar, point), result);
        if (result == 0)
            assert_memory_equal(one, two, sizeof one);
    }
}

static void points_of_low_order_are_refused(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    };
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (size_t c = 0; c < 2; c++) {
            uint8_t scalar[32], point[32], out[32];
            fill(scalar, sizeof scalar);
            from_hex(points[i], point);
            assert_int_equal(both[c]->x25519(NULL, out, scalar, point), -1);
        }
}

/* ---- Noise ----------------------------------------------------------------------------------------------
 */

/* Noise_NNpsk0_25519_ChaChaPoly_SHA256 of cacophony's vectors (github.com/mcginty/snow,
 * tests/vectors/cacophony.txt): two messages of the handshake, then four of the session, in turn. */
static const char vector_prologue[] = "4a6f686e2047616c74";
static const char vector_psk[] = "54686973206973206d7920417573747269616e20706572737065637469766521";
static const char vector_initiator[] = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a";
static const char vector_responder[] = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b";
static const char vector_hash[] = "f4d03dc34495c95729ea6de9e1b59004b59733102488b3e24bc441e0be208eaf";
static const struct {
    const char *payload, *message;
} vector_messages[] = {
    { "4c756477696720766f6e204d69736573",
      "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c794479b962b8aff8485742ac32f905ba45369e2465"
      "fb59e138a93d67a0d1266b6a54" },
    { "4d757272617920526f746862617264",
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843d6062704d5a9c422a8e834423f8c1feada7e8d"
      "0d910a1a2cd030fb584221e3" },
    { "462e20412e20486179656b", "e632c3763d7669067383433197a3baddf146e9e70ad4b4e9e59e0f" },
    { "4361726c204d656e676572", "64c6bee32ea91c8474bb4c21d7a700109ad45af77b29764ba5eb1e" },
    { "4a65616e2d426170746973746520536179",
      "e2fa0bed0603b62d3ccac2ecabbf3fe33f3e86514909b323361626266cb2471cc8" },
    { "457567656e2042f6686d20766f6e2042617765726b",
      "0c01dc9cec1fe4ddd692e8dd32188aa351088dc91183639a53b57aa4692b5ebdef8b8ca111" },
};

struct pair {
    struct espota_noise host, agent;
    struct espota_noise_keys host_keys, agent_keys;
    uint8_t psk[32], first[LONGEST], second[LONGEST];
};

static void begin(struct pair *p, const struct espota_hash *sha256, const struct espota_crypto *crypto)
{
    uint8_t prologue[LONGEST];
    size_t length = from_hex(vector_prologue, prologue);
    from_hex(vector_psk, p->psk);
    assert_int_equal(espota_noise_begin(&p->host, sha256, crypto), 0);
    assert_int_equal(espota_noise_prologue(&p->host, prologue, length), 0);
    assert_int_equal(espota_noise_begin(&p->agent, sha256, crypto), 0);
    assert_int_equal(espota_noise_prologue(&p->agent, prologue, length), 0);
}

static void the_handshake_is_cacophonys(void **state)
{
    (void)state;
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    for (size_t c = 0; c < 2; c++) {
        struct pair p;
        uint8_t own[32], theirs[32];
        from_hex(vector_initiator, own);
        from_hex(vector_responder, theirs);
        begin(&p, sha256, both[c]);
        size_t length = from_hex(vector_messages[0].payload, p.first + 32);
        assert_int_equal(espota_noise_write_first(&p.host, p.psk, own, p.first, length), 0);
        assert_hex(p.first, vector_messages[0].message);
        assert_int_equal(espota_noise_read_first(&p.agent, p.psk, p.first, 48 + length), 0);
        assert_hex(p.first + 32, vector_messages[0].payload);
        length = from_hex(vector_messages[1].payload, p.second + 32);
        assert_int_equal(espota_noise_write_second(&p.agent, theirs, p.second, length, &p.agent_keys), 0);
        assert_hex(p.second, vector_messages[1].message);
        assert_int_equal(espota_noise_read_second(&p.host, p.second, 48 + length, &p.host_keys), 0);
        assert_memory_equal(&p.host_keys, &p.agent_keys, sizeof p.host_keys);
        assert_hex(p.host.hash, vector_hash);
        assert_hex(p.agent.hash, vector_hash);
        for (unsigned i = 2; i < 6; i++) {
            uint8_t data[LONGEST];
            length = from_hex(vector_messages[i].payload, data);
            const uint8_t *key = i % 2 == 0 ? p.host_keys.to_responder : p.host_keys.to_initiator;
            assert_int_equal(both[c]->seal(NULL, key, i / 2 - 1, NULL, 0, data, length), 0);
            assert_hex(data, vector_messages[i].message);
        }
    }
    espota_hash_free(sha256);
}

/* Every bit of either message, of the key, of what was said before. */
static void a_handshake_that_was_changed_fails(void **state)
{
    (void)state;
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    for (unsigned bit = 0; bit < 8 * 48; bit++) {
        struct pair p;
        uint8_t own[32], theirs[32], psk[32];
        fill(own, sizeof own);
        fill(theirs, sizeof theirs);
        begin(&p, sha256, &espota_crypto_openssl);
        struct espota_noise fresh = p.agent;
        assert_int_equal(espota_noise_write_first(&p.host, p.psk, own, p.first, 0), 0);
        memcpy(p.second, p.first, 48);
        p.second[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(espota_noise_read_first(&p.agent, p.psk, p.second, 48), -1);
        if (bit < 8 * 32) {
            memcpy(psk, p.psk, sizeof psk);
            psk[bit / 8] ^= (uint8_t)(1u << bit % 8);
            p.agent = fresh;
            memcpy(p.second, p.first, 48);
            assert_int_equal(espota_noise_read_first(&p.agent, psk, p.second, 48), -1);
        }
        p.agent = fresh;
        assert_int_equal(espota_noise_read_first(&p.agent, p.psk, p.first, 48), 0);
        assert_int_equal(espota_noise_write_second(&p.agent, theirs, p.second, 0, &p.agent_keys), 0);
        p.second[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(espota_noise_read_second(&p.host, p.second, 48, &p.host_keys), -1);
    }
    espota_hash_free(sha256);
}

static void a_longer_key_is_another_key(void **state)
{
    (void)state;
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    uint8_t key[65] = { 1 }, one[32], two[32], expected[32];
    assert_int_equal(espota_noise_psk(sha256, key, 32, one), 0);
    assert_int_equal(espota_hmac_sha256(key, 32, "espota psk 1", 12, NULL, 0, expected), 0);
    assert_memory_equal(one, expected, sizeof one);
    key[63] = 1;
    assert_int_equal(espota_noise_psk(sha256, key, 64, two), 0);
    assert_memory_not_equal(one, two, sizeof one);
    assert_int_equal(espota_noise_psk(sha256, key, 65, two), -1);
    assert_int_equal(espota_noise_psk(sha256, key, 0, two), -1);
    espota_hash_free(sha256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chacha20_is_rfc_8439s),       cmocka_unit_test(poly1305_is_rfc_8439s),
        cmocka_unit_test(ciphers_are_openssls),        cmocka_unit_test(every_changed_bit_is_noticed),
        cmocka_unit_test(x25519_is_rfc_7748s),         cmocka_unit_test(x25519_iterated_is_rfc_7748s),
        cmocka_unit_test(x25519_is_openssls),          cmocka_unit_test(points_of_low_order_are_refused),
        cmocka_unit_test(the_handshake_is_cacophonys), cmocka_unit_test(a_handshake_that_was_changed_fails),
        cmocka_unit_test(a_longer_key_is_another_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

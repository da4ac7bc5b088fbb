/* Digests against published vectors: RFC 1321, FIPS 180-2, RFC 4231, RFC 7914. */
#include "espota/digest.h"
#include "espota/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void digests_are_those_of_the_standards(void **state)
{
    (void)state;
    static const struct {
        const char *text, *md5, *sha256;
    } cases[] = {
        { "", "d41d8cd98f00b204e9800998ecf8427e",
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "900150983cd24fb0d6963f7d28e17f72",
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t digest[ESPOTA_SHA256_LENGTH];
        char hex[2 * ESPOTA_SHA256_LENGTH + 1];
        assert_int_equal(espota_md5(cases[i].text, strlen(cases[i].text), digest), 0);
        espota_hex(digest, ESPOTA_MD5_LENGTH, hex);
        assert_string_equal(hex, cases[i].md5);
        assert_int_equal(espota_sha256(cases[i].text, strlen(cases[i].text), digest), 0);
        espota_hex(digest, ESPOTA_SHA256_LENGTH, hex);
        assert_string_equal(hex, cases[i].sha256);
    }
}

static void a_running_hash_is_the_same_in_pieces(void **state)
{
    (void)state;
    struct espota_hash *hash = espota_hash_new(ESPOTA_HASH_SHA256);
    uint8_t pieces[ESPOTA_SHA256_LENGTH], whole[ESPOTA_SHA256_LENGTH];
    assert_non_null(hash);
    for (int again = 0; again < 2; again++) { /* begin starts anew */
        assert_int_equal(hash->begin(hash->context), 0);
        assert_int_equal(hash->update(hash->context, "a", 1), 0);
        assert_int_equal(hash->so_far(hash->context, pieces), 0); /* and it goes on */
        assert_int_equal(espota_sha256("a", 1, whole), 0);
        assert_memory_equal(pieces, whole, sizeof whole);
        assert_int_equal(hash->update(hash->context, "bc", 2), 0);
        assert_int_equal(hash->finish(hash->context, pieces), 0);
        assert_int_equal(espota_sha256("abc", 3, whole), 0);
        assert_memory_equal(pieces, whole, sizeof whole);
    }
    espota_hash_free(hash);
}

static void hmac_is_that_of_rfc_4231_wherever_the_text_is_cut(void **state)
{
    (void)state;
    static const char key[] = "Jefe", text[] = "what do ya want for nothing?";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        uint8_t mac[ESPOTA_SHA256_LENGTH];
        char hex[2 * ESPOTA_SHA256_LENGTH + 1];
        assert_int_equal(
            espota_hmac_sha256(key, sizeof key - 1, text, cut, text + cut, sizeof text - 1 - cut, mac), 0);
        espota_hex(mac, sizeof mac, hex);
        assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}

/* The vectors of RFC 7914, section 11. */
static void pbkdf2_is_that_of_rfc_7914(void **state)
{
    static const struct {
        const char *password, *salt;
        unsigned rounds;
        const char *hex;
    } cases[] = {
        { "passwd", "salt", 1,
          "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
          "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783" },
        { "Password", "NaCl", 80000,
          "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
          "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t key[64];
        char hex[2 * sizeof key + 1];
        assert_int_equal(espota_pbkdf2_sha256(cases[i].password, strlen(cases[i].password), cases[i].salt,
                                              strlen(cases[i].salt), cases[i].rounds, key, sizeof key),
                         0);
        espota_hex(key, sizeof key, hex);
        assert_string_equal(hex, cases[i].hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_standards),
        cmocka_unit_test(a_running_hash_is_the_same_in_pieces),
        cmocka_unit_test(pbkdf2_is_that_of_rfc_7914),
        cmocka_unit_test(hmac_is_that_of_rfc_4231_wherever_the_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the bare ports bring along because no library does, against OpenSSL and this machine's own division.
 */
#include "espota/digest.h"
#include "espota/hash.h"
#include "espota/random.h"

/* compiled here as they are: they are no part of the host's library */
#include "sha256.c"
#define compress compress_md5
#include "md5.c"
#undef compress
#include "divide.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LONGEST = 300 };

static void fill(uint8_t *data, size_t size)
{
    assert_int_equal(espota_random(data, size), 0);
}

static void sha256_is_openssls(void **state)
{
    (void)state;
    uint8_t data[LONGEST], expected[ESPOTA_SHA256_LENGTH], digest[ESPOTA_SHA256_LENGTH];
    struct bare_sha256 context;
    struct espota_hash hash = bare_sha256_hash(&context);
    fill(data, sizeof data);
    for (size_t length = 0; length <= sizeof data; length++)
        for (size_t piece = 1; piece < 130; piece += 32) {
            assert_int_equal(espota_sha256(data, length, expected), 0);
            assert_int_equal(hash.begin(hash.context), 0);
            for (size_t at = 0; at < length; at += piece)
                assert_int_equal(
                    hash.update(hash.context, data + at, length - at < piece ? length - at : piece) ||
                        hash.so_far(hash.context, digest),
                    0);
            if (length > 0)
                assert_memory_equal(digest, expected, sizeof digest); /* and it went on */
            assert_int_equal(hash.finish(hash.context, digest), 0);
            assert_memory_equal(digest, expected, sizeof digest);
        }
}

static void md5_is_openssls(void **state)
{
    (void)state;
    uint8_t data[LONGEST], expected[ESPOTA_MD5_LENGTH], digest[ESPOTA_MD5_LENGTH];
    fill(data, sizeof data);
    for (size_t length = 0; length <= sizeof data; length++) {
        assert_int_equal(espota_md5(data, length, expected), 0);
        assert_int_equal(bare_md5(data, length, digest), 0);
        assert_memory_equal(digest, expected, sizeof digest);
    }
}

static void division_is_division(void **state)
{
    (void)state;
    uint32_t numbers[200];
    fill((uint8_t *)numbers, sizeof numbers);
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < 200; k++) {
            uint32_t divisor = numbers[k] >> (k % 31);
            if (divisor == 0)
                continue;
            assert_int_equal(__udivsi3(numbers[i], divisor), numbers[i] / divisor);
            assert_int_equal(__umodsi3(numbers[i], divisor), numbers[i] % divisor);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_openssls),
        cmocka_unit_test(md5_is_openssls),
        cmocka_unit_test(division_is_division),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

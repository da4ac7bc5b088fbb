/* Images made from a base: what is encoded with one comes back, from every sector on. */
#include "fixtures/code_like.h"
#include "fixtures/decoded_stream.h"

#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/encode.h"
#include "espota/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECTOR ESPOTA_CODER_SECTOR
#define SIZE   (8 * SECTOR)
#define TABLE  ESPOTA_CODER_TABLE_DEFAULT

static struct espota_bytes encoded(enum espota_isa isa, const struct espota_bytes *old, const uint8_t *image,
                                   uint32_t from)
{
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    struct espota_base *base;
    assert_int_equal(espota_base_new(&base, isa, old->data, old->size, image, SIZE, &error), 0);
    assert_int_equal(espota_encode(isa, TABLE, base, image, SIZE, from, SIZE - from, &stream, &error), 0);
    espota_base_free(base);
    return stream;
}

static void what_is_encoded_with_a_base_comes_back_from_every_sector_on(void **state)
{
    enum espota_isa isa = *(const enum espota_isa *)*state;
    static uint8_t old[SIZE], image[SIZE], rebuilt[SIZE];
    struct espota_bytes base = { .data = old, .size = SIZE };
    code_like_fill(old, SIZE, 1, isa == ESPOTA_ISA_RISCV);
    memcpy(image, old, SIZE);
    code_like_fill(image + 3 * SECTOR, SECTOR, 2, isa == ESPOTA_ISA_RISCV);
    for (uint32_t from = 0; from < SIZE; from += SECTOR) {
        struct espota_bytes stream = encoded(isa, &base, image, from);
        memset(rebuilt, 0, SIZE);
        memcpy(rebuilt, image, from);
        assert_int_equal(decode_stream(&stream, &base, rebuilt, SIZE), 0);
        assert_memory_equal(rebuilt, image, SIZE);
        espota_bytes_free(&stream);
    }
}

int main(void)
{
    static enum espota_isa none = ESPOTA_ISA_NONE, xtensa = ESPOTA_ISA_XTENSA, riscv = ESPOTA_ISA_RISCV;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(what_is_encoded_with_a_base_comes_back_from_every_sector_on, &none),
        cmocka_unit_test_prestate(what_is_encoded_with_a_base_comes_back_from_every_sector_on, &xtensa),
        cmocka_unit_test_prestate(what_is_encoded_with_a_base_comes_back_from_every_sector_on, &riscv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

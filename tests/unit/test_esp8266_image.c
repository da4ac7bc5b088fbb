/* Images for the ESP8266: whole, or not. */
#include "espota/esp8266_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { APP_OFFSET = 4096, LOADER_DATA = 100, APP_DATA = 5000, MOST = 16384 };

/* One of one segment; @return where it ends. */
static size_t write_image(uint8_t *to, uint32_t length)
{
    static const uint8_t head[] = { 0xe9, 1, 2, 0x40, 4, 0, 0x10, 0x40, 0, 0, 0x10, 0x40 };
    uint8_t checksum = 0xef;
    memcpy(to, head, sizeof head);
    for (unsigned i = 0; i < 4; i++)
        to[sizeof head + i] = (uint8_t)(length >> 8 * i);
    for (uint32_t i = 0; i < length; i++)
        checksum ^= to[16 + i] = (uint8_t)(i * 7 + 1);
    size_t end = (16 + length) | 15;
    memset(to + 16 + length, 0, end - 16 - length);
    to[end] = checksum;
    return end + 1;
}

/* As Arduino builds them: @return its size. */
static size_t write_both(uint8_t data[MOST])
{
    memset(data, 0xaa, MOST);
    write_image(data, LOADER_DATA);
    return APP_OFFSET + write_image(data + APP_OFFSET, APP_DATA);
}

static void whole_ones_are_whatever_follows(void **state)
{
    uint8_t data[MOST];
    (void)state;
    size_t size = write_image(data, APP_DATA);
    assert_int_equal(espota_esp8266_examine(data, size), ESPOTA_ESP8266_OK);
    assert_int_equal(espota_esp8266_examine(data, MOST), ESPOTA_ESP8266_OK);
    size = write_both(data);
    assert_int_equal(espota_esp8266_examine(data, size), ESPOTA_ESP8266_OK);
    assert_int_equal(espota_esp8266_examine(data, size + 260), ESPOTA_ESP8266_OK); /* a signature */
}

static void both_images_have_to_be_whole(void **state)
{
    uint8_t data[MOST];
    (void)state;
    size_t size = write_both(data);
    for (size_t cut = APP_OFFSET + 16; cut < size; cut += 97)
        assert_int_equal(espota_esp8266_examine(data, cut), ESPOTA_ESP8266_TRUNCATED);
    for (size_t at = 16; at < size; at += at == 16 ? APP_OFFSET : 97) {
        data[at] ^= 0x10;
        assert_int_equal(espota_esp8266_examine(data, size), ESPOTA_ESP8266_BAD_CHECKSUM);
        data[at] ^= 0x10;
    }
}

static void lengths_are_not_believed(void **state)
{
    static const uint8_t lengths[][4] = { { 255, 255, 255, 255 }, { 0, 0, 0, 128 }, { 0, 64, 0, 0 } };
    uint8_t data[MOST];
    (void)state;
    write_both(data);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        memcpy(data + 12, lengths[i], 4);
        assert_int_equal(espota_esp8266_examine(data, MOST), ESPOTA_ESP8266_TRUNCATED);
    }
    data[1] = 17;
    assert_int_equal(espota_esp8266_examine(data, MOST), ESPOTA_ESP8266_NO_IMAGE);
    data[1] = 0;
    assert_int_equal(espota_esp8266_examine(data, MOST), ESPOTA_ESP8266_NO_IMAGE);
    assert_int_equal(espota_esp8266_examine(data, 0), ESPOTA_ESP8266_NO_IMAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_ones_are_whatever_follows),
        cmocka_unit_test(both_images_have_to_be_whole),
        cmocka_unit_test(lengths_are_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

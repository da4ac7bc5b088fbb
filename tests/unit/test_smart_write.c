/* Smart write on a device that is made of memory: what it counts on a bad line, and what it believes. */
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/flash_holds.h"
#include "espota/observer.h"
#include "espota/smart_write.h"

#include "fixtures/flash_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = FLASH_DEVICE_SIZE };

static void repeats_count_once(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    struct espota_smart_write result;
    struct espota_error error;
    struct flash_device *b = flash_device(ESPOTA_HASH_MD5);
    memset(data, 0x5a, sizeof data);
    memcpy(b->flash, data, 0x8000);
    b->failures = 4;
    assert_int_equal(espota_smart_write(&b->device, 0, data, sizeof data, &result, &error), 0);
    assert_memory_equal(b->flash, data, sizeof data);
    assert_int_equal(b->advanced, SIZE);
    assert_int_equal(b->phase, ESPOTA_PHASE_WRITE);
    assert_int_equal(result.kept, 0x8000);
    assert_int_equal(result.written, SIZE - 0x8000);
    assert_int_equal(result.repeats, 4);
    free(b);
}

/* Two blocks with the same MD5, by Wang, Feng, Lai and Yu, "Collisions for Hash Functions MD4, MD5, HAVAL-128
 * and RIPEMD" (2004), as everybody quotes them. */
static const uint8_t collision[128] = {
    0xd1, 0x31, 0xdd, 0x02, 0xc5, 0xe6, 0xee, 0xc4, 0x69, 0x3d, 0x9a, 0x06, 0x98, 0xaf, 0xf9, 0x5c,
    0x2f, 0xca, 0xb5, 0x87, 0x12, 0x46, 0x7e, 0xab, 0x40, 0x04, 0x58, 0x3e, 0xb8, 0xfb, 0x7f, 0x89,
    0x55, 0xad, 0x34, 0x06, 0x09, 0xf4, 0xb3, 0x02, 0x83, 0xe4, 0x88, 0x83, 0x25, 0x71, 0x41, 0x5a,
    0x08, 0x51, 0x25, 0xe8, 0xf7, 0xcd, 0xc9, 0x9f, 0xd9, 0x1d, 0xbd, 0xf2, 0x80, 0x37, 0x3c, 0x5b,
    0xd8, 0x82, 0x3e, 0x31, 0x56, 0x34, 0x8f, 0x5b, 0xae, 0x6d, 0xac, 0xd4, 0x36, 0xc9, 0x19, 0xc6,
    0xdd, 0x53, 0xe2, 0xb4, 0x87, 0xda, 0x03, 0xfd, 0x02, 0x39, 0x63, 0x06, 0xd2, 0x48, 0xcd, 0xa0,
    0xe9, 0x9f, 0x33, 0x42, 0x0f, 0x57, 0x7e, 0xe8, 0xce, 0x54, 0xb6, 0x70, 0x80, 0xa8, 0x0d, 0x1e,
    0xc6, 0x98, 0x21, 0xbc, 0xb6, 0xa8, 0x83, 0x93, 0x96, 0xf9, 0x65, 0x2b, 0x6f, 0xf7, 0x2a, 0x70,
};

static void put_pair(uint8_t *one, uint8_t *other)
{
    static const uint8_t differ[] = { 19, 45, 59, 83, 109, 123 };
    uint8_t a[16], b[16];
    memcpy(one, collision, sizeof collision);
    memcpy(other, collision, sizeof collision);
    for (size_t i = 0; i < sizeof differ; i++)
        other[differ[i]] ^= 0x80;
    assert_int_equal(espota_md5(one, sizeof collision, a), 0);
    assert_int_equal(espota_md5(other, sizeof collision, b), 0);
    assert_memory_equal(a, b, sizeof a); /* it is a pair indeed */
}

/* One of the pair lies in flash, the other is to be written: at the start of what is compared at once, of its
 * second block, of a sector alone. */
static void a_collision_is_not_there_already(void **state)
{
    (void)state;
    static const uint32_t places[] = { 0, 0x10000, 0x3f000 };
    static uint8_t data[SIZE];
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct espota_smart_write result;
        struct espota_error error;
        bool holds = true;
        struct flash_device *b = flash_device(ESPOTA_HASH_MD5);
        memset(data, 0x5a, sizeof data);
        memcpy(b->flash, data, sizeof data);
        put_pair(b->flash + places[i], data + places[i]);
        assert_int_equal(espota_flash_holds(&b->device, 0, data, SIZE, &holds, &error), 0);
        assert_false(holds);
        if (places[i] > 0)
            b->flash[places[i] - 1] ^= 1; /* the block before differs: blocks and sectors are compared */
        assert_int_equal(espota_smart_write(&b->device, 0, data, sizeof data, &result, &error), 0);
        assert_memory_equal(b->flash, data, sizeof data);
        assert_int_equal(b->advanced, SIZE);
        assert_int_equal(b->phase, ESPOTA_PHASE_WRITE);
        assert_int_equal(result.written, SIZE);
        free(b);
    }
}

static void what_is_there_is_left_alone(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    struct espota_smart_write result;
    struct espota_error error;
    struct flash_device *b = flash_device(ESPOTA_HASH_MD5);
    memset(data, 0x5a, sizeof data);
    memcpy(b->flash, data, sizeof data);
    assert_int_equal(espota_smart_write(&b->device, 0, data, sizeof data, &result, &error), 0);
    assert_int_equal(result.written, 0);
    assert_int_equal(result.kept, SIZE);
    assert_int_equal(b->advanced, SIZE);
    assert_int_equal(b->phase, ESPOTA_PHASE_WRITE);
    assert_int_equal(espota_smart_write(&b->device, 0, data, 5, &result, &error),
                     0); /* shorter than any window */
    free(b);
}

enum { BLOCK = 64 << 10, SECTOR = 4 << 10 };

/* Data without a blank sector, and no two alike. */
static void make_data(uint8_t *data)
{
    for (uint32_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 7 + i / SECTOR * 3);
}

static void write_all(struct flash_device *b, const uint8_t *data, struct espota_smart_write *result)
{
    struct espota_error error;
    b->digested = 0;
    assert_int_equal(espota_smart_write(&b->device, 0, data, SIZE, result, &error), 0);
    assert_memory_equal(b->flash, data, SIZE);
}

/* Nor is the rest looked at where one sector of each block is another's. */
static void what_the_device_has_proven_is_not_asked_for_again(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    struct espota_smart_write result;
    make_data(data);
    for (unsigned proves = 0; proves < 2; proves++) {
        struct flash_device *b = flash_device_at_once();
        memset(b->flash, 0x33, SIZE);
        b->proves = proves;
        write_all(b, data, &result);
        assert_int_equal(result.written, SIZE);
        assert_int_equal(b->digested, SIZE / BLOCK * SECTOR + (proves ? 0 : SIZE));
        free(b);
    }
}

static void what_lies_beside_written_sectors_is_looked_at_again(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    struct espota_smart_write result;
    struct flash_device *b = flash_device_at_once();
    make_data(data);
    memcpy(b->flash, data, SIZE);
    b->flash[BLOCK + 1] ^= 1;
    b->proves = true;
    write_all(b, data, &result);
    assert_int_equal(result.written, SECTOR);
    assert_int_equal(b->digested, SIZE / BLOCK * SECTOR + SIZE + 2 * BLOCK);
    free(b);
}

/* Samples tell other firmware; they never tell that something is there. */
static void samples_that_differ_cost_no_more_than_the_way(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    struct espota_smart_write result;
    struct flash_device *b = flash_device_at_once();
    make_data(data);
    memset(b->flash, 0x33, SIZE);
    b->proves = true;
    memcpy(b->flash + SECTOR, data + SECTOR, SECTOR); /* not a sample: it is written again */
    write_all(b, data, &result);
    assert_int_equal(result.written, SIZE);
    memset(b->flash, 0x33, SIZE);
    memcpy(b->flash, data, SECTOR); /* a sample */
    write_all(b, data, &result);
    assert_int_equal(result.written, SIZE - SECTOR);
    memset(b->flash, 0xff, SIZE);
    memset(data + 5 * SECTOR, 0xff, SECTOR); /* need not travel */
    write_all(b, data, &result);
    assert_int_equal(result.written, SIZE - SECTOR);
    free(b);
}

static void the_first_sector_tells_what_is_something_else(void **state)
{
    (void)state;
    static uint8_t data[SIZE];
    struct espota_error error;
    bool holds = true;
    struct flash_device *b = flash_device(ESPOTA_HASH_SHA256);
    make_data(data);
    assert_int_equal(espota_flash_holds(&b->device, 0, data, SIZE, &holds, &error), 0);
    assert_false(holds);
    assert_int_equal(b->digested_alone, SECTOR);
    memcpy(b->flash, data, SIZE);
    b->flash[SIZE - 1] ^= 1;
    assert_int_equal(espota_flash_holds(&b->device, 0, data, SIZE, &holds, &error), 0);
    assert_false(holds);
    b->flash[SIZE - 1] ^= 1;
    assert_int_equal(espota_flash_holds(&b->device, 0, data, SIZE, &holds, &error), 0);
    assert_true(holds);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_count_once),
        cmocka_unit_test(a_collision_is_not_there_already),
        cmocka_unit_test(what_is_there_is_left_alone),
        cmocka_unit_test(what_the_device_has_proven_is_not_asked_for_again),
        cmocka_unit_test(what_lies_beside_written_sectors_is_looked_at_again),
        cmocka_unit_test(samples_that_differ_cost_no_more_than_the_way),
        cmocka_unit_test(the_first_sector_tells_what_is_something_else),
    };
    return cmocka_run_group_tests_name("smart_write", tests, NULL, NULL);
}

/* What the second-stage bootloader starts, as ESP-IDF's bootloader_utility.c chooses. */
#include "espota/bootsel.h"
#include "espota/otadata.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct espota_otadata_record record(uint32_t sequence, uint32_t state)
{
    return (struct espota_otadata_record){ .sequence = sequence,
                                           .state = state,
                                           .crc = espota_otadata_crc(sequence) };
}

static struct espota_table three_apps(void)
{
    struct espota_table t = { .count = 4 };
    strcpy(t.entry[0].label, "otadata");
    t.entry[0].size = ESPOTA_OTADATA_SIZE;
    t.entry[0].type = ESPOTA_TYPE_DATA;
    for (unsigned i = 1; i < 4; i++) {
        t.entry[i].offset = i * 0x100000;
        t.entry[i].size = 0x100000;
        t.entry[i].subtype = (uint8_t)(i == 1 ? ESPOTA_APP_FACTORY : ESPOTA_APP_OTA_0 + i - 2);
        t.entry[i].label[0] = (char)('0' + i);
    }
    return t;
}

/* context: bit i set: entry i holds a valid image */
static bool valid_by_mask(void *context, const struct espota_partition *p)
{
    return *(unsigned *)context >> (p->offset / 0x100000) & 1;
}

static void boot_falls_back_when_an_image_is_not_valid(void **state)
{
    (void)state;
    static const struct {
        uint32_t sequence;
        unsigned valid;
        char label; /* 0: nothing */
    } cases[] = {
        { 2, 0xe, '3' }, /* ota_1, all valid */
        { 2, 0x6, '2' }, /* ota_1 broken: the slot below */
        { 2, 0x2, '1' }, /* then factory */
        { 1, 0x8, '3' }, /* ota_0 and factory broken: the slot above */
        { 2, 0x0, 0 },
        { UINT32_MAX, 0xe, '1' }, /* blank otadata: factory */
        { UINT32_MAX, 0xc, '2' },
    };
    struct espota_table t = three_apps();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_otadata o = { { record(cases[i].sequence, ESPOTA_OTA_UNDEFINED),
                                      record(UINT32_MAX, UINT32_MAX) } };
        unsigned valid = cases[i].valid;
        struct espota_boot_choice c = espota_boot_choose(&t, &o, false, valid_by_mask, &valid);
        if (cases[i].label)
            assert_int_equal(c.partition->label[0], cases[i].label);
        else
            assert_null(c.partition);
    }
}

static void a_trial_that_is_not_confirmed_ends_at_the_next_boot(void **state)
{
    (void)state;
    struct espota_table t = three_apps();
    struct espota_otadata o = { { record(1, ESPOTA_OTA_VALID), record(2, ESPOTA_OTA_NEW) } };
    unsigned valid = 0xe;
    struct espota_boot_choice c = espota_boot_choose(&t, &o, true, valid_by_mask, &valid);
    assert_int_equal(c.partition->label[0], '3');
    assert_true(c.otadata_changed[1]);
    assert_int_equal(o.record[1].state, ESPOTA_OTA_PENDING_VERIFY);
    c = espota_boot_choose(&t, &o, true, valid_by_mask, &valid);
    assert_int_equal(c.partition->label[0], '2');
    assert_int_equal(o.record[1].state, ESPOTA_OTA_ABORTED);
}

static void otadata_that_cannot_be_read_stops_the_bootloader(void **state)
{
    (void)state;
    static const struct {
        uint32_t size;
        bool boots;
    } cases[] = { { 0, false }, { 0x1000, false }, { 0x1fff, false }, { 0x2000, true }, { 0x3000, true } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_table t = three_apps();
        struct espota_otadata o = { { record(1, ESPOTA_OTA_VALID), record(2, ESPOTA_OTA_VALID) } };
        unsigned valid = 0xe;
        t.entry[0].size = cases[i].size;
        struct espota_boot_choice c = espota_boot_choose(&t, &o, false, valid_by_mask, &valid);
        assert_int_equal(c.partition != NULL, cases[i].boots);
    }
}

static void of_two_apps_of_one_kind_the_last_boots(void **state)
{
    (void)state;
    struct espota_table t = three_apps();
    struct espota_otadata o = { { record(1, ESPOTA_OTA_VALID), record(UINT32_MAX, UINT32_MAX) } };
    unsigned valid = 0xe;
    t.entry[3].subtype = ESPOTA_APP_OTA_0; /* 2 and 3 are both ota_0 */
    struct espota_boot_choice c = espota_boot_choose(&t, &o, false, valid_by_mask, &valid);
    assert_int_equal(c.partition->label[0], '3');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boot_falls_back_when_an_image_is_not_valid),
        cmocka_unit_test(a_trial_that_is_not_confirmed_ends_at_the_next_boot),
        cmocka_unit_test(otadata_that_cannot_be_read_stops_the_bootloader),
        cmocka_unit_test(of_two_apps_of_one_kind_the_last_boots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* otadata: which record is in charge, and how the next one is made. Figures from ESP-IDF's
 * bootloader_common_loader.c. */
#include "espota/crc32.h"
#include "espota/otadata.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void crc_is_that_of_zlib(void **state)
{
    (void)state;
    assert_int_equal(espota_crc32(0, "123456789", 9), 0xcbf43926);
    /* an otadata record written by the real bootloader with sequence 1 */
    assert_int_equal(espota_otadata_crc(1), 0x4743989a);
}

static struct espota_otadata_record record(uint32_t sequence, uint32_t state)
{
    return (struct espota_otadata_record){ .sequence = sequence,
                                           .state = state,
                                           .crc = espota_otadata_crc(sequence) };
}

static void highest_valid_sequence_is_in_charge(void **state)
{
    (void)state;
    static const struct {
        uint32_t sequence0, state0, sequence1, state1;
        int slot;
    } cases[] = {
        { 1, ESPOTA_OTA_UNDEFINED, 2, ESPOTA_OTA_UNDEFINED, 1 },
        { 3, ESPOTA_OTA_VALID, 2, ESPOTA_OTA_VALID, 0 },
        { 3, ESPOTA_OTA_INVALID, 2, ESPOTA_OTA_VALID, 1 },
        { 3, ESPOTA_OTA_ABORTED, 2, ESPOTA_OTA_ABORTED, ESPOTA_SLOT_FACTORY },
        { UINT32_MAX, ESPOTA_OTA_UNDEFINED, UINT32_MAX, ESPOTA_OTA_UNDEFINED, ESPOTA_SLOT_FACTORY },
        { 1, ESPOTA_OTA_NEW, UINT32_MAX, ESPOTA_OTA_UNDEFINED, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_otadata o = { { record(cases[i].sequence0, cases[i].state0),
                                      record(cases[i].sequence1, cases[i].state1) } };
        assert_int_equal(espota_otadata_active_slot(&o, 2), cases[i].slot);
    }
}

static void a_torn_record_leaves_the_other_in_charge(void **state)
{
    (void)state;
    struct espota_otadata o = { { record(1, ESPOTA_OTA_VALID), record(2, ESPOTA_OTA_VALID) } };
    o.record[1].crc ^= 1;
    assert_int_equal(espota_otadata_active_slot(&o, 2), 0);
}

static void select_gives_the_other_record_the_next_fitting_sequence(void **state)
{
    (void)state;
    struct espota_otadata o = { { record(1, ESPOTA_OTA_VALID), record(UINT32_MAX, UINT32_MAX) } };
    assert_int_equal(espota_otadata_select(&o, 1, 2, ESPOTA_OTA_UNDEFINED), 1);
    assert_int_equal(o.record[1].sequence, 2);
    assert_int_equal(espota_otadata_select(&o, 0, 2, ESPOTA_OTA_NEW), 0);
    assert_int_equal(o.record[0].sequence, 3);
    assert_int_equal(espota_otadata_select(&o, 0, 3, ESPOTA_OTA_NEW), 1);
    assert_int_equal(o.record[1].sequence, 4);
    assert_int_equal(espota_otadata_select(&o, 2, 2, ESPOTA_OTA_NEW), -1);
}

static void sequence_0_is_followed_by_one_that_selects_the_slot(void **state)
{
    (void)state;
    struct espota_otadata o = { { record(0, ESPOTA_OTA_VALID), record(UINT32_MAX, UINT32_MAX) } };
    assert_int_equal(espota_otadata_select(&o, 1, 3, ESPOTA_OTA_UNDEFINED), 1);
    assert_int_equal(espota_otadata_active_slot(&o, 3), 1);
}

static void mark_changes_only_the_record_of_the_running_slot(void **state)
{
    (void)state;
    struct espota_otadata o = { { record(1, ESPOTA_OTA_VALID), record(2, ESPOTA_OTA_PENDING_VERIFY) } };
    assert_int_equal(espota_otadata_mark(&o, 0, 2, ESPOTA_OTA_VALID), -1);
    assert_int_equal(espota_otadata_mark(&o, 1, 2, ESPOTA_OTA_VALID), 1);
    assert_int_equal(o.record[1].state, ESPOTA_OTA_VALID);
    assert_int_equal(espota_otadata_mark(&o, 1, 2, ESPOTA_OTA_VALID), -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc_is_that_of_zlib),
        cmocka_unit_test(highest_valid_sequence_is_in_charge),
        cmocka_unit_test(a_torn_record_leaves_the_other_in_charge),
        cmocka_unit_test(select_gives_the_other_record_the_next_fitting_sequence),
        cmocka_unit_test(sequence_0_is_followed_by_one_that_selects_the_slot),
        cmocka_unit_test(mark_changes_only_the_record_of_the_running_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

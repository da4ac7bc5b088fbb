/* Slots: where an update goes, what boots next, and what choosing, confirming and rolling back leave in
 * otadata. */
#include "espota/buffer.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/otadata.h"
#include "espota/slots.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include "fixtures/flash_device.h"
#include "fixtures/fresh_otadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TABLE_AT = 0x8000, OTADATA_AT = 0xd000, APPS_AT = 0x10000, APP_SIZE = 0x10000, NOTHING = 0xff };

#define FACTORY ESPOTA_APP_FACTORY
#define OTA(n)  (ESPOTA_APP_OTA_0 + (n))

/* A device with app partitions of these subtypes (NOTHING ends them), an app in each, and otadata that has
 * slot `boots` in charge, or with -1 is blank. */
static struct flash_device *device_with(const uint8_t apps[4], int boots)
{
    struct espota_table table = { .offset = TABLE_AT, .has_md5 = true, .count = 1 };
    struct espota_bytes image = memory_board_image(5000, 7, 0);
    struct espota_error error;
    struct flash_device *f = flash_device(ESPOTA_HASH_SHA256);
    table.entry[0] = (struct espota_partition){ .label = "otadata",
                                                .type = ESPOTA_TYPE_DATA,
                                                .subtype = ESPOTA_DATA_OTA,
                                                .offset = OTADATA_AT,
                                                .size = 0x2000 };
    for (unsigned i = 0; i < 3 && apps[i] != NOTHING; i++) {
        struct espota_partition *p = &table.entry[table.count++];
        *p = (struct espota_partition){
            .type = ESPOTA_TYPE_APP, .subtype = apps[i], .offset = APPS_AT + i * APP_SIZE, .size = APP_SIZE
        };
        snprintf(p->label, sizeof p->label, apps[i] == FACTORY ? "factory" : "ota_%d",
                 apps[i] - ESPOTA_APP_OTA_0);
        memcpy(f->flash + p->offset, image.data, image.size);
    }
    assert_int_equal(espota_table_to_binary(&table, f->flash + TABLE_AT, &error), 0);
    fresh_otadata(boots, f->flash + OTADATA_AT);
    espota_bytes_free(&image);
    return f;
}

static void load(struct espota_slots *slots, struct flash_device *f)
{
    struct espota_error error = { 0 };
    if (espota_slots_load(slots, &f->device, 0, &error) != 0)
        fail_msg("%s", error.text);
}

static void an_update_goes_where_esp_idf_puts_it(void **state)
{
    static const struct {
        uint8_t apps[4];
        int boots;
        bool force_factory;
        const char *boots_next, *next; /* NULL: none, and why */
        const char *why;
    } cases[] = {
        { { OTA(0), OTA(1), NOTHING }, -1, false, "ota_0", "ota_1", "" },
        { { OTA(0), OTA(1), NOTHING }, 0, false, "ota_0", "ota_1", "" },
        { { OTA(0), OTA(1), NOTHING }, 1, false, "ota_1", "ota_0", "" },
        { { FACTORY, OTA(0), OTA(1) }, -1, false, "factory", "ota_0", "" },
        { { FACTORY, OTA(0), OTA(1) }, 0, false, "ota_0", "ota_1", "" },
        { { FACTORY, OTA(0), OTA(1) }, 1, false, "ota_1", "ota_0", "" },
        { { OTA(0), OTA(1), OTA(2) }, 2, false, "ota_2", "ota_0", "" },
        { { FACTORY, OTA(0), OTA(1) }, 0, true, "ota_0", "factory", "" },
        { { FACTORY, OTA(0), OTA(1) }, -1, true, "factory", NULL, "from itself" },
        { { OTA(0), OTA(1), NOTHING }, 0, true, "ota_0", NULL, "no factory partition" },
        { { OTA(0), NOTHING }, 0, false, "ota_0", NULL, "is the only one" },
        { { FACTORY, NOTHING }, -1, false, "factory", NULL, "no OTA slot" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flash_device *f = device_with(cases[i].apps, cases[i].boots);
        struct espota_slots slots;
        struct espota_error error = { 0 };
        load(&slots, f);
        assert_string_equal(slots.boot->label, cases[i].boots_next);
        const struct espota_partition *next = espota_slots_next(&slots, cases[i].force_factory, &error);
        assert_int_equal(next == NULL, cases[i].next == NULL);
        if (next)
            assert_string_equal(next->label, cases[i].next);
        assert_non_null(strstr(error.text, cases[i].why));
        free(f);
    }
}

/* Loaded again from flash, each choice is there. */
static void what_was_chosen_boots(void **state)
{
    static const uint8_t apps[4] = { FACTORY, OTA(0), OTA(1) };
    static const char *const choices[] = {
        "ota_0", "ota_1", "ota_1", "factory", "ota_1", "ota_0", "factory"
    };
    struct flash_device *f = device_with(apps, -1);
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        struct espota_slots slots;
        struct espota_error error = { 0 };
        load(&slots, f);
        assert_int_equal(espota_slots_select(&slots, &f->device, espota_table_find(&slots.table, choices[i]),
                                             ESPOTA_OTA_UNDEFINED, &error),
                         0);
        assert_string_equal(slots.boot->label, choices[i]);
        load(&slots, f);
        assert_string_equal(slots.boot->label, choices[i]);
    }
    free(f);
}

static void what_cannot_boot_is_not_chosen(void **state)
{
    static const uint8_t apps[4] = { FACTORY, OTA(0), OTA(1) };
    static const struct {
        const char *label, *text;
        uint32_t damage; /* where flash is changed first; 0: nowhere */
        enum espota_status status;
    } cases[] = {
        { "otadata", "no factory or OTA app partition", 0, ESPOTA_ERR_FAILED },
        { "ota_0", "empty", APPS_AT + APP_SIZE, ESPOTA_ERR_VERIFY },
        { "ota_1", "broken", APPS_AT + 2 * APP_SIZE + 3000, ESPOTA_ERR_VERIFY },
        { "ota_1", "other-chip", APPS_AT + 2 * APP_SIZE + 12, ESPOTA_ERR_VERIFY },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flash_device *f = device_with(apps, -1);
        struct espota_slots slots;
        struct espota_error error = { 0 };
        uint8_t before[ESPOTA_OTADATA_SIZE];
        f->flash[cases[i].damage] ^= cases[i].damage ? 5 : 0;
        memcpy(before, f->flash + OTADATA_AT, sizeof before);
        load(&slots, f);
        assert_int_equal(espota_slots_select(&slots, &f->device,
                                             espota_table_find(&slots.table, cases[i].label),
                                             ESPOTA_OTA_UNDEFINED, &error),
                         cases[i].status);
        assert_non_null(strstr(error.text, cases[i].text));
        assert_memory_equal(f->flash + OTADATA_AT, before, sizeof before);
        free(f);
    }
}

/* ota_1 is on trial, after ota_0. */
static void a_trial_is_confirmed_or_rolled_back(void **state)
{
    static const uint8_t apps[4] = { OTA(0), OTA(1), NOTHING };
    (void)state;
    for (int rolls_back = 0; rolls_back < 2; rolls_back++) {
        struct flash_device *f = device_with(apps, 0);
        struct espota_slots slots;
        struct espota_error error = { 0 };
        load(&slots, f);
        assert_int_equal(espota_slots_select(&slots, &f->device, espota_table_slot(&slots.table, 1),
                                             ESPOTA_OTA_NEW, &error),
                         0);
        load(&slots, f);
        int result = rolls_back ? espota_slots_rollback(&slots, &f->device, &error)
                                : espota_slots_confirm(&slots, &f->device, &error);
        assert_int_equal(result, 0);
        load(&slots, f);
        assert_string_equal(slots.boot->label, rolls_back ? "ota_0" : "ota_1");
        free(f);
    }
}

static void a_rollback_without_another_app_is_refused(void **state)
{
    static const uint8_t apps[4] = { OTA(0), OTA(1), NOTHING };
    struct flash_device *f = device_with(apps, 0);
    struct espota_slots slots;
    struct espota_error error = { 0 };
    (void)state;
    f->flash[APPS_AT + APP_SIZE] = 0;
    load(&slots, f);
    assert_int_equal(espota_slots_rollback(&slots, &f->device, &error), ESPOTA_ERR_VERIFY);
    assert_non_null(strstr(error.text, "cannot roll back"));
    load(&slots, f);
    assert_string_equal(slots.boot->label, "ota_0");
    free(f);
}

static void without_a_table_there_are_no_slots(void **state)
{
    struct flash_device *f = flash_device(ESPOTA_HASH_SHA256);
    struct espota_slots slots;
    struct espota_error error = { 0 };
    (void)state;
    assert_int_equal(espota_slots_load(&slots, &f->device, 0, &error), ESPOTA_ERR_VERIFY);
    assert_non_null(strstr(error.text, "no partition table at 0x8000"));
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_goes_where_esp_idf_puts_it),
        cmocka_unit_test(what_was_chosen_boots),
        cmocka_unit_test(what_cannot_boot_is_not_chosen),
        cmocka_unit_test(a_trial_is_confirmed_or_rolled_back),
        cmocka_unit_test(a_rollback_without_another_app_is_refused),
        cmocka_unit_test(without_a_table_there_are_no_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

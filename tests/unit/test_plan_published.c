/* Layouts of firmware that is handed out ready made: as its project publishes them (the files that
 * espota/plan.h names), in their own spelling, and by the rules for tables that are made. */
#include "espota/error.h"
#include "espota/layout_change.h"
#include "espota/plan.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MiB(n) ((n)*1024u * 1024u)

#define MICROPYTHON "nvs,data,nvs,0x9000,0x6000,\nphy_init,data,phy,0xf000,0x1000,\n"
#define MICROPYTHON_OTA                                                                                      \
    "nvs,data,nvs,0x9000,0x4000,\notadata,data,ota,0xd000,0x2000,\nphy_init,data,phy,0xf000,0x1000,\n"
#define MICROPYTHON_4M MICROPYTHON "factory,app,factory,0x10000,0x1F0000,\n"
#define MICROPYTHON_8M_OTA                                                                                   \
    MICROPYTHON_OTA "ota_0,app,ota_0,0x10000,0x270000,\nota_1,app,ota_1,0x280000,0x270000,\n"
#define CIRCUITPYTHON    "nvs,data,nvs,0x9000,20K\notadata,data,ota,0xe000,8K\n"
#define CIRCUITPYTHON_8M CIRCUITPYTHON "ota_0,app,ota_0,0x10000,2048K\nota_1,app,ota_1,0x210000,2048K\n"
#define ARDUINO          "nvs,data,nvs,0x9000,0x5000,\notadata,data,ota,0xe000,0x2000,\n"
#define ESPHOME(app)                                                                                         \
    "otadata,data,ota,,0x2000,\nphy_init,data,phy,,0x1000,\napp0,app,ota_0,," app ",\napp1,app,ota_1,," app  \
    ",\nnvs,data,nvs,,0x6D000,\n"
#define TASMOTA ARDUINO "safeboot,app,factory,0x10000,0xD0000,\n"

static const struct {
    enum espota_firmware firmware;
    enum espota_layout layout; /* asked for */
    uint32_t flash;            /* M */
    enum espota_layout is;
    const char *csv;
} published[] = {
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_AUTO, 2, ESPOTA_LAYOUT_SINGLE,
      MICROPYTHON "factory,app,factory,0x10000,0x160000,\nvfs,data,fat,0x170000,0x90000,\n" },
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_AUTO, 4, ESPOTA_LAYOUT_SINGLE,
      MICROPYTHON_4M "vfs,data,fat,0x200000,0x200000,\n" },
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_SINGLE, 8, ESPOTA_LAYOUT_SINGLE,
      MICROPYTHON_4M "vfs,data,fat,0x200000,0x600000,\n" },
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_AUTO, 16, ESPOTA_LAYOUT_SINGLE,
      MICROPYTHON_4M "vfs,data,fat,0x200000,0xe00000,\n" },
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_AUTO, 32, ESPOTA_LAYOUT_SINGLE,
      MICROPYTHON_4M "vfs,data,fat,0x200000,0x1e00000,\n" },
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_2P, 4, ESPOTA_LAYOUT_2P,
      MICROPYTHON_OTA "ota_0,app,ota_0,0x10000,0x180000,\nota_1,app,ota_1,0x190000,0x180000,\n"
                      "vfs,data,fat,0x310000,0xf0000,\n" },
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_2P, 8, ESPOTA_LAYOUT_2P,
      MICROPYTHON_8M_OTA "vfs,data,fat,0x4f0000,0x310000,\n" },
    { ESPOTA_FIRMWARE_MICROPYTHON, ESPOTA_LAYOUT_2P, 32, ESPOTA_LAYOUT_2P,
      MICROPYTHON_8M_OTA "vfs,data,fat,0x4f0000,0x1b10000,\n" },
    { ESPOTA_FIRMWARE_CIRCUITPYTHON, ESPOTA_LAYOUT_AUTO, 2, ESPOTA_LAYOUT_SINGLE,
      "nvs,data,nvs,0x9000,20K\napp,app,factory,0x10000,1408K,\nuser_fs,data,fat,0x170000,576K,\n" },
    { ESPOTA_FIRMWARE_CIRCUITPYTHON, ESPOTA_LAYOUT_AUTO, 4, ESPOTA_LAYOUT_2P,
      CIRCUITPYTHON "ota_0,app,ota_0,0x10000,1408K\nota_1,app,ota_1,0x170000,1408K\n"
                    "user_fs,data,fat,0x2d0000,1216K\n" },
    { ESPOTA_FIRMWARE_CIRCUITPYTHON, ESPOTA_LAYOUT_SINGLE, 4, ESPOTA_LAYOUT_SINGLE,
      CIRCUITPYTHON "ota_0,app,ota_0,0x10000,2816K\nuser_fs,data,fat,0x2d0000,1216K\n" },
    { ESPOTA_FIRMWARE_CIRCUITPYTHON, ESPOTA_LAYOUT_2P, 8, ESPOTA_LAYOUT_2P,
      CIRCUITPYTHON_8M "user_fs,data,fat,0x410000,4032K\n" },
    { ESPOTA_FIRMWARE_CIRCUITPYTHON, ESPOTA_LAYOUT_AUTO, 16, ESPOTA_LAYOUT_2P,
      CIRCUITPYTHON_8M "user_fs,data,fat,0x410000,12224K\n" },
    { ESPOTA_FIRMWARE_CIRCUITPYTHON, ESPOTA_LAYOUT_AUTO, 32, ESPOTA_LAYOUT_2P, /* as those of 8M and 16M */
      CIRCUITPYTHON_8M "user_fs,data,fat,0x410000,28608K\n" },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_AUTO, 2, ESPOTA_LAYOUT_SINGLE,
      ARDUINO "app0,app,ota_0,0x10000,0x140000,\nspiffs,data,spiffs,0x150000,0xA0000,\n"
              "coredump,data,coredump,0x1F0000,0x10000," },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_AUTO, 4, ESPOTA_LAYOUT_2P,
      ARDUINO "app0,app,ota_0,0x10000,0x140000,\napp1,app,ota_1,0x150000,0x140000,\n"
              "spiffs,data,spiffs,0x290000,0x160000,\ncoredump,data,coredump,0x3F0000,0x10000,\n" },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_SINGLE, 4, ESPOTA_LAYOUT_SINGLE,
      ARDUINO "app0,app,ota_0,0x10000,0x300000,\nspiffs,data,spiffs,0x310000,0xE0000,\n"
              "coredump,data,coredump,0x3F0000,0x10000," },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_AUTO, 8, ESPOTA_LAYOUT_2P,
      ARDUINO "app0,app,ota_0,0x10000,0x330000,\napp1,app,ota_1,0x340000,0x330000,\n"
              "spiffs,data,spiffs,0x670000,0x180000,\ncoredump,data,coredump,0x7F0000,0x10000," },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_2P, 16, ESPOTA_LAYOUT_2P,
      ARDUINO "app0,app,ota_0,0x10000,0x640000,\napp1,app,ota_1,0x650000,0x640000,\n"
              "spiffs,data,spiffs,0xc90000,0x360000,\ncoredump,data,coredump,0xFF0000,0x10000,\n" },
    { ESPOTA_FIRMWARE_ARDUINO, ESPOTA_LAYOUT_AUTO, 32, ESPOTA_LAYOUT_2P,
      ARDUINO "app0,app,ota_0,0x10000,0xC80000,\napp1,app,ota_1,0xC90000,0xC80000,\n"
              "spiffs,data,spiffs,0x1910000,0x6C0000,\ncoredump,data,coredump,0x1FF0000,0x10000,\n" },
    { ESPOTA_FIRMWARE_ESPHOME, ESPOTA_LAYOUT_AUTO, 2, ESPOTA_LAYOUT_2P, ESPHOME("0x0C0000") },
    { ESPOTA_FIRMWARE_ESPHOME, ESPOTA_LAYOUT_AUTO, 4, ESPOTA_LAYOUT_2P, ESPHOME("0x1C0000") },
    { ESPOTA_FIRMWARE_ESPHOME, ESPOTA_LAYOUT_2P, 8, ESPOTA_LAYOUT_2P, ESPHOME("0x3C0000") },
    { ESPOTA_FIRMWARE_ESPHOME, ESPOTA_LAYOUT_AUTO, 16, ESPOTA_LAYOUT_2P, ESPHOME("0x7C0000") },
    { ESPOTA_FIRMWARE_ESPHOME, ESPOTA_LAYOUT_AUTO, 32, ESPOTA_LAYOUT_2P, ESPHOME("0xFC0000") },
    { ESPOTA_FIRMWARE_TASMOTA, ESPOTA_LAYOUT_AUTO, 2, ESPOTA_LAYOUT_SAFEBOOT,
      ARDUINO "safeboot,app,factory,0x10000,0xB0000,\napp0,app,ota_0,0xC0000,0x130000,\n"
              "spiffs,data,spiffs,0x1f0000,0x10000,\n" },
    { ESPOTA_FIRMWARE_TASMOTA, ESPOTA_LAYOUT_AUTO, 4, ESPOTA_LAYOUT_SAFEBOOT,
      TASMOTA "app0,app,ota_0,0xE0000,0x2D0000,\nspiffs,data,spiffs,0x3B0000,0x50000,\n" },
    { ESPOTA_FIRMWARE_TASMOTA, ESPOTA_LAYOUT_AUTO, 8, ESPOTA_LAYOUT_SAFEBOOT,
      TASMOTA "app0,app,ota_0,0xE0000,0x3D0000,\nspiffs,data,spiffs,0x4B0000,0x350000,\n" },
    { ESPOTA_FIRMWARE_TASMOTA, ESPOTA_LAYOUT_AUTO, 16, ESPOTA_LAYOUT_SAFEBOOT,
      TASMOTA "app0,app,ota_0,0xE0000,0x3D0000,\nspiffs,data,spiffs,0x4B0000,0xB50000,\n" },
};

enum { PUBLISHED = sizeof published / sizeof published[0] };

static void layouts_are_those_that_are_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < PUBLISHED; i++) {
        struct espota_plan_request request = { .flash_size = MiB(published[i].flash),
                                               .firmware = published[i].firmware,
                                               .layout = published[i].layout };
        struct espota_table_csv_options csv = { .table_offset = ESPOTA_TABLE_DEFAULT_OFFSET };
        struct espota_plan plan;
        struct espota_table table;
        struct espota_table_problem problem;
        struct espota_error error = { 0 };
        assert_int_equal(
            espota_table_parse_csv(&table, published[i].csv, strlen(published[i].csv), &csv, &problem), 0);
        if (espota_plan_make(&plan, &request, &error) != 0)
            fail_msg("%zu: %s", i, error.text);
        if (!espota_layout_same(&plan.table, &table))
            fail_msg("%s for %uM differs", espota_firmware_name(published[i].firmware), published[i].flash);
        assert_int_equal(plan.layout, published[i].is);
        assert_int_equal(espota_table_verify(&plan.table, &problem), 0);
        assert_int_equal(espota_table_verify_fits(&plan.table, request.flash_size, &problem), 0);
    }
}

/* Whatever can be asked for keeps the rules, and every firmware has what it should. */
static void there_is_a_layout_for_each_size_that_is_published(void **state)
{
    static const uint32_t sizes[] = {
        0, 2 | 4 | 8 | 16 | 32, 2 | 4 | 8 | 16 | 32, 2 | 4 | 8 | 16 | 32, 2 | 4 | 8 | 16 | 32, 2 | 4 | 8 | 16
    }; /* M, by firmware */
    (void)state;
    for (unsigned firmware = 1; firmware < ESPOTA_FIRMWARES; firmware++)
        for (uint32_t mib = 1; mib <= 128; mib *= 2)
            for (unsigned layout = 0; layout <= ESPOTA_LAYOUT_3P; layout++) {
                struct espota_plan_request request = { .flash_size = MiB(mib),
                                                       .firmware = (enum espota_firmware)firmware,
                                                       .layout = (enum espota_layout)layout };
                struct espota_plan plan;
                struct espota_error error = { 0 };
                struct espota_table_problem problem;
                bool planned = espota_plan_make(&plan, &request, &error) == 0;
                if (planned)
                    assert_int_equal(espota_table_verify(&plan.table, &problem), 0);
                if (layout == ESPOTA_LAYOUT_AUTO)
                    assert_int_equal(planned, (sizes[firmware] & mib) != 0);
            }
}

static enum espota_status refusal(struct espota_plan_request request, struct espota_error *error)
{
    struct espota_plan plan;
    return (enum espota_status)espota_plan_make(&plan, &request, error);
}

static void what_a_project_does_not_have_is_refused(void **state)
{
    static const struct {
        struct espota_plan_request request;
        enum espota_status status;
        enum espota_hint hint;
        const char *text;
    } cases[] = {
        { { .flash_size = MiB(64), .firmware = ESPOTA_FIRMWARE_ARDUINO },
          ESPOTA_ERR_USAGE,
          ESPOTA_HINT_FLASH_SIZE,
          "no layout for arduino and 64M of flash, but for 2M, 4M, 8M, 16M, 32M" },
        { { .flash_size = MiB(8), .firmware = ESPOTA_FIRMWARE_ARDUINO, .layout = ESPOTA_LAYOUT_SINGLE },
          ESPOTA_ERR_USAGE,
          ESPOTA_HINT_FLASH_SIZE,
          "no layout single for arduino and 8M of flash, but for 2M, 4M" },
        { { .flash_size = MiB(8), .firmware = ESPOTA_FIRMWARE_TASMOTA, .layout = ESPOTA_LAYOUT_3P },
          ESPOTA_ERR_USAGE,
          ESPOTA_HINT_NONE,
          "no layout 3p for tasmota" },
        { { .flash_size = MiB(4), .firmware = ESPOTA_FIRMWARE_ESPHOME, .app_size = MiB(1) },
          ESPOTA_ERR_USAGE,
          ESPOTA_HINT_NONE,
          "cannot be chosen" },
        { { .flash_size = MiB(4), .firmware = ESPOTA_FIRMWARE_ESPHOME, .table_offset = 0x10000 },
          ESPOTA_ERR_USAGE,
          ESPOTA_HINT_NONE,
          "cannot be chosen" },
        { { .flash_size = MiB(4),
            .firmware = ESPOTA_FIRMWARE_TASMOTA,
            .app_file = "a.bin",
            .app_file_size = 2880 * 1024 + 1 },
          ESPOTA_ERR_TOO_BIG,
          ESPOTA_HINT_SMALLER_APP,
          "a.bin has 2949121 bytes, but 'app0' in the layout for tasmota holds 2949120: 1 too many" },
        { { .flash_size = MiB(3), .firmware = ESPOTA_FIRMWARE_ESPHOME },
          ESPOTA_ERR_USAGE,
          ESPOTA_HINT_FLASH_SIZE,
          "no ESP32 has" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_error error = { 0 };
        assert_int_equal(refusal(cases[i].request, &error), cases[i].status);
        if (!strstr(error.text, cases[i].text))
            fail_msg("%s", error.text);
        assert_int_equal(error.hint, cases[i].hint);
    }
}

static void apps_beyond_16m_are_warned_about(void **state)
{
    static const struct {
        struct espota_plan_request request;
        bool warned;
    } cases[] = {
        { { .flash_size = MiB(32), .firmware = ESPOTA_FIRMWARE_ARDUINO }, true },
        { { .flash_size = MiB(16), .firmware = ESPOTA_FIRMWARE_ARDUINO }, false },
        { { .flash_size = MiB(32) }, false },
        { { .flash_size = MiB(32), .app_size = MiB(5) }, false },
        { { .flash_size = MiB(32), .app_size = MiB(6) }, true },
        { { .flash_size = MiB(32), .app_size = 5439488, .layout = ESPOTA_LAYOUT_3P }, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_plan plan;
        struct espota_error error = { 0 };
        bool warned = false;
        assert_int_equal(espota_plan_make(&plan, &cases[i].request, &error), 0);
        for (unsigned k = 0; k < plan.note_count; k++)
            warned = warned || strstr(plan.note[k].text, "beyond the first 16M");
        assert_int_equal(warned, cases[i].warned);
    }
}

static void firmware_has_names(void **state)
{
    enum espota_firmware firmware;
    (void)state;
    for (unsigned i = 0; i < ESPOTA_FIRMWARES; i++) {
        assert_true(espota_firmware_by_name(espota_firmware_name((enum espota_firmware)i), &firmware));
        assert_int_equal(firmware, i);
    }
    assert_false(espota_firmware_by_name("MicroPython", &firmware));
}

static void apps_say_which_firmware_they_are(void **state)
{
    static const struct {
        const char *project, *text;
        enum espota_firmware firmware;
    } apps[] = { { "", "3.4.0; MicroPython v1.27.0 on 2025-12-09", ESPOTA_FIRMWARE_MICROPYTHON },
                 { "", "; ; MicroPython v", ESPOTA_FIRMWARE_LOBO }, /* cut off */
                 { "", "MicroPython ESP32_LoBo_v3.2.24", ESPOTA_FIRMWARE_LOBO },
                 { "", ";", ESPOTA_FIRMWARE_LOBO },
                 { "circuitpython", "", ESPOTA_FIRMWARE_CIRCUITPYTHON },
                 { "arduino-lib-builder", "", ESPOTA_FIRMWARE_ARDUINO },
                 { "esp32-arduino-lib-builder", "", ESPOTA_FIRMWARE_ARDUINO },
                 { "hello_world", "hello", ESPOTA_FIRMWARE_LOBO } };
    char version[ESPOTA_MICROPYTHON_VERSION];
    (void)state;
    for (size_t i = 0; i < sizeof apps / sizeof apps[0]; i++) {
        struct espota_app_desc desc = { 0 };
        const uint8_t *text = (const uint8_t *)apps[i].text;
        strcpy(desc.project, apps[i].project);
        assert_int_equal(
            espota_firmware_of_app(apps[i].project[0] ? &desc : NULL, text, strlen(apps[i].text)),
            apps[i].firmware);
    }
    assert_true(espota_micropython_version((const uint8_t *)apps[0].text, strlen(apps[0].text), version));
    assert_string_equal(version, "v1.27.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_are_those_that_are_published),
        cmocka_unit_test(there_is_a_layout_for_each_size_that_is_published),
        cmocka_unit_test(what_a_project_does_not_have_is_refused),
        cmocka_unit_test(apps_beyond_16m_are_warned_about),
        cmocka_unit_test(firmware_has_names),
        cmocka_unit_test(apps_say_which_firmware_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

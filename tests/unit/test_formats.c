/* otadata, boot choice, SLIP, CRC, images: the pure formats. Figures from ESP-IDF's sources and from images
 * that esptool made, where a comment says so. */
#include "espota/bootsel.h"
#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/host.h"
#include "espota/otadata.h"
#include "espota/slip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- boot choice ----------------------------------------------------------------------------------------
 */

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

/* ---- SLIP -----------------------------------------------------------------------------------------------
 */

static size_t feed(struct espota_slip_decoder *d, const void *data, size_t length,
                   enum espota_slip_event *last)
{
    size_t frames = 0;
    for (size_t i = 0; i < length; i++) {
        enum espota_slip_event e = espota_slip_byte(d, ((const uint8_t *)data)[i]);
        frames += e == ESPOTA_SLIP_FRAME;
        if (e != ESPOTA_SLIP_MORE)
            *last = e;
    }
    return frames;
}

static void slip_escapes_and_returns_every_byte(void **state)
{
    (void)state;
    uint8_t data[256], wire[ESPOTA_SLIP_MAX_ENCODED(256)], buffer[256];
    struct espota_slip_decoder d;
    enum espota_slip_event last = ESPOTA_SLIP_MORE;
    for (unsigned i = 0; i < 256; i++)
        data[i] = (uint8_t)i;
    size_t length = espota_slip_encode(data, sizeof data, wire);
    assert_int_equal(length, 256 + 2 + 2);
    espota_slip_begin(&d, buffer, sizeof buffer);
    assert_int_equal(feed(&d, wire, length, &last), 1);
    assert_int_equal(d.length, 256);
    assert_memory_equal(buffer, data, 256);
}

static void slip_drops_what_is_too_long_or_badly_escaped_and_goes_on(void **state)
{
    (void)state;
    uint8_t buffer[4];
    struct espota_slip_decoder d;
    enum espota_slip_event last = ESPOTA_SLIP_MORE;
    espota_slip_begin(&d, buffer, sizeof buffer);
    assert_int_equal(feed(&d,
                          "\xc0"
                          "12345",
                          6, &last),
                     0);
    assert_int_equal(last, ESPOTA_SLIP_OVERFLOW);
    assert_int_equal(feed(&d,
                          "\xc0\xc0"
                          "ab\xdbz",
                          6, &last),
                     0);
    assert_int_equal(last, ESPOTA_SLIP_BAD);
    assert_int_equal(feed(&d,
                          "cd\xc0\xc0"
                          "ef\xc0",
                          7, &last),
                     1);
    assert_memory_equal(buffer, "ef", 2);
}

/* ---- images ---------------------------------------------------------------------------------------------
 */

struct made {
    uint8_t *data;
    size_t size;
};

static struct made make_image(void)
{
    static uint8_t content[1024];
    struct espota_image_part part = { 0x3f400020, content, sizeof content };
    struct espota_image header = { .flash_mode = 2, .flash_size = 2, .chip_id = 0 };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    espota_put_le32(content, ESPOTA_APP_DESC_MAGIC);
    strcpy((char *)content + 16, "7.8");
    struct made m = { NULL, espota_image_build_size(&part, 1) };
    m.data = malloc(m.size);
    assert_non_null(m.data);
    assert_int_equal(espota_image_build(&header, &part, 1, sha256, m.data), 0);
    espota_hash_free(sha256);
    return m;
}

static void a_built_image_is_valid(void **state)
{
    (void)state;
    struct made m = make_image();
    struct espota_image image;
    assert_int_equal(espota_image_examine_memory(&image, m.data, m.size), ESPOTA_IMAGE_OK);
    assert_int_equal(image.length, m.size);
    assert_string_equal(image.description.version, "7.8");
    free(m.data);
}

static void every_damaged_byte_of_an_image_is_found(void **state)
{
    (void)state;
    struct made m = make_image();
    struct espota_image image;
    for (size_t i = 0; i < m.size; i++) {
        if (i == 23)
            continue; /* says whether there is a hash: without one, only the checksum counts */
        m.data[i] ^= 0x10;
        enum espota_image_verdict verdict = espota_image_examine_memory(&image, m.data, m.size);
        assert_int_not_equal(verdict, ESPOTA_IMAGE_OK);
        m.data[i] ^= 0x10;
    }
    for (size_t size = 0; size < m.size; size++)
        assert_int_not_equal(espota_image_examine_memory(&image, m.data, size), ESPOTA_IMAGE_OK);
    free(m.data);
}

static void an_outline_finds_what_an_examination_finds(void **state)
{
    (void)state;
    struct made m = make_image();
    struct espota_image outline, full;
    struct espota_image_memory memory = { m.data, m.size };
    struct espota_image_source source = { &memory, espota_image_memory_read, (uint32_t)m.size };
    assert_int_equal(espota_image_outline(&outline, &source), ESPOTA_IMAGE_OK);
    assert_int_equal(espota_image_examine_memory(&full, m.data, m.size), ESPOTA_IMAGE_OK);
    assert_int_equal(outline.length, full.length);
    assert_memory_equal(outline.hash_stored, full.hash_stored, 32);
    free(m.data);
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
        cmocka_unit_test(boot_falls_back_when_an_image_is_not_valid),
        cmocka_unit_test(a_trial_that_is_not_confirmed_ends_at_the_next_boot),
        cmocka_unit_test(slip_escapes_and_returns_every_byte),
        cmocka_unit_test(slip_drops_what_is_too_long_or_badly_escaped_and_goes_on),
        cmocka_unit_test(a_built_image_is_valid),
        cmocka_unit_test(every_damaged_byte_of_an_image_is_found),
        cmocka_unit_test(an_outline_finds_what_an_examination_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

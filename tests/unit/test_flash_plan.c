/* The flash procedure on flash in memory: what a device holds decides, and no power cut costs more than time.
 */
#include "espota/bytes.h"
#include "espota/flash_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KiB(n) ((n)*1024u)
#define MiB(n) ((n)*1024u * 1024u)

enum { FLASH = MiB(4), SECTOR = 4096, APP = 40000, LOADER = 6000 };

/* ---- a device in memory ---------------------------------------------------------------------------------
 */

struct board {
    struct espota_device device;
    uint8_t *flash;
    unsigned operations; /* sectors erased or programmed */
    unsigned cut_at;     /* the operation that is half done, and the last one; 0: none */
    unsigned bytes_read;
};

static int no_power(struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "no power");
}

static int board_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                      struct espota_error *error)
{
    struct board *b = (struct board *)device;
    (void)error;
    memcpy(buffer, b->flash + offset, length);
    b->bytes_read += (unsigned)length;
    return 0;
}

static int board_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                        struct espota_error *error)
{
    struct board *b = (struct board *)device;
    (void)error;
    return espota_sha256(b->flash + offset, length, digest);
}

/* NULL erases. */
static int change_sector(struct board *b, uint32_t offset, const uint8_t *data, struct espota_error *error)
{
    if (b->cut_at && b->operations >= b->cut_at)
        return no_power(error);
    b->operations++;
    size_t length = b->operations == b->cut_at ? 60 : SECTOR; /* the start of a sector is done first */
    if (data)
        memcpy(b->flash + offset, data, length);
    else
        memset(b->flash + offset, 0xff, length);
    return length == SECTOR ? 0 : no_power(error);
}

static int board_erase(struct espota_device *device, uint32_t offset, uint32_t length,
                       struct espota_error *error)
{
    int result = 0;
    for (uint32_t at = 0; result == 0 && at < length; at += SECTOR)
        result = change_sector((struct board *)device, offset + at, NULL, error);
    return result;
}

static int board_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                       struct espota_error *error)
{
    int result = 0;
    for (uint32_t at = 0; result == 0 && at < length; at += SECTOR) {
        result = change_sector((struct board *)device, offset + at, NULL, error);
        if (result == 0)
            result = change_sector((struct board *)device, offset + at, (const uint8_t *)data + at, error);
    }
    return result;
}

static void board_close(struct espota_device *device)
{
    (void)device;
}

static const struct espota_device_ops board_ops = { .read = board_read,
                                                    .digest = board_digest,
                                                    .erase = board_erase,
                                                    .write = board_write,
                                                    .close = board_close };

static void board_init(struct board *b)
{
    *b = (struct board){ .flash = malloc(FLASH) };
    assert_non_null(b->flash);
    memset(b->flash, 0xff, FLASH);
    espota_device_init(&b->device, &board_ops, "memory", ESPOTA_HASH_SHA256, "board");
    b->device.info.chip = espota_chip_by_name("esp32");
    b->device.info.flash_size = FLASH;
}

/* ---- files ----------------------------------------------------------------------------------------------
 */

static uint8_t app_v1[APP], app_v2[APP], loader[LOADER];
static size_t app_size, loader_size;

static size_t make_image(uint8_t *out, size_t room, uint32_t load_address, bool described, uint8_t fill)
{
    static uint8_t content[APP - 1024];
    struct espota_image header = {
        .entry = 0x40080000, .flash_mode = 2, .flash_size = 2, .max_revision = UINT16_MAX
    };
    struct espota_image_part part = { load_address, content, (uint32_t)(room - 1024) / 16 * 16 };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    memset(content, fill, sizeof content);
    memset(content, 0, ESPOTA_APP_DESC_SIZE);
    if (described)
        espota_put_le32(content, ESPOTA_APP_DESC_MAGIC);
    assert_int_equal(espota_image_build(&header, &part, 1, sha256, out), 0);
    espota_hash_free(sha256);
    return espota_image_build_size(&part, 1);
}

static void add_file(struct espota_flash_files *files, enum espota_flash_role role, const char *path,
                     const uint8_t *data, size_t size)
{
    struct espota_error error;
    struct espota_flash_file *f = &files->list[files->count++];
    *f = (struct espota_flash_file){ .role = role, .path = strdup(path) };
    assert_int_equal(espota_bytes_append(&f->data, data, size, &error), 0);
    espota_file_examine(&f->file, f->data.data, f->data.size);
}

static int set_up(void **state)
{
    (void)state;
    app_size = make_image(app_v1, sizeof app_v1, 0x3f400020, true, 1);
    make_image(app_v2, sizeof app_v2, 0x3f400020, true, 2);
    loader_size = make_image(loader, sizeof loader, 0x3fff0000, false, 3);
    return 0;
}

/* ---- flashing -------------------------------------------------------------------------------------------
 */

/* Plan and run. The plan is the caller's to free. */
static int flash_with(struct board *b, struct espota_flash_plan *plan,
                      const struct espota_flash_request *request, struct espota_error *error)
{
    int result = espota_flash_plan(plan, &b->device, request, error);
    return result ? result : espota_flash_run(plan, &b->device, error);
}

static int flash(struct board *b, const struct espota_flash_request *request, struct espota_error *error)
{
    struct espota_flash_plan *plan = malloc(sizeof *plan);
    assert_non_null(plan);
    int result = flash_with(b, plan, request, error);
    espota_flash_plan_free(plan);
    free(plan);
    return result;
}

static void flash_or_fail(struct board *b, const struct espota_flash_request *request)
{
    struct espota_error error = { 0 };
    if (flash(b, request, &error) != 0)
        fail_msg("%s", error.text);
}

/* A device with bootloader, the layout 2p, an app in MicroPython_1, and data in nvs. */
static void flashed_board(struct board *b)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request request = { .files = &files };
    board_init(b);
    add_file(&files, ESPOTA_FLASH_BOOTLOADER, "bl.bin", loader, loader_size);
    add_file(&files, ESPOTA_FLASH_APP, "app.bin", app_v1, app_size);
    flash_or_fail(b, &request);
    memset(b->flash + 0x9000, 0x77, 100);
    espota_flash_files_free(&files);
}

/* ---- what is on the device decides ----------------------------------------------------------------------
 */

static void damage_table(uint8_t *flash)
{
    flash[0x8005] ^= 0x10;
}

static void move_table(uint8_t *flash)
{
    memcpy(flash + 0xc000, flash + 0x8000, 0x1000);
    memset(flash + 0x8000, 0xff, 0x1000);
}

static void drop_table(uint8_t *flash)
{
    memset(flash + 0x8000, 0xff, 0x1000);
}

static void scatter(uint8_t *flash)
{
    uint32_t x = 1;
    for (uint32_t at = 0; at < 0x40000; at++) {
        x = x * 1664525 + 1013904223;
        flash[at] = (uint8_t)(x >> 24);
    }
}

static void mcuboot(uint8_t *flash)
{
    memset(flash, 0xff, FLASH);
    espota_put_le32(flash + 0x20000, 0x96f3b83d);
}

static void one_byte(uint8_t *flash)
{
    memset(flash, 0xff, FLASH);
    flash[FLASH - 1] = 0;
}

static void nothing(uint8_t *flash)
{
    memset(flash, 0xff, FLASH);
}

static void as_it_was(uint8_t *flash)
{
    (void)flash;
}

static const struct {
    void (*change)(uint8_t *flash);
    enum espota_flash_state state;
    uint32_t offset;
    enum espota_status status; /* of an app alone */
    enum espota_hint hint;
} contents[] = {
    { as_it_was, ESPOTA_FLASH_HAS_TABLE, 0x8000, ESPOTA_OK, ESPOTA_HINT_NONE },
    { nothing, ESPOTA_FLASH_IS_BLANK, 0x8000, ESPOTA_OK, ESPOTA_HINT_NONE },
    { damage_table, ESPOTA_FLASH_TABLE_DAMAGED, 0x8000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_MEND_TABLE },
    { move_table, ESPOTA_FLASH_TABLE_ELSEWHERE, 0xc000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_OTHER_TABLE },
    { drop_table, ESPOTA_FLASH_HAS_APP, 0x10000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_OVER },
    { scatter, ESPOTA_FLASH_ENCRYPTED, 0x8000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_OVER },
    { mcuboot, ESPOTA_FLASH_HAS_MCUBOOT, 0x20000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_OVER },
    { one_byte, ESPOTA_FLASH_HAS_DATA, 0x3f0000, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_OVER },
};

static void what_flash_holds_decides_what_an_app_alone_may_do(void **state)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request request = { .files = &files };
    (void)state;
    add_file(&files, ESPOTA_FLASH_APP, "app2.bin", app_v2, app_size);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct board b;
        struct espota_error error = { 0 };
        struct espota_flash_plan *plan = malloc(sizeof *plan);
        flashed_board(&b);
        contents[i].change(b.flash);
        b.operations = 0;
        assert_int_equal(flash_with(&b, plan, &request, &error), contents[i].status);
        assert_int_equal(plan->contents.state, contents[i].state);
        if (contents[i].state != ESPOTA_FLASH_IS_BLANK)
            assert_int_equal(plan->contents.offset, contents[i].offset);
        assert_int_equal(error.hint, contents[i].hint);
        assert_int_equal(plan->refusal, contents[i].status ? ESPOTA_FLASH_NO_TABLE : ESPOTA_FLASH_GRANTED);
        assert_int_equal(b.operations > 0, contents[i].status == ESPOTA_OK);
        espota_flash_plan_free(plan);
        free(plan);
        free(b.flash);
    }
    espota_flash_files_free(&files);
}

static void looking_at_a_device_reads_little(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct board b;
        struct espota_error error;
        struct espota_flash_contents c;
        flashed_board(&b);
        contents[i].change(b.flash);
        b.bytes_read = 0;
        assert_int_equal(espota_flash_look(&c, &b.device, 0x8000, &error), 0);
        assert_in_range(b.bytes_read, 0xc00, KiB(10));
        free(b.flash);
    }
}

static void force_and_erase_go_on_where_it_was_refused(void **state)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request force = { .files = &files, .force = true },
                                erase = { .files = &files, .policy = ESPOTA_FLASH_ERASE };
    (void)state;
    add_file(&files, ESPOTA_FLASH_APP, "app2.bin", app_v2, app_size);
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct board b;
        flashed_board(&b);
        contents[i].change(b.flash);
        flash_or_fail(&b, &force);
        assert_memory_equal(b.flash + 0x10000, app_v2, app_size);
        flash_or_fail(&b, &erase);
        assert_int_equal(b.flash[0x9000], 0xff);
        free(b.flash);
    }
    espota_flash_files_free(&files);
}

/* ---- where an app goes, and what boots ------------------------------------------------------------------
 */

static void otadata_says(uint8_t *flash, int slot)
{
    espota_otadata_fresh(slot, flash + 0xd000);
}

static void an_app_goes_into_the_slot_that_boots_next(void **state)
{
    static const struct {
        int active;        /* slot that otadata says */
        bool second_holds; /* an app in MicroPython_2 */
        bool has_loader;
        const char *slot; /* asked for */
        const char *app, *boots;
        enum espota_flash_loader loader;
    } cases[] = {
        { 0, true, true, NULL, "MicroPython_1", "MicroPython_1", ESPOTA_FLASH_LOADER_STAYS },
        { 1, true, true, NULL, "MicroPython_2", "MicroPython_2", ESPOTA_FLASH_LOADER_STAYS },
        { 1, false, true, NULL, "MicroPython_1", "MicroPython_1", ESPOTA_FLASH_LOADER_STAYS },
        { 0, true, true, "MicroPython_2", "MicroPython_2", "MicroPython_2", ESPOTA_FLASH_LOADER_STAYS },
        { ESPOTA_SLOT_FACTORY, true, true, NULL, "MicroPython_1", "MicroPython_1",
          ESPOTA_FLASH_LOADER_STAYS },
        { 0, true, false, NULL, "MicroPython_1", NULL, ESPOTA_FLASH_LOADER_NONE },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct board b;
        struct espota_error error = { 0 };
        struct espota_flash_files files = { 0 };
        struct espota_flash_request request = { .files = &files, .slot = cases[i].slot };
        struct espota_flash_plan *plan = malloc(sizeof *plan);
        flashed_board(&b);
        otadata_says(b.flash, cases[i].active);
        if (cases[i].second_holds)
            memcpy(b.flash + 0x110000, app_v1, app_size);
        if (!cases[i].has_loader)
            memset(b.flash + 0x1000, 0xff, LOADER);
        add_file(&files, ESPOTA_FLASH_APP, "app2.bin", app_v2, app_size);
        assert_int_equal(flash_with(&b, plan, &request, &error), 0);
        assert_string_equal(plan->app->label, cases[i].app);
        assert_int_equal(plan->loader, cases[i].loader);
        assert_int_equal(plan->boots != NULL, cases[i].boots != NULL);
        if (cases[i].boots)
            assert_string_equal(plan->boots->label, cases[i].boots);
        assert_int_equal(b.flash[0x9000], 0x77);
        espota_flash_plan_free(plan);
        espota_flash_files_free(&files);
        free(plan);
        free(b.flash);
    }
}

static void a_file_is_what_its_content_says(void **state)
{
    static const struct {
        enum espota_flash_role as;
        bool loader;
        enum espota_hint hint;
    } cases[] = { { ESPOTA_FLASH_APP, true, ESPOTA_HINT_AS_BOOTLOADER },
                  { ESPOTA_FLASH_BOOTLOADER, false, ESPOTA_HINT_NONE } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct board b;
        struct espota_error error = { 0 };
        struct espota_flash_files files = { 0 };
        struct espota_flash_request request = { .files = &files };
        flashed_board(&b);
        b.operations = 0;
        add_file(&files, cases[i].as, "x.bin", cases[i].loader ? loader : app_v2,
                 cases[i].loader ? loader_size : app_size);
        assert_int_equal(flash(&b, &request, &error), ESPOTA_ERR_VERIFY);
        assert_int_equal(error.hint, cases[i].hint);
        assert_int_equal(b.operations, 0);
        espota_flash_files_free(&files);
        free(b.flash);
    }
}

/* ---- power cuts -----------------------------------------------------------------------------------------
 */

/* Power fails in every operation in turn; the same again, uncut, ends as if nothing had happened. */
static void cut_everywhere(void (*prepare)(struct board *b), const struct espota_flash_request *request,
                           uint32_t keeps, uint32_t length)
{
    struct board whole;
    prepare(&whole);
    unsigned before = whole.operations;
    uint8_t *kept = malloc(length);
    memcpy(kept, whole.flash + keeps, length);
    flash_or_fail(&whole, request);
    for (unsigned cut = 1; cut <= whole.operations - before; cut++) {
        struct board b;
        struct espota_error error;
        prepare(&b);
        b.cut_at = b.operations + cut;
        assert_int_not_equal(flash(&b, request, &error), 0);
        b.cut_at = 0;
        if (flash(&b, request, &error) != 0)
            fail_msg("after a cut in operation %u: %s", cut, error.text);
        assert_memory_equal(b.flash + 0x8000, whole.flash + 0x8000, 0xc00);
        assert_memory_equal(b.flash + 0x1000, whole.flash + 0x1000, loader_size);
        assert_memory_equal(b.flash + keeps, kept, length);
        free(b.flash);
    }
    free(kept);
    free(whole.flash);
}

static void an_interrupted_first_run_is_finished_by_the_same_again(void **state)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request request = { .files = &files };
    (void)state;
    add_file(&files, ESPOTA_FLASH_BOOTLOADER, "bl.bin", loader, loader_size);
    add_file(&files, ESPOTA_FLASH_APP, "app.bin", app_v1, app_size);
    cut_everywhere(board_init, &request, 0x9000, 4);
    espota_flash_files_free(&files);
}

static void an_interrupted_update_is_finished_by_the_same_again(void **state)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request request = { .files = &files, .slot = "MicroPython_2" };
    (void)state;
    add_file(&files, ESPOTA_FLASH_APP, "app2.bin", app_v2, app_size);
    cut_everywhere(flashed_board, &request, 0x9000, KiB(16));
    espota_flash_files_free(&files);
}

/* A cut in the erase of the old table leaves nothing that says what else is there: then it takes a word more.
 */
static void an_interrupted_migration_loses_nothing_that_stays(void **state)
{
    struct espota_flash_files files = { 0 };
    struct espota_flash_request request = { .files = &files,
                                            .layout = { .app_size = KiB(1280) },
                                            .plan_layout = true,
                                            .policy = ESPOTA_FLASH_MIGRATE };
    struct board whole;
    (void)state;
    add_file(&files, ESPOTA_FLASH_APP, "app2.bin", app_v2, app_size);
    flashed_board(&whole);
    unsigned before = whole.operations, refused = 0;
    flash_or_fail(&whole, &request);
    for (unsigned cut = 1; cut <= whole.operations - before; cut += cut < 350 ? 7 : 1) {
        struct board b;
        struct espota_error error;
        flashed_board(&b);
        b.cut_at = b.operations + cut;
        assert_int_not_equal(flash(&b, &request, &error), 0);
        b.cut_at = 0;
        request.force = flash(&b, &request, &error) == ESPOTA_ERR_REFUSED;
        refused += request.force;
        flash_or_fail(&b, &request);
        request.force = false;
        assert_memory_equal(b.flash + 0x8000, whole.flash + 0x8000, 0xc00);
        assert_memory_equal(b.flash + 0x10000, app_v2, app_size);
        assert_int_equal(b.flash[0x9000], 0x77);
        free(b.flash);
    }
    assert_int_equal(refused, 1);
    espota_flash_files_free(&files);
    free(whole.flash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_flash_holds_decides_what_an_app_alone_may_do),
        cmocka_unit_test(looking_at_a_device_reads_little),
        cmocka_unit_test(force_and_erase_go_on_where_it_was_refused),
        cmocka_unit_test(an_app_goes_into_the_slot_that_boots_next),
        cmocka_unit_test(a_file_is_what_its_content_says),
        cmocka_unit_test(an_interrupted_first_run_is_finished_by_the_same_again),
        cmocka_unit_test(an_interrupted_update_is_finished_by_the_same_again),
        cmocka_unit_test(an_interrupted_migration_loses_nothing_that_stays),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

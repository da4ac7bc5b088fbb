/* Backups: what is read and described, what an interrupted one leaves, and what is not restored. */
#include "espota/backup.h"
#include "espota/buffer.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hash.h"
#include "espota/observer.h"
#include "espota/smart_read.h"
#include "espota/smart_write.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include "fixtures/flash_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct flash_device *board;
    struct espota_backup_paths paths;
    struct espota_backup_manifest manifest;
    struct espota_bytes flash;
    struct espota_error error;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char path[64];
    struct espota_table table = { .offset = 0x8000, .has_md5 = true, .count = 2 };
    table.entry[0] = (struct espota_partition){
        .label = "nvs", .type = ESPOTA_TYPE_DATA, .subtype = 2, .offset = 0x9000, .size = 0x6000
    };
    table.entry[1] = (struct espota_partition){ .label = "beyond",
                                                .type = ESPOTA_TYPE_DATA,
                                                .subtype = 2,
                                                .offset = 0x10000,
                                                .size = FLASH_DEVICE_SIZE };
    snprintf(path, sizeof path, "/tmp/espota-backup-%ld.bin", (long)getpid());
    f->board = flash_device(ESPOTA_HASH_SHA256);
    memset(f->board->flash + 0x9000, 0x5a, 0x6000);
    f->board->device.info.has_mac = true;
    memset(f->board->device.info.mac, 7, 6);
    *state = f;
    return espota_table_to_binary(&table, f->board->flash + 0x8000, &f->error) ||
           espota_backup_paths(&f->paths, path, &f->error);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    unlink(f->paths.flash);
    unlink(f->paths.manifest);
    unlink(f->paths.partial);
    espota_backup_paths_free(&f->paths);
    espota_bytes_free(&f->flash);
    free(f->board);
    free(f);
    return 0;
}

static int read_all(struct fixture *f)
{
    struct espota_smart_read r;
    espota_bytes_free(&f->flash);
    return espota_backup_read(&f->board->device, &f->paths, 0, &f->flash, &f->manifest, &r, &f->error);
}

static void a_backup_says_what_it_is(void **state)
{
    struct fixture *f = *state;
    uint8_t nvs[ESPOTA_SHA256_LENGTH];
    assert_int_equal(read_all(f), 0);
    assert_int_equal(f->flash.size, FLASH_DEVICE_SIZE);
    assert_memory_equal(f->flash.data, f->board->flash, FLASH_DEVICE_SIZE);
    assert_string_equal(f->manifest.chip, "esp32");
    assert_int_equal(f->manifest.flash_size, FLASH_DEVICE_SIZE);
    assert_int_equal(f->manifest.table_offset, 0x8000);
    assert_int_equal(f->manifest.part_count, 2);
    assert_string_equal(f->manifest.part[0].partition.label, "nvs");
    assert_int_equal(espota_sha256(f->board->flash + 0x9000, 0x6000, nvs), 0);
    assert_memory_equal(f->manifest.part[0].sha256, nvs, sizeof nvs);
    assert_false(f->manifest.part[1].has_sha256);
    assert_int_equal(espota_backup_check(&f->manifest, &f->flash, "it", &f->error), 0);
}

static void saving_takes_the_partial_file_away(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(espota_backup_check_absent(&f->paths, &f->error), 0);
    assert_int_equal(espota_file_write_secret(f->paths.partial, "\xff\xff", 2, &f->error), 0);
    assert_int_equal(read_all(f), 0);
    assert_int_equal(espota_backup_save(&f->paths, &f->flash, "{}\n", &f->error), 0);
    assert_false(espota_file_exists(f->paths.partial));
    assert_int_equal(espota_backup_check_absent(&f->paths, &f->error), ESPOTA_ERR_REFUSED);
    assert_int_equal(f->error.hint, ESPOTA_HINT_REPLACE);
}

static void what_is_not_this_devices_is_not_restored(void **state)
{
    struct fixture *f = *state;
    struct espota_smart_write w;
    assert_int_equal(read_all(f), 0);
    const struct espota_backup_manifest good = f->manifest;
    f->board->phase = ESPOTA_PHASE_WRITE;
    f->board->advanced = 0;
    const struct {
        int change; /* 1: MAC, 2: chip, 3: size, 4: content */
        bool force;
        enum espota_status status;
    } cases[] = { { 0, false, ESPOTA_OK },         { 1, false, ESPOTA_ERR_REFUSED },
                  { 1, true, ESPOTA_OK },          { 2, true, ESPOTA_ERR_VERIFY },
                  { 3, true, ESPOTA_ERR_TOO_BIG }, { 4, true, ESPOTA_ERR_VERIFY } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f->manifest = good;
        f->manifest.mac[0] ^= cases[i].change == 1;
        f->manifest.flash_size += cases[i].change == 3;
        f->manifest.sha256[0] ^= cases[i].change == 4;
        if (cases[i].change == 2)
            strcpy(f->manifest.chip, "esp32c3");
        assert_int_equal(espota_backup_restore(&f->board->device, &f->manifest, &f->flash, "it",
                                               cases[i].force, &w, &f->error),
                         cases[i].status);
    }
    memset(f->board->flash, 0xff, FLASH_DEVICE_SIZE);
    f->board->advanced = 0;
    assert_int_equal(espota_backup_restore(&f->board->device, &good, &f->flash, "it", false, &w, &f->error),
                     0);
    assert_memory_equal(f->flash.data, f->board->flash, FLASH_DEVICE_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_backup_says_what_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(saving_takes_the_partial_file_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_this_devices_is_not_restored, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

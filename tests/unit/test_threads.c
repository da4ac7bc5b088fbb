/* Several devices at once: each thread has its own, and nothing is shared but the library. */
#include "espota/agent_client.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/file_device.h"
#include "espota/flash_plan.h"
#include "espota/observer.h"
#include "espota/ota.h"
#include "espota/slots.h"
#include "espota/smart_read.h"

#include "fixtures/memory_board.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 3 };

struct worker {
    pthread_t thread;
    unsigned number;
    char path[64]; /* of a flash file of its own */
    int result;
    unsigned heard; /* by its observer, of its own device */
    struct espota_error error;
};

static void on_progress(void *context, const char *device, const struct espota_progress *progress)
{
    struct worker *w = context;
    (void)progress;
    w->heard += device != NULL;
}

/* An update through the agent, over a link that loses something now and then. */
static int update(struct worker *w, struct memory_board *board, const struct espota_bytes *image)
{
    struct espota_observer observer = { .context = w, .progress = on_progress };
    struct espota_agent_client_options options = { .hello_timeout_ms = 50, .observer = &observer };
    struct espota_ota_request request = { .name = "new.bin",
                                          .payload = espota_payload_raw(image->data, image->size) };
    struct espota_ota_result done;
    struct espota_device *device = NULL;
    int result = espota_agent_client_open(&device, &board->link, &options, &w->error);
    if (result == 0)
        result = espota_ota_run(device, &request, &done, &w->error);
    espota_device_close(device);
    if (result == 0 && memcmp(board->flash.data + done.to.offset, image->data, image->size) != 0)
        result = espota_fail(&w->error, ESPOTA_ERR_VERIFY, "the bytes of another device");
    return result;
}

static void *update_a_board(void *argument)
{
    struct worker *w = argument;
    for (unsigned i = 0; w->result == 0 && i < ROUNDS; i++) {
        struct memory_board *board = memory_board_running(w->number % 2);
        struct espota_bytes image = memory_board_image(60000 + 4096 * w->number, (uint8_t)(7 + w->number), 0);
        w->result = update(w, board, &image);
        espota_bytes_free(&image);
        memory_board_free(board);
    }
    return NULL;
}

static int flash_file(struct worker *w, struct espota_device *device, const struct espota_bytes *image)
{
    static const char name[] = "app.bin";
    struct espota_flash_files *files = calloc(1, sizeof *files);
    struct espota_flash_plan *plan = calloc(1, sizeof *plan);
    struct espota_flash_request request = { .files = files };
    char path[80];
    snprintf(path, sizeof path, "%s.%s", w->path, name);
    int result = files && plan ? espota_file_write(path, image->data, image->size, &w->error)
                               : espota_fail_memory(&w->error, "flashing");
    if (result == 0)
        result = espota_flash_files_add(files, ESPOTA_FLASH_APP, path, &w->error);
    if (result == 0)
        result = espota_flash_plan(plan, device, &request, &w->error);
    if (result == 0)
        result = espota_flash_run(plan, device, &w->error);
    unlink(path);
    if (plan)
        espota_flash_plan_free(plan);
    if (files)
        espota_flash_files_free(files);
    free(plan);
    free(files);
    return result;
}

/* Plan, flash, read back, look at what boots. */
static void *flash_a_file(void *argument)
{
    struct worker *w = argument;
    struct espota_bytes image = memory_board_image(50000, (uint8_t)(3 + w->number), 0);
    struct espota_device *device = NULL;
    struct espota_slots slots;
    uint8_t *back = calloc(1, image.size);
    struct espota_smart_read read;
    w->result = espota_file_device_new(&device, w->path, MiB(4), espota_chip_by_name("esp32"), &w->error);
    if (w->result == 0)
        w->result = flash_file(w, device, &image);
    if (w->result == 0)
        w->result = espota_slots_load(&slots, device, 0, &w->error);
    if (w->result == 0)
        w->result =
            espota_smart_read(device, slots.boot->offset, back, (uint32_t)image.size, &read, &w->error);
    if (w->result == 0 && memcmp(back, image.data, image.size) != 0)
        w->result = espota_fail(&w->error, ESPOTA_ERR_VERIFY, "the bytes of another device");
    espota_device_close(device);
    free(back);
    espota_bytes_free(&image);
    unlink(w->path);
    return NULL;
}

static void at_once(void *(*work)(void *), struct worker worker[THREADS])
{
    memset(worker, 0, THREADS * sizeof *worker);
    for (unsigned i = 0; i < THREADS; i++) {
        worker[i].number = i;
        snprintf(worker[i].path, sizeof worker[i].path, "/tmp/espota-threads-%ld-%u.bin", (long)getpid(), i);
        assert_int_equal(pthread_create(&worker[i].thread, NULL, work, &worker[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(worker[i].thread, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        if (worker[i].result != 0)
            fail_msg("thread %u: %s", i, worker[i].error.text);
}

static void agents_are_updated_at_once(void **state)
{
    struct worker worker[THREADS];
    (void)state;
    at_once(update_a_board, worker);
    for (unsigned i = 0; i < THREADS; i++)
        assert_true(worker[i].heard > 0);
}

static void flash_files_are_written_at_once(void **state)
{
    struct worker worker[THREADS];
    (void)state;
    at_once(flash_a_file, worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agents_are_updated_at_once),
        cmocka_unit_test(flash_files_are_written_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The apps of a device: what runs, what boots next, where an update goes. */
#include "espota/agent_client.h"
#include "espota/apps.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/slot_image.h"

#include "fixtures/memory_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void each_app_says_what_it_is(void **state)
{
    (void)state;
    struct memory_board *b = memory_board_running(true);
    struct espota_bytes image = memory_board_image(30000, 9, 0);
    struct espota_agent_client_options options = { .hello_timeout_ms = 50 };
    struct espota_device *device = NULL;
    struct espota_error error = { 0 };
    struct espota_apps *apps = calloc(1, sizeof *apps);
    assert_int_equal(espota_agent_client_open(&device, &b->link, &options, &error), 0);
    assert_int_equal(espota_apps_load(apps, device, 0, &error), 0);
    assert_int_equal(apps->count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(apps->app[i].state, i == 0 ? ESPOTA_SLOT_VALID : ESPOTA_SLOT_EMPTY);
        assert_int_equal(apps->app[i].running, i == 0);
        assert_int_equal(apps->app[i].boots, i == 0);
        assert_int_equal(apps->app[i].next, i == 1);
        assert_null(apps->app[i].otadata);
    }
    image.data[1000] ^= 1;
    memory_board_put(b, apps->app[2].partition->offset, &image);
    assert_int_equal(espota_apps_load(apps, device, 0, &error), 0);
    assert_int_equal(apps->app[2].state, ESPOTA_SLOT_BROKEN);
    espota_device_close(device);
    espota_bytes_free(&image);
    memory_board_free(b);
    free(apps);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_app_says_what_it_is) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

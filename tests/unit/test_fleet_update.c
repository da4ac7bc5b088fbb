/* Many boards updated at once from one process: what is coded is coded once, and those that are cut off,
 * stalled or lying are told of and hold back nobody. */
#include "espota/agent_client.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/fleet.h"
#include "espota/link.h"
#include "espota/ota.h"
#include "espota/stream_cache.h"

#include "fixtures/board_farm.h"
#include "fixtures/code_like.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    BOARDS = 20,
    BAD = 3,
    SIZE = 96 << 10,
    LARGE = 880 << 10,
    SECTOR = 4096,
    QUIET_MS = 20000,
    RATE = 400000
};

struct rack {
    struct board_farm *farm;
    struct espota_stream_cache *streams;
    struct espota_bytes image;
    int result[BOARDS];
};

static struct espota_bytes image(uint32_t seed, uint32_t size)
{
    static uint8_t content[LARGE];
    code_like_fill(content, size, seed, false);
    return memory_board_image_of(content, size, 0);
}

static int work(void *context, size_t board, struct espota_error *error)
{
    struct rack *rack = context;
    char port[40];
    struct espota_link *link = NULL;
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = {
        .key = DEVICE_KEY, .key_length = KEY, .quiet_ms = QUIET_MS, .streams = rack->streams
    };
    struct espota_ota_request request = { .name = "image",
                                          .payload = espota_payload_raw(rack->image.data, rack->image.size) };
    struct espota_ota_result done;
    snprintf(port, sizeof port, "tcp://127.0.0.1:%u", board_farm_port(rack->farm, (unsigned)board));
    int result = espota_link_open(&link, port, 115200, error);
    if (result == 0)
        result = espota_agent_client_open(&device, link, &options, error);
    if (result == 0)
        result = espota_ota_run(device, &request, &done, error);
    espota_device_close(device);
    return result;
}

static void ended(void *context, size_t board, int result, const struct espota_error *error)
{
    struct rack *rack = context;
    if (result != 0 && board_farm_fault(rack->farm, (unsigned)board) == BOARD_GOOD)
        print_error("board %zu: %s\n", board, error->text);
    rack->result[board] = result;
}

static bool holds(const struct rack *rack, unsigned board)
{
    const struct memory_board *m = board_farm_board(rack->farm, board);
    for (uint32_t at = 0x10000; at + rack->image.size <= m->flash.size; at += 0x10000)
        if (memcmp(m->flash.data + at, rack->image.data, rack->image.size) == 0)
            return true;
    return false;
}

static struct espota_fleet_result update(struct rack *rack)
{
    struct espota_fleet_request request = { .count = BOARDS, .context = rack, .work = work, .ended = ended };
    struct espota_fleet_result result;
    struct espota_error error;
    assert_int_equal(espota_fleet_run(&request, &result, &error), 0);
    return result;
}

static void begin(struct rack *rack, uint32_t size, struct board_farm_options options)
{
    struct espota_bytes app = image(2, SIZE);
    struct espota_error error;
    options.count = BOARDS;
    options.app = &app;
    *rack = (struct rack){ .farm = board_farm(&options), .image = image(1, size) };
    assert_int_equal(espota_stream_cache_new(&rack->streams, 0, &error), 0);
    espota_bytes_free(&app);
}

static void end(struct rack *rack)
{
    board_farm_stop(rack->farm);
    for (unsigned i = 0; i < BOARDS; i++)
        if (board_farm_fault(rack->farm, i) == BOARD_GOOD)
            assert_true(holds(rack, i));
    board_farm_free(rack->farm);
    espota_stream_cache_free(rack->streams);
    espota_bytes_free(&rack->image);
}

static void what_they_get_is_coded_once(void **state)
{
    (void)state;
    struct rack rack;
    begin(&rack, SIZE, (struct board_farm_options){ .bytes_per_second = RATE });
    struct espota_fleet_result result = update(&rack);
    struct espota_stream_cache_use use = espota_stream_cache_used(rack.streams);
    assert_int_equal(result.done, BOARDS);
    uint64_t sectors = (rack.image.size + SECTOR - 1) / SECTOR;
    assert_in_range(use.streams, 1, 2); /* on a busy machine a line may seem slower than the others */
    assert_in_range(use.sectors_made, sectors, 2 * sectors);
    assert_true(use.sectors_read >= BOARDS * sectors);
    end(&rack);
}

static void who_is_cut_off_stalled_or_lying_holds_back_nobody(void **state)
{
    (void)state;
    struct rack rack;
    begin(&rack, SIZE,
          (struct board_farm_options){ .bytes_per_second = RATE, .faults = { 0, BAD, BAD, BAD } });
    struct espota_fleet_result result = update(&rack);
    assert_int_equal(result.done, BOARDS - 3 * BAD);
    assert_int_equal(result.failed, 3 * BAD);
    for (unsigned i = 0; i < BOARDS; i++) {
        enum board_fault fault = board_farm_fault(rack.farm, i);
        if (fault == BOARD_GOOD)
            assert_int_equal(rack.result[i], 0);
        else if (fault == BOARD_CUT)
            assert_int_equal(rack.result[i], ESPOTA_ERR_NO_DEVICE);
        else if (fault == BOARD_STALLED)
            assert_int_equal(rack.result[i], ESPOTA_ERR_TIMEOUT);
        else
            assert_int_not_equal(rack.result[i], 0);
    }
    end(&rack);
}

/* All are cut off, each at another sector: they go on where others do too. */
static void what_is_left_after_a_cut_is_coded_a_few_times(void **state)
{
    (void)state;
    struct rack rack;
    begin(&rack, LARGE,
          (struct board_farm_options){
              .faults = { [BOARD_CUT] = BOARDS }, .fault_after = 60000, .fault_step = 6000 });
    assert_int_equal(update(&rack).failed, BOARDS);
    uint64_t before = espota_stream_cache_used(rack.streams).streams;
    board_farm_stop(rack.farm);
    board_farm_heal(rack.farm);
    assert_int_equal(update(&rack).done, BOARDS);
    assert_in_range(espota_stream_cache_used(rack.streams).streams - before, 2, BOARDS / 2);
    end(&rack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_they_get_is_coded_once),
        cmocka_unit_test(what_is_left_after_a_cut_is_coded_a_few_times),
        cmocka_unit_test(who_is_cut_off_stalled_or_lying_holds_back_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

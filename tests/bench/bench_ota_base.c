/* What updates cost that are sent as what differs from the app that runs (espota/base_source.h), in counted
 * time (fixtures/timed_board.h): seconds up to the switch of otadata, without the restart, and bytes.
 * Arguments: app images, each an update of the one before; the idle slot holds the one before that. Otherwise
 * one that was made of another. With -t before them: what line, CPU and flash do meanwhile at 115200 baud. */
#include "espota/agent_client.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/ota.h"
#include "espota/plan.h"
#include "espota/table_file.h"

#include "fixtures/known_bases.h"
#include "fixtures/memory_board.h"
#include "fixtures/timed_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* PARTED: as on the first line, but each page by four commands. */
enum { MOST_IMAGES = 64, SECTORS = 300, APP = 0x10000, STEP_MS = 100, FEW = 32 << 10, PARTED = TIMED_LINES };

struct bench {
    struct espota_bytes image[MOST_IMAGES];
    size_t count;
    bool timeline;
    struct timed_board *board;
    double seconds[TIMED_LINES + 1][MOST_IMAGES];
    uint64_t bytes[MOST_IMAGES];
    struct timed_use use[MOST_IMAGES]; /* on the first line */
};

static void need(int result, const struct espota_error *error)
{
    if (result == 0)
        return;
    fprintf(stderr, "bench: %s\n", error->text);
    exit(1);
}

static uint8_t *idle_slot(const struct timed_board *board)
{
    const struct espota_table *table = &board->board.table;
    bool first = board->board.running->offset == espota_table_slot(table, 0)->offset;
    return board->flash.data + espota_table_slot(table, first)->offset;
}

/* From one image to the next one, and that runs. */
static void update(struct bench *b, size_t line, size_t i)
{
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = { 0 };
    struct known_bases bases;
    struct timed_timeline timeline;
    known_bases_begin(&bases, &b->image[i - 1]);
    struct espota_ota_request request = { .name = "image",
                                          .payload = espota_payload_raw(b->image[i].data, b->image[i].size),
                                          .bases = &bases.source };
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    const uint8_t *slot = idle_slot(b->board);
    (void)timed_board_mark(b->board);
    if (b->timeline && line == 0)
        timed_table_timeline(&timeline, b->board, STEP_MS);
    need(espota_agent_client_open(&device, &b->board->link, &options, &error), &error);
    need(espota_ota_run(device, &request, &result, &error), &error);
    espota_device_close(device);
    b->board->watch = NULL;
    struct timed_use use = timed_board_mark(b->board);
    b->seconds[line][i] = (double)use.total_ns / 1e9;
    if (line == 0)
        b->use[i] = use;
    b->bytes[i] = result.sent.bytes;
    memory_board_check(memcmp(slot, b->image[i].data, b->image[i].size) == 0, "the update");
    memory_board_check(result.sent.patched > 0 || result.write.written < FEW,
                       "an update against the app that runs");
    timed_board_reset(b->board, false);
    memory_board_check(b->board->board.state == SIM_RUNNING, "starting the new app");
}

static void flash_board(struct bench *b)
{
    struct espota_bytes bootloader = memory_board_image(4096, 3, 0);
    struct espota_error error = { 0 };
    struct espota_plan plan;
    struct espota_plan_request request = { .flash_size = b->board->flash.size, .app_size = MiB(2) };
    need(espota_plan_make(&plan, &request, &error), &error);
    need(espota_table_to_binary(&plan.table, b->board->flash.data + 0x8000, &error), &error);
    timed_board_put(b->board, 0x1000, &bootloader);
    timed_board_put(b->board, APP, &b->image[0]);
    espota_bytes_free(&bootloader);
    timed_board_reset(b->board, false);
    memory_board_check(b->board->board.state == SIM_RUNNING, "starting the app");
    memset(idle_slot(b->board), 0xa5, b->image[0].size); /* something that has to be erased */
}

static void run(struct bench *b, size_t line)
{
    const struct timed_line *way = &timed_lines[line == PARTED ? 0 : line];
    b->board = timed_board_new(way, MiB(8), "esp32");
    b->board->link.baud = b->board->app_baud = way->baud;
    b->board->flash.parted = line == PARTED;
    flash_board(b);
    for (size_t i = 1; i < b->count; i++)
        update(b, line, i);
    timed_board_free(b->board);
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return difference < 0 ? -1 : difference > 0;
}

static double median(struct bench *b, size_t line)
{
    qsort(b->seconds[line] + 1, b->count - 1, sizeof b->seconds[line][0], compare);
    return b->seconds[line][b->count / 2];
}

static void print(struct bench *b)
{
    uint64_t total = 0;
    printf("\n| image | bytes | sent | 115200 baud | of it line, flash, CPU busy | 921600 | 2000000 | "
           "921600, 50 "
           "ms round trip |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 1; i < b->count; i++) {
        printf("| %zu | %zu | %" PRIu64 " |", i, b->image[i].size, b->bytes[i]);
        total += b->bytes[i];
        const struct timed_use *u = &b->use[i];
        printf(" %.2f | %.1f, %.1f, %.1f |", b->seconds[0][i], (double)(u->out_ns + u->in_ns) / 1e9,
               (double)u->flash_ns / 1e9, (double)u->cpu_ns / 1e9);
        for (size_t line = 1; line < timed_line_count; line++)
            printf(" %.2f |", b->seconds[line][i]);
        printf("\n");
    }
    printf("| median | | total %" PRIu64 " |", total);
    for (size_t line = 0; line < timed_line_count; line++)
        printf(line == 0 ? " **%.2f** | |" : " **%.2f** |", median(b, line));
    printf(
        "\n\nmedian at 115200 baud where the controller deselects the flash after 64 bytes, so that a page "
        "takes four\ncommands: %.2f\n",
        median(b, PARTED));
}

static void take_images(struct bench *b, char *const *paths, size_t count)
{
    struct espota_error error = { 0 };
    b->count = count < MOST_IMAGES ? count : MOST_IMAGES;
    for (size_t i = 0; i < b->count; i++)
        need(espota_file_read(paths[i], 3 << 20, &b->image[i], &error), &error);
    if (b->count < 2) {
        known_bases_images(SECTORS, &b->image[0], &b->image[1]);
        b->count = 2;
    }
}

int main(int argc, char **argv)
{
    static struct bench b;
    b.timeline = argc > 1 && strcmp(argv[1], "-t") == 0;
    take_images(&b, argv + 1 + b.timeline, (size_t)argc - 1 - b.timeline);
    printf("%zu updates against the app that runs, %s\n", b.count - 1,
           argc > 2 ? argv[1 + b.timeline]
                    : "generated: give real images, one the update of the other, for real figures");
    printf("the agent: the recovery agent of the ESP32, from RAM, with its own driver of flash: it goes on "
           "while "
           "that\nerases and programs, reads by two lines at 40 MHz, and programs a page by one command; 160 "
           "MHz, an "
           "instruction a\ncycle. ESP-IDF's component waits for flash: not measured\n");
    for (size_t line = 0; line < timed_line_count; line++)
        run(&b, line);
    run(&b, PARTED);
    print(&b);
    for (size_t i = 0; i < b.count; i++)
        espota_bytes_free(&b.image[i]);
    return 0;
}

/* What an update through the agent costs, in counted time (fixtures/timed_board.h): seconds, bytes and waits
 * for an answer, with flash as in its datasheet and beside what flash alone needs. Arguments: app images, the
 * first one over the second; otherwise two that are like firmware to an encoder. */
#include "espota/agent_client.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/ota.h"
#include "espota/plan.h"
#include "espota/table_file.h"

#include "fixtures/code_like.h"
#include "fixtures/memory_board.h"
#include "fixtures/timed_table.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 768 << 10, APP = 0x10000 };

struct bench {
    const struct timed_line *line;
    struct timed_board *board;
    struct espota_bytes image, other;
    struct timed_summary summary;
};

static void need(int result, const struct espota_error *error)
{
    if (result == 0)
        return;
    fprintf(stderr, "bench: %s\n", error->text);
    exit(1);
}

static uint8_t *idle_slot(struct bench *b)
{
    const struct espota_table *table = &b->board->board.table;
    bool first = b->board->board.running->offset == espota_table_slot(table, 0)->offset;
    return b->board->flash.data + espota_table_slot(table, first)->offset;
}

static void update(struct bench *b, const char *work)
{
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = { 0 };
    struct espota_ota_request request = { .name = "image",
                                          .payload = espota_payload_raw(b->image.data, b->image.size) };
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    uint8_t *slot = idle_slot(b);
    uint64_t needs = timed_flash_needs_ns(&b->board->flash.timing, slot, b->image.data, b->image.size);
    need(espota_agent_client_open(&device, &b->board->link, &options, &error), &error);
    need(espota_ota_run(device, &request, &result, &error), &error);
    espota_device_close(device);
    struct timed_use use = timed_board_mark(b->board);
    timed_table_row(work, "agent", &use, needs);
    timed_summary_add(&b->summary, work, (size_t)(b->line - timed_lines), true, &use);
    memory_board_check(memcmp(slot, b->image.data, b->image.size) == 0, "the update");
}

/* Two bytes changed, and the checksum and hash that this takes. */
static void change(struct espota_bytes *image)
{
    struct espota_image found;
    image->data[5000] ^= 1;
    image->data[image->size / 2] ^= 1;
    memory_board_check(espota_image_examine_memory(&found, image->data, image->size) != ESPOTA_IMAGE_OK &&
                           espota_sha256(image->data, image->size - 32, image->data + image->size - 32) == 0,
                       "changing an image");
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
    timed_board_put(b->board, APP, &b->other);
    espota_bytes_free(&bootloader);
    timed_board_reset(b->board, false);
    memory_board_check(b->board->board.state == SIM_RUNNING, "starting the app");
}

static void run(struct bench *b, const struct timed_line *line)
{
    b->line = line;
    b->board = timed_board_new(line, MiB(8), "esp32");
    b->board->link.baud = b->board->app_baud = line->baud;
    timed_table_head(line);
    flash_board(b);
    update(b, "OTA into a blank slot");
    memcpy(idle_slot(b), b->other.data, b->other.size);
    update(b, "OTA over another app");
    update(b, "OTA, the same again");
    change(&b->image);
    update(b, "OTA, two bytes changed");
    change(&b->image);
    timed_board_free(b->board);
}

static struct espota_bytes image(const char *path, uint32_t seed, size_t size)
{
    struct espota_bytes bytes = { 0 };
    struct espota_error error = { 0 };
    if (path) {
        need(espota_file_read(path, 3 << 20, &bytes, &error), &error);
        return bytes;
    }
    uint8_t *made = malloc(size);
    memory_board_check(made, "memory");
    code_like_fill(made, size, seed, false);
    bytes = memory_board_image_of(made, (uint32_t)size, 0);
    free(made);
    return bytes;
}

int main(int argc, char **argv)
{
    struct bench b = { .image = image(argc > 1 ? argv[1] : NULL, 1, SIZE) };
    b.other = image(argc > 2 ? argv[2] : NULL, 2, b.image.size / 16 * 16);
    printf(
        "%zu bytes (%s) to the agent on a simulated ESP32; flash: what erasing and programming take by its "
        "datasheet\n",
        b.image.size,
        argc > 1 ? argv[1]
                 : "generated: about as well to be coded as firmware; give a real image for real figures");
    for (size_t i = 0; i < timed_line_count; i++)
        run(&b, &timed_lines[i]);
    timed_summary_print(&b.summary);
    espota_bytes_free(&b.image);
    espota_bytes_free(&b.other);
    return 0;
}

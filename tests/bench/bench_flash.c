/* What flashing costs, in counted time (fixtures/timed_board.h): seconds, bytes and waits for an answer, with
 * flash as in its datasheet and beside what flash alone needs. Arguments: images to flash, the first one over
 * the second; otherwise two that are like firmware to an encoder. With --timeline=MS before them, what line,
 * CPU and flash did in each step of so long, of the stub alone. */
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/rom_device.h"
#include "espota/smart_write.h"
#include "espota/stub_device.h"

#include "fixtures/code_like.h"
#include "fixtures/memory_board.h"
#include "fixtures/timed_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OFFSET = 0x10000, SIZE = 768 << 10, READ_SIZE = 256 << 10, FLASH_SIZE = 4 << 20 };

struct bench {
    const struct timed_line *line;
    struct timed_board *board;
    struct espota_device *device;
    bool stub;
    struct espota_bytes image, other;
    unsigned step_ms; /* of a timeline; 0: none */
    struct timed_summary summary;
    struct timed_timeline timeline;
};

static void need(int result, const struct espota_error *error)
{
    if (result == 0)
        return;
    fprintf(stderr, "bench: %s\n", error->text);
    exit(1);
}

static void open_device(struct bench *b)
{
    struct espota_stub_options options = {
        .rom = { .before = ESPOTA_BEFORE_NO_RESET, .after = ESPOTA_AFTER_NO_RESET, .baud = b->line->baud }
    };
    struct espota_error error = { 0 };
    need(b->stub ? espota_stub_open(&b->device, &b->board->link, &options, &error)
                 : espota_rom_open(&b->device, &b->board->link, &options.rom, &error),
         &error);
    memory_board_check(strcmp(b->device->kind, b->stub ? "stub" : "rom") == 0, "starting the stub");
}

static void row(struct bench *b, const char *work, uint64_t needs_ns)
{
    struct timed_use use = timed_board_mark(b->board);
    timed_table_row(work, b->stub ? "stub" : "ROM", &use, needs_ns);
    timed_summary_add(&b->summary, work, (size_t)(b->line - timed_lines), b->stub, &use);
}

static void write_image(struct bench *b, const char *work)
{
    struct espota_smart_write result = { 0 };
    struct espota_error error = { 0 };
    uint64_t needs = timed_flash_needs_ns(&b->board->flash.timing, b->board->flash.data + OFFSET,
                                          b->image.data, b->image.size);
    open_device(b);
    need(espota_smart_write(b->device, OFFSET, b->image.data, b->image.size, &result, &error), &error);
    espota_device_close(b->device);
    row(b, work, needs);
    memory_board_check(memcmp(b->board->flash.data + OFFSET, b->image.data, b->image.size) == 0, "flashing");
    timed_board_reset(b->board, true);
    b->board->link.baud = 115200;
    (void)timed_board_mark(b->board);
}

static void read_image(struct bench *b)
{
    struct espota_error error = { 0 };
    uint8_t *data = malloc(READ_SIZE);
    memory_board_check(data, "memory");
    open_device(b);
    need(espota_device_read(b->device, OFFSET, data, READ_SIZE, &error), &error);
    espota_device_close(b->device);
    row(b, "reading 256K", 0);
    memory_board_check(memcmp(b->image.data, data, READ_SIZE) == 0, "reading");
    free(data);
}

static void run(struct bench *b, const struct timed_line *line, bool stub)
{
    b->line = line;
    b->stub = stub;
    b->board = timed_board_new(line, FLASH_SIZE, "esp32");
    if (b->step_ms)
        timed_table_timeline(&b->timeline, b->board, b->step_ms);
    timed_board_put(b->board, OFFSET, &b->other);
    write_image(b, "first write, over another app");
    write_image(b, "the same again");
    b->image.data[b->image.size / 2] ^= 1;
    write_image(b, "one changed sector");
    b->image.data[b->image.size / 2] ^= 1;
    memset(b->board->flash.data, 0xff, FLASH_SIZE);
    write_image(b, "onto a blank chip");
    read_image(b);
    timed_board_free(b->board);
}

/* In whole sectors. */
static struct espota_bytes image(const char *path, uint32_t seed, size_t size)
{
    struct espota_bytes bytes = { 0 };
    struct espota_error error = { 0 };
    if (path) {
        need(espota_file_read(path, 3 << 20, &bytes, &error), &error);
    } else {
        uint8_t *made = malloc(size);
        memory_board_check(made, "memory");
        code_like_fill(made, size, seed, false);
        need(espota_bytes_append(&bytes, made, size, &error), &error);
        free(made);
    }
    while (bytes.size % 4096 != 0)
        need(espota_bytes_append(&bytes, "\xff", 1, &error), &error);
    return bytes;
}

/* The option, if it is there. @return how many arguments it is. */
static int take_option(struct bench *b, int argc, char **argv)
{
    static const char option[] = "--timeline=";
    if (argc < 2 || strncmp(argv[1], option, sizeof option - 1) != 0)
        return 0;
    b->step_ms = (unsigned)strtoul(argv[1] + sizeof option - 1, NULL, 10);
    memory_board_check(b->step_ms > 0, "reading the step");
    return 1;
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    int taken = take_option(&b, argc, argv);
    const char *path = argc > taken + 1 ? argv[taken + 1] : NULL;
    b.image = image(path, 1, SIZE);
    b.other = image(argc > taken + 2 ? argv[taken + 2] : NULL, 2, b.image.size / 16 * 16);
    printf(
        "%zu bytes (%s) onto a simulated ESP32; flash: what erasing and programming take by its datasheet\n",
        b.image.size,
        path ? path : "generated: about as well to be coded as firmware; give a real image for real figures");
    for (size_t i = 0; i < timed_line_count; i++) {
        timed_table_head(&timed_lines[i]);
        if (!b.step_ms)
            run(&b, &timed_lines[i], false);
        run(&b, &timed_lines[i], true);
    }
    timed_summary_print(&b.summary);
    espota_bytes_free(&b.image);
    espota_bytes_free(&b.other);
    return 0;
}

/* A board in memory, for tests and benchmarks: flash, chip and agent, and a link to it that is a function
 * call: what the host writes is with the board before the next read. A failure to set it up ends the program.
 */
#ifndef ESPOTA_TESTS_MEMORY_BOARD_H
#define ESPOTA_TESTS_MEMORY_BOARD_H

#include "espota/bytes.h"
#include "espota/fetch.h"
#include "espota/link.h"
#include "espota/plan.h"
#include "sim/board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MiB(n) ((n)*1024u * 1024u)

struct memory_board {
    struct espota_link link;
    struct sim_flash flash;
    struct sim_board board;
    struct espota_bytes answer; /* from the board, not yet read */
    size_t answer_at;
    unsigned lose_every; /* writes of the host that get lost; 0: none */
    unsigned writes;
};

static inline void memory_board_check(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "memory board: %s failed\n", what);
        abort();
    }
}

static inline void memory_board_answer(void *context, enum sim_stream stream, const uint8_t *data,
                                       size_t length)
{
    struct memory_board *b = context;
    struct espota_error error;
    (void)stream;
    memory_board_check(espota_bytes_append(&b->answer, data, length, &error) == 0, "an answer");
}

static inline int memory_board_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms,
                                    size_t *got, struct espota_error *error)
{
    struct memory_board *b = (struct memory_board *)link;
    size_t left = b->answer.size - b->answer_at;
    (void)timeout_ms;
    if (!b->flash.powered)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "no power");
    *got = left < size ? left : size;
    if (*got > 0)
        memcpy(buffer, b->answer.data + b->answer_at, *got);
    b->answer_at += *got;
    if (b->answer_at == b->answer.size)
        b->answer.size = b->answer_at = 0;
    return 0;
}

static inline int memory_board_write(struct espota_link *link, const void *data, size_t size,
                                     struct espota_error *error)
{
    struct memory_board *b = (struct memory_board *)link;
    (void)error;
    b->writes++;
    if (b->lose_every == 0 || b->writes % b->lose_every != 0)
        sim_board_input(&b->board, SIM_UART, data, size);
    return 0;
}

static inline void memory_board_drain(struct espota_link *link)
{
    struct memory_board *b = (struct memory_board *)link;
    b->answer.size = b->answer_at = 0;
}

static inline void memory_board_close(struct espota_link *link)
{
    (void)link;
}

/* An app or bootloader image with `size` bytes of content, which `seed` decides. For the caller to free. */
static inline struct espota_bytes memory_board_image(uint32_t size, uint8_t seed, uint16_t chip)
{
    struct espota_bytes image = { 0 };
    struct espota_error error;
    uint8_t *content = malloc(size);
    struct espota_image_part part = { 0x3f400020, content, size };
    struct espota_image header = { .flash_mode = 2, .flash_size = 2, .chip_id = chip };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    memory_board_check(content && sha256, "memory");
    for (uint32_t i = 0; i < size; i++)
        content[i] = (uint8_t)(i * seed + (i >> 8));
    size_t total = espota_image_build_size(&part, 1);
    uint8_t *data = malloc(total);
    memory_board_check(data && espota_image_build(&header, &part, 1, sha256, data) == 0 &&
                           espota_bytes_append(&image, data, total, &error) == 0,
                       "an image");
    espota_hash_free(sha256);
    free(content);
    free(data);
    return image;
}

static inline void memory_board_put(struct memory_board *b, uint32_t offset, const struct espota_bytes *bytes)
{
    memory_board_check(offset + bytes->size <= b->flash.size, "room in flash");
    memcpy(b->flash.data + offset, bytes->data, bytes->size);
}

/* A board without anything in flash, in download mode. */
static inline struct memory_board *memory_board_blank(uint32_t size, const char *chip)
{
    struct memory_board *b = calloc(1, sizeof *b);
    struct espota_error error;
    static const struct espota_link_ops ops = { .read = memory_board_read,
                                                .write = memory_board_write,
                                                .drain = memory_board_drain,
                                                .close = memory_board_close };
    struct sim_board_options options = { .chip = espota_chip_by_name(chip),
                                         .table_offset = 0x8000,
                                         .rollback = true,
                                         .context = b,
                                         .send = memory_board_answer };
    memory_board_check(b && sim_flash_memory(&b->flash, size, &error) == 0 &&
                           sim_board_init(&b->board, &b->flash, &options, &error) == 0,
                       "a board");
    b->link.ops = &ops;
    strcpy(b->link.name, "memory");
    sim_board_reset(&b->board, true);
    return b;
}

/* A board with bootloader, table and an app in its first app partition, which runs: 2p on 4M, or 3p on 8M.
 */
static inline struct memory_board *memory_board_with(bool three, const struct espota_bytes *app)
{
    struct memory_board *b = memory_board_blank(three ? MiB(8) : MiB(4), "esp32");
    struct espota_bytes bootloader = memory_board_image(4096, 3, 0);
    struct espota_error error;
    struct espota_plan plan;
    struct espota_plan_request request = { .flash_size = b->flash.size,
                                           .layout = three ? ESPOTA_LAYOUT_3P : ESPOTA_LAYOUT_AUTO };
    memory_board_check(espota_plan_make(&plan, &request, &error) == 0 &&
                           espota_table_to_binary(&plan.table, b->flash.data + 0x8000, &error) == 0,
                       "a table");
    memory_board_put(b, 0x1000, &bootloader);
    memory_board_put(b, 0x10000, app);
    espota_bytes_free(&bootloader);
    sim_board_reset(&b->board, false);
    memory_board_check(b->board.state == SIM_RUNNING, "starting the app");
    return b;
}

static inline struct memory_board *memory_board_running(bool three)
{
    struct espota_bytes app = memory_board_image(60000, 5, 0);
    struct memory_board *b = memory_board_with(three, &app);
    espota_bytes_free(&app);
    return b;
}

/* Press reset; nothing of what it said before is read any more. */
static inline void memory_board_restart(struct memory_board *b)
{
    b->answer.size = b->answer_at = 0;
    sim_board_reset(&b->board, false);
}

static inline void memory_board_free(struct memory_board *b)
{
    sim_board_end(&b->board);
    sim_flash_close(&b->flash);
    espota_bytes_free(&b->answer);
    free(b);
}

#endif

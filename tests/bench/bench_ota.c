/* What an update costs on the wire: bytes, and seconds as modelled for a UART and a typical flash chip. The
 * model does not depend on the machine: bits at 10 per byte, 45 ms per sector erased, 0.4 ms per 256 bytes
 * programmed; sending and flash work overlap nowhere, so that it is an upper bound. */
#include "espota/fetch.h"
#include "espota/plan.h"
#include "espota/update.h"
#include "sim/board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct espota_link link;
    struct sim_flash flash;
    struct sim_board board;
    struct espota_bytes answer;
    size_t at;
};

static void take_answer(void *context, enum sim_stream stream, const uint8_t *data, size_t length)
{
    struct bench *b = context;
    struct espota_error error;
    (void)stream;
    if (espota_bytes_append(&b->answer, data, length, &error) != 0)
        abort();
}

static int link_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error)
{
    struct bench *b = (struct bench *)link;
    size_t left = b->answer.size - b->at;
    (void)timeout_ms;
    (void)error;
    *got = left < size ? left : size;
    memcpy(buffer, b->answer.data + b->at, *got);
    b->at += *got;
    if (b->at == b->answer.size)
        b->answer.size = b->at = 0;
    return 0;
}

static int link_write(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct bench *b = (struct bench *)link;
    (void)error;
    sim_board_input(&b->board, SIM_UART, data, size);
    return 0;
}

static void link_drain(struct espota_link *link)
{
    (void)link;
}

static const struct espota_link_ops link_ops = {
    .read = link_read, .write = link_write, .drain = link_drain, .close = link_drain
};

static void build(uint8_t *out, const uint8_t *content, uint32_t size)
{
    struct espota_image_part part = { 0x3f400020, content, size };
    struct espota_image header = { .flash_size = 2 };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    if (!sha256 || espota_image_build(&header, &part, 1, sha256, out) != 0)
        abort();
    espota_hash_free(sha256);
}

static void prepare(struct bench *b)
{
    static uint8_t content[1024];
    struct espota_plan plan;
    struct espota_plan_request request = { .flash_size = 4u << 20 };
    struct espota_error error;
    struct sim_board_options options = {
        .chip = espota_chip_by_name("esp32"), .table_offset = 0x8000, .context = b, .send = take_answer
    };
    if (sim_flash_memory(&b->flash, 4u << 20, &error) != 0 ||
        espota_plan_make(&plan, &request, &error) != 0 ||
        espota_table_to_binary(&plan.table, b->flash.data + 0x8000, &error) != 0 ||
        sim_board_init(&b->board, &b->flash, &options, &error) != 0)
        abort();
    build(b->flash.data + 0x1000, content, sizeof content);
    build(b->flash.data + 0x10000, content, sizeof content);
    b->link.ops = &link_ops;
    sim_board_reset(&b->board, false);
}

static void update(const char *name, struct bench *b, const uint8_t *image, size_t size)
{
    struct espota_device *device = NULL;
    struct espota_agent_options options = { 0 };
    struct espota_ota_request request = { .name = "image", .image = image, .length = size };
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    uint64_t out = b->link.bytes_out, in = b->link.bytes_in, busy = b->flash.busy_us;
    if (espota_agent_open(&device, &b->link, &options, &error) != 0 ||
        espota_ota_run(device, &request, &result, &error) != 0) {
        fprintf(stderr, "bench: %s\n", error.text);
        exit(1);
    }
    espota_device_close(device);
    out = b->link.bytes_out - out;
    in = b->link.bytes_in - in;
    double flash = (double)(b->flash.busy_us - busy) / 1e6;
    double wire = (double)(out + in) * 10;
    printf("%-34s %8llu out %6llu in  flash %5.1f s  total %6.1f s at 115200, %5.1f s at 921600\n", name,
           (unsigned long long)out, (unsigned long long)in, flash, wire / 115200 + flash,
           wire / 921600 + flash);
}

int main(void)
{
    enum { SIZE = 900 << 10 };
    struct bench *b = calloc(1, sizeof *b);
    uint8_t *content = malloc(SIZE), *image = malloc(SIZE + 1024);
    uint32_t x = 1;
    if (!b || !content || !image)
        abort();
    for (uint32_t i = 0; i < SIZE; i++) {
        x = x * 1664525u + 1013904223u;
        content[i] = (uint8_t)(x >> 24);
    }
    build(image, content, SIZE);
    prepare(b);
    size_t size = SIZE + 24 + 8 + 16 + 32;
    printf("OTA of %u KiB through the agent\n", SIZE / 1024);
    update("into a blank slot", b, image, size);
    update("the same again", b, image, size);
    content[5000] ^= 1;
    content[600000] ^= 1;
    build(image, content, SIZE);
    update("two bytes changed", b, image, size);
    sim_board_end(&b->board);
    sim_flash_close(&b->flash);
    espota_bytes_free(&b->answer);
    free(content);
    free(image);
    free(b);
    return 0;
}

/* Lines of the image that a decoder with a base asks for: they wait for flash once. */
#include "espota/agent_client.h"
#include "espota/buffer.h"
#include "espota/coder.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/ota.h"

#include "fixtures/known_bases.h"
#include "fixtures/memory_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECTORS = 40, IDLE = 0x110000 };
enum { LINE = ESPOTA_AGENT_BASE_LINE, LINES_AGAIN = 4, BEHIND = 20 * 4096 };

/* A decoder that asks for the image's first lines with each sector far behind them. */
static struct {
    struct memory_board *board;
    int (*read)(void *context, uint32_t offset, void *buffer, size_t length);
    unsigned asked, reads;
} again;

static int count_read(void *context, uint32_t offset, void *buffer, size_t length)
{
    again.reads += length == LINE && offset >= IDLE && offset < IDLE + LINES_AGAIN * LINE;
    return again.read(context, offset, buffer, length);
}

static int sector_and_lines(void *memory, const uint8_t *chunk, size_t length, uint8_t *sector)
{
    const struct espota_agent *agent = &again.board->board.agent;
    const struct espota_coder_image *image = &agent->image;
    uint8_t line[LINE];
    int result = sim_cpu_decoder.sector(memory, chunk, length, sector);
    for (uint32_t i = 0; i < LINES_AGAIN && agent->input.at >= BEHIND; i++) {
        assert_int_equal(image->read(image->context, i * LINE, line, sizeof line), 0);
        again.asked++;
    }
    return result;
}

/* @return bytes of the update that were sent with a base */
static uint32_t patched_by(struct memory_board *board, const struct espota_bytes *image,
                           struct known_bases *bases)
{
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = { .hello_timeout_ms = 50 };
    struct espota_ota_request request = { .name = "new.bin",
                                          .payload = espota_payload_raw(image->data, image->size),
                                          .bases = &bases->source };
    struct espota_ota_result result = { 0 };
    struct espota_error error;
    assert_int_equal(espota_agent_client_open(&device, &board->link, &options, &error), 0);
    assert_int_equal(espota_ota_run(device, &request, &result, &error), 0);
    espota_device_close(device);
    return result.sent.patched;
}

/* Each read waits for flash. The first line is that of the header, which is held back. */
static void what_was_read_of_the_image_is_not_read_again(void **state)
{
    (void)state;
    struct espota_decoder_ops decoder = sim_cpu_decoder;
    struct espota_bytes old, new;
    struct known_bases bases;
    known_bases_images(SECTORS, &old, &new);
    known_bases_begin(&bases, &old);
    struct memory_board *board = memory_board_with(false, &old);
    struct espota_agent_port *port = &board->board.port.port;
    again.board = board;
    again.read = port->flash_read;
    again.asked = again.reads = 0;
    decoder.sector = sector_and_lines;
    port->flash_read = count_read;
    port->decoder = &decoder;
    assert_true(patched_by(board, &new, &bases) >= SECTORS * 4096);
    assert_memory_equal(board->flash.data + IDLE, new.data, new.size);
    assert_true(again.asked >= 15 * LINES_AGAIN);
    if (again.reads > again.asked / 2)
        fail_msg("%u reads of flash, asked for %u times", again.reads, again.asked);
    memory_board_free(board);
    espota_bytes_free(&old);
    espota_bytes_free(&new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_of_the_image_is_not_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A hostile host: the frames of a whole update, mutated, truncated, dropped, doubled, reordered, replayed and
 * oversized, and requests with numbers at every boundary. The agent stays up, answers by name or not at all,
 * and writes nothing outside of the idle slot and otadata. */
#include "espota/agent_client.h"
#include "espota/buffer.h"
#include "espota/crc32.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/ota.h"

#include "fixtures/keyed_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    MAX_FRAMES = 64,
    RUNNING = 0x10000,
    IDLE = 0x110000,
    IDLE_END = 0x210000,
    OTADATA = 0xd000,
    OTADATA_END = 0xf000,
    FLASH = 4 << 20,
};

struct recording {
    struct espota_slip_decoder decoder;
    uint8_t body[FRAME_ROOM];
    struct frame frame[MAX_FRAMES];
    unsigned count;
};

struct arena {
    struct memory_board *board;
    uint8_t *before; /* flash, as it was */
    struct recording host;
    uint64_t operations; /* of the flash, so far */
    unsigned attacks;
};

/* ---- recording ------------------------------------------------------------------------------------------
 */

static void record(void *context, bool out, const uint8_t *data, size_t size)
{
    struct recording *r = context;
    for (size_t i = 0; out && i < size; i++)
        if (espota_slip_byte(&r->decoder, data[i]) == ESPOTA_SLIP_FRAME && r->count < MAX_FRAMES) {
            struct frame *f = &r->frame[r->count++];
            f->length = r->decoder.length;
            memcpy(f->data, r->body, f->length);
        }
}

static int update(struct memory_board *b, const uint8_t *key, struct espota_error *error)
{
    struct espota_bytes image = memory_board_image(5000, 7, 0);
    struct espota_device *device = NULL;
    struct espota_agent_client_options options = { .hello_timeout_ms = 50,
                                                   .key = key,
                                                   .key_length = key ? KEY : 0 };
    struct espota_ota_request request = { .name = "new",
                                          .payload = espota_payload_raw(image.data, image.size) };
    struct espota_ota_result result;
    int outcome = espota_agent_client_open(&device, &b->link, &options, error);
    if (outcome == 0)
        outcome = espota_ota_run(device, &request, &result, error);
    espota_device_close(device);
    espota_bytes_free(&image);
    return outcome;
}

/* A board, and what a host says to it in a whole update. */
static void enter(struct arena *a, bool keyed)
{
    struct espota_error error = { 0 };
    memset(a, 0, sizeof *a);
    a->board = keyed ? keyed_board() : memory_board_running(false);
    a->before = malloc(FLASH);
    memory_board_check(a->before != NULL, "memory");
    memcpy(a->before, a->board->flash.data, FLASH);
    espota_slip_begin(&a->host.decoder, a->host.body, sizeof a->host.body);
    a->board->link.trace = record;
    a->board->link.trace_context = &a->host;
    if (update(a->board, keyed ? DEVICE_KEY : NULL, &error) != 0)
        fail_msg("%s", error.text);
    a->board->link.trace = NULL;
    assert_in_range(a->host.count, 10, MAX_FRAMES - 1);
    memcpy(a->board->flash.data, a->before, FLASH);
    a->operations = a->board->flash.operations;
}

static void leave(struct arena *a)
{
    print_message("# %u attacks\n", a->attacks);
    memory_board_free(a->board);
    free(a->before);
}

/* ---- attacking ------------------------------------------------------------------------------------------
 */

static void send_frame(struct memory_board *b, const struct frame *f)
{
    keyed_board_send(b, SIM_UART, f->data, f->length);
}

/* Status of the last answer, or -1 when there is none. Forgets all answers. */
static int answer(struct memory_board *b)
{
    struct espota_slip_decoder decoder;
    uint8_t body[2000];
    int status = -1;
    espota_slip_begin(&decoder, body, sizeof body);
    for (size_t i = b->answer_at; i < b->answer.size; i++)
        if (espota_slip_byte(&decoder, b->answer.data[i]) == ESPOTA_SLIP_FRAME && decoder.length > HEADER)
            status = body[HEADER];
    b->answer.size = b->answer_at = 0;
    return status;
}

static void hello(struct memory_board *b)
{
    static const uint8_t versions_and_nonce[18] = { 1, 1 };
    struct frame f = frame_request(ESPOTA_AGENT_HELLO, versions_and_nonce, sizeof versions_and_nonce);
    send_frame(b, &f);
}

/* Whatever was said before: flash is as it has to be, and the agent answers. */
static void survive(struct arena *a)
{
    struct memory_board *b = a->board;
    uint8_t *now = b->flash.data;
    a->attacks++;
    if (b->board.state != SIM_RUNNING || b->board.restart_wanted) /* RESTART is the host's right */
        memory_board_restart(b);
    if (b->flash.operations != a->operations) {
        if (memcmp(now, a->before, OTADATA) != 0 ||
            memcmp(now + OTADATA_END, a->before + OTADATA_END, IDLE - OTADATA_END) != 0 ||
            memcmp(now + IDLE_END, a->before + IDLE_END, FLASH - IDLE_END) != 0)
            fail_msg("attack %u wrote where it must not", a->attacks);
        memcpy(now + OTADATA, a->before + OTADATA, OTADATA_END - OTADATA);
        memcpy(now + IDLE, a->before + IDLE, IDLE_END - IDLE);
        a->operations = b->flash.operations;
    }
    answer(b);
    hello(b);
    if (answer(b) != ESPOTA_AGENT_OK)
        fail_msg("after attack %u the agent does not answer", a->attacks);
}

static void say_all(struct arena *a)
{
    for (unsigned i = 0; i < a->host.count; i++)
        send_frame(a->board, &a->host.frame[i]);
}

/* The session with `f` in place of frame `at`. */
static void say_with(struct arena *a, unsigned at, const struct frame *f)
{
    for (unsigned i = 0; i < a->host.count; i++)
        send_frame(a->board, i == at ? f : &a->host.frame[i]);
    survive(a);
}

/* ---- tests ----------------------------------------------------------------------------------------------
 */

static void damaged_frames_are_dropped(void **state)
{
    (void)state;
    struct arena a;
    enter(&a, false);
    hello(a.board);
    for (unsigned i = 0; i < a.host.count; i++)
        for (size_t k = 0; k < a.host.frame[i].length; k++) {
            struct frame f = a.host.frame[i];
            f.data[k] ^= (uint8_t)(1u << (k + i) % 8);
            uint64_t operations = a.board->flash.operations;
            answer(a.board);
            send_frame(a.board, &f);
            if (answer(a.board) != -1 || a.board->flash.operations != operations)
                fail_msg("frame %u is taken with byte %zu wrong", i, k);
            a.attacks++;
        }
    survive(&a);
    leave(&a);
}

static void frames_with_any_content_do_no_harm(void **state)
{
    (void)state;
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
    struct arena a;
    enter(&a, false);
    for (unsigned i = 0; i < a.host.count; i++)
        for (size_t k = 0; k < HEADER + 16 && k < a.host.frame[i].length - CRC; k++)
            for (size_t v = 0; v < sizeof values; v++) {
                struct frame f = a.host.frame[i];
                f.data[k] = values[v];
                frame_fix_crc(&f);
                say_with(&a, i, &f);
            }
    leave(&a);
}

static void frames_of_any_length_do_no_harm(void **state)
{
    (void)state;
    struct arena a;
    enter(&a, false);
    for (unsigned i = 0; i < a.host.count; i++)
        for (size_t length = 0; length < a.host.frame[i].length; length += length < 64 ? 1 : 61) {
            struct frame f = a.host.frame[i];
            f.length = length;
            say_with(&a, i, &f); /* cut off */
            if (length < HEADER + CRC)
                continue;
            espota_put_le16(f.data + 2, (uint16_t)(length - HEADER - CRC));
            frame_fix_crc(&f);
            say_with(&a, i, &f); /* whole, but shorter than the request needs */
        }
    leave(&a);
}

static void oversized_frames_do_no_harm(void **state)
{
    (void)state;
    static uint8_t data[9000];
    struct arena a;
    enter(&a, false);
    for (uint8_t type = 0; type < 32; type++)
        for (size_t length = 1000; length <= sizeof data; length += 500) {
            memset(data, type, sizeof data);
            data[0] = ESPOTA_AGENT_MARK;
            data[1] = type;
            espota_put_le16(data + 2, (uint16_t)(length - HEADER - CRC));
            espota_put_le32(data + length - CRC, espota_crc32(0, data, length - CRC));
            hello(a.board);
            keyed_board_send(a.board, SIM_UART, data, length);
            survive(&a);
        }
    leave(&a);
}

static void order_does_not_matter(void **state)
{
    (void)state;
    struct arena a;
    enter(&a, false);
    for (unsigned i = 0; i < a.host.count; i++) {
        for (unsigned k = 0; k < a.host.count; k++) /* without frame i */
            if (k != i)
                send_frame(a.board, &a.host.frame[k]);
        survive(&a);
        for (unsigned k = 0; k < a.host.count; k++) { /* frame i twice */
            send_frame(a.board, &a.host.frame[k]);
            if (k == i)
                send_frame(a.board, &a.host.frame[k]);
        }
        survive(&a);
        for (unsigned k = 0; k < a.host.count; k++) /* i and i + 1 swapped, then frame i again at the end */
            send_frame(a.board, &a.host.frame[k == i && i + 1 < a.host.count ? i + 1 : k == i + 1 ? i : k]);
        send_frame(a.board, &a.host.frame[i]);
        survive(&a);
    }
    for (unsigned k = a.host.count; k > 0; k--)
        send_frame(a.board, &a.host.frame[k - 1]);
    survive(&a);
    say_all(&a);
    say_all(&a);
    survive(&a);
    leave(&a);
}

static struct frame recorded(const struct arena *a, uint8_t type)
{
    struct frame f = { 0 };
    for (unsigned i = 0; i < a->host.count; i++)
        if (a->host.frame[i].data[1] == type)
            f = a->host.frame[i];
    assert_true(f.length > 0);
    return f;
}

static void ask_in_an_update(struct arena *a, const struct frame *begin, uint8_t type, const uint8_t *payload,
                             size_t length)
{
    struct frame f = frame_request(type, payload, length);
    hello(a->board);
    send_frame(a->board, begin);
    answer(a->board);
    send_frame(a->board, &f);
    if (answer(a->board) < 0)
        fail_msg("request %02x with %08x %08x has no answer", type, espota_get_le32(payload),
                 espota_get_le32(payload + 4));
    survive(a);
}

/* Every pair of numbers for offset and length, in every request that has them. */
static void numbers_at_every_boundary_are_refused_or_right(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {
        0,         1,        0x8000,         0x8c00,     0x9000,       OTADATA,     OTADATA_END,
        0xfff,     0x1000,   0x1001,         RUNNING,    RUNNING - 1,  RUNNING + 1, IDLE - 1,
        IDLE,      IDLE + 1, IDLE_END - 1,   IDLE_END,   IDLE_END + 1, FLASH - 1,   FLASH,
        FLASH + 1, 1u << 20, (1u << 20) + 1, 0x7fffffff, 0x80000000,   0xfffff000,  0xffffffff
    };
    static const uint8_t types[] = { ESPOTA_AGENT_READ,  ESPOTA_AGENT_DIGEST, ESPOTA_AGENT_BEGIN,
                                     ESPOTA_AGENT_WRITE, ESPOTA_AGENT_ERASE,  ESPOTA_AGENT_SELECT };
    enum { COUNT = sizeof numbers / sizeof numbers[0] };
    struct arena a;
    enter(&a, false);
    struct frame begin = recorded(&a, ESPOTA_AGENT_BEGIN);
    for (size_t t = 0; t < sizeof types; t++)
        for (size_t i = 0; i < COUNT; i++)
            for (size_t k = 0; k < COUNT; k++) {
                uint8_t payload[64] = { 0 };
                size_t length = types[t] == ESPOTA_AGENT_READ     ? 6
                                : types[t] == ESPOTA_AGENT_DIGEST ? 12
                                : types[t] == ESPOTA_AGENT_BEGIN  ? 44
                                : types[t] == ESPOTA_AGENT_SELECT ? 8
                                : types[t] == ESPOTA_AGENT_ERASE  ? 8
                                                                  : sizeof payload;
                uint32_t at = types[t] == ESPOTA_AGENT_BEGIN ? 4 : 0;
                espota_put_le32(payload + at, numbers[i]);
                espota_put_le32(payload + at + 4, numbers[k]);
                if (types[t] == ESPOTA_AGENT_WRITE)
                    payload[4] = (uint8_t)(k & 1); /* START or not */
                ask_in_an_update(&a, &begin, types[t], payload, length);
            }
    leave(&a);
}

/* Stretches in the heads of streams of both coders, and then a sector or two of them. */
static void stretches_at_every_boundary_are_refused_or_right(void **state)
{
    (void)state;
    static const uint32_t numbers[] = { 0,          1,          0xfff,      0x1000,    0x1001,     IDLE,
                                        0x2000,     IDLE_END,   0x100000,   0xff000,   0x7ffff000, 0x80000000,
                                        0xfffff000, 0xfffffff0, 0xffffffff, 0xffff0000 };
    enum { COUNT = sizeof numbers / sizeof numbers[0] };
    struct arena a;
    enter(&a, false);
    struct frame begin = recorded(&a, ESPOTA_AGENT_BEGIN);
    for (uint8_t coder = 0; coder < 3; coder++)
        for (size_t i = 0; i < COUNT; i++)
            for (size_t k = 0; k < COUNT; k++) {
                uint8_t payload[ESPOTA_AGENT_WRITE_HEADER + 1024] = { 0,    0, 0, 0, ESPOTA_AGENT_WRITE_START,
                                                                      coder };
                espota_put_le32(payload + 9, numbers[i]);
                espota_put_le32(payload + 13, numbers[k]);
                ask_in_an_update(&a, &begin, ESPOTA_AGENT_WRITE, payload, sizeof payload);
                payload[4] = 0;
                for (uint32_t at = 1024; at < 9000; at += 1024) {
                    espota_put_le32(payload, at);
                    struct frame f = frame_request(ESPOTA_AGENT_WRITE, payload, sizeof payload);
                    send_frame(a.board, &f);
                }
                survive(&a);
            }
    leave(&a);
}

/* ---- with a key -----------------------------------------------------------------------------------------
 */

static void a_recorded_session_opens_nothing(void **state)
{
    (void)state;
    struct arena a;
    enter(&a, true);
    uint64_t operations = a.board->flash.operations;
    say_all(&a); /* into the session that was recorded: all numbers were used */
    memory_board_restart(a.board);
    say_all(&a); /* into a new one: other nonces */
    say_all(&a);
    assert_int_equal(a.board->flash.operations, operations);
    survive(&a);
    leave(&a);
}

static void without_the_key_every_request_is_locked(void **state)
{
    (void)state;
    struct arena a;
    enter(&a, true);
    for (unsigned type = ESPOTA_AGENT_INFO; type < ESPOTA_AGENT_REQUESTS; type++) {
        struct frame f = frame_request((uint8_t)type, NULL, 0);
        memory_board_restart(a.board);
        hello(a.board);
        answer(a.board);
        send_frame(a.board, &f);
        assert_int_equal(answer(a.board), ESPOTA_AGENT_LOCKED);
    }
    leave(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_frames_are_dropped),
        cmocka_unit_test(frames_with_any_content_do_no_harm),
        cmocka_unit_test(frames_of_any_length_do_no_harm),
        cmocka_unit_test(oversized_frames_do_no_harm),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(numbers_at_every_boundary_are_refused_or_right),
        cmocka_unit_test(stretches_at_every_boundary_are_refused_or_right),
        cmocka_unit_test(a_recorded_session_opens_nothing),
        cmocka_unit_test(without_the_key_every_request_is_locked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

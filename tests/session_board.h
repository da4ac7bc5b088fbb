/* A board whose agent has a key, and frames to throw at it; for tests with cmocka. */
#ifndef ESPOTA_TESTS_SESSION_BOARD_H
#define ESPOTA_TESTS_SESSION_BOARD_H

#include "espota/crc32.h"
#include "espota/update.h"

#include "memory_board.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FRAME_ROOM = 1200, HEADER = 8, CRC = 4, KEY = 32 };

#define DEVICE_KEY ((const uint8_t *)"a key that both of them know ...")
#define WRONG_KEY  ((const uint8_t *)"a key that nobody has told them.")

struct frame {
    uint8_t data[FRAME_ROOM];
    size_t length;
};

/* A board whose agent asks for the key. */
static inline struct memory_board *keyed_board(void)
{
    struct memory_board *b = memory_board_running(false);
    b->board.options.key = DEVICE_KEY;
    b->board.options.key_length = KEY;
    memory_board_restart(b);
    return b;
}

static inline struct espota_device *owner(struct memory_board *b, struct espota_link *link)
{
    struct espota_device *device = NULL;
    struct espota_error error = { 0 };
    struct espota_agent_options options = { .key = DEVICE_KEY, .key_length = KEY, .hello_timeout_ms = 50 };
    if (espota_agent_open(&device, link ? link : &b->link, &options, &error) != 0)
        fail_msg("the owner does not get in: %s", error.text);
    return device;
}

/* The session goes on. */
static inline void assert_served(struct memory_board *b, struct espota_device *device)
{
    struct espota_error error = { 0 };
    uint8_t table[64];
    if (espota_device_read(device, 0x8000, table, sizeof table, &error) != 0)
        fail_msg("the owner is not served: %s", error.text);
    assert_memory_equal(table, b->flash.data + 0x8000, sizeof table);
}

static inline void send_body(struct memory_board *b, enum sim_stream stream, const uint8_t *data,
                             size_t length)
{
    uint8_t wire[ESPOTA_SLIP_MAX_ENCODED(FRAME_ROOM)];
    sim_board_input(&b->board, stream, wire, espota_slip_encode(data, length, wire));
}

static inline void fix_crc(struct frame *f)
{
    espota_put_le32(f->data + f->length - CRC, espota_crc32(0, f->data, f->length - CRC));
}

static inline struct frame request(uint8_t type, const void *payload, size_t length)
{
    struct frame f = { .length = HEADER + length + CRC };
    f.data[0] = ESPOTA_AGENT_MARK;
    f.data[1] = type;
    espota_put_le16(f.data + 2, (uint16_t)length);
    espota_put_le32(f.data + 4, 77);
    if (length > 0)
        memcpy(f.data + HEADER, payload, length);
    fix_crc(&f);
    return f;
}

/* The last answer in `f`; false: there is none. Forgets all answers. */
static inline bool answer(struct memory_board *b, struct frame *f)
{
    struct espota_slip_decoder decoder;
    uint8_t body[FRAME_ROOM];
    f->length = 0;
    espota_slip_begin(&decoder, body, sizeof body);
    for (size_t i = b->answer_at; i < b->answer.size; i++)
        if (espota_slip_byte(&decoder, b->answer.data[i]) == ESPOTA_SLIP_FRAME) {
            f->length = decoder.length;
            memcpy(f->data, body, f->length);
        }
    b->answer.size = b->answer_at = 0;
    return f->length > 0;
}

/* The status of an answer in clear, or -1. */
static inline int ask(struct memory_board *b, enum sim_stream stream, const struct frame *f)
{
    struct frame reply;
    b->answer.size = b->answer_at = 0;
    send_body(b, stream, f->data, f->length);
    return answer(b, &reply) && reply.data[0] == ESPOTA_AGENT_MARK ? reply.data[HEADER] : -1;
}

#endif

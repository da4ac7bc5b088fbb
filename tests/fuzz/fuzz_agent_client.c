/* A hostile agent against the host: a real one answers, and what it says is changed on the way, in frames
 * that are whole, so that it reaches what believes it. Whatever comes, the host ends, in time that is
 * counted, and nothing changes the image that an update is built upon. Input: what the host does; then, again
 * and again, how many answers pass as they are, and what happens to the next one. */
#include "espota/agent_client.h"
#include "espota/agent_protocol.h"
#include "espota/apps.h"
#include "espota/bytes.h"
#include "espota/clock.h"
#include "espota/crc32.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/ota.h"
#include "espota/slip.h"
#include "espota/smart_read.h"

#include "fixtures/known_bases.h"
#include "fixtures/memory_board.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    RUNNING = 0x10000,
    HEAD = ESPOTA_AGENT_HEADER_SIZE,
    CRC = ESPOTA_AGENT_CRC_SIZE,
    ROOM = ESPOTA_AGENT_MAX_FRAME(4096),
    SECTORS = 10,
    LONGEST_MS = 24 * 3600 * 1000, /* of counted time: a host that waits longer waits for ever */
};

struct liar {
    struct espota_link link;
    struct espota_clock clock;
    uint64_t now_ms;
    struct memory_board *board;
    const uint8_t *data;
    size_t left;
    unsigned pass; /* answers, as they are */
    struct espota_slip_decoder decoder;
    uint8_t frame[ROOM];
    struct espota_bytes to_host;
    size_t read;
};

static uint8_t next(struct liar *l)
{
    if (l->left == 0)
        return 0;
    l->left--;
    return *l->data++;
}

static uint64_t now_ms(void *context)
{
    const struct liar *l = context;
    if (l->now_ms > LONGEST_MS)
        abort();
    return l->now_ms;
}

static void sleep_ms(void *context, unsigned ms)
{
    ((struct liar *)context)->now_ms += ms;
}

/* ---- answers --------------------------------------------------------------------------------------------
 */

static void give(struct liar *l, const uint8_t *frame, size_t length)
{
    static uint8_t wire[ESPOTA_SLIP_MAX_ENCODED(ROOM)];
    struct espota_error ignored;
    (void)espota_bytes_append(&l->to_host, wire, espota_slip_encode(frame, length, wire), &ignored);
}

static void give_whole(struct liar *l, uint8_t *frame, size_t payload)
{
    espota_put_le16(frame + 2, (uint16_t)payload);
    espota_put_le32(frame + HEAD + payload, espota_crc32(0, frame, HEAD + payload));
    give(l, frame, HEAD + payload + CRC);
}

/* Bytes of the payload are others. */
static void change_bytes(struct liar *l, uint8_t *frame, size_t payload)
{
    for (unsigned i = next(l) % 8 + 1; i > 0 && payload > 0; i--) {
        size_t at = (next(l) | (size_t)(next(l) & 7) << 8) % payload;
        frame[HEAD + at] = next(l);
    }
}

/* Another payload. @return its length. */
static size_t make_up(struct liar *l, uint8_t *frame)
{
    size_t length = next(l), fill = (size_t)next(l) * 8;
    frame[HEAD] = next(l) % 0x20; /* status */
    for (size_t i = 1; i < length; i++)
        frame[HEAD + i] = next(l);
    memset(frame + HEAD + length, next(l), fill);
    return length + fill;
}

static void lie(struct liar *l, size_t length)
{
    static uint8_t frame[ROOM];
    size_t payload = length - HEAD - CRC;
    memcpy(frame, l->frame, length);
    switch (next(l) % 10) {
    case 0: /* lost */
        break;
    case 1:
        give(l, frame, length);
        give(l, frame, length);
        break;
    case 2: /* of another type */
        frame[1] = (uint8_t)(next(l) | ESPOTA_AGENT_RESPONSE);
        give_whole(l, frame, payload);
        break;
    case 3: /* to another request */
        frame[4] = (uint8_t)(frame[4] + next(l));
        give_whole(l, frame, payload);
        break;
    case 4: /* shorter */
        give_whole(l, frame, payload > 0 ? next(l) % (payload + 1) : 0);
        break;
    case 5:
        give_whole(l, frame, make_up(l, frame));
        break;
    case 6: /* it works, and works on */
        frame[HEAD] = ESPOTA_AGENT_WORKING;
        give_whole(l, frame, 1);
        l->now_ms += next(l) * 100u;
        give(l, l->frame, length);
        break;
    case 7: /* whatever it is, it is done */
        frame[HEAD] = ESPOTA_AGENT_OK;
        give_whole(l, frame, payload);
        break;
    case 8:
        give(l, l->data, l->left < 40 ? l->left : 40);
        break;
    default:
        change_bytes(l, frame, payload);
        give_whole(l, frame, payload);
    }
}

static void answer(struct liar *l, size_t length)
{
    if (length < HEAD + CRC || l->frame[0] != ESPOTA_AGENT_MARK || l->left == 0) {
        give(l, l->frame, length);
    } else if (l->pass > 0) {
        l->pass--;
        give(l, l->frame, length);
    } else {
        lie(l, length);
        l->pass = next(l) % 64;
    }
}

/* ---- the link -------------------------------------------------------------------------------------------
 */

static void take_answers(struct liar *l)
{
    struct espota_bytes *from = &l->board->answer;
    for (size_t i = l->board->answer_at; i < from->size; i++)
        if (espota_slip_byte(&l->decoder, from->data[i]) == ESPOTA_SLIP_FRAME)
            answer(l, l->decoder.length);
    from->size = l->board->answer_at = 0;
}

static int read_link(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error)
{
    struct liar *l = (struct liar *)link;
    (void)error;
    take_answers(l);
    size_t has = l->to_host.size - l->read;
    *got = has < size ? has : size;
    if (*got > 0)
        memcpy(buffer, l->to_host.data + l->read, *got);
    else
        l->now_ms += timeout_ms ? timeout_ms : 1;
    l->read += *got;
    if (l->read == l->to_host.size)
        l->read = l->to_host.size = 0;
    return 0;
}

static int write_link(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct liar *l = (struct liar *)link;
    return espota_link_write(&l->board->link, data, size, error);
}

static void drain_link(struct espota_link *link)
{
    struct liar *l = (struct liar *)link;
    l->read = l->to_host.size = 0;
}

static void close_link(struct espota_link *link)
{
    (void)link;
}

static void begin(struct liar *l, struct memory_board *board, const uint8_t *data, size_t size)
{
    static const struct espota_link_ops ops = {
        .read = read_link, .write = write_link, .drain = drain_link, .close = close_link
    };
    *l = (struct liar){ .link = { .ops = &ops, .name = "liar", .clock = &l->clock },
                        .clock = { l, now_ms, sleep_ms },
                        .board = board,
                        .data = data,
                        .left = size };
    espota_slip_begin(&l->decoder, l->frame, sizeof l->frame);
}

/* ---- the host -------------------------------------------------------------------------------------------
 */

static void update(struct espota_device *device, const struct espota_bytes *old,
                   const struct espota_bytes *new)
{
    struct known_bases bases;
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    known_bases_begin(&bases, old);
    struct espota_ota_request request = { .name = "new",
                                          .payload = espota_payload_raw(new->data, new->size),
                                          .bases = &bases.source };
    (void)espota_ota_run(device, &request, &result, &error);
    if (bases.found != bases.released)
        abort();
}

static void look(struct espota_device *device)
{
    static uint8_t bytes[3 * 65536];
    struct espota_apps apps;
    struct espota_smart_read result;
    struct espota_error error = { 0 };
    (void)espota_apps_load(&apps, device, 0, &error);
    (void)espota_smart_read(device, RUNNING, bytes, sizeof bytes, &result, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct espota_bytes old, new;
    struct espota_agent_client_options options = { .hello_timeout_ms = 1000 };
    struct espota_device *device = NULL;
    struct espota_error error = { 0 };
    struct liar liar;
    if (size == 0)
        return 0;
    if (!old.data)
        known_bases_images(SECTORS, &old, &new);
    struct memory_board *board = memory_board_with(false, &old);
    begin(&liar, board, data + 1, size - 1);
    liar.pass = next(&liar) % 64;
    if (espota_agent_client_open(&device, &liar.link, &options, &error) == 0) {
        if (data[0] & 1)
            look(device);
        if (data[0] & 2 || !(data[0] & 1))
            update(device, &old, &new);
        espota_device_close(device);
    }
    if (memcmp(board->flash.data + RUNNING, old.data, old.size) != 0)
        abort();
    espota_bytes_free(&liar.to_host);
    memory_board_free(board);
    return 0;
}

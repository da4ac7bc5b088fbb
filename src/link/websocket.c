/* WebSocket (RFC 6455), for MicroPython's WebREPL: what is read and written is what its text frames hold,
 * which is not UTF-8 always: a window of raw paste is a byte of 0x80. libwslay makes frames and takes them
 * apart; the stream below does the waiting. */
#include "websocket.h"
#include "link.h"

#include "espota/error.h"
#include "espota/link.h"
#include "espota/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

enum { MOST_DRAINED = 1 << 20, CONTROL_ROOM = 125 };

struct websocket {
    struct espota_link link;
    struct espota_link *stream;
    wslay_frame_context_ptr frames;
    uint8_t raw[WEBSOCKET_ROOM]; /* from raw_at on not yet looked at */
    size_t raw_at, raw_size;
    uint8_t
        data[WEBSOCKET_ROOM]; /* what frames held: never more than `raw` had; from data_at on not yet read */
    size_t data_at, data_size;
    uint64_t left;                 /* of the frame that is coming in */
    uint8_t control[CONTROL_ROOM]; /* what a ping holds */
    size_t control_size;
    bool over;                  /* it was closed, or broke */
    struct espota_error *error; /* of the call under way */
};

/* ---- what libwslay asks for -----------------------------------------------------------------------------
 */

static ssize_t give_raw(uint8_t *buffer, size_t size, int flags, void *context)
{
    struct websocket *w = context;
    size_t left = w->raw_size - w->raw_at, count = size < left ? size : left;
    (void)flags;
    memcpy(buffer, w->raw + w->raw_at, count);
    w->raw_at += count;
    return count > 0 ? (ssize_t)count : -1; /* later */
}

static ssize_t send_raw(const uint8_t *data, size_t size, int flags, void *context)
{
    struct websocket *w = context;
    (void)flags;
    return espota_link_write(w->stream, data, size, w->error) == 0 ? (ssize_t)size : -1;
}

static int make_mask(uint8_t *mask, size_t size, void *context)
{
    struct websocket *w = context;
    if (espota_random(mask, size) == 0)
        return 0;
    (void)espota_fail(w->error, ESPOTA_ERR_FAILED, "there are no random numbers here");
    return -1;
}

/* ---- frames ---------------------------------------------------------------------------------------------
 */

static int broken(struct websocket *w, const char *why, struct espota_error *error)
{
    w->over = true;
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "the connection to %s broke: %s", w->link.name, why);
}

static int send_frame(struct websocket *w, uint8_t opcode, const uint8_t *data, size_t size,
                      struct espota_error *error)
{
    struct wslay_frame_iocb frame = { .fin = 1, .opcode = opcode, .payload_length = size, .mask = 1 };
    size_t sent = 0;
    w->error = error;
    error->status = ESPOTA_OK;
    do {
        frame.data = data + sent;
        frame.data_length = size - sent;
        ssize_t count = wslay_frame_send(w->frames, &frame);
        if (count < 0 && error->status == ESPOTA_OK)
            return broken(w, "a frame cannot be made", error);
        if (count < 0) {
            w->over = true;
            return (int)error->status;
        }
        sent += (size_t)count;
    } while (sent < size);
    return 0;
}

static int no_websocket(const struct websocket *w, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_DEVICE,
                       "the connection to %s is given up: what it sends is no WebSocket's", w->link.name);
}

/* Of a frame that says something of the connection. */
static int take_control(struct websocket *w, const struct wslay_frame_iocb *frame, struct espota_error *error)
{
    if (frame->data_length > sizeof w->control - w->control_size)
        return no_websocket(w, error);
    memcpy(w->control + w->control_size, frame->data, frame->data_length);
    w->control_size += frame->data_length;
    if (w->left > 0)
        return 0;
    size_t size = w->control_size;
    w->control_size = 0;
    return frame->opcode == WSLAY_PING ? send_frame(w, WSLAY_PONG, w->control, size, error) : 0;
}

static int take_part(struct websocket *w, const struct wslay_frame_iocb *frame, struct espota_error *error)
{
    if (w->left == 0)
        w->left = frame->payload_length;
    if (frame->rsv != 0 || frame->data_length > w->left || frame->data_length > sizeof w->data - w->data_size)
        return no_websocket(w, error);
    w->left -= frame->data_length;
    if (frame->opcode == WSLAY_CONNECTION_CLOSE) {
        w->over = true;
        return 0;
    }
    if (wslay_is_ctrl_frame(frame->opcode))
        return take_control(w, frame, error);
    memcpy(w->data + w->data_size, frame->data, frame->data_length);
    w->data_size += frame->data_length;
    return 0;
}

/* From `raw`, into `data`. What came before a connection was closed is read first. */
static int take_frames(struct websocket *w, struct espota_error *error)
{
    int result = 0;
    w->data_at = w->data_size = 0;
    while (result == 0 && !w->over) {
        struct wslay_frame_iocb frame;
        ssize_t count = wslay_frame_recv(w->frames, &frame);
        if (count == WSLAY_ERR_WANT_READ)
            return 0;
        result = count < 0 ? no_websocket(w, error) : take_part(w, &frame, error);
    }
    return w->data_size > 0 ? 0 : result ? result : broken(w, "the other end closed it", error);
}

/* ---- the link -------------------------------------------------------------------------------------------
 */

static int receive(struct websocket *w, unsigned timeout_ms, struct espota_error *error)
{
    if (w->raw_at == w->raw_size) {
        w->raw_at = w->raw_size = 0;
        int result = espota_link_read(w->stream, w->raw, sizeof w->raw, timeout_ms, &w->raw_size, error);
        if (result != 0)
            return result;
    }
    return take_frames(w, error);
}

static int websocket_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms,
                          size_t *got, struct espota_error *error)
{
    struct websocket *w = (struct websocket *)link;
    uint64_t now = espota_link_now_ms(link), deadline = now + timeout_ms;
    int result = 0;
    while (w->data_at == w->data_size) { /* one who sends nothing but pings is not waited for longer */
        result = receive(w, (unsigned)(deadline - now), error);
        now = espota_link_now_ms(link);
        if (result != 0 || now >= deadline)
            break;
    }
    size_t left = w->data_size - w->data_at, count = size < left ? size : left;
    memcpy(buffer, w->data + w->data_at, count);
    w->data_at += count;
    *got = count;
    return result;
}

static int websocket_write(struct espota_link *link, const void *data, size_t size,
                           struct espota_error *error)
{
    struct websocket *w = (struct websocket *)link;
    const uint8_t *at = data;
    int result = 0;
    for (size_t part; result == 0 && size > 0; at += part, size -= part) {
        part = size < WEBSOCKET_ROOM ? size : WEBSOCKET_ROOM;
        result = send_frame(w, WSLAY_TEXT_FRAME, at, part, error);
    }
    return result;
}

static void websocket_drain(struct espota_link *link)
{
    struct websocket *w = (struct websocket *)link;
    struct espota_error ignored;
    for (int i = 0; i < MOST_DRAINED / WEBSOCKET_ROOM; i++)
        if (receive(w, 0, &ignored) != 0 || w->raw_size == 0)
            break;
    w->data_at = w->data_size = 0;
}

static void websocket_close(struct espota_link *link)
{
    struct websocket *w = (struct websocket *)link;
    struct espota_error ignored;
    if (w->stream && !w->over) /* so that the next one is let in at once */
        (void)send_frame(w, WSLAY_CONNECTION_CLOSE, NULL, 0, &ignored);
    if (w->frames)
        wslay_frame_context_free(w->frames);
    espota_link_close(w->stream);
    free(w);
}

static const struct espota_link_ops websocket_ops = {
    .read = websocket_read,
    .write = websocket_write,
    .drain = websocket_drain,
    .close = websocket_close,
};

/* ---- opening --------------------------------------------------------------------------------------------
 */

static bool ask_outer(void *context)
{
    return espota_link_cancelled(context);
}

static int begin_frames(struct websocket *w, struct espota_error *error)
{
    const struct wslay_frame_callbacks callbacks = { send_raw, give_raw, make_mask };
    int code = wslay_frame_context_init(&w->frames, &callbacks, w);
    if (code == 0)
        return 0;
    w->frames = NULL;
    return code == WSLAY_ERR_NOMEM
               ? espota_fail_memory(error, "opening a connection")
               : espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                             "this program was built without libwslay, its library for WebSockets");
}

int espota_link_open_websocket(struct espota_link **link, const char *address,
                               const struct espota_link_patience *patience, struct espota_error *error)
{
    struct websocket *w = calloc(1, sizeof *w);
    if (!w)
        return espota_fail_memory(error, "opening a connection");
    w->link.ops = &websocket_ops;
    int result = begin_frames(w, error);
    if (result == 0)
        result = websocket_connect(&w->stream, address, patience, w->raw, &w->raw_size, error);
    if (result != 0) {
        websocket_close(&w->link);
        return result;
    }
    w->stream->cancelled = ask_outer;
    w->stream->cancelled_context = &w->link;
    *link = &w->link;
    return 0;
}

/* Requests to the puller's own agent: frames go there and come back by a call. */
#include "puller_private.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <string.h>

static int take_answer(void *context, const uint8_t *data, size_t length)
{
    struct espota_puller_work *w = context;
    for (size_t i = 0; i < length; i++)
        (void)espota_slip_byte(&w->answer, data[i]); /* of several, the last one remains */
    return 0;
}

/* Nobody but this puller reaches it: it has no key, and conceals nothing. */
void puller_start_agent(struct espota_puller *p)
{
    static const uint8_t hello[ESPOTA_AGENT_HELLO_SIZE] = { ESPOTA_AGENT_VERSION, ESPOTA_AGENT_VERSION };
    struct espota_puller_work *w = p->work;
    w->agent_port = *p->agent->port;
    w->agent_port.service = &espota_agent_slots;
    w->agent_port.sha256 = p->port->sha256;
    w->agent_port.alone = false;
    w->agent_port.decoder = NULL;
    if (p->port->adapt)
        p->port->adapt(p->port->context, &w->agent_port);
    w->config = *p->agent->config;
    w->config.key_length = 0;
    w->config.conceal = false;
    w->stream.context = w;
    w->stream.send = take_answer;
    espota_agent_stream_begin(&w->stream);
    espota_slip_begin(&w->answer, w->answer_frame, sizeof w->answer_frame);
    (void)espota_agent_start(&w->agent, &w->agent_port, &w->config);
    (void)puller_ask(w, ESPOTA_AGENT_HELLO, hello, sizeof hello);
}

/* A byte of a frame, as SLIP has it. */
static void send_byte(struct espota_puller_work *w, uint8_t byte)
{
    const uint8_t escaped[] = { ESPOTA_SLIP_ESCAPE,
                                byte == ESPOTA_SLIP_END ? ESPOTA_SLIP_ESCAPE_END : ESPOTA_SLIP_ESCAPE_ESC };
    bool special = byte == ESPOTA_SLIP_END || byte == ESPOTA_SLIP_ESCAPE;
    espota_agent_input(&w->agent, &w->stream, special ? escaped : &byte, special ? sizeof escaped : 1);
}

static void send_bytes(struct espota_puller_work *w, const uint8_t *data, size_t length)
{
    size_t plain = 0;
    while (plain < length) {
        size_t run = plain;
        while (run < length && data[run] != ESPOTA_SLIP_END && data[run] != ESPOTA_SLIP_ESCAPE)
            run++;
        if (run > plain)
            espota_agent_input(&w->agent, &w->stream, data + plain, run - plain);
        if (run < length)
            send_byte(w, data[run++]);
        plain = run;
    }
}

/* @return the status; STATE when there was no answer. */
enum espota_agent_status puller_ask(struct espota_puller_work *w, enum espota_agent_request type,
                                    const uint8_t *payload, size_t length)
{
    static const uint8_t end = ESPOTA_SLIP_END;
    uint8_t head[ESPOTA_AGENT_HEADER_SIZE] = { ESPOTA_AGENT_MARK, (uint8_t)type }, sum[ESPOTA_AGENT_CRC_SIZE];
    espota_put_le16(head + 2, (uint16_t)length);
    espota_put_le32(head + 4, ++w->sequence);
    espota_put_le32(sum, espota_crc32(espota_crc32(0, head, sizeof head), payload, length));
    memset(w->answer_frame, 0xff, sizeof w->answer_frame);
    espota_agent_input(&w->agent, &w->stream, &end, 1);
    send_bytes(w, head, sizeof head);
    send_bytes(w, payload, length);
    send_bytes(w, sum, sizeof sum);
    espota_agent_input(&w->agent, &w->stream, &end, 1);
    return w->answer_frame[1] == (type | ESPOTA_AGENT_RESPONSE) &&
                   espota_get_le32(w->answer_frame + 4) == w->sequence
               ? (enum espota_agent_status)w->answer_frame[ESPOTA_AGENT_HEADER_SIZE]
               : ESPOTA_AGENT_STATE;
}

static enum espota_agent_status write_piece(struct espota_puller_work *w, const uint8_t *data, size_t length,
                                            uint8_t flags)
{
    uint8_t *payload = w->room.frame;
    espota_put_le32(payload, w->stream_next);
    payload[4] = (uint8_t)(w->stream_number << ESPOTA_AGENT_WRITE_NUMBER_SHIFT | flags);
    memcpy(payload + ESPOTA_AGENT_WRITE_HEADER, data, length);
    w->stream_next += (uint32_t)length;
    return puller_ask(w, ESPOTA_AGENT_WRITE, payload, ESPOTA_AGENT_WRITE_HEADER + length);
}

enum espota_agent_status puller_begin_stream(struct espota_puller_work *w, uint32_t offset)
{
    uint8_t head[ESPOTA_STREAM_HEAD_SIZE] = { ESPOTA_STREAM_RAW };
    uint32_t sectors = (w->length + ESPOTA_SECTOR_SIZE - 1) / ESPOTA_SECTOR_SIZE;
    espota_put_le32(head + 4, offset);
    espota_put_le32(head + 8, sectors * ESPOTA_SECTOR_SIZE - offset);
    w->stream_number = (uint8_t)((w->stream_number + 1) & 0x7f);
    w->stream_next = 0;
    w->streaming = true;
    return write_piece(w, head, sizeof head, ESPOTA_AGENT_WRITE_START);
}

enum espota_agent_status puller_write(struct espota_puller_work *w, const uint8_t *data, size_t length)
{
    enum espota_agent_status status = ESPOTA_AGENT_OK;
    while (status == ESPOTA_AGENT_OK && length > 0) {
        size_t chunk = length < ESPOTA_AGENT_MAX_DATA ? length : ESPOTA_AGENT_MAX_DATA;
        status = write_piece(w, data, chunk, 0);
        data += chunk;
        length -= chunk;
    }
    return status;
}

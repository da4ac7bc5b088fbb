/* Frames out. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

static bool send_raw(const struct espota_agent_stream *stream, const uint8_t *data, size_t length)
{
    return length == 0 || stream->send(stream->context, data, length) == 0;
}

/* Encode and send a stretch of a frame through a small buffer. */
static bool send_encoded(const struct espota_agent_stream *stream, const uint8_t *data, size_t length)
{
    uint8_t out[64];
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (used + 2 > sizeof out) {
            if (!send_raw(stream, out, used))
                return false;
            used = 0;
        }
        if (data[i] == ESPOTA_SLIP_END || data[i] == ESPOTA_SLIP_ESCAPE) {
            out[used++] = ESPOTA_SLIP_ESCAPE;
            out[used++] = data[i] == ESPOTA_SLIP_END ? ESPOTA_SLIP_ESCAPE_END : ESPOTA_SLIP_ESCAPE_ESC;
        } else {
            out[used++] = data[i];
        }
    }
    return send_raw(stream, out, used);
}

/* A frame in up to three stretches; a host that hears nothing asks again. */
static void send_frame(const struct espota_agent_stream *stream, const uint8_t *head, size_t head_length,
                       const uint8_t *body, size_t length, const uint8_t *crc, size_t crc_length)
{
    static const uint8_t end = ESPOTA_SLIP_END;
    if (send_raw(stream, &end, 1) && send_encoded(stream, head, head_length) &&
        send_encoded(stream, body, length) && send_encoded(stream, crc, crc_length))
        (void)send_raw(stream, &end, 1);
}

static void send_open(const struct espota_agent_request_in *request, const uint8_t *payload, size_t length)
{
    uint8_t head[ESPOTA_AGENT_HEADER_SIZE], crc[ESPOTA_AGENT_CRC_SIZE];
    head[0] = ESPOTA_AGENT_MARK;
    head[1] = request->type | ESPOTA_AGENT_RESPONSE;
    espota_put_le16(head + 2, (uint16_t)length);
    espota_put_le32(head + 4, request->sequence);
    espota_put_le32(crc, espota_crc32(espota_crc32(0, head, sizeof head), payload, length));
    send_frame(request->stream, head, sizeof head, payload, length, crc, sizeof crc);
}

/* `inner` has room for what stands before the payload, and for the tag. */
static void send_sealed(struct espota_agent *agent, const struct espota_agent_request_in *request,
                        uint8_t *inner, size_t length)
{
    uint8_t head[ESPOTA_AGENT_SEALED_HEADER];
    inner[0] = request->type | ESPOTA_AGENT_RESPONSE;
    espota_put_le32(inner + 1, request->sequence);
    length += ESPOTA_AGENT_SEALED_INNER;
    if (espota_agent_encrypt(agent, head, inner, length) == 0)
        send_frame(request->stream, head, sizeof head, inner, length + ESPOTA_AGENT_TAG_SIZE, NULL, 0);
}

/* What is being built in the reply buffer stays there while a status alone goes out. */
void espota_agent_send_status(struct espota_agent *agent, const struct espota_agent_request_in *request,
                              enum espota_agent_status status, size_t data_length)
{
    uint8_t alone[REPLY_DATA + ESPOTA_AGENT_TAG_SIZE];
    uint8_t *reply = data_length > 0 ? agent->reply : alone;
    reply[REPLY_STATUS] = (uint8_t)status;
    if (request->sealed)
        send_sealed(agent, request, reply, 1 + data_length);
    else
        send_open(request, reply + REPLY_STATUS, 1 + data_length);
}

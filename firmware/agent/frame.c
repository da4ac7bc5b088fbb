/* Frames out. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

enum { WORKING_MS = 250 };

/* Encoded through a small buffer. A host that hears nothing asks again. */
static void send_frame(const struct espota_agent_stream *stream, const uint8_t *data, size_t length)
{
    uint8_t out[64] = { ESPOTA_SLIP_END };
    size_t used = 1;
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = data[i];
        if (byte == ESPOTA_SLIP_END || byte == ESPOTA_SLIP_ESCAPE) {
            out[used++] = ESPOTA_SLIP_ESCAPE;
            byte = byte == ESPOTA_SLIP_END ? ESPOTA_SLIP_ESCAPE_END : ESPOTA_SLIP_ESCAPE_ESC;
        }
        out[used++] = byte;
        if (used > sizeof out - 2) {
            if (stream->send(stream->context, out, used) != 0)
                return;
            used = 0;
        }
    }
    out[used++] = ESPOTA_SLIP_END;
    (void)stream->send(stream->context, out, used);
}

/* `payload` has room for what stands before it, and for what follows, in a frame of either kind. */
static void send_open(const struct espota_agent_request_in *request, uint8_t *payload, size_t length)
{
    uint8_t *head = payload - ESPOTA_AGENT_HEADER_SIZE;
    head[0] = ESPOTA_AGENT_MARK;
    head[1] = request->type | ESPOTA_AGENT_RESPONSE;
    espota_put_le16(head + 2, (uint16_t)length);
    espota_put_le32(head + 4, request->sequence);
    length += ESPOTA_AGENT_HEADER_SIZE;
    espota_put_le32(head + length, espota_crc32(0, head, length));
    send_frame(request->stream, head, length + ESPOTA_AGENT_CRC_SIZE);
}

static void send_sealed(struct espota_agent *agent, const struct espota_agent_request_in *request,
                        uint8_t *payload, size_t length)
{
    uint8_t *inner = payload - ESPOTA_AGENT_SEALED_INNER, *head = inner - ESPOTA_AGENT_SEALED_HEADER;
    inner[0] = request->type | ESPOTA_AGENT_RESPONSE;
    espota_put_le32(inner + 1, request->sequence);
    length += ESPOTA_AGENT_SEALED_INNER;
    if (espota_agent_encrypt(agent, head, inner, length) == 0)
        send_frame(request->stream, head, ESPOTA_AGENT_SEALED_HEADER + length + ESPOTA_AGENT_TAG_SIZE);
}

/* What is being built in the reply buffer stays there while a status alone goes out. */
void espota_agent_send_status(struct espota_agent *agent, const struct espota_agent_request_in *request,
                              enum espota_agent_status status, size_t data_length)
{
    uint8_t alone[REPLY_DATA + ESPOTA_AGENT_TAG_SIZE];
    uint8_t *payload = (data_length > 0 ? agent->reply : alone) + REPLY_STATUS;
    *payload = (uint8_t)status;
    if (request->sealed)
        send_sealed(agent, request, payload, 1 + data_length);
    else
        send_open(request, payload, 1 + data_length);
}

void espota_agent_say_working(struct espota_agent *agent)
{
    uint32_t now = agent->port->now_ms(agent->port->context);
    if (!agent->request || now - agent->told_ms < WORKING_MS)
        return;
    agent->told_ms = now;
    espota_agent_send_status(agent, agent->request, ESPOTA_AGENT_WORKING, 0);
}

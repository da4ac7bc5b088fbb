/* Frames of a keyed session. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/crypto.h"

int espota_agent_encrypt(struct espota_agent *agent, uint8_t head[ESPOTA_AGENT_SEALED_HEADER], uint8_t *inner,
                         size_t length)
{
    const struct espota_crypto *crypto = &agent->port->crypto;
    struct espota_agent_session *s = &agent->session;
    if (s->sent == UINT32_MAX) /* no number serves twice */
        return -1;
    head[0] = ESPOTA_AGENT_SEALED;
    espota_put_le32(head + 1, ++s->sent);
    return crypto->seal(crypto->context, s->keys.to_initiator, s->sent, head, ESPOTA_AGENT_SEALED_HEADER,
                        inner, length);
}

bool espota_agent_decrypt(struct espota_agent *agent, struct espota_agent_request_in *request, size_t length)
{
    enum { OVERHEAD = ESPOTA_AGENT_SEALED_HEADER + ESPOTA_AGENT_SEALED_INNER + ESPOTA_AGENT_TAG_SIZE };
    const struct espota_crypto *crypto = &agent->port->crypto;
    struct espota_agent_session *s = &agent->session;
    uint8_t *frame = request->stream->frame, *inner = frame + ESPOTA_AGENT_SEALED_HEADER;
    if (length < OVERHEAD)
        return false;
    uint32_t number = espota_get_le32(frame + 1);
    if (number <= s->received ||
        crypto->open(crypto->context, s->keys.to_responder, number, frame, ESPOTA_AGENT_SEALED_HEADER, inner,
                     length - ESPOTA_AGENT_SEALED_HEADER - ESPOTA_AGENT_TAG_SIZE) != 0)
        return false;
    s->received = number;
    request->sealed = true;
    request->type = inner[0];
    request->sequence = espota_get_le32(inner + 1);
    request->data = inner + ESPOTA_AGENT_SEALED_INNER;
    request->length = length - OVERHEAD;
    return true;
}

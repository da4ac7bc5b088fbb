/* Who may talk to the device: HELLO, HANDSHAKE, and the frames of a keyed session. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/crypto.h"

#include <string.h>

static uint32_t capabilities(const struct espota_agent *agent, const struct espota_agent_stream *stream)
{
    return agent->port->service->capabilities |
           (espota_agent_decodes(agent) ? ESPOTA_AGENT_CAN_CODED | ESPOTA_AGENT_CAN_PATCH : 0) |
           (agent->config->rollback ? ESPOTA_AGENT_CAN_TRIAL : 0) |
           (agent->port->owner ? ESPOTA_AGENT_SIGNED_ONLY : 0) |
           (stream->set_rate ? ESPOTA_AGENT_CAN_RATE : 0);
}

bool espota_agent_can_be_keyed(const struct espota_agent_port *port)
{
    return port->random && port->crypto.seal && port->crypto.open && port->crypto.x25519;
}

static void begin_session(struct espota_agent *agent, struct espota_agent_stream *stream)
{
    espota_noise_forget(&agent->session, sizeof agent->session);
    espota_agent_drop_stream(agent);
    espota_agent_drain(agent);
    (void)espota_agent_flash_failed(agent);
    memset(&agent->update, 0, sizeof agent->update);
    espota_agent_forget_named(agent, 0, UINT32_MAX);
    if (KNOWS_BLANK)
        espota_agent_saw_none(agent);
    agent->session.stream = stream;
    agent->session.heard_ms = agent->port->now_ms(agent->port->context);
}

void espota_agent_end_session(struct espota_agent *agent)
{
    begin_session(agent, NULL);
}

/* All that both sides said becomes part of the handshake: what is changed on the way makes it fail. */
static int begin_handshake(struct espota_agent *agent, const struct espota_agent_request_in *request,
                           const uint8_t *reply, size_t length)
{
    static const char label[] = ESPOTA_AGENT_LABEL_PROLOGUE;
    uint8_t said[sizeof label - 1 + ESPOTA_AGENT_HELLO_SIZE + ESPOTA_AGENT_HELLO_REPLY_SIZE];
    struct espota_noise *noise = &request->stream->noise;
    uint8_t *at = said;
    memcpy(at, label, sizeof label - 1);
    at += sizeof label - 1;
    memcpy(at, request->data, ESPOTA_AGENT_HELLO_SIZE);
    at += ESPOTA_AGENT_HELLO_SIZE;
    memcpy(at, reply, length);
    if (espota_noise_begin(noise, &agent->port->sha256, &agent->port->crypto) != 0 ||
        espota_noise_prologue(noise, said, (size_t)(at - said) + length) != 0)
        return -1;
    request->stream->greeted = true;
    return 0;
}

/* With a key nothing changes but the handshake of this stream: a stranger's HELLO costs the owner nothing. */
enum espota_agent_status espota_agent_hello(struct espota_agent *agent,
                                            const struct espota_agent_request_in *request,
                                            struct reply *reply)
{
    const struct espota_agent_config *config = agent->config;
    const uint8_t *in = request->data;
    uint8_t *out = reply->data;
    bool keyed = config->key_length > 0;
    request->stream->greeted = false;
    if (request->length != ESPOTA_AGENT_HELLO_SIZE)
        return ESPOTA_AGENT_MALFORMED;
    out[0] = ESPOTA_AGENT_VERSION;
    reply->length = 1;
    if (in[0] > ESPOTA_AGENT_VERSION || in[1] < ESPOTA_AGENT_VERSION)
        return ESPOTA_AGENT_BAD_VERSION;
    out[1] = keyed ? ESPOTA_AGENT_HELLO_KEY_NEEDED : 0;
    out[2] = config->window;
    espota_put_le16(out + 3, ESPOTA_AGENT_MAX_DATA);
    espota_put_le32(out + 5, capabilities(agent, request->stream));
    espota_put_le32(out + 9, config->window_bytes);
    memset(out + 13, 0, ESPOTA_AGENT_NONCE_SIZE);
    out[-1] = ESPOTA_AGENT_OK; /* the status, which the handshake covers too */
    if (keyed && (!espota_agent_can_be_keyed(agent->port) ||
                  agent->port->random(agent->port->context, out + 13, ESPOTA_AGENT_NONCE_SIZE) != 0 ||
                  begin_handshake(agent, request, out - 1, ESPOTA_AGENT_HELLO_REPLY_SIZE) != 0))
        return ESPOTA_AGENT_CRYPTO;
    if (!keyed)
        begin_session(agent, request->stream);
    reply->length = ESPOTA_AGENT_HELLO_REPLY_SIZE - 1;
    return ESPOTA_AGENT_OK;
}

/* The host's message is read first, and only who knows the key gets further: no wrong proof changes anything
 * or costs an exchange of keys. */
static enum espota_agent_status shake_hands(struct espota_agent *agent, struct espota_noise *noise,
                                            uint8_t message[ESPOTA_AGENT_HANDSHAKE_SIZE],
                                            struct espota_noise_keys *keys)
{
    const struct espota_agent_port *port = agent->port;
    uint8_t secret[ESPOTA_NOISE_KEY_SIZE];
    enum espota_agent_status status = ESPOTA_AGENT_OK;
    if (espota_noise_psk(&port->sha256, agent->config->key, agent->config->key_length, secret) != 0)
        status = ESPOTA_AGENT_CRYPTO;
    else if (espota_noise_read_first(noise, secret, message, ESPOTA_AGENT_HANDSHAKE_SIZE) != 0)
        status = ESPOTA_AGENT_PROOF;
    else if (port->random(port->context, secret, sizeof secret) != 0 ||
             espota_noise_write_second(noise, secret, message, 0, keys) != 0)
        status = ESPOTA_AGENT_CRYPTO;
    espota_noise_forget(secret, sizeof secret);
    espota_noise_forget(noise, sizeof *noise);
    return status;
}

enum espota_agent_status espota_agent_handshake(struct espota_agent *agent,
                                                const struct espota_agent_request_in *request,
                                                struct reply *reply)
{
    struct espota_agent_stream *stream = request->stream;
    struct espota_noise_keys keys;
    if (agent->config->key_length == 0)
        return ESPOTA_AGENT_UNSUPPORTED;
    if (!stream->greeted)
        return ESPOTA_AGENT_ORDER;
    if (request->length != ESPOTA_AGENT_HANDSHAKE_SIZE)
        return ESPOTA_AGENT_MALFORMED;
    stream->greeted = false; /* the nonce is used up */
    memcpy(reply->data, request->data, ESPOTA_AGENT_HANDSHAKE_SIZE);
    enum espota_agent_status status = shake_hands(agent, &stream->noise, reply->data, &keys);
    if (status == ESPOTA_AGENT_OK) {
        begin_session(agent, stream);
        agent->session.sealed = true;
        agent->session.keys = keys;
        reply->length = ESPOTA_AGENT_HANDSHAKE_SIZE;
    }
    espota_noise_forget(&keys, sizeof keys);
    return status;
}

/* ---- rate -----------------------------------------------------------------------------------------------
 */

/* The answer goes out at the old rate: agent.c changes it behind that. */
enum espota_agent_status espota_agent_rate(struct espota_agent *agent,
                                           const struct espota_agent_request_in *request, struct reply *reply)
{
    (void)reply;
    if (!request->stream->set_rate)
        return ESPOTA_AGENT_UNSUPPORTED;
    agent->wanted_baud = espota_get_le32(request->data);
    return agent->wanted_baud == 0 ? ESPOTA_AGENT_RANGE : ESPOTA_AGENT_OK;
}

void espota_agent_change_rate(struct espota_agent *agent, struct espota_agent_stream *stream, uint32_t baud)
{
    struct espota_agent_rate *rate = &agent->rate;
    uint32_t before = rate->stream == stream ? rate->now : stream->rate;
    if (stream->set_rate(stream->context, baud) == 0)
        *rate = (struct espota_agent_rate){ stream, baud, before, ESPOTA_AGENT_RATE_PROOF_MS };
}

void espota_agent_heard(struct espota_agent *agent, const struct espota_agent_stream *stream)
{
    struct espota_agent_rate *rate = &agent->rate;
    agent->session.heard_ms = agent->port->now_ms(agent->port->context);
    if (rate->stream == stream) {
        rate->back = stream->rate;
        rate->limit_ms = ESPOTA_AGENT_RATE_IDLE_MS;
    }
}

/* At a rate at which nobody is heard, the stream goes back to the one before; when its session has fallen
 * silent, to the one that a new host expects. */
void espota_agent_check_rate(struct espota_agent *agent)
{
    struct espota_agent_rate *rate = &agent->rate;
    const struct espota_agent_stream *stream = rate->stream;
    if (!stream || (agent->session.stream == stream && espota_agent_silence_ms(agent) < rate->limit_ms))
        return;
    (void)stream->set_rate(stream->context, rate->back);
    rate->now = rate->back;
    rate->back = stream->rate;
    rate->limit_ms = ESPOTA_AGENT_RATE_IDLE_MS;
    if (rate->now == stream->rate)
        rate->stream = NULL;
}

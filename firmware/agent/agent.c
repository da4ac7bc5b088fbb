/* Frames in, and requests carried out. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/table.h"

#include <string.h>

enum { IDLE_MS = 3000, STEPS = 4 };

int espota_agent_start(struct espota_agent *agent, const struct espota_agent_port *port,
                       const struct espota_agent_config *config)
{
    memset(agent, 0, sizeof *agent);
    agent->port = port;
    agent->config = config;
    agent->serves = port->service->start(agent) == 0;
    return agent->serves && (config->key_length == 0 || espota_agent_can_be_keyed(port)) ? 0 : -1;
}

void espota_agent_stream_begin(struct espota_agent_stream *stream)
{
    espota_noise_forget(&stream->noise, sizeof stream->noise);
    stream->greeted = false;
    espota_slip_begin(&stream->decoder, stream->frame, sizeof stream->frame);
}

void espota_agent_stream_end(struct espota_agent *agent, struct espota_agent_stream *stream)
{
    if (agent->session.stream == stream)
        espota_agent_end_session(agent);
    if (agent->rate.stream == stream)
        agent->rate.stream = NULL;
    espota_agent_stream_begin(stream);
}

/* ---- in -------------------------------------------------------------------------------------------------
 */

enum espota_agent_status espota_agent_restart(struct espota_agent *agent,
                                              const struct espota_agent_request_in *request,
                                              struct reply *reply)
{
    (void)agent;
    (void)request;
    (void)reply;
    return ESPOTA_AGENT_OK; /* it happens when that was said */
}

/* What a request needs before it is looked at. */
static enum espota_agent_status admit(const struct espota_agent *agent,
                                      const struct espota_agent_request_in *request)
{
    uint8_t type = request->type;
    bool greeting = type == ESPOTA_AGENT_HELLO || type == ESPOTA_AGENT_HANDSHAKE;
    if (type >= ESPOTA_AGENT_REQUESTS || (greeting && request->sealed))
        return ESPOTA_AGENT_UNKNOWN;
    if (greeting)
        return ESPOTA_AGENT_OK;
    if (agent->config->key_length > 0 && !request->sealed)
        return ESPOTA_AGENT_LOCKED;
    if (agent->session.stream != request->stream)
        return ESPOTA_AGENT_ORDER;
    if (!agent->serves && type != ESPOTA_AGENT_INFO && type != ESPOTA_AGENT_RESTART)
        return ESPOTA_AGENT_STATE;
    return agent->port->service->handlers[type] ? ESPOTA_AGENT_OK : ESPOTA_AGENT_UNSUPPORTED;
}

static bool changes_something(uint8_t type)
{
    return type == ESPOTA_AGENT_BEGIN || (type >= ESPOTA_AGENT_VERIFY && type <= ESPOTA_AGENT_ROLLBACK);
}

/* Of the payloads of requests; the others look for themselves. */
static const uint8_t lengths[ESPOTA_AGENT_REQUESTS] = {
    [ESPOTA_AGENT_READ] = 6,     [ESPOTA_AGENT_DIGEST] = 12, [ESPOTA_AGENT_BEGIN] = ESPOTA_AGENT_BEGIN_SIZE,
    [ESPOTA_AGENT_SELECT] = 8,   [ESPOTA_AGENT_ERASE] = 8,   [ESPOTA_AGENT_RATE] = 4,
    [ESPOTA_AGENT_IDENTIFY] = 4,
};

/* An update is over with BEGIN of the next one, and when it is decided what boots. */
static bool ends_update(uint8_t type)
{
    return changes_something(type) && type != ESPOTA_AGENT_VERIFY;
}

/* Flash is at rest for all but a stream: what goes on meanwhile is done first. */
static enum espota_agent_status perform(struct espota_agent *agent,
                                        const struct espota_agent_request_in *request, struct reply *reply)
{
    uint8_t type = request->type;
    enum espota_agent_status status = ESPOTA_AGENT_OK;
    if (MORE_SECTORS && type != ESPOTA_AGENT_WRITE && type != ESPOTA_AGENT_INFO)
        agent->hashed = false; /* the port has one hash */
    if (type != ESPOTA_AGENT_WRITE && type > ESPOTA_AGENT_HANDSHAKE) {
        agent->request = request;
        agent->told_ms = agent->port->now_ms(agent->port->context);
        if (type >= ESPOTA_AGENT_BEGIN)
            espota_agent_drop_stream(agent);
        espota_agent_drain(agent);
        if (MORE_SECTORS)
            agent->verified = agent->port->alone && agent->update.sealed ? agent->update.partition : 0;
        if (ends_update(type))
            memset(&agent->update, 0, sizeof agent->update);
        if (espota_agent_flash_failed(agent))
            status = ESPOTA_AGENT_FLASH;
        else if (request->length != lengths[type] && !(ESPOTA_AGENT_PULLS && type == ESPOTA_AGENT_PULL))
            status = ESPOTA_AGENT_MALFORMED;
    }
    if (status == ESPOTA_AGENT_OK)
        status = agent->port->service->handlers[type](agent, request, reply);
    agent->request = NULL;
    return status;
}

static void carry_out(struct espota_agent *agent, const struct espota_agent_request_in *request)
{
    struct reply reply = { agent->reply + REPLY_DATA, 0 };
    enum espota_agent_status status = admit(agent, request);
    if (status == ESPOTA_AGENT_OK)
        status = perform(agent, request, &reply);
    espota_agent_send_status(agent, request, status, reply.length);
    if (status != ESPOTA_AGENT_OK)
        return;
    if (agent->port->done && changes_something(request->type))
        agent->port->done(agent->port->context, (enum espota_agent_request)request->type);
    if (request->type == ESPOTA_AGENT_RESTART)
        agent->port->restart(agent->port->context);
}

/* @return false when the frame did not arrive as it was sent. */
static bool parse_open(struct espota_agent_request_in *request, size_t length)
{
    const uint8_t *f = request->stream->frame;
    if (length < ESPOTA_AGENT_HEADER_SIZE + ESPOTA_AGENT_CRC_SIZE || f[0] != ESPOTA_AGENT_MARK)
        return false;
    size_t covered = ESPOTA_AGENT_HEADER_SIZE + espota_get_le16(f + 2);
    if (length != covered + ESPOTA_AGENT_CRC_SIZE ||
        espota_get_le32(f + covered) != espota_crc32(0, f, covered))
        return false;
    request->type = f[1];
    request->sequence = espota_get_le32(f + 4);
    request->data = f + ESPOTA_AGENT_HEADER_SIZE;
    request->length = covered - ESPOTA_AGENT_HEADER_SIZE;
    return true;
}

/* A host whose session is gone learns it at once; it proves itself again, and nothing is lost. */
static void answer_lost(struct espota_agent *agent, struct espota_agent_request_in *request)
{
    request->type = ESPOTA_AGENT_HANDSHAKE;
    request->sequence = espota_get_le32(request->stream->frame + 1);
    espota_agent_send_status(agent, request, ESPOTA_AGENT_ORDER, 0);
}

/* Without keys who talks is served; another stream has its turn when that one has been silent. */
static bool must_wait(const struct espota_agent *agent, const struct espota_agent_stream *stream)
{
    return agent->config->key_length == 0 && agent->session.stream && agent->session.stream != stream &&
           espota_agent_silence_ms(agent) < IDLE_MS;
}

static void take_frame(struct espota_agent *agent, struct espota_agent_stream *stream, size_t length)
{
    struct espota_agent_request_in request = { .stream = stream };
    bool serves = agent->session.stream == stream;
    if (length > ESPOTA_AGENT_SEALED_HEADER && stream->frame[0] == ESPOTA_AGENT_SEALED) {
        if (!serves || !agent->session.sealed) {
            answer_lost(agent, &request);
            return;
        }
        if (!espota_agent_decrypt(agent, &request, length))
            return;
    } else if (!parse_open(&request, length)) {
        return;
    }
    if ((request.type & ESPOTA_AGENT_RESPONSE) || request.type == 0 || must_wait(agent, stream))
        return;
    bool of_session = request.sealed || (agent->config->key_length == 0 && serves);
    carry_out(agent, &request);
    if (of_session)
        espota_agent_heard(agent, stream); /* what it took is no silence */
    if (agent->wanted_baud != 0)
        espota_agent_change_rate(agent, stream, agent->wanted_baud);
    agent->wanted_baud = 0;
}

void espota_agent_work(struct espota_agent *agent)
{
    espota_agent_check_rate(agent);
    for (unsigned i = 0; i < STEPS; i++)
        espota_agent_flash_step(agent);
}

/* What stands for itself in a frame is taken at once, where there is room for the code. */
static size_t take_plain(struct espota_agent_stream *stream, const uint8_t *data, size_t length)
{
    return MORE_SECTORS ? espota_slip_plain(&stream->decoder, data, length) : 0;
}

void espota_agent_input(struct espota_agent *agent, struct espota_agent_stream *stream, const uint8_t *data,
                        size_t length)
{
    for (size_t i = take_plain(stream, data, length); i < length;
         i += take_plain(stream, data + i, length - i))
        if (espota_slip_byte(&stream->decoder, data[i++]) == ESPOTA_SLIP_FRAME)
            take_frame(agent, stream, stream->decoder.length);
}

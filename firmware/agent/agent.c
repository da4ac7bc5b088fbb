/* Frames in, requests carried out, frames out. */
#include "private.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <string.h>

static int load_table(struct espota_agent *agent)
{
    struct espota_table_problem problem;
    if (agent->port->flash_read(agent->port->context, agent->config->table_offset, agent->sector,
                                ESPOTA_TABLE_BINARY_SIZE) != 0)
        return -1;
    return espota_table_parse_flash(&agent->table, agent->sector, ESPOTA_TABLE_BINARY_SIZE,
                                    agent->config->table_offset, agent->config->flash_size, agent->port->md5,
                                    &problem);
}

int espota_agent_start(struct espota_agent *agent, const struct espota_agent_port *port,
                       const struct espota_agent_config *config)
{
    memset(agent, 0, sizeof *agent);
    agent->port = port;
    agent->config = config;
    espota_slip_begin(&agent->decoder, agent->frame, sizeof agent->frame);
    agent->has_table = load_table(agent) == 0;
    return agent->has_table && (config->key_length == 0 || port->random) ? 0 : -1;
}

void espota_agent_disconnect(struct espota_agent *agent)
{
    memset(&agent->session, 0, sizeof agent->session);
    memset(&agent->update, 0, sizeof agent->update);
    espota_slip_begin(&agent->decoder, agent->frame, sizeof agent->frame);
}

/* ---- out ------------------------------------------------------------------------------------------------
 */

/* Encode and send a stretch of a frame through a small buffer. */
static int send_encoded(struct espota_agent *agent, const uint8_t *data, size_t length)
{
    uint8_t out[64];
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        if (used + 2 > sizeof out) {
            if (agent->port->send(agent->port->context, out, used) != 0)
                return -1;
            used = 0;
        }
        if (data[i] == ESPOTA_SLIP_END || data[i] == ESPOTA_SLIP_ESCAPE) {
            out[used++] = ESPOTA_SLIP_ESCAPE;
            out[used++] = data[i] == ESPOTA_SLIP_END ? ESPOTA_SLIP_ESCAPE_END : ESPOTA_SLIP_ESCAPE_ESC;
        } else {
            out[used++] = data[i];
        }
    }
    return used > 0 ? agent->port->send(agent->port->context, out, used) : 0;
}

/* Does this response carry a code? HELLO and AUTH never do. */
static bool carries_mac(const struct espota_agent *agent, uint8_t type)
{
    return agent->session.keyed && type != ESPOTA_AGENT_HELLO && type != ESPOTA_AGENT_AUTH;
}

void espota_agent_send_status(struct espota_agent *agent, const struct request *request,
                              enum espota_agent_status status, size_t data_length)
{
    static const uint8_t end = ESPOTA_SLIP_END;
    uint8_t head[ESPOTA_AGENT_HEADER_SIZE], mac[ESPOTA_SHA256_LENGTH], crc[ESPOTA_AGENT_CRC_SIZE];
    size_t mac_length = carries_mac(agent, request->type) ? ESPOTA_AGENT_MAC_SIZE : 0;
    size_t length = 1 + data_length;
    agent->reply[0] = (uint8_t)status;
    head[0] = ESPOTA_AGENT_MARK;
    head[1] = request->type | ESPOTA_AGENT_RESPONSE;
    espota_put_le16(head + 2, (uint16_t)length);
    espota_put_le32(head + 4, request->sequence);
    if (mac_length > 0 &&
        espota_agent_mac(agent, agent->session.to_host, head, sizeof head, agent->reply, length, mac) != 0)
        return;
    uint32_t sum = espota_crc32(0, head, sizeof head);
    sum = espota_crc32(sum, agent->reply, length);
    espota_put_le32(crc, espota_crc32(sum, mac, mac_length));
    const struct espota_agent_port *port = agent->port;
    if (port->send(port->context, &end, 1) == 0 && send_encoded(agent, head, sizeof head) == 0 &&
        send_encoded(agent, agent->reply, length) == 0 && send_encoded(agent, mac, mac_length) == 0 &&
        send_encoded(agent, crc, sizeof crc) == 0)
        (void)port->send(port->context, &end, 1); /* a host that hears nothing asks again */
}

/* ---- in -------------------------------------------------------------------------------------------------
 */

static enum espota_agent_status restart(struct espota_agent *agent, const struct request *request,
                                        struct reply *reply)
{
    (void)agent;
    (void)reply;
    return request->length == 0 ? ESPOTA_AGENT_OK : ESPOTA_AGENT_MALFORMED;
}

static enum espota_agent_status unsupported(struct espota_agent *agent, const struct request *request,
                                            struct reply *reply)
{
    (void)agent;
    (void)request;
    (void)reply;
    return ESPOTA_AGENT_UNSUPPORTED;
}

static handler *const handlers[] = {
    [ESPOTA_AGENT_HELLO] = espota_agent_hello,
    [ESPOTA_AGENT_AUTH] = espota_agent_auth,
    [ESPOTA_AGENT_INFO] = espota_agent_info,
    [ESPOTA_AGENT_READ] = espota_agent_read,
    [ESPOTA_AGENT_DIGEST] = espota_agent_digest,
    [ESPOTA_AGENT_BEGIN] = espota_agent_begin,
    [ESPOTA_AGENT_WRITE] = espota_agent_write,
    [ESPOTA_AGENT_PIECE] = unsupported,
    [ESPOTA_AGENT_VERIFY] = espota_agent_verify,
    [ESPOTA_AGENT_SELECT] = espota_agent_select,
    [ESPOTA_AGENT_CONFIRM] = espota_agent_confirm,
    [ESPOTA_AGENT_ROLLBACK] = espota_agent_rollback,
    [ESPOTA_AGENT_RESTART] = restart,
};

/* What a request needs before it is looked at. */
static enum espota_agent_status admit(const struct espota_agent *agent, uint8_t type)
{
    if (type >= sizeof handlers / sizeof handlers[0] || !handlers[type])
        return ESPOTA_AGENT_UNKNOWN;
    if (type == ESPOTA_AGENT_HELLO)
        return ESPOTA_AGENT_OK;
    if (!agent->session.greeted)
        return ESPOTA_AGENT_ORDER;
    if (type == ESPOTA_AGENT_AUTH)
        return ESPOTA_AGENT_OK;
    if (agent->config->key_length > 0 && !agent->session.keyed)
        return ESPOTA_AGENT_LOCKED;
    if (!agent->has_table && type != ESPOTA_AGENT_INFO && type != ESPOTA_AGENT_RESTART)
        return ESPOTA_AGENT_STATE;
    return ESPOTA_AGENT_OK;
}

static bool changes_something(uint8_t type)
{
    return type == ESPOTA_AGENT_BEGIN || (type >= ESPOTA_AGENT_VERIFY && type <= ESPOTA_AGENT_ROLLBACK);
}

static void carry_out(struct espota_agent *agent, const struct request *request)
{
    struct reply reply = { agent->reply + 1, 0 };
    enum espota_agent_status status = admit(agent, request->type);
    if (status == ESPOTA_AGENT_OK)
        status = handlers[request->type](agent, request, &reply);
    espota_agent_send_status(agent, request, status, reply.length);
    if (status == ESPOTA_AGENT_OK && agent->port->done && changes_something(request->type))
        agent->port->done(agent->port->context, (enum espota_agent_request)request->type);
    if (request->type == ESPOTA_AGENT_RESTART && status == ESPOTA_AGENT_OK)
        agent->port->restart(agent->port->context);
}

/* In a keyed session only frames with the right code and a new number count; HELLO begins anew. */
static bool authentic(struct espota_agent *agent, const struct request *request, size_t covered)
{
    uint8_t mac[ESPOTA_SHA256_LENGTH];
    struct espota_agent_session *s = &agent->session;
    if (s->any_sequence && request->sequence <= s->last_sequence)
        return false;
    if (espota_agent_mac(agent, s->to_agent, agent->frame, covered, NULL, 0, mac) != 0 ||
        !espota_agent_same(mac, agent->frame + covered, ESPOTA_AGENT_MAC_SIZE))
        return false;
    s->last_sequence = request->sequence;
    s->any_sequence = true;
    return true;
}

static void take_frame(struct espota_agent *agent, size_t length)
{
    const uint8_t *f = agent->frame;
    if (length < ESPOTA_AGENT_HEADER_SIZE + ESPOTA_AGENT_CRC_SIZE || f[0] != ESPOTA_AGENT_MARK)
        return;
    struct request request = { f[1], espota_get_le32(f + 4), f + ESPOTA_AGENT_HEADER_SIZE,
                               espota_get_le16(f + 2) };
    size_t mac_length = carries_mac(agent, request.type) ? ESPOTA_AGENT_MAC_SIZE : 0;
    size_t covered = ESPOTA_AGENT_HEADER_SIZE + request.length;
    if (length != covered + mac_length + ESPOTA_AGENT_CRC_SIZE ||
        espota_get_le32(f + covered + mac_length) != espota_crc32(0, f, covered + mac_length))
        return;
    if ((request.type & ESPOTA_AGENT_RESPONSE) || request.type == 0)
        return;
    if (mac_length > 0 && !authentic(agent, &request, covered))
        return;
    carry_out(agent, &request);
}

void espota_agent_input(struct espota_agent *agent, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (espota_slip_byte(&agent->decoder, data[i]) == ESPOTA_SLIP_FRAME)
            take_frame(agent, agent->decoder.length);
}

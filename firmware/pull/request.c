/* PULL, as the device's agent serves it. */
#include "puller_private.h"

#include "espota/bytes.h"

#include <string.h>

enum { ORDER_HEADER = 5 }; /* operation, bytes of all, offset */

static struct espota_puller *puller_of(const struct espota_agent *agent)
{
    return (struct espota_puller *)(uintptr_t)((const char *)agent->port->service -
                                               offsetof(struct espota_puller, service));
}

static bool is_active(const struct espota_puller *p)
{
    return p->wanted || espota_pull_is_active(&p->state);
}

void espota_puller_forget_order(struct espota_puller *p)
{
    if (is_active(p) || !p->order)
        return;
    p->port->release(p->port->context, p->order);
    p->order = NULL;
    p->order_length = p->order_has = 0;
}

/* What the agent knew of flash may be so no more. */
static void look_anew(struct espota_agent *agent)
{
    memset(&agent->update, 0, sizeof agent->update);
    agent->verified = 0;
    espota_agent_drop_stream(agent);
    espota_agent_forget_named(agent, 0, UINT32_MAX);
    if (KNOWS_BLANK)
        espota_agent_saw_none(agent);
}

/* What changes something, or relies on what does not change: not now. */
static enum espota_agent_status guarded(struct espota_agent *agent,
                                        const struct espota_agent_request_in *request, struct reply *reply)
{
    struct espota_puller *p = puller_of(agent);
    if (is_active(p))
        return ESPOTA_AGENT_PULLING;
    if (p->stale)
        look_anew(agent);
    p->stale = false;
    return espota_agent_slots.handlers[request->type](agent, request, reply);
}

/* ---- orders ---------------------------------------------------------------------------------------------
 */

static enum espota_agent_status make_room(struct espota_puller *p, uint32_t length)
{
    if (length < ESPOTA_PULL_HEAD || length > ESPOTA_PULL_LONGEST)
        return ESPOTA_AGENT_SIZE;
    espota_puller_forget_order(p);
    p->order = p->port->allocate(p->port->context, length + 1); /* a 0 behind the certificate */
    if (!p->order)
        return ESPOTA_AGENT_NOT_NOW;
    p->order_length = length;
    return ESPOTA_AGENT_OK;
}

/* Bytes come in order; those that came before may come again. */
static enum espota_agent_status take_order(struct espota_puller *p, const uint8_t *in, size_t length,
                                           struct reply *reply)
{
    if (length < ORDER_HEADER)
        return ESPOTA_AGENT_MALFORMED;
    uint32_t all = espota_get_le16(in + 1), offset = espota_get_le16(in + 3);
    uint32_t bytes = (uint32_t)length - ORDER_HEADER;
    if (is_active(p))
        return ESPOTA_AGENT_PULLING;
    enum espota_agent_status status = offset == 0 ? make_room(p, all) : ESPOTA_AGENT_OK;
    if (status != ESPOTA_AGENT_OK)
        return status;
    if (!p->order || all != p->order_length || offset > p->order_has)
        status = ESPOTA_AGENT_GAP;
    else if (bytes > all - offset)
        status = ESPOTA_AGENT_MALFORMED;
    else
        memcpy(p->order + offset, in + ORDER_HEADER, bytes);
    if (status == ESPOTA_AGENT_OK && offset + bytes > p->order_has)
        p->order_has = offset + bytes;
    reply->length = 2;
    espota_put_le16(reply->data, (uint16_t)p->order_has);
    return status;
}

static enum espota_agent_status start(struct espota_puller *p, uint32_t number)
{
    struct espota_pull_order order;
    if (is_active(p)) /* the same one: its answer was lost */
        return p->state.number == number ? ESPOTA_AGENT_OK : ESPOTA_AGENT_PULLING;
    if (!p->order || p->order_has < p->order_length)
        return ESPOTA_AGENT_ORDER;
    if (!espota_pull_order_parse(&order, p->order, p->order_length))
        return ESPOTA_AGENT_MALFORMED;
    look_anew(p->agent);
    p->stale = p->wanted = true;
    p->cancel = false;
    p->state = (struct espota_pull_state){
        .phase = ESPOTA_PULL_CONNECTING, .number = number, .restart = order.restart, .trial = order.trial
    };
    p->port->wake(p->port->context);
    return ESPOTA_AGENT_OK;
}

void espota_puller_cancel(struct espota_puller *p)
{
    p->cancel = is_active(p);
    if (p->cancel)
        p->port->wake(p->port->context);
}

static enum espota_agent_status pull(struct espota_agent *agent,
                                     const struct espota_agent_request_in *request, struct reply *reply)
{
    struct espota_puller *p = puller_of(agent);
    const uint8_t *in = request->data;
    uint8_t operation = request->length > 0 ? in[0] : UINT8_MAX;
    if (operation == ESPOTA_AGENT_PULL_ORDER)
        return take_order(p, in, request->length, reply);
    if (operation == ESPOTA_AGENT_PULL_START)
        return request->length == 5 ? start(p, espota_get_le32(in + 1)) : ESPOTA_AGENT_MALFORMED;
    if (request->length != 1 || operation > ESPOTA_AGENT_PULL_CANCEL)
        return ESPOTA_AGENT_MALFORMED;
    if (operation == ESPOTA_AGENT_PULL_CANCEL)
        espota_puller_cancel(p);
    espota_pull_state_format(&p->state, reply->data);
    reply->length = ESPOTA_PULL_STATE;
    return ESPOTA_AGENT_OK;
}

/* A host that is at it is not disturbed by the app. */
enum espota_agent_status espota_puller_order(struct espota_puller *p, const struct espota_pull_order *order)
{
    size_t length = espota_pull_order_format(order, NULL);
    if (is_active(p))
        return ESPOTA_AGENT_PULLING;
    if (p->agent->update.open && !p->agent->update.sealed)
        return ESPOTA_AGENT_ORDER;
    if (length == 0)
        return ESPOTA_AGENT_MALFORMED;
    enum espota_agent_status status = make_room(p, (uint32_t)length);
    if (status != ESPOTA_AGENT_OK)
        return status;
    p->order_has = (uint32_t)espota_pull_order_format(order, p->order);
    return start(p, 0);
}

void espota_puller_begin(struct espota_puller *p, const struct espota_puller_port *port,
                         struct espota_agent *agent, struct espota_agent_port *agent_port)
{
    static const uint8_t writing[] = { ESPOTA_AGENT_BEGIN,   ESPOTA_AGENT_WRITE,   ESPOTA_AGENT_VERIFY,
                                       ESPOTA_AGENT_SELECT,  ESPOTA_AGENT_CONFIRM, ESPOTA_AGENT_ROLLBACK,
                                       ESPOTA_AGENT_IDENTIFY };
    memset(p, 0, sizeof *p);
    p->port = port;
    p->agent = agent;
    p->service = espota_agent_slots;
    p->service.capabilities |= ESPOTA_AGENT_CAN_PULL;
    p->service.handlers[ESPOTA_AGENT_PULL] = pull;
    for (size_t i = 0; i < sizeof writing; i++)
        if (p->service.handlers[writing[i]])
            p->service.handlers[writing[i]] = guarded;
    agent_port->service = &p->service;
}

void espota_puller_reset(struct espota_puller *p)
{
    if (p->work) {
        p->port->release(p->port->context, p->work->memory);
        p->port->release(p->port->context, p->work);
    }
    if (p->order)
        p->port->release(p->port->context, p->order);
    p->work = NULL;
    p->order = NULL;
    p->order_length = p->order_has = 0;
    p->wanted = p->cancel = p->stale = false;
    p->state = (struct espota_pull_state){ 0 };
}

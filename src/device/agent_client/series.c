/* Many requests in flight: the next one is asked before the last one is answered. The agent answers in order,
 * so that an answer tells which requests before it were lost; those are asked again, and only those. */
#include "client.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

struct progress {
    struct agent_client *client;
    const struct client_series *series;
    uint32_t fresh;                       /* the first item that was never asked for */
    uint32_t lost[CLIENT_MAX_WINDOW + 1]; /* to be asked for again */
    unsigned lost_count;
    uint32_t answered;
    uint32_t built;    /* the item of the frame that is built */
    unsigned silences; /* in a row */
    unsigned probes;   /* answered in a row, and no item */
    uint64_t since_ms; /* the last answer */
    uint64_t deadline;
};

static bool has_more(const struct progress *p)
{
    return p->client->out_count > 0 || p->lost_count > 0 || p->fresh < p->series->count;
}

static int build_next(struct progress *p, struct espota_error *error)
{
    uint8_t payload[CLIENT_MAX_QUESTION];
    p->built = p->lost_count > 0 ? p->lost[--p->lost_count] : p->fresh++;
    size_t length = p->series->compose(p->series->context, p->built, payload);
    return client_build(p->client, p->series->type, payload, length, error);
}

static void wait_anew(struct progress *p)
{
    p->deadline = espota_link_now_ms(p->client->link) +
                  client_patience_ms(p->client, p->series->least_ms, p->series->most_ms, p->silences);
}

/* Whatever the agent has room for. */
static int fill_window(struct progress *p, struct espota_error *error)
{
    bool idle = p->client->flight.count == 0;
    int result = 0;
    while (result == 0 && has_more(p)) {
        if (p->client->out_count == 0)
            result = build_next(p, error);
        if (result != 0 || !client_may_send(p->client))
            break;
        result = client_send_built(p->client, p->built, error);
    }
    if (idle)
        wait_anew(p);
    return result;
}

/* What was asked before `sequence` has no answer any more. */
static void lose_before(struct progress *p, uint32_t sequence)
{
    struct client_flight *flight = &p->client->flight;
    while (flight->count > 0 && flight->request[0].sequence < sequence) {
        uint32_t item = client_drop_oldest(p->client).item;
        if (item < p->series->count) /* no probe */
            p->lost[p->lost_count++] = item;
    }
}

static int take(struct progress *p, const struct client_response *response, struct espota_error *error)
{
    struct client_request *request = client_find_request(p->client, response->sequence);
    if (!request || response->type != p->series->type || request->item >= p->series->count)
        return 0; /* a probe asks for no item */
    uint32_t item = request->item;
    lose_before(p, response->sequence);
    p->silences = 0;
    wait_anew(p);
    if (response->status == ESPOTA_AGENT_WORKING)
        return client_check_endless(p->client, p->series->type, p->since_ms, error);
    client_answered(p->client, client_find_request(p->client, response->sequence));
    if (response->status != ESPOTA_AGENT_OK)
        return client_fail(p->client, p->series->type, response->status, error);
    p->answered++;
    p->probes = 0;
    p->since_ms = espota_link_now_ms(p->client->link);
    return p->series->take(p->series->context, item, response, error);
}

/* Whatever is under way still is answered before this, or lost. The frame that was built takes its turn
 * again. A line that loses every other frame would answer probes for ever: they take turns with what is
 * really asked. */
static int probe(struct progress *p, struct espota_error *error)
{
    int result = 0;
    if (p->client->out_count > 0)
        p->lost[p->lost_count++] = p->built;
    p->client->out_count = 0;
    if (p->probes % 2 == 0) {
        result = client_send_probe(p->client, error);
    } else {
        lose_before(p, UINT32_MAX);
        p->probes++;
    }
    wait_anew(p);
    return result;
}

static int take_probe(struct progress *p, struct espota_error *error)
{
    lose_before(p, UINT32_MAX);
    p->silences = 0;
    return ++p->probes < 2 * CLIENT_ATTEMPTS
               ? 0
               : espota_fail(error, ESPOTA_ERR_TIMEOUT,
                             "no answer from the agent on %s to what it is asked for", p->client->link->name);
}

/* One answer, or the time is up. */
static int receive(struct progress *p, struct espota_error *error)
{
    struct client_response response;
    int result = client_receive(p->client, p->deadline, &response, error);
    if (result == 0 && client_answers_probe(p->client, &response))
        return take_probe(p, error);
    if (result == 0)
        return take(p, &response, error);
    if (result != ESPOTA_ERR_TIMEOUT || ++p->silences >= CLIENT_ATTEMPTS)
        return result;
    return probe(p, error);
}

/* What an operation before this one left without an answer is nothing to wait for. */
static void begin(struct progress *p)
{
    p->client->out_count = 0;
    p->client->probe = 0;
    while (p->client->flight.count > 0)
        client_drop_oldest(p->client);
    p->since_ms = espota_link_now_ms(p->client->link);
}

int client_run_series(struct agent_client *client, const struct client_series *series,
                      struct espota_error *error)
{
    struct progress p = { .client = client, .series = series };
    int result = 0;
    begin(&p);
    while (result == 0 && p.answered < series->count) {
        result = espota_device_check_cancelled(&client->device, error);
        if (result == 0)
            result = fill_window(&p, error);
        if (result == 0)
            result = receive(&p, error);
    }
    return result;
}

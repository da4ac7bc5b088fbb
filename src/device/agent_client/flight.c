/* What is under way to the agent: how much of it there may be, and for how long. */
#include "client.h"

#include "espota/link.h"

#include <string.h>

enum {
    BITS_PER_BYTE = 10, /* on a serial line, with start and stop bits */
    PROBE_ROOM = 64,    /* of the window, for a probe on top */
};

bool client_may_send(const struct agent_client *client)
{
    const struct client_flight *flight = &client->flight;
    if (client->probe != 0)
        return false;
    return flight->count == 0 || (flight->count < client->window &&
                                  flight->bytes + client->out_count + PROBE_ROOM <= client->window_bytes);
}

/* Of what is under way, and of the largest answer. */
static uint64_t line_ms(const struct agent_client *client)
{
    uint64_t bytes = client->flight.bytes + ESPOTA_SLIP_MAX_ENCODED(ESPOTA_AGENT_MAX_FRAME(client->max_data));
    return client->link->baud ? bytes * BITS_PER_BYTE * 1000 / client->link->baud : 0;
}

unsigned client_patience_ms(const struct agent_client *client, unsigned least_ms, unsigned most_ms,
                            unsigned silences)
{
    uint64_t ms = client->slowest_ms > 0 ? 3 * client->slowest_ms : most_ms;
    ms = (ms > least_ms ? ms : least_ms) << silences;
    return (unsigned)((ms < most_ms ? ms : most_ms) + line_ms(client));
}

struct client_request *client_find_request(struct agent_client *client, uint32_t sequence)
{
    struct client_flight *flight = &client->flight;
    for (unsigned i = 0; i < flight->count; i++)
        if (flight->request[i].sequence == sequence)
            return &flight->request[i];
    return NULL;
}

struct client_request client_drop_oldest(struct agent_client *client)
{
    struct client_flight *flight = &client->flight;
    struct client_request oldest = flight->request[0];
    memmove(flight->request, flight->request + 1, --flight->count * sizeof flight->request[0]);
    flight->bytes -= oldest.wire;
    return oldest;
}

void client_answered(struct agent_client *client, const struct client_request *request)
{
    if (!request)
        return;
    uint32_t sequence = request->sequence;
    uint64_t took = espota_link_now_ms(client->link) - request->sent_ms;
    client->slowest_ms -= client->slowest_ms / 8;
    if (took >= client->slowest_ms)
        client->slowest_ms = took ? took : 1;
    if (client->fastest_ms == 0 || took < client->fastest_ms)
        client->fastest_ms = took ? took : 1;
    while (client_drop_oldest(client).sequence != sequence)
        ;
}

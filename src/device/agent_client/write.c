/* A stream through a window of requests: go-back-N. */
#include "client.h"

#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/table.h"

#include <string.h>

enum { STALLS = 8, NO_PROGRESS_MS = 60000 };

enum { NUMBERS = 128 }; /* of streams */

struct run {
    struct agent_client *client;
    uint8_t head[ESPOTA_STREAM_HEAD_SIZE];
    const uint8_t *data; /* what follows the head */
    uint32_t length;     /* of the stream, head included */
    uint32_t sent, acknowledged;
    uint32_t told;           /* to progress, of `data` */
    uint32_t first_sequence; /* of the requests since the host went back; older answers say nothing */
    unsigned in_flight;
};

static void copy(const struct run *run, uint32_t from, uint8_t *to, uint32_t length)
{
    uint32_t of_head = from < sizeof run->head ? (uint32_t)sizeof run->head - from : 0;
    of_head = of_head < length ? of_head : length;
    memcpy(to, run->head + (of_head ? from : 0), of_head);
    if (of_head < length)
        memcpy(to + of_head, run->data + from + of_head - sizeof run->head, length - of_head);
}

static int send_next(struct run *run, struct espota_error *error)
{
    uint8_t request[ESPOTA_AGENT_WRITE_HEADER + CLIENT_MAX_DATA];
    struct agent_client *client = run->client;
    uint32_t left = run->length - run->sent;
    uint32_t chunk = left < client->max_data ? left : client->max_data;
    bool start = run->sent == 0;
    if (start)
        client->stream_number = (uint8_t)((client->stream_number + 1) % NUMBERS);
    espota_put_le32(request, run->sent);
    request[4] = (uint8_t)((unsigned)client->stream_number << ESPOTA_AGENT_WRITE_NUMBER_SHIFT |
                           (start ? ESPOTA_AGENT_WRITE_START : 0));
    copy(run, run->sent, request + ESPOTA_AGENT_WRITE_HEADER, chunk);
    int result = client_send(client, ESPOTA_AGENT_WRITE, request, ESPOTA_AGENT_WRITE_HEADER + chunk, error);
    if (result != 0)
        return result;
    if (run->in_flight == 0 && run->sent == run->acknowledged)
        run->first_sequence = client->sequence;
    run->sent += chunk;
    run->in_flight++;
    return 0;
}

/* To what the agent has not got; an agent that has nothing of the stream is given all of it. */
static void go_back(struct run *run)
{
    run->sent = run->acknowledged;
    run->in_flight = 0;
}

static void acknowledge(struct run *run, uint32_t next)
{
    if (run->in_flight > 0)
        run->in_flight--;
    if (next > run->sent || next <= run->acknowledged)
        return;
    run->acknowledged = next;
    uint32_t body = next > sizeof run->head ? next - (uint32_t)sizeof run->head : 0;
    uint32_t whole = body - body % ESPOTA_SECTOR_SIZE;
    if (whole > run->told) {
        espota_device_moved(&run->client->device, whole - run->told);
        run->told = whole;
    }
}

/* Something before that is missing. */
static void take_gap(struct run *run, const struct client_response *response)
{
    uint32_t next = response->length >= 4 ? espota_get_le32(response->data) : 0;
    run->acknowledged = next <= run->sent ? next : 0;
}

static int take_response(struct run *run, bool *went_back, struct espota_error *error)
{
    struct client_response response;
    int result = client_receive(run->client, espota_link_now_ms(run->client->link) + CLIENT_TIMEOUT_MS,
                                &response, error);
    if (result == ESPOTA_ERR_TIMEOUT) {
        *went_back = true;
        return 0;
    }
    if (result != 0 || response.type != ESPOTA_AGENT_WRITE || response.sequence < run->first_sequence)
        return result;
    if (response.status == ESPOTA_AGENT_GAP) {
        take_gap(run, &response);
        *went_back = true;
        return 0;
    }
    if (response.status != ESPOTA_AGENT_OK)
        return client_fail(run->client, ESPOTA_AGENT_WRITE, response.status, error);
    if (response.length < 4)
        return 0;
    acknowledge(run, espota_get_le32(response.data));
    return 0;
}

int client_write_run(struct agent_client *client, uint32_t at, const uint8_t *data, size_t length,
                     struct espota_error *error)
{
    struct run run = { .client = client,
                       .head = { ESPOTA_STREAM_RAW },
                       .data = data,
                       .length = ESPOTA_STREAM_HEAD_SIZE + (uint32_t)length };
    uint32_t best = 0, before = 0;
    uint64_t progress_ms = espota_link_now_ms(client->link);
    int result = 0;
    espota_put_le32(run.head + 4, at);
    espota_put_le32(run.head + 8, (uint32_t)length);
    for (unsigned stalls = 0; result == 0 && run.acknowledged < run.length;) {
        bool went_back = false;
        result = espota_device_check_cancelled(&client->device, error);
        while (result == 0 && run.sent < run.length && run.in_flight < client->window)
            result = send_next(&run, error);
        if (result == 0)
            result = take_response(&run, &went_back, error);
        if (went_back) {
            stalls = run.acknowledged > best ? 1 : stalls + 1;
            best = run.acknowledged > best ? run.acknowledged : best;
            go_back(&run);
        }
        if (run.acknowledged != before)
            progress_ms = espota_link_now_ms(client->link);
        before = run.acknowledged;
        if (result == 0 &&
            (stalls > STALLS || espota_link_now_ms(client->link) - progress_ms > NO_PROGRESS_MS))
            result =
                espota_fail(error, ESPOTA_ERR_TIMEOUT,
                            "the agent on %s takes no more data; what it has stays, run the command again to "
                            "go on",
                            client->link->name);
    }
    return result;
}

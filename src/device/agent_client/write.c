/* A run of sectors through a window of requests: go-back-N, with every run restartable at a sector. */
#include "client.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/table.h"

#include <string.h>

enum { STALLS = 8, NO_PROGRESS_MS = 60000 };

struct run {
    struct agent_client *client;
    uint32_t at; /* of the run within the image */
    const uint8_t *data;
    uint32_t length;
    uint32_t sent, acknowledged; /* bytes of the run */
    uint32_t told;               /* to progress */
    uint32_t first_sequence;     /* of the requests since the last start; older answers say nothing */
    bool start;                  /* the next request begins a run */
    unsigned in_flight;
};

static int send_next(struct run *run, struct espota_error *error)
{
    uint8_t request[ESPOTA_AGENT_WRITE_HEADER + CLIENT_MAX_DATA];
    struct agent_client *client = run->client;
    uint32_t left = run->length - run->sent;
    uint32_t chunk = left < client->max_data ? left : client->max_data;
    espota_put_le32(request, run->at + run->sent);
    request[4] = run->start ? ESPOTA_AGENT_WRITE_START : 0;
    memcpy(request + ESPOTA_AGENT_WRITE_HEADER, run->data + run->sent, chunk);
    int result = client_send(client, ESPOTA_AGENT_WRITE, request, ESPOTA_AGENT_WRITE_HEADER + chunk, error);
    if (result != 0)
        return result;
    if (run->start)
        run->first_sequence = client->sequence;
    run->start = false;
    run->sent += chunk;
    run->in_flight++;
    return 0;
}

/* Go back to the start of the last sector that is not known to be in flash. */
static void go_back(struct run *run)
{
    run->acknowledged -= run->acknowledged % ESPOTA_SECTOR_SIZE;
    run->sent = run->acknowledged;
    run->in_flight = 0;
    run->start = true;
}

static void acknowledge(struct run *run, uint32_t next)
{
    if (run->in_flight > 0)
        run->in_flight--;
    if (next < run->at || next - run->at > run->sent || next - run->at <= run->acknowledged)
        return;
    run->acknowledged = next - run->at;
    uint32_t whole = run->acknowledged - run->acknowledged % ESPOTA_SECTOR_SIZE;
    if (whole > run->told) {
        espota_device_moved(&run->client->device, whole - run->told);
        run->told = whole;
    }
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
    struct run run = { .client = client, .at = at, .data = data, .length = (uint32_t)length, .start = true };
    uint32_t best = 0, before = 0;
    uint64_t progress_ms = espota_link_now_ms(client->link);
    int result = 0;
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

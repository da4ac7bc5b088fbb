/* PULL: the device fetches an image by itself. */
#include "client.h"

#include "espota/bytes.h"
#include "espota/error.h"
#include "espota/pull.h"

#include <stdlib.h>
#include <string.h>

enum { ORDER_HEADER = 5 };

/* An order is longer than a request may be. */
static int send_order(struct agent_client *client, const uint8_t *order, size_t length,
                      struct espota_error *error)
{
    uint8_t request[ORDER_HEADER + CLIENT_MAX_DATA] = { ESPOTA_AGENT_PULL_ORDER };
    size_t most = client->max_data - ORDER_HEADER;
    int result = 0;
    espota_put_le16(request + 1, (uint16_t)length);
    for (size_t at = 0; result == 0 && at < length; at += most) {
        size_t chunk = length - at < most ? length - at : most;
        espota_put_le16(request + 3, (uint16_t)at);
        memcpy(request + ORDER_HEADER, order + at, chunk);
        result = client_exchange(client, ESPOTA_AGENT_PULL, request, ORDER_HEADER + chunk, CLIENT_TIMEOUT_MS,
                                 2, NULL, error);
    }
    return result;
}

int client_pull_start(struct espota_device *device, const struct espota_pull_order *order, uint32_t number,
                      struct espota_error *error)
{
    struct agent_client *client = client_of(device);
    size_t length = espota_pull_order_format(order, NULL);
    if (length == 0)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "cannot have an image fetched by %s: the URL is none of http or https, or longer than "
            "%u bytes, or the certificate longer than %u",
            device->name, ESPOTA_PULL_URL, ESPOTA_PULL_CERTIFICATE);
    uint8_t *data = malloc(length), start[5] = { ESPOTA_AGENT_PULL_START };
    if (!data)
        return espota_fail_memory(error, "ordering an image");
    espota_pull_order_format(order, data);
    espota_put_le32(start + 1, number);
    int result = send_order(client, data, length, error);
    free(data);
    return result ? result
                  : client_exchange(client, ESPOTA_AGENT_PULL, start, sizeof start, CLIENT_TIMEOUT_MS, 0,
                                    NULL, error);
}

int client_pull_state(struct espota_device *device, bool cancel, struct espota_pull_state *state,
                      struct espota_error *error)
{
    struct agent_client *client = client_of(device);
    struct client_response response;
    uint8_t operation = cancel ? ESPOTA_AGENT_PULL_CANCEL : ESPOTA_AGENT_PULL_ASK;
    int result = client_exchange(client, ESPOTA_AGENT_PULL, &operation, 1, CLIENT_TIMEOUT_MS,
                                 ESPOTA_PULL_STATE, &response, error);
    if (result != 0)
        return result;
    if (!espota_pull_state_parse(state, response.data))
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "the agent on %s says of what it fetches what is not known here", device->name);
    if (state->phase == ESPOTA_PULL_FAILED && state->reason == ESPOTA_PULL_AGENT)
        return client_fail(client, ESPOTA_AGENT_PULL, (enum espota_agent_status)state->status, error);
    return 0;
}

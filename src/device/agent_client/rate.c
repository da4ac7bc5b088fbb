/* Another rate for the session: asked for, tried, and taken back when it does not work. */
#include "client.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <inttypes.h>

enum {
    SETTLE_MS = 20, /* the agent switches when its answer has left */
    TRY_MS = 300,   /* for an answer at the new rate */
    TRIES = 3,      /* within ESPOTA_AGENT_RATE_PROOF_MS */
    MARGIN_MS = 200,
    AGREE_MS = 500,
};

/* Any request of the session proves that the two understand each other. */
static int try_info(struct agent_client *client, unsigned tries, struct espota_error *error)
{
    struct client_response response;
    int result = ESPOTA_ERR_TIMEOUT;
    for (unsigned i = 0; result == ESPOTA_ERR_TIMEOUT && i < tries; i++) {
        result = client_send(client, ESPOTA_AGENT_INFO, NULL, 0, error);
        if (result == 0)
            result = client_await(client, ESPOTA_AGENT_INFO, TRY_MS, &response, error);
    }
    return result;
}

static int switch_link(struct agent_client *client, uint32_t baud, struct espota_error *error)
{
    espota_link_sleep_ms(client->link, SETTLE_MS);
    if (!espota_link_has_baud(client->link) || baud == 0)
        return 0;
    int result = espota_link_set_baud(client->link, baud, error);
    espota_link_drain(client->link);
    client_forget_input(client);
    return result;
}

/* The agent has gone back by itself by then; one that has understood what was said at the new rate does when
 * all has been quiet for longer. */
static int go_back(struct agent_client *client, uint32_t baud, struct espota_error *error)
{
    static const unsigned waits_ms[] = { ESPOTA_AGENT_RATE_PROOF_MS + MARGIN_MS,
                                         ESPOTA_AGENT_RATE_IDLE_MS + MARGIN_MS };
    struct espota_error cause = *error;
    int moved = switch_link(client, client->link_rate, error), result = moved ? moved : ESPOTA_ERR_TIMEOUT;
    for (size_t i = 0; result == ESPOTA_ERR_TIMEOUT && i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        espota_link_sleep_ms(client->link, waits_ms[i]);
        result = try_info(client, i == 0 ? 1 : CLIENT_ATTEMPTS, error);
    }
    if (result != 0)
        return result;
    client->rate = 0;
    espota_device_note(&client->device, "%" PRIu32 " baud do not work (%s): going on as before", baud,
                       cause.text);
    return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%" PRIu32 " baud do not work with the agent on %s",
                       baud, client->link->name);
}

static int ask(struct agent_client *client, uint32_t baud, struct espota_error *error)
{
    uint8_t request[4];
    espota_put_le32(request, baud);
    return client_exchange(client, ESPOTA_AGENT_RATE, request, sizeof request, AGREE_MS, 0, NULL, error);
}

/* What the agent goes back to is the rate that it had when it was asked for the first time. */
static int change(struct agent_client *client, uint32_t baud, struct espota_error *error)
{
    if (client->rate == 0)
        client->link_rate = client->link->baud;
    int result = ask(client, baud, error);
    if (result != 0)
        return result;
    result = switch_link(client, baud, error);
    if (result == 0)
        result = try_info(client, TRIES, error);
    if (result == ESPOTA_ERR_CANCELLED || result == ESPOTA_ERR_NO_DEVICE)
        return result;
    if (result != 0)
        return go_back(client, baud, error);
    client->rate = baud;
    client->slowest_ms = client->fastest_ms = 0; /* were those of another line */
    espota_device_detail(&client->device, "the line to the agent is at %" PRIu32 " baud", baud);
    return 0;
}

int client_set_rate(struct agent_client *client, uint32_t baud, struct espota_error *error)
{
    if (!(client->capabilities & ESPOTA_AGENT_CAN_RATE))
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "the agent on %s cannot change its baud rate",
                           client->device.name);
    return client->rate == baud || (client->rate == 0 && client->link->baud == baud)
               ? 0
               : change(client, baud, error);
}

void client_forget_rate(struct agent_client *client)
{
    struct espota_error ignored;
    if (client->rate != 0)
        (void)switch_link(client, client->link_rate, &ignored);
    client->rate = 0;
}

void client_take_back_rate(struct agent_client *client)
{
    struct espota_error ignored;
    struct client_response response;
    uint8_t request[4];
    if (client->rate == 0 || client->link_rate == 0)
        return;
    espota_put_le32(request, client->link_rate);
    if (client_send(client, ESPOTA_AGENT_RATE, request, sizeof request, &ignored) == 0)
        (void)client_await(client, ESPOTA_AGENT_RATE, TRY_MS, &response, &ignored);
    client->rate = 0;
}

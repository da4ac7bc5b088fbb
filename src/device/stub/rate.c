/* The rate of the line to a stub. */
#include "stub.h"

#include "espota/bytes.h"
#include "espota/error.h"
#include "espota/link.h"

#include <inttypes.h>

/* The stub goes back by itself when nothing is understood for a second. */
enum { SETTLE_MS = 20, PROOF_MS = 600, GIVES_UP_MS = 1200 };

static int meet(struct stub *stub, struct espota_error *error)
{
    struct agent_client *client = &stub->client;
    espota_link_sleep_ms(client->link, SETTLE_MS); /* the switch makes garbage on the line */
    unsigned patience_ms = client->options.hello_timeout_ms;
    client->options.hello_timeout_ms = PROOF_MS;
    int result = client_greet(client, error);
    client->options.hello_timeout_ms = patience_ms;
    if (result == 0)
        stub_adopt(stub);
    return result;
}

static int take_back(struct stub *stub, uint32_t before, struct espota_error *error)
{
    struct espota_link *link = stub->client.link;
    espota_link_sleep_ms(link, GIVES_UP_MS);
    int result = before ? espota_link_set_baud(link, before, error) : 0;
    return result ? result : client_greet(&stub->client, error);
}

int stub_change_rate(struct stub *stub, uint32_t baud, struct espota_error *error)
{
    struct agent_client *client = &stub->client;
    uint32_t before = client->link->baud;
    uint8_t request[4];
    struct espota_error why;
    espota_put_le32(request, baud);
    int result = client_exchange(client, 0x0f, request, sizeof request, CLIENT_TIMEOUT_MS, 0, NULL, error);
    if (result == 0)
        result = espota_link_set_baud(client->link, baud, error);
    if (result != 0)
        return result;
    result = meet(stub, error);
    if (result == 0 || result == ESPOTA_ERR_CANCELLED)
        return result;
    why = *error;
    result = take_back(stub, before, error);
    if (result != 0)
        return result;
    stub_adopt(stub);
    return espota_fail_hint(error, ESPOTA_ERR_TIMEOUT, ESPOTA_HINT_LOWER_BAUD,
                            "the chip on %s is not heard at %" PRIu32 " baud (%s)", client->link->name, baud,
                            why.text);
}

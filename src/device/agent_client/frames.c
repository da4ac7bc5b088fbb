/* Frames of the agent's protocol, from the host's end. */
#include "client.h"

#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/crypto.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/random.h"

#include <string.h>

/* What greets goes in clear; in a keyed session nothing else does. */
static bool is_greeting(uint8_t type)
{
    type &= (uint8_t)~ESPOTA_AGENT_RESPONSE;
    return type == ESPOTA_AGENT_HELLO || type == ESPOTA_AGENT_HANDSHAKE;
}

/* @return the size of the frame's body. */
static size_t put_open(const struct agent_client *client, uint8_t type, const void *data, size_t length,
                       uint8_t *body)
{
    size_t size = ESPOTA_AGENT_HEADER_SIZE + length;
    body[0] = ESPOTA_AGENT_MARK;
    body[1] = type;
    espota_put_le16(body + 2, (uint16_t)length);
    espota_put_le32(body + 4, client->sequence);
    if (length > 0)
        memcpy(body + ESPOTA_AGENT_HEADER_SIZE, data, length);
    espota_put_le32(body + size, espota_crc32(0, body, size));
    return size + ESPOTA_AGENT_CRC_SIZE;
}

/* @return the size of the frame's body, or 0 when the crypto library refuses. */
static size_t put_sealed(struct agent_client *client, uint8_t type, const void *data, size_t length,
                         uint8_t *body)
{
    const struct espota_crypto *crypto = &espota_crypto_openssl;
    uint8_t *inner = body + ESPOTA_AGENT_SEALED_HEADER;
    size_t size = ESPOTA_AGENT_SEALED_INNER + length;
    body[0] = ESPOTA_AGENT_SEALED;
    espota_put_le32(body + 1, ++client->sent);
    inner[0] = type;
    espota_put_le32(inner + 1, client->sequence);
    if (length > 0)
        memcpy(inner + ESPOTA_AGENT_SEALED_INNER, data, length);
    if (crypto->seal(crypto->context, client->keys.to_responder, client->sent, body,
                     ESPOTA_AGENT_SEALED_HEADER, inner, size) != 0)
        return 0;
    return ESPOTA_AGENT_SEALED_HEADER + size + ESPOTA_AGENT_TAG_SIZE;
}

int client_build(struct agent_client *client, enum espota_agent_request type, const void *data, size_t length,
                 struct espota_error *error)
{
    uint8_t body[ESPOTA_AGENT_MAX_FRAME(CLIENT_MAX_DATA)];
    client->out_count = 0;
    if (ESPOTA_AGENT_MAX_FRAME(length) > sizeof body || client->sequence == UINT32_MAX ||
        client->sent == UINT32_MAX)
        return espota_fail(error, ESPOTA_ERR_FAILED, "a request for the agent is too long, or one too many");
    client->sequence++;
    size_t size = client->sealed && !is_greeting((uint8_t)type)
                      ? put_sealed(client, (uint8_t)type, data, length, body)
                      : put_open(client, (uint8_t)type, data, length, body);
    if (size == 0)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "ChaCha20-Poly1305 is not available from the crypto library");
    client->out_count = espota_slip_encode(body, size, client->out);
    return 0;
}

int client_send_built(struct agent_client *client, uint32_t item, struct espota_error *error)
{
    struct client_flight *flight = &client->flight;
    size_t size = client->out_count;
    if (flight->count == CLIENT_MAX_FLIGHT)
        client_drop_oldest(client);
    flight->request[flight->count++] =
        (struct client_request){ client->sequence, item, size, espota_link_now_ms(client->link) };
    flight->bytes += size;
    client->out_count = 0;
    return espota_link_write(client->link, client->out, size, error);
}

int client_send(struct agent_client *client, enum espota_agent_request type, const void *data, size_t length,
                struct espota_error *error)
{
    int result = client_build(client, type, data, length, error);
    return result ? result : client_send_built(client, 0, error);
}

enum arrival { NOTHING, RESPONSE, LOST };

/* In a keyed session an open frame says one thing alone: that the agent does not know the session. Whoever
 * else says so can make the host prove itself again, and no more. */
static enum arrival parse_open(const struct agent_client *client, struct client_response *response)
{
    const uint8_t *f = client->frame;
    size_t length = client->decoder.length;
    if (length < ESPOTA_AGENT_HEADER_SIZE + 1 + ESPOTA_AGENT_CRC_SIZE || f[0] != ESPOTA_AGENT_MARK ||
        !(f[1] & ESPOTA_AGENT_RESPONSE))
        return NOTHING;
    size_t covered = ESPOTA_AGENT_HEADER_SIZE + espota_get_le16(f + 2);
    if (length != covered + ESPOTA_AGENT_CRC_SIZE ||
        espota_get_le32(f + covered) != espota_crc32(0, f, covered))
        return NOTHING;
    response->type = f[1] & (uint8_t)~ESPOTA_AGENT_RESPONSE;
    response->sequence = espota_get_le32(f + 4);
    response->status = (enum espota_agent_status)f[ESPOTA_AGENT_HEADER_SIZE];
    response->data = f + ESPOTA_AGENT_HEADER_SIZE + 1;
    response->length = covered - ESPOTA_AGENT_HEADER_SIZE - 1;
    if (!client->sealed)
        return RESPONSE;
    bool ours = response->sequence <= client->sent && client->sent - response->sequence < CLIENT_MAX_WINDOW;
    return response->type == ESPOTA_AGENT_HANDSHAKE && response->status == ESPOTA_AGENT_ORDER && ours
               ? LOST
               : NOTHING;
}

static enum arrival parse_sealed(struct agent_client *client, struct client_response *response)
{
    const struct espota_crypto *crypto = &espota_crypto_openssl;
    uint8_t *f = client->frame, *inner = f + ESPOTA_AGENT_SEALED_HEADER;
    size_t length = client->decoder.length;
    size_t least = ESPOTA_AGENT_SEALED_HEADER + ESPOTA_AGENT_SEALED_INNER + 1 + ESPOTA_AGENT_TAG_SIZE;
    if (!client->sealed || length < least)
        return NOTHING;
    uint32_t number = espota_get_le32(f + 1);
    if (number <= client->received ||
        crypto->open(crypto->context, client->keys.to_initiator, number, f, ESPOTA_AGENT_SEALED_HEADER, inner,
                     length - ESPOTA_AGENT_SEALED_HEADER - ESPOTA_AGENT_TAG_SIZE) != 0 ||
        !(inner[0] & ESPOTA_AGENT_RESPONSE))
        return NOTHING;
    client->received = number;
    response->type = inner[0] & (uint8_t)~ESPOTA_AGENT_RESPONSE;
    response->sequence = espota_get_le32(inner + 1);
    response->status = (enum espota_agent_status)inner[ESPOTA_AGENT_SEALED_INNER];
    response->data = inner + ESPOTA_AGENT_SEALED_INNER + 1;
    response->length = length - least;
    return RESPONSE;
}

static enum arrival parse(struct agent_client *client, struct client_response *response)
{
    if (client->decoder.length > 0 && client->frame[0] == ESPOTA_AGENT_SEALED)
        return parse_sealed(client, response);
    return parse_open(client, response);
}

/* The next frame of what has come. */
static enum arrival decode(struct agent_client *client, struct client_response *response)
{
    enum arrival arrival = NOTHING;
    while (arrival == NOTHING && client->in_at < client->in_count)
        if (espota_slip_byte(&client->decoder, client->in[client->in_at++]) == ESPOTA_SLIP_FRAME)
            arrival = parse(client, response);
    return arrival;
}

void client_forget_input(struct agent_client *client)
{
    espota_slip_begin(&client->decoder, client->frame, sizeof client->frame);
    client->in_at = client->in_count = 0;
}

int client_receive(struct agent_client *client, uint64_t deadline, struct client_response *response,
                   struct espota_error *error)
{
    int result = espota_device_check_cancelled(&client->device, error);
    while (result == 0) {
        enum arrival arrival = decode(client, response);
        if (arrival == RESPONSE)
            return 0;
        if (arrival == LOST)
            return espota_fail(error, ESPOTA_ERR_DEVICE,
                               "the agent on %s has lost the session: it was restarted or another host "
                               "took over, run the command again",
                               client->link->name);
        uint64_t now = espota_link_now_ms(client->link);
        if (now >= deadline)
            return espota_fail(error, ESPOTA_ERR_TIMEOUT, "no answer from the agent on %s",
                               client->link->name);
        client->in_at = client->in_count = 0;
        result = espota_device_receive(&client->device, client->link, client->in, sizeof client->in, deadline,
                                       &client->in_count, error);
    }
    return result;
}

/* What the agent cannot do, or does not finish to. */
static const char *const names[] = {
    [ESPOTA_AGENT_HELLO] = "greet",
    [ESPOTA_AGENT_HANDSHAKE] = "authenticate",
    [ESPOTA_AGENT_INFO] = "say what it is",
    [ESPOTA_AGENT_READ] = "read flash",
    [ESPOTA_AGENT_DIGEST] = "digest flash",
    [ESPOTA_AGENT_BEGIN] = "accept the image",
    [ESPOTA_AGENT_WRITE] = "write the image",
    [ESPOTA_AGENT_PULL] = "fetch an image",
    [ESPOTA_AGENT_VERIFY] = "verify the image",
    [ESPOTA_AGENT_SELECT] = "switch boot",
    [ESPOTA_AGENT_CONFIRM] = "confirm the running app",
    [ESPOTA_AGENT_ROLLBACK] = "roll back",
    [ESPOTA_AGENT_RESTART] = "restart",
    [ESPOTA_AGENT_ERASE] = "erase flash",
    [ESPOTA_AGENT_RATE] = "change the baud rate",
    [ESPOTA_AGENT_IDENTIFY] = "name an image",
};

static const struct {
    enum espota_status status;
    const char *text;
    enum espota_hint hint;
} reasons[] = {
    [ESPOTA_AGENT_OK] = { ESPOTA_ERR_DEVICE, "no reason given", ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_WORKING] = { ESPOTA_ERR_TIMEOUT, "it is still working on it", ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_UNKNOWN] = { ESPOTA_ERR_UNSUPPORTED, "it does not know that request: update the agent",
                               ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_MALFORMED] = { ESPOTA_ERR_DEVICE, "it cannot make sense of the request", ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_BAD_VERSION] = { ESPOTA_ERR_UNSUPPORTED,
                                   "it speaks another version of the protocol: one of the two has to be "
                                   "updated",
                                   ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_LOCKED] = { ESPOTA_ERR_FAILED, "it wants its key first", ESPOTA_HINT_GIVE_KEY },
    [ESPOTA_AGENT_PROOF] = { ESPOTA_ERR_FAILED,
                             "this is not the device's key, or somebody on the way "
                             "changes what is said",
                             ESPOTA_HINT_GIVE_KEY },
    [ESPOTA_AGENT_RANGE] = { ESPOTA_ERR_TOO_BIG, "beyond the flash, the partition or the image",
                             ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_DENIED] = { ESPOTA_ERR_UNSUPPORTED, "the agent does not touch that part of flash",
                              ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_RUNNING] = { ESPOTA_ERR_REFUSED, "that partition is running now", ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_SIZE] = { ESPOTA_ERR_TOO_BIG, "the image is larger than the partition", ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_ORDER] = { ESPOTA_ERR_DEVICE,
                             "it has lost the session: it was restarted, run the command again",
                             ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_GAP] = { ESPOTA_ERR_DEVICE, "data is missing", ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_FLASH] = { ESPOTA_ERR_DEVICE, "flash failed to erase, program or read back",
                             ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_BAD_DIGEST] = { ESPOTA_ERR_VERIFY, "what is in flash is not the image that was sent",
                                  ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_IMAGE] = { ESPOTA_ERR_VERIFY, "there is no valid image for this chip", ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_STATE] = { ESPOTA_ERR_FAILED,
                             "the partition table or otadata of the device does not allow it",
                             ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_UNSUPPORTED] = { ESPOTA_ERR_UNSUPPORTED, "this agent cannot do that", ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_BASE] = { ESPOTA_ERR_VERIFY, "the base of the patch is not on the device",
                            ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_UNSIGNED] = { ESPOTA_ERR_VERIFY,
                                "the image is not signed with the key of the device's owner",
                                ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_OLD] = { ESPOTA_ERR_VERIFY,
                           "the image's secure version is below the least that the device takes",
                           ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_NOT_NOW] = { ESPOTA_ERR_FAILED, "its app does not want an update now: try again later",
                               ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_TRIAL] = { ESPOTA_ERR_REFUSED,
                             "the app that runs is on trial, and the slot that it came from must stay as it "
                             "is",
                             ESPOTA_HINT_END_TRIAL },
    [ESPOTA_AGENT_PROJECT] = { ESPOTA_ERR_VERIFY, "the image is of another project than the device takes",
                               ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_RECOVERY] = { ESPOTA_ERR_VERIFY,
                                "the image is a recovery agent, which checks no signatures: a device with an "
                                "owner never takes one",
                                ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_PULLING] = { ESPOTA_ERR_FAILED,
                               "it is fetching an image by itself: wait until that is done",
                               ESPOTA_HINT_NONE },
    [ESPOTA_AGENT_CRYPTO] = { ESPOTA_ERR_DEVICE, "its hash or random source failed", ESPOTA_HINT_NONE },
};

int client_fail(struct agent_client *client, enum espota_agent_request type, enum espota_agent_status status,
                struct espota_error *error)
{
    if (type == ESPOTA_AGENT_ROLLBACK && status == ESPOTA_AGENT_IMAGE)
        return espota_fail(
            error, ESPOTA_ERR_VERIFY,
            "the agent on %s cannot roll back: no other app has booted from a slot before that still "
            "holds it",
            client->device.name);
    if ((size_t)status >= sizeof reasons / sizeof reasons[0] || !reasons[status].text)
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "the agent on %s cannot %s: status %02x, which is not known here",
                           client->link->name, names[type], status);
    return espota_fail_hint(error, reasons[status].status, reasons[status].hint,
                            "the agent on %s cannot %s: %s", client->link->name, names[type],
                            reasons[status].text);
}

int client_check_endless(struct agent_client *client, enum espota_agent_request type, uint64_t since_ms,
                         struct espota_error *error)
{
    unsigned limit_ms = client->options.work_timeout_ms ? client->options.work_timeout_ms : CLIENT_WORK_MS;
    if (espota_link_now_ms(client->link) - since_ms < limit_ms)
        return 0;
    return espota_fail(error, ESPOTA_ERR_FAILED,
                       "the agent on %s does not finish to %s, in %u s: restart the device, then run "
                       "the command again",
                       client->link->name, names[type], limit_ms / 1000);
}

int client_await(struct agent_client *client, enum espota_agent_request type, unsigned timeout_ms,
                 struct client_response *response, struct espota_error *error)
{
    uint64_t begun = espota_link_now_ms(client->link), deadline = begun + timeout_ms;
    for (;;) {
        int result = client_receive(client, deadline, response, error);
        if (result == 0)
            result = client_check_endless(client, type, begun, error);
        if (result != 0)
            return result;
        if (response->type != type || response->sequence != client->sequence)
            continue;
        if (response->status != ESPOTA_AGENT_WORKING)
            break;
        deadline = espota_link_now_ms(client->link) + timeout_ms;
    }
    client_answered(client, client_find_request(client, response->sequence));
    return 0;
}

int client_fail_short(struct agent_client *client, enum espota_agent_request type, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_DEVICE, "the agent on %s answers too short to %s",
                       client->link->name, names[type]);
}

int client_exchange(struct agent_client *client, enum espota_agent_request type, const void *data,
                    size_t length, unsigned timeout_ms, size_t least, struct client_response *response,
                    struct espota_error *error)
{
    struct client_response ignored = { 0 };
    struct client_response *r = response ? response : &ignored;
    int result = ESPOTA_ERR_TIMEOUT;
    for (int attempt = 0; result == ESPOTA_ERR_TIMEOUT && attempt < CLIENT_ATTEMPTS; attempt++) {
        result = espota_device_check_cancelled(&client->device, error);
        if (result == 0)
            result = client_send(client, type, data, length, error);
        if (result == 0)
            result = client_await(client, type, timeout_ms, r, error);
    }
    if (result != 0)
        return result;
    if (r->status != ESPOTA_AGENT_OK)
        return client_fail(client, type, r->status, error);
    return r->length < least ? client_fail_short(client, type, error) : 0;
}

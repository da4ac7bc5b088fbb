/* Frames of the agent's protocol, from the host's end. */
#include "agent.h"

#include "espota/bytes.h"
#include "espota/crc32.h"

#include <openssl/crypto.h>
#include <string.h>

static bool carries_mac(const struct agent *agent, uint8_t type)
{
    type &= (uint8_t)~ESPOTA_AGENT_RESPONSE;
    return agent->keyed && type != ESPOTA_AGENT_HELLO && type != ESPOTA_AGENT_AUTH;
}

int agent_send(struct agent *agent, enum espota_agent_request type, const void *data, size_t length,
               struct espota_error *error)
{
    uint8_t body[ESPOTA_AGENT_MAX_FRAME(AGENT_MAX_DATA)], wire[ESPOTA_SLIP_MAX_ENCODED(sizeof body)];
    uint8_t mac[ESPOTA_SHA256_LENGTH];
    size_t size = ESPOTA_AGENT_HEADER_SIZE + length;
    if (size + ESPOTA_AGENT_MAC_SIZE + ESPOTA_AGENT_CRC_SIZE > sizeof body || agent->sequence == UINT32_MAX)
        return espota_fail(error, ESPOTA_ERR_FAILED, "a request for the agent is too long, or one too many");
    body[0] = ESPOTA_AGENT_MARK;
    body[1] = (uint8_t)type;
    espota_put_le16(body + 2, (uint16_t)length);
    espota_put_le32(body + 4, ++agent->sequence);
    if (length > 0)
        memcpy(body + ESPOTA_AGENT_HEADER_SIZE, data, length);
    if (carries_mac(agent, (uint8_t)type)) {
        if (espota_hmac_sha256(agent->to_agent, sizeof agent->to_agent, body, size, NULL, 0, mac) != 0)
            return espota_fail(error, ESPOTA_ERR_FAILED, "HMAC is not available from the crypto library");
        memcpy(body + size, mac, ESPOTA_AGENT_MAC_SIZE);
        size += ESPOTA_AGENT_MAC_SIZE;
    }
    espota_put_le32(body + size, espota_crc32(0, body, size));
    size += ESPOTA_AGENT_CRC_SIZE;
    return espota_link_write(agent->link, wire, espota_slip_encode(body, size, wire), error);
}

/* Is the frame a response that arrived whole, and from the agent that we know? */
static bool parse(struct agent *agent, struct agent_response *response)
{
    const uint8_t *f = agent->frame;
    size_t length = agent->decoder.length;
    if (length < ESPOTA_AGENT_HEADER_SIZE + 1 + ESPOTA_AGENT_CRC_SIZE || f[0] != ESPOTA_AGENT_MARK ||
        !(f[1] & ESPOTA_AGENT_RESPONSE))
        return false;
    size_t payload = espota_get_le16(f + 2), covered = ESPOTA_AGENT_HEADER_SIZE + payload;
    size_t mac_length = carries_mac(agent, f[1]) ? ESPOTA_AGENT_MAC_SIZE : 0;
    if (payload < 1 || length != covered + mac_length + ESPOTA_AGENT_CRC_SIZE ||
        espota_get_le32(f + covered + mac_length) != espota_crc32(0, f, covered + mac_length))
        return false;
    uint8_t mac[ESPOTA_SHA256_LENGTH];
    if (mac_length > 0 &&
        (espota_hmac_sha256(agent->to_host, sizeof agent->to_host, f, covered, NULL, 0, mac) != 0 ||
         CRYPTO_memcmp(mac, f + covered, ESPOTA_AGENT_MAC_SIZE) != 0))
        return false;
    response->type = f[1] & (uint8_t)~ESPOTA_AGENT_RESPONSE;
    response->sequence = espota_get_le32(f + 4);
    response->status = (enum espota_agent_status)f[ESPOTA_AGENT_HEADER_SIZE];
    response->data = f + ESPOTA_AGENT_HEADER_SIZE + 1;
    response->length = payload - 1;
    return true;
}

int agent_receive(struct agent *agent, uint64_t deadline, struct agent_response *response,
                  struct espota_error *error)
{
    int result = espota_device_check_cancelled(&agent->device, error);
    while (result == 0) {
        while (agent->in_at < agent->in_count)
            if (espota_slip_byte(&agent->decoder, agent->in[agent->in_at++]) == ESPOTA_SLIP_FRAME &&
                parse(agent, response))
                return 0;
        uint64_t now = espota_now_ms();
        if (now >= deadline)
            return espota_fail(error, ESPOTA_ERR_TIMEOUT, "no answer from the agent on %s",
                               agent->link->name);
        agent->in_at = agent->in_count = 0;
        result = espota_device_receive(&agent->device, agent->link, agent->in, sizeof agent->in, deadline,
                                       &agent->in_count, error);
    }
    return result;
}

static const struct {
    const char *request;
} names[] = {
    [ESPOTA_AGENT_HELLO] = { "greet" },
    [ESPOTA_AGENT_AUTH] = { "authenticate" },
    [ESPOTA_AGENT_INFO] = { "say what it is" },
    [ESPOTA_AGENT_READ] = { "read flash" },
    [ESPOTA_AGENT_DIGEST] = { "digest flash" },
    [ESPOTA_AGENT_BEGIN] = { "accept the image" },
    [ESPOTA_AGENT_WRITE] = { "write the image" },
    [ESPOTA_AGENT_PIECE] = { "write the image" },
    [ESPOTA_AGENT_VERIFY] = { "verify the image" },
    [ESPOTA_AGENT_SELECT] = { "switch boot" },
    [ESPOTA_AGENT_CONFIRM] = { "confirm the running app" },
    [ESPOTA_AGENT_ROLLBACK] = { "roll back" },
    [ESPOTA_AGENT_RESTART] = { "restart" },
};

static const struct {
    enum espota_status status;
    const char *text;
} reasons[] = {
    [ESPOTA_AGENT_OK] = { ESPOTA_ERR_DEVICE, "no reason given" },
    [ESPOTA_AGENT_WORKING] = { ESPOTA_ERR_TIMEOUT, "it is still working on it" },
    [ESPOTA_AGENT_UNKNOWN] = { ESPOTA_ERR_UNSUPPORTED, "it does not know that request: update the agent" },
    [ESPOTA_AGENT_MALFORMED] = { ESPOTA_ERR_DEVICE, "it cannot make sense of the request" },
    [ESPOTA_AGENT_BAD_VERSION] = { ESPOTA_ERR_UNSUPPORTED,
                                   "it speaks another version of the protocol: update espota or the agent" },
    [ESPOTA_AGENT_LOCKED] = { ESPOTA_ERR_FAILED, "it wants its key first: give --key FILE" },
    [ESPOTA_AGENT_PROOF] = { ESPOTA_ERR_FAILED, "this is not the device's key: give the right --key FILE" },
    [ESPOTA_AGENT_WAIT] = { ESPOTA_ERR_FAILED, "too many wrong keys were tried: wait a minute, then try with "
                                               "the right --key FILE" },
    [ESPOTA_AGENT_RANGE] = { ESPOTA_ERR_TOO_BIG, "beyond the flash, the partition or the image" },
    [ESPOTA_AGENT_DENIED] = { ESPOTA_ERR_UNSUPPORTED, "the agent does not touch that part of flash" },
    [ESPOTA_AGENT_RUNNING] = { ESPOTA_ERR_REFUSED, "that partition is running now" },
    [ESPOTA_AGENT_SIZE] = { ESPOTA_ERR_TOO_BIG, "the image is larger than the partition" },
    [ESPOTA_AGENT_ORDER] = { ESPOTA_ERR_DEVICE,
                             "it has lost the session: it was restarted, run the command again" },
    [ESPOTA_AGENT_GAP] = { ESPOTA_ERR_DEVICE, "data is missing" },
    [ESPOTA_AGENT_FLASH] = { ESPOTA_ERR_DEVICE, "flash failed to erase, program or read back" },
    [ESPOTA_AGENT_BAD_DIGEST] = { ESPOTA_ERR_VERIFY, "what is in flash is not the image that was sent" },
    [ESPOTA_AGENT_IMAGE] = { ESPOTA_ERR_VERIFY, "there is no valid image for this chip" },
    [ESPOTA_AGENT_STATE] = { ESPOTA_ERR_FAILED,
                             "the partition table or otadata of the device does not allow it" },
    [ESPOTA_AGENT_UNSUPPORTED] = { ESPOTA_ERR_UNSUPPORTED, "this agent cannot do that" },
    [ESPOTA_AGENT_BASE] = { ESPOTA_ERR_VERIFY, "the base of the patch is not on the device" },
    [ESPOTA_AGENT_UNSIGNED] = { ESPOTA_ERR_VERIFY,
                                "the image is not signed with the key of the device's owner" },
    [ESPOTA_AGENT_OLD] = { ESPOTA_ERR_VERIFY,
                           "the image's secure version is below the least that the device takes" },
    [ESPOTA_AGENT_NOT_NOW] = { ESPOTA_ERR_FAILED, "its app does not want an update now: try again later" },
    [ESPOTA_AGENT_TRIAL] = { ESPOTA_ERR_REFUSED,
                             "the app that runs is on trial, and the slot that it came from must stay as it "
                             "is: 'espota confirm' or 'espota rollback' first" },
    [ESPOTA_AGENT_PROJECT] = { ESPOTA_ERR_VERIFY, "the image is of another project than the device takes" },
    [ESPOTA_AGENT_RECOVERY] = { ESPOTA_ERR_VERIFY,
                                "the image is a recovery agent, which checks no signatures: a device with an "
                                "owner never takes one" },
    [ESPOTA_AGENT_CRYPTO] = { ESPOTA_ERR_DEVICE, "its hash or random source failed" },
};

int agent_fail(struct agent *agent, enum espota_agent_request type, enum espota_agent_status status,
               struct espota_error *error)
{
    if ((size_t)status >= sizeof reasons / sizeof reasons[0])
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "the agent on %s cannot %s: status %02x, which is not known here",
                           agent->link->name, names[type].request, status);
    return espota_fail(error, reasons[status].status, "the agent on %s cannot %s: %s", agent->link->name,
                       names[type].request, reasons[status].text);
}

/* The response to the last request. An agent that works on it says so; one that says so for ever is broken.
 */
static int await(struct agent *agent, enum espota_agent_request type, unsigned timeout_ms,
                 struct agent_response *response, struct espota_error *error)
{
    unsigned limit_ms = agent->options.work_timeout_ms ? agent->options.work_timeout_ms : AGENT_WORK_MS;
    uint64_t limit = espota_now_ms() + limit_ms;
    uint64_t deadline = espota_now_ms() + timeout_ms;
    for (;;) {
        int result = agent_receive(agent, deadline, response, error);
        if (result != 0)
            return result;
        if (espota_now_ms() >= limit)
            return espota_fail(error, ESPOTA_ERR_FAILED,
                               "the agent on %s does not finish to %s, in %u s: restart the device, then run "
                               "the command again",
                               agent->link->name, names[type].request, limit_ms / 1000);
        if (response->type != type || response->sequence != agent->sequence)
            continue;
        if (response->status != ESPOTA_AGENT_WORKING)
            return 0;
        deadline = espota_now_ms() + timeout_ms;
    }
}

int agent_exchange(struct agent *agent, enum espota_agent_request type, const void *data, size_t length,
                   unsigned timeout_ms, size_t least, struct agent_response *response,
                   struct espota_error *error)
{
    struct agent_response ignored = { 0 };
    struct agent_response *r = response ? response : &ignored;
    int result = ESPOTA_ERR_TIMEOUT;
    for (int attempt = 0; result == ESPOTA_ERR_TIMEOUT && attempt < AGENT_ATTEMPTS; attempt++) {
        result = espota_device_check_cancelled(&agent->device, error);
        if (result == 0)
            result = agent_send(agent, type, data, length, error);
        if (result == 0)
            result = await(agent, type, timeout_ms, r, error);
    }
    if (result != 0)
        return result;
    if (r->status != ESPOTA_AGENT_OK)
        return agent_fail(agent, type, r->status, error);
    if (r->length < least)
        return espota_fail(error, ESPOTA_ERR_DEVICE, "the agent on %s answers too short to %s",
                           agent->link->name, names[type].request);
    return 0;
}

/* HELLO, AUTH, INFO: who is there, and are we who we say we are. */
#include "agent.h"

#include "espota/bytes.h"

#include <openssl/crypto.h>
#include <string.h>

enum { KNOCK_MS = 300, BUSY_MS = 1500, LONGEST_BUSY_MS = 30000, DEFAULT_HELLO_MS = 5000 };

struct nonces {
    uint8_t bytes[2 * ESPOTA_AGENT_NONCE_SIZE];
};

/* One HELLO and its answer. An agent that still works off what an earlier run sent answers earlier knocks
 * first: then it is there, and another knock would only come on top. */
static int knock(struct agent *agent, const uint8_t *request, size_t length, struct agent_response *response,
                 struct espota_error *error)
{
    int result = espota_device_check_cancelled(&agent->device, error);
    if (result == 0)
        result = agent_send(agent, ESPOTA_AGENT_HELLO, request, length, error);
    uint64_t deadline = espota_now_ms() + KNOCK_MS, limit = espota_now_ms() + LONGEST_BUSY_MS;
    while (result == 0) {
        result = agent_receive(agent, deadline, response, error);
        if (result == 0 && response->type == ESPOTA_AGENT_HELLO && response->sequence == agent->sequence)
            return 0;
        if (result == 0 && espota_now_ms() >= limit)
            return espota_fail(error, ESPOTA_ERR_DEVICE,
                               "what is on %s answers, but never to the greeting: restart the device",
                               agent->link->name);
        if (result == 0)
            deadline = espota_now_ms() + BUSY_MS;
    }
    return result;
}

static int hello(struct agent *agent, struct nonces *nonces, bool *key_needed, struct espota_error *error)
{
    uint8_t request[2 + ESPOTA_AGENT_NONCE_SIZE] = { ESPOTA_AGENT_VERSION, ESPOTA_AGENT_VERSION };
    unsigned patience = agent->options.hello_timeout_ms ? agent->options.hello_timeout_ms : DEFAULT_HELLO_MS;
    uint64_t deadline = espota_now_ms() + patience;
    struct agent_response response = { 0 };
    int result = ESPOTA_ERR_TIMEOUT;
    memcpy(request + 2, nonces->bytes, ESPOTA_AGENT_NONCE_SIZE);
    agent->keyed = false;
    while (result == ESPOTA_ERR_TIMEOUT && espota_now_ms() < deadline)
        result = knock(agent, request, sizeof request, &response, error);
    if (result == ESPOTA_ERR_TIMEOUT)
        return espota_fail(
            error, ESPOTA_ERR_NO_DEVICE,
            "no espota agent answers on %s: is the device running an app with the agent, and is "
            "the port at the right --baud?",
            agent->link->name);
    if (result != 0)
        return result;
    if (response.status != ESPOTA_AGENT_OK)
        return agent_fail(agent, ESPOTA_AGENT_HELLO, response.status, error);
    if (response.length < 9 + ESPOTA_AGENT_NONCE_SIZE)
        return espota_fail(error, ESPOTA_ERR_DEVICE, "the agent on %s greets in too few words",
                           agent->link->name);
    *key_needed = response.data[1] & ESPOTA_AGENT_HELLO_KEY_NEEDED;
    agent->window = response.data[2];
    agent->max_data = espota_get_le16(response.data + 3);
    agent->capabilities = espota_get_le32(response.data + 5);
    memcpy(nonces->bytes + ESPOTA_AGENT_NONCE_SIZE, response.data + 9, ESPOTA_AGENT_NONCE_SIZE);
    if (agent->window == 0 || agent->max_data < 64 || agent->max_data > AGENT_MAX_DATA)
        return espota_fail(error, ESPOTA_ERR_DEVICE, "the agent on %s offers impossible limits",
                           agent->link->name);
    if (agent->window > AGENT_MAX_WINDOW)
        agent->window = AGENT_MAX_WINDOW;
    return 0;
}

static int derive(const struct agent *agent, const char *label, const struct nonces *nonces,
                  uint8_t out[ESPOTA_SHA256_LENGTH], struct espota_error *error)
{
    if (espota_hmac_sha256(agent->options.key, agent->options.key_length, label, strlen(label), nonces->bytes,
                           sizeof nonces->bytes, out) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "HMAC is not available from the crypto library");
    return 0;
}

static int authenticate(struct agent *agent, const struct nonces *nonces, struct espota_error *error)
{
    uint8_t proof[ESPOTA_SHA256_LENGTH], expected[ESPOTA_SHA256_LENGTH];
    struct agent_response response;
    int result = derive(agent, ESPOTA_AGENT_LABEL_HOST_PROOF, nonces, proof, error);
    if (result == 0)
        result = derive(agent, ESPOTA_AGENT_LABEL_AGENT_PROOF, nonces, expected, error);
    if (result == 0)
        result = derive(agent, ESPOTA_AGENT_LABEL_TO_AGENT, nonces, agent->to_agent, error);
    if (result == 0)
        result = derive(agent, ESPOTA_AGENT_LABEL_TO_HOST, nonces, agent->to_host, error);
    if (result == 0)
        result = agent_exchange(agent, ESPOTA_AGENT_AUTH, proof, sizeof proof, AGENT_TIMEOUT_MS, sizeof proof,
                                &response, error);
    if (result != 0)
        return result;
    if (CRYPTO_memcmp(response.data, expected, sizeof expected) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "whoever answers on %s does not know the device's key: nothing was sent to it",
                           agent->link->name);
    agent->keyed = true;
    return 0;
}

static int ask_info(struct agent *agent, struct espota_error *error)
{
    struct agent_response response;
    struct espota_device_info *info = &agent->device.info;
    int result = agent_exchange(agent, ESPOTA_AGENT_INFO, NULL, 0, AGENT_TIMEOUT_MS,
                                20 + ESPOTA_AGENT_NAME_SIZE, &response, error);
    if (result != 0)
        return result;
    const uint8_t *data = response.data;
    uint16_t chip_id = espota_get_le16(data);
    info->chip = espota_chip_by_image_id(chip_id);
    if (!info->chip)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                           "the agent on %s runs on a chip with id %u, which is not "
                           "known here",
                           agent->link->name, chip_id);
    memcpy(info->mac, data + 2, sizeof info->mac);
    info->has_mac = true;
    info->flash_size = espota_get_le32(data + 8);
    info->table_offset = espota_get_le32(data + 12);
    info->running_offset = espota_get_le32(data + 16);
    info->has_running = true;
    info->image_checked = true;
    memcpy(info->firmware, data + 20, ESPOTA_AGENT_NAME_SIZE);
    for (char *c = info->firmware; *c; c++) /* it goes to a terminal */
        if (*c < ' ' || *c > '~')
            *c = '?';
    return 0;
}

int agent_greet(struct agent *agent, struct espota_error *error)
{
    struct nonces nonces = { 0 };
    bool key_needed = false;
    if (espota_random(nonces.bytes, ESPOTA_AGENT_NONCE_SIZE) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "no random numbers from the crypto library");
    int result = hello(agent, &nonces, &key_needed, error);
    if (result != 0)
        return result;
    if (key_needed && agent->options.key_length == 0)
        return agent_fail(agent, ESPOTA_AGENT_HELLO, ESPOTA_AGENT_LOCKED, error);
    if (!key_needed && agent->options.key_required)
        return espota_fail(
            error, ESPOTA_ERR_REFUSED,
            "the agent on %s asks for no key, though one was given or it is on a network: it may be a "
            "stranger, nothing was sent to it",
            agent->link->name);
    if (key_needed)
        result = authenticate(agent, &nonces, error);
    return result ? result : ask_info(agent, error);
}

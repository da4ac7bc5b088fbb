/* HELLO, HANDSHAKE, INFO: who is there, and are we who we say we are. */
#include "client.h"

#include "espota/bytes.h"
#include "espota/crypto.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/random.h"

#include <string.h>

enum { HELLO_MS = 300, BUSY_MS = 1500, LONGEST_BUSY_MS = 30000, DEFAULT_HELLO_MS = 5000, HELLOS_A_RATE = 2 };

/* All that both said, which the handshake covers. */
struct greeting {
    uint8_t said[128];
    size_t length;
    bool key_needed;
};

/* One HELLO and its answer. An agent that still works off what an earlier run sent answers earlier ones
 * first: then it is there, and another HELLO would only come on top. */
static int try_hello(struct agent_client *client, const uint8_t *request, size_t length,
                     struct client_response *response, struct espota_error *error)
{
    int result = espota_device_check_cancelled(&client->device, error);
    if (result == 0)
        result = client_send(client, ESPOTA_AGENT_HELLO, request, length, error);
    uint64_t deadline = espota_link_now_ms(client->link) + HELLO_MS,
             limit = espota_link_now_ms(client->link) + LONGEST_BUSY_MS;
    while (result == 0) {
        result = client_receive(client, deadline, response, error);
        if (result == 0 && response->type == ESPOTA_AGENT_HELLO && response->sequence == client->sequence)
            return 0;
        if (result == 0 && espota_link_now_ms(client->link) >= limit)
            return espota_fail(error, ESPOTA_ERR_DEVICE,
                               "what is on %s answers, but never to the greeting: restart the device",
                               client->link->name);
        if (result == 0)
            deadline = espota_link_now_ms(client->link) + BUSY_MS;
    }
    return result;
}

/* Nobody understood: perhaps at the other rate. */
static int try_other_rate(struct agent_client *client, uint32_t first, struct espota_error *error)
{
    uint32_t other = client->options.other_baud;
    if (other == 0 || !espota_link_has_baud(client->link))
        return 0;
    int result = espota_link_set_baud(client->link, client->link->baud == first ? other : first, error);
    espota_link_drain(client->link);
    return result;
}

/* Say HELLO until somebody answers. */
static int find(struct agent_client *client, const uint8_t *request, size_t length,
                struct client_response *response, struct espota_error *error)
{
    unsigned patience =
        client->options.hello_timeout_ms ? client->options.hello_timeout_ms : DEFAULT_HELLO_MS;
    uint64_t deadline = espota_link_now_ms(client->link) + patience;
    uint32_t first = client->link->baud;
    int result = ESPOTA_ERR_TIMEOUT;
    for (unsigned i = 1; result == ESPOTA_ERR_TIMEOUT && espota_link_now_ms(client->link) < deadline; i++) {
        result = try_hello(client, request, length, response, error);
        if (result == ESPOTA_ERR_TIMEOUT && i % HELLOS_A_RATE == 0 &&
            try_other_rate(client, first, error) != 0)
            return (int)error->status;
    }
    if (result == ESPOTA_ERR_TIMEOUT)
        return espota_fail_hint(
            error, ESPOTA_ERR_NO_DEVICE, ESPOTA_HINT_AGENT_BAUD,
            "no agent answers on %s: the device has to run an app with the agent, and the port to be at "
            "the right baud rate",
            client->link->name);
    return result;
}

static void say(struct greeting *greeting, const void *data, size_t length)
{
    memcpy(greeting->said + greeting->length, data, length);
    greeting->length += length;
}

/* Kinds of payloads by the capabilities that promise them; the one that every agent takes needs none. */
static uint32_t payloads_of(uint32_t capabilities)
{
    static const struct {
        uint32_t needs;
        enum espota_payload_kind kind;
    } kinds[] = { { 0, ESPOTA_PAYLOAD_RAW } };
    uint32_t payloads = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if ((capabilities & kinds[i].needs) == kinds[i].needs)
            payloads |= 1u << kinds[i].kind;
    return payloads;
}

/* An agent has either all of flash, or slots for images and a say in what boots. */
static void take_capabilities(struct agent_client *client, uint32_t capabilities)
{
    struct espota_device *device = &client->device;
    uint32_t slots = ESPOTA_CAP_IMAGE | ESPOTA_CAP_BOOT;
    client->capabilities = capabilities;
    device->payloads = payloads_of(capabilities);
    device->caps &= ~(uint32_t)(ESPOTA_CAP_TRIAL | ESPOTA_CAP_ERASE | ESPOTA_CAP_PULL | slots);
    device->caps |= capabilities & ESPOTA_AGENT_CAN_ALL_FLASH ? ESPOTA_CAP_ERASE : slots;
    if (capabilities & ESPOTA_AGENT_CAN_TRIAL)
        device->caps |= ESPOTA_CAP_TRIAL;
    if (capabilities & ESPOTA_AGENT_CAN_PULL)
        device->caps |= ESPOTA_CAP_PULL;
}

static int take_hello(struct agent_client *client, const struct client_response *response,
                      struct greeting *greeting, struct espota_error *error)
{
    if (response->status != ESPOTA_AGENT_OK)
        return client_fail(client, ESPOTA_AGENT_HELLO, response->status, error);
    if (response->length + 1 < ESPOTA_AGENT_HELLO_REPLY_SIZE ||
        response->length + 1 > sizeof greeting->said - greeting->length)
        return espota_fail(error, ESPOTA_ERR_DEVICE, "the agent on %s greets in too few words, or too many",
                           client->link->name);
    say(greeting, response->data - 1, response->length + 1); /* with the status */
    greeting->key_needed = response->data[1] & ESPOTA_AGENT_HELLO_KEY_NEEDED;
    client->window = response->data[2];
    client->max_data = espota_get_le16(response->data + 3);
    take_capabilities(client, espota_get_le32(response->data + 5));
    client->window_bytes = espota_get_le32(response->data + 9);
    if (client->window == 0 || client->max_data < 64 || client->max_data > CLIENT_MAX_DATA)
        return espota_fail(error, ESPOTA_ERR_DEVICE, "the agent on %s offers impossible limits",
                           client->link->name);
    if (client->window > CLIENT_MAX_WINDOW)
        client->window = CLIENT_MAX_WINDOW;
    return 0;
}

static int hello(struct agent_client *client, struct greeting *greeting, struct espota_error *error)
{
    uint8_t request[ESPOTA_AGENT_HELLO_SIZE] = { ESPOTA_AGENT_VERSION, ESPOTA_AGENT_VERSION };
    struct client_response response = { 0 };
    client->sealed = false;
    *greeting = (struct greeting){ 0 };
    if (espota_random(request + 2, ESPOTA_AGENT_NONCE_SIZE) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "no random numbers from the crypto library");
    say(greeting, ESPOTA_AGENT_LABEL_PROLOGUE, sizeof ESPOTA_AGENT_LABEL_PROLOGUE - 1);
    say(greeting, request, sizeof request);
    int result = find(client, request, sizeof request, &response, error);
    return result ? result : take_hello(client, &response, greeting, error);
}

/* The first message, which no other serves for: it is not repeated, since the agent answers it once. */
static int exchange_messages(struct agent_client *client, const uint8_t *message,
                             struct client_response *response, struct espota_error *error)
{
    int result = client_send(client, ESPOTA_AGENT_HANDSHAKE, message, ESPOTA_AGENT_HANDSHAKE_SIZE, error);
    if (result == 0)
        result = client_await(client, ESPOTA_AGENT_HANDSHAKE, CLIENT_TIMEOUT_MS, response, error);
    if (result == 0 && response->status == ESPOTA_AGENT_ORDER) /* a HELLO of somebody else came between */
        return ESPOTA_ERR_TIMEOUT;
    if (result == 0 && response->status != ESPOTA_AGENT_OK)
        return client_fail(client, ESPOTA_AGENT_HANDSHAKE, response->status, error);
    return result;
}

static int write_first(struct agent_client *client, struct espota_noise *noise,
                       const struct greeting *greeting, uint8_t message[ESPOTA_AGENT_HANDSHAKE_SIZE],
                       struct espota_error *error)
{
    uint8_t psk[ESPOTA_NOISE_KEY_SIZE], ephemeral[ESPOTA_X25519_SIZE];
    bool done = espota_noise_psk(client->sha256, client->key, client->options.key_length, psk) == 0 &&
                espota_random(ephemeral, sizeof ephemeral) == 0 &&
                espota_noise_begin(noise, client->sha256, &espota_crypto_openssl) == 0 &&
                espota_noise_prologue(noise, greeting->said, greeting->length) == 0 &&
                espota_noise_write_first(noise, psk, ephemeral, message, 0) == 0;
    espota_wipe(psk, sizeof psk);
    espota_wipe(ephemeral, sizeof ephemeral);
    return done ? 0
                : espota_fail(error, ESPOTA_ERR_FAILED,
                              "the crypto library refuses to begin an encrypted session");
}

static int shake_hands(struct agent_client *client, struct espota_noise *noise,
                       const struct greeting *greeting, struct espota_error *error)
{
    uint8_t message[ESPOTA_AGENT_HANDSHAKE_SIZE];
    struct client_response response = { 0 };
    int result = write_first(client, noise, greeting, message, error);
    if (result == 0)
        result = exchange_messages(client, message, &response, error);
    if (result != 0)
        return result;
    if (response.length == sizeof message)
        memcpy(message, response.data, sizeof message);
    if (response.length != sizeof message ||
        espota_noise_read_second(noise, message, sizeof message, &client->keys) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "whoever answers on %s does not know the device's key: nothing was sent to it",
                           client->link->name);
    client->sealed = true;
    client->sent = client->received = 0;
    return 0;
}

/* HELLO, and what it asks for. */
static int begin_session(struct agent_client *client, struct espota_error *error)
{
    struct greeting greeting;
    struct espota_noise noise;
    int result = hello(client, &greeting, error);
    if (result != 0)
        return result;
    if (greeting.key_needed && client->options.key_length == 0)
        return client_fail(client, ESPOTA_AGENT_HELLO, ESPOTA_AGENT_LOCKED, error);
    if (!greeting.key_needed && client->options.key_length > 0)
        return espota_fail(error, ESPOTA_ERR_REFUSED,
                           "the agent on %s asks for no key, though one was given: it may be a stranger, "
                           "nothing was sent to it",
                           client->link->name);
    if (!greeting.key_needed)
        return 0;
    result = shake_hands(client, &noise, &greeting, error);
    espota_wipe(&noise, sizeof noise);
    return result;
}

/* What it can compute, and how fast. A table that is none to the coder here is none to encode for. */
static void take_abilities(struct agent_client *client, const uint8_t *data)
{
    client->device.info.flash_id = espota_get_le32(data);
    client->cpu_mhz = espota_get_le16(data + 4);
    client->coders = data[6];
    client->isa = data[7] <= ESPOTA_ISA_RISCV ? (enum espota_isa)data[7] : ESPOTA_ISA_NONE;
    client->table_log = data[8] < ESPOTA_CODER_TABLE_MAX ? data[8] : ESPOTA_CODER_TABLE_MAX;
    client->deep_table_log = data[10] < ESPOTA_CODER_TABLE_MAX ? data[10] : ESPOTA_CODER_TABLE_MAX;
    client->base_table_log = data[9] < ESPOTA_CODER_TABLE_MAX ? data[9] : ESPOTA_CODER_TABLE_MAX;
    client->device.caps &= ~(uint32_t)ESPOTA_CAP_BASES;
    if (client->capabilities & ESPOTA_AGENT_CAN_PATCH && client->coders >> ESPOTA_STREAM_BASED & 1 &&
        client->base_table_log > 0)
        client->device.caps |= ESPOTA_CAP_BASES;
    if (espota_decoder.memory(client->deep_table_log | ESPOTA_CODER_DEEP) == 0)
        client->deep_table_log = 0;
    if (espota_decoder.memory(client->table_log) == 0)
        client->coders = 0;
}

static int ask_info(struct agent_client *client, struct espota_error *error)
{
    struct client_response response;
    struct espota_device_info *info = &client->device.info;
    int result = client_exchange(client, ESPOTA_AGENT_INFO, NULL, 0, CLIENT_TIMEOUT_MS,
                                 ESPOTA_AGENT_INFO_SIZE, &response, error);
    if (result != 0)
        return result;
    const uint8_t *data = response.data;
    uint16_t chip_id = espota_get_le16(data);
    info->chip = espota_chip_by_image_id(chip_id);
    if (!info->chip)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                           "the agent on %s runs on a chip with id %u, which is not "
                           "known here",
                           client->link->name, chip_id);
    memcpy(info->mac, data + 2, sizeof info->mac);
    info->has_mac = true;
    info->flash_size = espota_get_le32(data + 8);
    info->table_offset = espota_get_le32(data + 12);
    info->running_offset = espota_get_le32(data + 16);
    info->has_running = true;
    memcpy(info->firmware, data + 20, ESPOTA_AGENT_NAME_SIZE);
    for (char *c = info->firmware; *c; c++) /* it goes to a terminal */
        if (*c < ' ' || *c > '~')
            *c = '?';
    take_abilities(client, data + 20 + ESPOTA_AGENT_NAME_SIZE);
    return 0;
}

/* @return false: nobody wants to wait any more. */
static bool wait_ms(const struct agent_client *client, unsigned ms)
{
    enum { STEP_MS = 100 };
    for (unsigned step; ms > 0 && !espota_link_cancelled(client->link); ms -= step) {
        step = ms < STEP_MS ? ms : STEP_MS;
        espota_link_sleep_ms(client->link, step);
    }
    return ms == 0;
}

/* A place at the device is given to the next caller until its holder has proved himself: who was slower than
 * a stranger calls again. Where there is no key, there are no such places. */
static bool may_call_again(struct agent_client *client, unsigned calls, struct espota_error *error)
{
    enum { MOST_CALLS = 8, PAUSE_MS = 20 };
    if (!client->link->lost || client->options.key_length == 0 || calls >= MOST_CALLS)
        return false;
    if (!wait_ms(client, (unsigned)PAUSE_MS << calls)) {
        espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped on request while calling %s again",
                    client->link->name);
        return false;
    }
    if (espota_link_call_again(client->link, error) != 0)
        return false;
    client_forget_input(client);
    espota_device_detail(&client->device, "%s hung up before a session began; called again",
                         client->link->name);
    return true;
}

/* A handshake whose answer is lost is not repeated but begun anew. */
int client_greet(struct agent_client *client, struct espota_error *error)
{
    unsigned attempts = 0, calls = 0;
    int result;
    do
        result = begin_session(client, error);
    while ((result == ESPOTA_ERR_TIMEOUT && ++attempts < CLIENT_ATTEMPTS) ||
           (result == ESPOTA_ERR_NO_DEVICE && may_call_again(client, calls++, error)));
    if (result == ESPOTA_ERR_TIMEOUT)
        return espota_fail(error, ESPOTA_ERR_TIMEOUT,
                           "the agent on %s greets, but begins no session: try again", client->link->name);
    if (result == ESPOTA_ERR_NO_DEVICE)
        return (int)error->status; /* of the last call */
    return result ? result : ask_info(client, error);
}

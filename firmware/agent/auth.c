/* Who may talk to the device: HELLO, AUTH, and the codes of a keyed session. */
#include "private.h"

#include "espota/bytes.h"

#include <string.h>

enum { SHA256_BLOCK = 64, FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 60000 };

struct part {
    const void *data;
    size_t length;
};

static int hash(const struct espota_hash *h, const uint8_t pad[SHA256_BLOCK], const struct part *parts,
                size_t count, uint8_t digest[ESPOTA_SHA256_LENGTH])
{
    if (h->begin(h->context) != 0 || h->update(h->context, pad, SHA256_BLOCK) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (parts[i].length > 0 && h->update(h->context, parts[i].data, parts[i].length) != 0)
            return -1;
    return h->finish(h->context, digest);
}

/* HMAC-SHA256 (RFC 2104) for keys of at most a block, which espota_agent_start's callers have. */
static int hmac(const struct espota_hash *h, const uint8_t *key, size_t key_length, const struct part *parts,
                size_t count, uint8_t digest[ESPOTA_SHA256_LENGTH])
{
    uint8_t inner[SHA256_BLOCK], outer[SHA256_BLOCK];
    for (size_t i = 0; i < SHA256_BLOCK; i++) {
        uint8_t k = i < key_length ? key[i] : 0;
        inner[i] = k ^ 0x36;
        outer[i] = k ^ 0x5c;
    }
    if (hash(h, inner, parts, count, digest) != 0)
        return -1;
    struct part first = { digest, ESPOTA_SHA256_LENGTH };
    return hash(h, outer, &first, 1, digest);
}

int espota_agent_mac(const struct espota_agent *agent, const uint8_t key[ESPOTA_SHA256_LENGTH],
                     const uint8_t *head, size_t head_length, const uint8_t *payload, size_t payload_length,
                     uint8_t mac[ESPOTA_SHA256_LENGTH])
{
    const struct part parts[] = { { head, head_length }, { payload, payload_length } };
    return hmac(&agent->port->sha256, key, ESPOTA_SHA256_LENGTH, parts, 2, mac);
}

bool espota_agent_same(const uint8_t *a, const uint8_t *b, size_t length)
{
    uint8_t difference = 0;
    for (size_t i = 0; i < length; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

static int derive(const struct espota_agent *agent, const char *label, uint8_t out[ESPOTA_SHA256_LENGTH])
{
    const struct part parts[] = { { label, strlen(label) },
                                  { agent->session.nonces, sizeof agent->session.nonces } };
    return hmac(&agent->port->sha256, agent->config->key, agent->config->key_length, parts, 2, out);
}

static uint32_t capabilities(const struct espota_agent *agent)
{
    return (agent->config->rollback ? ESPOTA_AGENT_CAN_TRIAL : 0) |
           (agent->port->check_signature ? ESPOTA_AGENT_SIGNED_ONLY : 0);
}

enum espota_agent_status espota_agent_hello(struct espota_agent *agent, const struct request *request,
                                            struct reply *reply)
{
    const struct espota_agent_config *config = agent->config;
    const uint8_t *in = request->data;
    if (request->length != 2 + ESPOTA_AGENT_NONCE_SIZE)
        return ESPOTA_AGENT_MALFORMED;
    memset(&agent->session, 0, sizeof agent->session);
    memset(&agent->update, 0, sizeof agent->update);
    reply->data[0] = ESPOTA_AGENT_VERSION;
    reply->length = 1;
    if (in[0] > ESPOTA_AGENT_VERSION || in[1] < ESPOTA_AGENT_VERSION)
        return ESPOTA_AGENT_BAD_VERSION;
    uint8_t *nonces = agent->session.nonces;
    memcpy(nonces, in + 2, ESPOTA_AGENT_NONCE_SIZE);
    if (config->key_length > 0 &&
        (!agent->port->random || agent->port->random(agent->port->context, nonces + ESPOTA_AGENT_NONCE_SIZE,
                                                     ESPOTA_AGENT_NONCE_SIZE) != 0))
        return ESPOTA_AGENT_CRYPTO;
    reply->data[1] = config->key_length > 0 ? ESPOTA_AGENT_HELLO_KEY_NEEDED : 0;
    reply->data[2] = config->window;
    espota_put_le16(reply->data + 3, ESPOTA_AGENT_MAX_DATA);
    espota_put_le32(reply->data + 5, capabilities(agent));
    memcpy(reply->data + 9, nonces + ESPOTA_AGENT_NONCE_SIZE, ESPOTA_AGENT_NONCE_SIZE);
    reply->length = 9 + ESPOTA_AGENT_NONCE_SIZE;
    agent->session.greeted = true;
    return ESPOTA_AGENT_OK;
}

/* Guessing is slow: each failure doubles the wait for the next try. */
static bool must_wait(const struct espota_agent *agent)
{
    if (agent->failures == 0)
        return false;
    uint32_t wait = FIRST_WAIT_MS;
    for (unsigned i = 1; i < agent->failures && wait < LONGEST_WAIT_MS; i++)
        wait *= 2;
    if (wait > LONGEST_WAIT_MS)
        wait = LONGEST_WAIT_MS;
    return agent->port->now_ms(agent->port->context) - agent->failed_at < wait;
}

enum espota_agent_status espota_agent_auth(struct espota_agent *agent, const struct request *request,
                                           struct reply *reply)
{
    uint8_t expected[ESPOTA_SHA256_LENGTH];
    struct espota_agent_session *s = &agent->session;
    if (agent->config->key_length == 0)
        return ESPOTA_AGENT_UNSUPPORTED;
    if (request->length != ESPOTA_SHA256_LENGTH)
        return ESPOTA_AGENT_MALFORMED;
    if (must_wait(agent))
        return ESPOTA_AGENT_WAIT;
    if (derive(agent, ESPOTA_AGENT_LABEL_HOST_PROOF, expected) != 0)
        return ESPOTA_AGENT_CRYPTO;
    if (!espota_agent_same(expected, request->data, sizeof expected)) {
        agent->failures++;
        agent->failed_at = agent->port->now_ms(agent->port->context);
        s->greeted = false; /* the nonce is used up */
        return ESPOTA_AGENT_PROOF;
    }
    agent->failures = 0;
    if (derive(agent, ESPOTA_AGENT_LABEL_AGENT_PROOF, reply->data) != 0 ||
        derive(agent, ESPOTA_AGENT_LABEL_TO_AGENT, s->to_agent) != 0 ||
        derive(agent, ESPOTA_AGENT_LABEL_TO_HOST, s->to_host) != 0)
        return ESPOTA_AGENT_CRYPTO;
    reply->length = ESPOTA_SHA256_LENGTH;
    if (!s->keyed) { /* a repeated AUTH must not let old numbers in again */
        s->keyed = true;
        s->any_sequence = false;
    }
    return ESPOTA_AGENT_OK;
}

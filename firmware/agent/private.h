/* Shared by the files of the agent's core. */
#ifndef ESPOTA_AGENT_PRIVATE_H
#define ESPOTA_AGENT_PRIVATE_H

#include "espota/agent.h"

/* A request as it arrived: its payload is in agent->frame. */
struct request {
    uint8_t type;
    uint32_t sequence;
    const uint8_t *data;
    size_t length;
};

/* A reply under construction: agent->reply begins with the status. */
struct reply {
    uint8_t *data; /* behind the status */
    size_t length; /* of data */
};

typedef enum espota_agent_status handler(struct espota_agent *agent, const struct request *request,
                                         struct reply *reply);

/* agent.c */
void espota_agent_send_status(struct espota_agent *agent, const struct request *request,
                              enum espota_agent_status status, size_t data_length);

/* auth.c */
handler espota_agent_hello, espota_agent_auth;
/* Session code of a frame: the first bytes of HMAC(key, head || payload). */
int espota_agent_mac(const struct espota_agent *agent, const uint8_t key[ESPOTA_SHA256_LENGTH],
                     const uint8_t *head, size_t head_length, const uint8_t *payload, size_t payload_length,
                     uint8_t mac[ESPOTA_SHA256_LENGTH]);
bool espota_agent_same(const uint8_t *a, const uint8_t *b, size_t length);

/* flash.c */
handler espota_agent_info, espota_agent_read, espota_agent_digest, espota_agent_begin, espota_agent_write,
    espota_agent_verify;
/* Is there a valid image for this chip in the partition? */
enum espota_agent_status espota_agent_examine(struct espota_agent *agent,
                                              const struct espota_partition *partition);
const struct espota_partition *espota_agent_app_at(const struct espota_agent *agent, uint32_t offset);

/* boot.c */
handler espota_agent_select, espota_agent_confirm, espota_agent_rollback;

#endif

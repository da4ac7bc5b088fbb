/* Is what a slot holds an image that may boot? */
#include "private.h"

#include "espota/bytes.h"

#include <string.h>

struct slot_reader {
    const struct espota_agent *agent;
    uint32_t offset;
};

static int read_slot(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct slot_reader *reader = context;
    return espota_agent_flash_read(reader->agent, reader->offset + offset, buffer, length);
}

/* Is the image signed by the device's owner? */
static enum espota_agent_status check_owner(struct espota_agent *agent,
                                            const struct espota_partition *partition, uint32_t length)
{
    struct espota_signature signature;
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    uint32_t end = espota_signature_offset(length);
    if (end < length || !espota_agent_inside(end, ESPOTA_SIGNATURE_BLOCK_SIZE, 0, partition->size))
        return ESPOTA_AGENT_UNSIGNED;
    enum espota_agent_status status = espota_agent_digest_range(agent, partition->offset, end, digest);
    if (status != ESPOTA_AGENT_OK)
        return status;
    if (espota_agent_flash_read(agent, partition->offset + end, agent->sector, ESPOTA_SIGNATURE_BLOCK_SIZE) !=
        0)
        return ESPOTA_AGENT_FLASH;
    if (!espota_signature_parse(&signature, agent->sector) ||
        memcmp(signature.digest, digest, sizeof digest) != 0 ||
        agent->port->check_signature(agent->port->context, digest, signature.r_s) != 0)
        return ESPOTA_AGENT_UNSIGNED;
    return ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_examine(struct espota_agent *agent,
                                              const struct espota_partition *partition)
{
    struct espota_image image;
    struct slot_reader reader = { agent, partition->offset };
    struct espota_image_source source = { &reader, read_slot, partition->size };
    agent->update.running_run = false; /* the sector buffer serves here */
    enum espota_image_verdict verdict =
        espota_image_examine(&image, &source, &agent->port->sha256, agent->sector, sizeof agent->sector);
    if (verdict == ESPOTA_IMAGE_READ_FAILED)
        return ESPOTA_AGENT_FLASH;
    if (verdict == ESPOTA_IMAGE_HASH_FAILED)
        return ESPOTA_AGENT_CRYPTO;
    if (verdict != ESPOTA_IMAGE_OK || image.chip_id != agent->config->chip_id)
        return ESPOTA_AGENT_IMAGE;
    if ((image.has_description ? image.description.secure_version : 0) < agent->config->min_secure_version)
        return ESPOTA_AGENT_OLD;
    return agent->port->check_signature ? check_owner(agent, partition, image.length) : ESPOTA_AGENT_OK;
}

enum espota_agent_status espota_agent_verify(struct espota_agent *agent, const struct request *request,
                                             struct reply *reply)
{
    const struct espota_agent_update *u = &agent->update;
    if (request->length != 0)
        return ESPOTA_AGENT_MALFORMED;
    if (!u->open)
        return ESPOTA_AGENT_ORDER;
    enum espota_agent_status status = espota_agent_digest_range(agent, u->partition, u->length, reply->data);
    if (status != ESPOTA_AGENT_OK)
        return status;
    reply->length = ESPOTA_SHA256_LENGTH;
    if (memcmp(reply->data, u->sha256, sizeof u->sha256) != 0)
        return ESPOTA_AGENT_BAD_DIGEST;
    return espota_agent_examine(agent, espota_agent_app_at(agent, u->partition));
}

/* A device with an owner: is an image signed with his key? Ports without one do not link this. */
#include "private.h"

#include "espota/agent_settings.h"
#include "espota/signature.h"
#include "espota/table.h"

#include <string.h>

/* Not inlined, so that the block is off the stack when the signature is checked. */
__attribute__((noinline)) static enum espota_agent_status
read_signature(const struct espota_agent *agent, uint32_t offset, struct espota_signature *signature)
{
    uint8_t block[ESPOTA_SIGNATURE_BLOCK_SIZE];
    if (espota_agent_flash_read(agent, offset, block, sizeof block) != 0)
        return ESPOTA_AGENT_FLASH;
    return espota_signature_parse(signature, block) ? ESPOTA_AGENT_OK : ESPOTA_AGENT_UNSIGNED;
}

/* A recovery agent on the bare chip: it checks no signatures. Its settings lie where it reads them from. */
static enum espota_agent_status refuse_recovery(const struct espota_agent *agent,
                                                const struct espota_partition *partition)
{
    uint8_t magic[sizeof ESPOTA_SETTINGS_MAGIC - 1];
    if (espota_agent_slot_read(agent, partition->offset + ESPOTA_SETTINGS_OFFSET, magic, sizeof magic) != 0)
        return ESPOTA_AGENT_FLASH;
    return memcmp(magic, ESPOTA_SETTINGS_MAGIC, sizeof magic) == 0 ? ESPOTA_AGENT_RECOVERY : ESPOTA_AGENT_OK;
}

/* Is the image signed by the device's owner? */
enum espota_agent_status espota_agent_check_owner(struct espota_agent *agent,
                                                  const struct espota_partition *partition, uint32_t length)
{
    struct espota_signature signature;
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    uint32_t end = espota_signature_offset(length);
    if (end < length || !espota_agent_inside(end, ESPOTA_SIGNATURE_BLOCK_SIZE, 0, partition->size))
        return ESPOTA_AGENT_UNSIGNED;
    enum espota_agent_status status = espota_agent_digest_range(agent, partition->offset, end, digest);
    if (status == ESPOTA_AGENT_OK)
        status = read_signature(agent, partition->offset + end, &signature);
    if (status == ESPOTA_AGENT_OK &&
        (memcmp(signature.digest, digest, sizeof digest) != 0 ||
         agent->port->owner->check_signature(agent->port->context, digest, signature.r_s) != 0))
        status = ESPOTA_AGENT_UNSIGNED;
    return status == ESPOTA_AGENT_OK ? refuse_recovery(agent, partition) : status;
}

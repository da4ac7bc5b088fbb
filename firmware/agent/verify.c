/* Is what a slot holds an image that may boot? */
#include "private.h"

#include "espota/hash.h"
#include "espota/image.h"
#include "espota/table.h"

#include <string.h>

enum { PIECE = 256 };

struct slot_reader {
    struct espota_agent *agent;
    uint32_t offset;
};

static int read_slot(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct slot_reader *reader = context;
    espota_agent_relax(reader->agent);
    espota_agent_say_working(reader->agent);
    return espota_agent_slot_read(reader->agent, reader->offset + offset, buffer, length);
}

static enum espota_image_verdict look(struct espota_agent *agent, const struct espota_partition *partition,
                                      struct espota_image *image)
{
    struct slot_reader reader = { agent, partition->offset };
    struct espota_image_source source = { &reader, read_slot, partition->size };
    uint8_t piece[PIECE];
    if (MORE_SECTORS)
        agent->hashed = false; /* the port has one hash */
    return espota_image_examine(image, &source, &agent->port->sha256, piece, sizeof piece);
}

/* Would the bootloader start what is whole? One that it refuses has it start another app. */
static bool starts(const struct espota_agent *agent, const struct espota_image *image)
{
    const struct espota_agent_port *port = agent->port;
    return image->chip_id == agent->config->chip_id && (!port->starts || port->starts(port->context, image));
}

bool espota_agent_is_bootable(struct espota_agent *agent, const struct espota_partition *partition)
{
    struct espota_image image;
    return look(agent, partition, &image) == ESPOTA_IMAGE_OK && starts(agent, &image);
}

/* Is it an app of this device's making, and new enough? An owner may have signed what is no app, as a
 * bootloader: that has no description. */
static enum espota_agent_status check_description(const struct espota_agent *agent,
                                                  const struct espota_image *image)
{
    const struct espota_agent_config *config = agent->config;
    const struct espota_app_desc *d = &image->description; /* all 0 where there is none */
    if (!image->has_description && agent->port->owner)
        return ESPOTA_AGENT_IMAGE;
    if (d->secure_version < config->min_secure_version)
        return ESPOTA_AGENT_OLD;
    return config->project && strcmp(d->project, config->project) != 0 ? ESPOTA_AGENT_PROJECT
                                                                       : ESPOTA_AGENT_OK;
}

static enum espota_agent_status judge(struct espota_agent *agent, const struct espota_partition *partition,
                                      enum espota_image_verdict verdict, const struct espota_image *image)
{
    const struct espota_agent_owner *owner = agent->port->owner;
    if (verdict == ESPOTA_IMAGE_READ_FAILED)
        return ESPOTA_AGENT_FLASH;
    if (verdict == ESPOTA_IMAGE_HASH_FAILED)
        return ESPOTA_AGENT_CRYPTO;
    if (verdict != ESPOTA_IMAGE_OK || !starts(agent, image))
        return ESPOTA_AGENT_IMAGE;
    enum espota_agent_status status = check_description(agent, image);
    return status == ESPOTA_AGENT_OK && owner ? owner->check(agent, partition, image->length) : status;
}

enum espota_agent_status espota_agent_examine(struct espota_agent *agent,
                                              const struct espota_partition *partition)
{
    struct espota_image image;
    enum espota_image_verdict verdict = look(agent, partition, &image);
    return judge(agent, partition, verdict, &image);
}

/* A whole image was hashed while it was looked at. */
enum espota_agent_status espota_agent_examine_as(struct espota_agent *agent,
                                                 const struct espota_partition *partition, uint32_t length,
                                                 const uint8_t sha256[ESPOTA_SHA256_LENGTH],
                                                 uint8_t digest[ESPOTA_SHA256_LENGTH])
{
    struct espota_image image;
    enum espota_agent_status status = agent->port->service->may_digest(agent, partition->offset, length);
    if (status != ESPOTA_AGENT_OK)
        return status;
    enum espota_image_verdict verdict = look(agent, partition, &image);
    if (verdict == ESPOTA_IMAGE_OK && image.length <= length)
        status =
            espota_agent_digest_rest(agent, partition->offset + image.length, length - image.length, digest);
    else
        status = espota_agent_digest_range(agent, partition->offset, length, digest);
    if (status == ESPOTA_AGENT_OK && memcmp(digest, sha256, ESPOTA_SHA256_LENGTH) != 0)
        status = ESPOTA_AGENT_BAD_DIGEST;
    return status == ESPOTA_AGENT_OK ? judge(agent, partition, verdict, &image) : status;
}

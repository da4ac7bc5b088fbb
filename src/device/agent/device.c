/* The agent as a device. */
#include "agent.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/link.h"
#include "espota/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct agent *agent_of(struct espota_device *device)
{
    return (struct agent *)device;
}

/* As many digests as fit one response at a time. */
static int agent_digests(struct espota_device *device, uint32_t offset, uint32_t length, uint32_t block,
                         uint8_t *digests, struct espota_error *error)
{
    struct agent *agent = agent_of(device);
    uint32_t most = agent->max_data / ESPOTA_SHA256_LENGTH;
    for (uint32_t at = 0; at < length;) {
        uint64_t fit = (uint64_t)most * block;
        uint32_t part = length - at < fit ? length - at : (uint32_t)fit;
        size_t size = (size_t)((part - 1) / block + 1) * ESPOTA_SHA256_LENGTH;
        uint8_t request[12];
        struct agent_response response;
        espota_put_le32(request, offset + at);
        espota_put_le32(request + 4, part);
        espota_put_le32(request + 8, block);
        int result = agent_exchange(agent, ESPOTA_AGENT_DIGEST, request, sizeof request,
                                    AGENT_LONG_TIMEOUT_MS, size, &response, error);
        if (result != 0)
            return result;
        memcpy(digests, response.data, size);
        digests += size;
        at += part;
    }
    return 0;
}

static int agent_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                        struct espota_error *error)
{
    return agent_digests(device, offset, length, length, digest, error);
}

static int agent_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                      struct espota_error *error)
{
    struct agent *agent = agent_of(device);
    for (size_t done = 0; done < length;) {
        size_t chunk = length - done < agent->max_data ? length - done : agent->max_data;
        uint8_t request[6];
        struct agent_response response;
        espota_put_le32(request, offset + (uint32_t)done);
        espota_put_le16(request + 4, (uint16_t)chunk);
        int result = agent_exchange(agent, ESPOTA_AGENT_READ, request, sizeof request, AGENT_TIMEOUT_MS,
                                    chunk, &response, error);
        if (result != 0)
            return espota_fail_while(error, "0x%zx", offset + done);
        memcpy((uint8_t *)buffer + done, response.data, chunk);
        done += chunk;
    }
    return 0;
}

static int agent_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                       struct espota_error *error)
{
    struct agent *agent = agent_of(device);
    if (agent->image.length == 0 || offset < agent->image_offset)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                           "cannot write 0x%" PRIx32
                           " of %s: the agent writes app images into idle slots only",
                           offset, device->name);
    return agent_write_run(agent, offset - agent->image_offset, data, length, error);
}

_Static_assert((int)ESPOTA_PAYLOAD_RAW == (int)ESPOTA_AGENT_RAW, "kinds go over the wire as they are");

static int agent_begin_image(struct espota_device *device, uint32_t offset,
                             const struct espota_payload *payload, struct espota_error *error)
{
    struct agent *agent = agent_of(device);
    uint8_t request[12 + ESPOTA_SHA256_LENGTH] = { (uint8_t)payload->kind };
    espota_put_le32(request + 4, offset);
    espota_put_le32(request + 8, payload->length);
    memcpy(request + 12, payload->sha256, ESPOTA_SHA256_LENGTH);
    int result =
        agent_exchange(agent, ESPOTA_AGENT_BEGIN, request, sizeof request, AGENT_TIMEOUT_MS, 0, NULL, error);
    if (result != 0)
        return result;
    agent->image = *payload;
    agent->image.data = NULL;
    agent->image_offset = offset;
    return 0;
}

static int agent_finish_image(struct espota_device *device, struct espota_error *error)
{
    return agent_exchange(agent_of(device), ESPOTA_AGENT_VERIFY, NULL, 0, AGENT_LONG_TIMEOUT_MS,
                          ESPOTA_SHA256_LENGTH, NULL, error);
}

static int agent_select_boot(struct espota_device *device, uint32_t offset, uint32_t state,
                             struct espota_error *error)
{
    uint8_t request[8];
    espota_put_le32(request, offset);
    espota_put_le32(request + 4, state);
    return agent_exchange(agent_of(device), ESPOTA_AGENT_SELECT, request, sizeof request,
                          AGENT_LONG_TIMEOUT_MS, 0, NULL, error);
}

static int agent_confirm(struct espota_device *device, struct espota_error *error)
{
    return agent_exchange(agent_of(device), ESPOTA_AGENT_CONFIRM, NULL, 0, AGENT_TIMEOUT_MS, 0, NULL, error);
}

static int agent_rollback(struct espota_device *device, struct espota_error *error)
{
    return agent_exchange(agent_of(device), ESPOTA_AGENT_ROLLBACK, NULL, 0, AGENT_LONG_TIMEOUT_MS, 0, NULL,
                          error);
}

static int agent_restart(struct espota_device *device, struct espota_error *error)
{
    return agent_exchange(agent_of(device), ESPOTA_AGENT_RESTART, NULL, 0, AGENT_TIMEOUT_MS, 0, NULL, error);
}

/* Greet again; an image that was announced has to be announced again. */
static int agent_recover(struct espota_device *device, struct espota_error *error)
{
    struct agent *agent = agent_of(device);
    struct espota_payload image = agent->image;
    agent->image.length = 0;
    int result = agent_greet(agent, error);
    return result || image.length == 0 ? result
                                       : agent_begin_image(device, agent->image_offset, &image, error);
}

static void agent_close(struct espota_device *device)
{
    struct agent *agent = agent_of(device);
    espota_link_close(agent->link);
    espota_hash_free(agent->sha256);
    espota_wipe(agent, sizeof *agent);
    free(agent);
}

static const struct espota_device_ops agent_ops = {
    .digest = agent_digest,
    .digests = agent_digests,
    .read = agent_read,
    .write = agent_write,
    .begin_image = agent_begin_image,
    .finish_image = agent_finish_image,
    .select_boot = agent_select_boot,
    .confirm = agent_confirm,
    .rollback = agent_rollback,
    .restart = agent_restart,
    .recover = agent_recover,
    .close = agent_close,
};

/* A copy: a session outlives what its key was read into. */
static int take_key(struct agent *agent, const struct espota_agent_options *options,
                    struct espota_error *error)
{
    agent->options.key = NULL;
    if (options->key_length > sizeof agent->key)
        return espota_fail(error, ESPOTA_ERR_USAGE, "a device's key has at most %zu bytes",
                           sizeof agent->key);
    if (options->key_length > 0)
        memcpy(agent->key, options->key, options->key_length);
    agent->sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    return agent->sha256
               ? 0
               : espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
}

int espota_agent_open(struct espota_device **device, struct espota_link *link,
                      const struct espota_agent_options *options, struct espota_error *error)
{
    struct agent *agent = calloc(1, sizeof *agent);
    if (!agent) {
        espota_link_close(link);
        return espota_fail_memory(error, "connecting");
    }
    agent->link = link;
    agent->options = *options;
    espota_device_init(&agent->device, &agent_ops, "agent", ESPOTA_HASH_SHA256, link->name);
    agent->device.observer = options->observer;
    espota_slip_begin(&agent->decoder, agent->frame, sizeof agent->frame);
    espota_link_drain(link);
    int result = take_key(agent, options, error);
    if (result == 0)
        result = agent_greet(agent, error);
    if (result == 0)
        *device = &agent->device;
    else
        agent_close(&agent->device);
    return result;
}

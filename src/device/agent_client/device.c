/* The agent as a device. */
#include "client.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/link.h"
#include "espota/random.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int client_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                        struct espota_error *error)
{
    struct agent_client *client = client_of(device);
    if (client->image.length == 0 || offset < client->image_offset)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                           "cannot write 0x%" PRIx32
                           " of %s: the agent writes app images into idle slots only",
                           offset, device->name);
    return client_write_run(client, offset - client->image_offset, data, length, error);
}

static int client_begin_image(struct espota_device *device, uint32_t offset,
                              const struct espota_payload *payload, struct espota_error *error)
{
    struct agent_client *client = client_of(device);
    uint8_t request[ESPOTA_AGENT_BEGIN_SIZE] = { 0 };
    espota_put_le32(request + 4, offset);
    espota_put_le32(request + 8, payload->length);
    memcpy(request + 12, payload->sha256, ESPOTA_SHA256_LENGTH);
    int result = client_exchange(client, ESPOTA_AGENT_BEGIN, request, sizeof request, CLIENT_TIMEOUT_MS, 0,
                                 NULL, error);
    if (result != 0)
        return result;
    client->image = *payload;
    client->image.data = NULL;
    client->image_offset = offset;
    return 0;
}

static int client_finish_image(struct espota_device *device, struct espota_error *error)
{
    return client_exchange(client_of(device), ESPOTA_AGENT_VERIFY, NULL, 0, CLIENT_LONG_TIMEOUT_MS,
                           ESPOTA_SHA256_LENGTH, NULL, error);
}

static int client_select_boot(struct espota_device *device, uint32_t offset, uint32_t state,
                              struct espota_error *error)
{
    uint8_t request[8];
    espota_put_le32(request, offset);
    espota_put_le32(request + 4, state);
    return client_exchange(client_of(device), ESPOTA_AGENT_SELECT, request, sizeof request,
                           CLIENT_LONG_TIMEOUT_MS, 0, NULL, error);
}

static int client_confirm(struct espota_device *device, struct espota_error *error)
{
    return client_exchange(client_of(device), ESPOTA_AGENT_CONFIRM, NULL, 0, CLIENT_TIMEOUT_MS, 0, NULL,
                           error);
}

static int client_rollback(struct espota_device *device, struct espota_error *error)
{
    return client_exchange(client_of(device), ESPOTA_AGENT_ROLLBACK, NULL, 0, CLIENT_LONG_TIMEOUT_MS, 0, NULL,
                           error);
}

static int client_restart(struct espota_device *device, struct espota_error *error)
{
    return client_exchange(client_of(device), ESPOTA_AGENT_RESTART, NULL, 0, CLIENT_TIMEOUT_MS, 0, NULL,
                           error);
}

/* Greet again; an image that was announced has to be announced again. */
static int client_recover(struct espota_device *device, struct espota_error *error)
{
    struct agent_client *client = client_of(device);
    struct espota_payload image = client->image;
    client->image.length = 0;
    int result = client_greet(client, error);
    return result || image.length == 0 ? result
                                       : client_begin_image(device, client->image_offset, &image, error);
}

static void client_close(struct espota_device *device)
{
    struct agent_client *client = client_of(device);
    espota_link_close(client->link);
    client_end(client);
    free(client);
}

void client_end(struct agent_client *client)
{
    espota_hash_free(client->sha256);
    espota_wipe(client, sizeof *client);
}

const struct espota_device_ops client_ops = {
    .digest = client_digest,
    .digests = client_digests,
    .read = client_read,
    .reads = client_reads,
    .write = client_write,
    .begin_image = client_begin_image,
    .finish_image = client_finish_image,
    .select_boot = client_select_boot,
    .confirm = client_confirm,
    .rollback = client_rollback,
    .restart = client_restart,
    .recover = client_recover,
    .close = client_close,
};

/* A copy: a session outlives what its key was read into. */
static int take_key(struct agent_client *client, const struct espota_agent_client_options *options,
                    struct espota_error *error)
{
    client->options.key = NULL;
    if (options->key_length > sizeof client->key)
        return espota_fail(error, ESPOTA_ERR_USAGE, "a device's key has at most %zu bytes",
                           sizeof client->key);
    if (options->key_length > 0)
        memcpy(client->key, options->key, options->key_length);
    client->sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    return client->sha256
               ? 0
               : espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
}

int client_begin(struct agent_client *client, struct espota_link *link,
                 const struct espota_agent_client_options *options, struct espota_error *error)
{
    client->link = link;
    client->options = *options;
    espota_device_init(&client->device, &client_ops, "agent", ESPOTA_HASH_SHA256, link->name);
    client->device.observer = options->observer;
    espota_slip_begin(&client->decoder, client->frame, sizeof client->frame);
    espota_link_drain(link);
    return take_key(client, options, error);
}

int espota_agent_client_open(struct espota_device **device, struct espota_link *link,
                             const struct espota_agent_client_options *options, struct espota_error *error)
{
    struct agent_client *client = calloc(1, sizeof *client);
    if (!client) {
        espota_link_close(link);
        return espota_fail_memory(error, "connecting");
    }
    int result = client_begin(client, link, options, error);
    if (result == 0)
        result = client_greet(client, error);
    if (result == 0)
        *device = &client->device;
    else
        client_close(&client->device);
    return result;
}

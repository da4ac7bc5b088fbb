/* The agent as a device. */
#include "base.h"
#include "client.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/link.h"
#include "espota/random.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The image that an agent with all of flash is told of: the range itself. */
static int begin_range(struct agent_client *client, const struct espota_changes *changes,
                       struct espota_error *error)
{
    uint8_t request[ESPOTA_AGENT_BEGIN_SIZE] = { ESPOTA_AGENT_BEGIN_RANGE };
    espota_put_le32(request + 4, changes->offset);
    espota_put_le32(request + 8, changes->length);
    return client_exchange(client, ESPOTA_AGENT_BEGIN, request, sizeof request, CLIENT_TIMEOUT_MS, 0, NULL,
                           error);
}

/* From the first sector that differs to behind the last one. */
static struct espota_extent differing(const struct espota_changes *changes)
{
    uint32_t first = 0, end = (changes->length + ESPOTA_SECTOR_SIZE - 1) / ESPOTA_SECTOR_SIZE;
    while (changes->differs && end > 0 && !changes->differs[end - 1])
        end--;
    while (changes->differs && first < end && !changes->differs[first])
        first++;
    return (struct espota_extent){ changes->offset + first * ESPOTA_SECTOR_SIZE,
                                   (end - first) * ESPOTA_SECTOR_SIZE };
}

/* What went well and is not in flash all the same was coded wrongly; what lies beside it went another way, as
 * the first sector of a slot with its header. */
static void doubt_coding(struct agent_client *client, const struct espota_changes *changes)
{
    struct espota_extent now = differing(changes), before = client->differed;
    bool again = client->was_coded && client->changed_offset == changes->offset &&
                 client->changed_length == changes->length && now.offset >= before.offset &&
                 now.offset + now.length <= before.offset + before.length;
    client->was_coded = false;
    client->changed_offset = changes->offset;
    client->changed_length = changes->length;
    client->differed = now;
    if (!again || client->coded_refused)
        return;
    if (client->was_patched) {
        client_base_give_up(client, ESPOTA_BASE_FAILED, "flash does not hold what the agent made of it");
        return;
    }
    client->coded_refused = true;
    espota_device_note(&client->device,
                       "flash does not hold what the agent decoded: going on without coding");
}

static int client_write_changes(struct espota_device *device, const struct espota_changes *changes,
                                struct espota_error *error)
{
    struct agent_client *client = client_of(device);
    bool ranges = client->capabilities & ESPOTA_AGENT_CAN_ALL_FLASH;
    if (!ranges && (client->image.length == 0 || changes->offset < client->image_offset))
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                           "cannot write 0x%" PRIx32
                           " of %s: the agent writes app images into idle slots only",
                           changes->offset, device->name);
    doubt_coding(client, changes);
    int result = ranges ? begin_range(client, changes, error) : 0;
    uint32_t at = ranges ? 0 : changes->offset - client->image_offset;
    return result ? result : client_send_changes(client, changes, at, error);
}

static int client_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                        struct espota_error *error)
{
    struct espota_changes changes = { offset, (uint32_t)length, data, NULL, NULL };
    return client_write_changes(device, &changes, error);
}

/* ---- erasing --------------------------------------------------------------------------------------------
 */

enum { ERASE_STEP = 256 << 10, ERASE_LEAST_MS = 5000, ERASE_MOST_MS = 60000 };

struct erasure {
    struct espota_device *device;
    struct espota_extent extent;
};

static struct espota_extent erase_step(const struct erasure *erasure, uint32_t item)
{
    uint32_t at = item * ERASE_STEP, left = erasure->extent.length - at;
    return (struct espota_extent){ erasure->extent.offset + at, left < ERASE_STEP ? left : ERASE_STEP };
}

static size_t ask_erase(void *context, uint32_t item, uint8_t *payload)
{
    struct espota_extent step = erase_step(context, item);
    espota_put_le32(payload, step.offset);
    espota_put_le32(payload + 4, step.length);
    return 8;
}

static int take_erase(void *context, uint32_t item, const struct client_response *response,
                      struct espota_error *error)
{
    const struct erasure *erasure = context;
    (void)response;
    (void)error;
    espota_device_moved(erasure->device, erase_step(erasure, item).length);
    return 0;
}

static int client_erase(struct espota_device *device, uint32_t offset, uint32_t length,
                        struct espota_error *error)
{
    struct erasure erasure = { device, { offset, length } };
    struct client_series series = { .type = ESPOTA_AGENT_ERASE,
                                    .count = (length + ERASE_STEP - 1) / ERASE_STEP,
                                    .least_ms = ERASE_LEAST_MS,
                                    .most_ms = ERASE_MOST_MS,
                                    .context = &erasure,
                                    .compose = ask_erase,
                                    .take = take_erase };
    return client_run_series(client_of(device), &series, error);
}

/* ---- images and boot ------------------------------------------------------------------------------------
 */

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
    if (memcmp(client->image.sha256, payload->sha256, sizeof payload->sha256) != 0 ||
        client->image_offset != offset || client->image.bases != payload->bases)
        client_base_forget(client);
    if (!client->base_asked)
        device->sent.no_base = ESPOTA_BASE_NOT_ASKED;
    client->image = *payload;
    client->image.data = NULL;
    client->image_offset = offset;
    return 0;
}

static int client_identify(struct espota_device *device, uint32_t offset, struct espota_payload_base *held,
                           struct espota_error *error)
{
    struct agent_client *client = client_of(device);
    struct client_response response;
    uint8_t request[4];
    espota_put_le32(request, offset);
    int result = client_exchange(client, ESPOTA_AGENT_IDENTIFY, request, sizeof request, CLIENT_TIMEOUT_MS,
                                 sizeof request, &response, error); /* it says that it works on it */
    if (result != 0)
        return result;
    held->length = espota_get_le32(response.data);
    if (held->length > 0 && response.length < ESPOTA_AGENT_IDENTIFY_SIZE)
        return client_fail_short(client, ESPOTA_AGENT_IDENTIFY, error);
    if (held->length > 0)
        memcpy(held->sha256, response.data + 4, sizeof held->sha256);
    return 0;
}

static int client_finish_image(struct espota_device *device, struct espota_error *error)
{
    int result = client_exchange(client_of(device), ESPOTA_AGENT_VERIFY, NULL, 0, CLIENT_LONG_TIMEOUT_MS,
                                 ESPOTA_SHA256_LENGTH, NULL, error);
    if (result == 0)
        client_base_forget(client_of(device));
    return result;
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

/* It answers before it restarts, and at once but for what it was asked before. Who was asked to stop does not
 * wait long for one that is gone. */
static int client_restart(struct espota_device *device, struct espota_error *error)
{
    enum { RESTART_MS = 700 };
    struct agent_client *client = client_of(device);
    int result = client_exchange(client, ESPOTA_AGENT_RESTART, NULL, 0, RESTART_MS, 0, NULL, error);
    if (result != 0)
        return result;
    client_forget_rate(client); /* it comes up at its own */
    espota_link_unread(client->link, client->in + client->in_at, client->in_count - client->in_at);
    client->in_at = client->in_count = 0;
    return 0;
}

/* Greet again. An agent that was silent too long, or was restarted, is at the rate that it began with. */
static int greet_again(struct agent_client *client, struct espota_error *error)
{
    uint32_t rate = client->rate;
    int result = client_greet(client, error);
    if (result != ESPOTA_ERR_NO_DEVICE || rate == 0)
        return result;
    client_forget_rate(client);
    result = client_greet(client, error);
    if (result != 0)
        return result;
    result = client_set_rate(client, rate, error);
    return result == ESPOTA_ERR_UNSUPPORTED ? 0 : result;
}

/* An image that was announced has to be announced again. */
static int client_recover(struct espota_device *device, struct espota_error *error)
{
    struct agent_client *client = client_of(device);
    struct espota_payload image = client->image;
    client->image.length = 0;
    int result = greet_again(client, error);
    return result || image.length == 0 ? result
                                       : client_begin_image(device, client->image_offset, &image, error);
}

static void client_close(struct espota_device *device)
{
    struct agent_client *client = client_of(device);
    client_take_back_rate(client);
    espota_link_close(client->link);
    client_end(client);
    free(client);
}

void client_end(struct agent_client *client)
{
    client_base_forget(client);
    if (!client->options.streams)
        espota_stream_cache_free(client->streams);
    espota_hash_free(client->sha256);
    espota_wipe(client, sizeof *client);
}

const struct espota_device_ops client_ops = {
    .digest = client_digest,
    .digests = client_digests,
    .read = client_read,
    .reads = client_reads,
    .erase = client_erase,
    .write = client_write,
    .write_changes = client_write_changes,
    .begin_image = client_begin_image,
    .finish_image = client_finish_image,
    .identify = client_identify,
    .select_boot = client_select_boot,
    .confirm = client_confirm,
    .rollback = client_rollback,
    .pull_start = client_pull_start,
    .pull_state = client_pull_state,
    .restart = client_restart,
    .recover = client_recover,
    .close = client_close,
};

bool espota_agent_client_has_rate(const struct espota_device *device)
{
    return device->ops == &client_ops &&
           (((const struct agent_client *)device)->capabilities & ESPOTA_AGENT_CAN_RATE);
}

int espota_agent_client_set_rate(struct espota_device *device, uint32_t baud, struct espota_error *error)
{
    if (device->ops != &client_ops)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s has no baud rate to change", device->name);
    return client_set_rate(client_of(device), baud, error);
}

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
    client->options.other_baud = 0; /* it is found: from now on its rate is known */
    if (result == 0)
        *device = &client->device;
    else
        client_close(&client->device);
    return result;
}

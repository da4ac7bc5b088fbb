#include "base.h"
#include "plan.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <inttypes.h>
#include <string.h>

static void give_reason(struct agent_client *client, enum espota_no_base reason)
{
    client->device.sent.no_base = reason;
    client->base.length = 0;
}

/* That nothing can be learnt of what the device holds is no reason to fail an update, unless the device is
 * gone, or nobody wants it any more. Where it has lost the session it cannot say more than that: the second
 * time, it is not that. */
static bool is_the_end(struct agent_client *client, int result)
{
    bool may_be_lost = result == ESPOTA_ERR_TIMEOUT || result == ESPOTA_ERR_DEVICE;
    if (may_be_lost)
        return client->base_failures++ == 0;
    return result == ESPOTA_ERR_CANCELLED || result == ESPOTA_ERR_NO_DEVICE || result == ESPOTA_ERR_IO ||
           result == ESPOTA_ERR_NOMEM;
}

static int ask_finder(struct agent_client *client, const struct espota_base_costs *costs,
                      struct espota_error *error)
{
    const struct espota_base_finder *finder = client->image.bases;
    int result = finder->find(finder->context, &client->device, costs, &client->base,
                              &client->device.sent.no_base, error);
    if (result == 0 || is_the_end(client, result))
        return result;
    espota_device_note(&client->device, "No base is looked for: %s", error->text);
    give_reason(client, ESPOTA_BASE_NOT_NAMED);
    return 0;
}

/* Whoever began the image knows what the device may hold. */
static int find(struct agent_client *client, const struct client_image *image, struct espota_error *error)
{
    const struct espota_base_costs costs = client_base_costs(client, image->length);
    enum espota_no_base reason = ESPOTA_BASE_UNKNOWN;
    client->base_asked = true;
    if (!(client->capabilities & ESPOTA_AGENT_CAN_PATCH) || client->coded_refused)
        reason = ESPOTA_BASE_UNSUPPORTED;
    else if (client->base_table_log == 0)
        reason = ESPOTA_BASE_NO_MEMORY;
    else
        return ask_finder(client, &costs, error);
    give_reason(client, reason);
    return 0;
}

/* One whose stream was made elsewhere, for a decoder with that table. */
static void take_patch(struct agent_client *client, const struct client_image *image)
{
    struct espota_error why;
    if (client->base.table_log > client->base_table_log)
        give_reason(client, ESPOTA_BASE_NO_MEMORY);
    else if (espota_stream_base_take(&client->prepared, image->cache, client->base.prepared, &why) != 0)
        client_base_give_up(client, ESPOTA_BASE_NO_HELP, why.text);
}

/* It may take a second. An agent that heard nothing for so long is at the rate that it began with: the next
 * request finds it there. */
static int prepare(struct agent_client *client, const struct client_image *image, struct espota_error *error)
{
    const struct espota_payload_base *base = &client->base;
    struct espota_error why;
    struct espota_stream_base_source source = { .isa = client->isa,
                                                .old = base->data,
                                                .old_length = base->length,
                                                .image = image->data,
                                                .image_length = image->length,
                                                .observer = client->device.observer };
    memcpy(source.old_sha256, base->sha256, sizeof source.old_sha256);
    memcpy(source.image_sha256, image->sha256, sizeof source.image_sha256);
    if (base->prepared) {
        take_patch(client, image);
        return 0;
    }
    uint64_t begun = espota_link_now_ms(client->link);
    int result = espota_stream_base_open(&client->prepared, image->cache, &source, &why);
    if (result == ESPOTA_ERR_CANCELLED)
        return espota_fail(error, ESPOTA_ERR_CANCELLED,
                           "stopped on request; run the same command again to finish");
    if (result != 0)
        client_base_give_up(client, ESPOTA_BASE_NO_HELP, why.text);
    else if (!espota_stream_base_helps(client->prepared))
        give_reason(client, ESPOTA_BASE_NO_HELP);
    else
        espota_device_detail(&client->device,
                             "what differs from the image at 0x%" PRIx32 " was found in %u ms", base->offset,
                             (unsigned)(espota_link_now_ms(client->link) - begun));
    return 0;
}

int client_base_for(struct agent_client *client, struct client_image *image, struct espota_error *error)
{
    int result = client->base_asked ? 0 : find(client, image, error);
    if (result != 0)
        client->base_asked = false;
    if (result == 0 && client->base.length > 0 && !client->prepared)
        result = prepare(client, image, error);
    if (result != 0 || client->base.length == 0)
        return result;
    image->base = client->prepared;
    image->base_offset = client->base.offset;
    image->base_table_log = client->base.prepared ? (uint8_t)client->base.table_log : client->base_table_log;
    return 0;
}

void client_base_give_up(struct agent_client *client, enum espota_no_base reason, const char *why)
{
    if (client->base.length > 0)
        espota_device_note(&client->device, "%s: going on without the image at 0x%" PRIx32 " as a base", why,
                           client->base.offset);
    give_reason(client, reason);
}

void client_base_forget(struct agent_client *client)
{
    espota_stream_base_close(client->prepared);
    client->prepared = NULL;
    client->base = (struct espota_payload_base){ 0 };
    client->base_asked = false;
    client->base_failures = 0;
}

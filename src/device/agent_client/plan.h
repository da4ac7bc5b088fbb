/* Which streams bring what differs to flash. */
#ifndef ESPOTA_DEVICE_AGENT_CLIENT_PLAN_H
#define ESPOTA_DEVICE_AGENT_CLIENT_PLAN_H

#include "client.h"
#include "stream.h"

struct client_plan {
    struct client_stream *stream; /* ascending */
    size_t count;
};

/* The streams for `changes`, of which the first byte lies at `at` of the image that was begun; for
 * client_plan_free. The observer hears what was chosen and why. */
int client_plan(struct client_plan *plan, const struct agent_client *client,
                const struct espota_changes *changes, uint32_t at, struct espota_error *error);
void client_plan_free(struct client_plan *plan);

/* Does any of the streams need the decoder? */
bool client_plan_codes(const struct client_plan *plan);

/* Seconds that a stretch of so many bytes needs, as it is or coded: the slowest of the line, the chip's
 * decoder and flash decides, as they work at the same time. */
struct client_estimate {
    double raw, coded;
    uint32_t line_rate; /* bytes a second */
};
struct client_estimate client_estimate(const struct agent_client *client, uint32_t length);

#endif

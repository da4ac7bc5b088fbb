/* Which streams bring what differs to flash. */
#ifndef ESPOTA_DEVICE_AGENT_CLIENT_PLAN_H
#define ESPOTA_DEVICE_AGENT_CLIENT_PLAN_H

#include "client.h"
#include "stream.h"

struct client_plan {
    struct client_stream *stream; /* ascending */
    size_t count;
};

/* The streams for `changes`, of which the first byte lies at `at` of the image that was begun, and which may
 * have a base; for client_plan_free. The observer hears what was chosen and why. */
int client_plan(struct client_plan *plan, const struct agent_client *client,
                const struct espota_changes *changes, uint32_t at, bool based, struct espota_error *error);
void client_plan_free(struct client_plan *plan);

/* Does so much differ that a base may help? */
bool client_plan_wants_base(const struct espota_changes *changes, uint32_t at);

/* Is any of the streams of this kind? */
bool client_plan_has(const struct client_plan *plan, enum client_stream_kind kind);

/* Seconds that so many bytes need as they are, and with the best share of their sectors coded. The slowest of
 * line, CPU and flash decides, as they work at the same time: where the CPU is slower at decoding than the
 * line at carrying, it gets as much to decode as it can in the time that the line needs for the rest. */
struct client_estimate {
    double raw, coded;
    double share;       /* of the sectors that are coded then, 0 to 1 */
    uint32_t line_rate; /* bytes a second */
};
struct client_estimate client_estimate(const struct agent_client *client, uint32_t length);

/* What it takes to bring so many bytes of an image to the device, and to read a byte of flash. */
struct espota_base_costs client_base_costs(const struct agent_client *client, uint32_t length);

/* From now on streams are made by the model that is quicker on this line: the deep one makes fewer bytes, the
 * other decodes sooner. */
void client_choose_depth(struct agent_client *client);

/* Of the stream's head: the largest table of that model. */
unsigned client_table_log(const struct agent_client *client);

/* For what streams are made from: the pace of line and decoder. */
void client_set_pace(const struct agent_client *client, struct client_image *image);

#endif

/* How fast the agent decodes, measured while it does. */
#ifndef ESPOTA_DEVICE_AGENT_CLIENT_PACE_H
#define ESPOTA_DEVICE_AGENT_CLIENT_PACE_H

#include "client.h"
#include "stream.h"

struct client_pace {
    uint64_t since_ms; /* 0: nothing is measured yet */
    uint32_t sectors, coded, wire_bytes;
};

/* The sectors from `first` to before `end` of the stream were acknowledged now: what that says of the decoder
 * is kept in `client` and, where it is news, in `image`, and the stream goes on at that pace. */
void client_measure(struct agent_client *client, struct client_pace *pace, struct client_image *image,
                    struct client_stream *stream, uint32_t first, uint32_t end);

#endif

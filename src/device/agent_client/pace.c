#include "pace.h"

#include "espota/coder.h"
#include "espota/link.h"
#include "espota/table.h"

enum { LEAST_SECTORS = 8, LEAST_MS = 40, NEWS_PERCENT = 10, SLACK_PERCENT = 40 };

/* What a decoded byte took at most, in nanoseconds. It is more than was thought only where the line had much
 * time to spare, as the two never overlap wholly. Where nothing was coded at all, it may be less. */
static void conclude(struct agent_client *client, const struct client_pace *pace, uint32_t line_ns,
                     uint32_t assumed_ns, uint64_t elapsed_ms)
{
    uint64_t line_ms = (uint64_t)pace->wire_bytes * line_ns / 1000000;
    uint64_t coded = (uint64_t)pace->coded * ESPOTA_SECTOR_SIZE;
    uint64_t ns = coded > 0 ? elapsed_ms * 1000000 / coded : assumed_ns - assumed_ns / 8;
    bool line_waited = elapsed_ms * 100 > line_ms * (100 + SLACK_PERCENT);
    if (ns < assumed_ns || (coded > 0 && line_waited))
        client->decode_ns = (uint32_t)((assumed_ns + ns) / 2);
}

static void add(struct client_pace *pace, const struct client_stream *stream, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        pace->coded += stream_codes(stream, i);
    pace->sectors += end - first;
    pace->wire_bytes += stream->sector[end - 1].end - (first > 0 ? stream->sector[first - 1].end : 0);
}

static bool is_news(uint32_t known, uint32_t measured)
{
    uint32_t difference = known > measured ? known - measured : measured - known;
    return (uint64_t)difference * 100 > (uint64_t)known * NEWS_PERCENT;
}

void client_measure(struct agent_client *client, struct client_pace *pace, struct client_image *image,
                    struct client_stream *stream, uint32_t first, uint32_t end)
{
    uint64_t now = espota_link_now_ms(client->link), elapsed = now - pace->since_ms;
    if (stream->kind != STREAM_CODED) { /* its time is no decoder's */
        *pace = (struct client_pace){ 0 };
        return;
    }
    if (pace->since_ms == 0) {
        *pace = (struct client_pace){ .since_ms = now };
        return;
    }
    add(pace, stream, first, end);
    if (pace->sectors < LEAST_SECTORS || elapsed < LEAST_MS)
        return;
    if (client->decode_ns == 0)
        client->decode_ns = image->pace.decode_ns;
    conclude(client, pace, image->pace.line_ns, client->decode_ns, elapsed);
    *pace = (struct client_pace){ .since_ms = now };
    if (!is_news(image->pace.decode_ns, client->decode_ns))
        return;
    image->pace.decode_ns = client->decode_ns;
    stream_set_pace(stream, image);
}

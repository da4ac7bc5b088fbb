/* Streams through the window, one behind the other: the next one begins before the last one is acknowledged.
 * Answers are cumulative within a stream. The agent holds one stream at a time: one that lost bytes when the
 * next had begun is begun anew, from its first sector that was not acknowledged. */
#include "base.h"
#include "client.h"
#include "pace.h"
#include "plan.h"
#include "stream.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/table.h"

#include <string.h>

enum {
    STALLS = 8,
    FRUITLESS = 32, /* streams begun anew one after the other, before a sector of any came through */
    NO_PROGRESS_MS = 60000,
    LEAST_MS = 1500,   /* flash erases a block in 150 ms, and in two seconds when it is old */
    NUMBERS = 128,     /* of streams */
    LEAST_FRAME = 512, /* bytes of a stream, where frames get lost; and where few stand for many sectors */
};

struct sender {
    struct agent_client *client;
    const struct espota_changes *changes;
    struct client_image image;
    struct client_plan plan;
    struct client_pace pace;
    size_t sending, acknowledging; /* streams */
    uint32_t sent, acknowledged;   /* bytes of these two */
    uint32_t built_from;           /* where the frame that is built begins */
    uint32_t frame;     /* bytes of a stream in one: fewer after a loss, more again with each sector */
    uint32_t told;      /* sectors of `acknowledging`, to progress */
    bool proven;        /* every stretch so far, by its digest */
    unsigned stalls;    /* times gone back without progress */
    unsigned fruitless; /* times begun anew without a sector more */
    unsigned silences;
    uint64_t progress_ms, heard_ms,
        deadline; /* when last something went on, anything was heard; wait until */
};

static struct client_stream *current(const struct sender *s)
{
    return &s->plan.stream[s->acknowledging];
}

static void wait_anew(struct sender *s)
{
    s->deadline = espota_link_now_ms(s->client->link) +
                  client_patience_ms(s->client, LEAST_MS, CLIENT_LONG_TIMEOUT_MS, s->silences);
}

/* ---- out ------------------------------------------------------------------------------------------------
 */

/* The next bytes of the stream that is being sent, as a frame. */
static int build_next(struct sender *s, struct espota_error *error)
{
    uint8_t request[ESPOTA_AGENT_WRITE_HEADER + CLIENT_MAX_DATA];
    struct agent_client *client = s->client;
    struct client_stream *stream = &s->plan.stream[s->sending];
    uint32_t most = stream->kind == STREAM_BASED && s->frame > LEAST_FRAME ? LEAST_FRAME : s->frame;
    int result = stream_make(stream, &s->image, s->sent + most, error);
    if (result != 0)
        return result;
    uint32_t left = stream_size(stream) - s->sent;
    uint32_t chunk = left < most ? left : most;
    bool start = s->sent == 0;
    if (start)
        stream->number = client->stream_number = (uint8_t)((client->stream_number + 1) % NUMBERS);
    espota_put_le32(request, s->sent);
    request[4] = (uint8_t)((unsigned)stream->number << ESPOTA_AGENT_WRITE_NUMBER_SHIFT |
                           (start ? ESPOTA_AGENT_WRITE_START : 0u));
    memcpy(request + ESPOTA_AGENT_WRITE_HEADER, stream_bytes(stream, s->sent), chunk);
    result = client_build(client, ESPOTA_AGENT_WRITE, request, ESPOTA_AGENT_WRITE_HEADER + chunk, error);
    s->built_from = s->sent;
    s->sent += chunk;
    return result;
}

static bool is_sent(const struct sender *s)
{
    const struct client_stream *stream = &s->plan.stream[s->sending];
    return stream_is_whole(stream) && s->sent == stream_size(stream);
}

/* Is there more to build? Goes on to the next stream where one is sent. */
static bool has_more(struct sender *s)
{
    if (is_sent(s) && s->sending + 1 < s->plan.count) {
        s->sending++;
        s->sent = 0;
    }
    return !is_sent(s);
}

static int fill_window(struct sender *s, struct espota_error *error)
{
    struct agent_client *client = s->client;
    bool idle = client->flight.count == 0;
    int result = 0;
    while (result == 0 && (client->out_count > 0 || has_more(s))) {
        if (client->out_count == 0)
            result = build_next(s, error);
        if (result != 0 || !client_may_send(client))
            break;
        client->device.sent.bytes += result == 0 ? s->sent - s->built_from : 0;
        result = client_send_built(client, (uint32_t)s->sending, error);
    }
    if (idle)
        wait_anew(s);
    return result;
}

/* ---- back -----------------------------------------------------------------------------------------------
 */

static void forget_flight(struct sender *s)
{
    s->client->out_count = 0;
    s->client->probe = 0;
    while (s->client->flight.count > 0)
        client_drop_oldest(s->client);
}

/* The agent has the stream still: on from where it is. */
static void go_back(struct sender *s, uint32_t offset)
{
    forget_flight(s);
    s->pace.since_ms = 0;
    s->stalls++;
    s->sent = s->acknowledged = offset;
    if (s->frame > LEAST_FRAME)
        s->frame /= 2;
}

/* The agent may have dropped the stream. */
static void restart(struct sender *s)
{
    struct client_stream *stream = current(s);
    uint32_t sectors = stream_sectors(stream, s->acknowledged);
    s->proven = s->proven && sectors == 0; /* what was acknowledged need not be in flash */
    s->fruitless = sectors > 0 ? 0 : s->fruitless + 1;
    if (sectors > 0)
        stream_restart(stream, sectors);
    s->told = 0;
    s->sending = s->acknowledging;
    go_back(s, 0);
}

/* Those that a stream only passes over, as they are there already, do not count. */
static uint32_t count_differing(const struct sender *s, uint32_t first, uint32_t end)
{
    const bool *differs = s->changes->differs;
    uint32_t at = (current(s)->stretch.offset - s->image.at) / ESPOTA_SECTOR_SIZE, count = 0;
    for (uint32_t i = first; i < end; i++)
        count += !differs || differs[at + i];
    return count;
}

static void count_sent(struct espota_sent *sent, enum client_stream_kind kind, uint32_t bytes)
{
    uint32_t *of = kind == STREAM_BASED ? &sent->patched : kind == STREAM_CODED ? &sent->coded : &sent->raw;
    *of += bytes;
}

static void tell(struct sender *s)
{
    uint32_t sectors = stream_sectors(current(s), s->acknowledged);
    if (sectors <= s->told)
        return;
    s->frame = 2 * s->frame < s->client->max_data ? 2 * s->frame : s->client->max_data;
    client_measure(s->client, &s->pace, &s->image, current(s), s->told, sectors);
    count_sent(&s->client->device.sent, current(s)->kind, (sectors - s->told) * ESPOTA_SECTOR_SIZE);
    espota_device_moved(&s->client->device, count_differing(s, s->told, sectors) * ESPOTA_SECTOR_SIZE);
    s->told = sectors;
}

/* The stretch is in flash: does the agent say so too? */
static void prove(struct sender *s, const struct client_response *response)
{
    const struct espota_extent *e = &current(s)->stretch;
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    if (response->length < 4 + sizeof digest ||
        espota_sha256(s->image.data + (e->offset - s->image.at), e->length, digest) != 0 ||
        memcmp(response->data + 4, digest, sizeof digest) != 0)
        s->proven = false;
}

static void acknowledge(struct sender *s, uint32_t next, const struct client_response *response)
{
    if (next <= s->acknowledged)
        return;
    s->acknowledged = next;
    s->stalls = 0;
    s->progress_ms = espota_link_now_ms(s->client->link);
    tell(s);
    if (!stream_is_whole(current(s)) || next < stream_size(current(s))) {
        stream_forget(current(s), next);
        return;
    }
    prove(s, response);
    stream_end(current(s));
    s->fruitless = 0;
    s->acknowledging++;
    s->acknowledged = s->told = 0;
    if (s->sending < s->acknowledging) {
        s->sending = s->acknowledging;
        s->sent = 0;
    }
}

/* How far the agent can have come with the stream. */
static uint32_t sent_of(const struct sender *s, size_t stream)
{
    return stream == s->sending ? s->sent : stream_size(&s->plan.stream[stream]);
}

static int fail_nonsense(const struct sender *s, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_DEVICE, "the agent on %s acknowledges more than was sent to it",
                       s->client->link->name);
}

/* The agent has `next` bytes of the stream, and found something missing. */
static int take_gap(struct sender *s, size_t stream, uint32_t next, const struct client_response *response,
                    struct espota_error *error)
{
    if (next > sent_of(s, stream))
        return fail_nonsense(s, error);
    if (stream != s->acknowledging || stream != s->sending || next < s->acknowledged) {
        restart(s);
        return 0;
    }
    acknowledge(s, next, response);
    if (stream == s->acknowledging)
        go_back(s, next);
    return 0;
}

static int take_ok(struct sender *s, size_t stream, uint32_t next, const struct client_response *response,
                   struct espota_error *error)
{
    if (next > sent_of(s, stream))
        return fail_nonsense(s, error);
    if (stream == s->acknowledging)
        acknowledge(s, next, response);
    else if (stream > s->acknowledging) /* the end of the one before was lost, or its answer */
        restart(s);
    return 0;
}

/* What is left goes another way. */
static void send_as(struct sender *s, enum client_stream_kind kind)
{
    restart(s);
    for (size_t i = s->acknowledging; i < s->plan.count; i++) {
        stream_end(&s->plan.stream[i]);
        if (kind == STREAM_RAW || s->plan.stream[i].kind == STREAM_BASED)
            s->plan.stream[i].kind = kind;
    }
}

/* An agent need not take what it said it would: what is left goes without a base, or as it is. */
static bool can_do_with_less(struct sender *s, size_t stream, enum espota_agent_status status)
{
    enum client_stream_kind kind = s->plan.stream[stream].kind;
    bool based = kind == STREAM_BASED;
    if (kind == STREAM_RAW || (status != ESPOTA_AGENT_MALFORMED && status != ESPOTA_AGENT_UNSUPPORTED &&
                               (!based || status != ESPOTA_AGENT_BASE)))
        return false;
    if (based) {
        client_base_give_up(s->client, ESPOTA_BASE_REFUSED,
                            status == ESPOTA_AGENT_BASE ? "the agent does not hold it any more"
                                                        : "the agent does not take what differs from it");
        send_as(s, STREAM_CODED);
        return true;
    }
    espota_device_note(&s->client->device, "the agent does not take a coded stream: going on without coding");
    s->client->coded_refused = true;
    send_as(s, STREAM_RAW);
    return true;
}

static int take_status(struct sender *s, size_t stream, const struct client_response *response,
                       struct espota_error *error)
{
    enum espota_agent_status status = response->status;
    if (status != ESPOTA_AGENT_OK && status != ESPOTA_AGENT_GAP)
        return can_do_with_less(s, stream, status)
                   ? 0
                   : client_fail(s->client, ESPOTA_AGENT_WRITE, status, error);
    if (response->length < 4)
        return client_fail_short(s->client, ESPOTA_AGENT_WRITE, error);
    uint32_t next = espota_get_le32(response->data);
    return status == ESPOTA_AGENT_GAP ? take_gap(s, stream, next, response, error)
                                      : take_ok(s, stream, next, response, error);
}

static int take(struct sender *s, const struct client_response *response, struct espota_error *error)
{
    const struct client_request *request = client_find_request(s->client, response->sequence);
    if (!request || response->type != ESPOTA_AGENT_WRITE || request->item > s->sending)
        return 0; /* a probe is of no stream */
    size_t stream = request->item;
    s->silences = 0;
    s->heard_ms = espota_link_now_ms(s->client->link);
    wait_anew(s);
    if (response->status == ESPOTA_AGENT_WORKING)
        return client_check_endless(s->client, ESPOTA_AGENT_WRITE, s->progress_ms, error);
    client_answered(s->client, request);
    if (stream < s->acknowledging)
        return 0;
    return take_status(s, stream, response, error);
}

static void send_again(struct sender *s)
{
    if (s->sending == s->acknowledging)
        go_back(s, s->acknowledged);
    else
        restart(s);
}

/* Whatever is under way still is answered before this, or lost. It takes turns with what is really to be
 * sent, as a line may lose every other frame. */
static int probe(struct sender *s, struct espota_error *error)
{
    int result = 0;
    if (s->client->out_count > 0)
        s->sent = s->built_from;
    s->client->out_count = 0;
    if (s->stalls % 2 == 0)
        result = client_send_probe(s->client, error);
    else
        send_again(s);
    wait_anew(s);
    return result;
}

static void take_probe(struct sender *s)
{
    s->silences = 0;
    send_again(s);
}

static int receive(struct sender *s, struct espota_error *error)
{
    struct client_response response;
    int result = client_receive(s->client, s->deadline, &response, error);
    if (result == 0 && client_answers_probe(s->client, &response))
        take_probe(s);
    else if (result == 0)
        result = take(s, &response, error);
    else if (result == ESPOTA_ERR_TIMEOUT && ++s->silences < CLIENT_ATTEMPTS)
        result = probe(s, error);
    return result;
}

/* ---- all ------------------------------------------------------------------------------------------------
 */

static int check_progress(const struct sender *s, struct espota_error *error)
{
    const struct espota_agent_client_options *o = &s->client->options;
    uint64_t now = espota_link_now_ms(s->client->link);
    if (s->stalls <= STALLS && s->fruitless <= FRUITLESS && now - s->progress_ms <= NO_PROGRESS_MS &&
        now - s->heard_ms <= (o->quiet_ms ? o->quiet_ms : NO_PROGRESS_MS))
        return 0;
    return espota_fail(error, ESPOTA_ERR_TIMEOUT,
                       "the agent on %s takes no more data; what it has stays, run the command again to "
                       "go on",
                       s->client->link->name);
}

static int send_all(struct sender *s, struct espota_error *error)
{
    int result = 0;
    forget_flight(s);
    s->progress_ms = s->heard_ms = espota_link_now_ms(s->client->link);
    while (result == 0 && s->acknowledging < s->plan.count) {
        result = espota_device_check_cancelled(&s->client->device, error);
        if (result == 0)
            result = fill_window(s, error);
        if (result == 0)
            result = receive(s, error);
        if (result == 0)
            result = check_progress(s, error);
    }
    return result;
}

/* All of the image that the agent heard of at the beginning is known by the digest that it heard. */
static bool is_whole(const struct agent_client *client, const struct client_image *image)
{
    uint32_t length = client->image.length,
             sectors = length / ESPOTA_SECTOR_SIZE + (length % ESPOTA_SECTOR_SIZE > 0);
    return !(client->capabilities & ESPOTA_AGENT_CAN_ALL_FLASH) && length > 0 && image->at == 0 &&
           image->length == (uint64_t)sectors * ESPOTA_SECTOR_SIZE;
}

/* What is coded is made there, of an image that it knows by its digest. */
static int take_cache(struct agent_client *client, struct client_image *image, struct espota_error *error)
{
    enum { NOTHING_KEPT = 1 };
    if (!client->streams && client->options.streams)
        client->streams = client->options.streams;
    int result = client->streams ? 0 : espota_stream_cache_new(&client->streams, NOTHING_KEPT, error);
    image->cache = client->streams;
    if (is_whole(client, image))
        memcpy(image->sha256, client->image.sha256, sizeof image->sha256);
    else if (result == 0 && espota_sha256(image->data, image->length, image->sha256) != 0)
        result = espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    return result;
}

/* What the device holds already, where that helps. */
static int take_base(struct sender *s, struct espota_error *error)
{
    struct agent_client *client = s->client;
    if (!client_plan_wants_base(s->changes, s->image.at) || !client->image.bases)
        return 0;
    int result = take_cache(client, &s->image, error);
    if (result == 0)
        result = client_base_for(client, &s->image, error);
    return result;
}

int client_send_changes(struct agent_client *client, const struct espota_changes *changes, uint32_t at,
                        struct espota_error *error)
{
    client_choose_depth(client);
    struct sender s = {
        .client = client,
        .changes = changes,
        .proven = true,
        .frame = client->max_data,
        .image = { .data = changes->data,
                   .length = changes->length,
                   .at = at,
                   .isa = client->isa,
                   .table_log = (uint8_t)client_table_log(client) },
    };
    client_set_pace(client, &s.image);
    int result = take_base(&s, error);
    if (result == 0)
        result = client_plan(&s.plan, client, changes, at, s.image.base, error);
    bool based = client_plan_has(&s.plan, STREAM_BASED),
         coded = based || client_plan_has(&s.plan, STREAM_CODED);
    if (result == 0 && coded && !s.image.cache)
        result = take_cache(client, &s.image, error);
    if (result == 0)
        result = send_all(&s, error);
    client->was_coded = result == 0 && coded;
    client->was_patched = result == 0 && based && client_plan_has(&s.plan, STREAM_BASED);
    if (changes->proven)
        *changes->proven = result == 0 && s.proven;
    client_plan_free(&s.plan);
    return result;
}

/* Matches by chains of places with the same next bytes, targets of instructions left out. */
#include "encode_match.h"

#include <stdlib.h>
#include <string.h>

#define HASH_LOG   16u
#define RING       65536u /* places that are remembered; at least the largest window */
#define CHAIN      64u    /* places that are looked at */
#define LONGEST    1024u
#define KEY_LENGTH 6u

/* The shortest matches that are worth it: in code, in data, and at the distance of the one before. The deep
 * model expects what repeats by itself. */
struct shortest {
    uint32_t code, data, again;
};

static const struct shortest shortest_quick = { 8, 6, 4 }, shortest_deep = { 24, 20, 12 };

struct match_finder {
    uint32_t head[1u << HASH_LOG]; /* place + 1 */
    uint32_t previous[RING];
    uint32_t inserted;
};

/* What is coded next, and where. */
struct ahead {
    const uint8_t *bytes;
    uint32_t length;
};

struct match_finder *match_finder_new(void)
{
    return calloc(1, sizeof(struct match_finder));
}

/* Bytes from `at`, with targets of instructions as if they lay at address 0. */
static uint32_t key_of(const struct coder *coder, const uint8_t *at, uint32_t address)
{
    uint32_t hash = coder->code_here ? 1 : 0;
    for (unsigned done = 0; done < KEY_LENGTH;) {
        uint8_t unit[CODER_INSTRUCTION_MAX];
        memcpy(unit, at + done, sizeof unit);
        unsigned length = coder->code_here ? coder->isa->move(unit, address + done, 0) : 1;
        for (unsigned i = 0; i < length; i++)
            hash = (hash + unit[i] + 1) * 0x9E3779B1u;
        done += length;
    }
    return hash >> (32 - HASH_LOG);
}

static void insert(struct match_finder *finder, const struct coder *coder, struct ahead ahead, size_t offset)
{
    uint32_t now = coder->windowed;
    if (finder->inserted > now || now - finder->inserted > ESPOTA_CODER_SECTOR ||
        now - finder->inserted > offset)
        finder->inserted = now;
    for (; finder->inserted < now; finder->inserted++) {
        uint32_t back = now - finder->inserted;
        uint32_t key = key_of(coder, ahead.bytes - back, coder->place.address - back);
        finder->previous[finder->inserted % RING] = finder->head[key];
        finder->head[key] = finder->inserted + 1;
    }
}

/* So many bytes ahead are what is `distance` back. */
static uint32_t length_at(const struct coder *coder, uint32_t distance, struct ahead ahead)
{
    uint32_t done = 0;
    while (done + CODER_INSTRUCTION_MAX <= ahead.length) {
        uint8_t unit[CODER_INSTRUCTION_MAX];
        for (uint32_t i = 0; i < sizeof unit; i++) {
            uint32_t at = done + i;
            unit[i] = at < distance ? coder_byte_back(coder, distance - at) : ahead.bytes[at - distance];
        }
        unsigned length =
            coder_match_unit(coder, unit, distance, coder->place.address + done, ahead.length - done);
        if (memcmp(unit, ahead.bytes + done, length) != 0)
            break;
        done += length;
    }
    return done;
}

static struct coder_match longest(const struct match_finder *finder, const struct coder *coder,
                                  struct ahead ahead)
{
    struct coder_match best = { 0, 0 };
    uint32_t now = coder->windowed, limit = coder->window_size - CODER_INSTRUCTION_MAX, last = now;
    uint32_t next = finder->head[key_of(coder, ahead.bytes, coder->place.address)];
    for (unsigned i = 0; i < CHAIN && next != 0; i++) {
        uint32_t place = next - 1, distance = now - place;
        if (place >= last || distance > limit)
            break;
        uint32_t length = length_at(coder, distance, ahead);
        if (length > best.length)
            best = (struct coder_match){ length, distance };
        last = place;
        next = finder->previous[place % RING];
    }
    return best;
}

void match_finder_look(struct match_finder *finder, struct coder *coder, const uint8_t *image, size_t offset,
                       size_t end)
{
    struct ahead ahead = { image + offset, LONGEST };
    uint32_t distance = coder->match_distance, room = ESPOTA_CODER_SECTOR - coder->filled;
    coder->actual_match = (struct coder_match){ 0, 0 };
    if (end - offset < LONGEST)
        ahead.length = (uint32_t)(end - offset);
    if (ahead.length > room)
        ahead.length = room;
    if (ahead.length > coder->place.left)
        ahead.length = coder->place.left;
    if (end - offset < KEY_LENGTH + CODER_INSTRUCTION_MAX)
        return;
    insert(finder, coder, ahead, offset);
    struct coder_match again = { distance == 0 ? 0 : length_at(coder, distance, ahead), distance };
    struct coder_match best = longest(finder, coder, ahead);
    const struct shortest *shortest = coder->deep != NULL ? &shortest_deep : &shortest_quick;
    if (best.length < (coder->code_here ? shortest->code : shortest->data))
        best.length = 0;
    if (again.length >= shortest->again && again.length + 3 >= best.length)
        best = again;
    coder->actual_match = best;
}

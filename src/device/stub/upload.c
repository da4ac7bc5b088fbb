/* The stub by way of its first stage (firmware/PROTOCOL.md, "The first stage"), which the ROM loads. */
#include "stub.h"

#include "espota/bytes.h"
#include "espota/crc32.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/first_stage.h"
#include "espota/link.h"
#include "espota/observer.h"
#include "espota/slip.h"

#include <inttypes.h>
#include <string.h>

enum {
    ASK_MS = 150,                                    /* for an answer */
    ASKS = 6,                                        /* before it is not there */
    RATE_ASK_MS = 60,                                /* at a rate that is new */
    RATE_ASKS = 3,                                   /* within ESPOTA_FIRST_PATIENCE of the quickest CPU */
    ROUNDS = 12,                                     /* of all that is missing */
    MOST_ANSWERS = ROUNDS * 2 * ESPOTA_FIRST_BLOCKS, /* more than there are questions */
    MARGIN_MS = 100,                                 /* beyond what the line takes */
    BITS_PER_BYTE = 10,
    BLOCK_DATA = ESPOTA_FIRST_HEAD + ESPOTA_FIRST_BLOCK,
};

struct upload {
    struct stub *stub;
    struct espota_link *link;
    const struct espota_stub_image *image;
    struct espota_slip_decoder decoder;
    uint8_t frame[64], in[256];
    size_t in_at, in_count;
    uint64_t have, all; /* blocks */
    bool started;       /* the stub has been */
    unsigned answers;
    unsigned chip; /* its id, plus 1; 0: it does not say */
    uint32_t divider;
    uint32_t rate, wanted; /* in baud; 0: as it is */
};

static unsigned line_ms(const struct upload *u, size_t bytes)
{
    return u->rate ? (unsigned)(bytes * BITS_PER_BYTE * 1000 / u->rate) : 0;
}

static int send_request(struct upload *u, enum espota_first_kind kind, uint8_t index, const void *data,
                        size_t length, struct espota_error *error)
{
    uint8_t body[BLOCK_DATA + ESPOTA_FIRST_CRC] = { (uint8_t)kind, index };
    uint8_t wire[ESPOTA_SLIP_MAX_ENCODED(sizeof body)];
    size_t size = ESPOTA_FIRST_HEAD + length;
    if (length > 0)
        memcpy(body + ESPOTA_FIRST_HEAD, data, length);
    espota_put_le32(body + size, espota_crc32(0, body, size));
    return espota_link_write(u->link, wire, espota_slip_encode(body, size + ESPOTA_FIRST_CRC, wire), error);
}

/* Is the frame an answer? What it says of the blocks is taken. */
static bool take_answer(struct upload *u, uint8_t *kind)
{
    const uint8_t *f = u->frame;
    size_t covered = ESPOTA_FIRST_ANSWER - ESPOTA_FIRST_CRC;
    if (u->decoder.length != ESPOTA_FIRST_ANSWER ||
        espota_get_le32(f + covered) != espota_crc32(0, f, covered))
        return false;
    *kind = f[0];
    u->started = f[0] == ESPOTA_FIRST_START && u->all != 0 &&
                 u->all == (espota_get_le32(f + 4) | (uint64_t)espota_get_le32(f + 8) << 32);
    u->have = espota_get_le32(f + 4) | (uint64_t)espota_get_le32(f + 8) << 32;
    u->divider = espota_get_le32(f + 12);
    u->chip = espota_get_le16(f + 1);
    return true;
}

/* The answer to a request of this kind, or that the stub has been started, which ends it all. Answers to what
 * was asked before show that it is at work. */
static int await(struct upload *u, enum espota_first_kind kind, unsigned timeout_ms,
                 struct espota_error *error)
{
    uint64_t deadline = espota_link_now_ms(u->link) + timeout_ms;
    int result = 0;
    for (;;) {
        uint8_t answered = 0;
        while (u->in_at < u->in_count) {
            if (espota_slip_byte(&u->decoder, u->in[u->in_at++]) != ESPOTA_SLIP_FRAME ||
                !take_answer(u, &answered))
                continue;
            if (answered == kind || u->started)
                return 0;
            if (++u->answers > MOST_ANSWERS)
                return espota_fail(error, ESPOTA_ERR_DEVICE,
                                   "the first stage of the stub on %s answers without end", u->link->name);
            deadline = espota_link_now_ms(u->link) + timeout_ms;
        }
        if (espota_link_now_ms(u->link) >= deadline)
            return espota_fail(error, ESPOTA_ERR_TIMEOUT, "the first stage of the stub on %s does not answer",
                               u->link->name);
        u->in_at = u->in_count = 0;
        result = espota_device_receive(&u->stub->rom->device, u->link, u->in, sizeof u->in, deadline,
                                       &u->in_count, error);
        if (result != 0)
            return result;
    }
}

static int ask(struct upload *u, unsigned times, unsigned timeout_ms, struct espota_error *error)
{
    int result = ESPOTA_ERR_TIMEOUT;
    for (unsigned i = 0; result == ESPOTA_ERR_TIMEOUT && i < times; i++) {
        result = send_request(u, ESPOTA_FIRST_ASK, 0, NULL, 0, error);
        if (result == 0)
            result = await(u, ESPOTA_FIRST_ASK, timeout_ms, error);
    }
    return result;
}

/* ---- the rate -------------------------------------------------------------------------------------------
 */

/* It goes back by itself when it hears nothing. */
static int take_back_rate(struct upload *u, struct espota_error *error)
{
    uint32_t tried = u->rate;
    u->rate = u->link->baud ? u->link->baud : ESPOTA_ROM_INITIAL_BAUD;
    u->wanted = 0;
    u->stub->rate_fails = true;
    espota_link_sleep_ms(u->link, ESPOTA_FIRST_PATIENCE_MS);
    int result = ask(u, ASKS, ASK_MS, error);
    if (result == 0)
        espota_device_note(&u->stub->rom->device, "%" PRIu32 " baud do not work: going on as before", tried);
    return result;
}

/* What divides the UART's clock: whole periods in the low 20 bits, above them sixteenths. 0: it cannot. */
static uint32_t divider_for(uint32_t divider, uint32_t now, uint32_t wanted)
{
    uint64_t sixteenths = ((uint64_t)(divider & 0xfffff) << 4 | (divider >> 20 & 0xf));
    sixteenths = (sixteenths * now + wanted / 2) / wanted;
    if (sixteenths < 16 || sixteenths >> 4 > 0xfff)
        return 0;
    return (uint32_t)(sixteenths >> 4 | (sixteenths & 0xf) << 20);
}

/* Only where the ROM could not change it: on a link without a rate of its own. */
static int raise_rate(struct upload *u, struct espota_error *error)
{
    uint8_t data[4];
    uint32_t divider = u->wanted ? divider_for(u->divider, u->rate, u->wanted) : 0;
    if (divider == 0)
        return 0;
    espota_put_le32(data, divider);
    int result = send_request(u, ESPOTA_FIRST_RATE, 0, data, sizeof data, error);
    if (result == 0)
        result = await(u, ESPOTA_FIRST_RATE, ASK_MS, error);
    if (result != 0 && result != ESPOTA_ERR_TIMEOUT)
        return result;
    u->rate = u->wanted;
    result = ask(u, RATE_ASKS, RATE_ASK_MS, error);
    return result == ESPOTA_ERR_TIMEOUT ? take_back_rate(u, error) : result;
}

/* ---- the blocks -----------------------------------------------------------------------------------------
 */

static int send_block(struct upload *u, unsigned index, struct espota_error *error)
{
    uint8_t block[ESPOTA_FIRST_BLOCK] = { 0 };
    size_t at = (size_t)index * sizeof block, left = u->image->packed_length - at;
    memcpy(block, u->image->packed + at, left < sizeof block ? left : sizeof block);
    return send_request(u, ESPOTA_FIRST_DATA, (uint8_t)index, block, sizeof block, error);
}

/* All that is missing, and that it may start then; it does when all is there. */
static int send_round(struct upload *u, struct espota_error *error)
{
    uint8_t start[12];
    unsigned sent = 0;
    int result = 0;
    for (unsigned i = 0; result == 0 && i < ESPOTA_FIRST_BLOCKS; i++) {
        if (!(u->all >> i & 1) || u->have >> i & 1)
            continue;
        result = espota_device_check_cancelled(&u->stub->rom->device, error);
        if (result == 0)
            result = send_block(u, i, error);
        sent++;
    }
    espota_put_le32(start, (uint32_t)u->all);
    espota_put_le32(start + 4, (uint32_t)(u->all >> 32));
    espota_put_le32(start + 8, u->image->unpacked_length);
    if (result == 0)
        result = send_request(u, ESPOTA_FIRST_START, 0, start, sizeof start, error);
    if (result == 0)
        result = await(u, ESPOTA_FIRST_START, line_ms(u, sent * 2 * BLOCK_DATA) + ASK_MS + MARGIN_MS, error);
    return result;
}

static int send_all(struct upload *u, struct espota_error *error)
{
    unsigned blocks = (u->image->packed_length + ESPOTA_FIRST_BLOCK - 1) / ESPOTA_FIRST_BLOCK;
    int result = 0;
    if (blocks == 0 || blocks > ESPOTA_FIRST_BLOCKS)
        return espota_fail(error, ESPOTA_ERR_FAILED, "the stub in this program is damaged");
    u->all = UINT64_MAX >> (ESPOTA_FIRST_BLOCKS - blocks);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t before = u->have;
        result = send_round(u, error);
        if (result == ESPOTA_ERR_TIMEOUT)
            result = ask(u, ASKS, ASK_MS, error);
        if (result == 0 && u->started)
            return 0;
        if (u->wanted != 0 && (result == ESPOTA_ERR_TIMEOUT || (result == 0 && u->have == before)))
            result = take_back_rate(u, error);
        if (result != 0 || u->started)
            return result;
    }
    return espota_fail(error, ESPOTA_ERR_TIMEOUT, "the line to %s loses too much for the stub to be loaded",
                       u->link->name);
}

static int run(struct upload *u, struct espota_error *error)
{
    int result = rom_start(u->stub->rom, u->image->first_entry, error);
    if (result == 0)
        result = ask(u, ASKS, ASK_MS, error);
    if (result == 0)
        result = raise_rate(u, error);
    return result ? result : send_all(u, error);
}

/* What nothing resets is not left with a first stage, which no later run would find: a request to stop is
 * heard when the stub is there, in seconds. */
static int run_to_its_end(struct upload *u, struct espota_error *error)
{
    struct espota_device *device = &u->stub->rom->device;
    const struct espota_observer *observer = device->observer;
    struct espota_observer patient = observer ? *observer : (struct espota_observer){ 0 };
    bool (*cancelled)(void *context) = u->link->cancelled;
    patient.cancelled = NULL;
    /* cppcheck-suppress autoVariables ; it is taken away below */
    device->observer = &patient;
    u->link->cancelled = NULL;
    int result = run(u, error);
    u->link->cancelled = cancelled;
    device->observer = observer;
    return result;
}

static struct upload begin(struct stub *stub, uint32_t rate)
{
    struct upload u = { .stub = stub, .link = stub->rom->link, .wanted = rate };
    u.rate = u.link->baud ? u.link->baud : ESPOTA_ROM_INITIAL_BAUD;
    return u;
}

/* What it has may be of another program: it gets all of it. */
int stub_resume(struct stub *stub, struct espota_error *error)
{
    enum { RESUME_ASKS = 2 };
    struct upload u = begin(stub, 0);
    espota_slip_begin(&u.decoder, u.frame, sizeof u.frame);
    int result = ask(&u, RESUME_ASKS, ASK_MS, error);
    const struct espota_chip *chip = u.chip ? espota_chip_by_image_id((uint16_t)(u.chip - 1)) : NULL;
    if (result != 0)
        return result;
    u.image = chip ? espota_stub_image(chip) : NULL;
    if (!u.image)
        return espota_fail(error, ESPOTA_ERR_DEVICE,
                           "the first stage of the stub on %s does not say what chip it is on", u.link->name);
    espota_device_note(&stub->client.device, "the first stage of a stub runs on %s: it gets the rest",
                       u.link->name);
    u.have = 0;
    return send_all(&u, error);
}

int stub_upload(struct stub *stub, const struct espota_stub_image *image, uint32_t rate,
                struct espota_error *error)
{
    struct rom *rom = stub->rom;
    struct upload u = begin(stub, rate);
    u.image = image;
    espota_slip_begin(&u.decoder, u.frame, sizeof u.frame);
    int result = rom_load(rom, image->first.address, image->first.data, image->first.length, error);
    if (result != 0)
        return result;
    return rom_can_reset(rom) ? run(&u, error) : run_to_its_end(&u, error);
}

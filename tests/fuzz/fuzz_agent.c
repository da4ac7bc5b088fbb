/* A hostile host: requests of any type and content, in frames that are whole, so that they reach the agent's
 * handlers. Whatever comes, nothing outside the idle slot and otadata changes; with a key, or where an app
 * has to have a later secure version, nothing boots that did not before. Where the device has an owner,
 * images of all kinds are written too, the power fails and the device restarts: his images alone boot,
 * whenever flash has changed. Input: a byte that says which agent, then type, length, payload, again and
 * again; with an owner, what to do, and with what. */
#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/crc32.h"
#include "espota/digest.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/otadata.h"
#include "espota/plan.h"
#include "espota/table.h"
#include "espota/table_file.h"
#include "sim/puller_board.h"

#include "fixtures/owned_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    FLASH = 4 << 20,
    RUNNING = 0x10000,
    IDLE = 0x110000,
    IDLE_END = 0x210000,
    OTADATA = 0xd000,
    OTADATA_END = 0xf000
};

static void swallow(void *context, enum sim_stream stream, const uint8_t *data, size_t length)
{
    (void)context;
    (void)stream;
    (void)data;
    (void)length;
}

static void put_image(struct sim_flash *flash, uint32_t offset)
{
    static uint8_t content[512], image[1024];
    struct espota_image_part part = { 0x3f400020, content, sizeof content };
    struct espota_image header = { .flash_size = 2 };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    if (!sha256 || espota_image_build(&header, &part, 1, sha256, image) != 0)
        abort();
    memcpy(flash->data + offset, image, espota_image_build_size(&part, 1));
    espota_hash_free(sha256);
}

static void prepare(struct sim_flash *flash)
{
    struct espota_plan plan;
    struct espota_plan_request request = { .flash_size = FLASH };
    struct espota_error error;
    if (espota_plan_make(&plan, &request, &error) != 0 ||
        espota_table_to_binary(&plan.table, flash->data + 0x8000, &error) != 0)
        abort();
    put_image(flash, 0x1000);
    put_image(flash, RUNNING);
}

static void send_frame(struct sim_board *board, uint8_t type, uint32_t sequence, const uint8_t *payload,
                       size_t length)
{
    uint8_t body[8 + 2048 + 4], wire[ESPOTA_SLIP_MAX_ENCODED(sizeof body)];
    body[0] = ESPOTA_AGENT_MARK;
    body[1] = type;
    espota_put_le16(body + 2, (uint16_t)length);
    espota_put_le32(body + 4, sequence);
    memcpy(body + 8, payload, length);
    espota_put_le32(body + 8 + length, espota_crc32(0, body, 8 + length));
    sim_board_input(board, SIM_UART, wire, espota_slip_encode(body, length + 12, wire));
}

static void check_untouched(const struct sim_flash *flash, const uint8_t *before)
{
    if (memcmp(flash->data, before, OTADATA) != 0 ||
        memcmp(flash->data + OTADATA_END, before + OTADATA_END, IDLE - OTADATA_END) != 0 ||
        memcmp(flash->data + IDLE_END, before + IDLE_END, FLASH - IDLE_END) != 0)
        abort();
}

/* What was ordered is asked for: a server says anything, and sends as much of the input as it likes. */
static void serve_pull(struct sim_board *board, const uint8_t **data, size_t *size)
{
    enum { MOST = 8, HEAD = 8 };
    static const uint16_t statuses[] = { 200, 206, 302, 404, 416, 503 };
    struct espota_puller *p = &board->puller->puller;
    struct espota_puller_wish wish;
    char range[64], location[8];
    for (unsigned i = 0; i < MOST && *size >= HEAD && espota_puller_wants(p, &wish); i++) {
        const uint8_t *in = *data;
        size_t length = espota_get_le16(in + 2), body = espota_get_le16(in + 4) % 2048;
        snprintf(range, sizeof range, "bytes %u-%u/%u", (unsigned)(wish.from + (in[1] & 1)),
                 (unsigned)(length - 1), (unsigned)length);
        snprintf(location, sizeof location, "%.7s", (const char *)in + 1);
        *data += HEAD;
        *size -= HEAD;
        if (body > *size)
            body = *size;
        const struct espota_puller_answer answer = {
            .status = statuses[in[0] % (sizeof statuses / sizeof statuses[0])],
            .length = in[1] & 2 ? -1 : (int64_t)length - wish.from,
            .content_range = in[1] & 4 ? NULL : range,
            .etag = in[1] & 8 ? "\"x\"" : NULL,
            .location = in[1] & 16 ? location : NULL
        };
        if (espota_puller_answered(p, &answer))
            (void)espota_puller_take(p, *data, body);
        espota_puller_ended(p, (enum espota_puller_end)(in[6] % (ESPOTA_PULLER_BROKEN + 1)));
        *data += body;
        *size -= body;
    }
}

static void talk(struct sim_board *board, const uint8_t *data, size_t size)
{
    static const uint8_t hello[18] = { 1, 1 };
    uint32_t sequence = 1;
    send_frame(board, ESPOTA_AGENT_HELLO, sequence++, hello, sizeof hello);
    while (size >= 3) {
        uint8_t type = data[0] % (ESPOTA_AGENT_REQUESTS + 1);
        size_t length = espota_get_le16(data + 1) % 1100;
        data += 3;
        size -= 3;
        if (length > size)
            length = size;
        if (type != ESPOTA_AGENT_RESTART) /* would boot another slot, and then that one may not change */
            send_frame(board, type, sequence++, data, length);
        data += length;
        size -= length;
        if (type == ESPOTA_AGENT_PULL)
            serve_pull(board, &data, &size);
    }
}

static int slot_that_boots(const struct sim_flash *flash)
{
    struct espota_otadata otadata;
    for (uint32_t i = 0; i < 2; i++)
        espota_otadata_record_parse(&otadata.record[i], flash->data + OTADATA + i * ESPOTA_SECTOR_SIZE);
    return espota_otadata_active_slot(&otadata, 2);
}

/* ---- with an owner --------------------------------------------------------------------------------------
 */

struct input {
    const uint8_t *data;
    size_t left;
};

static uint8_t next(struct input *in, unsigned below)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return (uint8_t)(*in->data++ % below);
}

static void any_request(struct owned_board *o, struct input *in)
{
    enum espota_agent_request type = (enum espota_agent_request)next(in, ESPOTA_AGENT_REQUESTS);
    size_t length = next(in, 64);
    if (length > in->left)
        length = in->left;
    if (type > ESPOTA_AGENT_HANDSHAKE) /* those two are owned_board_open's */
        (void)owned_ask(o, type, in->data, length);
    in->data += length;
    in->left -= length;
}

/* A head that makes sense, some bytes of the input, then zeros. */
static void any_stream(struct owned_board *o, struct input *in)
{
    uint8_t stream[3 * ESPOTA_SECTOR_SIZE] = { next(in, 2) };
    size_t length = ESPOTA_STREAM_HEAD_SIZE, more = (size_t)next(in, 64) * 200;
    if (stream[0] == ESPOTA_STREAM_CODED) {
        stream[1] = ESPOTA_ISA_XTENSA;
        stream[2] = ESPOTA_CODER_TABLE_DEFAULT;
    }
    stream[5] = (uint8_t)(next(in, 4) << 4);
    stream[9] = (uint8_t)(next(in, 8) << 4);
    for (unsigned bytes = next(in, 64); in->left > 0 && bytes > 0; bytes--)
        stream[length++] = next(in, 256);
    length = length + more < sizeof stream ? length + more : sizeof stream;
    (void)owned_stream(o, stream, length);
}

/* An image as what differs from another one, which may lie in a partition or not; some of its bytes are
 * others. */
static void any_based(struct owned_board *o, struct input *in)
{
    static struct espota_bytes stream; /* made once: it takes long */
    const struct espota_bytes *old = &o->images->image[IMAGE_FIRST], *new = &o->images->image[IMAGE_LATER];
    uint32_t length =
        (uint32_t)(new->size + ESPOTA_SECTOR_SIZE - 1) / ESPOTA_SECTOR_SIZE * ESPOTA_SECTOR_SIZE;
    struct espota_base *base = NULL;
    struct espota_error error;
    if (!stream.data &&
        (espota_base_new(&base, ESPOTA_ISA_XTENSA, old->data, old->size, new->data, new->size, &error) != 0 ||
         espota_encode(ESPOTA_ISA_XTENSA, ESPOTA_CODER_TABLE_DEFAULT, base, new->data, new->size, 0, length,
                       &stream, &error) != 0))
        abort();
    espota_base_free(base);
    uint8_t *changed = malloc(stream.size);
    if (!changed)
        return;
    memcpy(changed, stream.data, stream.size);
    espota_stream_set_base(changed, stream.size, owned_app(next(in, 5)));
    for (unsigned bytes = next(in, 8); in->left > 2 && bytes > 0; bytes--) {
        size_t at = (next(in, 256) | (size_t)next(in, 256) << 8) % stream.size;
        changed[at] = next(in, 256);
    }
    (void)owned_begin(o, owned_app(next(in, 4)), IMAGE_LATER);
    (void)owned_stream(o, changed, stream.size);
    free(changed);
}

static void one_act(struct owned_board *o, struct input *in)
{
    uint8_t act = next(in, 16);
    uint32_t place = owned_app(next(in, 4));
    enum signed_image_kind kind = (enum signed_image_kind)next(in, IMAGE_KINDS);
    switch (act) {
    case 0:
        (void)owned_begin(o, place, kind);
        break;
    case 1:
        (void)owned_write(o, kind);
        break;
    case 2:
        (void)owned_write_sector(o, kind, next(in, 4));
        break;
    case 3:
        (void)owned_verify(o);
        break;
    case 4:
        (void)owned_select(o, place, kind & 1 ? ESPOTA_OTA_NEW : ESPOTA_OTA_UNDEFINED);
        break;
    case 5:
        (void)owned_ask(o, ESPOTA_AGENT_CONFIRM, NULL, 0);
        break;
    case 6:
        (void)owned_ask(o, ESPOTA_AGENT_ROLLBACK, NULL, 0);
        break;
    case 7:
        owned_board_open(o);
        break;
    case 8:
        owned_board_start(o);
        break;
    case 9:
        o->b->flash.cut = (enum sim_cut)(SIM_CUT_BEFORE + next(in, 4));
        o->b->flash.cut_at = o->b->flash.operations + 1 + next(in, 16);
        o->b->flash.bits = 1u + next(in, 255);
        break;
    case 10:
        (void)owned_install(o, place, kind);
        break;
    case 11:
        (void)owned_write_coded(o, kind);
        break;
    case 12:
        any_stream(o, in);
        break;
    case 13:
        for (unsigned i = next(in, 100); i > 0 && o->b->board.state == SIM_RUNNING; i--)
            espota_agent_work(&o->b->board.agent);
        break;
    case 14:
        any_based(o, in);
        break;
    default:
        any_request(o, in);
    }
    if (!o->b->flash.powered || o->b->board.state != SIM_RUNNING || o->b->board.restart_wanted)
        owned_board_start(o);
    else if (!o->device)
        owned_board_open(o);
}

static void talk_to_owned(const uint8_t *data, size_t size)
{
    static struct signed_images images;
    struct input in = { data, size };
    struct owned_board o;
    if (!images.owner)
        signed_images_make(&images);
    uint8_t layout = next(&in, OWNED_LAYOUTS), runs = next(&in, 2);
    owned_board_make(&o, &images, &owned_layouts[layout], runs, IMAGE_FIRST, next(&in, 2));
    owned_board_lag(&o, next(&in, 3));
    for (unsigned i = 0; i < 3; i++) { /* as a cable may have put them there */
        uint8_t kind = next(&in, 2 * IMAGE_KINDS);
        if (i != runs && kind < IMAGE_KINDS && owned_layouts[layout].subtype[i] != 0xff)
            memory_board_put(o.b, owned_app(i), &images.image[kind]);
    }
    owned_board_start(&o);
    for (unsigned acts = 0; in.left > 0 && acts < 64; acts++) {
        one_act(&o, &in);
        boot_guard_look(&o.guard);
        if (o.guard.faults || o.lag->misuses || o.b->board.state != SIM_RUNNING)
            abort();
    }
    owned_board_free(&o);
}

/* ---- without --------------------------------------------------------------------------------------------
 */

static void talk_to_open(const uint8_t *data, size_t size)
{
    static uint8_t before[FLASH];
    static struct sim_flash flash;
    struct sim_board *board = calloc(1, sizeof *board);
    struct espota_error error;
    if (!board)
        return;
    if (!flash.data) { /* made once: filling 4M for each input is slow */
        if (sim_flash_memory(&flash, FLASH, &error) != 0)
            abort();
        prepare(&flash);
        memcpy(before, flash.data, FLASH);
    }
    static const uint8_t key[32] = "nobody has told it to the host";
    bool keyed = size > 0 && data[0] & 1, versioned = size > 0 && data[0] & 2;
    struct sim_board_options options = { .chip = espota_chip_by_name("esp32"),
                                         .table_offset = 0x8000,
                                         .rollback = true,
                                         .pulls = true,
                                         .send = swallow,
                                         .key = keyed ? key : NULL,
                                         .key_length = keyed ? sizeof key : 0,
                                         .min_secure_version = versioned };
    if (sim_board_init(board, &flash, &options, &error) != 0)
        abort();
    sim_board_reset(board, false);
    if (board->state != SIM_RUNNING)
        abort();
    uint64_t operations = flash.operations; /* the bootloader may have written otadata */
    int boots = slot_that_boots(&flash);
    sim_board_input(board, SIM_UART, data, size); /* raw: frames that are none */
    if (size > 0)
        talk(board, data + 1, size - 1);
    sim_board_end(board);
    free(board);
    if (keyed && flash.operations > operations)
        abort();
    if (versioned && slot_that_boots(&flash) != boots)
        abort();
    if (memcmp(flash.data, before, OTADATA) != 0 || flash.operations > 0) {
        check_untouched(&flash, before);
        memcpy(flash.data, before, FLASH);
        flash.operations = 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] & 4)
        talk_to_owned(data + 1, size - 1);
    else
        talk_to_open(data, size);
    return 0;
}

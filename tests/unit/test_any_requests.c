/* Any requests to a device with an owner, raw and coded streams of any content among them, while flash is
 * slow and the power fails anywhere: it starts his images alone. */
#include "fixtures/owned_board.h"

#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/otadata.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct signed_images images;

struct chance {
    uint32_t state;
};

static uint32_t any(struct chance *c, uint32_t below)
{
    c->state ^= c->state << 13;
    c->state ^= c->state >> 17;
    c->state ^= c->state << 5;
    return (c->state >> 3) % below;
}

static uint32_t any_app(struct chance *c)
{
    return any(c, 20) == 0 ? OTADATA_AT : owned_app(any(c, 4));
}

static enum signed_image_kind any_image(struct chance *c)
{
    return (enum signed_image_kind)(any(c, 2) ? any(c, IMAGES_THAT_MAY) : any(c, IMAGE_KINDS));
}

/* Any chunks, of which some make sense, for any stretch; it may end anywhere. */
static void any_stream(struct owned_board *o, struct chance *c)
{
    uint8_t stream[4 * ESPOTA_SECTOR_SIZE] = { (uint8_t)any(c, 2), ESPOTA_ISA_XTENSA,
                                               ESPOTA_CODER_TABLE_DEFAULT };
    size_t at = ESPOTA_STREAM_HEAD_SIZE, end = any(c, 3) ? sizeof stream : any(c, sizeof stream);
    if (stream[0] == ESPOTA_STREAM_RAW)
        stream[1] = stream[2] = 0;
    espota_put_le32(stream + 4, any(c, 3) * ESPOTA_SECTOR_SIZE);
    espota_put_le32(stream + 8, (1 + any(c, 3)) * ESPOTA_SECTOR_SIZE);
    for (; at + ESPOTA_SECTOR_SIZE + 2 <= sizeof stream; at += any(c, 8) ? 3 : ESPOTA_SECTOR_SIZE) {
        espota_put_le16(stream + at, (uint16_t)((1 + any(c, 3)) << 14));
        stream[at + 2] = (uint8_t)any(c, 256);
    }
    (void)owned_stream(o, stream, end > ESPOTA_STREAM_HEAD_SIZE ? end : sizeof stream);
}

static void one_request(struct owned_board *o, struct chance *c)
{
    enum signed_image_kind kind = any_image(c);
    uint32_t state = any(c, 3) ? ESPOTA_OTA_UNDEFINED : ESPOTA_OTA_NEW;
    switch (any(c, 20)) {
    case 0:
        (void)owned_begin(o, any_app(c), kind);
        break;
    case 1:
        (void)owned_write(o, kind);
        break;
    case 2:
        (void)owned_write_sector(o, kind, any(c, 4));
        break;
    case 3:
        (void)owned_verify(o);
        break;
    case 4:
        (void)owned_ask(o, ESPOTA_AGENT_CONFIRM, NULL, 0);
        break;
    case 5:
        (void)owned_ask(o, ESPOTA_AGENT_ROLLBACK, NULL, 0);
        break;
    case 6:
        owned_board_open(o);
        break;
    case 7:
        owned_board_start(o);
        break;
    case 8:
    case 9:
        (void)owned_select(o, any_app(c), state);
        break;
    case 10:
        o->b->flash.cut = (enum sim_cut)(SIM_CUT_BEFORE + any(c, 4));
        o->b->flash.cut_at = o->b->flash.operations + 1 + any(c, 40);
        o->b->flash.bits = c->state;
        break;
    case 11:
        (void)owned_write_coded(o, kind);
        break;
    case 12:
        any_stream(o, c);
        break;
    case 13: /* what goes on while the host is silent */
        for (uint32_t i = any(c, 100); i > 0 && o->b->board.state == SIM_RUNNING; i--)
            espota_agent_work(&o->b->board.agent);
        break;
    default:
        if (owned_install(o, any_app(c), kind) == ESPOTA_AGENT_OK && any(c, 4))
            (void)owned_select(o, any_app(c), state);
    }
    if (!o->b->flash.powered || o->b->board.state != SIM_RUNNING)
        owned_board_start(o);
}

/* Any images in the slots that do not run, as a cable may have put them there; otadata of any age. */
static struct owned_board any_board(struct chance *c)
{
    unsigned layout = any(c, OWNED_LAYOUTS), runs = any(c, 2), apps = 0;
    struct owned_board o;
    owned_board_make(&o, &images, &owned_layouts[layout], runs, IMAGE_FIRST, any(c, 4) != 0);
    owned_board_lag(&o, any(c, 4));
    while (owned_layouts[layout].subtype[apps] != 0xff)
        apps++;
    for (unsigned i = 0; i < apps; i++)
        if (i != runs && any(c, 2))
            memory_board_put(o.b, owned_app(i), &images.image[any(c, IMAGE_KINDS)]);
    if (any(c, 4) == 0) /* a slot without an image is named: the bootloader falls back */
        memset(o.b->flash.data + OTADATA_AT + 4096, (int)any(c, 256), 32);
    return o;
}

static void any_requests_and_power_cuts_start_nothing_else(void **state)
{
    (void)state;
    enum { SEQUENCES = 3000, REQUESTS = 24 };
    unsigned long looks = 0, requests = 0, cuts = 0, updates = 0;
    for (uint32_t s = 1; s <= SEQUENCES; s++) {
        struct chance c = { s * 2654435761u };
        struct owned_board o = any_board(&c);
        owned_board_start(&o);
        assert_int_equal(o.b->board.state, SIM_RUNNING);
        const struct espota_partition *first = o.b->board.running;
        for (unsigned i = 0; i < REQUESTS; i++) {
            cuts += o.b->flash.cut != SIM_CUT_NONE;
            one_request(&o, &c);
            boot_guard_look(&o.guard);
            if (o.guard.faults)
                fail_msg("sequence %u: after request %u something else boots", s, i);
        }
        requests += REQUESTS;
        looks += o.guard.looks;
        updates += o.b->board.running != first;
        assert_int_equal(o.lag->misuses, 0);
        assert_int_equal(o.guard.faults, 0);
        owned_board_free(&o);
    }
    print_message("# %u sequences, %lu requests, %lu with a power cut ahead, %lu looks at flash; another app "
                  "runs at the end of %lu\n",
                  SEQUENCES, requests, cuts, looks, updates);
    assert_true(cuts > 0);
    assert_true(updates > SEQUENCES / 20);
}

static int make_images(void **state)
{
    (void)state;
    signed_images_make(&images);
    return 0;
}

static int free_images(void **state)
{
    (void)state;
    signed_images_free(&images);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(any_requests_and_power_cuts_start_nothing_else) };
    return cmocka_run_group_tests(tests, make_images, free_images);
}

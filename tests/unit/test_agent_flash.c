/* What an agent does to flash for streams and ERASE: no more than it must, nothing outside the stretch, and
 * the rest of it while bytes are awaited. */
#include "fixtures/range_board.h"

#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct signed_images images;

/* ---- flash ----------------------------------------------------------------------------------------------
 */

static void all_written(struct owned_board *o, const struct stream *s, uint32_t at, uint32_t length)
{
    assert_int_equal(range_board_send(o, s), ESPOTA_AGENT_OK);
    assert_memory_equal(o->b->flash.data + RANGE_AT + at, s->data + ESPOTA_STREAM_HEAD_SIZE, length);
}

static void make_raw(struct stream *s, uint32_t at, uint32_t length)
{
    stream_head(s, ESPOTA_STREAM_RAW, at, length);
    for (uint32_t i = 0; i < length; i++)
        s->data[s->size++] = (uint8_t)(i * 13 + 1 + i / 512);
}

/* What is there already, and blank sectors, cost nothing; blocks are erased at once where that is shorter. */
static void flash_does_no_more_than_it_must(void **state)
{
    (void)state;
    static struct stream s;
    enum { ALL = SECTORS * SECTOR, BLOCK = 65536 };
    struct owned_board o = range_board(&images, 1);
    uint8_t *flash = o.b->flash.data + RANGE_AT;
    uint64_t erases = o.b->flash.erases, operations;
    assert_int_equal(range_board_begin(&o, RANGE_AT, ALL), ESPOTA_AGENT_OK);
    make_raw(&s, 0, ALL);
    all_written(&o, &s, 0, ALL);
    assert_int_equal(o.b->flash.erases - erases, 2); /* 64K and 32K */
    operations = o.b->flash.operations;
    all_written(&o, &s, 0, ALL); /* again */
    assert_int_equal(o.b->flash.operations, operations);
    memset(flash, 0xff, ALL);
    erases = o.b->flash.erases;
    all_written(&o, &s, 0, ALL);
    assert_int_equal(o.b->flash.erases, erases);
    memset(flash, 0xff, ALL); /* two sectors of the first block hold something */
    flash[0] = flash[5 * SECTOR] = 0;
    erases = o.b->flash.erases;
    all_written(&o, &s, 0, ALL);
    assert_int_equal(o.b->flash.erases - erases, 2);
    memset(s.data + ESPOTA_STREAM_HEAD_SIZE, 0xff, SECTOR); /* pages of FF are not programmed */
    memset(flash, 0xff, SECTOR);
    operations = o.b->flash.operations;
    all_written(&o, &s, 0, ALL);
    assert_int_equal(o.b->flash.operations, operations);
    range_board_leave(&o);
}

/* No block reaches beyond the stretch, and what was done before it stays. */
static void blocks_stay_within_the_stretch(void **state)
{
    (void)state;
    static struct stream s;
    static uint8_t before[OWNED_FLASH];
    struct owned_board o = range_board(&images, 1);
    assert_int_equal(range_board_begin(&o, RANGE_AT, SECTORS * SECTOR), ESPOTA_AGENT_OK);
    for (uint32_t first = 0; first < 4; first++)
        for (uint32_t count = 1; first + count <= SECTORS; count++) {
            uint32_t at = first * SECTOR, length = count * SECTOR, end = RANGE_AT + at + length;
            memcpy(before, o.b->flash.data, sizeof before);
            make_raw(&s, at, length);
            s.data[ESPOTA_STREAM_HEAD_SIZE] = (uint8_t)(first * 50 + count);
            for (uint32_t i = 0; i < count; i++)
                s.data[ESPOTA_STREAM_HEAD_SIZE + i * SECTOR + 9] = (uint8_t)(first * 31 + count * 7 + i);
            all_written(&o, &s, at, length);
            assert_memory_equal(o.b->flash.data, before, RANGE_AT + at);
            assert_memory_equal(o.b->flash.data + end, before + end, sizeof before - end);
        }
    range_board_leave(&o);
}

/* While bytes are awaited the sectors to come are erased, but none after the stream was dropped. */
static void what_comes_next_is_erased_while_bytes_are_awaited(void **state)
{
    (void)state;
    static struct stream s;
    struct owned_board o = range_board(&images, 2);
    struct espota_agent *agent = &o.b->board.agent;
    const uint8_t *flash = o.b->flash.data + RANGE_AT;
    make_raw(&s, 0, SECTORS * SECTOR);
    assert_int_equal(range_board_begin(&o, RANGE_AT, SECTORS * SECTOR), ESPOTA_AGENT_OK);
    for (uint32_t at = 0; at < 2 * SECTOR; at += 1024)
        assert_int_equal(range_board_write(&o, at, 1, at == 0, s.data + at, 1024), ESPOTA_AGENT_OK);
    for (unsigned i = 0; i < 2000; i++)
        espota_agent_work(agent);
    for (uint32_t at = SECTOR; at < SECTORS * SECTOR; at++)
        assert_int_equal(flash[at], 0xff);
    for (uint32_t at = 2 * SECTOR; at < s.size; at += 1024) {
        size_t length = s.size - at < 1024 ? s.size - at : 1024;
        assert_int_equal(range_board_write(&o, at, 1, false, s.data + at, length), ESPOTA_AGENT_OK);
    }
    assert_memory_equal(flash, s.data + ESPOTA_STREAM_HEAD_SIZE, SECTORS * SECTOR);
    s.data[ESPOTA_STREAM_HEAD_SIZE] ^= 1;
    for (uint32_t at = 0; at < 2 * SECTOR; at += 1024)
        assert_int_equal(range_board_write(&o, at, 2, at == 0, s.data + at, 1024), ESPOTA_AGENT_OK);
    assert_int_equal(range_board_begin(&o, RANGE_AT, SECTORS * SECTOR), ESPOTA_AGENT_OK); /* drops it */
    uint64_t operations = o.b->flash.operations;
    for (unsigned i = 0; i < 2000; i++)
        espota_agent_work(agent);
    assert_int_equal(o.b->flash.operations, operations);
    range_board_leave(&o);
}

/* A stretch that flash holds already costs nothing at the very start of flash either. */
static void what_flash_holds_at_its_start_stays(void **state)
{
    (void)state;
    static struct stream s;
    struct owned_board o = range_board(&images, 1);
    uint64_t operations = o.b->flash.operations;
    memset(o.b->flash.data, 7, SECTOR);
    assert_int_equal(range_board_begin(&o, 0, SECTOR), ESPOTA_AGENT_OK);
    stream_head(&s, ESPOTA_STREAM_RAW, 0, SECTOR);
    stream_add(&s, o.b->flash.data, SECTOR);
    assert_int_equal(range_board_write(&o, 0, 1, true, s.data, 1024), ESPOTA_AGENT_OK);
    for (unsigned i = 0; i < 100; i++)
        espota_agent_work(&o.b->board.agent);
    assert_int_equal(range_board_send(&o, &s), ESPOTA_AGENT_OK);
    assert_int_equal(o.b->flash.operations, operations);
    range_board_leave(&o);
}

/* The first sector of what makes IMAGE_GOOD of what partition 1 holds. What goes with its header, the rest of
 * the stretch, comes back. */
static void write_first_sector(struct owned_board *o)
{
    static struct stream s;
    const struct espota_bytes *image = &o->images->image[IMAGE_GOOD];
    memory_board_put(o->b, owned_app(1), image);
    o->b->flash.data[owned_app(1) + 100] ^= 1;
    stream_head(&s, ESPOTA_STREAM_RAW, 0, (uint32_t)(image->size + SECTOR - 1) / SECTOR * SECTOR);
    stream_add(&s, image->data, SECTOR);
    assert_int_equal(owned_begin(o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(range_board_send(o, &s), ESPOTA_AGENT_OK);
    memcpy(o->b->flash.data + owned_app(1) + SECTOR, image->data + SECTOR, image->size - SECTOR);
}

/* What an unfinished stream would have come to is no matter of the next one's, whose head is not there yet:
 * the slot may boot by then. */
static void a_stream_without_a_head_erases_nothing(void **state)
{
    (void)state;
    struct owned_board o;
    owned_board_make(&o, &images, &owned_layouts[0], 0, IMAGE_FIRST, false);
    owned_board_lag(&o, 1);
    owned_board_start(&o);
    write_first_sector(&o);
    assert_int_equal(owned_verify(&o), ESPOTA_AGENT_OK);
    assert_int_equal(owned_select(&o, owned_app(1), 0xffffffff), ESPOTA_AGENT_OK);
    assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_LATER), ESPOTA_AGENT_OK);
    uint64_t operations = o.b->flash.operations;
    assert_int_equal(range_board_write(&o, 0, 99, true, "", 1), ESPOTA_AGENT_OK);
    for (unsigned i = 0; i < 100; i++)
        espota_agent_work(&o.b->board.agent);
    assert_int_equal(o.b->flash.operations, operations);
    assert_int_equal(o.guard.faults, 0);
    owned_board_free(&o);
}

/* A sector that fails, here because flash there does not take what is programmed, is told in the next answer.
 */
static void a_failure_of_flash_is_told_in_the_next_answer(void **state)
{
    (void)state;
    static struct stream s;
    struct owned_board o = range_board(&images, 1);
    make_raw(&s, 0, 2 * SECTOR);
    assert_int_equal(range_board_begin(&o, RANGE_AT, 4 * SECTOR), ESPOTA_AGENT_OK);
    for (uint32_t at = 0; at < 5 * 1024; at += 1024)
        assert_int_equal(range_board_write(&o, at, 1, at == 0, s.data + at, 1024), ESPOTA_AGENT_OK);
    o.lag->failed = true;
    o.lag->left = 1;
    o.b->board.agent.flash.busy = true; /* the operation under way fails */
    uint8_t in[6] = { 0, 0, 0, 0, 16, 0 };
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_READ, in, sizeof in), ESPOTA_AGENT_FLASH);
    o.lag->failed = false;
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_READ, in, sizeof in), ESPOTA_AGENT_OK); /* once */
    assert_int_equal(range_board_write(&o, 5 * 1024, 1, false, s.data, 1024),
                     ESPOTA_AGENT_GAP); /* and it is closed */
    all_written(&o, &s, 0, 2 * SECTOR);
    range_board_leave(&o);
}

/* So it is when that is an answer to WRITE, though the stream is closed. */
static void a_failure_between_two_writes_is_told(void **state)
{
    (void)state;
    static struct stream s;
    struct owned_board o = range_board(&images, 1);
    make_raw(&s, 0, 2 * SECTOR);
    assert_int_equal(range_board_begin(&o, RANGE_AT, 4 * SECTOR), ESPOTA_AGENT_OK);
    for (uint32_t at = 0; at < 5 * 1024; at += 1024)
        assert_int_equal(range_board_write(&o, at, 1, at == 0, s.data + at, 1024), ESPOTA_AGENT_OK);
    o.lag->failed = true;
    o.lag->left = 1;
    o.b->board.agent.flash.busy = true; /* the operation under way fails */
    for (unsigned i = 0; i < 8; i++)    /* it looks now and then */
        espota_agent_work(&o.b->board.agent);
    o.lag->failed = false;
    assert_int_equal(range_board_write(&o, 5 * 1024, 1, false, s.data, 1024), ESPOTA_AGENT_FLASH);
    assert_int_equal(range_board_write(&o, 5 * 1024, 1, false, s.data, 1024), ESPOTA_AGENT_GAP);
    all_written(&o, &s, 0, 2 * SECTOR);
    range_board_leave(&o);
}

/* A flash that encrypts: what is programmed, and what is erased, reads otherwise than it lies there. */
enum { CIPHER = 0xa5 };
static struct espota_agent_port plain_flash;

static int read_decrypted(void *context, uint32_t offset, void *buffer, size_t length)
{
    int result = plain_flash.flash_read(context, offset, buffer, length);
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)buffer)[i] ^= CIPHER;
    return result;
}

static int program_encrypted(void *context, uint32_t offset, const void *data, size_t length)
{
    static uint8_t page[256]; /* until the operation is over */
    for (size_t i = 0; i < length; i++)
        page[i] = ((const uint8_t *)data)[i] ^ CIPHER;
    return plain_flash.flash_program(context, offset, page, length);
}

static void encrypted_flash_that_reads_ff_is_not_blank(void **state)
{
    (void)state;
    static struct stream s;
    struct owned_board o = range_board(&images, 1);
    struct espota_agent_port *port = &o.b->board.port.port;
    const uint8_t *flash = o.b->flash.data + RANGE_AT;
    assert_int_equal(range_board_begin(&o, RANGE_AT, 4 * SECTOR), ESPOTA_AGENT_OK);
    plain_flash = *port;
    port->flash_read = read_decrypted;
    port->flash_program = program_encrypted;
    port->encrypted = true;
    make_raw(&s, 0, 2 * SECTOR);
    memset(s.data + ESPOTA_STREAM_HEAD_SIZE, 0xff, 2 * SECTOR);
    assert_int_equal(range_board_send(&o, &s), ESPOTA_AGENT_OK);
    assert_int_equal(flash[0], 0xff ^ CIPHER);
    make_raw(&s, 0, 2 * SECTOR);
    assert_int_equal(range_board_send(&o, &s), ESPOTA_AGENT_OK);
    for (uint32_t i = 0; i < 2 * SECTOR; i++)
        assert_int_equal(flash[i] ^ CIPHER, s.data[ESPOTA_STREAM_HEAD_SIZE + i]);
    *port = plain_flash;
    range_board_leave(&o);
}

/* Reads that fail while there is a header in partition 1. */
static int read_no_header(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct sim_board *board = context;
    return board->flash->data[owned_app(1)] == 0xff ? sim_flash_read(board->flash, offset, buffer, length)
                                                    : -1;
}

/* A header that VERIFY could not read back goes before anything else does. */
static void a_header_that_was_not_read_back_is_erased_first(void **state)
{
    (void)state;
    struct owned_board o;
    owned_board_make(&o, &images, &owned_layouts[0], 0, IMAGE_FIRST, false);
    owned_board_start(&o);
    struct espota_agent_port *port = &o.b->board.port.port;
    const uint8_t *slot = o.b->flash.data + owned_app(1);
    assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(owned_write(&o, IMAGE_GOOD), ESPOTA_AGENT_OK);
    int (*read)(void *, uint32_t, void *, size_t) = port->flash_read;
    port->flash_read = read_no_header;
    assert_int_equal(owned_verify(&o), ESPOTA_AGENT_FLASH);
    port->flash_read = read;
    assert_int_equal(slot[0], ESPOTA_IMAGE_MAGIC);
    assert_int_equal(owned_write_sector(&o, IMAGE_UNSIGNED, 1), ESPOTA_AGENT_OK);
    assert_int_equal(slot[0], 0xff);
    assert_int_equal(owned_write(&o, IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(owned_verify(&o), ESPOTA_AGENT_OK);
    assert_int_equal(o.guard.faults, 0);
    owned_board_free(&o);
}

/* ---- ranges ---------------------------------------------------------------------------------------------
 */

static int erase(struct owned_board *o, uint32_t offset, uint32_t length)
{
    uint8_t in[8];
    espota_put_le32(in, offset);
    espota_put_le32(in + 4, length);
    return owned_ask(o, ESPOTA_AGENT_ERASE, in, sizeof in);
}

static void ranges_are_whole_sectors_within_flash(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, length;
    } wrong[] = { { 0, 0 },
                  { 1, SECTOR },
                  { 0, SECTOR + 1 },
                  { OWNED_FLASH, SECTOR },
                  { 0, 2 * OWNED_FLASH },
                  { 0xfffff000, 0x2000 },
                  { OWNED_FLASH - SECTOR, 2 * SECTOR } };
    struct owned_board o = range_board(&images, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(range_board_begin(&o, wrong[i].offset, wrong[i].length), ESPOTA_AGENT_RANGE);
        assert_int_equal(erase(&o, wrong[i].offset, wrong[i].length), ESPOTA_AGENT_RANGE);
    }
    assert_int_equal(o.lag->operations, 0);
    assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_UNSUPPORTED); /* no slots */
    assert_int_equal(owned_verify(&o), ESPOTA_AGENT_UNSUPPORTED);
    assert_int_equal(owned_select(&o, owned_app(1), 0xffffffff), ESPOTA_AGENT_UNSUPPORTED);
    range_board_leave(&o);
}

static void erase_leaves_blank_sectors_alone(void **state)
{
    (void)state;
    struct owned_board o = range_board(&images, 2);
    uint8_t *flash = o.b->flash.data + RANGE_AT;
    memset(flash + 16 * SECTOR, 0xff, 4 * SECTOR);
    uint8_t behind = flash[20 * SECTOR];
    assert_int_equal(erase(&o, RANGE_AT, 20 * SECTOR), ESPOTA_AGENT_OK);
    assert_int_equal(o.lag->operations, 1); /* a block of 64K */
    for (uint32_t at = 0; at < 20 * SECTOR; at++)
        assert_int_equal(flash[at], 0xff);
    assert_int_equal(flash[20 * SECTOR], behind);
    range_board_leave(&o);
}

static int digest(struct owned_board *o, uint32_t offset, uint32_t length)
{
    uint8_t in[12] = { 0 };
    espota_put_le32(in, offset);
    espota_put_le32(in + 4, length);
    return owned_ask(o, ESPOTA_AGENT_DIGEST, in, sizeof in);
}

static uint64_t bytes_read;

static int read_counted(void *context, uint32_t offset, void *buffer, size_t length)
{
    bytes_read += length;
    return plain_flash.flash_read(context, offset, buffer, length);
}

/* Bytes that are read while the first eight sectors, blank but for the third, are written. */
static uint64_t reads_to_write(bool alone, bool digested)
{
    static struct stream s;
    struct owned_board o = range_board(&images, 1);
    struct espota_agent_port *port = &o.b->board.port.port;
    uint8_t *flash = o.b->flash.data + RANGE_AT;
    memset(flash, 0xff, 8 * SECTOR);
    flash[3 * SECTOR - 1] = 0;
    plain_flash = *port;
    port->flash_read = read_counted;
    port->alone = alone;
    assert_int_equal(range_board_begin(&o, RANGE_AT, 8 * SECTOR), ESPOTA_AGENT_OK);
    if (digested)
        assert_int_equal(digest(&o, RANGE_AT, 8 * SECTOR), ESPOTA_AGENT_OK);
    bytes_read = 0;
    make_raw(&s, 0, 8 * SECTOR);
    all_written(&o, &s, 0, 8 * SECTOR);
    uint64_t count = bytes_read;
    flash[SECTOR] = 0; /* programmed since: not blank, whoever says so */
    all_written(&o, &s, 0, 8 * SECTOR);
    *port = plain_flash;
    range_board_leave(&o);
    return count;
}

static void what_was_seen_to_be_blank_is_not_read_again(void **state)
{
    (void)state;
    uint64_t all = reads_to_write(true, false);
    assert_int_equal(reads_to_write(false, true), all);
    assert_in_range(all - reads_to_write(true, true), 6 * SECTOR, 7 * SECTOR);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flash_does_no_more_than_it_must),
        cmocka_unit_test(blocks_stay_within_the_stretch),
        cmocka_unit_test(what_comes_next_is_erased_while_bytes_are_awaited),
        cmocka_unit_test(what_flash_holds_at_its_start_stays),
        cmocka_unit_test(a_stream_without_a_head_erases_nothing),
        cmocka_unit_test(a_failure_of_flash_is_told_in_the_next_answer),
        cmocka_unit_test(a_failure_between_two_writes_is_told),
        cmocka_unit_test(encrypted_flash_that_reads_ff_is_not_blank),
        cmocka_unit_test(a_header_that_was_not_read_back_is_erased_first),
        cmocka_unit_test(ranges_are_whole_sectors_within_flash),
        cmocka_unit_test(erase_leaves_blank_sectors_alone),
        cmocka_unit_test(what_was_seen_to_be_blank_is_not_read_again),
    };
    return cmocka_run_group_tests(tests, make_images, free_images);
}

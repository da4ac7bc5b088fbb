/* Streams to an agent: what is right ends up in flash, what is wrong is refused where it is wrong, and
 * nothing but the stretch ever changes. */
#include "fixtures/range_board.h"

#include "device/agent_client/client.h"
#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/digest.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct signed_images images;

static void every_kind_of_chunk_rebuilds_its_sector(void **state)
{
    (void)state;
    static struct stream s;
    static uint8_t wanted[5 * SECTOR];
    struct espota_bytes coded = { 0 };
    struct espota_error error;
    for (unsigned polls = 0; polls < 3; polls++) {
        struct owned_board o = range_board(&images, polls);
        uint8_t *flash = o.b->flash.data + RANGE_AT;
        for (size_t i = 0; i < SECTOR; i++)
            wanted[i] = (uint8_t)(i * i);                                   /* stored */
        memset(wanted + SECTOR, 0x5a, SECTOR);                              /* fill */
        memcpy(wanted + 2 * (size_t)SECTOR, wanted + 100, SECTOR);          /* copy, across the two */
        memset(wanted + 3 * (size_t)SECTOR, 0xff, SECTOR);                  /* fill, blank */
        memcpy(wanted + 4 * (size_t)SECTOR, flash + 4 * (size_t)SECTOR, 1); /* coded, a sector that varies */
        for (size_t i = 0; i < SECTOR; i++)
            wanted[4 * (size_t)SECTOR + i] = (uint8_t)(i / 64);
        assert_int_equal(espota_encode(ESPOTA_ISA_XTENSA, ESPOTA_CODER_TABLE_DEFAULT, NULL,
                                       wanted + 4 * (size_t)SECTOR, SECTOR, 0, SECTOR, &coded, &error),
                         0);
        stream_head(&s, ESPOTA_STREAM_CODED, 0, sizeof wanted);
        stream_word(&s, ESPOTA_CHUNK_STORED, 0);
        stream_add(&s, wanted, SECTOR);
        stream_fill(&s, 0x5a);
        stream_copy(&s, 100);
        stream_fill(&s, 0xff);
        stream_add(&s, coded.data + ESPOTA_STREAM_HEAD_SIZE, coded.size - ESPOTA_STREAM_HEAD_SIZE);
        assert_int_equal(range_board_begin(&o, RANGE_AT, sizeof wanted), ESPOTA_AGENT_OK);
        assert_int_equal(range_board_send(&o, &s), ESPOTA_AGENT_OK);
        assert_memory_equal(flash, wanted, sizeof wanted);
        assert_int_equal(flash[sizeof wanted], (uint8_t)(sizeof wanted * 31 + 5));
        espota_bytes_free(&coded);
        range_board_leave(&o);
    }
}

/* Whatever is wrong, from which byte on, and with what status. */
static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    static struct stream s;
    static uint8_t before[OWNED_FLASH];
    static const struct {
        uint8_t at, value; /* a byte of the head that is changed */
        enum espota_agent_status status;
    } heads[] = {
        { 0, 3, ESPOTA_AGENT_UNSUPPORTED },   { 0, 255, ESPOTA_AGENT_UNSUPPORTED },
        { 1, 9, ESPOTA_AGENT_UNSUPPORTED },   { 2, 2, ESPOTA_AGENT_UNSUPPORTED },
        { 2, 31, ESPOTA_AGENT_UNSUPPORTED },  { 3, 1, ESPOTA_AGENT_MALFORMED },
        { 4, 1, ESPOTA_AGENT_RANGE },         { 7, 0x80, ESPOTA_AGENT_RANGE },
        { 8, 1, ESPOTA_AGENT_RANGE },         { 9, 0, ESPOTA_AGENT_RANGE },
        { 11, 0xff, ESPOTA_AGENT_RANGE },     { 12, 1, ESPOTA_AGENT_MALFORMED },
        { 15, 0x80, ESPOTA_AGENT_MALFORMED },
    };
    static const struct {
        unsigned kind, length;
        uint32_t copy;
    } chunks[] = {
        { ESPOTA_CHUNK_CODED, 0, 0 },          { ESPOTA_CHUNK_CODED, 4097, 0 },
        { ESPOTA_CHUNK_CODED, 16383, 0 },      { ESPOTA_CHUNK_STORED, 1, 0 },
        { ESPOTA_CHUNK_FILL, 4096, 0 },        { ESPOTA_CHUNK_COPY, 4, 0 },
        { ESPOTA_CHUNK_COPY, 0, SECTOR },      { ESPOTA_CHUNK_COPY, 0, 1 },
        { ESPOTA_CHUNK_COPY, 0, SECTOR * 3u }, { ESPOTA_CHUNK_COPY, 0, 0xfffff001 },
    };
    struct owned_board o = range_board(&images, 1);
    memcpy(before, o.b->flash.data, sizeof before);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        stream_head(&s, ESPOTA_STREAM_CODED, 0, SECTOR);
        s.data[heads[i].at] = heads[i].value;
        assert_int_equal(range_board_begin(&o, RANGE_AT, 4 * SECTOR), ESPOTA_AGENT_OK);
        assert_int_equal(range_board_send(&o, &s), heads[i].status);
    }
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        stream_head(&s, ESPOTA_STREAM_CODED, SECTOR, SECTOR * 2);
        stream_word(&s, chunks[i].kind, chunks[i].length);
        stream_add(&s,
                   &(uint8_t[4]){ (uint8_t)chunks[i].copy, (uint8_t)(chunks[i].copy >> 8),
                                  (uint8_t)(chunks[i].copy >> 16), (uint8_t)(chunks[i].copy >> 24) },
                   4);
        assert_int_equal(range_board_begin(&o, RANGE_AT, 4 * SECTOR), ESPOTA_AGENT_OK);
        assert_int_equal(range_board_send(&o, &s), ESPOTA_AGENT_MALFORMED);
        assert_memory_equal(o.b->flash.data, before, sizeof before);
    }
    range_board_leave(&o);
}

static void what_follows_the_stretch_is_refused(void **state)
{
    (void)state;
    static struct stream s;
    struct owned_board o = range_board(&images, 1);
    stream_head(&s, ESPOTA_STREAM_CODED, 0, SECTOR);
    stream_fill(&s, 7);
    assert_int_equal(range_board_begin(&o, RANGE_AT, 2 * SECTOR), ESPOTA_AGENT_OK);
    assert_int_equal(range_board_write(&o, 0, 1, true, s.data, s.size), ESPOTA_AGENT_OK);
    assert_int_equal(range_board_write(&o, 0, 1, false, s.data, s.size), ESPOTA_AGENT_OK); /* again */
    stream_fill(&s, 8);
    assert_int_equal(range_board_write(&o, 0, 1, false, s.data, s.size), ESPOTA_AGENT_MALFORMED);
    assert_int_equal(o.b->flash.data[RANGE_AT + SECTOR - 1], 7);
    assert_int_equal(o.b->flash.data[RANGE_AT + SECTOR], (uint8_t)(SECTOR * 31 + 1));
    assert_int_equal(range_board_write(&o, 0, 1, false, s.data, s.size), ESPOTA_AGENT_GAP); /* it is closed */
    range_board_leave(&o);
}

/* A request of another stream, or one whose START was lost, is not taken for part of this one. */
static void late_requests_belong_to_no_stream(void **state)
{
    (void)state;
    static struct stream s;
    struct owned_board o = range_board(&images, 1);
    stream_head(&s, ESPOTA_STREAM_RAW, 0, SECTOR);
    uint8_t data[1000] = { 1, 2, 3 };
    assert_int_equal(range_board_write(&o, 0, 1, true, s.data, s.size),
                     ESPOTA_AGENT_ORDER); /* BEGIN comes first */
    assert_int_equal(range_board_begin(&o, RANGE_AT, SECTOR), ESPOTA_AGENT_OK);
    assert_int_equal(range_board_write(&o, 0, 1, false, s.data, s.size), ESPOTA_AGENT_GAP);
    assert_int_equal(range_board_write(&o, 16, 1, true, s.data, s.size), ESPOTA_AGENT_MALFORMED);
    assert_int_equal(range_board_write(&o, 0, 1, true, s.data, s.size), ESPOTA_AGENT_OK);
    assert_int_equal(range_board_write(&o, 16, 2, false, data, sizeof data), ESPOTA_AGENT_GAP);
    assert_int_equal(range_board_write(&o, 17, 1, false, data, sizeof data), ESPOTA_AGENT_GAP);
    assert_int_equal(range_board_write(&o, 16, 1, false, data, sizeof data), ESPOTA_AGENT_OK);
    assert_int_equal(range_board_write(&o, 16, 1, false, data, 500), ESPOTA_AGENT_OK); /* was there before */
    assert_int_equal(range_board_write(&o, 0, 2, true, s.data, s.size), ESPOTA_AGENT_OK);
    assert_int_equal(range_board_write(&o, 1016, 1, false, data, sizeof data), ESPOTA_AGENT_GAP);
    assert_int_equal(range_board_write(&o, 1016, 2, false, data, sizeof data), ESPOTA_AGENT_GAP);
    range_board_leave(&o);
}

/* Every split of a stream in requests comes to the same. */
static void requests_of_any_size_make_the_same_of_a_stream(void **state)
{
    (void)state;
    static struct stream s;
    static uint8_t wanted[4 * SECTOR];
    static const size_t sizes[] = { 1, 2, 3, 7, 15, 16, 17, 18, 255, 1023, 1024 };
    for (size_t i = 0; i < SECTOR; i++)
        wanted[i] = wanted[2 * (size_t)SECTOR + i] = (uint8_t)(i * 7);
    memset(wanted + SECTOR, 9, SECTOR);
    memset(wanted + 3 * (size_t)SECTOR, 9, SECTOR);
    stream_head(&s, ESPOTA_STREAM_CODED, 0, sizeof wanted);
    stream_word(&s, ESPOTA_CHUNK_STORED, 0);
    stream_add(&s, wanted, SECTOR);
    stream_fill(&s, 9);
    stream_copy(&s, 0);
    stream_copy(&s, SECTOR);
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct owned_board o = range_board(&images, 2);
        assert_int_equal(range_board_begin(&o, RANGE_AT, sizeof wanted), ESPOTA_AGENT_OK);
        for (size_t at = 0; at < s.size; at += sizes[k]) {
            size_t length = s.size - at < sizes[k] ? s.size - at : sizes[k];
            assert_int_equal(range_board_write(&o, (uint32_t)at, 5, at == 0, s.data + at, length),
                             ESPOTA_AGENT_OK);
            espota_agent_work(&o.b->board.agent);
        }
        assert_memory_equal(o.b->flash.data + RANGE_AT, wanted, sizeof wanted);
        range_board_leave(&o);
    }
}

/* ---- slots ----------------------------------------------------------------------------------------------
 */

/* A device in the field knows no ranges, whoever asks. */
static void an_agent_of_slots_takes_no_range(void **state)
{
    (void)state;
    struct owned_board o;
    owned_board_make(&o, &images, &owned_layouts[0], 0, IMAGE_FIRST, false);
    owned_board_start(&o);
    uint64_t operations = o.b->flash.operations;
    assert_int_equal(range_board_begin(&o, owned_app(1), SECTOR), ESPOTA_AGENT_UNSUPPORTED);
    assert_int_equal(owned_ask(&o, ESPOTA_AGENT_ERASE, (uint8_t[8]){ 0, 0, 2, 0, 0, 0x10 }, 8),
                     ESPOTA_AGENT_UNSUPPORTED);
    assert_int_equal(o.b->flash.operations, operations);
    assert_int_equal(o.guard.faults, 0);
    owned_board_free(&o);
}

static void a_coded_update_is_judged_as_a_raw_one(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < IMAGE_KINDS; kind++) {
        int verdict[2];
        for (unsigned coded = 0; coded < 2; coded++) {
            struct owned_board o;
            owned_board_make(&o, &images, &owned_layouts[0], 0, IMAGE_FIRST, true);
            owned_board_lag(&o, 2);
            owned_board_start(&o);
            assert_int_equal(owned_begin(&o, owned_app(1), (enum signed_image_kind)kind), ESPOTA_AGENT_OK);
            assert_int_equal(coded ? owned_write_coded(&o, (enum signed_image_kind)kind)
                                   : owned_write(&o, (enum signed_image_kind)kind),
                             ESPOTA_AGENT_OK);
            assert_int_not_equal(o.b->flash.data[owned_app(1)], ESPOTA_IMAGE_MAGIC); /* held back */
            verdict[coded] = owned_verify(&o);
            assert_int_equal(o.b->flash.data[owned_app(1)] == ESPOTA_IMAGE_MAGIC, verdict[coded] == 0);
            assert_int_equal(o.guard.faults, 0);
            assert_int_equal(o.lag->misuses, 0);
            owned_board_free(&o);
        }
        assert_int_equal(verdict[0], verdict[1]);
        assert_int_equal(verdict[0] == ESPOTA_AGENT_OK, kind < IMAGES_THAT_MAY);
    }
}

/* A recovery image holds a key: no chunk copies that to where it can be read. */
static void no_copy_tells_a_key(void **state)
{
    (void)state;
    static struct stream s;
    struct owned_board o;
    owned_board_make(&o, &images, &owned_layouts[0], 0, IMAGE_FIRST, false);
    memory_board_put(o.b, owned_app(1), &images.image[IMAGE_RECOVERY]);
    owned_board_start(&o);
    uint64_t operations = o.b->flash.operations;
    stream_head(&s, ESPOTA_STREAM_CODED, SECTOR, SECTOR);
    stream_copy(&s, 0);
    assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
    assert_int_equal(range_board_send(&o, &s), ESPOTA_AGENT_UNSUPPORTED);
    assert_int_equal(o.b->flash.operations, operations);
    assert_int_equal(owned_write_sector(&o, IMAGE_GOOD, 0), ESPOTA_AGENT_OK); /* the key is gone with that */
    assert_int_equal(range_board_send(&o, &s), ESPOTA_AGENT_OK);
    owned_board_free(&o);
}

/* All of a stream. @return the bytes behind the status of its last answer. */
static size_t end_of(struct owned_board *o, const struct stream *s, unsigned number, uint8_t *answer)
{
    struct client_response response = { 0 };
    struct espota_error error;
    for (size_t at = 0; at < s->size; at += 1024) {
        uint8_t in[ESPOTA_AGENT_WRITE_HEADER + 1024];
        size_t chunk = s->size - at < 1024 ? s->size - at : 1024;
        espota_put_le32(in, (uint32_t)at);
        in[4] = (uint8_t)(number << ESPOTA_AGENT_WRITE_NUMBER_SHIFT | (at == 0));
        memcpy(in + ESPOTA_AGENT_WRITE_HEADER, s->data + at, chunk);
        if (at > 0 && number % 2) /* somebody else needs the hash */
            (void)owned_ask(o, ESPOTA_AGENT_DIGEST, (const uint8_t[12]){ 0, 0, 0, 0, 0, 16 }, 12);
        assert_int_equal(client_exchange((struct agent_client *)o->device, ESPOTA_AGENT_WRITE, in,
                                         ESPOTA_AGENT_WRITE_HEADER + chunk, 100, 4, &response, &error),
                         0);
        assert_true(at + chunk == s->size || response.length == 4);
    }
    memcpy(answer, response.data, response.length);
    return response.length;
}

/* Whether flash held it before or not; once. */
static void the_end_of_a_stretch_names_its_digest(void **state)
{
    (void)state;
    static struct stream s;
    uint8_t answer[64], wanted[ESPOTA_SHA256_LENGTH];
    struct owned_board o = range_board(&images, 2);
    const uint8_t *flash = o.b->flash.data + RANGE_AT;
    assert_int_equal(range_board_begin(&o, RANGE_AT, 4 * SECTOR), ESPOTA_AGENT_OK);
    stream_head(&s, ESPOTA_STREAM_CODED, SECTOR, 3 * SECTOR);
    stream_fill(&s, 0x11);
    stream_word(&s, ESPOTA_CHUNK_STORED, 0);
    stream_add(&s, flash, SECTOR);
    stream_fill(&s, 0xff);
    for (unsigned number = 2; number < 8; number += 2) {
        assert_int_equal(end_of(&o, &s, number, answer), 4 + sizeof wanted);
        assert_int_equal(espota_sha256(flash + SECTOR, 3 * SECTOR, wanted), 0);
        assert_memory_equal(answer + 4, wanted, sizeof wanted);
    }
    assert_int_equal(range_board_write(&o, 0, 6, false, s.data, 1024), ESPOTA_AGENT_OK);
    assert_int_equal(end_of(&o, &s, 9, answer), 4);
    range_board_leave(&o);
}

/* The first write to a slot erases the sector of the header that was there, which a host that compared
 * before thinks right: what is written from behind it is no proof of all. */
static void what_takes_the_header_away_proves_nothing(void **state)
{
    (void)state;
    static struct stream s;
    uint8_t answer[64];
    for (uint32_t first = 0; first < 3; first++) {
        struct owned_board o;
        owned_board_make(&o, &images, &owned_layouts[0], 0, IMAGE_FIRST, true);
        owned_board_start(&o);
        assert_int_equal(owned_install(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
        uint8_t *slot = o.b->flash.data + owned_app(1);
        slot[2 * SECTOR + 100] ^= 1;
        assert_int_equal(owned_begin(&o, owned_app(1), IMAGE_GOOD), ESPOTA_AGENT_OK);
        stream_head(&s, ESPOTA_STREAM_RAW, first * SECTOR, (3 - first) * SECTOR);
        stream_add(&s, images.image[IMAGE_GOOD].data + first * SECTOR, (3 - first) * SECTOR);
        for (unsigned number = 2; number < 6; number += 2) {
            assert_int_equal(end_of(&o, &s, number, answer), number == 2 ? 4 : 4 + ESPOTA_SHA256_LENGTH);
            assert_int_equal(slot[100], number == 2 || first > 0 ? 0xff : images.image[IMAGE_GOOD].data[100]);
        }
        owned_board_free(&o);
    }
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
        cmocka_unit_test(every_kind_of_chunk_rebuilds_its_sector),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(what_follows_the_stretch_is_refused),
        cmocka_unit_test(late_requests_belong_to_no_stream),
        cmocka_unit_test(requests_of_any_size_make_the_same_of_a_stream),
        cmocka_unit_test(an_agent_of_slots_takes_no_range),
        cmocka_unit_test(a_coded_update_is_judged_as_a_raw_one),
        cmocka_unit_test(no_copy_tells_a_key),
        cmocka_unit_test(the_end_of_a_stretch_names_its_digest),
        cmocka_unit_test(what_takes_the_header_away_proves_nothing),
    };
    return cmocka_run_group_tests(tests, make_images, free_images);
}

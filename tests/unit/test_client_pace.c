/* How fast the agent decodes, measured while it does: nothing but coded streams counts. */
#include "device/agent_client/pace.h"

#include "espota/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECTORS = 8, CHUNK = 2000, SECTOR = 4096 };

static uint64_t now_ms;

static uint64_t clock_now(void *context)
{
    (void)context;
    return now_ms;
}

/* Of sectors that are coded. */
static struct client_stream stream(enum client_stream_kind kind)
{
    struct client_stream s = { .stretch = { 0, SECTORS * SECTOR }, .kind = kind, .made = SECTORS };
    s.sector = calloc(SECTORS, sizeof *s.sector);
    s.bytes.size = 16 + SECTORS * CHUNK;
    s.bytes.data = calloc(1, s.bytes.size);
    assert_non_null(s.sector);
    assert_non_null(s.bytes.data);
    for (uint32_t i = 0; i < SECTORS; i++)
        s.sector[i] = (struct client_sector){ 16 + (i + 1) * CHUNK, kind == STREAM_CODED };
    return s;
}

static void raw_streams_between_coded_ones_do_not_count(void **state)
{
    (void)state;
    const struct espota_clock clock = { .now_ms = clock_now };
    struct espota_link link = { .clock = &clock };
    struct agent_client client = { .link = &link };
    struct client_pace pace = { 0 };
    struct client_image image = { .pace = { 10000, 10000, 8192 } };
    struct client_stream coded = stream(STREAM_CODED), raw = stream(STREAM_RAW);
    now_ms = 1000;
    client_measure(&client, &pace, &image, &coded, 0, 1);
    now_ms += 5000; /* long, and no decoder's work */
    client_measure(&client, &pace, &image, &raw, 0, SECTORS);
    now_ms += 1;
    client_measure(&client, &pace, &image, &coded, 0, 1);
    now_ms += SECTORS * SECTOR * 8 / 1000; /* 8 microseconds a byte */
    client_measure(&client, &pace, &image, &coded, 0, SECTORS);
    assert_in_range(client.decode_ns, 8000, 10000);
    stream_end(&coded);
    stream_end(&raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(raw_streams_between_coded_ones_do_not_count) };
    return cmocka_run_group_tests_name("client_pace", tests, NULL, NULL);
}

/* What nobody gets out of an agent: a key, and an app that is concealed. And that a session keeps its own
 * key. */
#include "espota/agent_client.h"
#include "espota/agent_settings.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/ota.h"
#include "espota/table.h"

#include "fixtures/keyed_board.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { APP = 0x10000, SLOT = 0x110000 };

/* In place of OpenSSL's, which espota_wipe calls: how often a key went this way. */
static unsigned keys_wiped;

void OPENSSL_cleanse(void *secret, size_t length)
{
    uint8_t *bytes = secret;
    for (size_t i = 0; i + KEY <= length; i++)
        keys_wiped += memcmp(bytes + i, DEVICE_KEY, KEY) == 0;
    memset(bytes, 0, length);
}

static void a_session_that_is_closed_wipes_its_key(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    struct espota_device *device = keyed_board_owner(b, NULL);
    unsigned before = keys_wiped;
    espota_device_close(device);
    assert_int_equal(keys_wiped, before + 1);
    memory_board_free(b);
}

/* What it was read into is gone when the device is greeted again. */
static void a_session_keeps_its_key(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    struct espota_device *device = NULL;
    struct espota_error error = { 0 };
    uint8_t key[KEY];
    memcpy(key, DEVICE_KEY, KEY);
    struct espota_agent_client_options options = { .key = key, .key_length = KEY, .hello_timeout_ms = 50 };
    assert_int_equal(espota_agent_client_open(&device, &b->link, &options, &error), 0);
    memset(key, 0, sizeof key);
    memory_board_restart(b);
    if (espota_device_recover(device, &error) != 0)
        fail_msg("%s", error.text);
    assert_true(keyed_board_serves(b, device));
    espota_device_close(device);
    memory_board_free(b);
}

/* A recovery image with a key, in the slot that does not run; the agent is open, and wants no key itself. */
static struct memory_board *board_with_settings(void)
{
    struct memory_board *b = memory_board_running(false);
    struct espota_bytes image = memory_board_image(9000, 9, 0);
    struct espota_agent_settings settings = { .magic = ESPOTA_SETTINGS_MAGIC, .key_length = KEY };
    memcpy(settings.key, DEVICE_KEY, KEY);
    memory_board_put(b, SLOT, &image);
    memcpy(b->flash.data + SLOT + ESPOTA_SETTINGS_OFFSET, &settings, sizeof settings);
    espota_bytes_free(&image);
    return b;
}

static int ask_range(struct memory_board *b, uint8_t type, uint32_t offset, uint32_t length, uint32_t block)
{
    uint8_t payload[12];
    espota_put_le32(payload, offset);
    espota_put_le32(payload + 4, length);
    espota_put_le32(payload + 8, block);
    struct frame f = frame_request(type, payload, type == ESPOTA_AGENT_READ ? 6 : 12);
    return keyed_board_ask(b, SIM_UART, &f);
}

static void say_hello(struct memory_board *b)
{
    uint8_t hello[ESPOTA_AGENT_HELLO_SIZE] = { ESPOTA_AGENT_VERSION, ESPOTA_AGENT_VERSION };
    struct frame f = frame_request(ESPOTA_AGENT_HELLO, hello, sizeof hello);
    assert_int_equal(keyed_board_ask(b, SIM_UART, &f), ESPOTA_AGENT_OK);
}

static void nobody_reads_a_key(void **state)
{
    (void)state;
    enum { KEY_AT = SLOT + ESPOTA_SETTINGS_OFFSET + offsetof(struct espota_agent_settings, key) };
    struct memory_board *b = board_with_settings();
    say_hello(b);
    for (uint32_t from = KEY_AT - 40; from < KEY_AT + KEY + 8; from++)
        for (uint32_t length = 1; length < 80; length++) {
            bool some = from < KEY_AT + KEY && from + length > KEY_AT;
            bool all = from <= KEY_AT && from + length >= KEY_AT + KEY;
            assert_int_equal(ask_range(b, ESPOTA_AGENT_READ, from, length, 0),
                             some ? ESPOTA_AGENT_DENIED : ESPOTA_AGENT_OK);
            assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, from, length, 0),
                             some && !all ? ESPOTA_AGENT_DENIED : ESPOTA_AGENT_OK);
        }
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, SLOT, 4096, 330), ESPOTA_AGENT_DENIED); /* 320 + 10 */
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, SLOT, 65536, 4096), ESPOTA_AGENT_OK);
    memory_board_free(b);
}

static void add_partition(struct memory_board *b, uint8_t type, uint8_t subtype, uint32_t offset,
                          uint32_t size)
{
    struct espota_table *table = &b->board.agent.table;
    table->entry[table->count++] =
        (struct espota_partition){ .type = type, .subtype = subtype, .offset = offset, .size = size };
}

/* Old generators let partitions overlap: what one keeps to itself is not read through another one. */
static void nobody_reads_a_key_through_another_partition(void **state)
{
    (void)state;
    enum { KEY_AT = SLOT + ESPOTA_SETTINGS_OFFSET + offsetof(struct espota_agent_settings, key) };
    struct memory_board *b = board_with_settings();
    struct espota_table *table = &b->board.agent.table;
    say_hello(b);
    add_partition(b, ESPOTA_TYPE_APP, ESPOTA_APP_TEST, SLOT - 0x1000, 0x10000);
    struct espota_partition last = table->entry[table->count - 1]; /* the other one first */
    table->entry[table->count - 1] = table->entry[0];
    table->entry[0] = last;
    assert_int_equal(ask_range(b, ESPOTA_AGENT_READ, KEY_AT, 32, 0), ESPOTA_AGENT_DENIED);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_READ, KEY_AT + 31, 1, 0), ESPOTA_AGENT_DENIED);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, KEY_AT, 1, 0), ESPOTA_AGENT_DENIED);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_READ, KEY_AT - 32, 32, 0), ESPOTA_AGENT_OK);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, SLOT, 4096, 0), ESPOTA_AGENT_OK);
    memory_board_free(b);
}

static void data_is_not_read_through_an_app_partition(void **state)
{
    (void)state;
    enum { NVS = SLOT + 0x8000, SIZE = 0x4000 };
    struct memory_board *b = memory_board_running(false);
    say_hello(b);
    add_partition(b, ESPOTA_TYPE_DATA, ESPOTA_DATA_NVS, NVS, SIZE);
    add_partition(b, ESPOTA_TYPE_DATA, ESPOTA_DATA_NVS, 0x8f00,
                  0x200); /* what is left of the table's sector */
    static const struct {
        uint32_t offset, length;
        enum espota_agent_status status;
    } ranges[] = {
        { NVS - 16, 16, ESPOTA_AGENT_OK },
        { NVS - 16, 17, ESPOTA_AGENT_DENIED },
        { NVS, 1, ESPOTA_AGENT_DENIED },
        { NVS + SIZE - 1, 1, ESPOTA_AGENT_DENIED },
        { NVS + SIZE - 1, 2, ESPOTA_AGENT_DENIED },
        { NVS + SIZE, 16, ESPOTA_AGENT_OK },
        { 0x8000, 0xc00, ESPOTA_AGENT_OK },
        { 0x8f00, 16, ESPOTA_AGENT_DENIED },
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        uint32_t offset = ranges[i].offset, length = ranges[i].length;
        assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, offset, length, 0), ranges[i].status);
        assert_int_equal(ask_range(b, ESPOTA_AGENT_READ, offset, length > 1024 ? 1024 : length, 0),
                         ranges[i].status);
    }
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, SLOT, 0x10000, 0), ESPOTA_AGENT_DENIED);
    memory_board_free(b);
}

/* VERIFY says whether a digest that the host announced is right: not of a part of a key either. */
static void nobody_guesses_a_key(void **state)
{
    (void)state;
    enum { KEY_AT = ESPOTA_SETTINGS_OFFSET + offsetof(struct espota_agent_settings, key) };
    struct memory_board *b = board_with_settings();
    for (uint32_t length = KEY_AT + 1; length < KEY_AT + KEY; length++) {
        uint8_t begin[44] = { 0 };
        espota_put_le32(begin + 4, SLOT);
        espota_put_le32(begin + 8, length);
        assert_int_equal(espota_sha256(b->flash.data + SLOT, length, begin + 12), 0);
        struct frame f = frame_request(ESPOTA_AGENT_BEGIN, begin, sizeof begin);
        say_hello(b);
        assert_int_equal(keyed_board_ask(b, SIM_UART, &f), ESPOTA_AGENT_OK);
        f = frame_request(ESPOTA_AGENT_VERIFY, NULL, 0);
        assert_int_equal(keyed_board_ask(b, SIM_UART, &f), ESPOTA_AGENT_DENIED);
    }
    memory_board_free(b);
}

static void a_concealed_app_is_not_read(void **state)
{
    (void)state;
    struct memory_board *b = memory_board_running(false);
    b->board.agent_config.conceal = true;
    say_hello(b);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_READ, 0x8000, 256, 0), ESPOTA_AGENT_OK);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_READ, APP, ESPOTA_SETTINGS_OFFSET, 0), ESPOTA_AGENT_OK);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_READ, APP, ESPOTA_SETTINGS_OFFSET + 1, 0),
                     ESPOTA_AGENT_DENIED);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_READ, APP + 8192, 1, 0), ESPOTA_AGENT_DENIED);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, APP + 4096, 1, 0), ESPOTA_AGENT_DENIED);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, APP + 4096, 4097, 0), ESPOTA_AGENT_DENIED);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, APP, 1024, 32), ESPOTA_AGENT_DENIED);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, APP + 4096, 8192, 4096), ESPOTA_AGENT_OK);
    struct espota_bytes image = memory_board_image(60000, 5, 0); /* the one that runs */
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, APP, (uint32_t)image.size, 0), ESPOTA_AGENT_OK);
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, APP, (uint32_t)image.size - 1, 0),
                     ESPOTA_AGENT_DENIED);
    espota_bytes_free(&image);
    memory_board_free(b);
}

/* Who writes the first sector of a slot knows what a digest of it and one byte more begins with: 256 guesses
 * tell that byte, and so on. VERIFY would tell as much. */
static void a_concealed_app_is_not_told_byte_by_byte(void **state)
{
    (void)state;
    struct memory_board *b = memory_board_running(false);
    struct espota_bytes image = memory_board_image(60000, 9, 0);
    uint8_t begin[44] = { 0 };
    memory_board_put(b, SLOT, &image);
    b->board.agent_config.conceal = true;
    say_hello(b);
    for (uint32_t length = 4097; length < 4100; length++) {
        assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, SLOT, length, 0), ESPOTA_AGENT_DENIED);
        espota_put_le32(begin + 4, SLOT);
        espota_put_le32(begin + 8, length);
        assert_int_equal(espota_sha256(image.data, length, begin + 12), 0);
        struct frame f = frame_request(ESPOTA_AGENT_BEGIN, begin, sizeof begin);
        assert_int_equal(keyed_board_ask(b, SIM_UART, &f), ESPOTA_AGENT_OK);
        f = frame_request(ESPOTA_AGENT_VERIFY, NULL, 0);
        assert_int_equal(keyed_board_ask(b, SIM_UART, &f), ESPOTA_AGENT_DENIED);
    }
    espota_bytes_free(&image);
    memory_board_free(b);
}

static void a_concealed_app_can_be_updated(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    b->board.agent_config.conceal = true;
    struct espota_bytes image = memory_board_image(50004, 7, 0);
    struct espota_ota_request update = { .name = "new",
                                         .payload = espota_payload_raw(image.data, image.size) };
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    struct espota_device *device = keyed_board_owner(b, NULL);
    if (espota_ota_run(device, &update, &result, &error) != 0)
        fail_msg("%s", error.text);
    espota_device_close(device);
    espota_bytes_free(&image);
    memory_board_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_keeps_its_key),
        cmocka_unit_test(nobody_reads_a_key),
        cmocka_unit_test(a_session_that_is_closed_wipes_its_key),
        cmocka_unit_test(nobody_reads_a_key_through_another_partition),
        cmocka_unit_test(data_is_not_read_through_an_app_partition),
        cmocka_unit_test(a_concealed_app_is_not_told_byte_by_byte),
        cmocka_unit_test(nobody_guesses_a_key),
        cmocka_unit_test(a_concealed_app_is_not_read),
        cmocka_unit_test(a_concealed_app_can_be_updated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What nobody gets out of an agent: a key, and an app that is concealed. And that a session keeps its own
 * key. */
#include "espota/agent_settings.h"

#include "session_board.h"

enum { APP = 0x10000, SLOT = 0x110000 };

/* What it was read into is gone when the device is greeted again. */
static void a_session_keeps_its_key(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    struct espota_device *device = NULL;
    struct espota_error error = { 0 };
    uint8_t key[KEY];
    memcpy(key, DEVICE_KEY, KEY);
    struct espota_agent_options options = { .key = key, .key_length = KEY, .hello_timeout_ms = 50 };
    assert_int_equal(espota_agent_open(&device, &b->link, &options, &error), 0);
    memset(key, 0, sizeof key);
    memory_board_restart(b);
    if (espota_device_recover(device, &error) != 0)
        fail_msg("%s", error.text);
    assert_served(b, device);
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
    struct frame f = request(type, payload, type == ESPOTA_AGENT_READ ? 6 : 12);
    return ask(b, SIM_UART, &f);
}

static void say_hello(struct memory_board *b)
{
    uint8_t hello[ESPOTA_AGENT_HELLO_SIZE] = { ESPOTA_AGENT_VERSION, ESPOTA_AGENT_VERSION };
    struct frame f = request(ESPOTA_AGENT_HELLO, hello, sizeof hello);
    assert_int_equal(ask(b, SIM_UART, &f), ESPOTA_AGENT_OK);
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
        struct frame f = request(ESPOTA_AGENT_BEGIN, begin, sizeof begin);
        say_hello(b);
        assert_int_equal(ask(b, SIM_UART, &f), ESPOTA_AGENT_OK);
        f = request(ESPOTA_AGENT_VERIFY, NULL, 0);
        assert_int_equal(ask(b, SIM_UART, &f), ESPOTA_AGENT_DENIED);
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
    assert_int_equal(ask_range(b, ESPOTA_AGENT_DIGEST, APP, 50001, 0), ESPOTA_AGENT_OK); /* an image */
    memory_board_free(b);
}

static void a_concealed_app_can_be_updated(void **state)
{
    (void)state;
    struct memory_board *b = keyed_board();
    b->board.agent_config.conceal = true;
    struct espota_bytes image = memory_board_image(50004, 7, 0);
    struct espota_ota_request update = { .name = "new", .image = image.data, .length = image.size };
    struct espota_ota_result result;
    struct espota_error error = { 0 };
    struct espota_device *device = owner(b, NULL);
    if (espota_ota_run(device, &update, &result, &error) != 0)
        fail_msg("%s", error.text);
    espota_device_close(device);
    espota_bytes_free(&image);
    memory_board_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_keeps_its_key),        cmocka_unit_test(nobody_reads_a_key),
        cmocka_unit_test(nobody_guesses_a_key),           cmocka_unit_test(a_concealed_app_is_not_read),
        cmocka_unit_test(a_concealed_app_can_be_updated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

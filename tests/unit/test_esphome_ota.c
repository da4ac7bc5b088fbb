/* ESPHome's OTA protocol: proofs, words, and what a device may answer. */
#include "device/esphome/talk.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/esphome_device.h"
#include "espota/esphome_ota.h"
#include "espota/link.h"

#include "fixtures/scripted_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define NONCE_32 "abababababababababababababababab"
#define NONCE_64 NONCE_32 NONCE_32

/* Made by Python's hashlib, as esphome/espota2.py does. */
static void proofs_are_those_of_esphome(void **state)
{
    char response[ESPOTA_ESPHOME_HEX];
    (void)state;
    assert_int_equal(espota_esphome_respond(ESPOTA_HASH_MD5, "fish", NONCE_32,
                                            "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd", response),
                     0);
    assert_string_equal(response, "8d1cc4f5a38b664091d729d1df5c5f1c");
    assert_int_equal(
        espota_esphome_respond(ESPOTA_HASH_SHA256, "fish", NONCE_64,
                               "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd", response),
        0);
    assert_string_equal(response, "9c123caf1dad64564bc88c35e9cd76b25e9e46e47488ae0c0287eb72e200f973");
}

static void every_error_has_words(void **state)
{
    (void)state;
    for (unsigned answer = ESPOTA_ESPHOME_ERROR; answer <= ESPOTA_ESPHOME_UNKNOWN; answer++)
        assert_non_null(espota_esphome_error_words((uint8_t)answer));
    assert_string_equal(espota_esphome_error_words(0x89), "the image is larger than its slot");
    assert_string_equal(espota_esphome_error_words(0x93), "an error that is not known");
    assert_string_equal(espota_esphome_error_words(0xff), "it does not say what is wrong");
    assert_string_equal(espota_esphome_error_words(0x40), "an error that is not known");
}

/* A device that has said all of it before it is asked. @return what came of it; `heard` is what it got. */
static int update(const char *answers, size_t length, const char *password, char *heard, size_t *heard_length,
                  struct espota_error *error)
{
    static const uint8_t image[10000] = { 0xe9 };
    const struct espota_esphome_options options = { .password = password };
    struct espota_payload payload = espota_payload_raw(image, sizeof image);
    struct espota_device *device = NULL;
    struct espota_link *link = NULL;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[1], answers, length), length);
    assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    assert_int_equal(espota_link_from_fd(&link, fds[0], "device", error), 0);
    assert_int_equal(espota_esphome_open(&device, "device", &options, error), 0);
    int result = esphome_talk(device, link, &payload, error);
    espota_device_close(device);
    espota_link_close(link);
    ssize_t count = read(fds[1], heard, *heard_length);
    *heard_length = count > 0 ? (size_t)count : 0;
    close(fds[1]);
    return result;
}

#define ANSWERS(text) text, sizeof text - 1

static void answers_lead_to_an_end(void **state)
{
    static const struct {
        const char *answers;
        size_t length;
        const char *password;
        int result;
        const char *text;
    } cases[] = {
        { ANSWERS("\0\2\x40\x41\x42\x43\x47\x47\x44\x45"), NULL, 0, "" },
        { ANSWERS("\0\1\x40\x41\x42\x43"), NULL, ESPOTA_ERR_NO_DEVICE, "the other end closed it" },
        { ANSWERS("\0\2\x48\0\x41\x42\x43\x47\x47\x44\x45"), NULL, 0, "" },
        { ANSWERS("\0\2\x46\x41\x42\x43\x47\x44\x45"), NULL, 0, "" }, /* compressed it is one block */
        { ANSWERS("\0\2\x48\1\x41\x42\x43\x47\x44\x45"), NULL, 0, "" },
        { ANSWERS("\0\2\x40\1" NONCE_32 "\x41\x42\x43\x47\x47\x44\x45"), "fish", 0, "" },
        { ANSWERS("\0\2\x40\2" NONCE_64 "\x41\x42\x43\x47\x47\x44\x45"), "fish", 0, "" },
        { ANSWERS("\0\2\x40\2" NONCE_64), NULL, ESPOTA_ERR_FAILED, "asks for a password" },
        { ANSWERS("\0\2\x40\2" NONCE_64 "\x82"), "fish", ESPOTA_ERR_FAILED, "the password is wrong" },
        { ANSWERS("\0\2\x40\2" NONCE_32), "fish", ESPOTA_ERR_NO_DEVICE, "the other end closed it" },
        { ANSWERS("\0\2\x40\1%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s"), "fish", ESPOTA_ERR_DEVICE,
          "in a way that is not known" },
        { ANSWERS("\0\3"), NULL, ESPOTA_ERR_UNSUPPORTED, "version 3" },
        { ANSWERS("HTTP/1.1 400"), NULL, ESPOTA_ERR_DEVICE, "0x48, which is not what ESPHome says" },
        { ANSWERS("\x80"), NULL, ESPOTA_ERR_DEVICE, "not the protocol that it speaks (0x80)" },
        { ANSWERS("\0\2\x40\x82"), NULL, ESPOTA_ERR_FAILED, "of a kind that it does not take" },
        { ANSWERS("\0\2\x40\x41\x89"), NULL, ESPOTA_ERR_DEVICE, "the image is larger than its slot (0x89)" },
        { ANSWERS("\0\2\x40\x41\x42\x43\x83"), NULL, ESPOTA_ERR_DEVICE, "writing to its flash failed" },
        { ANSWERS("\0\2\x40\x41\x42\x43\x47\x47\x8b"), NULL, ESPOTA_ERR_DEVICE,
          "what arrived has another MD5" },
        { ANSWERS("\0\2\x40\x41\x42\x43\x47\x47\x44\x84"), NULL, ESPOTA_ERR_DEVICE,
          "not one that it can start" },
        { ANSWERS("\0\2\x40\x41\x42\x43\x44\x45"), NULL, ESPOTA_ERR_DEVICE, "0x44, which is not what" },
        { ANSWERS("\0\2\x40\x45\x45\x45"), NULL, ESPOTA_ERR_DEVICE, "0x45, which is not what" },
        { ANSWERS(""), NULL, ESPOTA_ERR_NO_DEVICE, "the other end closed it" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_error error = { 0 };
        char heard[40000];
        size_t length = sizeof heard;
        int result = update(cases[i].answers, cases[i].length, cases[i].password, heard, &length, &error);
        if (result != cases[i].result || !strstr(error.text, cases[i].text))
            fail_msg("case %zu: %d, %s", i, result, error.text);
    }
}

static void what_it_hears_is_what_esphome_says(void **state)
{
    struct espota_error error = { 0 };
    char heard[40000];
    size_t length = sizeof heard;
    (void)state;
    assert_int_equal(update(ANSWERS("\0\2\x48\0\x41\x42\x43\x47\x47\x44\x45"), NULL, heard, &length, &error),
                     0);
    static const char begin[] = "\x6c\x26\xf7\x5c\x45\x07\0\0\0\x27\x10"
                                "ad192e597d4618be3acd66277cdee10f";
    assert_int_equal(length, sizeof begin - 1 + 10000 + 1);
    assert_memory_equal(heard, begin, sizeof begin - 1);
    assert_int_equal(heard[length - 1], 0);
}

/* By version 1 of an image of 10000 bytes, the last of which is byte HEAD + 10000 that travels. */
enum { HEAD = 5 + 1 + 4 + 32 };

static int update_by_script(const struct scripted_answer *verdict, size_t answers, struct espota_error *error)
{
    static const uint8_t image[10000] = { 0xe9 };
    const struct espota_esphome_options options = { 0 };
    struct espota_payload payload = espota_payload_raw(image, sizeof image);
    struct espota_device *device = NULL;
    struct scripted_answer script[8] = {
        { 5, ANSWERS("\0\1") }, { 6, ANSWERS("\x40\x41") }, { 10, ANSWERS("\x42") }, { HEAD, ANSWERS("\x43") }
    };
    struct scripted_link link;
    memcpy(script + 4, verdict, answers * sizeof *verdict);
    scripted_link_begin(&link, script, 4 + answers);
    assert_int_equal(espota_esphome_open(&device, "device", &options, error), 0);
    int result = esphome_talk(device, &link.link, &payload, error);
    espota_device_close(device);
    return result;
}

/* It is there to be read before the write of the last byte returns. */
static void a_verdict_may_come_with_the_last_byte(void **state)
{
    static const struct scripted_answer at_once[] = { { HEAD + 10000, ANSWERS("\x44\x45") } };
    static const struct scripted_answer in_pieces[] = { { HEAD + 10000, ANSWERS("\x44") },
                                                        { HEAD + 10000, ANSWERS("\x45") } };
    static const struct scripted_answer no[] = { { HEAD + 10000, ANSWERS("\x8b") } };
    static const struct scripted_answer early[] = { { HEAD + 2048, ANSWERS("\x83") } };
    struct espota_error error = { 0 };
    (void)state;
    assert_int_equal(update_by_script(at_once, 1, &error), 0);
    assert_int_equal(update_by_script(in_pieces, 2, &error), 0);
    assert_int_equal(update_by_script(no, 1, &error), ESPOTA_ERR_DEVICE);
    assert_non_null(strstr(error.text, "refuses the end of the image: what arrived has another MD5"));
    assert_int_equal(update_by_script(early, 1, &error), ESPOTA_ERR_DEVICE);
    assert_non_null(strstr(error.text, "refuses what has been sent of the image"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_are_those_of_esphome),
        cmocka_unit_test(every_error_has_words),
        cmocka_unit_test(answers_lead_to_an_end),
        cmocka_unit_test(what_it_hears_is_what_esphome_says),
        cmocka_unit_test(a_verdict_may_come_with_the_last_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What hosts and devices with ArduinoOTA say to each other. */
#include "espota/arduino_ota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define AB "abababababababababababababababab"
#define CD "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
#define FF "ffffffffffffffffffffffffffffffff"

/* Made by Python's hashlib, as tools/espota.py does. */
static void proofs_are_those_of_espota_py(void **state)
{
    static const struct {
        enum espota_arduino_auth auth;
        const char *password, *nonce, *cnonce, *response;
    } cases[] = {
        { ESPOTA_ARDUINO_MD5, "swordfish", "0123456789abcdef0123456789abcdef",
          "fedcba9876543210fedcba9876543210", "19426373bed729aff0d12cae40eef763" },
        { ESPOTA_ARDUINO_SHA256, "a-real-password", AB AB, CD CD,
          "4d63ba8b1efa8949a0c5caefe7e8bc77db582e5531bdf2667c663394b4551b93" },
        { ESPOTA_ARDUINO_SHA256, "p\303\244ssw\303\266rd",
          "0000000000000000000000000000000000000000000000000000000000000001", FF FF,
          "1204503bb3cb3b37e29ebea07da39553e70e1c1b23b4ad1ec7068550046754ae" },
        { ESPOTA_ARDUINO_SHA256_OF_MD5, "swordfish", AB AB, CD CD,
          "6a6783ce3cb4c5518b11e7d06c21fba4e49706969d6f5f181364dda41fc476a6" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char response[ESPOTA_ARDUINO_HEX];
        assert_int_equal(espota_arduino_respond(cases[i].auth, cases[i].password, cases[i].nonce,
                                                cases[i].cnonce, response),
                         0);
        assert_string_equal(response, cases[i].response);
        assert_int_equal(strlen(response), espota_arduino_digits(cases[i].auth));
    }
}

static void nonces_are_as_long_as_they_have_to_be_and_never_the_same(void **state)
{
    static const enum espota_arduino_auth cases[] = { ESPOTA_ARDUINO_MD5, ESPOTA_ARDUINO_SHA256,
                                                      ESPOTA_ARDUINO_SHA256_OF_MD5 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char one[ESPOTA_ARDUINO_HEX], other[ESPOTA_ARDUINO_HEX];
        assert_int_equal(espota_arduino_nonce(cases[i], one), 0);
        assert_int_equal(espota_arduino_nonce(cases[i], other), 0);
        assert_int_equal(strlen(one), espota_arduino_digits(cases[i]));
        assert_string_not_equal(one, other);
    }
}

static void a_device_reads_what_a_host_writes(void **state)
{
    static const uint8_t md5[ESPOTA_MD5_LENGTH] = { 0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04,
                                                    0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e };
    struct espota_arduino_request request;
    char text[ESPOTA_ARDUINO_MESSAGE];
    (void)state;
    size_t length = espota_arduino_invitation(ESPOTA_ARDUINO_FILE_SYSTEM, 51234, 1168784, md5, text);
    assert_string_equal(text, "100 51234 1168784 d41d8cd98f00b204e9800998ecf8427e\n");
    assert_true(espota_arduino_request_parse(&request, text, length));
    assert_int_equal(request.command, ESPOTA_ARDUINO_FILE_SYSTEM);
    assert_int_equal(request.port, 51234);
    assert_int_equal(request.size, 1168784);
    assert_string_equal(request.md5, "d41d8cd98f00b204e9800998ecf8427e");
    length = espota_arduino_proof(AB AB, CD CD, text);
    assert_string_equal(text, "200 " AB AB " " CD CD "\n");
    assert_true(espota_arduino_request_parse(&request, text, length));
    assert_int_equal(request.command, ESPOTA_ARDUINO_PROOF);
    assert_string_equal(request.cnonce, AB AB);
    assert_string_equal(request.response, CD CD);
}

static void what_is_neither_invitation_nor_proof_is_not_answered(void **state)
{
    static const char *const cases[] = {
        "",
        "\n",
        "9\n",
        "0",
        "0 1 2 abc\n",
        "1 1 2 " AB "\n",
        "0 1 2 " AB AB "\n",
        "0 1 2 " AB AB AB "\n",
        "200",
        "200 \n",
        "200 " AB "\n",
        "200 " AB AB AB " " CD "\n",
        "200 xyz " CD "\n",
        "-1 1 1 " AB "\n",
        "4294967296 1 2 " AB "\n",
    };
    struct espota_arduino_request request;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_false(espota_arduino_request_parse(&request, cases[i], strlen(cases[i])));
    assert_true(espota_arduino_request_parse(&request, "0 99999 99999999999 " AB " \r\n", 56));
    assert_int_equal(request.port, 0); /* there is none such */
    assert_int_equal(request.size, UINT32_MAX);
}

static void answers_are_known_or_words(void **state)
{
    static const struct {
        const char *text;
        enum espota_arduino_answer_kind kind;
        enum espota_arduino_auth auth;
    } cases[] = {
        { "OK", ESPOTA_ARDUINO_OK, ESPOTA_ARDUINO_NO_AUTH },
        { " OK\r\n", ESPOTA_ARDUINO_OK, ESPOTA_ARDUINO_NO_AUTH },
        { "OKAY", ESPOTA_ARDUINO_WORDS, ESPOTA_ARDUINO_NO_AUTH },
        { "", ESPOTA_ARDUINO_WORDS, ESPOTA_ARDUINO_NO_AUTH },
        { "AUTH " AB, ESPOTA_ARDUINO_CHALLENGE, ESPOTA_ARDUINO_MD5 },
        { "AUTH " AB AB "\n", ESPOTA_ARDUINO_CHALLENGE, ESPOTA_ARDUINO_SHA256 },
        { "AUTH", ESPOTA_ARDUINO_WORDS, ESPOTA_ARDUINO_NO_AUTH },
        { "AUTH ", ESPOTA_ARDUINO_WORDS, ESPOTA_ARDUINO_NO_AUTH },
        { "AUTH abc", ESPOTA_ARDUINO_WORDS, ESPOTA_ARDUINO_NO_AUTH },
        { "AUTH " AB AB AB, ESPOTA_ARDUINO_WORDS, ESPOTA_ARDUINO_NO_AUTH },
        { "AUTH " AB AB AB AB AB AB AB AB, ESPOTA_ARDUINO_WORDS, ESPOTA_ARDUINO_NO_AUTH },
        { "AUTH %s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s", ESPOTA_ARDUINO_WORDS, ESPOTA_ARDUINO_NO_AUTH },
        { "Authentication Failed", ESPOTA_ARDUINO_WORDS, ESPOTA_ARDUINO_NO_AUTH },
    };
    struct espota_arduino_answer answer;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        espota_arduino_answer_parse(&answer, cases[i].text, strlen(cases[i].text));
        assert_int_equal(answer.kind, cases[i].kind);
        assert_int_equal(answer.auth, cases[i].auth);
        assert_int_equal(strlen(answer.nonce), espota_arduino_digits(cases[i].auth));
    }
    espota_arduino_answer_parse(&answer, "Failed\0", 7); /* as the ESP8266 sends it */
    assert_string_equal(answer.words, "Failed");
}

static void a_verdict_follows_numbers_wherever_it_is_cut(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        const char *words;
    } cases[] = {
        { "1460146073OK", true, "OK" },
        { "1024\r\n1024 OK\r\n", true, "OK\r\n" },
        { "14601460", false, "" },
        { "10O", false, "O" },
        { "1024ERROR[7]: MD5 Check Failed\r\n", false, "ERROR[7]: MD5 Check Failed\r\n" },
        { "NOT OK", false, "NOT OK" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t cut = 0; cut <= strlen(cases[i].text); cut++) {
            struct espota_arduino_result result = { 0 };
            espota_arduino_result_take(&result, cases[i].text, cut);
            espota_arduino_result_take(&result, cases[i].text + cut, strlen(cases[i].text) - cut);
            assert_int_equal(result.ok, cases[i].ok);
            assert_string_equal(result.words, cases[i].words);
        }
}

static void a_device_that_talks_without_end_is_cut_off(void **state)
{
    struct espota_arduino_result result = { 0 };
    (void)state;
    for (int i = 0; i < 1000; i++)
        espota_arduino_result_take(&result, "blah", 4);
    assert_int_equal(strlen(result.words), sizeof result.words - 1);
    assert_false(result.ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_are_those_of_espota_py),
        cmocka_unit_test(nonces_are_as_long_as_they_have_to_be_and_never_the_same),
        cmocka_unit_test(a_device_reads_what_a_host_writes),
        cmocka_unit_test(what_is_neither_invitation_nor_proof_is_not_answered),
        cmocka_unit_test(answers_are_known_or_words),
        cmocka_unit_test(a_verdict_follows_numbers_wherever_it_is_cut),
        cmocka_unit_test(a_device_that_talks_without_end_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

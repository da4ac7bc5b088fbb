/* MD5 sidecars in the forms that are out there, and URLs without what may be secret. */
#include "espota/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEX   "0123456789abcdef0123456789abcdef"
#define UPPER "0123456789ABCDEF0123456789ABCDEF"
#define OTHER "ffffffffffffffffffffffffffffffff"
#define GIVEN "01 23 45 67 89 ab cd ef 01 23 45 67 89 ab cd ef"

/* All for app.bin, and all with HEX unless the result is another. */
static const struct {
    const char *what, *text;
    enum espota_md5_search result;
} cases[] = {
    { "the digits", HEX, ESPOTA_MD5_FOUND },
    { "the digits in capitals, CRLF", UPPER "\r\n", ESPOTA_MD5_FOUND },
    { "a UTF-8 byte-order mark", "\xef\xbb\xbf" HEX "\n", ESPOTA_MD5_FOUND },
    { "md5sum", HEX "  app.bin\n", ESPOTA_MD5_FOUND },
    { "md5sum --binary", HEX " *app.bin\n", ESPOTA_MD5_FOUND },
    { "md5sum of a path", HEX "  build/out/app.bin\n", ESPOTA_MD5_FOUND },
    { "md5sum of another name alone", HEX "  firmware.bin\n", ESPOTA_MD5_FOUND },
    { "md5sum of several", OTHER "  b.bin\n" HEX "  app.bin\n" OTHER " *my-app.bin\n", ESPOTA_MD5_FOUND },
    { "md5sum of others", OTHER "  b.bin\n" HEX "  c.bin\n", ESPOTA_MD5_SEVERAL },
    { "md5sum of others with the same content", HEX "  b.bin\n" HEX "  c.bin\n", ESPOTA_MD5_FOUND },
    { "md5sum twice, differing", OTHER "  x/app.bin\n" HEX "  app.bin\n", ESPOTA_MD5_SEVERAL },
    { "md5sum with an escaped name", "\\" HEX "  dir\\\\app.bin\n" OTHER "  x\n", ESPOTA_MD5_FOUND },
    { "md5sum with a line break in a name", "\\" OTHER "  x\\napp.bin\n" HEX "  app.bin\n",
      ESPOTA_MD5_FOUND },
    { "md5sum --tag, BSD", "MD5 (app.bin) = " HEX "\n", ESPOTA_MD5_FOUND },
    { "BSD of several", "MD5 (x) = " OTHER "\nMD5 (app.bin) = " HEX "\n", ESPOTA_MD5_FOUND },
    { "md5sum --tag, escaped", "\\MD5 (a\\\\app.bin) = " HEX "\nMD5 (x) = " OTHER "\n", ESPOTA_MD5_FOUND },
    { "BSD with parentheses in a name", "MD5 (a (1) = b/app.bin) = " HEX "\nMD5 (x) = " OTHER,
      ESPOTA_MD5_FOUND },
    { "OpenSSL", "MD5(app.bin)= " HEX "\n", ESPOTA_MD5_FOUND },
    { "OpenSSL 3", "MD5(app.bin)=" HEX "\n", ESPOTA_MD5_FOUND },
    { "OpenSSL of standard input", "MD5(stdin)= " HEX "\n", ESPOTA_MD5_FOUND },
    { "a PowerShell table",
      "\r\nAlgorithm       Hash                                      Path\r\n"
      "---------       ----                                      ----\r\n"
      "MD5             " UPPER "          C:\\Users\\me\\app.bin\r\n\r\n",
      ESPOTA_MD5_FOUND },
    { "a PowerShell list",
      "\r\n\r\nAlgorithm : MD5\r\nHash      : " UPPER "\r\nPath      : C:\\Users\\me\\app.bin\r\n\r\n",
      ESPOTA_MD5_FOUND },
    { "a PowerShell list of two",
      "Algorithm : MD5\r\nHash      : " OTHER "\r\nPath      : C:\\b.bin\r\n\r\n"
      "Algorithm : MD5\r\nHash      : " UPPER "\r\nPath      : C:\\app.bin\r\n\r\n",
      ESPOTA_MD5_FOUND },
    { "certutil",
      "MD5 hash of app.bin:\r\n" HEX "\r\nCertUtil: -hashfile command completed successfully.\r\n",
      ESPOTA_MD5_FOUND },
    { "certutil of Windows 7, in German", "MD5-Hash der Datei app.bin:\r\n" GIVEN "\r\nCertUtil: ...\r\n",
      ESPOTA_MD5_FOUND },
    { "nothing", "", ESPOTA_MD5_NONE },
    { "words", "hello\n", ESPOTA_MD5_NONE },
    { "a page", "<html><body>404 " HEX "</body></html>\n", ESPOTA_MD5_NONE },
    { "a SHA-1", HEX "01234567  app.bin\n", ESPOTA_MD5_NONE },
    { "a SHA-256", HEX HEX "  app.bin\n", ESPOTA_MD5_NONE },
    { "another algorithm", "SHA256 (app.bin) = " HEX HEX "\n", ESPOTA_MD5_NONE },
    { "one digit too few", "0123456789abcdef0123456789abcde  app.bin\n", ESPOTA_MD5_NONE },
};

static void an_md5_is_found_in_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t md5[ESPOTA_MD5_LENGTH];
        char hex[2 * ESPOTA_MD5_LENGTH + 1];
        enum espota_md5_search result =
            espota_md5_find(cases[i].text, strlen(cases[i].text), "http://host/dir/app.bin", md5);
        if (result != cases[i].result)
            print_error("%s\n", cases[i].what);
        assert_int_equal(result, cases[i].result);
        espota_hex(md5, sizeof md5, hex);
        if (result == ESPOTA_MD5_FOUND && strcmp(hex, HEX) != 0)
            print_error("%s\n", cases[i].what);
        if (result == ESPOTA_MD5_FOUND)
            assert_string_equal(hex, HEX);
    }
}

/* As PowerShell's '>' writes it, and the other way round. */
static void an_md5_is_found_in_utf_16(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t text[2048] = { 0xff, 0xfe }, big[2048] = { 0xfe, 0xff }, md5[ESPOTA_MD5_LENGTH];
        size_t length = strlen(cases[i].text);
        for (size_t at = 0; at < length; at++) {
            text[2 + 2 * at] = (uint8_t)cases[i].text[at];
            big[3 + 2 * at] = (uint8_t)cases[i].text[at];
        }
        if (cases[i].text[0] == '\xef') /* has a mark of its own */
            continue;
        assert_int_equal(espota_md5_find(text, 2 + 2 * length, "app.bin", md5), cases[i].result);
        assert_int_equal(espota_md5_find(big, 2 + 2 * length, "app.bin", md5), cases[i].result);
    }
}

static void a_url_is_shown_without_what_may_be_secret(void **state)
{
    static const char *const urls[][2] = {
        { "http://host/app.bin", "http://host/app.bin" },
        { "http://user:pw@host:80/app.bin", "http://host:80/app.bin" },
        { "https://user@host/a@b.bin", "https://host/a@b.bin" },
        { "http://u:p@q@host/x", "http://host/x" },
        { "http://host/app.bin?token=1", "http://host/app.bin?..." },
        { "http://u:p@host?t", "http://host?..." },
        { "http://host/app.bin#t", "http://host/app.bin" },
        { "u:p@host/x?y#z", "host/x?..." },
        { "", "" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char *shown = espota_fetch_shown_url(urls[i][0]);
        assert_non_null(shown);
        assert_string_equal(shown, urls[i][1]);
        free(shown);
    }
}

static void what_is_no_url_keeps_its_secrets_in_the_error(void **state)
{
    static const char *const urls[] = { "http://user:SECRET/SECRET@host:x/",
                                        "http://user:SECRET@ho st/?SECRET", "ftp://u:SECRET@host/x",
                                        "http://u:SECRET?SECRET@host/" };
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct espota_error error;
        char *url = NULL;
        assert_int_equal(espota_fetch_complete_url(urls[i], 0, "/x", &url, &error), ESPOTA_ERR_USAGE);
        assert_null(strstr(error.text, "SECRET"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_md5_is_found_in_every_form),
        cmocka_unit_test(an_md5_is_found_in_utf_16),
        cmocka_unit_test(a_url_is_shown_without_what_may_be_secret),
        cmocka_unit_test(what_is_no_url_keeps_its_secrets_in_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

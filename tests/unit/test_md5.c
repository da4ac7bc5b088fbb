/* MD5 sidecars in the forms that are out there. */
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/fetch.h"
#include "espota/hash.h"
#include "espota/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
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

static void a_sidecar_and_its_image_say_what_is_wrong(void **state)
{
    static const struct {
        const char *sidecar, *image, *text; /* NULL: nothing is wrong */
    } wrong[] = {
        { "900150983cd24fb0d6963f7d28e17f72  app.bin\n", "abc", NULL },
        { "900150983cd24fb0d6963f7d28e17f72  app.bin\n", "abd",
          "MD5 check of app.bin failed: it is 4911e516" },
        { "hello\n", "abc", "app.bin.md5 does not hold the 32 hex digits of an MD5" },
        { HEX "  b.bin\n" OTHER "  c.bin\n", "abc", "does not say which one is that of app.bin" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct espota_bytes text = { .data = (uint8_t *)strdup(wrong[i].sidecar) },
                            image = { .data = (uint8_t *)strdup(wrong[i].image), .size = 3 };
        struct espota_error error = { 0 };
        uint8_t md5[ESPOTA_MD5_LENGTH];
        text.size = strlen(wrong[i].sidecar);
        int result = espota_md5_sidecar(&text, "app.bin.md5", "dir/app.bin", md5, &error);
        if (result == 0)
            result = espota_md5_check(&image, "app.bin", md5, &error);
        assert_int_equal(result, wrong[i].text ? ESPOTA_ERR_VERIFY : ESPOTA_OK);
        if (wrong[i].text)
            assert_non_null(strstr(error.text, wrong[i].text));
        espota_bytes_free(&text);
        espota_bytes_free(&image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_md5_is_found_in_every_form),
        cmocka_unit_test(an_md5_is_found_in_utf_16),
        cmocka_unit_test(a_sidecar_and_its_image_say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Web pages that take images: which kind a page is, what it says of an upload, and what a stranger's says. */
#include "device/http_upload/page.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/http_upload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_page_is_known_by_what_it_says(void **state)
{
    static const struct {
        const char *page;
        enum page_kind kind;
    } cases[] = {
        { "", PAGE_UNKNOWN },
        { "<input type='file' accept='.bin,.bin.gz' name='firmware'>", PAGE_UPDATE_SERVER },
        { "<INPUT NAME=\"firmware\" type=file>", PAGE_UPDATE_SERVER },
        { "<input name=firmware>", PAGE_UPDATE_SERVER },
        { "<input name='firmwarepassword'><input name='u2f'>", PAGE_UNKNOWN },
        { "<input name=", PAGE_UNKNOWN },
        { "<input name='", PAGE_UNKNOWN },
        { "<input name='u2", PAGE_TASMOTA },
        { "<form action='u2?fsz='><input type='file' name='u2'>", PAGE_TASMOTA },
        { "<title>ElegantOTA</title>", PAGE_ELEGANT },
        { "the firmware of your router", PAGE_UNKNOWN },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(page_kind_of(cases[i].page), cases[i].kind);
}

static void an_answer_is_a_verdict_or_none(void **state)
{
    static const struct {
        enum page_kind kind;
        long status;
        const char *answer;
        enum page_verdict verdict;
    } cases[] = {
        { PAGE_UPDATE_SERVER, 200, "<META http-equiv=\"refresh\">Update Success! Rebooting...", PAGE_DONE },
        { PAGE_UPDATE_SERVER, 200, "Update error: Wrong origin received!", PAGE_FAILED },
        { PAGE_UPDATE_SERVER, 500, "Update Success!", PAGE_FAILED },
        { PAGE_UPDATE_SERVER, 200, "", PAGE_SAYS_NEITHER },
        { PAGE_ELEGANT_2, 200, "OK", PAGE_DONE },
        { PAGE_ELEGANT_2, 200, "FAIL", PAGE_FAILED },
        { PAGE_ELEGANT_3, 200, "OK then", PAGE_FAILED },
        { PAGE_ELEGANT_3, 400, "OK", PAGE_FAILED },
        { PAGE_TASMOTA, 200, "<script>'Failed'</script><b>Upload <font color='#0f0'>Successful</font></b>",
          PAGE_DONE },
        { PAGE_TASMOTA, 200, "<script>'Successful'</script>Upload <font>Failed</font>", PAGE_FAILED },
        { PAGE_TASMOTA, 200, "Hochladen erfolgreich", PAGE_SAYS_NEITHER },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(page_judge(cases[i].kind, cases[i].status, cases[i].answer), cases[i].verdict);
}

static void words_are_what_a_reader_sees(void **state)
{
    static const char *const cases[][2] = {
        { "", "" },
        { "  plain \r\n text\t", "plain text" },
        { "<html><head><title>T</title><style>b{}</style></head><b>Upload</b> <font "
          "color='red'>Failed</font>",
          "Upload Failed" },
        { "<script>var a='<b>no</b>'", "" },
        { "a<", "a" },
        { "a<b", "a" },
        { "<<<>>>x", ">>x" },
        { "\x1b]0;owned\x07!", "]0;owned !" },
    };
    char words[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        page_words(cases[i][0], words, sizeof words);
        assert_string_equal(words, cases[i][1]);
    }
    page_words("one two three four", words, 8);
    assert_int_equal(strlen(words) < 8, 1);
    assert_memory_equal(words, "one two", strlen(words));
}

static void what_is_no_page_of_a_device_is_refused(void **state)
{
    static const char *const cases[] = { "", "ftp://10.0.0.7/", "file:///etc/passwd", "http://",
                                         "http://me:secret@10.0.0.7/" };
    const struct espota_http_upload_options options = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_device *device = NULL;
        struct espota_error error = { 0 };
        assert_int_equal(espota_http_upload_open(&device, cases[i], &options, &error), ESPOTA_ERR_USAGE);
        assert_null(strstr(error.text, "secret"));
    }
}

static void a_device_says_what_it_lacks(void **state)
{
    static const struct {
        const char *url, *name;
        bool encrypted;
    } cases[] = {
        { "http://10.0.0.7", "http://10.0.0.7/update", false },
        { "10.0.0.7/up", "http://10.0.0.7/up", false },
        { "http://me@[fe80::1%25eth0]:8080/x#y", "http://[fe80::1%25eth0]:8080/x", false },
        { "https://lamp.local/update", "https://lamp.local/update", true },
    };
    const struct espota_http_upload_options options = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct espota_device *device = NULL;
        struct espota_error error = { 0 };
        assert_int_equal(espota_http_upload_open(&device, cases[i].url, &options, &error), 0);
        assert_string_equal(device->name, cases[i].name);
        assert_true(device->lacks & ESPOTA_LACKS_VERIFICATION && device->lacks & ESPOTA_LACKS_RESUME);
        assert_int_equal(!(device->lacks & ESPOTA_LACKS_ENCRYPTION), cases[i].encrypted);
        assert_true(espota_device_can(device, ESPOTA_CAP_SINK | ESPOTA_CAP_RETURN));
        espota_device_close(device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_known_by_what_it_says),
        cmocka_unit_test(an_answer_is_a_verdict_or_none),
        cmocka_unit_test(words_are_what_a_reader_sees),
        cmocka_unit_test(what_is_no_page_of_a_device_is_refused),
        cmocka_unit_test(a_device_says_what_it_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

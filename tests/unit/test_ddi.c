/* Messages of the DDI API: as hawkBit 0.9 and gooseBit 0.2 send them, and as nobody should. */
#include "espota/ddi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE "http://updates.example:8080/lab/controller/v1/kitchen"

static int parse_poll(const char *text, struct espota_ddi_poll *poll)
{
    struct espota_error error;
    return espota_ddi_poll_parse(poll, text, strlen(text), BASE, &error);
}

static void polls(void **state)
{
    struct espota_ddi_poll poll;
    (void)state;
    assert_int_equal(parse_poll("{\"config\":{\"polling\":{\"sleep\":\"00:05:00\"}},\"_links\":{"
                                "\"deploymentBase\":{\"href\":\"" BASE "/deploymentBase/7?c=-32\"},"
                                "\"configData\":{\"href\":\"/lab/controller/v1/kitchen/configData\"}}}",
                                &poll),
                     0);
    assert_true(poll.has_sleep);
    assert_int_equal(poll.sleep_s, 300);
    assert_string_equal(poll.deployment, BASE "/deploymentBase/7?c=-32");
    assert_string_equal(poll.config_data, BASE "/configData");
    assert_null(poll.cancel);
    espota_ddi_poll_free(&poll);
    assert_int_equal(parse_poll("{\"more\":[1,2]}", &poll), 0);
    assert_false(poll.has_sleep);
    espota_ddi_poll_free(&poll);
}

static void polls_that_are_none(void **state)
{
    static const char *const texts[] = {
        "", "{", "[]", "null", "17", "{\"_links\":{\"deploymentBase\":{\"href\":\"file:///etc/passwd\"}}}",
    };
    struct espota_ddi_poll poll;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(parse_poll(texts[i], &poll), ESPOTA_ERR_NETWORK);
        espota_ddi_poll_free(&poll);
    }
    assert_int_equal(parse_poll("{\"config\":{\"polling\":{\"sleep\":\"9999:00:00\"}}}", &poll), 0);
    assert_int_equal(poll.sleep_s, 7 * 24 * 3600); /* no longer than that */
    espota_ddi_poll_free(&poll);
}

static int parse_deployment(const char *text, struct espota_ddi_deployment *d)
{
    struct espota_error error;
    return espota_ddi_deployment_parse(d, text, strlen(text), BASE, &error);
}

#define ARTIFACT(hashes, links)                                                                              \
    "{\"filename\":\"app.bin\",\"size\":5,\"hashes\":{" hashes "},\"_links\":{" links "}}"
#define DEPLOYMENT(how, artifacts)                                                                           \
    "{\"id\":\"7\",\"deployment\":{" how "\"chunks\":[{\"part\":\"bApp\",\"version\":\"2.0\",\"name\":"      \
    "\"firmware\",\"artifacts\":[" artifacts "]}]}}"
#define SHA1 "0123456789abcdef0123456789abcdef01234567"

static void deployments(void **state)
{
    struct espota_ddi_deployment d;
    (void)state;
    assert_int_equal(parse_deployment(DEPLOYMENT("\"download\":\"forced\",\"update\":\"attempt\","
                                                 "\"maintenanceWindow\":\"unavailable\",",
                                                 ARTIFACT("\"sha1\":\"" SHA1 "\",\"sha256\":\"short\"",
                                                          "\"download-http\":{\"href\":\"a/app.bin\"}")),
                                      &d),
                     0);
    assert_string_equal(d.id, "7");
    assert_string_equal(d.version, "2.0");
    assert_int_equal(d.download, ESPOTA_DDI_FORCED);
    assert_int_equal(d.update, ESPOTA_DDI_ATTEMPT);
    assert_true(d.window_closed);
    assert_int_equal(d.count, 1);
    assert_true(d.artifact[0].has_sha1);
    assert_false(d.artifact[0].has_sha256);
    assert_null(d.artifact[0].url);
    assert_string_equal(d.artifact[0].plain_url, "http://updates.example:8080/lab/controller/v1/a/app.bin");
    espota_ddi_deployment_free(&d);
    assert_int_equal(parse_deployment("null", &d), 0); /* gooseBit, where there is none after all */
    assert_string_equal(d.id, "");
    espota_ddi_deployment_free(&d);
}

static void deployments_that_are_none(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"id\":7,\"deployment\":{}}",
        "{\"id\":\"\",\"deployment\":{}}",
        DEPLOYMENT("", ARTIFACT("", "")),
        DEPLOYMENT("", "{\"filename\":\"a\",\"size\":-1,\"_links\":{\"download\":{\"href\":\"/a\"}}}"),
        DEPLOYMENT("", "{\"filename\":17}"),
        DEPLOYMENT("", ARTIFACT("", "\"download\":{\"href\":\"ftp://x/a\"}")),
    };
    struct espota_ddi_deployment d;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(parse_deployment(texts[i], &d), ESPOTA_ERR_NETWORK);
        espota_ddi_deployment_free(&d);
    }
}

static void more_artifacts_than_anybody_has(void **state)
{
    struct espota_ddi_deployment d;
    char text[32768] = "{\"id\":\"7\",\"deployment\":{\"chunks\":[{\"artifacts\":[";
    (void)state;
    for (int i = 0; i <= ESPOTA_DDI_ARTIFACTS; i++) {
        if (i > 0)
            strcat(text, ",");
        strcat(text, ARTIFACT("", "\"download\":{\"href\":\"/a\"}"));
    }
    strcat(text, "]}]}}");
    assert_int_equal(parse_deployment(text, &d), ESPOTA_ERR_NETWORK);
    espota_ddi_deployment_free(&d);
}

static void cancellations(void **state)
{
    struct espota_ddi_cancel c;
    struct espota_error error;
    const char *text = "{\"id\":\"9\",\"cancelAction\":{\"stopId\":\"7\"}}";
    (void)state;
    assert_int_equal(espota_ddi_cancel_parse(&c, text, strlen(text), &error), 0);
    assert_string_equal(c.id, "9");
    assert_string_equal(c.stop_id, "7");
    assert_int_equal(espota_ddi_cancel_parse(&c, "{\"id\":\"9\"}", 10, &error), ESPOTA_ERR_NETWORK);
}

static void what_a_device_says(void **state)
{
    const struct espota_ddi_feedback f = {
        "7", ESPOTA_DDI_CLOSED, ESPOTA_DDI_FAILURE, 40, 100, "it has a \"quote\", and \xff"
    };
    const struct espota_ddi_attribute a[] = { { "chip", "esp32" },
                                              { "project", NULL },
                                              { "layout", "\xc3" } };
    (void)state;
    char *text = espota_ddi_feedback_text(&f);
    assert_string_equal(text, "{\"id\":\"7\",\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":"
                              "\"failure\",\"progress\":{\"cnt\":40,\"of\":100}},\"details\":[\"it has a "
                              "\\\"quote\\\", and \"]}}");
    free(text);
    text = espota_ddi_attributes_text(a, 3);
    assert_string_equal(text, "{\"mode\":\"merge\",\"data\":{\"chip\":\"esp32\",\"layout\":\"\"}}");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polls),
        cmocka_unit_test(polls_that_are_none),
        cmocka_unit_test(deployments),
        cmocka_unit_test(deployments_that_are_none),
        cmocka_unit_test(more_artifacts_than_anybody_has),
        cmocka_unit_test(cancellations),
        cmocka_unit_test(what_a_device_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A device with ArduinoOTA that does not answer, is not there, or has its verdict at once: what it does
 * otherwise is tested whole, by tests/cli/arduino.sh. */
#include "device/arduino/talk.h"
#include "espota/arduino_device.h"
#include "espota/clock.h"
#include "espota/device.h"
#include "espota/error.h"

#include "fixtures/scripted_link.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A UDP socket of this machine that nobody reads. */
static int deaf(char address[32])
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof here;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&here, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &size), 0);
    snprintf(address, 32, "127.0.0.1:%u", ntohs(here.sin_port));
    return fd;
}

static int put(const char *address, const struct espota_observer *observer, struct espota_error *error)
{
    static const uint8_t image[100] = { 0xe9 };
    struct espota_arduino_options options = { .answer_ms = 20, .observer = observer };
    struct espota_payload payload = espota_payload_raw(image, sizeof image);
    struct espota_device *device = NULL;
    assert_int_equal(espota_arduino_open(&device, address, &options, error), 0);
    assert_true(espota_device_can(device, ESPOTA_CAP_SINK | ESPOTA_CAP_RETURN));
    assert_false(espota_device_can(device, ESPOTA_CAP_RESTART));
    assert_int_equal(device->lacks,
                     ESPOTA_LACKS_VERIFICATION | ESPOTA_LACKS_ENCRYPTION | ESPOTA_LACKS_RESUME);
    int result = espota_device_put_image(device, &payload, error);
    espota_device_close(device);
    return result;
}

static void a_device_that_does_not_answer_is_invited_ten_times(void **state)
{
    struct espota_error error = { 0 };
    char address[32], data[256];
    int fd = deaf(address), invitations = 0;
    (void)state;
    assert_int_equal(put(address, NULL, &error), ESPOTA_ERR_NO_DEVICE);
    assert_non_null(strstr(error.text, "does not answer (10 invitations by UDP)"));
    while (recv(fd, data, sizeof data, MSG_DONTWAIT) > 0)
        invitations++;
    assert_int_equal(invitations, 10);
    close(fd);
}

static void where_nothing_listens_is_found_out_sooner(void **state)
{
    struct espota_error error = { 0 };
    char address[32];
    (void)state;
    close(deaf(address));
    assert_int_equal(put(address, NULL, &error), ESPOTA_ERR_NO_DEVICE);
    assert_non_null(strstr(error.text, "nothing listens at"));
}

static bool at_once(void *context)
{
    (void)context;
    return true;
}

static void waiting_for_an_answer_can_be_stopped(void **state)
{
    const struct espota_observer observer = { .cancelled = at_once };
    struct espota_error error = { 0 };
    char address[32];
    int fd = deaf(address);
    (void)state;
    assert_int_equal(put(address, &observer, &error), ESPOTA_ERR_CANCELLED);
    close(fd);
}

static void a_device_that_is_not_there_does_not_come_back(void **state)
{
    const struct espota_arduino_options options = { 0 };
    struct espota_device *device = NULL;
    struct espota_error error = { 0 };
    char address[32];
    (void)state;
    close(deaf(address));
    assert_int_equal(espota_arduino_open(&device, address, &options, &error), 0);
    assert_int_equal(espota_device_await_return(device, 1, &error), ESPOTA_ERR_NO_DEVICE);
    assert_non_null(strstr(error.text, "nothing listens for ArduinoOTA there"));
    espota_device_close(device);
}

/* What came of an image of 4000 bytes. */
static int talk(const struct scripted_answer *script, size_t answers, struct espota_error *error)
{
    static const uint8_t image[4000] = { 0xe9 };
    const struct espota_arduino_options options = { 0 };
    struct espota_payload payload = espota_payload_raw(image, sizeof image);
    struct espota_device *device = NULL;
    struct scripted_link link;
    scripted_link_begin(&link, script, answers);
    assert_int_equal(espota_arduino_open(&device, "127.0.0.1", &options, error), 0);
    int result = arduino_talk(device, &link.link, &payload, error);
    espota_device_close(device);
    return result;
}

/* It is there to be read before the write of the last byte returns. */
static void a_verdict_may_come_with_the_last_byte(void **state)
{
    static const struct scripted_answer at_once[] = { { 1460, "1460", 4 }, { 4000, "1080OK", 6 } };
    static const struct scripted_answer in_pieces[] = { { 4000, "1460146010", 10 },
                                                        { 4000, "80O", 3 },
                                                        { 4000, "K", 1 } };
    static const struct scripted_answer no[] = { { 4000, "ERROR[9]: New Binary Does Not Match", 35 } };
    static const struct scripted_answer early[] = { { 2920, "OK", 2 } };
    struct espota_error error = { 0 };
    (void)state;
    assert_int_equal(talk(at_once, 2, &error), 0);
    assert_int_equal(talk(in_pieces, 3, &error), 0);
    assert_int_equal(talk(no, 1, &error), ESPOTA_ERR_DEVICE);
    assert_non_null(strstr(error.text, "Does Not Match' after 4000 of 4000 bytes"));
    assert_int_equal(talk(early, 1, &error), ESPOTA_ERR_DEVICE);
    assert_non_null(strstr(error.text, "says OK after 2920 of 4000 bytes: it has not all of it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_that_does_not_answer_is_invited_ten_times),
        cmocka_unit_test(where_nothing_listens_is_found_out_sooner),
        cmocka_unit_test(waiting_for_an_answer_can_be_stopped),
        cmocka_unit_test(a_device_that_is_not_there_does_not_come_back),
        cmocka_unit_test(a_verdict_may_come_with_the_last_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

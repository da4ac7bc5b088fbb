/* A link that goes from one hand to another: what was read too far, and who closes it. */
#include "espota/error.h"
#include "espota/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct espota_link *link_or_fail(int *other)
{
    int pair[2];
    struct espota_link *link = NULL;
    struct espota_error error = { 0 };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    if (espota_link_from_fd(&link, pair[0], "test", &error) != 0)
        fail_msg("%s", error.text);
    *other = pair[1];
    return link;
}

static void reads(struct espota_link *link, size_t size, const char *expected)
{
    char bytes[64];
    size_t got = 0;
    struct espota_error error = { 0 };
    assert_int_equal(espota_link_read(link, bytes, size, 100, &got, &error), 0);
    assert_int_equal(got, strlen(expected));
    assert_memory_equal(bytes, expected, got);
}

static void what_is_given_back_is_read_first(void **state)
{
    (void)state;
    int other;
    struct espota_link *link = link_or_fail(&other);
    assert_int_equal(write(other, "third", 5), 5);
    espota_link_unread(link, "second", 6);
    espota_link_unread(link, "first", 5);
    espota_link_unread(link, "", 0);
    reads(link, 3, "fir");
    espota_link_unread(link, "R", 1);
    reads(link, 20, "Rstsecond");
    reads(link, 20, "third");
    espota_link_unread(link, "nobody's", 8);
    espota_link_drain(link);
    assert_int_equal(write(other, "next", 4), 4);
    reads(link, 20, "next");
    espota_link_unread(link, "not read", 8);
    espota_link_close(link);
    close(other);
}

static void one_that_is_kept_survives_its_device(void **state)
{
    (void)state;
    int other;
    char byte;
    struct espota_link *link = link_or_fail(&other);
    link->kept = true;
    espota_link_close(link);
    assert_false(link->kept);
    assert_int_equal(write(other, "x", 1), 1);
    reads(link, 20, "x");
    espota_link_close(link);
    assert_int_equal(read(other, &byte, 1), 0);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_back_is_read_first),
        cmocka_unit_test(one_that_is_kept_survives_its_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

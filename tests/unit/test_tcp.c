/* A connection to a bridge: answers that come in two parts are not held back. */
#include "espota/clock.h"
#include "espota/error.h"
#include "espota/link.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 20, MOST_MS = ROUNDS * 20 };

/* Answers each byte as a UART's bridge does: with a byte, and then with more. */
static void *serve(void *context)
{
    int fd = accept(*(int *)context, NULL, NULL);
    char byte;
    while (fd >= 0 && read(fd, &byte, 1) == 1)
        if (write(fd, "a", 1) != 1 || write(fd, "bc", 2) != 2)
            break;
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int listen_here(char *url, size_t room)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    snprintf(url, room, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    return fd;
}

static void read_answer(struct espota_link *link)
{
    struct espota_error error = { 0 };
    char answer[3];
    for (size_t have = 0, got = 0; have < sizeof answer; have += got)
        assert_int_equal(espota_link_read(link, answer + have, sizeof answer - have, 1000, &got, &error), 0);
}

static void answers_in_parts_come_at_once(void **state)
{
    (void)state;
    char url[64];
    int fd = listen_here(url, sizeof url);
    pthread_t thread;
    struct espota_link *link = NULL;
    struct espota_error error = { 0 };
    assert_int_equal(pthread_create(&thread, NULL, serve, &fd), 0);
    assert_int_equal(espota_link_open(&link, url, 115200, &error), 0);
    uint64_t begun = espota_clock_now_ms(NULL);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(espota_link_write(link, "?", 1, &error), 0);
        read_answer(link);
    }
    assert_in_range(espota_clock_now_ms(NULL) - begun, 0, MOST_MS);
    espota_link_close(link);
    pthread_join(thread, NULL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(answers_in_parts_come_at_once) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

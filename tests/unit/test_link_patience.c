/* Opening a connection does not take longer than somebody has patience: name servers and hosts that do not
 * answer. */
#include "espota/clock.h"
#include "espota/error.h"
#include "espota/link.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILLERS = 4, SOON_MS = 300, LONG_MS = 3000 };

static atomic_uint lookups;

/* In place of the system's: a name server that does not answer, and one that does. */
int getaddrinfo(const char *restrict host, const char *restrict port, const struct addrinfo *restrict hints,
                struct addrinfo **restrict list)
{
    int (*system)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&system = dlsym(RTLD_NEXT, "getaddrinfo");
    if (hints->ai_flags & AI_NUMERICHOST)
        return system(host, port, hints, list);
    if (strcmp(host, "silent.example") == 0) {
        (void)poll(NULL, 0, 1000);
        lookups++;
        return EAI_AGAIN;
    }
    lookups++;
    return strcmp(host, "known.example") == 0 ? system("127.0.0.1", port, hints, list) : EAI_NONAME;
}

/* A port of this machine that answers to nobody: its queue is full. */
struct silent {
    int listener, filler[FILLERS];
    char address[40];
};

static int new_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static struct silent silent_port(bool full)
{
    struct silent s;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    s.listener = new_socket();
    assert_int_equal(bind(s.listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s.listener, full ? 0 : 8), 0);
    assert_int_equal(getsockname(s.listener, (struct sockaddr *)&at, &size), 0);
    for (int i = 0; i < FILLERS; i++) {
        s.filler[i] = new_socket();
        if (full)
            (void)connect(s.filler[i], (struct sockaddr *)&at, sizeof at);
    }
    snprintf(s.address, sizeof s.address, ":%u", ntohs(at.sin_port));
    return s;
}

static void close_port(const struct silent *s)
{
    close(s->listener);
    for (int i = 0; i < FILLERS; i++)
        close(s->filler[i]);
}

static uint64_t stop_at;

static bool cancelled(void *context)
{
    (void)context;
    return stop_at != 0 && espota_now_ms() >= stop_at;
}

/* Open it; it has to take less than LONG_MS. */
static int open_soon(const char *host, const char *port, struct espota_link_patience patience,
                     struct espota_error *error)
{
    struct espota_link *link = NULL;
    char name[80];
    uint64_t began = espota_now_ms();
    snprintf(name, sizeof name, "tcp://%s%s", host, port);
    int result = espota_link_open_within(&link, name, 0, &patience, error);
    assert_true(espota_now_ms() - began < LONG_MS);
    espota_link_close(link);
    return result;
}

static void a_host_that_does_not_answer_is_given_up(void **state)
{
    (void)state;
    struct silent s = silent_port(true);
    struct espota_error error;
    const struct espota_link_patience short_one = { .timeout_ms = SOON_MS };
    assert_int_equal(open_soon("127.0.0.1", s.address, short_one, &error), ESPOTA_ERR_NO_DEVICE);
    assert_non_null(strstr(error.text, "no answer"));
    close_port(&s);
}

static void waiting_for_a_host_can_be_stopped(void **state)
{
    (void)state;
    struct silent s = silent_port(true);
    struct espota_error error;
    stop_at = espota_now_ms() + SOON_MS;
    const struct espota_link_patience patience = { .cancelled = cancelled };
    assert_int_equal(open_soon("127.0.0.1", s.address, patience, &error), ESPOTA_ERR_CANCELLED);
    stop_at = 0;
    close_port(&s);
}

static void a_name_server_that_does_not_answer_is_given_up(void **state)
{
    (void)state;
    struct espota_error error;
    const struct espota_link_patience short_one = { .timeout_ms = SOON_MS };
    unsigned before = lookups;
    assert_int_equal(open_soon("silent.example", ":1", short_one, &error), ESPOTA_ERR_NO_DEVICE);
    assert_non_null(strstr(error.text, "silent.example"));
    assert_int_equal(lookups, before); /* it goes on */
    stop_at = espota_now_ms() + SOON_MS;
    const struct espota_link_patience patience = { .cancelled = cancelled };
    assert_int_equal(open_soon("silent.example", ":1", patience, &error), ESPOTA_ERR_CANCELLED);
    stop_at = 0;
    while (lookups < before + 2) /* and ends by itself */
        (void)poll(NULL, 0, 10);
}

static void names_are_looked_up(void **state)
{
    (void)state;
    struct silent s = silent_port(false);
    struct espota_error error;
    const struct espota_link_patience usual = { 0 };
    unsigned before = lookups;
    assert_int_equal(open_soon("known.example", s.address, usual, &error), 0);
    assert_int_equal(lookups, before + 1);
    assert_int_equal(open_soon("127.0.0.1", s.address, usual, &error), 0);
    assert_int_equal(lookups, before + 1);
    assert_int_equal(open_soon("unknown.example", s.address, usual, &error), ESPOTA_ERR_NO_DEVICE);
    assert_non_null(strstr(error.text, "cannot find host 'unknown.example'"));
    close_port(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_that_does_not_answer_is_given_up),
        cmocka_unit_test(waiting_for_a_host_can_be_stopped),
        cmocka_unit_test(a_name_server_that_does_not_answer_is_given_up),
        cmocka_unit_test(names_are_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

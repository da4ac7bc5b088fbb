/* A download that does not wait, in a process with more files open than select() knows of. */
#include "espota/clock.h"
#include "espota/fetch_stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILES = 1100, PATIENCE_MS = 10000 };

/* ---- a server that answers when it is told to -----------------------------------------------------------
 */

struct server {
    int listener, told[2];
    uint16_t port;
    pthread_t thread;
};

static void *serve(void *context)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
    struct server *s = context;
    char request[2048];
    int fd = accept(s->listener, NULL, NULL);
    if (fd >= 0 && read(fd, request, sizeof request) > 0 && read(s->told[0], request, 1) == 1)
        (void)!write(fd, answer, sizeof answer - 1);
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void begin_server(struct server *s)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(pipe(s->told), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end_server(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->listener);
    close(s->told[0]);
    close(s->told[1]);
}

/* ---- a client with an event loop ------------------------------------------------------------------------
 */

struct taken {
    char body[16];
    size_t length;
    long status;
};

static bool take_head(void *context, const struct espota_fetch_head *head)
{
    struct taken *t = context;
    t->status = head->status;
    return true;
}

static bool take_body(void *context, const void *data, size_t length)
{
    struct taken *t = context;
    if (length > sizeof t->body - t->length)
        return false;
    memcpy(t->body + t->length, data, length);
    t->length += length;
    return true;
}

/* The server is told to answer once its client waits for a descriptor. @return the highest that was. */
static int download(struct server *s, struct taken *t)
{
    char url[64];
    int highest = -1;
    bool told = false;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", s->port);
    const struct espota_fetch_stream_request request = {
        .url = url, .context = t, .head = take_head, .body = take_body
    };
    struct espota_fetch_stream *stream = espota_fetch_stream_begin(&request);
    assert_non_null(stream);
    uint64_t deadline = espota_now_ms() + PATIENCE_MS;
    enum espota_fetch_stream_state state;
    while ((state = espota_fetch_stream_step(stream)) == ESPOTA_FETCH_STREAM_GOES_ON) {
        struct pollfd p[4];
        size_t count = espota_fetch_stream_watch(stream, p, 4);
        for (size_t i = 0; i < count; i++)
            highest = p[i].fd > highest ? p[i].fd : highest;
        if (!told && (highest >= 0 || espota_now_ms() > deadline))
            told = write(s->told[1], "", 1) == 1;
        (void)poll(p, count, espota_fetch_stream_timeout(stream));
    }
    espota_fetch_stream_end(stream);
    assert_int_equal(state, ESPOTA_FETCH_STREAM_ALL);
    return highest;
}

static void check_download(int lowest)
{
    struct server server;
    struct taken taken = { .length = 0 };
    begin_server(&server);
    assert_true(download(&server, &taken) >= lowest);
    end_server(&server);
    assert_int_equal(taken.status, 200);
    assert_int_equal(taken.length, 4);
    assert_memory_equal(taken.body, "body", 4);
}

static void its_descriptors_are_waited_for(void **state)
{
    (void)state;
    check_download(0);
}

static void with_many_files_open_too(void **state)
{
    (void)state;
    static int file[FILES];
    struct rlimit most;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &most), 0);
    if (most.rlim_cur < FILES + 100) {
        most.rlim_cur = FILES + 100 < most.rlim_max ? FILES + 100 : most.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &most);
    }
    if (most.rlim_cur < FILES + 100) {
        print_message("SKIP: this process may not open %d files\n", FILES);
        skip();
    }
    for (int i = 0; i < FILES; i++)
        assert_true((file[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
    check_download(FILES);
    for (int i = 0; i < FILES; i++)
        close(file[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_descriptors_are_waited_for),
        cmocka_unit_test(with_many_files_open_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

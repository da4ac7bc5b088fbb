/* The gateway at rest: many devices that have nothing to do, and a day's worth of their polls as fast as it
 * goes. What a poll costs, what a device costs, and that nothing grows. The server is a thread of this
 * program, and answers as hawkBit does where nothing has changed: 304. Usage: bench_gateway [DEVICES
 * [POLLS]]: by default 200 devices, and for each the 288 polls of a day at hawkBit's five minutes. */
#include "espota/gateway.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DAY = 288, CONNECTIONS = 64, REQUEST = 4096, FIVE_MINUTES_S = 300 };

/* ---- the server -----------------------------------------------------------------------------------------
 */

struct connection {
    int fd;
    size_t length;
    char text[REQUEST];
};

struct server {
    int listener;
    uint16_t port;
    atomic_uint_fast64_t answers;
    atomic_bool over;
    struct connection connection[CONNECTIONS];
};

static const char unchanged[] = "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 0\r\n\r\n";
static const char first[] =
    "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Type: application/hal+json\r\nContent-Length: 60\r\n\r\n"
    "{\"config\":{\"polling\":{\"sleep\":\"00:00:00\"}},\"_links\":{}     }";

static void answer(struct server *s, struct connection *c)
{
    char *end;
    while ((end = strstr(c->text, "\r\n\r\n")) != NULL) {
        const char *text = strstr(c->text, "If-None-Match: \"1\"") ? unchanged : first;
        size_t length = strlen(text), used = (size_t)(end + 4 - c->text);
        if (write(c->fd, text, length) != (ssize_t)length)
            break;
        atomic_fetch_add(&s->answers, 1);
        memmove(c->text, c->text + used, c->length - used + 1);
        c->length -= used;
    }
}

static void take(struct server *s, struct connection *c)
{
    ssize_t got = read(c->fd, c->text + c->length, REQUEST - 1 - c->length);
    if (got <= 0) {
        close(c->fd);
        c->fd = -1;
        c->length = 0;
        return;
    }
    c->length += (size_t)got;
    c->text[c->length] = '\0';
    answer(s, c);
}

static void accept_one(struct server *s)
{
    int fd = accept(s->listener, NULL, NULL);
    for (int i = 0; i < CONNECTIONS && fd >= 0; i++)
        if (s->connection[i].fd < 0) {
            s->connection[i].fd = fd;
            s->connection[i].length = 0;
            return;
        }
    if (fd >= 0)
        close(fd);
}

static void *serve(void *argument)
{
    struct server *s = argument;
    while (!atomic_load(&s->over)) {
        struct pollfd p[CONNECTIONS + 1] = { { s->listener, POLLIN, 0 } };
        for (int i = 0; i < CONNECTIONS; i++)
            p[i + 1] = (struct pollfd){ s->connection[i].fd, POLLIN, 0 };
        if (poll(p, CONNECTIONS + 1, 100) <= 0)
            continue;
        for (int i = 0; i < CONNECTIONS; i++)
            if (p[i + 1].fd >= 0 && p[i + 1].revents)
                take(s, &s->connection[i]);
        if (p[0].revents)
            accept_one(s);
    }
    return NULL;
}

static int open_server(struct server *s)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    for (int i = 0; i < CONNECTIONS; i++)
        s->connection[i].fd = -1;
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, length) != 0 ||
        listen(s->listener, 64) != 0 || getsockname(s->listener, (struct sockaddr *)&address, &length) != 0)
        return -1;
    s->port = ntohs(address.sin_port);
    return 0;
}

/* ---- the gateway ----------------------------------------------------------------------------------------
 */

struct run {
    struct server *server;
    uint64_t polls;     /* in all */
    size_t early, late; /* bytes on the heap, at most: in the first half, in the second */
    double seconds;
};

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t heap(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* Asked by the gateway's own thread, each time around. */
static bool stopped(void *context)
{
    struct run *r = context;
    uint64_t answers = atomic_load(&r->server->answers);
    /* what is under way comes and goes: the peaks tell */
    size_t now = heap(), *peak = answers < r->polls / 2 ? &r->early : &r->late;
    *peak = now > *peak ? now : *peak;
    if (answers < r->polls)
        return false;
    r->seconds = cpu_seconds();
    return true;
}

static int no_device(void *context, size_t device, const struct espota_observer *observer,
                     struct espota_device **opened, struct espota_error *error)
{
    (void)context;
    (void)device;
    (void)observer;
    *opened = NULL;
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "nobody is there");
}

static void event(void *context, size_t device, enum espota_gateway_event kind, const char *text)
{
    (void)context;
    (void)device;
    if (kind == ESPOTA_GATEWAY_WARNING)
        fprintf(stderr, "bench_gateway: %s\n", text);
}

static int run(struct run *r, size_t count)
{
    struct espota_gateway_device *device = calloc(count, sizeof *device);
    char(*name)[32] = calloc(count, sizeof *name);
    struct espota_error error;
    char url[40];
    if (!device || !name) {
        free(device);
        free(name);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(name[i], sizeof name[i], "device-%zu", i);
        device[i].name = name[i];
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%u", r->server->port);
    const struct espota_gateway_options options = {
        .server = url,
        .gateway_token = "0123456789abcdef",
        .device = device,
        .count = count,
        .shortest_poll_ms = 1,
        .context = r,
        .open = no_device,
        .event = event,
        .stopped = stopped,
    };
    size_t before = heap();
    int result = espota_gateway_run(&options, &error);
    r->early -= before;
    r->late -= before;
    free(device);
    free(name);
    return result == ESPOTA_ERR_CANCELLED ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct server server;
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
    struct run r = { .server = &server, .polls = argc > 2 ? strtoull(argv[2], NULL, 10) : DAY * count };
    pthread_t thread;
    if (count == 0 || r.polls < 10 * count || open_server(&server) != 0 ||
        pthread_create(&thread, NULL, serve, &server) != 0) {
        fprintf(stderr, "bench_gateway: cannot begin\n");
        return 2;
    }
    int result = run(&r, count);
    atomic_store(&server.over, true);
    pthread_join(thread, NULL);
    if (result != 0)
        return 1;
    double per_poll = r.seconds / (double)r.polls;
    printf("devices %zu, polls %" PRIu64 " (%.1f days at five minutes)\n", count, r.polls,
           (double)r.polls / DAY / (double)count);
    printf("CPU of a poll %.3f ms: 1,000 idle devices take %.2f %% of a core\n", 1000 * per_poll,
           100 * per_poll * 1000 / FIVE_MINUTES_S);
    printf("heap at most %.2f MB in the first half, %.2f MB in the second: %zu bytes a device\n",
           (double)r.early / 1e6, (double)r.late / 1e6, r.late / count);
    if (r.late > r.early + r.early / 20 + 65536) {
        printf("it grows\n");
        return 1;
    }
    return 0;
}

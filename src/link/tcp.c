/* TCP, and any other connected stream that is a file descriptor. */
#include "link.h"
#include "lookup.h"

#include "espota/clock.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT_TIMEOUT_MS = 10000, WRITE_TIMEOUT_MS = 10000, LOOK_MS = 100, MOST_DRAINED = 1 << 20 };

struct stream {
    struct espota_link link;
    int fd;
    int (*open)(const char *path, struct espota_error *error); /* of a pseudo-terminal */
};

static int broken(struct stream *s, struct espota_error *error, const char *why)
{
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "the connection to %s broke: %s", s->link.name, why);
}

static int wait_for(int fd, short events, int timeout_ms)
{
    struct pollfd p = { fd, events, 0 };
    int ready;
    do
        ready = poll(&p, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready;
}

/* A bridge to a UART sends the first byte of an answer at once, and the others when that one is acknowledged,
 * which is put off by 40 ms (RFC 896, RFC 1122) unless asked for, after each read and write anew. */
static void acknowledge(int fd)
{
    const int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one); /* no socket: nothing to do */
}

static int stream_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                       struct espota_error *error)
{
    struct stream *s = (struct stream *)link;
    acknowledge(s->fd);
    int ready = wait_for(s->fd, POLLIN, (int)timeout_ms);
    if (ready < 0)
        return broken(s, error, espota_reason(errno));
    if (ready == 0)
        return 0;
    ssize_t count = read(s->fd, buffer, size);
    if (count == 0)
        return broken(s, error, "the other end closed it");
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (count < 0)
        return broken(s, error, espota_reason(errno));
    *got = (size_t)count;
    return 0;
}

static int wait_to_write(struct stream *s, struct espota_error *error)
{
    for (int waited = 0; waited < WRITE_TIMEOUT_MS; waited += LOOK_MS) {
        if (wait_for(s->fd, POLLOUT, LOOK_MS) != 0)
            return 0; /* write() says what is wrong, if anything is */
        if (espota_link_cancelled(&s->link))
            return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped on request while %s takes no data",
                               s->link.name);
    }
    return broken(s, error, "it takes no more data");
}

/* Whether a broken connection kills the process is not for a library to decide. */
static ssize_t put(int fd, const void *data, size_t size)
{
    ssize_t count = send(fd, data, size, MSG_NOSIGNAL);
    return count < 0 && errno == ENOTSOCK ? write(fd, data, size) : count;
}

static int stream_write(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct stream *s = (struct stream *)link;
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t count = put(s->fd, at, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno != EAGAIN)
            return broken(s, error, espota_reason(errno));
        if (count < 0) {
            int result = wait_to_write(s, error);
            if (result != 0)
                return result;
        }
        if (count > 0) {
            at += count;
            size -= (size_t)count;
        }
    }
    return 0;
}

static void stream_drain(struct espota_link *link)
{
    struct stream *s = (struct stream *)link;
    uint8_t scratch[4096];
    for (int i = 0; i < MOST_DRAINED / (int)sizeof scratch;
         i++) /* one who never falls silent is no reason to stay */
        if (wait_for(s->fd, POLLIN, 0) <= 0 || read(s->fd, scratch, sizeof scratch) <= 0)
            break;
}

static void stream_close(struct espota_link *link)
{
    struct stream *s = (struct stream *)link;
    close(s->fd);
    free(s);
}

/* Bytes cross a pseudo-terminal at any rate; that of the chip behind it may change. */
static int accept_baud(struct espota_link *link, uint32_t baud, struct espota_error *error)
{
    (void)link;
    (void)baud;
    (void)error;
    return 0;
}

/* The path may lead to another one by now, as a link that an emulator makes when it begins. */
static int reopen_pty(struct espota_link *link, struct espota_error *error)
{
    struct stream *s = (struct stream *)link;
    int fd = s->open(link->name, error);
    if (fd < 0)
        return (int)error->status;
    close(s->fd);
    s->fd = fd;
    return 0;
}

static const struct espota_link_ops stream_ops = {
    .read = stream_read,
    .write = stream_write,
    .drain = stream_drain,
    .close = stream_close,
};

static const struct espota_link_ops pty_ops = {
    .read = stream_read,
    .write = stream_write,
    .set_baud = accept_baud,
    .reopen = reopen_pty,
    .drain = stream_drain,
    .close = stream_close,
};

int espota_link_from_pty(struct espota_link **link, int fd, const char *name,
                         int (*open)(const char *path, struct espota_error *error),
                         struct espota_error *error)
{
    int result = espota_link_from_fd(link, fd, name, error);
    if (result == 0) {
        (*link)->ops = &pty_ops;
        ((struct stream *)*link)->open = open;
    }
    return result;
}

int espota_link_from_fd(struct espota_link **link, int fd, const char *name, struct espota_error *error)
{
    int flags = fcntl(fd, F_GETFL);
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return espota_fail_memory(error, "opening a connection");
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        free(s);
        return espota_fail(error, ESPOTA_ERR_IO, "cannot use the connection to %s: %s", name,
                           espota_reason(errno));
    }
    s->fd = fd;
    s->link.ops = &stream_ops;
    snprintf(s->link.name, sizeof s->link.name, "%s", name);
    *link = &s->link;
    return 0;
}

/* "host:port" or "[::1]:port" into its parts. */
static int split_address(const char *address, const char *scheme, char *host, size_t room, const char **port,
                         struct espota_error *error)
{
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) : 0;
    bool bracketed = length >= 2 && address[0] == '[' && address[length - 1] == ']';
    if (bracketed)
        address++, length -= 2;
    char *end = NULL;
    unsigned long number = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (length == 0 || length >= room || number == 0 || number > 65535 || *end != '\0')
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%s%s' is no address: write %shost:port", scheme,
                           address, scheme);
    memcpy(host, address, length);
    host[length] = '\0';
    if (!bracketed && strchr(host, ':'))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "'%s%s': an IPv6 address goes into brackets, %s[address]:port", scheme, address,
                           scheme);
    *port = colon + 1;
    return 0;
}

static bool wants_to_stop(const struct espota_link_patience *patience)
{
    return patience->cancelled && patience->cancelled(patience->context);
}

/* @return what became of a connection that was begun: 0, or an errno. */
static int await_connection(int fd, const struct espota_link_patience *patience, uint64_t deadline_ms)
{
    int reason = 0;
    socklen_t size = sizeof reason;
    while (wait_for(fd, POLLOUT, LOOK_MS) == 0) {
        if (wants_to_stop(patience))
            return ECANCELED;
        if (espota_now_ms() >= deadline_ms)
            return ETIMEDOUT;
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) == 0 ? reason : errno;
}

/* @return a connected socket, or -1 with errno. */
static int connect_one(const struct addrinfo *a, const struct espota_link_patience *patience,
                       uint64_t deadline_ms)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    int reason = 0, one = 1;
    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0)
        reason = errno == EINPROGRESS ? await_connection(fd, patience, deadline_ms) : errno;
    if (reason == 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
        reason = errno;
    if (reason == 0)
        return fd;
    close(fd);
    errno = reason;
    return -1;
}

/* Of several addresses each gets its share of the time that is left. */
static int connect_any(const struct addrinfo *list, const struct espota_link_patience *patience,
                       uint64_t deadline_ms)
{
    unsigned left = 0;
    int fd = -1;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        left++;
    for (const struct addrinfo *a = list; left > 0 && fd < 0; a = a->ai_next, left--) {
        uint64_t now = espota_now_ms(), rest = deadline_ms > now ? deadline_ms - now : 0;
        fd = connect_one(a, patience, now + rest / left);
        if (fd < 0 && errno == ECANCELED)
            break;
    }
    return fd;
}

static int fail_to_connect(const char *scheme, const char *address, int reason, struct espota_error *error)
{
    if (reason == ECANCELED)
        return espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped on request while connecting to %s%s", scheme,
                           address);
    if (reason == EMFILE || reason == ENFILE)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot connect to %s%s: %s", scheme, address,
                           espota_reason(reason));
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE,
                       "cannot connect to %s%s: %s; is the bridge, emulator or agent running there?", scheme,
                       address, espota_reason(reason));
}

/* @return a connected socket, or -1 with *error. */
static int call(const char *address, const char *scheme, const struct espota_link_patience *patience,
                struct espota_error *error)
{
    char host[256];
    const char *port = NULL;
    struct addrinfo *list = NULL;
    uint64_t deadline_ms =
        espota_now_ms() + (patience->timeout_ms ? patience->timeout_ms : CONNECT_TIMEOUT_MS);
    int result = split_address(address, scheme, host, sizeof host, &port, error);
    if (result == 0)
        result = espota_link_look_up(&list, host, port, patience, deadline_ms, error);
    if (result != 0)
        return -1;
    int fd = connect_any(list, patience, deadline_ms);
    int reason = errno;
    freeaddrinfo(list);
    if (fd < 0)
        fail_to_connect(scheme, address, reason, error);
    return fd;
}

static int call_again(struct espota_link *link, struct espota_error *error)
{
    struct stream *s = (struct stream *)link;
    const struct espota_link_patience patience = { .cancelled = link->cancelled,
                                                   .context = link->cancelled_context };
    const char *scheme = strstr(link->name, "://");
    int fd = call(scheme ? scheme + 3 : link->name, "tcp://", &patience, error);
    if (fd < 0)
        return (int)error->status;
    close(s->fd);
    s->fd = fd;
    return 0;
}

static const struct espota_link_ops tcp_ops = {
    .read = stream_read,
    .write = stream_write,
    .call_again = call_again,
    .drain = stream_drain,
    .close = stream_close,
};

int espota_link_open_tcp(struct espota_link **link, const char *address, const char *scheme,
                         const struct espota_link_patience *patience, struct espota_error *error)
{
    int fd = call(address, scheme, patience, error);
    if (fd < 0)
        return (int)error->status;
    int result = espota_link_from_fd(link, fd, address, error);
    if (result != 0)
        close(fd);
    else
        (*link)->ops = &tcp_ops;
    return result;
}

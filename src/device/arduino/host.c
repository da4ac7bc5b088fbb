#include "host.h"

#include "espota/clock.h"
#include "espota/error.h"
#include "espota/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,
    SEND_BUFFER = 8192,
    MORE = 64 /* bytes that no message has, to see that one is longer */
};

static int failed(const char *what, const char *where, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_IO, "cannot %s %s: %s", what, where, espota_reason(errno));
}

static bool wait_readable(int fd, unsigned wait_ms)
{
    struct pollfd p = { fd, POLLIN, 0 };
    return poll(&p, 1, (int)wait_ms) > 0;
}

int arduino_lookup(const struct espota_address *address, struct sockaddr_storage *peer, socklen_t *length,
                   struct espota_error *error)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM }, *list = NULL;
    char port[8];
    snprintf(port, sizeof port, "%u", address->port);
    int lookup = getaddrinfo(address->host, port, &hints, &list);
    if (lookup != 0)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot find host '%s': %s", address->host,
                           gai_strerror(lookup));
    const struct addrinfo *best = list;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        if (a->ai_family == AF_INET && best->ai_family != AF_INET)
            best = a; /* what sketches listen on */
    memcpy(peer, best->ai_addr, best->ai_addrlen);
    *length = best->ai_addrlen;
    freeaddrinfo(list);
    return 0;
}

/* ---- opening --------------------------------------------------------------------------------------------
 */

static uint16_t *port_in(struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)address)->sin6_port
                                          : &((struct sockaddr_in *)address)->sin_port;
}

static void write_address(const struct sockaddr_storage *address, socklen_t length, char *text, size_t room)
{
    char host[INET6_ADDRSTRLEN + 16], port[8];
    bool known = getnameinfo((const struct sockaddr *)address, length, host, sizeof host, port, sizeof port,
                             NI_NUMERICHOST | NI_NUMERICSERV) == 0;
    snprintf(text, room, !known ? "?" : address->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* Where the device's answer comes from our address, it connects to that one. */
static int our_address(struct arduino_host *host, const char *at, struct sockaddr_storage *local,
                       socklen_t *length, struct espota_error *error)
{
    struct addrinfo hints = { .ai_family = host->peer.ss_family,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICHOST | AI_PASSIVE },
                    *list = NULL;
    *length = sizeof *local;
    if (!at)
        return getsockname(host->udp, (struct sockaddr *)local, length) == 0
                   ? 0
                   : failed("find the way to", host->device->name, error);
    if (getaddrinfo(at, NULL, &hints, &list) != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "'%s' is no address of this machine to listen on", at);
    memcpy(local, list->ai_addr, list->ai_addrlen);
    *length = list->ai_addrlen;
    freeaddrinfo(list);
    return 0;
}

static int open_udp(struct arduino_host *host, struct espota_error *error)
{
    host->udp = socket(host->peer.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (host->udp < 0 || connect(host->udp, (struct sockaddr *)&host->peer, host->peer_length) != 0)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "no way to %s: %s", host->device->name,
                           espota_reason(errno));
    return 0;
}

static int open_listener(struct arduino_host *host, struct sockaddr_storage *local, socklen_t length,
                         struct espota_error *error)
{
    const int one = 1, buffer = SEND_BUFFER;
    int fd = socket(local->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    host->listener = fd;
    write_address(local, length, host->here, sizeof host->here);
    /* what is in the buffer has not left yet, but counts as progress */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) != 0 ||
        bind(fd, (struct sockaddr *)local, length) != 0 || listen(fd, 4) != 0 ||
        getsockname(fd, (struct sockaddr *)local, &length) != 0)
        return failed("listen on", host->here, error);
    write_address(local, length, host->here, sizeof host->here);
    host->port = ntohs(*port_in(local));
    return 0;
}

int arduino_host_open(struct arduino_host *host, const char *at, uint16_t port, struct espota_error *error)
{
    struct sockaddr_storage local;
    socklen_t length = 0;
    host->listener = -1;
    int result = open_udp(host, error);
    if (result == 0)
        result = our_address(host, at, &local, &length, error);
    if (result != 0)
        return result;
    *port_in(&local) = htons(port);
    return open_listener(host, &local, length, error);
}

void arduino_host_close(struct arduino_host *host)
{
    if (host->udp >= 0)
        close(host->udp);
    if (host->listener >= 0)
        close(host->listener);
    host->udp = host->listener = -1;
}

/* ---- the invitation -------------------------------------------------------------------------------------
 */

/* What is left of answers to earlier messages is about these. */
static void forget_answers(struct arduino_host *host)
{
    char scratch[ESPOTA_ARDUINO_MESSAGE];
    for (int i = 0; i < MORE && recv(host->udp, scratch, sizeof scratch, 0) >= 0; i++)
        continue;
}

/* @return whether one came; one that is longer than any can be is cut off, and so nothing that is known. */
static bool take_answer(struct arduino_host *host, struct espota_arduino_answer *answer)
{
    char data[ESPOTA_ARDUINO_MESSAGE + MORE];
    ssize_t count = recv(host->udp, data, sizeof data, 0);
    if (count < 0) {
        host->unreachable = host->unreachable || errno == ECONNREFUSED;
        return false;
    }
    espota_arduino_answer_parse(answer, data, (size_t)count);
    return true;
}

int arduino_host_ask(struct arduino_host *host, const char *message, size_t length, unsigned wait_ms,
                     struct espota_arduino_answer *answer, struct espota_error *error)
{
    uint64_t deadline = espota_now_ms() + wait_ms;
    memset(answer, 0, sizeof *answer);
    forget_answers(host);
    host->unreachable = false;
    if (send(host->udp, message, length, 0) < 0 && errno != ECONNREFUSED && errno != EHOSTUNREACH)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot send to %s: %s", host->device->name,
                           espota_reason(errno));
    for (uint64_t now; (now = espota_now_ms()) < deadline;) {
        int result = espota_device_check_cancelled(host->device, error);
        if (result != 0)
            return result;
        uint64_t left = deadline - now;
        if (host->unreachable)
            espota_sleep_ms(left < LOOK_MS ? (unsigned)left : LOOK_MS);
        else if (wait_readable(host->udp, left < LOOK_MS ? (unsigned)left : LOOK_MS) &&
                 take_answer(host, answer))
            return 0;
    }
    return 0;
}

/* ---- the connection -------------------------------------------------------------------------------------
 */

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET6)
        return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                      &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
    return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
           ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

/* @return a connection of the device's, or -1: nobody called, or somebody else. */
static int accept_one(struct arduino_host *host)
{
    struct sockaddr_storage caller;
    socklen_t length = sizeof caller;
    char name[300];
    int fd = accept4(host->listener, (struct sockaddr *)&caller, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 || same_host(&caller, &host->peer))
        return fd;
    write_address(&caller, length, name, sizeof name);
    espota_device_warn(host->device, "%s connected, which is not %s: it was not let in", name,
                       host->device->name);
    close(fd);
    return -1;
}

int arduino_host_accept(struct arduino_host *host, unsigned wait_ms, struct espota_link **link,
                        struct espota_error *error)
{
    uint64_t deadline = espota_now_ms() + wait_ms;
    const int one = 1;
    int fd = -1;
    while (fd < 0 && espota_now_ms() < deadline) {
        int result = espota_device_check_cancelled(host->device, error);
        if (result != 0)
            return result;
        if (wait_readable(host->listener, LOOK_MS))
            fd = accept_one(host);
    }
    if (fd < 0)
        return espota_fail_hint(
            error, ESPOTA_ERR_NO_DEVICE, ESPOTA_HINT_LISTEN_PORT,
            "%s took the invitation, but did not connect to %s within %u s: a firewall on this machine may "
            "keep it out; or the image is larger than its slot, which it does not say",
            host->device->name, host->here, wait_ms / 1000);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only slower without */
    int result = espota_link_from_fd(link, fd, host->device->name, error);
    if (result != 0)
        close(fd);
    return result;
}

/* ---- afterwards -----------------------------------------------------------------------------------------
 */

bool arduino_host_lives(const struct sockaddr_storage *peer, socklen_t length, unsigned wait_ms)
{
    int fd = socket(peer->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), reason = 0;
    socklen_t size = sizeof reason;
    struct pollfd p = { fd, POLLOUT, 0 };
    if (fd < 0)
        return false;
    if (connect(fd, (const struct sockaddr *)peer, length) != 0)
        reason = errno;
    if (reason == EINPROGRESS &&
        (poll(&p, 1, (int)wait_ms) <= 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0))
        reason = ETIMEDOUT;
    close(fd);
    return reason == 0 || reason == ECONNREFUSED || reason == ECONNRESET;
}

/* 9 is no command: it is read, and nothing is answered. */
bool arduino_host_listens(const struct sockaddr_storage *peer, socklen_t length, unsigned wait_ms)
{
    static const char nothing[] = "9\n";
    char answer[16];
    int fd = socket(peer->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool sent = fd >= 0 && connect(fd, (const struct sockaddr *)peer, length) == 0 &&
                send(fd, nothing, sizeof nothing - 1, 0) > 0;
    bool refused = sent && wait_readable(fd, wait_ms) && recv(fd, answer, sizeof answer, 0) < 0;
    if (fd >= 0)
        close(fd);
    return sent && !refused;
}

/* How a simulated board is reached: a pseudo-terminal, and ports on this machine alone. */
#include "server.h"

#include "espota/clock.h"
#include "espota/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* A caller of the agent has so long to prove that he knows its key, and then may be silent for so long. */
enum { PROOF_MS = 5000, SILENCE_MS = 30000 };

static int failed(const char *what, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_IO, "cannot %s: %s", what, strerror(errno));
}

/* A pseudo-terminal that nobody reads fills up; then bytes are lost, as on a wire that ends nowhere. */
static void write_all(int fd, const uint8_t *data, size_t length, bool may_lose)
{
    while (length > 0) {
        ssize_t count = write(fd, data, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN && !may_lose) {
            struct pollfd p = { fd, POLLOUT, 0 };
            if (poll(&p, 1, 5000) > 0)
                continue;
        }
        if (count < 0)
            return;
        data += count;
        length -= (size_t)count;
    }
}

static int open_pty(struct sim_server *s, struct espota_error *error)
{
    struct sim_listener *listener = &s->listener[SIM_PTY];
    struct termios raw;
    if (openpty(&listener->fd, &listener->slave, s->pty_name, NULL, NULL) != 0)
        return failed("open a pseudo-terminal", error);
    if (tcgetattr(listener->slave, &raw) != 0)
        return failed("configure a pseudo-terminal", error);
    cfmakeraw(&raw);
    if (tcsetattr(listener->slave, TCSANOW, &raw) != 0 || fcntl(listener->fd, F_SETFL, O_NONBLOCK) != 0)
        return failed("configure a pseudo-terminal", error);
    return 0;
}

/* A link that an earlier simulator left is replaced; a file is not. */
static int make_link(struct sim_server *s, struct espota_error *error)
{
    const char *path = s->options->link;
    char old[16];
    if (readlink(path, old, sizeof old) >= 0 && unlink(path) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot replace the link %s: %s", path, strerror(errno));
    if (symlink(s->pty_name, path) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot make the link %s: %s", path, strerror(errno));
    s->linked = true;
    return 0;
}

static int open_listener(struct sim_server *s, int which, uint16_t port, struct espota_error *error)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s->listener[which].listen_fd = fd;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 4) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot listen on 127.0.0.1:%u: %s", port, strerror(errno));
    s->port[which] = ntohs(address.sin_port);
    return 0;
}

void sim_listener_hang_up(struct sim_server *s, enum sim_listener_index which)
{
    struct sim_listener *listener = &s->listener[which];
    if (which == SIM_PTY || listener->fd < 0)
        return;
    close(listener->fd);
    listener->fd = -1;
    sim_board_disconnect(&s->board, listener->stream);
}

/* A listener for a caller of the agent: a free one, or that of the oldest who has not proved himself. */
static struct sim_listener *agent_listener(struct sim_server *s)
{
    struct sim_listener *oldest = NULL;
    for (int i = SIM_AGENT; i < SIM_LISTENERS; i++) {
        struct sim_listener *listener = &s->listener[i];
        if (listener->fd < 0)
            return listener;
        if (!sim_board_serves(&s->board, listener->stream) &&
            (!oldest || listener->since_ms < oldest->since_ms))
            oldest = listener;
    }
    return oldest;
}

bool sim_listener_accept(struct sim_server *s, enum sim_listener_index which)
{
    struct sim_listener *listener = &s->listener[which];
    int one = 1;
    int fd = accept4(listener->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return false;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only slower without */
    if (which == SIM_AGENT)
        listener = agent_listener(s);
    if (listener->fd >= 0)
        sim_listener_hang_up(s, (enum sim_listener_index)(listener - s->listener));
    listener->fd = fd;
    listener->since_ms = espota_clock_now_ms(s->options->clock);
    return true;
}

/* When this caller has to be gone. After a restart everybody has to prove himself again. */
static uint64_t due(const struct sim_server *s, const struct sim_listener *listener, uint64_t now)
{
    if (sim_board_serves(&s->board, listener->stream))
        return now - espota_agent_silence_ms(&s->board.agent) + SILENCE_MS;
    uint64_t since = listener->since_ms > s->board.started_ms ? listener->since_ms : s->board.started_ms;
    return since + PROOF_MS;
}

int sim_listeners_expire(struct sim_server *s, uint64_t now)
{
    uint64_t wait = UINT64_MAX;
    for (int i = SIM_AGENT; i < SIM_LISTENERS; i++) {
        if (s->listener[i].fd < 0)
            continue;
        uint64_t when = due(s, &s->listener[i], now);
        if (when <= now)
            sim_listener_hang_up(s, (enum sim_listener_index)i);
        else if (when - now < wait)
            wait = when - now;
    }
    return wait == UINT64_MAX ? -1 : (int)wait;
}

/* Who has not proved himself is not waited for: he could keep everybody else waiting. */
void sim_listener_write(struct sim_server *s, enum sim_listener_index which, const uint8_t *data,
                        size_t length)
{
    const struct sim_listener *listener = &s->listener[which];
    bool may_lose =
        which == SIM_PTY || (which >= SIM_AGENT && !sim_board_serves(&s->board, listener->stream));
    if (listener->fd >= 0)
        write_all(listener->fd, data, length, may_lose);
}

int sim_listeners_open(struct sim_server *s, struct espota_error *error)
{
    const struct espota_sim_options *o = s->options;
    for (int i = 0; i < SIM_LISTENERS; i++)
        s->listener[i] =
            (struct sim_listener){ i < SIM_AGENT ? SIM_UART : (enum sim_stream)(SIM_NETWORK + i - SIM_AGENT),
                                   -1, -1, -1, 0 };
    int result = o->pty ? open_pty(s, error) : 0;
    if (result == 0 && o->tcp)
        result = open_listener(s, SIM_TCP, o->tcp_port, error);
    if (result == 0 && o->rfc2217)
        result = open_listener(s, SIM_RFC2217, o->rfc2217_port, error);
    if (result == 0 && o->network)
        result = open_listener(s, SIM_AGENT, o->network_port, error);
    if (result == 0 && o->pty && o->link)
        result = make_link(s, error);
    return result;
}

void sim_listeners_close(struct sim_server *s)
{
    if (s->linked)
        unlink(s->options->link);
    for (int i = 0; i < SIM_LISTENERS; i++) {
        const int fds[] = { s->listener[i].listen_fd, s->listener[i].fd, s->listener[i].slave };
        for (size_t k = 0; k < sizeof fds / sizeof fds[0]; k++)
            if (fds[k] >= 0)
                close(fds[k]);
    }
}

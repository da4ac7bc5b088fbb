/* The outside of a simulated board: a pseudo-terminal, TCP, and signals for its buttons. */
#include "espota/sim.h"

#include "board.h"
#include "line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* A way to reach the board. */
struct door {
    enum sim_stream stream;
    int listener; /* -1: a pseudo-terminal */
    int fd;       /* -1: nobody is there */
    int slave;    /* of a pseudo-terminal, kept open so that it survives its users; otherwise -1 */
};

enum { PTY, UART_TCP, NETWORK, DOORS };

struct server {
    const struct espota_sim_options *options;
    struct sim_board board;
    struct sim_flash flash;
    struct sim_line line;
    struct door door[DOORS];
    char pty_name[128];
    uint16_t port[DOORS];
    int signals;
    uint64_t received;
    bool linked, disconnected, cut_reported;
};

static int failed(const char *what, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_IO, "cannot %s: %s", what, strerror(errno));
}

/* ---- out ------------------------------------------------------------------------------------------------
 */

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

static void send_bytes(void *context, enum sim_stream stream, const uint8_t *data, size_t length)
{
    struct server *s = context;
    uint8_t copy[1024];
    while (length > 0) {
        size_t chunk = length < sizeof copy ? length : sizeof copy;
        memcpy(copy, data, chunk);
        size_t left = stream == SIM_UART ? sim_line_pass(&s->line, copy, chunk) : chunk;
        for (int i = 0; i < DOORS; i++)
            if (s->door[i].fd >= 0 && s->door[i].stream == stream)
                write_all(s->door[i].fd, copy, left, i == PTY);
        data += chunk;
        length -= chunk;
    }
}

static void set_baud(void *context, uint32_t baud)
{
    struct server *s = context;
    s->line.baud = baud;
}

static void log_line(void *context, const char *line)
{
    struct server *s = context;
    if (s->options->log)
        s->options->log(s->options->context, line);
}

/* ---- doors ----------------------------------------------------------------------------------------------
 */

static int open_pty(struct server *s, struct espota_error *error)
{
    struct door *door = &s->door[PTY];
    struct termios raw;
    if (openpty(&door->fd, &door->slave, s->pty_name, NULL, NULL) != 0)
        return failed("open a pseudo-terminal", error);
    if (tcgetattr(door->slave, &raw) != 0)
        return failed("configure a pseudo-terminal", error);
    cfmakeraw(&raw);
    if (tcsetattr(door->slave, TCSANOW, &raw) != 0 || fcntl(door->fd, F_SETFL, O_NONBLOCK) != 0)
        return failed("configure a pseudo-terminal", error);
    return 0;
}

/* A link that an earlier simulator left is replaced; a file is not. */
static int make_link(struct server *s, struct espota_error *error)
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

static int open_listener(struct server *s, int which, uint16_t port, struct espota_error *error)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s->door[which].listener = fd;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 4) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot listen on 127.0.0.1:%u: %s", port, strerror(errno));
    s->port[which] = ntohs(address.sin_port);
    return 0;
}

static void hang_up(struct server *s, struct door *door)
{
    if (door->listener < 0)
        return; /* a pseudo-terminal stays */
    close(door->fd);
    door->fd = -1;
    sim_board_disconnect(&s->board, door->stream);
}

/* The newest caller has the line: an old one may have died without a word. */
static void accept_caller(struct server *s, struct door *door)
{
    int one = 1;
    int fd = accept4(door->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only slower without */
    if (door->fd >= 0)
        hang_up(s, door);
    door->fd = fd;
}

/* ---- in -------------------------------------------------------------------------------------------------
 */

static bool breaks_now(struct server *s, size_t count)
{
    s->received += count;
    if (s->options->faults.disconnect_after == 0 || s->disconnected ||
        s->received < s->options->faults.disconnect_after)
        return false;
    s->disconnected = true;
    return true;
}

static void report_power(struct server *s)
{
    if (s->flash.powered || s->cut_reported)
        return;
    s->cut_reported = true;
    log_line(s, "power failed; SIGHUP gives it back");
}

static void take_bytes(struct server *s, struct door *door)
{
    uint8_t data[2048];
    ssize_t count = read(door->fd, data, sizeof data);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        hang_up(s, door);
        return;
    }
    if (count < 0)
        return;
    size_t length = (size_t)count;
    bool breaks = breaks_now(s, length);
    if (door->stream == SIM_UART)
        length = sim_line_pass(&s->line, data, length);
    sim_board_input(&s->board, door->stream, data, length);
    report_power(s);
    if (breaks && door->fd >= 0)
        hang_up(s, door);
}

/* @return false when it is time to end. */
static bool take_signal(struct server *s)
{
    struct signalfd_siginfo info;
    if (read(s->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return true;
    s->cut_reported = false;
    if (info.ssi_signo == SIGHUP)
        s->flash.cut = SIM_CUT_NONE;
    if (info.ssi_signo == SIGUSR1 || info.ssi_signo == SIGHUP)
        sim_board_reset(&s->board, false);
    else if (info.ssi_signo == SIGUSR2)
        sim_board_reset(&s->board, true);
    return info.ssi_signo != SIGINT && info.ssi_signo != SIGTERM;
}

static int serve(struct server *s, struct espota_error *error)
{
    for (;;) {
        struct pollfd p[1 + 2 * DOORS] = { { s->signals, POLLIN, 0 } };
        for (int i = 0; i < DOORS; i++) {
            p[1 + 2 * i] = (struct pollfd){ s->door[i].listener, POLLIN, 0 };
            p[2 + 2 * i] = (struct pollfd){ s->door[i].fd, POLLIN, 0 };
        }
        if (poll(p, 1 + 2 * DOORS, -1) < 0) {
            if (errno == EINTR)
                continue;
            return failed("wait for something to happen", error);
        }
        if (p[0].revents && !take_signal(s))
            return 0;
        for (int i = 0; i < DOORS; i++) {
            if (p[2 + 2 * i].revents)
                take_bytes(s, &s->door[i]);
            if (p[1 + 2 * i].revents)
                accept_caller(s, &s->door[i]);
        }
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------
 */

static int open_doors(struct server *s, struct espota_error *error)
{
    const struct espota_sim_options *o = s->options;
    int result = o->pty ? open_pty(s, error) : 0;
    if (result == 0 && o->tcp)
        result = open_listener(s, UART_TCP, o->tcp_port, error);
    if (result == 0 && o->network)
        result = open_listener(s, NETWORK, o->network_port, error);
    if (result == 0 && o->pty && o->link)
        result = make_link(s, error);
    return result;
}

static void close_doors(struct server *s)
{
    if (s->linked)
        unlink(s->options->link);
    for (int i = 0; i < DOORS; i++) {
        const int fds[] = { s->door[i].listener, s->door[i].fd, s->door[i].slave };
        for (size_t k = 0; k < sizeof fds / sizeof fds[0]; k++)
            if (fds[k] >= 0)
                close(fds[k]);
    }
    if (s->signals >= 0)
        close(s->signals);
}

static int open_signals(struct server *s, struct espota_error *error)
{
    static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        sigaddset(&set, wanted[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || (s->signals = signalfd(-1, &set, SFD_CLOEXEC)) < 0)
        return failed("take signals", error);
    return 0;
}

static int power_on(struct server *s, struct espota_error *error)
{
    const struct espota_sim_options *o = s->options;
    struct sim_board_options board = {
        .chip = o->chip,
        .mac = { 0x24, 0x0a, 0xc4, 0x00, 0x01, 0x10 },
        .rollback = o->rollback,
        .key = o->key,
        .key_length = o->key_length,
        .table_offset = ESPOTA_TABLE_DEFAULT_OFFSET,
        .context = s,
        .send = send_bytes,
        .log = log_line,
        .baud = set_baud,
    };
    s->flash.real_time = o->real_time;
    s->flash.cut = (enum sim_cut)o->faults.power_cut_kind;
    s->flash.cut_at = o->faults.power_cut_at;
    int result = sim_board_init(&s->board, &s->flash, &board, error);
    if (result == 0)
        sim_board_reset(&s->board, o->download);
    return result;
}

int espota_sim_run(const struct espota_sim_options *options, struct espota_error *error)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        return espota_fail_memory(error, "simulating");
    s->options = options;
    s->signals = -1;
    s->door[PTY] = (struct door){ SIM_UART, -1, -1, -1 };
    s->door[UART_TCP] = (struct door){ SIM_UART, -1, -1, -1 };
    s->door[NETWORK] = (struct door){ SIM_NETWORK, -1, -1, -1 };
    sim_line_init(&s->line, options);
    int result = sim_flash_open(&s->flash, options->flash_file, options->flash_size, error);
    if (result == 0) {
        result = open_signals(s, error);
        if (result == 0)
            result = open_doors(s, error);
        if (result == 0 && options->ready)
            options->ready(options->context, options->pty ? s->pty_name : NULL, s->port[UART_TCP],
                           s->port[NETWORK]);
        if (result == 0)
            result = power_on(s, error);
        if (result == 0) {
            result = serve(s, error);
            sim_board_end(&s->board);
        }
        close_doors(s);
        sim_flash_close(&s->flash);
    }
    free(s);
    return result;
}

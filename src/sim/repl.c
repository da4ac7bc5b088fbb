/* A simulated board with MicroPython: python3 plays it, on listeners and flash of ours. */
#include "repl_script.h"
#include "server.h"

#include "espota/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_PYTHON = 127 };

static int failed(const char *what, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_IO, "cannot %s: %s", what, strerror(errno));
}

/* ---- the child ------------------------------------------------------------------------------------------
 */

static int script_file(void)
{
    size_t size = 0;
    const char *script = sim_repl_script(&size);
    int fd = memfd_create("board.py", 0);
    if (fd >= 0 && write(fd, script, size) != (ssize_t)size) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool inherit(int fd, char text[16])
{
    snprintf(text, 16, "%d", fd);
    return fd < 0 || fcntl(fd, F_SETFD, 0) == 0;
}

/* In the child: it ends when its parent does, however that ends. */
static void become_board(const struct sim_server *s, pid_t parent, int script, int status)
{
    const struct espota_sim_options *o = s->options;
    char path[32], fds[4][16];
    sigset_t none;
    int input = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigemptyset(&none);
    snprintf(path, sizeof path, "/proc/self/fd/%d", script);
    if (input >= 0 && dup2(input, STDIN_FILENO) >= 0 && dup2(input, STDOUT_FILENO) >= 0 &&
        prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && inherit(status, fds[0]) &&
        inherit(s->listener[SIM_PTY].fd, fds[1]) && inherit(s->listener[SIM_TCP].listen_fd, fds[2]) &&
        inherit(s->listener[SIM_AGENT].listen_fd, fds[3]) && sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
        setenv("WEBREPL_PASSWORD", o->password ? o->password : "", 1) == 0)
        execlp("python3", "python3", "-I", path, o->flash_file, o->repl_like ? o->repl_like : "current",
               fds[0], fds[1], fds[2], fds[3], (char *)NULL);
    _exit(NO_PYTHON);
}

static int start_board(const struct sim_server *s, pid_t *child, int *status, struct espota_error *error)
{
    pid_t parent = getpid();
    int ends[2] = { -1, -1 }, script = script_file();
    if (script < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        if (script >= 0)
            close(script);
        return failed("start a board", error);
    }
    *child = fork();
    if (*child == 0)
        become_board(s, parent, script, ends[1]);
    int reason = errno;
    close(script);
    close(ends[1]);
    *status = ends[0];
    errno = reason;
    return *child < 0 ? failed("start a board", error) : 0;
}

/* It says in one line whether it runs. */
static int await_board(const struct sim_server *s, int status, struct espota_error *error)
{
    char word[32] = "";
    ssize_t got;
    do
        got = read(status, word, sizeof word - 1);
    while (got < 0 && errno == EINTR);
    if (got > 0 && strcmp(word, "up\n") == 0)
        return 0;
    if (got > 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "nothing boots from %s: flash it first",
                           s->options->flash_file);
    return espota_fail(
        error, ESPOTA_ERR_FAILED,
        "no board was started: python3, which plays a board with MicroPython, is not here or is "
        "older than 3.8; on Debian it is the package python3");
}

static int end_board(pid_t child)
{
    int status = 0;
    (void)kill(child, SIGKILL); /* flash is written at once: nothing is lost */
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

/* ---- the parent -----------------------------------------------------------------------------------------
 */

/* Until a signal ends it. The power that SIGHUP gives back starts it as a reset does. */
static int serve(struct sim_server *s, pid_t child, struct espota_error *error)
{
    for (;;) {
        struct signalfd_siginfo info;
        ssize_t got = read(s->signals, &info, sizeof info);
        if (got < 0 && errno != EINTR)
            return failed("wait for something to happen", error);
        if (got != (ssize_t)sizeof info)
            continue;
        if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM)
            return 0;
        if (info.ssi_signo == SIGCHLD)
            return espota_fail(error, ESPOTA_ERR_FAILED, "the board with MicroPython has ended by itself");
        (void)kill(child, SIGUSR1);
    }
}

static int run(struct sim_server *s, struct espota_error *error)
{
    const struct espota_sim_options *o = s->options;
    pid_t child = -1;
    int status = -1, result = sim_server_take_signals(s, SIGCHLD, error);
    if (result == 0)
        result = sim_listeners_open(s, error);
    if (result == 0)
        result = start_board(s, &child, &status, error);
    if (result == 0)
        result = await_board(s, status, error);
    const struct espota_sim_listeners listeners = { .pty = o->pty ? s->pty_name : NULL,
                                                    .tcp_port = s->port[SIM_TCP],
                                                    .webrepl_port = s->port[SIM_AGENT] };
    if (result == 0 && o->ready)
        o->ready(o->context, &listeners);
    if (result == 0)
        result = serve(s, child, error);
    if (child > 0)
        (void)end_board(child);
    if (status >= 0)
        close(status);
    sim_listeners_close(s);
    if (s->signals >= 0)
        close(s->signals);
    return result;
}

int espota_sim_run_repl(const struct espota_sim_options *options, struct espota_error *error)
{
    struct espota_sim_options own = *options;
    struct sim_server *s = calloc(1, sizeof *s);
    if (!s)
        return espota_fail_memory(error, "simulating");
    own.network = options->webrepl; /* it listens where the agent of another app would */
    own.network_port = options->webrepl_port;
    s->options = &own;
    s->signals = -1;
    for (int i = 0; i < SIM_LISTENERS; i++)
        s->listener[i] = (struct sim_listener){ SIM_UART, -1, -1, -1, 0 };
    int result = sim_flash_open(&s->flash, own.flash_file, own.flash_size, error);
    if (result == 0) {
        result = run(s, error);
        sim_flash_close(&s->flash); /* until then nobody else may have it */
    }
    free(s);
    return result;
}

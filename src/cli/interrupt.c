/* Ctrl-C as a question that is asked between two steps. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

int cli_catch_interrupts(struct cli *cli, struct espota_error *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        (cli->interrupts = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot listen to Ctrl-C: %s", strerror(errno));
    return 0;
}

bool cli_interrupted(void *context)
{
    struct cli *cli = context;
    struct signalfd_siginfo info;
    if (!cli->interrupted && cli->interrupts >= 0 &&
        read(cli->interrupts, &info, sizeof info) == (ssize_t)sizeof info)
        cli->interrupted = true;
    return cli->interrupted;
}

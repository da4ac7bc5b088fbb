/* Ctrl-C: the end while no device is in hand, then a question that is asked between two steps. The second one
 * is always the end. */
#include "cli.h"

#include <signal.h>
#include <stdatomic.h>

/* A signal handler has no other way to say something; of many devices, to several threads. */
static atomic_int received, asks;
/* What is done now leaves things in order; of many devices, with this one's. */
static _Thread_local bool heeded;

static void take(int number)
{
    if (asks && !received) {
        received = number;
        return;
    }
    signal(number, SIG_DFL); /* blocked until the handler returns, so it takes effect then */
    raise(number);
}

void cli_start_interrupts(void)
{
    struct sigaction action = { .sa_handler = take };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL); /* cannot fail: both signals exist and can be caught */
    sigaction(SIGTERM, &action, NULL);
}

/* A terminal that goes away is one more request, unless nohup(1) said otherwise. */
void cli_catch_interrupts(void)
{
    struct sigaction action = { .sa_handler = take }, before;
    sigemptyset(&action.sa_mask);
    asks = 1;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        sigaction(SIGHUP, &action, NULL);
}

bool cli_interrupted(void *context)
{
    (void)context;
    return received && !heeded;
}

void cli_let_finish(void)
{
    heeded = true;
}

bool cli_ended_by_request(void)
{
    if (received != SIGTERM)
        return false;
    received = 0;
    return true;
}

void cli_end_if_interrupted(void)
{
    if (!received)
        return;
    signal(received, SIG_DFL);
    raise(received);
}

#include "lookup.h"

#include "base/timed_condition.h"
#include "espota/clock.h"
#include "espota/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STACK = 512 << 10, LOOK_MS = 100 };

static const struct addrinfo tcp = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

/* Of two threads: that which looks up, and that which waits for it, perhaps not to the end. */
struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t news;
    char host[256], port[8];
    bool done, left; /* the one has ended, the other waits no more */
    int result;
    struct addrinfo *list;
};

static void drop(struct lookup *l)
{
    pthread_cond_destroy(&l->news);
    pthread_mutex_destroy(&l->lock);
    if (l->list)
        freeaddrinfo(l->list);
    free(l);
}

static void *look_up(void *argument)
{
    struct lookup *l = argument;
    struct addrinfo *list = NULL;
    int result = getaddrinfo(l->host, l->port, &tcp, &list);
    pthread_mutex_lock(&l->lock);
    l->result = result;
    l->list = result == 0 ? list : NULL;
    l->done = true;
    bool last = l->left;
    pthread_cond_signal(&l->news);
    pthread_mutex_unlock(&l->lock);
    if (last)
        drop(l);
    return NULL;
}

static bool start(struct lookup *l)
{
    pthread_t thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    bool started = pthread_attr_setstacksize(&attributes, STACK) == 0 &&
                   pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                   pthread_create(&thread, &attributes, look_up, l) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

static struct lookup *new_lookup(const char *host, const char *port)
{
    struct lookup *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    if (!timed_condition_begin(&l->news, &l->lock)) {
        free(l);
        return NULL;
    }
    snprintf(l->host, sizeof l->host, "%s", host);
    snprintf(l->port, sizeof l->port, "%s", port);
    return l;
}

static void wait_a_while(struct lookup *l)
{
    const struct timespec until = timed_condition_until(LOOK_MS);
    (void)pthread_cond_timedwait(&l->news, &l->lock, &until);
}

static int fail(struct espota_error *error, const char *host, const char *why)
{
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE, "cannot find host '%s': %s", host, why);
}

/* Wait for it, and take what it found. */
static int await(struct lookup *l, struct addrinfo **list, const struct espota_link_patience *patience,
                 uint64_t deadline_ms, struct espota_error *error)
{
    char host[sizeof l->host];
    snprintf(host, sizeof host, "%s", l->host);
    bool stop = false;
    pthread_mutex_lock(&l->lock);
    while (!l->done && !stop && espota_now_ms() < deadline_ms) {
        wait_a_while(l);
        stop = patience->cancelled && patience->cancelled(patience->context);
    }
    bool done = l->done;
    int result = l->result;
    l->left = true;
    *list = l->list;
    l->list = NULL;
    pthread_mutex_unlock(&l->lock);
    if (done)
        drop(l);
    if (done)
        return result == 0 ? 0 : fail(error, host, gai_strerror(result));
    return stop ? espota_fail(error, ESPOTA_ERR_CANCELLED, "stopped on request while looking for '%s'", host)
                : fail(error, host, "no name server answers in time");
}

int espota_link_look_up(struct addrinfo **list, const char *host, const char *port,
                        const struct espota_link_patience *patience, uint64_t deadline_ms,
                        struct espota_error *error)
{
    struct addrinfo number = tcp;
    number.ai_flags = AI_NUMERICHOST;
    if (getaddrinfo(host, port, &number, list) == 0)
        return 0;
    struct lookup *l = new_lookup(host, port);
    if (!l)
        return espota_fail_memory(error, "opening a connection");
    if (start(l))
        return await(l, list, patience, deadline_ms, error);
    drop(l);
    int result = getaddrinfo(host, port, &tcp, list); /* no thread is to be had */
    return result == 0 ? 0 : fail(error, host, gai_strerror(result));
}

#include "timed_condition.h"

enum { LOOK_MS = 100 };

bool timed_condition_begin(pthread_cond_t *condition, pthread_mutex_t *lock)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool begun = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                 pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    if (begun && pthread_mutex_init(lock, NULL) != 0) {
        pthread_cond_destroy(condition);
        return false;
    }
    return begun;
}

struct timespec timed_condition_until(unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

void timed_condition_look(pthread_cond_t *condition, pthread_mutex_t *lock)
{
    const struct timespec until = timed_condition_until(LOOK_MS);
    (void)pthread_cond_timedwait(condition, lock, &until);
}

/* A lock, and a condition that is waited for up to a time, by a clock that nobody sets. */
#ifndef ESPOTA_BASE_TIMED_CONDITION_H
#define ESPOTA_BASE_TIMED_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

/* Begin both. @return false, with neither begun, when the system has no room for them. */
bool timed_condition_begin(pthread_cond_t *condition, pthread_mutex_t *lock);

/* For pthread_cond_timedwait on such a condition: `ms` from now on. */
struct timespec timed_condition_until(unsigned ms);

/* Wait for news, but no longer than until it is time to look whether to stop. */
void timed_condition_look(pthread_cond_t *condition, pthread_mutex_t *lock);

#endif

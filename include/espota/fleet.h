/** The same work on many devices at once: a thread for each that is being worked on, at most so many at a
 * time, the canaries before all others. It knows nothing of what the work is, and keeps nothing when it is
 * done. */
#ifndef ESPOTA_FLEET_H
#define ESPOTA_FLEET_H

#pragma GCC visibility push(default)

#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { ESPOTA_FLEET_MOST_JOBS = 1024 };

struct espota_fleet_request {
    size_t count;    /* of devices */
    unsigned jobs;   /* at most so many at a time, up to ESPOTA_FLEET_MOST_JOBS; 0: all that it may be */
    size_t canaries; /* the first so many are done first; unless all of them end well, the others are not
                        begun */
    void *context;
    /** Work on a device, from a thread that does nothing else. @return 0, or an error of enum espota_status.
     */
    int (*work)(void *context, size_t device, struct espota_error *error);
    /** It has ended so. From the thread that called espota_fleet_run, one at a time, in the order of their
     * ends. May be NULL. */
    void (*ended)(void *context, size_t device, int result, const struct espota_error *error);
    /** Shall no more be begun? Those that are at work have to ask for themselves. Asked before each. May be
     * NULL. */
    bool (*cancelled)(void *context);
};

struct espota_fleet_result {
    size_t done, failed, not_begun;
    int status; /* 0: all done; the status of those that failed where it is one, else ESPOTA_ERR_FAILED */
};

/** Do it. Devices that fail are counted, and hold back nobody but those behind canaries.
 * @return 0 also when devices failed; ESPOTA_ERR_IO when no thread can be had for any. */
int espota_fleet_run(const struct espota_fleet_request *request, struct espota_fleet_result *result,
                     struct espota_error *error);

#pragma GCC visibility pop

#endif

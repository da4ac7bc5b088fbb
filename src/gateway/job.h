/* What is done with a device, on a thread of its own. */
#ifndef ESPOTA_GATEWAY_JOB_H
#define ESPOTA_GATEWAY_JOB_H

#include "artifacts.h"

#include "espota/gateway.h"

#include <pthread.h>
#include <stdatomic.h>

enum job_kind {
    JOB_DESCRIBE, /* what it is, and what it runs */
    JOB_FETCH,    /* the artifacts alone */
    JOB_UPDATE,
};

enum job_end {
    JOB_DONE,
    JOB_AWAY,   /* the device cannot be reached now; or the artifact */
    JOB_UNSURE, /* something went wrong that may go well another time */
    JOB_FAILED, /* and would again */
    JOB_CANCELLED,
};

enum { JOB_ATTRIBUTES = 12, JOB_VALUE = 128 };

struct job {
    const struct espota_gateway_options *options;
    struct artifacts *artifacts;
    size_t device;
    enum job_kind kind;
    const struct espota_ddi_deployment *deployment; /* constant while it runs */
    const char *authorization;
    void (*ended)(void *context); /* from its thread, the last thing it does */
    void *context;
    pthread_t thread;
    atomic_bool cancel, over;
    atomic_uint percent;
    /* when it is over */
    enum job_end end;
    struct espota_error error; /* unless JOB_DONE */
    bool already;              /* it ran that image before */
    uint64_t sent;             /* bytes */
    size_t image_size;
    struct espota_ddi_attribute attribute[JOB_ATTRIBUTES];
    char value[JOB_ATTRIBUTES][JOB_VALUE];
    size_t attributes; /* 0: not known */
};

/* Begin; `job` is filled in up to `context`. @return 0, or ESPOTA_ERR_IO where no thread can be had. */
int job_begin(struct job *job, struct espota_error *error);
/* When it is over: its thread is gone. */
void job_join(struct job *job);

#endif

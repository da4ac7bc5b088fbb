#include "espota/fleet.h"

#include "espota/error.h"

#include <pthread.h>
#include <stdlib.h>

enum { STACK = 1 << 20 };

struct job {
    struct fleet *fleet;
    size_t device;
    int result;
    struct espota_error error;
    struct job *next; /* that has ended */
    pthread_t thread;
};

struct fleet {
    const struct espota_fleet_request *request;
    struct espota_fleet_result *result;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct job *ended, **last; /* the queue of those that nobody has been told of */
    size_t running;
    bool no_thread; /* was to be had, and none was running */
};

static void *work(void *argument)
{
    struct job *job = argument;
    struct fleet *fleet = job->fleet;
    job->result = fleet->request->work(fleet->request->context, job->device, &job->error);
    pthread_mutex_lock(&fleet->lock);
    *fleet->last = job;
    fleet->last = &job->next;
    pthread_cond_signal(&fleet->news);
    pthread_mutex_unlock(&fleet->lock);
    return NULL;
}

static bool begin(struct fleet *fleet, size_t device)
{
    struct job *job = calloc(1, sizeof *job);
    pthread_attr_t attributes;
    if (!job || pthread_attr_init(&attributes) != 0) {
        free(job);
        return false;
    }
    *job = (struct job){ .fleet = fleet, .device = device };
    bool begun = pthread_attr_setstacksize(&attributes, STACK) == 0 &&
                 pthread_create(&job->thread, &attributes, work, job) == 0;
    pthread_attr_destroy(&attributes);
    if (begun)
        fleet->running++;
    else
        free(job);
    return begun;
}

static void count(struct espota_fleet_result *result, int status)
{
    if (status == 0) {
        result->done++;
        return;
    }
    result->status = result->failed == 0 || result->status == status ? status : ESPOTA_ERR_FAILED;
    result->failed++;
}

/* Wait for one that has ended, and tell. */
static void take_one(struct fleet *fleet)
{
    const struct espota_fleet_request *request = fleet->request;
    pthread_mutex_lock(&fleet->lock);
    while (!fleet->ended)
        pthread_cond_wait(&fleet->news, &fleet->lock);
    struct job *job = fleet->ended;
    fleet->ended = job->next;
    if (!fleet->ended)
        fleet->last = &fleet->ended;
    fleet->running--;
    pthread_mutex_unlock(&fleet->lock);
    pthread_join(job->thread, NULL); /* what libraries keep for a thread goes with it */
    count(fleet->result, job->result);
    if (request->ended)
        request->ended(request->context, job->device, job->result, &job->error);
    free(job);
}

/* All from `first` to before `end`. @return how many were begun; fewer when no thread is to be had or it is
 * to stop. */
static size_t run_some(struct fleet *fleet, size_t first, size_t end, size_t jobs)
{
    const struct espota_fleet_request *request = fleet->request;
    size_t next = first;
    while (next < end && !fleet->no_thread && !(request->cancelled && request->cancelled(request->context))) {
        if (fleet->running < jobs && begin(fleet, next))
            next++;
        else if (fleet->running > 0)
            take_one(fleet);
        else
            fleet->no_thread = true;
    }
    while (fleet->running > 0)
        take_one(fleet);
    return next - first;
}

int espota_fleet_run(const struct espota_fleet_request *request, struct espota_fleet_result *result,
                     struct espota_error *error)
{
    struct fleet fleet = { .request = request, .result = result };
    size_t jobs =
        request->jobs == 0 || request->jobs > ESPOTA_FLEET_MOST_JOBS ? ESPOTA_FLEET_MOST_JOBS : request->jobs;
    size_t canaries = request->canaries < request->count ? request->canaries : request->count;
    *result = (struct espota_fleet_result){ 0 };
    fleet.last = &fleet.ended;
    pthread_mutex_init(&fleet.lock, NULL); /* with these attributes they cannot fail */
    pthread_cond_init(&fleet.news, NULL);
    size_t begun = run_some(&fleet, 0, canaries, jobs);
    if (begun == canaries && result->failed == 0)
        begun += run_some(&fleet, canaries, request->count, jobs);
    result->not_begun = request->count - begun;
    pthread_cond_destroy(&fleet.news);
    pthread_mutex_destroy(&fleet.lock);
    if (fleet.no_thread && begun == 0)
        return espota_fail(error, ESPOTA_ERR_IO,
                           "cannot begin to work on %zu devices: the system has no thread for it",
                           request->count);
    if (result->not_begun > 0 && result->status == 0)
        result->status = ESPOTA_ERR_FAILED;
    return 0;
}

/* One device of the gateway: what the server wants of it, and what is under way. All on the gateway's thread.
 */
#ifndef ESPOTA_GATEWAY_UNIT_H
#define ESPOTA_GATEWAY_UNIT_H

#include "http.h"
#include "job.h"

#include "espota/ddi.h"
#include "espota/gateway.h"

#include <stdbool.h>
#include <stdint.h>

/* What is counted, for all of them. */
struct gateway_counts {
    uint64_t polls, poll_errors, updates_done, updates_failed, updates_cancelled, away;
};

/* Something that goes wrong again and again, and is not to be told each time. */
struct trouble {
    unsigned times; /* since it went well */
    bool told;
    uint64_t told_ms;
};

struct gateway {
    const struct espota_gateway_options *options;
    struct gateway_http *http;
    struct artifacts *artifacts;
    struct unit *unit;
    char *server, *base, *gateway_authorization;
    size_t first;               /* device to be looked at next time */
    size_t running, describing; /* jobs; of these, those that only look */
    struct trouble reaching;    /* the server */
    struct gateway_counts counts;
    uint64_t metrics_ms;
};

/* A request whose answer has to be one of success, until it is. */
struct report {
    char *url, *body;
    const char *method;
};

enum { UNIT_REPORTS = 4, UNIT_ENDED = 4 };

/* Actions that ended here: whoever repeats them, or brings ever more, is not to wear out a device. */
struct history {
    char id[UNIT_ENDED][ESPOTA_DDI_ID]; /* of the last ones */
    unsigned next;
    unsigned repeats;  /* so many times the server offered one of them again */
    unsigned failures; /* in a row */
    unsigned lately;   /* without a rest of an hour */
    uint64_t ended_ms; /* the last one */
};

/* What is to be installed. */
struct action {
    struct espota_ddi_deployment deployment;
    char *url;              /* without its query */
    bool started;           /* the server knows */
    bool fetched;           /* it was told that all is there, and waits for its time */
    bool ended;             /* the server was told, or will be */
    bool abandoned;         /* by the server */
    bool renew;             /* ask again what is wanted: it may be its time now */
    struct trouble waiting; /* attempts that ended in JOB_AWAY, or JOB_UNSURE */
    unsigned unsure;        /* those in JOB_UNSURE */
    unsigned told_percent;
    uint64_t retry_ms;
    char cancel_id[ESPOTA_DDI_ID]; /* the server wants it cancelled; empty: no */
    char *cancel_url;
};

struct unit {
    struct gateway *gateway;
    size_t index;
    char *url;           /* where it polls */
    char *authorization; /* of its own; NULL: the gateway's */
    char *etag;
    char *consented; /* the address that it gave its consent to */
    struct history history;
    struct espota_ddi_poll poll;
    bool wants_attributes, wants_consent, wants_deployment, wants_cancel;
    bool asking; /* a request is on its way */
    uint64_t poll_ms, sleep_ms, describe_ms, deployment_ms;
    struct trouble polling, deploying, cancelling, reporting, looking;
    unsigned thread_errors;
    struct report report[UNIT_REPORTS];
    size_t reports;
    uint64_t report_ms;
    struct action *action;
    struct job *job;
};

int unit_begin(struct unit *unit, struct gateway *gateway, size_t index, uint64_t now,
               struct espota_error *error);
void unit_free(struct unit *unit);
/* Do what is due. @return when something is due again. */
uint64_t unit_step(struct unit *unit, uint64_t now);

void gateway_tell(const struct gateway *gateway, size_t device, enum espota_gateway_event event,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* It went wrong once more: told when that begins, and each hour. One that comes and goes is not told each
 * time. */
void gateway_complain(const struct gateway *gateway, size_t device, struct trouble *trouble,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
/* It went well: told, where the trouble was. */
void gateway_relieve(const struct gateway *gateway, size_t device, struct trouble *trouble, const char *text);
/* How long to wait after so many failures: from 10 s on twice as long each time, with some chance in it. */
uint64_t gateway_pause_ms(const struct gateway *gateway, unsigned failures);

#endif

/* An action of the server, and the jobs that it takes. */
#ifndef ESPOTA_GATEWAY_ACTION_H
#define ESPOTA_GATEWAY_ACTION_H

#include "unit.h"

void unit_free_action(struct action *action);
/* What the server wants after it is asked anew. */
void unit_end_action(struct unit *u);
/* Its action is being worked on. */
bool unit_is_at_work(const struct unit *u);
/* How long an action has to wait because of those before it. */
uint64_t unit_pause_before(struct unit *u, const char *id, uint64_t now);
/* What the server said of itself last is not to be gone by. */
void unit_forget_etag(struct unit *u);
/* The value of that header for this device; NULL: none. */
const char *unit_authorization(const struct unit *u);
/* Take the job that is over; begin the one that is due, where there is room. */
void unit_step_jobs(struct unit *u, uint64_t now);
/* When the next one is due; UINT64_MAX: not before something else happens. */
uint64_t unit_job_due(const struct unit *u);

#endif

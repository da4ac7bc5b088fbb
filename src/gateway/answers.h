/* What the server answers a device: functions for struct gateway_request, with the unit as their context. */
#ifndef ESPOTA_GATEWAY_ANSWERS_H
#define ESPOTA_GATEWAY_ANSWERS_H

#include "unit.h"

gateway_answer_fn unit_poll_answered, unit_deployment_answered, unit_cancel_answered, unit_report_answered;
/* The shortest pause between two polls. */
unsigned unit_shortest_poll_ms(const struct gateway *g);

#endif

/* What a device tells the server: each report is kept until the server has heard it, in their order. */
#ifndef ESPOTA_GATEWAY_REPORT_H
#define ESPOTA_GATEWAY_REPORT_H

#include "unit.h"

/* To the address `url` with `path` behind it. Takes `body`; NULL: memory was short, and the server will not
 * hear of it. */
void unit_report(struct unit *u, const char *method, const char *url, const char *path, char *body);
/* The first one was heard, or never will be. */
void unit_drop_report(struct unit *u);
/* How far the action is. */
void unit_feed_back(struct unit *u, enum espota_ddi_execution execution, enum espota_ddi_finished finished,
                    const char *detail);
/* What its job found out. `version` of the software as the server calls it; NULL: as the app does. */
void unit_report_attributes(struct unit *u, const char *version);
/* What became of a cancellation. */
void unit_answer_cancel(struct unit *u, const char *url, const char *id, bool cancelled);
/* An address of the server without its query, for the caller to free; NULL: memory is short. */
char *unit_without_query(const char *url);

#endif

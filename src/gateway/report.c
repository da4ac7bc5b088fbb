/* What a device tells the server: kept until it was heard. */
#include "report.h"

#include "espota/ddi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes `body`; NULL: memory was short, and the server will not hear of it. */
void unit_report(struct unit *u, const char *method, const char *url, const char *path, char *body)
{
    char *whole = NULL;
    if (u->reports == UNIT_REPORTS || !body || asprintf(&whole, "%s%s", url, path) < 0) {
        free(body);
        return;
    }
    u->report[u->reports++] = (struct report){ whole, body, method };
}

void unit_drop_report(struct unit *u)
{
    free(u->report[0].url);
    free(u->report[0].body);
    memmove(&u->report[0], &u->report[1], (u->reports - 1) * sizeof u->report[0]);
    u->reports--;
    u->report_ms = 0;
}

char *unit_without_query(const char *url)
{
    return strndup(url, strcspn(url, "?#"));
}

void unit_feed_back(struct unit *u, enum espota_ddi_execution execution, enum espota_ddi_finished finished,
                    const char *detail)
{
    const struct espota_ddi_feedback f = { .id = u->action->deployment.id,
                                           .execution = execution,
                                           .finished = finished,
                                           .done = u->action->told_percent,
                                           .of = 100,
                                           .detail = detail };
    unit_report(u, "POST", u->action->url, "/feedback", espota_ddi_feedback_text(&f));
}

/* `version` of the software as the server calls it; NULL: as the app does. */
void unit_report_attributes(struct unit *u, const char *version)
{
    struct job *job = u->job;
    for (size_t i = 0; version && version[0] && i < job->attributes; i++)
        if (strcmp(job->attribute[i].key, "sw_version") == 0)
            job->attribute[i].value = version;
    unit_report(u, "PUT", u->url, "/configData", espota_ddi_attributes_text(job->attribute, job->attributes));
}

void unit_answer_cancel(struct unit *u, const char *url, const char *id, bool cancelled)
{
    const struct espota_ddi_feedback f = {
        .id = id,
        .execution = cancelled ? ESPOTA_DDI_CLOSED : ESPOTA_DDI_REJECTED,
        .finished = cancelled ? ESPOTA_DDI_SUCCESS : ESPOTA_DDI_NONE,
        .done = cancelled,
        .of = 1,
        .detail = cancelled ? "stopped" : "too late: the new app boots next",
    };
    unit_report(u, "POST", url, "/feedback", espota_ddi_feedback_text(&f));
}

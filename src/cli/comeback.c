#include "comeback.h"

#include "espota/clock.h"
#include "espota/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BETWEEN_TRIES_MS = 200, SLEEP_MS = 20 };

void comeback_remember(struct comeback *c, const struct espota_link *link)
{
    struct espota_port *ports = NULL;
    struct espota_error ignored;
    size_t count = 0;
    memset(c, 0, sizeof *c);
    if (!link->usb_vid || espota_ports_list(&ports, &count, &ignored) != 0)
        return;
    for (size_t i = 0; i < count; i++)
        if (strcmp(ports[i].path, link->name) == 0)
            c->port = ports[i];
    free(ports);
}

bool comeback_is_possible(const struct espota_link *link)
{
    return espota_link_can_reopen(link);
}

void comeback_begin(struct comeback *c)
{
    c->gone = true;
    c->tried_ms = espota_now_ms();
}

const struct espota_port *comeback_find(const struct espota_port *wanted, const struct espota_port *ports,
                                        size_t count)
{
    const struct espota_port *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!wanted->vid || ports[i].vid != wanted->vid || ports[i].pid != wanted->pid ||
            strcmp(ports[i].serial, wanted->serial) != 0)
            continue;
        if (found)
            return NULL; /* two that look the same */
        found = &ports[i];
    }
    return found;
}

/* The same device at another path. */
static struct espota_link *open_elsewhere(const struct comeback *c, const struct espota_link *link)
{
    struct espota_port *ports = NULL;
    struct espota_link *other = NULL;
    struct espota_error ignored;
    size_t count = 0;
    if (!c->port.vid || espota_ports_list(&ports, &count, &ignored) != 0)
        return NULL;
    const struct espota_port *found = comeback_find(&c->port, ports, count);
    if (found && strcmp(found->path, link->name) != 0 &&
        espota_link_open(&other, found->path, link->baud, &ignored) != 0)
        other = NULL;
    free(ports);
    return other;
}

static void replace(struct espota_link **link, struct espota_link *other)
{
    struct espota_link *old = *link;
    other->clock = old->clock;
    other->trace = old->trace;
    other->trace_context = old->trace_context;
    other->cancelled = old->cancelled;
    other->cancelled_context = old->cancelled_context;
    espota_link_close(old); /* with what it had not read */
    *link = other;
}

bool comeback_try(struct comeback *c, struct espota_link **link)
{
    struct espota_error ignored;
    uint64_t now = espota_now_ms();
    if (now - c->tried_ms < BETWEEN_TRIES_MS) {
        espota_sleep_ms(SLEEP_MS);
        return false;
    }
    c->tried_ms = now;
    struct espota_link *other = NULL;
    if (espota_link_reopen(*link, 0, &ignored) != 0) {
        other = open_elsewhere(c, *link);
        if (!other)
            return false;
        replace(link, other);
    }
    c->gone = false;
    return true;
}

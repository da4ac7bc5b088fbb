/* A port whose device leaves the bus, and comes back: at the same path, or, where its USB device is known
 * again, at another one. */
#ifndef ESPOTA_CLI_COMEBACK_H
#define ESPOTA_CLI_COMEBACK_H

#include "espota/link.h"
#include "espota/ports.h"

#include <stdbool.h>
#include <stdint.h>

struct comeback {
    bool gone;
    uint64_t tried_ms;
    struct espota_port port; /* the USB device; vid 0: not known */
};

/* While the device is there: which one it is. */
void comeback_remember(struct comeback *comeback, const struct espota_link *link);

bool comeback_is_possible(const struct espota_link *link);

/* It is gone. */
void comeback_begin(struct comeback *comeback);

/* Is it back? Looks a few times a second, and sleeps a little otherwise. `*link` may become another one. */
bool comeback_try(struct comeback *comeback, struct espota_link **link);

/* Which of `ports` is the device that was remembered; NULL: none, or it cannot be told. */
const struct espota_port *comeback_find(const struct espota_port *wanted, const struct espota_port *ports,
                                        size_t count);

#endif

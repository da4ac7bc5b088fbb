/** A device that fetches images by itself: the request PULL of the agent, and what is done about it.
 *
 * The puller is a host within the device. It has an agent of its own, with a session of its own, which nobody
 * else can reach, and writes to flash through its requests alone: what boots is verified as after any other
 * update. While it is at work, the device's agent refuses whatever changes something.
 *
 * It does no I/O. A driver asks what is wanted, fetches that in whatever way its system has, and hands over
 * what comes. C99, freestanding; memory comes from its port, while it is needed. */
#ifndef ESPOTA_PULLER_H
#define ESPOTA_PULLER_H

#include "private.h" /* of firmware/agent */

#include "espota/agent.h"
#include "espota/hash.h"
#include "espota/pull.h"

struct espota_puller_port {
    void *context;
    void *(*allocate)(void *context, size_t length); /* zeroed, aligned for any type; NULL: there is none */
    void (*release)(void *context, void *memory);
    /** Running hashes of its own. */
    struct espota_hash sha256, md5;
    /** Where driver and agent are in different threads: the lock under which the agent is called. NULL: they
     * are in one. */
    void (*lock)(void *context, bool taken);
    /** A pull was ordered or is to end. Called under the lock. */
    void (*wake)(void *context);
    /** Change what must be another in the driver's thread. NULL: nothing. */
    void (*adapt)(void *context, struct espota_agent_port *port);
    uint32_t pause_ms; /* before the second attempt after a connection that broke; twice as long each time */
};

struct espota_puller_work;

struct espota_puller {
    struct espota_agent_service service; /* of the device's agent */
    const struct espota_puller_port *port;
    struct espota_agent *agent;
    /* Under the lock: */
    struct espota_pull_state state; /* as the agent tells it */
    bool wanted, cancel;
    bool stale;        /* flash was written since the agent knew it */
    uint32_t since_ms; /* when this attempt began, or came on */
    uint8_t *order;
    uint32_t order_length, order_has;
    /* The driver's: */
    struct espota_puller_work *work;
};

/** Have the agent serve PULL: before it is started, with the port that it gets. `port` must outlive it. */
void espota_puller_begin(struct espota_puller *puller, const struct espota_puller_port *port,
                         struct espota_agent *agent, struct espota_agent_port *agent_port);

/** The device lost power, or restarts: all is forgotten. */
void espota_puller_reset(struct espota_puller *puller);

/** Nobody goes on with an order that was begun: its memory is given back. Under the lock. */
void espota_puller_forget_order(struct espota_puller *puller);

/** An order of the device itself. Under the lock. @return OK, PULLING when there is one, ORDER while a host
 * has an update under way, NOT_NOW when there is no memory, MALFORMED. */
enum espota_agent_status espota_puller_order(struct espota_puller *puller,
                                             const struct espota_pull_order *order);

/** Stop what goes on. Under the lock. */
void espota_puller_cancel(struct espota_puller *puller);

/* ---- for the driver, without the lock -------------------------------------------------------------------
 */

/** What is to be asked for. */
struct espota_puller_wish {
    const char *url;
    const uint8_t *certificate; /* NULL: what the system trusts. A 0 follows it */
    size_t certificate_length;
    uint32_t from;        /* Range: from this byte on; 0: all */
    const char *if_range; /* NULL: none */
    uint32_t pause_ms;    /* to wait before */
};

/** A pull goes on, or begins: what to fetch now? @return false: nothing; what there was is over. Ask again
 * after port.wake. */
bool espota_puller_wants(struct espota_puller *puller, struct espota_puller_wish *wish);

/** The head of an answer. Texts that are missing are NULL. */
struct espota_puller_answer {
    unsigned status;
    int64_t length; /* of the body; -1: it does not say */
    const char *content_range, *etag, *location, *encoding;
};

/** @return false: nothing more of this answer is wanted. Either way espota_puller_ended has its turn. */
bool espota_puller_answered(struct espota_puller *puller, const struct espota_puller_answer *answer);
/** Some of its body. @return the same. */
bool espota_puller_take(struct espota_puller *puller, const void *data, size_t length);

enum espota_puller_end {
    ESPOTA_PULLER_ALL,       /* as the server would have it */
    ESPOTA_PULLER_STOPPED,   /* it was not wanted any more */
    ESPOTA_PULLER_NO_SERVER, /* no connection */
    ESPOTA_PULLER_UNTRUSTED,
    ESPOTA_PULLER_BAD_TRUST,
    ESPOTA_PULLER_BROKEN,
};
void espota_puller_ended(struct espota_puller *puller, enum espota_puller_end end);

/** What a URL says of who asks, "user:password", as it is meant: without the URL's %xx. For a driver whose
 * HTTP does not see to that. @return its length; 0: nothing, or it does not fit, or is not to be understood.
 */
size_t espota_puller_credentials(const char *url, char *out, size_t room);

/** Is the attempt under way to be ended: cancelled, or too long without coming on? Under the lock, from any
 * thread: a driver that waits for a server has somebody else ask, and end the connection. The driver's
 * espota_puller_ended does the rest. */
bool espota_puller_gives_up(const struct espota_puller *puller);

/** Was the pull cancelled? For a driver that waits. */
bool espota_puller_is_cancelled(struct espota_puller *puller);

/** Is it done, and the device to restart? */
bool espota_puller_wants_restart(struct espota_puller *puller);

#endif

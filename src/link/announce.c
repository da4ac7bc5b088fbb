/* Announcing an agent, through Avahi, whose client has a thread of its own. */
#include "avahi.h"

#include "espota/discovery.h"
#include "espota/error.h"
#include "espota/hex.h"

#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/domain.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-common/strlst.h>
#include <avahi-common/thread-watch.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char what[] = "announce the agent on the network";

/* Under the lock of `poll`, once that runs. */
struct espota_announcement {
    AvahiThreadedPoll *poll;
    AvahiClient *client;
    AvahiEntryGroup *group;
    AvahiIfIndex interface;
    uint16_t port;
    char *name;
    AvahiStringList *text; /* NULL: nothing is to be said */
};

static void add(struct espota_announcement *a);

static void take_other_name(struct espota_announcement *a)
{
    char *other = avahi_alternative_service_name(a->name);
    if (!other)
        return;
    avahi_free(a->name);
    a->name = other;
}

static void group_told(AvahiEntryGroup *group, AvahiEntryGroupState state, void *context)
{
    struct espota_announcement *a = context;
    if (state != AVAHI_ENTRY_GROUP_COLLISION)
        return;
    a->group = group;
    take_other_name(a);
    (void)avahi_entry_group_reset(group);
    add(a);
}

/* A name may be taken already on this machine. A daemon that does not want it leaves the agent without. */
static void add(struct espota_announcement *a)
{
    enum { TRIES = 1000 };
    int code = AVAHI_ERR_COLLISION;
    for (int i = 0; i < TRIES && code == AVAHI_ERR_COLLISION; i++) {
        code = avahi_entry_group_add_service_strlst(a->group, a->interface, AVAHI_PROTO_UNSPEC, 0, a->name,
                                                    espota_service_type(ESPOTA_SERVICE_AGENT), NULL, NULL,
                                                    a->port, a->text);
        if (code == AVAHI_ERR_COLLISION)
            take_other_name(a);
    }
    if (code == AVAHI_OK)
        (void)avahi_entry_group_commit(a->group);
}

/* With the daemon there: say what is to be said. */
static void publish(struct espota_announcement *a, AvahiClient *client)
{
    if (!a->group)
        a->group = avahi_entry_group_new(client, group_told, a);
    if (!a->group)
        return;
    (void)avahi_entry_group_reset(a->group);
    if (a->text)
        add(a);
}

static void client_told(AvahiClient *client, AvahiClientState state, void *context)
{
    struct espota_announcement *a = context;
    if (state == AVAHI_CLIENT_S_RUNNING) {
        publish(a, client);
    } else if (a->group &&
               state == AVAHI_CLIENT_CONNECTING) { /* the daemon has ended: a new one knows nothing */
        avahi_entry_group_free(a->group);
        a->group = NULL;
    } else if (a->group && state != AVAHI_CLIENT_FAILURE) {
        (void)avahi_entry_group_reset(a->group);
    }
}

/* ---- what it says ---------------------------------------------------------------------------------------
 */

static void put(AvahiStringList **text, const char *key, const char *value, bool *failed)
{
    enum { LONGEST = 255 };
    char string[LONGEST + 1];
    if (*failed || !value || !*value)
        return;
    snprintf(string, sizeof string, "%s=%s", key, value);
    AvahiStringList *more = avahi_string_list_add(*text, string);
    if (more)
        *text = more;
    else
        *failed = true;
}

/* The list grows at its head, and is turned round on the way to the network. */
static AvahiStringList *text_of(const struct espota_agent_facts *facts)
{
    AvahiStringList *text = NULL;
    bool failed = false;
    char mac[13];
    espota_hex(facts->mac, sizeof facts->mac, mac);
    put(&text, "txtvers", "1", &failed);
    put(&text, "proto", "1", &failed);
    put(&text, "chip", facts->chip, &failed);
    put(&text, "project", facts->project, &failed);
    put(&text, "version", facts->version, &failed);
    put(&text, "mac", mac, &failed);
    put(&text, "key", facts->key_needed ? "yes" : "no", &failed);
    if (failed) {
        avahi_string_list_free(text);
        return NULL;
    }
    return text;
}

int espota_announcement_set(struct espota_announcement *a, const struct espota_agent_facts *facts,
                            struct espota_error *error)
{
    AvahiStringList *text = facts ? text_of(facts) : NULL;
    if (facts && !text)
        return espota_fail_memory(error, "announcing the agent");
    avahi_threaded_poll_lock(a->poll);
    avahi_string_list_free(a->text);
    a->text = text;
    if (avahi_client_get_state(a->client) == AVAHI_CLIENT_S_RUNNING)
        publish(a, a->client);
    avahi_threaded_poll_unlock(a->poll);
    return 0;
}

/* ---- life -----------------------------------------------------------------------------------------------
 */

static int start(struct espota_announcement *a, struct espota_error *error)
{
    a->poll = avahi_threaded_poll_new();
    if (!a->poll)
        return espota_fail_memory(error, "announcing the agent");
    a->client =
        avahi_connect(avahi_threaded_poll_get(a->poll), AVAHI_CLIENT_NO_FAIL, client_told, a, what, error);
    if (!a->client)
        return (int)error->status;
    if (avahi_threaded_poll_start(a->poll) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot %s: no thread can be had", what);
    return 0;
}

int espota_announcement_begin(struct espota_announcement **announcement, const char *name, uint16_t port,
                              bool local, struct espota_error *error)
{
    if (!avahi_is_valid_service_name(name))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "'%s' is no name to announce: it is UTF-8 of 1 to 63 bytes", name);
    struct espota_announcement *a = calloc(1, sizeof *a);
    if (!a)
        return espota_fail_memory(error, "announcing the agent");
    a->name = avahi_strdup(name);
    a->port = port;
    a->interface = local ? (AvahiIfIndex)if_nametoindex("lo") : AVAHI_IF_UNSPEC;
    int result = a->name ? start(a, error) : espota_fail_memory(error, "announcing the agent");
    if (result != 0)
        espota_announcement_end(a);
    else
        *announcement = a;
    return result;
}

void espota_announcement_end(struct espota_announcement *a)
{
    if (!a)
        return;
    if (a->poll)
        (void)avahi_threaded_poll_stop(a->poll);
    if (a->client)
        avahi_client_free(a->client);
    if (a->poll)
        avahi_threaded_poll_free(a->poll);
    avahi_string_list_free(a->text);
    avahi_free(a->name);
    free(a);
}

/* Looking for devices, through Avahi: names by browsing, then each name's host, address and TXT record. */
#include "avahi.h"
#include "discovery.h"

#include "espota/clock.h"
#include "espota/discovery.h"
#include "espota/error.h"

#include <avahi-client/lookup.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-common/simple-watch.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* avahi-daemon lets a client have 1024 objects (objects-per-client-max). What is heard more often than
 * MOST_NAMES, each on each interface and protocol, is a flood. */
enum { AT_ONCE = 64, MOST_NAMES = 4 * ESPOTA_FOUND_MOST, LOOK_MS = 50 };

static const char what[] = "look for devices on the network";

struct listener;

/* A name that was heard on an interface, whose host is asked for. */
struct name {
    struct name *next;
    struct listener *listener;
    AvahiServiceResolver *resolver; /* NULL: not yet */
    enum espota_service service;
    AvahiIfIndex interface;
    AvahiProtocol protocol;
    char *name, *domain;
};

struct browser {
    struct listener *listener;
    enum espota_service service;
    AvahiServiceBrowser *avahi;
};

struct listener {
    struct discovery discovery;
    struct espota_error *error;
    int result; /* of what callbacks did */
    AvahiSimplePoll *poll;
    AvahiClient *client;
    struct browser browser[ESPOTA_SERVICES];
    struct name *waiting, **last; /* in order */
    struct name *asked;
    unsigned asked_count, name_count;
};

static void failed(struct listener *l, int code)
{
    if (l->result == 0)
        l->result = avahi_failed(l->error, what, code);
}

/* ---- what was heard -------------------------------------------------------------------------------------
 */

static void take(struct listener *l, struct discovery_answer *answer, AvahiIfIndex interface)
{
    char network[IF_NAMESIZE] = "";
    if (interface > 0)
        answer->network = if_indextoname((unsigned)interface, network);
    answer->loopback = strcmp(network, "lo") == 0;
    if (l->result == 0)
        l->result = discovery_take(&l->discovery, answer, l->error);
}

static void take_host(struct name *n, const char *host, const AvahiAddress *address, uint16_t port,
                      AvahiStringList *txt)
{
    struct discovery_text text[ESPOTA_FOUND_MOST_ATTRIBUTES];
    struct discovery_answer answer = { .service = n->service, .name = n->name, .host = host, .port = port };
    for (; txt && answer.text_count < ESPOTA_FOUND_MOST_ATTRIBUTES; txt = avahi_string_list_get_next(txt))
        text[answer.text_count++] =
            (struct discovery_text){ avahi_string_list_get_text(txt), avahi_string_list_get_size(txt) };
    answer.text = text;
    if (address && address->proto == AVAHI_PROTO_INET) {
        answer.family = AF_INET;
        answer.address = (const uint8_t *)&address->data.ipv4.address;
    } else if (address && address->proto == AVAHI_PROTO_INET6) {
        answer.family = AF_INET6;
        answer.address = address->data.ipv6.address;
    }
    take(n->listener, &answer, n->interface);
}

/* ---- asking for hosts -----------------------------------------------------------------------------------
 */

static void free_name(struct name *n)
{
    if (n->resolver)
        avahi_service_resolver_free(n->resolver);
    free(n->name);
    free(n->domain);
    free(n);
}

static void free_names(struct name *first)
{
    while (first) {
        struct name *n = first;
        first = n->next;
        free_name(n);
    }
}

static void forget(struct name *n)
{
    struct listener *l = n->listener;
    for (struct name **at = &l->asked; *at; at = &(*at)->next)
        if (*at == n) {
            *at = n->next;
            l->asked_count--;
            break;
        }
    free_name(n);
}

static void resolved(AvahiServiceResolver *resolver, AvahiIfIndex interface, AvahiProtocol protocol,
                     AvahiResolverEvent event, const char *name, const char *type, const char *domain,
                     const char *host, const AvahiAddress *address, uint16_t port, AvahiStringList *txt,
                     AvahiLookupResultFlags flags, void *context)
{
    struct name *n = context;
    (void)resolver, (void)interface, (void)protocol, (void)name, (void)type, (void)domain, (void)flags;
    if (event == AVAHI_RESOLVER_FOUND && host)
        take_host(n, host, address, port, txt);
    forget(n);
}

/* One that cannot be asked stays a name. A daemon that is busy may take long. */
static void ask(struct listener *l, uint64_t end_ms)
{
    while (l->result == 0 && l->waiting && l->asked_count < AT_ONCE && espota_now_ms() < end_ms) {
        struct name *n = l->waiting;
        l->waiting = n->next;
        if (!l->waiting)
            l->last = &l->waiting;
        n->resolver = avahi_service_resolver_new(l->client, n->interface, n->protocol, n->name,
                                                 espota_service_type(n->service), n->domain, n->protocol, 0,
                                                 resolved, n);
        if (!n->resolver) {
            free_name(n);
            continue;
        }
        n->next = l->asked; /* its answer comes while the client is polled, and no sooner */
        l->asked = n;
        l->asked_count++;
    }
}

static void add_name(struct browser *b, AvahiIfIndex interface, AvahiProtocol protocol, const char *name,
                     const char *domain)
{
    struct listener *l = b->listener;
    struct discovery_answer heard = { .service = b->service, .name = name };
    take(l, &heard, interface);
    if (l->result != 0 || l->name_count == MOST_NAMES)
        return;
    struct name *n = calloc(1, sizeof *n);
    if (n)
        *n = (struct name){ NULL, l, NULL, b->service, interface, protocol, strdup(name), strdup(domain) };
    if (!n || !n->name || !n->domain) {
        l->result = espota_fail_memory(l->error, "listing devices");
        if (n)
            free_name(n);
        return;
    }
    l->name_count++;
    *l->last = n;
    l->last = &n->next;
}

/* ---- browsing -------------------------------------------------------------------------------------------
 */

static void heard(AvahiServiceBrowser *avahi, AvahiIfIndex interface, AvahiProtocol protocol,
                  AvahiBrowserEvent event, const char *name, const char *type, const char *domain,
                  AvahiLookupResultFlags flags, void *context)
{
    struct browser *b = context;
    (void)avahi, (void)type, (void)flags;
    if (event == AVAHI_BROWSER_FAILURE)
        failed(b->listener, avahi_client_errno(b->listener->client));
    else if (event == AVAHI_BROWSER_NEW && name && domain)
        add_name(b, interface, protocol, name, domain);
}

static void told(AvahiClient *client, AvahiClientState state, void *context)
{
    if (state == AVAHI_CLIENT_FAILURE)
        failed(context, avahi_client_errno(client));
}

static int begin(struct listener *l, const struct espota_discovery_request *request)
{
    l->poll = avahi_simple_poll_new();
    if (!l->poll)
        return espota_fail_memory(l->error, "listing devices");
    l->client = avahi_connect(avahi_simple_poll_get(l->poll), 0, told, l, what, l->error);
    if (!l->client)
        return (int)l->error->status;
    for (int i = 0; i < ESPOTA_SERVICES; i++) {
        struct browser *b = &l->browser[i];
        *b = (struct browser){ l, (enum espota_service)i, NULL };
        if (!request->service[i])
            continue;
        b->avahi = avahi_service_browser_new(l->client, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC,
                                             espota_service_type(b->service), NULL, 0, heard, b);
        if (!b->avahi)
            return avahi_failed(l->error, what, avahi_client_errno(l->client));
    }
    return 0;
}

static int listen_until(struct listener *l, uint64_t end_ms, const struct espota_observer *observer)
{
    while (l->result == 0 && espota_now_ms() < end_ms) {
        if (espota_observer_cancelled(observer))
            return espota_fail(l->error, ESPOTA_ERR_CANCELLED,
                               "stopped on request while looking for devices");
        ask(l, end_ms);
        if (avahi_simple_poll_iterate(l->poll, LOOK_MS) != 0)
            failed(l, AVAHI_ERR_DISCONNECTED);
    }
    return l->result;
}

static void end(struct listener *l)
{
    free_names(l->asked);
    free_names(l->waiting);
    if (l->client)
        avahi_client_free(l->client);
    if (l->poll)
        avahi_simple_poll_free(l->poll);
}

int espota_discover(const struct espota_discovery_request *request, struct espota_found_devices *found,
                    struct espota_error *error)
{
    struct listener *l = calloc(1, sizeof *l);
    *found = (struct espota_found_devices){ 0 };
    if (!l)
        return espota_fail_memory(error, "listing devices");
    l->error = error;
    l->last = &l->waiting;
    uint64_t end_ms = espota_now_ms() + request->timeout_ms;
    int result = begin(l, request);
    if (result == 0)
        result = listen_until(l, end_ms, request->observer);
    end(l);
    discovery_end(&l->discovery);
    if (result == 0)
        *found = l->discovery.found;
    else
        espota_found_devices_free(&l->discovery.found);
    free(l);
    return result;
}

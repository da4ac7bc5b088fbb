#include "fleet_targets.h"

#include "devices_file.h"

#include "espota/address.h"
#include "espota/agent_client.h"
#include "espota/arduino_ota.h"
#include "espota/error.h"
#include "espota/esphome_ota.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ADDRESS = 300 };

bool fleet_has_tags(const struct espota_listed_device *device, const struct list_option *tags)
{
    bool has = tags->count == 0;
    for (unsigned i = 0; i < tags->count; i++)
        has = has || espota_listed_device_has_tag(device, tags->item[i]);
    return has;
}

static void add(struct fleet_targets *t, const char *name, const char *port, const char *host,
                const char *key)
{
    t->target[t->count++] = (struct fleet_target){ .name = name, .port = port, .host = host, .key = key };
}

static void add_listed(struct fleet_targets *t, const struct list_option *tags)
{
    for (size_t i = 0; i < t->list.count; i++) {
        const struct espota_listed_device *d = &t->list.device[i];
        bool port = espota_device_address_is_port(d->address);
        if (fleet_has_tags(d, tags))
            add(t, d->name, port ? d->address : NULL, port ? NULL : d->address, d->key);
    }
}

static void add_boards(struct fleet_targets *t, size_t port_count)
{
    for (size_t i = 0; i < port_count; i++)
        if (t->ports[i].adapter)
            add(t, t->ports[i].path, t->ports[i].path, NULL, NULL);
}

/* Its name is its address, without a password in it. */
static int add_named(struct fleet_targets *t, const char *address, bool is_host, struct espota_error *error)
{
    char *shown = espota_address_shown(address);
    if (!shown)
        return espota_fail_memory(error, "listing the devices");
    add(t, shown, is_host ? NULL : address, is_host ? address : NULL, NULL);
    t->target[t->count - 1].shown = shown;
    return 0;
}

static int add_all_named(struct fleet_targets *t, const struct connect_options *connect,
                         struct espota_error *error)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < connect->ports.count; i++)
        result = add_named(t, connect->ports.item[i], false, error);
    for (unsigned i = 0; result == 0 && i < connect->hosts.count; i++)
        result = add_named(t, connect->hosts.item[i], true, error);
    return result;
}

/* ---- each once ------------------------------------------------------------------------------------------
 */

/* As its own protocol looks for it. @return false for what is no address. */
static bool write_address(const char *host, char *address, size_t size)
{
    struct espota_error ignored;
    struct espota_address parsed;
    const char *rest;
    enum espota_address_kind kind = espota_device_address_kind(host, &rest);
    if (kind == ESPOTA_ADDRESS_HOST)
        return espota_agent_client_address(host, address, size, &ignored) == 0;
    if (kind == ESPOTA_ADDRESS_HTTP_UPLOAD ||
        espota_address_parse(&parsed, rest,
                             kind == ESPOTA_ADDRESS_ARDUINO ? ESPOTA_ARDUINO_PORT : ESPOTA_ESPHOME_PORT,
                             &ignored) != 0)
        return false;
    snprintf(address, size, "%.*s%s", (int)(rest - host), host, parsed.text);
    return true;
}

/* Schemes and names of hosts are the same in capitals; what comes behind them is not. */
static char *lower(char *address)
{
    char *rest = address ? strstr(address, "://") : NULL, *end = rest ? rest + 3 : address;
    end = end ? end + strcspn(end, "/?#") : NULL;
    for (char *c = address; c && c < end; c++)
        *c = (char)tolower((unsigned char)*c);
    return address;
}

/* A host as what should answer is looked for there; a path without its links. NULL: no memory. */
static char *identity_of(const struct fleet_target *target)
{
    char address[MAX_ADDRESS];
    const char *named = target->host ? target->host : target->port;
    const char *file = target->host ? NULL : espota_address_after(target->port, "file:");
    if (!target->host && target->port[0] == '/')
        file = target->port;
    char *path = file ? realpath(file, NULL) : NULL;
    if (path || file)
        return path ? path : strdup(file);
    if (!target->host || !write_address(target->host, address, sizeof address))
        return lower(strdup(named));
    return lower(strdup(address));
}

static int by_identity(const void *a, const void *b)
{
    const struct fleet_target *left = a, *right = b;
    return strcmp(left->identity, right->identity);
}

static int check_once(const struct fleet_targets *t, struct espota_error *error)
{
    struct fleet_target *sorted = calloc(t->count + 1, sizeof sorted[0]);
    int result = 0;
    if (!sorted)
        return espota_fail_memory(error, "listing the devices");
    memcpy(sorted, t->target, t->count * sizeof sorted[0]);
    qsort(sorted, t->count, sizeof sorted[0], by_identity);
    for (size_t i = 1; result == 0 && i < t->count; i++)
        if (by_identity(&sorted[i - 1], &sorted[i]) == 0)
            result = espota_fail(error, ESPOTA_ERR_USAGE, "'%s' and '%s' are one device: name it once",
                                 sorted[i - 1].name, sorted[i].name);
    free(sorted);
    return result;
}

static int identify(struct fleet_targets *t, struct espota_error *error)
{
    for (size_t i = 0; i < t->count; i++)
        if (!(t->target[i].identity = identity_of(&t->target[i])))
            return espota_fail_memory(error, "listing the devices");
    return check_once(t, error);
}

/* ---- all ------------------------------------------------------------------------------------------------
 */

int fleet_targets_choose(struct fleet_targets *t, const struct fleet_options *o,
                         const struct connect_options *connect, struct espota_error *error)
{
    size_t port_count = 0;
    int result = o->devices ? devices_file_read(&t->list, o->devices, error) : 0;
    if (result == 0 && o->all)
        result = espota_ports_list(&t->ports, &port_count, error);
    if (result != 0)
        return result;
    t->target = calloc(t->list.count + port_count + 2 * LIST_MAX, sizeof *t->target);
    if (!t->target)
        return espota_fail_memory(error, "listing the devices");
    add_listed(t, &o->tags);
    add_boards(t, port_count);
    result = add_all_named(t, connect, error);
    if (result == 0 && t->count == 0)
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE,
                           o->all ? "no board is plugged in: 'espota devices' shows the ports"
                                  : "%s lists no device of that kind",
                           o->devices);
    return result ? result : identify(t, error);
}

void fleet_targets_free(struct fleet_targets *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->target[i].identity);
        free(t->target[i].shown);
    }
    free(t->target);
    free(t->ports);
    espota_device_list_free(&t->list);
}

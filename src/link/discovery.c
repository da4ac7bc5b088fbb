#include "discovery.h"

#include "espota/error.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static const struct {
    const char *name, *type;
} services[ESPOTA_SERVICES] = {
    [ESPOTA_SERVICE_AGENT] = { "agent", "_espota._tcp" },
    [ESPOTA_SERVICE_ARDUINO] = { "arduino", "_arduino._tcp" },
    [ESPOTA_SERVICE_ESPHOME] = { "esphome", "_esphomelib._tcp" },
};

const char *espota_service_name(enum espota_service service)
{
    return services[service].name;
}

const char *espota_service_type(enum espota_service service)
{
    return services[service].type;
}

/* ---- text -----------------------------------------------------------------------------------------------
 */

static void copy_text(char *out, size_t room, const void *text, size_t size)
{
    const uint8_t *from = text;
    size_t length = size < room ? size : room - 1;
    for (size_t i = 0; i < length; i++)
        out[i] = from[i] < ' ' || from[i] == 0x7f ? '?' : (char)from[i];
    out[length] = '\0';
}

static char *text_from(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text)
        copy_text(text, size + 1, data, size);
    return text;
}

/* 12 hex digits; colons between them do not matter. */
static void take_id(char id[32], const char *text)
{
    char digits[13] = "";
    size_t count = 0;
    for (; *text; text++) {
        if (*text == ':')
            continue;
        if (!isxdigit((unsigned char)*text) || count == sizeof digits - 1)
            return;
        digits[count++] = (char)tolower((unsigned char)*text);
    }
    if (count == sizeof digits - 1)
        memcpy(id, digits, sizeof digits);
}

/* ---- the TXT record -------------------------------------------------------------------------------------
 */

static const char *value_of(const struct espota_found_device *d, const char *key)
{
    for (unsigned i = 0; i < d->attribute_count; i++)
        if (strcasecmp(d->attribute[i].key, key) == 0)
            return d->attribute[i].value;
    return NULL;
}

static bool has_key(const struct espota_found_device *d, const char *key)
{
    for (unsigned i = 0; i < d->attribute_count; i++)
        if (strcasecmp(d->attribute[i].key, key) == 0)
            return true;
    return false;
}

static void free_attributes(struct espota_found_device *d)
{
    for (unsigned i = 0; i < d->attribute_count; i++) {
        free(d->attribute[i].key);
        free(d->attribute[i].value);
    }
    free(d->attribute);
    d->attribute = NULL;
    d->attribute_count = 0;
}

/* RFC 6763, 6.4: without a key it is nothing; of two with the same key the first counts. */
static int take_attribute(struct espota_found_device *d, const struct discovery_text *text,
                          struct espota_error *error)
{
    const uint8_t *equals = text->size ? memchr(text->data, '=', text->size) : NULL;
    size_t key_length = equals ? (size_t)(equals - text->data) : text->size;
    if (key_length == 0 || d->attribute_count == ESPOTA_FOUND_MOST_ATTRIBUTES)
        return 0;
    struct espota_attribute a = { .key = text_from(text->data, key_length) };
    if (equals)
        a.value = text_from(equals + 1, text->size - key_length - 1);
    if (!a.key || (equals && !a.value)) {
        free(a.key);
        free(a.value);
        return espota_fail_memory(error, "listing devices");
    }
    if (has_key(d, a.key)) {
        free(a.key);
        free(a.value);
        return 0;
    }
    d->attribute[d->attribute_count++] = a;
    return 0;
}

static int take_attributes(struct espota_found_device *d, const struct discovery_answer *answer,
                           struct espota_error *error)
{
    int result = 0;
    if (answer->text_count == 0 || d->attribute)
        return 0;
    d->attribute = calloc(ESPOTA_FOUND_MOST_ATTRIBUTES, sizeof d->attribute[0]);
    if (!d->attribute)
        return espota_fail_memory(error, "listing devices");
    for (size_t i = 0; result == 0 && i < answer->text_count; i++)
        result = take_attribute(d, &answer->text[i], error);
    return result;
}

static void take_value(const struct espota_found_device *d, const char *key, char *out, size_t room)
{
    const char *value = value_of(d, key);
    if (value)
        copy_text(out, room, value, strlen(value));
}

static enum espota_known yes_or_no(const char *value)
{
    if (value && strcmp(value, "yes") == 0)
        return ESPOTA_YES;
    return value && strcmp(value, "no") == 0 ? ESPOTA_NO : ESPOTA_UNKNOWN;
}

static void understand_agent(struct espota_found_device *d)
{
    const char *protocol = value_of(d, "proto");
    take_value(d, "chip", d->chip, sizeof d->chip);
    take_value(d, "project", d->project, sizeof d->project);
    take_value(d, "version", d->version, sizeof d->version);
    d->key_needed = yes_or_no(value_of(d, "key"));
    if (protocol && strlen(protocol) <= 3 && protocol[strspn(protocol, "0123456789")] == '\0' &&
        atoi(protocol) <= UINT8_MAX)
        d->protocol = (uint8_t)atoi(protocol);
}

static void understand_esphome(struct espota_found_device *d)
{
    bool own = has_key(d, "project_name");
    take_value(d, "platform", d->chip, sizeof d->chip);
    take_value(d, "board", d->board, sizeof d->board);
    take_value(d, "project_name", d->project, sizeof d->project);
    take_value(d, own ? "project_version" : "version", d->version, sizeof d->version);
    if (!own)
        snprintf(d->project, sizeof d->project, "ESPHome");
}

static void understand(struct espota_found_device *d)
{
    switch (d->service) {
    case ESPOTA_SERVICE_AGENT:
        understand_agent(d);
        break;
    case ESPOTA_SERVICE_ARDUINO:
        take_value(d, "board", d->board, sizeof d->board);
        d->key_needed = yes_or_no(value_of(d, "auth_upload"));
        break;
    case ESPOTA_SERVICE_ESPHOME:
        understand_esphome(d);
        break;
    case ESPOTA_SERVICES:
        break;
    }
}

/* ---- addresses ------------------------------------------------------------------------------------------
 */

/* The better, the higher; 0: nobody can be reached there, or somebody else, on this machine or a group. */
static int rank_ipv4(const uint8_t a[4], bool loopback)
{
    if (a[0] == 0 || a[0] >= 224)
        return 0;
    if (a[0] == 127)
        return loopback ? 4 : 0;
    return a[0] == 169 && a[1] == 254 ? 2 : 4;
}

static int rank_ipv6(const uint8_t a[16], bool loopback)
{
    struct in6_addr in;
    memcpy(&in, a, sizeof in);
    if (IN6_IS_ADDR_LOOPBACK(&in))
        return loopback ? 3 : 0;
    if (IN6_IS_ADDR_UNSPECIFIED(&in) || IN6_IS_ADDR_MULTICAST(&in) || IN6_IS_ADDR_V4MAPPED(&in) ||
        IN6_IS_ADDR_V4COMPAT(&in))
        return 0;
    return IN6_IS_ADDR_LINKLOCAL(&in) ? 1 : 3;
}

static int rank_of(const char *address)
{
    if (strchr(address, ':'))
        return strncasecmp(address, "fe8", 3) == 0 || strncasecmp(address, "fe9", 3) == 0 ||
                       strncasecmp(address, "fea", 3) == 0 || strncasecmp(address, "feb", 3) == 0
                   ? 1
                   : 3;
    return strncmp(address, "169.254.", 8) == 0 ? 2 : 4;
}

/* A link-local one is one of a network: which, is part of it (RFC 4007). */
static bool write_address(const struct discovery_answer *answer, int rank, char text[64])
{
    char digits[INET6_ADDRSTRLEN];
    if (!inet_ntop(answer->family, answer->address, digits, sizeof digits))
        return false;
    bool scoped = answer->family == AF_INET6 && rank == 1;
    if (scoped && (!answer->network || !*answer->network))
        return false;
    return snprintf(text, 64, "%s%s%s", digits, scoped ? "%" : "", scoped ? answer->network : "") < 64;
}

static void put_address(struct espota_found_device *d, const char *text, int rank)
{
    unsigned at = 0;
    for (unsigned i = 0; i < d->address_count; i++)
        if (strcmp(d->address[i], text) == 0)
            return;
    while (at < d->address_count && rank_of(d->address[at]) >= rank)
        at++;
    if (at == ESPOTA_FOUND_MOST_ADDRESSES)
        return;
    if (d->address_count < ESPOTA_FOUND_MOST_ADDRESSES)
        d->address_count++;
    memmove(d->address[at + 1], d->address[at], (d->address_count - 1 - at) * sizeof d->address[0]);
    snprintf(d->address[at], sizeof d->address[at], "%s", text);
}

static void take_address(struct espota_found_device *d, const struct discovery_answer *answer)
{
    char text[64];
    int rank = answer->family == AF_INET    ? rank_ipv4(answer->address, answer->loopback)
               : answer->family == AF_INET6 ? rank_ipv6(answer->address, answer->loopback)
                                            : 0;
    if (rank > 0 && answer->port > 0 && write_address(answer, rank, text))
        put_address(d, text, rank);
}

bool espota_found_device_address(const struct espota_found_device *d, char *text, size_t room)
{
    int length;
    if (d->address_count == 0 || d->port == 0)
        return false;
    const char *address = d->address[0];
    if (d->service == ESPOTA_SERVICE_ESPHOME)
        length = snprintf(text, room, "%s", address);
    else if (strchr(address, ':'))
        length = snprintf(text, room, "[%s]:%u", address, d->port);
    else
        length = snprintf(text, room, "%s:%u", address, d->port);
    return length > 0 && (size_t)length < room;
}

/* ---- devices --------------------------------------------------------------------------------------------
 */

/* Its id, where the answer has one. */
static void answered_id(const struct discovery_answer *answer, char id[32])
{
    id[0] = '\0';
    for (size_t i = 0; i < answer->text_count && !id[0]; i++) {
        const struct discovery_text *t = &answer->text[i];
        char value[32];
        if (t->size > 4 && strncasecmp((const char *)t->data, "mac=", 4) == 0) {
            copy_text(value, sizeof value, t->data + 4, t->size - 4);
            take_id(id, value);
        }
    }
}

/* Two networks may each have one of that name: then their ids differ. */
static struct espota_found_device *find(struct discovery *discovery, enum espota_service service,
                                        const char *name, const char *id)
{
    for (size_t i = 0; i < discovery->found.count; i++) {
        struct espota_found_device *d = &discovery->found.device[i];
        if (d->service == service && strcasecmp(d->name, name) == 0 &&
            (!*id || !d->id[0] || strcmp(d->id, id) == 0))
            return d;
    }
    return NULL;
}

static struct espota_found_device *add(struct discovery *discovery, enum espota_service service,
                                       const char *name, struct espota_error *error)
{
    struct espota_found_devices *found = &discovery->found;
    if (found->count == discovery->room) {
        size_t room = discovery->room ? 2 * discovery->room : 16;
        struct espota_found_device *more = realloc(found->device, room * sizeof *more);
        if (!more) {
            espota_fail_memory(error, "listing devices");
            return NULL;
        }
        found->device = more;
        discovery->room = room;
    }
    struct espota_found_device *d = &found->device[found->count++];
    *d = (struct espota_found_device){ .service = service };
    snprintf(d->name, sizeof d->name, "%s", name);
    return d;
}

static int fill_in(struct espota_found_device *d, const struct discovery_answer *answer, const char *id,
                   struct espota_error *error)
{
    if (answer->network && !d->network[0])
        copy_text(d->network, sizeof d->network, answer->network, strlen(answer->network));
    if (!answer->host)
        return 0;
    if (!d->host[0])
        copy_text(d->host, sizeof d->host, answer->host, strlen(answer->host));
    if (!d->port)
        d->port = answer->port;
    if (!d->id[0])
        snprintf(d->id, sizeof d->id, "%s", id);
    take_address(d, answer);
    int result = take_attributes(d, answer, error);
    understand(d);
    return result;
}

int discovery_take(struct discovery *discovery, const struct discovery_answer *answer,
                   struct espota_error *error)
{
    char name[sizeof discovery->found.device->name], id[32];
    copy_text(name, sizeof name, answer->name, strlen(answer->name));
    answered_id(answer, id);
    struct espota_found_device *d = find(discovery, answer->service, name, id);
    if (!d && discovery->found.count == ESPOTA_FOUND_MOST) {
        discovery->found.left_out++;
        return 0;
    }
    if (!d)
        d = add(discovery, answer->service, name, error);
    return d ? fill_in(d, answer, id, error) : (int)error->status;
}

static int in_order(const void *a, const void *b)
{
    const struct espota_found_device *one = a, *other = b;
    if (one->service != other->service)
        return one->service < other->service ? -1 : 1;
    int by_name = strcasecmp(one->name, other->name);
    return by_name ? by_name : strcmp(one->id, other->id);
}

void discovery_end(struct discovery *discovery)
{
    if (discovery->found.count > 1)
        qsort(discovery->found.device, discovery->found.count, sizeof discovery->found.device[0], in_order);
}

void espota_found_devices_free(struct espota_found_devices *found)
{
    for (size_t i = 0; i < found->count; i++)
        free_attributes(&found->device[i]);
    free(found->device);
    *found = (struct espota_found_devices){ 0 };
}

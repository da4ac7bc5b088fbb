#include "devices_network.h"

#include "devices_csv.h"

#include "espota/discovery.h"
#include "espota/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK(field) offsetof(struct network_options, field)

enum { USUAL_SECONDS = 3, MOST_SECONDS = 600 };

const struct option_spec network_options[] = {
    { "network", 0, OPTION_FLAG, NETWORK(network), NULL,
      "what announces itself on the network by mDNS, instead of ports" },
    { "service", 0, OPTION_TEXT, NETWORK(service), "WHAT",
      "of that: agent, arduino (ArduinoOTA), esphome, or all (agent)" },
    { "timeout", 0, OPTION_NUMBER, NETWORK(timeout), "SECONDS", "how long to wait for answers (3)" },
    { "csv", 0, OPTION_FLAG, NETWORK(csv), NULL, "the agents as a list that --devices reads" },
    OPTION_END,
};

/* ---- options --------------------------------------------------------------------------------------------
 */

/* @return ESPOTA_SERVICES for all. */
static int read_service(const char *word, enum espota_service *service, struct espota_error *error)
{
    *service = ESPOTA_SERVICE_AGENT;
    if (!word)
        return 0;
    for (int i = 0; i < ESPOTA_SERVICES; i++)
        if (strcmp(word, espota_service_name((enum espota_service)i)) == 0) {
            *service = (enum espota_service)i;
            return 0;
        }
    *service = ESPOTA_SERVICES;
    return strcmp(word, "all") == 0 ? 0
                                    : espota_fail(error, ESPOTA_ERR_USAGE,
                                                  "--service '%s': use agent, arduino, esphome or all", word);
}

int network_check(const struct cli *cli, const struct network_options *o, struct espota_error *error)
{
    enum espota_service service;
    if (!o->network && (o->service || o->timeout.given || o->csv))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--service, --timeout and --csv go with --network");
    if (o->timeout.given && (o->timeout.value == 0 || o->timeout.value > MOST_SECONDS))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--timeout takes 1 to %d seconds", MOST_SECONDS);
    if (o->csv && cli->json)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--csv and --json contradict each other");
    int result = read_service(o->service, &service, error);
    if (result == 0 && o->csv && service != ESPOTA_SERVICE_AGENT)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--csv lists agents, which --devices can update: leave --service out");
    return result;
}

/* ---- JSON -----------------------------------------------------------------------------------------------
 */

static struct items attribute_items(const struct espota_found_device *d)
{
    struct items items = items_begin();
    for (unsigned i = 0; i < d->attribute_count; i++) {
        struct fields attribute = fields_begin();
        field_text(&attribute, "key", d->attribute[i].key);
        field_text(&attribute, "value", d->attribute[i].value);
        item_object(&items, attribute);
    }
    return items;
}

static struct items address_items(const struct espota_found_device *d)
{
    struct items items = items_begin();
    for (unsigned i = 0; i < d->address_count; i++)
        item_text(&items, d->address[i]);
    return items;
}

static struct fields device_fields(const struct espota_found_device *d)
{
    struct fields fields = fields_begin();
    char address[ADDRESS_TEXT];
    bool reached = espota_found_device_address(d, address, sizeof address);
    field_text(&fields, "service", espota_service_name(d->service));
    field_text(&fields, "name", d->name);
    field_text(&fields, "address", reached ? address : NULL);
    field_list(&fields, "addresses", address_items(d));
    field_number_if(&fields, "port", d->port > 0, d->port);
    field_text_if_any(&fields, "host", d->host);
    field_text_if_any(&fields, "network", d->network);
    field_text_if_any(&fields, "chip", d->chip);
    field_text_if_any(&fields, "board", d->board);
    field_text_if_any(&fields, "project", d->project);
    field_text_if_any(&fields, "version", d->version);
    field_text_if_any(&fields, "id", d->id);
    field_number_if(&fields, "protocol", d->protocol > 0, d->protocol);
    field_flag_if(&fields, "key_needed", d->key_needed != ESPOTA_UNKNOWN, d->key_needed == ESPOTA_YES);
    field_list(&fields, "attributes", attribute_items(d));
    return fields;
}

static int set_devices_result(struct cli *cli, const struct espota_found_devices *found,
                              struct espota_error *error)
{
    struct fields document = document_begin();
    struct items items = items_begin();
    for (size_t i = 0; i < found->count; i++)
        item_object(&items, device_fields(&found->device[i]));
    field_list(&document, "devices", items);
    field_number(&document, "left_out", (int64_t)found->left_out);
    return set_result(cli, document, error);
}

/* ---- for people -----------------------------------------------------------------------------------------
 */

enum { NAME, SERVICE, ADDRESS, CHIP, PROJECT, VERSION, KEY, COLUMNS };

static const struct espota_column columns[COLUMNS] = {
    [NAME] = { "NAME", ESPOTA_LEFT },       [SERVICE] = { "SERVICE", ESPOTA_LEFT },
    [ADDRESS] = { "ADDRESS", ESPOTA_LEFT }, [CHIP] = { "CHIP", ESPOTA_LEFT },
    [PROJECT] = { "PROJECT", ESPOTA_LEFT }, [VERSION] = { "VERSION", ESPOTA_LEFT },
    [KEY] = { "KEY", ESPOTA_LEFT },
};

static const char *or_dash(const char *text)
{
    return *text ? text : "-";
}

static void fill_row(const char *row[COLUMNS], const struct espota_found_device *d,
                     char address[ADDRESS_TEXT])
{
    static const char *const keys[] = { [ESPOTA_UNKNOWN] = "-", [ESPOTA_NO] = "no", [ESPOTA_YES] = "yes" };
    bool reached = espota_found_device_address(d, address, ADDRESS_TEXT);
    row[NAME] = d->name;
    row[SERVICE] = espota_service_name(d->service);
    row[ADDRESS] = reached ? address : "-";
    row[CHIP] = or_dash(*d->chip ? d->chip : d->board);
    row[PROJECT] = or_dash(d->project);
    row[VERSION] = or_dash(d->version);
    row[KEY] = keys[d->key_needed];
}

static int print_devices(const struct espota_found_devices *found, struct espota_error *error)
{
    const char **cells = calloc(found->count, COLUMNS * sizeof *cells);
    char(*addresses)[ADDRESS_TEXT] = calloc(found->count, sizeof *addresses);
    int result = cells && addresses ? 0 : espota_fail_memory(error, "listing devices");
    for (size_t i = 0; result == 0 && i < found->count; i++)
        fill_row(&cells[i * COLUMNS], &found->device[i], addresses[i]);
    if (result == 0)
        espota_ui_table(stdout, columns, COLUMNS, cells, found->count);
    free(cells);
    free(addresses);
    return result;
}

static void tell_none(struct cli *cli, enum espota_service service)
{
    static const char *const who[] = { "agent", "ArduinoOTA", "ESPHome device", "device" };
    espota_ui_say(&cli->ui,
                  "No %s announces itself here. mDNS does not pass routers, and many a Wi-Fi holds it back; "
                  "one whose address is known is reached without",
                  who[service]);
}

static void warn(struct cli *cli, const struct espota_found_devices *found)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->device[i].address_count == 0)
            espota_ui_warn(&cli->ui,
                           "%s has not said in time where it can be reached, or nothing that can be",
                           found->device[i].name);
    if (found->left_out > 0)
        espota_ui_warn(&cli->ui, "%zu more answers were left out: somebody floods the network",
                       found->left_out);
}

static int tell(struct cli *cli, const struct network_options *o, enum espota_service service,
                const struct espota_found_devices *found, struct espota_error *error)
{
    int result = 0;
    if (cli->json)
        result = set_devices_result(cli, found, error);
    else if (o->csv)
        result = print_device_list(cli, found, error);
    else if (found->count > 0)
        result = print_devices(found, error);
    if (result == 0)
        warn(cli, found);
    if (result == 0 && found->count == 0)
        tell_none(cli, service);
    return result;
}

int network_devices(struct cli *cli, const struct network_options *o, struct espota_error *error)
{
    struct espota_discovery_request request = { .observer = &cli->observer };
    struct espota_found_devices found = { 0 };
    enum espota_service service;
    int result = read_service(o->service, &service, error);
    for (int i = 0; i < ESPOTA_SERVICES; i++)
        request.service[i] = service == (enum espota_service)i || service == ESPOTA_SERVICES;
    request.timeout_ms = 1000 * (o->timeout.given ? o->timeout.value : USUAL_SECONDS);
    cli_catch_interrupts();
    if (result == 0)
        result = espota_discover(&request, &found, error);
    if (result == 0)
        result = tell(cli, o, service, &found, error);
    espota_found_devices_free(&found);
    return result;
}

/* devices: which serial ports there are, and which look like boards; which devices the network has. */
#include "cli.h"

#include "devices_network.h"
#include "port.h"

#include "espota/error.h"
#include "espota/ports.h"

#include <stdio.h>
#include <stdlib.h>

struct options {
    struct list_option filter;
    struct network_options network;
};

static const struct option_spec option_table[] = {
    { "port-filter", 0, OPTION_LIST, offsetof(struct options, filter), "WHAT",
      "those alone that are so: vid=NUMBER, pid=NUMBER, serial=TEXT, name=TEXT" },
    OPTION_END,
};

static const char *state_name(enum espota_port_state state)
{
    switch (state) {
    case ESPOTA_PORT_FREE:
        return "free";
    case ESPOTA_PORT_DENIED:
        return "denied";
    case ESPOTA_PORT_BUSY:
        return "busy";
    case ESPOTA_PORT_GONE:
        break;
    }
    return "gone";
}

static void print_port(const struct espota_port *port)
{
    char ids[16] = "-";
    if (port->vid)
        snprintf(ids, sizeof ids, "%04x:%04x", port->vid, port->pid);
    print("%-16s %-10s %-18s %-7s %s%s%s\n", port->path, ids, port->adapter ? port->adapter : "-",
          state_name(port->state), port->product, port->serial[0] ? " " : "", port->serial);
}

static struct fields port_fields(const struct espota_port *p)
{
    struct fields fields = fields_begin();
    field_text(&fields, "port", p->path);
    field_number_if(&fields, "vid", p->vid > 0, p->vid);
    field_number_if(&fields, "pid", p->vid > 0, p->pid);
    field_text_if_any(&fields, "adapter", p->adapter);
    field_text_if_any(&fields, "product", p->product);
    field_text_if_any(&fields, "serial", p->serial);
    field_flag(&fields, "looks_like_board", p->adapter != NULL);
    field_text(&fields, "state", state_name(p->state));
    field_text_if_any(&fields, "reason", p->reason);
    return fields;
}

static int set_ports_result(struct cli *cli, const struct espota_port *ports, size_t count,
                            struct espota_error *error)
{
    struct fields document = document_begin();
    struct items items = items_begin();
    for (size_t i = 0; i < count; i++)
        item_object(&items, port_fields(&ports[i]));
    field_list(&document, "ports", items);
    return set_result(cli, document, error);
}

static int list_ports(struct cli *cli, const struct options *o, struct espota_error *error)
{
    struct espota_port *ports = NULL;
    char filter[FILTER_MAX] = "";
    size_t count = 0;
    int result = espota_ports_list(&ports, &count, error);
    if (result == 0)
        result = port_filter(&o->filter, ports, &count, filter, error);
    if (result == 0 && cli->json)
        result = set_ports_result(cli, ports, count, error);
    for (size_t i = 0; result == 0 && !cli->json && i < count; i++)
        print_port(&ports[i]);
    for (size_t i = 0; result == 0 && i < count; i++)
        if (ports[i].reason[0])
            espota_ui_warn(&cli->ui, "%s: %s", ports[i].path, ports[i].reason);
    if (result == 0 && count == 0 && *filter)
        espota_ui_say(&cli->ui, "No serial port is as '%s' says", filter);
    else if (result == 0 && count == 0)
        espota_ui_say(&cli->ui,
                      "There is no serial port. A board by USB shows as /dev/ttyUSB0 or /dev/ttyACM0: is "
                      "its cable one for data?");
    free(ports);
    return result;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    int result = network_check(cli, &o->network, error);
    if (result == 0 && o->network.network && o->filter.count > 0)
        result =
            espota_fail(error, ESPOTA_ERR_USAGE, "--port-filter is about ports: leave it out with --network");
    if (result != 0)
        return result;
    return o->network.network ? network_devices(cli, &o->network, error) : list_ports(cli, o, error);
}

const struct command command_devices = {
    .name = "devices",
    .summary = "list the serial ports, and which look like boards; or the devices on the network",
    .usage = "",
    .description =
        "Shows each port with the USB ids, what adapter or chip they stand for, and whether it can be "
        "opened; "
        "if not,\n"
        "why, and what to do. Commands without --port take the only one that looks like a board.\n"
        "With --network: devices that announce themselves by mDNS, with what they run.",
    .options = option_table,
    .groups = { { network_options, offsetof(struct options, network) } },
    .options_size = sizeof(struct options),
    .run = run,
};

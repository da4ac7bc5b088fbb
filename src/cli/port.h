/* Where a device is: the port or host that options or the environment name, or the only board there is. */
#ifndef ESPOTA_CLI_PORT_H
#define ESPOTA_CLI_PORT_H

#include "connect.h"

#include "espota/error.h"
#include "espota/ports.h"

/* A setting of the environment, by our name for it or the one that people have from other tools; NULL: none.
 */
const char *port_environment(const char *ours, const char *theirs);

enum { FILTER_MAX = 400 };

/* Leave the ports that the options ask for; `filter` gets what that is in one text, empty where they ask for
 * none. */
int port_filter(const struct list_option *list, struct espota_port *ports, size_t *count,
                char filter[FILTER_MAX], struct espota_error *error);

/* The port named, or the only one that looks like a board. */
int port_choose(struct cli *cli, const struct connect_options *options, char *port, size_t room,
                struct espota_error *error);

/* The address of an agent's link: --host, or the port. */
int port_of_agent(struct cli *cli, const struct connect_options *options, char *address, size_t room,
                  struct espota_error *error);

/* An address is shown in messages and logs, and so has no user name or password in it. */
int port_without_user(const char *address, struct espota_error *error);

/* The path in "file:PATH"; NULL: it is no file. */
const char *port_file(const char *port);

#endif

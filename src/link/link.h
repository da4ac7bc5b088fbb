/* The kinds of links, for open.c alone. */
#ifndef ESPOTA_LINK_PRIVATE_H
#define ESPOTA_LINK_PRIVATE_H

#include "espota/error.h"
#include "espota/link.h"

int espota_link_open_serial(struct espota_link **link, const char *path, uint32_t baud,
                            struct espota_error *error);
/* Is `path` a terminal without modem lines? */
bool espota_link_is_pty(const char *path);
int espota_link_open_pty(struct espota_link **link, const char *path, struct espota_error *error);
/* A link over an open pseudo-terminal, which it then owns; `open` opens the same path again, with a
 * descriptor that does not block, or -1. */
int espota_link_from_pty(struct espota_link **link, int fd, const char *name,
                         int (*open)(const char *path, struct espota_error *error),
                         struct espota_error *error);
/* `address` is what follows `scheme` ("tcp://"), which is for messages. */
int espota_link_open_tcp(struct espota_link **link, const char *address, const char *scheme,
                         const struct espota_link_patience *patience, struct espota_error *error);
/* `address` is what follows rfc2217:// */
int espota_link_open_rfc2217(struct espota_link **link, const char *address, uint32_t baud,
                             const struct espota_link_patience *patience, struct espota_error *error);
/* `address` is what follows ws:// */
int espota_link_open_websocket(struct espota_link **link, const char *address,
                               const struct espota_link_patience *patience, struct espota_error *error);

#endif

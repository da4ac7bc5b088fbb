/* How a WebSocket begins: an HTTP request, and its answer. */
#ifndef ESPOTA_LINK_WEBSOCKET_H
#define ESPOTA_LINK_WEBSOCKET_H

#include "espota/error.h"
#include "espota/link.h"

#include <stddef.h>
#include <stdint.h>

enum { WEBSOCKET_ROOM = 1024 }; /* of headers: a WebREPL's have 130 bytes; and of what is read at a time */

/* Connect to `address`, host[:port][/path], and ask for a WebSocket. What came behind the answer is in
 * `rest`, `*count` bytes. @return 0 and `*stream`; NULL on failure. */
int websocket_connect(struct espota_link **stream, const char *address,
                      const struct espota_link_patience *patience, uint8_t rest[WEBSOCKET_ROOM],
                      size_t *count, struct espota_error *error);

#endif

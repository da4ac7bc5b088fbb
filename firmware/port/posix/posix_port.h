/** A port of the agent to a POSIX process: OpenSSL for hashes, ciphers and random numbers, the system's
 * clock, a decoder of coded streams. Flash and stream are the caller's: the simulator and the tests bring
 * theirs. */
#ifndef ESPOTA_POSIX_PORT_H
#define ESPOTA_POSIX_PORT_H

#include "espota/agent.h"
#include "espota/error.h"
#include "espota/hash.h"

struct posix_port {
    struct espota_agent_port port; /* to hand to espota_agent_start */
    struct espota_hash *sha256;
    void *decoder_memory;
};

/** Fill in what a process can offer; the flash and restart members of `port->port` stay as they are.
 * @return 0 or ESPOTA_ERR_FAILED. posix_port_end when done. */
int posix_port_begin(struct posix_port *port, struct espota_error *error);
void posix_port_end(struct posix_port *port);

#endif

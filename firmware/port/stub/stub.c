#include "stub.h"

void stub_begin(struct stub *stub, const struct bare_board *board, const struct bare_memory *memory)
{
    struct bare_server *server = &stub->server;
    bare_server_begin(server, board, memory);
    server->port.service = &espota_agent_ranges;
    (void)espota_agent_start(&server->agent, &server->port, &server->config);
}

bool stub_step(struct stub *stub)
{
    return bare_server_step(&stub->server);
}

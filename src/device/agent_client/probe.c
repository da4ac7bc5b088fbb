/* A small question after silence. */
#include "client.h"

int client_send_probe(struct agent_client *client, struct espota_error *error)
{
    int result = client_build(client, ESPOTA_AGENT_INFO, NULL, 0, error);
    client->probe = client->sequence;
    return result ? result : client_send_built(client, UINT32_MAX, error);
}

bool client_answers_probe(struct agent_client *client, const struct client_response *response)
{
    if (client->probe == 0 || response->type != ESPOTA_AGENT_INFO || response->sequence != client->probe)
        return false;
    client->probe = 0;
    return true;
}

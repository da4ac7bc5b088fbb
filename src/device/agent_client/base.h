/* The image that an update is sent against: found when it is worth while, and given up where it is of no use.
 */
#ifndef ESPOTA_DEVICE_AGENT_CLIENT_BASE_H
#define ESPOTA_DEVICE_AGENT_CLIENT_BASE_H

#include "client.h"
#include "stream.h"

/* How the image that was begun, which `image` is, is made of what the device holds: `image->base`, if it is.
 * The device is asked once for each image. @return 0, or what went wrong on the line. */
int client_base_for(struct agent_client *client, struct client_image *image, struct espota_error *error);
/* It is of no use. The device's observer hears `why`. */
void client_base_give_up(struct agent_client *client, enum espota_no_base reason, const char *why);
/* Another image, or none: forget it. */
void client_base_forget(struct agent_client *client);

#endif

/** espota's agent, running on the chip, as a device (espota/device.h). */
#ifndef ESPOTA_AGENT_CLIENT_H
#define ESPOTA_AGENT_CLIENT_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/observer.h"
#include "espota/stream_cache.h"

#include <stdbool.h>
#include <stdint.h>

struct espota_agent_client_options {
    const uint8_t *key; /* the device's key, at most 64 bytes, which is copied; NULL: open session. An agent
                           that wants none then is a stranger, and not talked to */
    size_t key_length;
    unsigned hello_timeout_ms; /* how long to repeat HELLO; 0: 5000 */
    uint32_t other_baud;       /* where the link has a rate: another one to look for it at; 0: none */
    unsigned work_timeout_ms;  /* the longest that one request may be worked on; 0: 180000 */
    unsigned quiet_ms;         /* the longest without a sign of life while something is written; 0: 60000 */
    const struct espota_observer *observer; /* as in struct espota_device */
    struct espota_stream_cache *streams;    /* what is coded is made there, once for all devices that get it;
                                               it must outlive the device. NULL: for this device alone */
};

/** Talk to the agent on `link`, which the device owns from now on, also on failure.
 * @return 0 and `*device`, owned by the caller (espota_device_close); ESPOTA_ERR_NO_DEVICE when none answers;
 * ESPOTA_ERR_FAILED when it has another key; ESPOTA_ERR_REFUSED when it wants none; or what the link
 * returned. */
int espota_agent_client_open(struct espota_device **device, struct espota_link *link,
                             const struct espota_agent_client_options *options, struct espota_error *error);

/** Can the agent change the rate of its line? */
bool espota_agent_client_has_rate(const struct espota_device *device);

/** Ask the agent of `device`, one from espota_agent_client_open, for another rate in baud, follow it there
 * where the link has a rate, and see whether it is understood. If not, both go back. The observer hears of
 * it. The agent goes back by itself after some seconds without a word, and is asked to before the device is
 * closed.
 * @return 0; ESPOTA_ERR_UNSUPPORTED when it does not work and all is as it was; or what the link returned, or
 * the agent where it is not found again. */
int espota_agent_client_set_rate(struct espota_device *device, uint32_t baud, struct espota_error *error);

/** The TCP port of agents. */
#define ESPOTA_AGENT_PORT 3232

/** The address for espota_link_open of an agent on the network: `host` is a name or an address, with :PORT or
 * without. An IPv6 address is full of colons: with a port it stands in brackets. @return 0; ESPOTA_ERR_USAGE
 * when it does not fit `room` bytes. */
int espota_agent_client_address(const char *host, char *address, size_t room, struct espota_error *error);

#pragma GCC visibility pop

#endif

/** The stub as a device (espota/device.h): espota's agent, loaded into RAM by the ROM bootloader of a chip,
 * serves all of its flash faster than the ROM does, and beyond what that can address. */
#ifndef ESPOTA_STUB_DEVICE_H
#define ESPOTA_STUB_DEVICE_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/rom_device.h"
#include "espota/stream_cache.h"

struct espota_stub_options {
    struct espota_rom_options rom; /* how to reach the ROM, and how to leave */
    bool only_if_running; /* load none: the ROM will do, where a stub that an earlier program left does not
                             answer in its place */
    struct espota_stream_cache *streams; /* as in struct espota_agent_client_options */
};

/** Connect to the ROM bootloader on `link`, which the device owns from now on, also on failure, and have it
 * load and start the stub. A chip for which there is no stub, that secure boot, flash encryption or secure
 * download mode protect, or on its own USB-OTG port stays with the ROM; so does, with a note to the observer,
 * one on which the stub does not start. Where nothing may or can reset the chip, a stub that runs already is
 * taken as it is.
 * @return 0 and `*device`, owned by the caller (espota_device_close): of the kind "stub", or "rom" as
 * espota_rom_open gives it; or as espota_rom_open. */
int espota_stub_open(struct espota_device **device, struct espota_link *link,
                     const struct espota_stub_options *options, struct espota_error *error);

#pragma GCC visibility pop

#endif

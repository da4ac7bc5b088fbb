/** A board that runs MicroPython, through its raw REPL, as a device (espota/device.h): no agent is needed.
 *
 * What is to be done is told it in Python: flash is read, erased and written by the module `esp`, hashed by
 * `hashlib`; `esp32.Partition` names the app that runs. Sources: MicroPython's documentation, "The
 * MicroPython Interactive Interpreter Mode (aka REPL)" and "Quick reference for the ESP32"; raw paste as in
 * tools/pyboard.py of MicroPython 1.20. */
#ifndef ESPOTA_REPL_DEVICE_H
#define ESPOTA_REPL_DEVICE_H

#pragma GCC visibility push(default)

#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"
#include "espota/observer.h"

/** Talk to the REPL on `link`, which the device owns from now on, also on failure. The program that runs
 * there is stopped (Ctrl-C); restarting the device starts it again.
 * @return 0 and `*device`, owned by the caller (espota_device_close); ESPOTA_ERR_NO_DEVICE when no REPL
 * answers; ESPOTA_ERR_UNSUPPORTED when its Python has not what is needed, or its flash is encrypted. */
int espota_repl_open(struct espota_device **device, struct espota_link *link,
                     const struct espota_observer *observer, struct espota_error *error);

#pragma GCC visibility pop

#endif

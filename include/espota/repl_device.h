/** A board that runs MicroPython, through its raw REPL, as a device (espota/device.h): no agent is needed.
 *
 * What is to be done is told it in Python: flash is read, erased and written by the module `esp`, hashed by
 * `hashlib`; `esp32.Partition` names the app that runs. Sources: MicroPython's documentation, "The
 * MicroPython Interactive Interpreter Mode (aka REPL)" and "Quick reference for the ESP32"; raw paste as in
 * tools/pyboard.py of MicroPython 1.20; WebREPL: extmod/modwebrepl.c, modwebsocket.c, webrepl.py. */
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

enum { ESPOTA_WEBREPL_PORT = 8266 };

/** The same over the network: `link` leads to a WebREPL (ws://host:port), which lets in one at a time who
 * knows its password, at most 9 characters. Password and image can be read, and changed, on their way; the
 * device does not prove who it is. When the board restarts, the connection is gone.
 * @return also ESPOTA_ERR_FAILED when the password is not its own, or NULL. */
int espota_webrepl_open(struct espota_device **device, struct espota_link *link, const char *password,
                        const struct espota_observer *observer, struct espota_error *error);

#pragma GCC visibility pop

#endif

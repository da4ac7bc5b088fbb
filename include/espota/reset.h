/** Reset sequences: what DTR and RTS have to do so that a chip restarts, into its ROM's download mode or from
 * flash.
 *
 * A sequence is text, in esptool's notation: steps between '|', where D0 or D1 sets DTR, R0 or R1 sets RTS,
 * U0,1 sets DTR and RTS at once, and W0.1 waits a tenth of a second; 1 asserts a line, which pulls it low.
 * Source: esptool, esptool/reset.py, docs/en/esptool/configuration-file.rst.
 *
 * On a board with the usual auto-reset circuit, RTS alone holds the chip in reset (EN low), DTR alone pulls
 * GPIO0 low, and both together do nothing. A chip's own USB-Serial/JTAG controller has no circuit: DTR alone
 * sets its flag for download mode, neither line clears it, and RTS alone resets. Source: ESP32-C3 Technical
 * Reference Manual, USB Serial/JTAG Controller. */
#ifndef ESPOTA_RESET_H
#define ESPOTA_RESET_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/link.h"

#define ESPOTA_RESET_CLASSIC      "U0,1|W0.1|U1,0|W0.05|U0,0" /* into download mode */
#define ESPOTA_RESET_CLASSIC_SLOW "U0,1|W0.1|U1,0|W0.55|U0,0" /* for a board whose EN rises slowly */
#define ESPOTA_RESET_CLASSIC_FLOW "U0,1|W0.1|U1,0|W0.05"      /* an adapter that couples RTS to DTR */
#define ESPOTA_RESET_USB_JTAG     "U0,0|W0.1|U1,0|W0.1|U1,1|U0,1|W0.1|U0,0"
#define ESPOTA_RESET_HARD         "U0,1|W0.1|U0,0" /* boots from flash */
#define ESPOTA_RESET_HARD_USB     "U0,1|W0.2|U0,0|W0.2"

/** Is this a sequence, well formed? @return 0, or ESPOTA_ERR_USAGE with the culprit named. */
int espota_reset_check(const char *sequence, struct espota_error *error);

/** Drive the lines of `link`. @return what espota_reset_check or the link returned. */
int espota_reset_run(struct espota_link *link, const char *sequence, struct espota_error *error);

/** The sequence that boots from flash, for this kind of port. Static storage. */
const char *espota_reset_hard_for(const struct espota_link *link);

/** The sequence to try at attempt `number` (from 0) to get into download mode: by what the port is known to
 * be, otherwise one after the other. Static storage. */
const char *espota_reset_download_for(const struct espota_link *link, unsigned number);

/** USB devices of chips themselves. */
#define ESPOTA_USB_VID_ESPRESSIF 0x303au
#define ESPOTA_USB_PID_JTAG      0x1001u

#pragma GCC visibility pop

#endif

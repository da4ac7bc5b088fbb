/* What DTR and RTS do to a board: the usual auto-reset circuit, or the chip's own USB-Serial/JTAG controller.
 */
#ifndef ESPOTA_SIM_CIRCUIT_H
#define ESPOTA_SIM_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

enum sim_circuit_kind {
    SIM_CIRCUIT_NONE,       /* the lines lead nowhere */
    SIM_CIRCUIT_AUTO_RESET, /* RTS alone pulls EN low, DTR alone GPIO0 */
    SIM_CIRCUIT_USB_JTAG,   /* DTR alone sets a flag for download mode, RTS alone resets */
};

enum sim_circuit_event {
    SIM_CIRCUIT_NOTHING,
    SIM_CIRCUIT_HOLD,     /* the chip is held in reset */
    SIM_CIRCUIT_START,    /* it starts, from flash */
    SIM_CIRCUIT_DOWNLOAD, /* it starts in download mode */
};

struct sim_circuit {
    enum sim_circuit_kind kind;
    unsigned rise_ms; /* from letting go of EN to the chip's looking at GPIO0: the capacitor on EN */
    bool dtr, rts;
    bool held, rising;
    bool flag; /* USB-Serial/JTAG: the next reset ends in download mode */
    uint64_t starts_at_ms;
};

/* The lines are driven so, now. */
enum sim_circuit_event sim_circuit_drive(struct sim_circuit *circuit, bool dtr, bool rts, uint64_t now_ms);

/* Time has passed. */
enum sim_circuit_event sim_circuit_wait(struct sim_circuit *circuit, uint64_t now_ms);

/* Somebody presses RESET: what the lines were about to start is not started any more. */
void sim_circuit_press(struct sim_circuit *circuit);

/* Milliseconds until sim_circuit_wait has something to say, or -1. */
int sim_circuit_timeout(const struct sim_circuit *circuit, uint64_t now_ms);

#endif

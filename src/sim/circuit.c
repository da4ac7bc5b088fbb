#include "circuit.h"

/* Source: the schematics of Espressif's development boards. */
static enum sim_circuit_event drive_auto_reset(struct sim_circuit *c, uint64_t now_ms)
{
    bool enabled = !(c->rts && !c->dtr);
    if (!enabled) {
        c->rising = false;
        if (c->held)
            return SIM_CIRCUIT_NOTHING;
        c->held = true;
        return SIM_CIRCUIT_HOLD;
    }
    if (c->held && !c->rising) {
        c->rising = true;
        c->starts_at_ms = now_ms + c->rise_ms;
    }
    return SIM_CIRCUIT_NOTHING;
}

/* Source: ESP32-C3 Technical Reference Manual, USB Serial/JTAG Controller, "Reset SoC by CDC-ACM". */
static enum sim_circuit_event drive_usb_jtag(struct sim_circuit *c, bool changed)
{
    if (c->dtr == c->rts)
        c->flag = c->dtr ? c->flag : false;
    else if (c->dtr)
        c->flag = true;
    else if (changed)
        return c->flag ? SIM_CIRCUIT_DOWNLOAD : SIM_CIRCUIT_START;
    return SIM_CIRCUIT_NOTHING;
}

enum sim_circuit_event sim_circuit_drive(struct sim_circuit *c, bool dtr, bool rts, uint64_t now_ms)
{
    bool changed = dtr != c->dtr || rts != c->rts;
    c->dtr = dtr;
    c->rts = rts;
    switch (c->kind) {
    case SIM_CIRCUIT_AUTO_RESET:
        return drive_auto_reset(c, now_ms);
    case SIM_CIRCUIT_USB_JTAG:
        return drive_usb_jtag(c, changed);
    case SIM_CIRCUIT_NONE:
        break;
    }
    return SIM_CIRCUIT_NOTHING;
}

enum sim_circuit_event sim_circuit_wait(struct sim_circuit *c, uint64_t now_ms)
{
    if (!c->rising || now_ms < c->starts_at_ms)
        return SIM_CIRCUIT_NOTHING;
    c->held = c->rising = false;
    return c->dtr && !c->rts ? SIM_CIRCUIT_DOWNLOAD : SIM_CIRCUIT_START;
}

void sim_circuit_press(struct sim_circuit *c)
{
    if (c->rising)
        c->held = c->rising = false;
}

int sim_circuit_timeout(const struct sim_circuit *c, uint64_t now_ms)
{
    if (!c->rising)
        return -1;
    return c->starts_at_ms > now_ms ? (int)(c->starts_at_ms - now_ms) : 0;
}

/* QEMU's riscv32 machine 'virt' as a board. */
#ifndef ESPOTA_VIRT_H
#define ESPOTA_VIRT_H

#include "bare.h"

extern const struct bare_board virt_board;

/* Once, before it is used. */
void virt_begin(void);

#endif

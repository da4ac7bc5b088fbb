/* A board with MicroPython, as a program for python3. */
#ifndef ESPOTA_SIM_REPL_SCRIPT_H
#define ESPOTA_SIM_REPL_SCRIPT_H

#include <stddef.h>

const char *sim_repl_script(size_t *size);

#endif

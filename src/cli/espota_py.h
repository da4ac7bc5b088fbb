/* Arduino's espota.py, called as it is. */
#ifndef ESPOTA_CLI_ESPOTA_PY_H
#define ESPOTA_CLI_ESPOTA_PY_H

/* @return the exit status, as it has it: 0 done, 1 failed, 2 wrong usage. */
int run_as_espota_py(int argc, char **argv);

#endif

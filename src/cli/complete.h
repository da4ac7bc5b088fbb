/* What could come next on a command line, for the shells: espota --complete WORDS, of which the last one is
 * not finished.
 *
 * Printed are pairs of lines, a candidate and what it is; ":files" and the endings that its names may have,
 * separated by blanks, or nothing, for files. No device is touched. */
#ifndef ESPOTA_CLI_COMPLETE_H
#define ESPOTA_CLI_COMPLETE_H

#include "cli.h"

/* `words` begins behind the program's name. */
void complete(const struct command *const *known, int count, char **words);

#endif

/* The file that a console is kept in: what came from the device, as it came, and our lines about it. */
#ifndef ESPOTA_CLI_CAPTURE_H
#define ESPOTA_CLI_CAPTURE_H

#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture {
    char path[512]; /* empty: none was named yet */
    bool open;      /* something is kept now */
    int fd;
    bool at_start; /* of a line */
};

/* Go on with the file at `path`, or make it. */
int capture_begin(struct capture *capture, const char *path, struct espota_error *error);

/* The same with the name it had, or one with the time in it: "espota-20261126-031500.log". */
int capture_resume(struct capture *capture, struct espota_error *error);

/* Keep what came; nothing to do while nothing is kept. A file that cannot be written is given up, with the
 * reason in `error`. */
int capture_take(struct capture *capture, const void *data, size_t size, struct espota_error *error);

/* Keep a line of ours, on a line of its own. */
int capture_note(struct capture *capture, const char *text, struct espota_error *error);

/* No more for now, or at the end. */
int capture_end(struct capture *capture, struct espota_error *error);

#endif

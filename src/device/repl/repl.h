/* MicroPython's raw REPL: code goes there, what it prints comes back. */
#ifndef ESPOTA_DEVICE_REPL_REPL_H
#define ESPOTA_DEVICE_REPL_REPL_H

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/link.h"

#include <stdbool.h>

struct repl {
    struct espota_device *device; /* for messages, and to be asked whether to stop */
    struct espota_link *link;
    uint8_t input[256]; /* read, and from input_at on not yet taken */
    size_t input_at, input_size;
    bool no_paste;               /* it does not know raw paste */
    struct espota_bytes printed; /* by the last code */
};

/* Stop what runs, and enter. @return ESPOTA_ERR_NO_DEVICE when no REPL answers. */
int repl_enter(struct repl *repl, struct espota_error *error);
/* Run code, and wait for its end, at most so long without a word of it. @return 0 with `printed`;
 * ESPOTA_ERR_DEVICE when it raised something, whose last line the error has. */
int repl_run(struct repl *repl, const char *code, unsigned timeout_ms, struct espota_error *error);
/* Run code, and do not wait for it. */
int repl_start(struct repl *repl, const char *code, struct espota_error *error);
/* Leave; with `restart` its program begins anew, by a soft reset. */
int repl_leave(struct repl *repl, bool restart, struct espota_error *error);

/* Everything up to the first of `ends` that comes, into `printed`, without it: ends[*which]; at most so long
 * without a word, and four times as long in all. */
int repl_receive_any(struct repl *repl, const char *const *ends, size_t count, unsigned timeout_ms,
                     size_t *which, struct espota_error *error);

/* To a WebREPL that has just been connected. @return ESPOTA_ERR_FAILED when the password is not its own, or
 * NULL; ESPOTA_ERR_NO_DEVICE when it lets nobody in. */
int repl_log_in(struct repl *repl, const char *password, struct espota_error *error);

#endif

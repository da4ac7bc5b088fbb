/* The recovery agent without an operating system: what a chip brings, and what is the same on all of them.
 *
 * It is an app image like any other: the second-stage bootloader loads it into RAM, from factory or an OTA
 * slot, and it serves the agent's protocol on its streams for ever. */
#ifndef ESPOTA_BARE_H
#define ESPOTA_BARE_H

#include "espota/agent.h"

/* A byte stream to a host. `context` is the board's, here and below. */
struct bare_stream {
    /* What has come, at most `room` bytes; 0 when nothing has. */
    size_t (*read)(const void *context, uint8_t *out, size_t room);
    /* All of it, or -1 when nobody takes it. */
    int (*write)(const void *context, const uint8_t *data, size_t length);
};

enum { BARE_MAX_STREAMS = 2 };

struct bare_board {
    uint16_t chip_id; /* as in image headers */
    const char *name; /* "espota recovery 0.1.0" */
    const void *context;
    uint32_t (*flash_size)(const void *context);
    int (*flash_read)(const void *context, uint32_t offset, void *out, size_t length);
    int (*flash_erase)(const void *context, uint32_t offset, uint32_t length);
    int (*flash_program)(const void *context, uint32_t offset, const void *data, size_t length);
    void (*mac)(const void *context, uint8_t mac[6]);
    uint32_t (*now_ms)(const void *context);
    uint32_t (*noise)(const void *context); /* as random as the chip can */
    void (*entropy)(bool on); /* feed `noise` from a source that is not used otherwise; NULL: there is none */
    uint32_t (*cycles)(const void *context); /* of its clock */
    void (*restart)(const void *context);
    struct bare_stream stream[BARE_MAX_STREAMS]; /* unused ones are NULL */
    bool always_slot; /* runs outside flash: what otadata names counts as running */
};

/* Never returns. */
void bare_serve(const struct bare_board *board);

#endif

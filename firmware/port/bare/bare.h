/* The agent without an operating system: what a board brings, and how it is served. Two programs are made of
 * it: the recovery agent, an app image that the second-stage bootloader loads into RAM from factory or an OTA
 * slot; and the stub, which the loader in the chip's ROM loads. There are no interrupts: whatever computes or
 * waits moves what the UART's FIFO holds into a ring. */
#ifndef ESPOTA_BARE_H
#define ESPOTA_BARE_H

#include "digest.h"

#include "espota/agent.h"

/* A byte stream to a host. `context` is the board's, here and below. */
struct bare_stream {
    /* What has come, at most `room` bytes; 0 when nothing has. */
    size_t (*read)(void *context, uint8_t *out, size_t room);
    /* As many bytes as it takes without waiting. */
    size_t (*write)(void *context, const uint8_t *data, size_t length);
    /* In baud; both NULL where there is no such thing, and what is not read holds the host up. */
    uint32_t (*rate)(void *context);
    int (*set_rate)(void *context, uint32_t baud);
};

enum { BARE_MAX_STREAMS = 2 };

struct bare_board {
    uint16_t chip_id; /* as in image headers */
    enum espota_isa isa;
    const struct bare_sha_engine *sha; /* NULL: none */
    const char *name;                  /* "espota recovery 0.2.0" */
    void *context;
    uint32_t (*flash_id)(void *context);
    uint32_t (*flash_size)(void *context);
    int (*flash_read)(void *context, uint32_t offset, void *out, size_t length);
    int (*flash_erase)(void *context, uint32_t offset, uint32_t length);
    int (*flash_program)(void *context, uint32_t offset, const void *data, size_t length);
    int (*flash_busy)(void *context); /* these four as in espota_agent_port */
    uint32_t erase_steps;
    void (*mac)(void *context, uint8_t mac[6]);
    uint32_t (*now_ms)(void *context);
    uint16_t (*cpu_mhz)(void *context); /* 0: not known */
    void (*restart)(void *context);
    struct bare_stream stream[BARE_MAX_STREAMS]; /* unused ones are NULL */

    /* Of the recovery agent alone. */
    uint32_t (*noise)(void *context); /* as random as the chip can */
    void (*entropy)(bool on); /* feed `noise` from a source that is not used otherwise; NULL: there is none */
    uint32_t (*cycles)(void *context); /* of its clock */
    bool always_slot;                  /* runs outside flash: what otadata names counts as running */
};

/* What a server works with. The owner keeps it. */
struct bare_memory {
    uint8_t *ring; /* for the stream with a rate */
    size_t ring_size;
    const struct espota_decoder_ops *decoder; /* NULL: none */
    void *decoder_memory;
    size_t decoder_size;
};

struct bare_server;

/* A stream of the board's, and the agent's end of it. */
struct bare_line {
    struct bare_server *server;
    const struct bare_stream *stream;
    uint8_t *ring; /* NULL: read when there is time */
    size_t ring_size, first, count;
    struct espota_agent_stream agent;
};

struct bare_server {
    const struct bare_board *board;
    struct bare_line line[BARE_MAX_STREAMS];
    struct bare_sha256 sha256;
    struct espota_agent_port port;
    struct espota_agent_config config;
    struct espota_agent agent;
    void (*arrived)(void *context, const uint8_t *data,
                    size_t length); /* bytes, as they come; NULL: ignored */
    void *arrived_context;
};

/* Fill in port, configuration and streams; whoever wants them otherwise changes them before the agent is
 * started. */
void bare_server_begin(struct bare_server *server, const struct bare_board *board,
                       const struct bare_memory *memory);

/* Take what has come, carry it out, go on with what was begun.
 * @return whether anything came. */
bool bare_server_step(struct bare_server *server);

/* The recovery agent; never returns. */
void bare_serve(const struct bare_board *board);

#endif

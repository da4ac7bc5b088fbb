/* A board: chip, flash, reset button, and whatever runs on it: the ROM's download mode, or a second-stage
 * bootloader and then an app with the agent. */
#ifndef ESPOTA_SIM_BOARD_H
#define ESPOTA_SIM_BOARD_H

#include "cpu.h"
#include "espota/agent.h"
#include "espota/clock.h"
#include "espota/error.h"
#include "espota/image.h"
#include "espota/sign.h"
#include "espota/table.h"
#include "first.h"
#include "flash.h"
#include "posix_port.h"
#include "rom.h"
#include "stub.h"
#include "uart.h"

enum sim_state {
    SIM_OFF,      /* no power */
    SIM_DOWNLOAD, /* the ROM's serial bootloader */
    SIM_RUNNING,  /* an app with the agent */
    SIM_FIRST,    /* the stub's first stage, loaded by the ROM */
    SIM_STUB,     /* the stub */
    SIM_STUCK,    /* nothing to boot */
};

/* Where the bytes of a stream go: the UART, or one of the agent's network connections. */
enum sim_stream { SIM_UART, SIM_NETWORK, SIM_STREAMS = SIM_NETWORK + 4 };

struct sim_agent_stream {
    struct sim_board *board;
    struct espota_agent_stream stream;
};

struct sim_board_options {
    const struct espota_chip *chip;
    struct sim_identity identity;
    bool rollback;      /* the bootloader honours trial states */
    const uint8_t *key; /* of the agent, or NULL */
    size_t key_length;
    const struct espota_signer *owner; /* the agent takes what is signed with this key alone; or NULL */
    uint32_t min_secure_version;
    const char *project;   /* the agent takes apps of this project alone; or NULL */
    uint32_t table_offset; /* the bootloader's idea of it */
    enum sim_stub_fault stub_fault;
    uint32_t stub_dies_after;
    bool pulls; /* the agent fetches images by itself: who drives the board sees to that */
    bool paced; /* bytes are put on the UART when they arrive: what is not taken in time is lost */
    const struct espota_clock *clock; /* NULL: the system's */
    void *context;
    void (*send)(void *context, enum sim_stream stream, const uint8_t *data, size_t length);
    void (*log)(void *context, const char *line); /* what goes to the console; may be NULL */
    void (*baud)(void *context, uint32_t baud);   /* of the UART; may be NULL */
};

struct sim_board {
    struct sim_board_options options;
    struct sim_flash *flash;
    enum sim_state state;
    struct sim_rom rom;
    struct sim_uart
        uart; /* what the board receives on it; the line puts bytes there, or sim_board_input does */
    struct sim_cpu cpu;
    struct sim_first *first;    /* NULL: it does not run */
    struct sim_stub *stub;      /* the same */
    struct sim_cpu_hash sha256; /* of the agent */
    struct posix_port port;
    struct sim_puller *puller; /* where options.pulls, or NULL */
    struct espota_agent agent;
    struct espota_agent_config agent_config;
    struct espota_table table;
    const struct espota_partition *running;
    struct espota_app_desc description; /* of the app that runs; empty: it has none */
    char agent_name[32];
    struct sim_agent_stream stream[SIM_STREAMS];
    bool restart_wanted;
    unsigned starts; /* how often it was reset */
    uint64_t started_ms;
};

/* `flash` must outlive the board, which starts without power. */
int sim_board_init(struct sim_board *board, struct sim_flash *flash, const struct sim_board_options *options,
                   struct espota_error *error);
void sim_board_end(struct sim_board *board);

/* Power on or press reset; `download`: with GPIO0 held low. */
void sim_board_reset(struct sim_board *board, bool download);

/* Since it was last reset, by its clock. */
unsigned sim_board_uptime_ms(const struct sim_board *board);

/* EN is held low. */
void sim_board_hold(struct sim_board *board);

/* One turn of what runs on the board: it takes some of what the UART has, and does what that asks for.
 * @return false when there was nothing to do. */
bool sim_board_step(struct sim_board *board);

/* Bytes arrive on a stream, now; it has done what they ask for when this returns. */
void sim_board_input(struct sim_board *board, enum sim_stream stream, const uint8_t *data, size_t length);
/* A stream's other end is gone. */
void sim_board_disconnect(struct sim_board *board, enum sim_stream stream);

/* Does the agent serve a host on this stream, which knows the key where there is one? */
bool sim_board_serves(const struct sim_board *board, enum sim_stream stream);

/* boot.c: the second-stage bootloader. Decides, writes otadata as it would, sets board->running, and says on
 * the console what it does. @return false when there is nothing to boot. */
bool sim_boot(struct sim_board *board);

/* Would it start what lies in this partition? The console hears why not. */
bool sim_boot_takes(struct sim_board *board, const struct espota_partition *partition);

/* What it says of an image that is whole, and that it does not start; NULL: it starts. */
const char *sim_boot_refusal(const struct sim_board *board, const struct espota_image *image);

/* console.c: bytes to a stream, if the board has power. */
void sim_send(struct sim_board *board, enum sim_stream stream, const uint8_t *data, size_t length);
/* console.c: a line, to the UART and the log. */
void sim_print(struct sim_board *board, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

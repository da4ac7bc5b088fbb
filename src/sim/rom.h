/* The mask-ROM serial bootloader of a simulated chip. Bytes in, bytes out; the board owns it. */
#ifndef ESPOTA_SIM_ROM_H
#define ESPOTA_SIM_ROM_H

#include "efuses.h"
#include "espota/chip.h"
#include "espota/rom_protocol.h"
#include "espota/slip.h"
#include "flash.h"
#include "memory.h"

#include <zlib.h>

enum { SIM_ROM_MAX_PACKET = 0x4000 + 64, SIM_ROM_REGISTERS = 64 };

struct sim_rom_events {
    void *context;
    void (*send)(void *context, const uint8_t *data, size_t length);
    void (*set_baud)(void *context, uint32_t baud);
    void (*leave)(void *context);                 /* reboot was asked for */
    void (*start)(void *context, uint32_t entry); /* a jump into RAM was asked for */
};

struct sim_rom {
    const struct espota_chip *chip;
    struct sim_flash *flash;
    struct sim_rom_events events;
    struct sim_identity identity;
    uint32_t baud; /* of the UART */
    struct espota_slip_decoder decoder;
    uint8_t packet[SIM_ROM_MAX_PACKET];
    bool attached; /* SPI_ATTACH was done */
    uint8_t last_command;
    struct {
        uint32_t address, value;
    } written[SIM_ROM_REGISTERS]; /* registers that were written */
    unsigned written_count;
    struct sim_memory memory;
    bool gone; /* something else runs */
    /* write under way */
    bool writing, compressed;
    uint32_t at;
    uint32_t sequence, packets; /* expected next, announced */
    z_stream stream;
    bool stream_open, stream_ended;
    size_t window_used;
    uint8_t window[ESPOTA_ROM_WINDOW_SIZE]; /* keeps what was in it, like the ROM's */
};

/* Enter download mode. */
void sim_rom_start(struct sim_rom *rom, const struct espota_chip *chip, struct sim_flash *flash,
                   const struct sim_identity *identity, const struct sim_rom_events *events);
void sim_rom_stop(struct sim_rom *rom);
void sim_rom_input(struct sim_rom *rom, const uint8_t *data, size_t length);

#endif

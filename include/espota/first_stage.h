/** What a host and the first stage of the stub say to each other while it is loaded: firmware/PROTOCOL.md,
 * "The first stage". */
#ifndef ESPOTA_FIRST_STAGE_H
#define ESPOTA_FIRST_STAGE_H

/** A request: kind, index (1), 0 (2), what follows; CRC-32. An answer: the kind; the chip's id in
 * image headers, plus 1, or 0 (2); 0 (1); which blocks are there (8); the divider's register (4); CRC-32. */
enum espota_first_kind {
    ESPOTA_FIRST_ASK = 0x51,
    ESPOTA_FIRST_DATA = 0x52, /* a block */
    ESPOTA_FIRST_RATE = 0x53, /* the divider's register (4) */
    ESPOTA_FIRST_START = 0x54 /* which blocks have to be there (8), bytes when unpacked (4) */
};

#define ESPOTA_FIRST_HEAD     4u
#define ESPOTA_FIRST_CRC      4u
#define ESPOTA_FIRST_BLOCK    512u
#define ESPOTA_FIRST_BLOCKS   64u
#define ESPOTA_FIRST_PACKED   (ESPOTA_FIRST_BLOCK * ESPOTA_FIRST_BLOCKS)
#define ESPOTA_FIRST_UNPACKED 32768u
#define ESPOTA_FIRST_ANSWER   20u

/** Cycles of the CPU without a request, after which it goes back to the rate that it began with. No ROM runs
 * at less than 20 MHz. */
#define ESPOTA_FIRST_PATIENCE    24000000u
#define ESPOTA_FIRST_PATIENCE_MS 1200u

#endif

/* The RAM of a simulated chip, as far as the ROM loads it: stretches of bytes by their addresses. */
#ifndef ESPOTA_SIM_MEMORY_H
#define ESPOTA_SIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_MEMORY_PIECES = 8, SIM_MEMORY_MOST = 512 << 10 };

struct sim_memory {
    struct sim_memory_piece {
        uint32_t address, length;
        uint8_t *bytes;
    } piece[SIM_MEMORY_PIECES];
    unsigned count;
    uint32_t filled;   /* bytes of the last piece */
    uint32_t sequence; /* of the packet that comes next */
};

/* Bytes are announced: they take the place of others at the same address. @return false when there is no
 * room.
 */
bool sim_memory_begin(struct sim_memory *memory, uint32_t address, uint32_t length);

/* The next packet of what was announced last. @return false for one that is out of turn or too long. */
bool sim_memory_store(struct sim_memory *memory, uint32_t sequence, const uint8_t *data, size_t length);

/* Was exactly this loaded there? */
bool sim_memory_holds(const struct sim_memory *memory, uint32_t address, const uint8_t *data, size_t length);

/* The power is gone. */
void sim_memory_clear(struct sim_memory *memory);

#endif

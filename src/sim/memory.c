#include "memory.h"

#include <stdlib.h>
#include <string.h>

bool sim_memory_begin(struct sim_memory *memory, uint32_t address, uint32_t length)
{
    unsigned i = 0;
    memory->filled = memory->sequence = 0;
    while (i < memory->count && memory->piece[i].address != address)
        i++;
    if (i < memory->count) { /* it becomes the last one */
        free(memory->piece[i].bytes);
        memory->piece[i] = memory->piece[--memory->count];
    }
    uint8_t *bytes = length <= SIM_MEMORY_MOST && memory->count < SIM_MEMORY_PIECES
                         ? malloc(length > 0 ? length : 1)
                         : NULL;
    if (!bytes)
        return false;
    memory->piece[memory->count++] = (struct sim_memory_piece){ address, length, bytes };
    return true;
}

bool sim_memory_store(struct sim_memory *memory, uint32_t sequence, const uint8_t *data, size_t length)
{
    if (memory->count == 0 || sequence != memory->sequence)
        return false;
    struct sim_memory_piece *piece = &memory->piece[memory->count - 1];
    if (length > piece->length - memory->filled)
        return false;
    memcpy(piece->bytes + memory->filled, data, length);
    memory->filled += (uint32_t)length;
    memory->sequence++;
    return true;
}

bool sim_memory_holds(const struct sim_memory *memory, uint32_t address, const uint8_t *data, size_t length)
{
    for (unsigned i = 0; i < memory->count; i++) {
        const struct sim_memory_piece *piece = &memory->piece[i];
        bool whole = i + 1 < memory->count || memory->filled == piece->length;
        if (piece->address == address)
            return whole && piece->length == length && memcmp(piece->bytes, data, length) == 0;
    }
    return false;
}

void sim_memory_clear(struct sim_memory *memory)
{
    for (unsigned i = 0; i < memory->count; i++)
        free(memory->piece[i].bytes);
    memset(memory, 0, sizeof *memory);
}

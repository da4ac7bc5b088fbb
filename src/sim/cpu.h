/* What a board's CPU takes for what the agent's code computes: cycles for each byte that it works on, at the
 * frequency that it has now. */
#ifndef ESPOTA_SIM_CPU_H
#define ESPOTA_SIM_CPU_H

#include "espota/chip.h"
#include "espota/coder.h"
#include "espota/hash.h"
#include "timing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_ROM_MHZ = 40, SIM_APP_MHZ = 160 };

/* Cycles, a byte unless said otherwise. */
struct sim_cpu_costs {
    uint32_t frame;   /* SLIP and CRC, of a byte that comes or goes */
    uint32_t sha256;  /* hashing */
    uint32_t coded;   /* decoding, of a byte that comes in */
    uint32_t deep;    /* the same by the deep model */
    uint32_t patch;   /* the same with a base, */
    uint32_t rebuilt; /* and of a byte that comes out then, besides */
    uint32_t begin;   /* beginning to decode, of 2048 bytes of the decoder's memory */
};

/* Instructions of the agent's own code, counted by QEMU (riscv32, -icount, gcc -Os) and taken for a cycle
 * each. */
extern const struct sim_cpu_costs sim_cpu_usual;

struct sim_cpu {
    const struct sim_time *time; /* NULL: computing takes none */
    struct sim_cpu_costs costs;
    uint32_t mhz;
    uint64_t spent_ns;
    struct espota_coder_image image, around; /* as the agent gave it, and as the decoder sees it */
    uint32_t coded;                          /* as in `costs`, of the model that is used */
    uint64_t each, left;                     /* cycles of a sector: up to a pause of the decoder's; in all */
};

/* A hash on it. */
struct sim_cpu_hash {
    struct sim_cpu *cpu;
    struct espota_hash inner;
    uint32_t cycles; /* a byte takes */
};

enum espota_isa sim_isa(const struct espota_chip *chip);

void sim_cpu_init(struct sim_cpu *cpu, const struct sim_time *time, uint32_t mhz);
void sim_cpu_spend(struct sim_cpu *cpu, uint64_t cycles);

/* Of a byte, where the chip has an engine for SHA-256: words of a block are put together and stored, and a
 * block takes it some 80. Every chip has one; what runs on the ESP32-P4 does without. */
enum { SIM_SHA_ENGINE_CYCLES = 8, SIM_WITHOUT_SHA_ENGINE = 18 };

/* The same hash, whose updates cost. `own` must outlive it. */
struct espota_hash sim_cpu_hash(struct sim_cpu_hash *own, struct sim_cpu *cpu,
                                const struct espota_hash *hash);

/* The decoder, whose sectors cost. Its memory begins with a pointer to the CPU: sim_cpu_decoder_memory
 * allocates it, for the caller to free(). */
extern const struct espota_decoder_ops sim_cpu_decoder;
void *sim_cpu_decoder_memory(struct sim_cpu *cpu, unsigned table_log, size_t *size);

#endif

#include "cpu.h"

#include <stdlib.h>
#include <string.h>

/* A coded byte becomes two of the image. */
const struct sim_cpu_costs sim_cpu_usual = {
    .frame = 45, .sha256 = 79, .coded = 2 * ESPOTA_CODER_CYCLES_RISCV, .begin = 8192
};

/* The first three are Xtensa; all later ones are RISC-V. */
enum espota_isa sim_isa(const struct espota_chip *chip)
{
    enum { ESP32 = 0, ESP32S2 = 2, ESP32S3 = 9 };
    bool xtensa = chip->image_id == ESP32 || chip->image_id == ESP32S2 || chip->image_id == ESP32S3;
    return xtensa ? ESPOTA_ISA_XTENSA : ESPOTA_ISA_RISCV;
}

void sim_cpu_init(struct sim_cpu *cpu, const struct sim_time *time, uint32_t mhz)
{
    *cpu = (struct sim_cpu){ .time = time, .costs = sim_cpu_usual, .mhz = mhz };
}

void sim_cpu_spend(struct sim_cpu *cpu, uint64_t cycles)
{
    uint64_t ns = cycles * 1000 / cpu->mhz;
    if (!cpu->time)
        return;
    cpu->spent_ns += ns;
    sim_time_spend(cpu->time, ns);
}

/* ---- hashing --------------------------------------------------------------------------------------------
 */

static int hash_begin(void *context)
{
    const struct sim_cpu_hash *own = context;
    return own->inner.begin(own->inner.context);
}

static int hash_update(void *context, const void *data, size_t length)
{
    struct sim_cpu_hash *own = context;
    sim_cpu_spend(own->cpu, length * own->cycles);
    return own->inner.update(own->inner.context, data, length);
}

static int hash_finish(void *context, uint8_t *digest)
{
    const struct sim_cpu_hash *own = context;
    return own->inner.finish(own->inner.context, digest);
}

struct espota_hash sim_cpu_hash(struct sim_cpu_hash *own, struct sim_cpu *cpu, const struct espota_hash *hash)
{
    *own = (struct sim_cpu_hash){ cpu, *hash, cpu->costs.sha256 };
    return (struct espota_hash){ own, hash_begin, hash_update, hash_finish };
}

/* ---- decoding -------------------------------------------------------------------------------------------
 */

/* In front of the decoder's own memory, of `size`. */
struct head {
    _Alignas(max_align_t) struct sim_cpu *cpu;
    size_t size;
};

static size_t decoder_memory(unsigned table_log)
{
    size_t size = espota_decoder.memory(table_log);
    return size ? size + sizeof(struct head) : 0;
}

void *sim_cpu_decoder_memory(struct sim_cpu *cpu, unsigned table_log, size_t *size)
{
    *size = decoder_memory(table_log);
    struct head *head = *size ? calloc(1, *size) : NULL;
    if (head)
        *head = (struct head){ .cpu = cpu, .size = *size - sizeof *head };
    return head;
}

/* The decoder pauses after each unit. */
static void relax(void *context)
{
    struct sim_cpu *cpu = context;
    cpu->pauses++;
    if (cpu->counting)
        return;
    sim_cpu_spend(cpu, cpu->each);
    if (cpu->image.relax)
        cpu->image.relax(cpu->image.context);
}

static int read_image(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct sim_cpu *cpu = context;
    return cpu->image.read ? cpu->image.read(cpu->image.context, offset, buffer, length) : -1;
}

static int decoder_begin(void *memory, size_t size, enum espota_isa isa, unsigned table_log, uint32_t offset,
                         const struct espota_coder_image *image)
{
    struct head *head = memory;
    struct sim_cpu *cpu = head->cpu;
    cpu->image = image ? *image : (struct espota_coder_image){ 0 };
    cpu->around = (struct espota_coder_image){ .context = cpu, .read = read_image, .relax = relax };
    cpu->each = cpu->costs.begin;
    return espota_decoder.begin(head + 1, size - sizeof *head, isa, table_log, offset, &cpu->around);
}

/* How often the decoder will pause in this sector; what it learns is forgotten again. */
static uint64_t count_pauses(struct sim_cpu *cpu, struct head *head, const uint8_t *chunk, size_t length)
{
    uint8_t ignored[ESPOTA_CODER_SECTOR];
    void *before = malloc(head->size);
    if (!before)
        return 1;
    memcpy(before, head + 1, head->size);
    cpu->pauses = 0;
    cpu->counting = true;
    (void)espota_decoder.sector(head + 1, chunk, length, ignored);
    cpu->counting = false;
    memcpy(head + 1, before, head->size);
    free(before);
    return cpu->pauses ? cpu->pauses : 1;
}

/* What a sector takes goes by the bytes that it comes in, and is spread over its pauses. */
static int decoder_sector(void *memory, const uint8_t *chunk, size_t length,
                          uint8_t sector[ESPOTA_CODER_SECTOR])
{
    struct head *head = memory;
    struct sim_cpu *cpu = head->cpu;
    if (cpu->time)
        cpu->each = length * cpu->costs.coded / count_pauses(cpu, head, chunk, length);
    return espota_decoder.sector(head + 1, chunk, length, sector);
}

const struct espota_decoder_ops sim_cpu_decoder = { .memory = decoder_memory,
                                                    .begin = decoder_begin,
                                                    .sector = decoder_sector };

#include "cpu.h"

#include <stdlib.h>
#include <string.h>

/* A coded byte becomes two of the image. */
const struct sim_cpu_costs sim_cpu_usual = { .frame = 45,
                                             .sha256 = 79,
                                             .coded = 2 * ESPOTA_CODER_CYCLES_RISCV,
                                             .deep = 2 * ESPOTA_CODER_CYCLES_DEEP,
                                             .rebuilt = 400,
                                             .patch = 2400,
                                             .begin = 8192 };

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

static int hash_so_far(void *context, uint8_t *digest)
{
    const struct sim_cpu_hash *own = context;
    return own->inner.so_far(own->inner.context, digest);
}

static int hash_finish(void *context, uint8_t *digest)
{
    const struct sim_cpu_hash *own = context;
    return own->inner.finish(own->inner.context, digest);
}

struct espota_hash sim_cpu_hash(struct sim_cpu_hash *own, struct sim_cpu *cpu, const struct espota_hash *hash)
{
    *own = (struct sim_cpu_hash){ cpu, *hash, cpu->costs.sha256 };
    return (struct espota_hash){ own, hash_begin, hash_update, hash_finish, hash_so_far };
}

/* ---- decoding -------------------------------------------------------------------------------------------
 */

/* In front of the decoder's own memory, of `size`. */
struct head {
    _Alignas(max_align_t) struct sim_cpu *cpu;
    size_t size;
};

static size_t with_head(size_t size)
{
    return size ? size + sizeof(struct head) : 0;
}

static size_t decoder_memory(unsigned table_log)
{
    return with_head(espota_decoder.memory(table_log));
}

static size_t decoder_memory_with_base(unsigned table_log)
{
    return with_head(espota_decoder.memory_with_base(table_log));
}

void *sim_cpu_decoder_memory(struct sim_cpu *cpu, unsigned table_log, size_t *size)
{
    size_t with_base = decoder_memory_with_base(table_log),
           deep = decoder_memory(table_log | ESPOTA_CODER_DEEP);
    *size = with_base > deep ? with_base : deep;
    struct head *head = *size ? calloc(1, *size) : NULL;
    if (head)
        *head = (struct head){ .cpu = cpu, .size = *size - sizeof *head };
    return head;
}

static void spend_some(struct sim_cpu *cpu)
{
    uint64_t cycles = cpu->each < cpu->left ? cpu->each : cpu->left;
    cpu->left -= cycles;
    sim_cpu_spend(cpu, cycles);
    if (cpu->image.relax)
        cpu->image.relax(cpu->image.context);
}

/* The decoder pauses after each unit. */
static void relax(void *context)
{
    spend_some(context);
}

static int read_image(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct sim_cpu *cpu = context;
    return cpu->image.read ? cpu->image.read(cpu->image.context, offset, buffer, length) : -1;
}

static int read_base(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct sim_cpu *cpu = context;
    return cpu->image.read_base ? cpu->image.read_base(cpu->image.context, offset, buffer, length) : -1;
}

static int decoder_begin(void *memory, size_t size, enum espota_isa isa, unsigned table_log, uint32_t offset,
                         const struct espota_coder_image *image)
{
    struct head *head = memory;
    struct sim_cpu *cpu = head->cpu;
    cpu->image = image ? *image : (struct espota_coder_image){ 0 };
    cpu->around = (struct espota_coder_image){ .context = cpu,
                                               .read = read_image,
                                               .relax = relax,
                                               .read_base = read_base,
                                               .base_length = cpu->image.base_length,
                                               .layout = cpu->image.layout };
    cpu->coded = table_log & ESPOTA_CODER_DEEP ? cpu->costs.deep : cpu->costs.coded;
    cpu->each = cpu->costs.begin;
    cpu->left = UINT64_MAX;
    return espota_decoder.begin(head + 1, size - sizeof *head, isa, table_log, offset, &cpu->around);
}

/* What `cycles` buy is spread over so many pauses, and what those did not take comes at the end. */
static void begin_to_spend(struct sim_cpu *cpu, uint64_t cycles)
{
    enum { PAUSES = 1024 };
    cpu->left = cpu->time ? cycles : 0;
    cpu->each = cpu->left / PAUSES + 1;
}

static int end_to_spend(struct sim_cpu *cpu, int result)
{
    while (cpu->left > 0)
        spend_some(cpu);
    return result;
}

static int decoder_map(void *memory, const uint8_t *chunk, size_t length)
{
    struct head *head = memory;
    begin_to_spend(head->cpu, length * (uint64_t)head->cpu->coded);
    return end_to_spend(head->cpu, espota_decoder.map(head + 1, chunk, length));
}

/* What a sector takes goes by the bytes that it comes in; with a base also by those that come of it. */
static int decoder_sector(void *memory, const uint8_t *chunk, size_t length,
                          uint8_t sector[ESPOTA_CODER_SECTOR])
{
    struct head *head = memory;
    struct sim_cpu *cpu = head->cpu;
    uint64_t cycles = length * (uint64_t)cpu->coded;
    if (cpu->image.base_length > 0)
        cycles = length * (uint64_t)cpu->costs.patch + (uint64_t)cpu->costs.rebuilt * ESPOTA_CODER_SECTOR;
    begin_to_spend(cpu, cycles);
    return end_to_spend(cpu, espota_decoder.sector(head + 1, chunk, length, sector));
}

const struct espota_decoder_ops sim_cpu_decoder = { .memory = decoder_memory,
                                                    .memory_with_base = decoder_memory_with_base,
                                                    .begin = decoder_begin,
                                                    .map = decoder_map,
                                                    .sector = decoder_sector };

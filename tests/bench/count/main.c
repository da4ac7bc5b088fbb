/* Decodes the stream that is linked in, on QEMU's riscv32 machine 'virt', and prints: bytes that came out of
 * coded sectors, instructions a byte, instructions a byte of the slowest sector. Run by
 * tests/bench/instructions.sh. */
#include "espota/coder.h"

#include <stdint.h>

extern const uint8_t stream[], base[]; /* the latter if the stream has one */

static uint32_t memory[128 * 1024];
static uint8_t image[4u << 20];

int main(void);

#ifdef __XTENSA__
/* Machine 'sim', CPU dc233c: its counter goes at 10 MHz, and an instruction takes 1 ns. Simulation calls: 4
 * writes, 1 exits. */
#define INSTRUCTIONS_PER_COUNT 100u

static void call_simulator(uint32_t number, uint32_t first, uint32_t second, uint32_t third)
{
    register uint32_t a2 __asm__("a2") = number;
    register uint32_t a3 __asm__("a3") = first;
    register uint32_t a4 __asm__("a4") = second;
    register uint32_t a5 __asm__("a5") = third;
    __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
}

static void put(char c)
{
    call_simulator(4, 1, (uint32_t)(uintptr_t)&c, 1);
}

static uint32_t count(void)
{
    uint32_t value;
    __asm__ volatile("rsr.ccount %0" : "=r"(value));
    return value;
}

static void end(void)
{
    call_simulator(1, 0, 0, 0);
}
#else
/* Machine 'virt'. */
#define INSTRUCTIONS_PER_COUNT 1u

static void put(char c)
{
    *(volatile uint8_t *)0x10000000 = (uint8_t)c;
}

static uint32_t count(void)
{
    uint32_t value;
    __asm__ volatile("rdinstret %0" : "=r"(value));
    return value;
}

static void end(void)
{
    *(volatile uint32_t *)0x00100000 = 0x5555;
    for (;;)
        ;
}
#endif

static void print(uint32_t value, char behind)
{
    for (int shift = 28; shift >= 0; shift -= 4)
        put("0123456789abcdef"[value >> shift & 15]);
    put(behind);
}

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int read_image(void *context, uint32_t offset, void *buffer, size_t length)
{
    (void)context;
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)buffer)[i] = image[offset + i];
    return 0;
}

static int read_base(void *context, uint32_t offset, void *buffer, size_t length)
{
    (void)context;
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)buffer)[i] = base[offset + i];
    return 0;
}

/* Begin the stream, take the map. @return what follows it, or NULL. */
static const uint8_t *begin(struct espota_coder_image *around)
{
    const uint8_t *p = stream + ESPOTA_STREAM_HEAD_SIZE;
    int more = 0;
    if (stream[0] == ESPOTA_STREAM_BASED) {
        around->base_length = word(stream + ESPOTA_BASED_BASE_LENGTH);
        around->layout = stream[ESPOTA_BASED_LAYOUT];
        more = (around->layout & ESPOTA_LAYOUT_UNMAPPED) != ESPOTA_LAYOUT_UNMAPPED;
        p = stream + ESPOTA_BASED_HEAD_SIZE;
    }
    if (espota_decoder.begin(memory, sizeof memory, stream[1], stream[2], 0, around) != 0)
        return 0;
    for (; more != 0; p += 2 + (word(p) & 0xFFFF)) {
        more = espota_decoder.map(memory, p + 2, word(p) & 0xFFFF);
        if (more < 0)
            return 0;
    }
    return p;
}

int main(void)
{
    static struct espota_coder_image around = { .read = read_image, .read_base = read_base };
    uint32_t length = stream[0] != ESPOTA_STREAM_BASED
                          ? word(stream + 8)
                          : (word(stream + ESPOTA_BASED_LENGTH) & 0xFFFF) * ESPOTA_CODER_SECTOR,
             sectors = 0, sum = 0, slowest = 0;
    const uint8_t *p = begin(&around);
    int result = p != 0 ? 0 : -1;
    for (uint32_t at = 0; at < length && result >= 0; at += ESPOTA_CODER_SECTOR) {
        uint32_t chunk = (uint32_t)p[0] | (uint32_t)p[1] << 8, kind = chunk >> 14;
        static const uint8_t sizes[4] = { 0, 0, 1, 4 };
        uint32_t size = kind == ESPOTA_CHUNK_CODED    ? chunk & ESPOTA_CHUNK_LENGTH_MASK
                        : kind == ESPOTA_CHUNK_STORED ? ESPOTA_CODER_SECTOR
                                                      : sizes[kind];
        if (kind == ESPOTA_CHUNK_CODED || result == 1) {
            uint32_t from = count();
            result =
                espota_decoder.sector(memory, result == 1 ? 0 : p + 2, result == 1 ? 0 : size, image + at);
            uint32_t a_byte = (count() - from) * INSTRUCTIONS_PER_COUNT / ESPOTA_CODER_SECTOR;
            slowest = a_byte > slowest ? a_byte : slowest;
            sum += a_byte;
            sectors++;
        } else if (kind != ESPOTA_CHUNK_FILL) {
            (void)read_image(0, kind == ESPOTA_CHUNK_COPY ? word(p + 2) : 0, image + at, ESPOTA_CODER_SECTOR);
            for (uint32_t i = 0; kind == ESPOTA_CHUNK_STORED && i < size; i++)
                image[at + i] = p[2 + i];
        } else {
            for (uint32_t i = 0; i < ESPOTA_CODER_SECTOR; i++)
                image[at + i] = p[2];
        }
        p += result == 1 ? 0 : 2 + size;
    }
    print(result == 0 ? sectors : 0, ' ');
    print(sum, ' ');
    print(slowest, '\n');
    end();
    return 0;
}

/* Decodes the stream that is linked in, on QEMU's riscv32 machine 'virt', and prints: bytes that came out of
 * coded sectors, instructions a byte, instructions a byte of the slowest sector. Run by
 * tests/bench/instructions.sh. */
#include "espota/coder.h"

#include <stdint.h>

#define UART ((volatile uint8_t *)0x10000000)
#define TEST ((volatile uint32_t *)0x00100000)
#define DONE 0x5555u

extern const uint8_t stream[];

static uint32_t memory[128 * 1024];
static uint8_t sector[ESPOTA_CODER_SECTOR];

int main(void);

static void print(uint32_t value, char behind)
{
    char digits[11];
    unsigned count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (count > 0)
        *UART = (uint8_t)digits[--count];
    *UART = (uint8_t)behind;
}

static uint32_t instructions(void)
{
    uint32_t count;
    __asm__ volatile("rdinstret %0" : "=r"(count));
    return count;
}

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

int main(void)
{
    const uint8_t *p = stream + ESPOTA_STREAM_HEAD_SIZE;
    uint32_t length = word(stream + 8), sectors = 0, sum = 0, slowest = 0;
    int bad = espota_decoder.begin(memory, sizeof memory, stream[1], stream[2], 0, 0);
    for (uint32_t at = 0; at < length && bad == 0; at += sizeof sector) {
        uint32_t chunk = (uint32_t)p[0] | (uint32_t)p[1] << 8, size = chunk & ESPOTA_CHUNK_LENGTH_MASK;
        p += 2;
        if (chunk >> 14 == ESPOTA_CHUNK_CODED) {
            uint32_t from = instructions();
            bad = espota_decoder.sector(memory, p, size, sector);
            uint32_t a_byte = (instructions() - from) / sizeof sector;
            slowest = a_byte > slowest ? a_byte : slowest;
            sum += a_byte;
            sectors++;
        }
        p += chunk >> 14 == ESPOTA_CHUNK_CODED    ? size
             : chunk >> 14 == ESPOTA_CHUNK_STORED ? sizeof sector
                                                  : 1;
    }
    print(bad == 0 ? sectors * sizeof sector : 0, ' ');
    print(sectors > 0 ? sum / sectors : 0, ' ');
    print(slowest, '\n');
    *TEST = DONE;
    for (;;)
        ;
}

#include "spi_flash.h"

#include "registers.h"

enum {
    COMMAND = 0x00,
    ADDRESS = 0x04,
    CONTROL = 0x08,
    CHUNK = 64, /* bytes of data that the controller holds */
    PAGE = 256,
    BLOCK_32K = 32768,
    BLOCK_64K = 65536,
    LONGEST_POLLS = 4000000, /* of the status register: far beyond the 400 ms of a slow erase */
};

#define START (1u << 18)
#define FAST_READS                                                                                           \
    (1u << 13 | 1u << 14 | 1u << 20 | 1u << 23 | 1u << 24) /* fast, dual and quad, data and address */
#define FAST_WRITES (0xfu << 12)
#define PHASES      (0x1fu << 27)
#define HAS_COMMAND (1u << 31)
#define HAS_ADDRESS (1u << 30)
#define HAS_INPUT   (1u << 28)
#define HAS_OUTPUT  (1u << 27)

/* Commands of 25Q flash chips. */
enum {
    PROGRAM = 0x02,
    READ = 0x03,
    READ_STATUS = 0x05,
    WRITE_ENABLE = 0x06,
    ERASE_SECTOR = 0x20,
    ERASE_32K = 0x52,
    ERASE_64K = 0xd8,
    READ_ID = 0x9f
};
enum { BUSY = 1 };

void bare_spi_begin(const struct bare_spi *spi)
{
    while (bare_get(spi->base + COMMAND) != 0)
        continue;
    bare_change(spi->base + CONTROL, FAST_READS, 0);
    bare_change(spi->base + spi->user, FAST_WRITES, 0);
}

struct exchange {
    uint8_t command, address_bits;
    uint32_t address;
    uint8_t out, in; /* bytes; at most CHUNK, and one of them 0 */
};

static void run(const struct bare_spi *spi, struct exchange e)
{
    uint32_t phases = HAS_COMMAND;
    if (e.address_bits > 0) {
        phases |= HAS_ADDRESS;
        bare_put(spi->base + ADDRESS, e.address << spi->address_shift);
        bare_put(spi->base + spi->user1, (uint32_t)(e.address_bits - 1) << 26);
    }
    if (e.out > 0) {
        phases |= HAS_OUTPUT;
        bare_put(spi->base + spi->mosi_length, e.out * 8u - 1);
    }
    if (e.in > 0) {
        phases |= HAS_INPUT;
        bare_put(spi->base + spi->miso_length, e.in * 8u - 1);
    }
    bare_change(spi->base + spi->user, PHASES, phases);
    bare_put(spi->base + spi->user2, 7u << 28 | e.command);
    bare_put(spi->base + COMMAND, START);
    while (bare_get(spi->base + COMMAND) & START)
        continue;
}

static void take(const struct bare_spi *spi, uint8_t *out, size_t length)
{
    uint32_t word = 0;
    for (size_t i = 0; i < length; i++) {
        if (i % 4 == 0)
            word = bare_get(spi->base + spi->data + (uint32_t)i);
        out[i] = (uint8_t)(word >> (8 * (i % 4)));
    }
}

static void give(const struct bare_spi *spi, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i += 4) {
        uint32_t word = 0xffffffffu;
        for (size_t k = 0; k < 4 && i + k < length; k++)
            word = (word & ~(0xffu << (8 * k))) | (uint32_t)data[i + k] << (8 * k);
        bare_put(spi->base + spi->data + (uint32_t)i, word);
    }
}

static int wait_idle(const struct bare_spi *spi)
{
    for (uint32_t i = 0; i < LONGEST_POLLS; i++) {
        uint8_t status;
        run(spi, (struct exchange){ .command = READ_STATUS, .in = 1 });
        take(spi, &status, 1);
        if (!(status & BUSY))
            return 0;
    }
    return -1;
}

uint32_t bare_flash_id(const struct bare_spi *spi)
{
    uint8_t id[3];
    run(spi, (struct exchange){ .command = READ_ID, .in = sizeof id });
    take(spi, id, sizeof id);
    return (uint32_t)id[0] | (uint32_t)id[1] << 8 | (uint32_t)id[2] << 16;
}

int bare_flash_read(const struct bare_spi *spi, uint32_t offset, void *out, size_t length)
{
    uint8_t *at = out;
    if (wait_idle(spi) != 0)
        return -1;
    while (length > 0) {
        uint8_t chunk = length < CHUNK ? (uint8_t)length : CHUNK;
        run(spi, (struct exchange){ READ, 24, offset, 0, chunk });
        take(spi, at, chunk);
        at += chunk;
        offset += chunk;
        length -= chunk;
    }
    return 0;
}

int bare_flash_erase(const struct bare_spi *spi, uint32_t offset, uint32_t length)
{
    uint8_t command = length == BLOCK_64K ? ERASE_64K : length == BLOCK_32K ? ERASE_32K : ERASE_SECTOR;
    if (wait_idle(spi) != 0)
        return -1;
    run(spi, (struct exchange){ .command = WRITE_ENABLE });
    run(spi, (struct exchange){ command, 24, offset, 0, 0 });
    return wait_idle(spi);
}

int bare_flash_program(const struct bare_spi *spi, uint32_t offset, const void *data, size_t length)
{
    const uint8_t *at = data;
    if (wait_idle(spi) != 0)
        return -1;
    while (length > 0) {
        size_t chunk = PAGE - offset % PAGE;
        chunk = chunk < CHUNK ? chunk : CHUNK;
        chunk = chunk < length ? chunk : length;
        run(spi, (struct exchange){ .command = WRITE_ENABLE });
        give(spi, at, chunk);
        run(spi, (struct exchange){ PROGRAM, 24, offset, (uint8_t)chunk, 0 });
        if (wait_idle(spi) != 0)
            return -1;
        at += chunk;
        offset += (uint32_t)chunk;
        length -= chunk;
    }
    return 0;
}

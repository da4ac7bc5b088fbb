#include "spi_flash.h"

#include "registers.h"

enum {
    COMMAND = 0x00,
    ADDRESS = 0x04,
    CONTROL = 0x08,
    CHUNK = 64,              /* bytes of data that the controller holds */
    LONGEST_POLLS = 4000000, /* of the status register: far beyond the 2 s of a slow erase */
};

#define START (1u << 18)
#define FAST_READS                                                                                           \
    (1u << 13 | 1u << 14 | 1u << 20 | 1u << 23 | 1u << 24) /* fast, dual and quad, data and address */
#define FAST_WRITES  (0xfu << 12)
#define PHASES       (0x1fu << 27)
#define HAS_COMMAND  (1u << 31)
#define HAS_ADDRESS  (1u << 30)
#define HAS_INPUT    (1u << 28)
#define HAS_OUTPUT   (1u << 27)
#define WITH_24_BITS 0x1000000u /* bytes that a three-byte address reaches */

/* Commands of 25Q flash chips, and those with four bytes of address. */
enum {
    PROGRAM = 0x02,
    READ = 0x03,
    READ_STATUS = 0x05,
    WRITE_ENABLE = 0x06,
    PROGRAM_4 = 0x12,
    READ_4 = 0x13,
    ERASE_SECTOR = 0x20,
    ERASE_SECTOR_4 = 0x21,
    ERASE_32K = 0x52,
    ERASE_32K_4 = 0x5c,
    READ_ID = 0x9f,
    ERASE_64K = 0xd8,
    ERASE_64K_4 = 0xdc
};
enum { BUSY = 1 };

void bare_flash_begin(struct bare_flash *flash, const struct bare_spi *spi)
{
    *flash = (struct bare_flash){ .spi = spi, .busy = true }; /* what was begun before may go on */
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
        bare_put(spi->base + ADDRESS, e.address_bits == 24 ? e.address << spi->address_shift : e.address);
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

/* With as many bytes of address as it needs. */
static void run_at(const struct bare_spi *spi, uint8_t narrow, uint8_t wide, uint32_t address, size_t out,
                   size_t in)
{
    bool far = address >= WITH_24_BITS;
    run(spi, (struct exchange){ far ? wide : narrow, far ? 32 : 24, address, (uint8_t)out, (uint8_t)in });
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

static uint8_t status(const struct bare_spi *spi)
{
    uint8_t byte;
    run(spi, (struct exchange){ .command = READ_STATUS, .in = 1 });
    take(spi, &byte, 1);
    return byte;
}

/* The controller holds a part of a page. */
static void program_part(struct bare_flash *flash)
{
    size_t part = flash->left < CHUNK ? flash->left : CHUNK;
    run(flash->spi, (struct exchange){ .command = WRITE_ENABLE });
    give(flash->spi, flash->data, part);
    run_at(flash->spi, PROGRAM, PROGRAM_4, flash->at, part, 0);
    flash->at += (uint32_t)part;
    flash->data += part;
    flash->left -= part;
    flash->polls = 0;
}

int bare_flash_busy(struct bare_flash *flash)
{
    if (!flash->busy)
        return 0;
    if (status(flash->spi) & BUSY) {
        flash->polls++;
        if (flash->polls < LONGEST_POLLS)
            return 1;
        flash->left = 0;
        flash->polls = 0;
        return -1;
    }
    if (flash->left > 0) {
        program_part(flash);
        return 1;
    }
    flash->busy = false;
    return 0;
}

static int wait_idle(struct bare_flash *flash)
{
    int busy;
    do
        busy = bare_flash_busy(flash);
    while (busy > 0);
    return busy;
}

uint32_t bare_flash_id(struct bare_flash *flash)
{
    uint8_t id[3];
    if (wait_idle(flash) != 0)
        return 0;
    run(flash->spi, (struct exchange){ .command = READ_ID, .in = sizeof id });
    take(flash->spi, id, sizeof id);
    return (uint32_t)id[0] | (uint32_t)id[1] << 8 | (uint32_t)id[2] << 16;
}

/* Some makers count from 20 or 32 on, where JEDEC has 1A and 12. Source: esptool, docs and
 * esptool/cmds.py, DETECTED_FLASH_SIZES. */
uint32_t bare_flash_size(uint32_t id)
{
    uint32_t log = id >> 16 & 0xff;
    if (log >= 0x20 && log <= 0x22)
        log -= 0x20 - 0x1a;
    else if (log >= 0x32 && log <= 0x3a)
        log -= 0x20;
    return log >= 0x10 && log <= 0x1c ? 1u << log : 0;
}

int bare_flash_read(struct bare_flash *flash, uint32_t offset, void *out, size_t length)
{
    uint8_t *at = out;
    if (wait_idle(flash) != 0)
        return -1;
    while (length > 0) {
        size_t chunk = length < CHUNK ? length : CHUNK;
        run_at(flash->spi, READ, READ_4, offset, 0, chunk);
        take(flash->spi, at, chunk);
        at += chunk;
        offset += (uint32_t)chunk;
        length -= chunk;
    }
    return 0;
}

int bare_flash_erase(struct bare_flash *flash, uint32_t offset, uint32_t length)
{
    if (wait_idle(flash) != 0)
        return -1;
    run(flash->spi, (struct exchange){ .command = WRITE_ENABLE });
    if (length == 65536)
        run_at(flash->spi, ERASE_64K, ERASE_64K_4, offset, 0, 0);
    else if (length == 32768)
        run_at(flash->spi, ERASE_32K, ERASE_32K_4, offset, 0, 0);
    else
        run_at(flash->spi, ERASE_SECTOR, ERASE_SECTOR_4, offset, 0, 0);
    flash->busy = true;
    flash->polls = 0;
    return 0;
}

int bare_flash_program(struct bare_flash *flash, uint32_t offset, const void *data, size_t length)
{
    if (wait_idle(flash) != 0)
        return -1;
    flash->at = offset;
    flash->data = data;
    flash->left = length;
    flash->busy = true;
    program_part(flash);
    return 0;
}

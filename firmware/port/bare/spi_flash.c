#include "spi_flash.h"

#include "registers.h"

#include <string.h>

enum {
    COMMAND = 0x00,
    ADDRESS = 0x04,
    CONTROL = 0x08,
    CHUNK = 64,              /* bytes of data that the controller holds */
    LONGEST_POLLS = 4000000, /* of the status register: far beyond the 2 s of a slow erase */
    LONGEST_GET = 10000,     /* polls of COMMAND, for 64 bytes */
    PROBE = 16,              /* one chunk in so many, of FF */
};

/* Bits of COMMAND, which stay set while the controller is about it. It knows some commands of flash chips by
 * itself; START runs any other, as it is described in further registers. */
#define START        (1u << 18)
#define PROGRAM_PAGE (1u << 25) /* bytes in the address's top byte; three bytes of address */
#define GET_STATUS   (1u << 27)
#define ENABLE_WRITE (1u << 30)
#define GET_DATA     (1u << 31) /* as PROGRAM_PAGE, the other way */
#define FAST_READS                                                                                           \
    (1u << 13 | 1u << 14 | 1u << 20 | 1u << 23 | 1u << 24) /* fast, dual and quad, data and address */
#define FAST_WRITES         (0xfu << 12)
#define PHASES              (0x1fu << 27)
#define HAS_COMMAND         (1u << 31)
#define HAS_ADDRESS         (1u << 30)
#define HAS_INPUT           (1u << 28)
#define HAS_OUTPUT          (1u << 27)
#define WITH_24_BITS        0x1000000u /* bytes that a three-byte address reaches */
#define ADDRESS_BITS(count) ((uint32_t)((count)-1) << 26)

/* Bytes that lie in memory as words do. */
typedef uint32_t __attribute__((may_alias)) word_of_bytes;

/* Commands of 25Q flash chips, and those with four bytes of address. */
enum {
    READ = 0x03,
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
    bare_change(spi->base + spi->user, FAST_WRITES | PHASES, 0);
}

static void command(const struct bare_spi *spi, uint32_t bit)
{
    bare_put(spi->base + COMMAND, bit);
    while (bare_get(spi->base + COMMAND) & bit)
        continue;
}

struct exchange {
    uint8_t command, address_bits;
    uint8_t out, in; /* bytes; at most CHUNK, and one of them 0 */
};

/* All of it but the address, which may change from one run to the next. */
static void describe(const struct bare_spi *spi, struct exchange e)
{
    uint32_t phases = HAS_COMMAND;
    if (e.address_bits > 0) {
        phases |= HAS_ADDRESS;
        bare_put(spi->base + spi->user1, ADDRESS_BITS(e.address_bits));
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
}

static void go(const struct bare_spi *spi, uint8_t address_bits, uint32_t address)
{
    bare_put(spi->base + ADDRESS, address_bits == 24 ? address << spi->address_shift : address);
    command(spi, START);
}

/* With as many bytes of address as it needs. */
static void run_at(const struct bare_spi *spi, uint8_t narrow, uint8_t wide, uint32_t address, size_t out)
{
    bool far = address >= WITH_24_BITS;
    struct exchange e = { far ? wide : narrow, far ? 32 : 24, (uint8_t)out, 0 };
    describe(spi, e);
    go(spi, e.address_bits, address);
}

static bool holds_words(const void *bytes, size_t length)
{
    return ((uintptr_t)bytes | length) % 4 == 0;
}

static void take(const struct bare_spi *spi, uint8_t *out, size_t length)
{
    uint32_t from = spi->base + spi->data, word = 0;
    if (holds_words(out, length)) {
        for (word_of_bytes *at = (word_of_bytes *)(void *)out; length > 0; length -= 4, from += 4)
            *at++ = bare_get(from);
        return;
    }
    for (size_t i = 0; i < length; i++, word >>= 8) {
        if (i % 4 == 0)
            word = bare_get(from + (uint32_t)i);
        out[i] = (uint8_t)word;
    }
}

static void give(const struct bare_spi *spi, const uint8_t *data, size_t length)
{
    uint32_t to = spi->base + spi->data;
    if (holds_words(data, length)) {
        for (const word_of_bytes *at = (const word_of_bytes *)(const void *)data; length > 0;
             length -= 4, to += 4)
            bare_put(to, *at++);
        return;
    }
    for (size_t i = 0; i < length; i += 4) {
        uint32_t word = 0xffffffffu;
        for (size_t k = 0; k < 4 && i + k < length; k++)
            word = (word & ~(0xffu << (8 * k))) | (uint32_t)data[i + k] << (8 * k);
        bare_put(to + (uint32_t)i, word);
    }
}

static bool is_busy(const struct bare_spi *spi)
{
    command(spi, GET_STATUS);
    return bare_get(spi->base + spi->status) & BUSY;
}

/* A part of a page, which the controller holds. */
static void program(const struct bare_spi *spi, uint32_t address, size_t length)
{
    if (address >= WITH_24_BITS) {
        run_at(spi, PROGRAM_4, PROGRAM_4, address, length);
        return;
    }
    bare_put(spi->base + spi->user1, ADDRESS_BITS(24));
    bare_put(spi->base + ADDRESS, address | (uint32_t)length << 24);
    command(spi, PROGRAM_PAGE);
}

static void program_part(struct bare_flash *flash)
{
    size_t part = flash->left < CHUNK ? flash->left : CHUNK;
    command(flash->spi, ENABLE_WRITE);
    give(flash->spi, flash->data, part);
    program(flash->spi, flash->at, part);
    flash->at += (uint32_t)part;
    flash->data += part;
    flash->left -= part;
    flash->polls = 0;
}

int bare_flash_busy(struct bare_flash *flash)
{
    if (!flash->busy)
        return 0;
    if (is_busy(flash->spi)) {
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
    describe(flash->spi, (struct exchange){ .command = READ_ID, .in = sizeof id });
    command(flash->spi, START);
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

/* ---- reading --------------------------------------------------------------------------------------------
 */

/* No ROM and no ESP-IDF reads by the controller's own command, so it is not trusted unseen: not before it
 * gave what START gave, of data; until then, FF is looked at again now and then, and all else at once. On
 * QEMU's ESP32, which looks for its encryption at each START, it is four times as fast. */
enum { UNPROVEN, PROVEN, GIVEN_UP };

static bool get_data(const struct bare_spi *spi, uint32_t offset, size_t length)
{
    bare_put(spi->base + ADDRESS, offset | (uint32_t)length << 24);
    bare_put(spi->base + COMMAND, GET_DATA);
    for (unsigned i = 0; i < LONGEST_GET; i++)
        if (!(bare_get(spi->base + COMMAND) & GET_DATA))
            return true;
    return false;
}

static bool is_all(const uint8_t *data, size_t length, uint8_t byte)
{
    for (size_t i = 0; i < length; i++)
        if (data[i] != byte)
            return false;
    return true;
}

/* @return false: by START, please. */
static bool read_itself(struct bare_flash *flash, uint32_t offset, uint8_t *out, uint8_t length)
{
    uint8_t seen[CHUNK];
    if (!flash->spi->reads || flash->reading == GIVEN_UP)
        return false;
    if (!get_data(flash->spi, offset, length)) {
        flash->reading = GIVEN_UP;
        return false;
    }
    take(flash->spi, out, length);
    if (flash->reading == PROVEN || (is_all(out, length, 0xff) && flash->unproven++ % PROBE != 0))
        return true;
    memcpy(seen, out, length);
    go(flash->spi, 24, offset);
    take(flash->spi, out, length);
    if (memcmp(seen, out, length) != 0)
        flash->reading = GIVEN_UP;
    else if (!is_all(out, length, out[0]))
        flash->reading = PROVEN;
    return true;
}

static void read_chunks(struct bare_flash *flash, uint32_t offset, uint8_t *at, size_t length)
{
    bool far = offset + length > WITH_24_BITS;
    struct exchange e = { far ? READ_4 : READ, far ? 32 : 24, 0, 0 };
    while (length > 0) {
        uint8_t chunk = (uint8_t)(length < CHUNK ? length : CHUNK);
        if (chunk != e.in) {
            e.in = chunk;
            describe(flash->spi, e);
        }
        if (far || !read_itself(flash, offset, at, chunk)) {
            go(flash->spi, e.address_bits, offset);
            take(flash->spi, at, chunk);
        }
        at += chunk;
        offset += chunk;
        length -= chunk;
    }
}

int bare_flash_read(struct bare_flash *flash, uint32_t offset, void *out, size_t length)
{
    uint8_t reading = flash->reading;
    if (wait_idle(flash) != 0)
        return -1;
    read_chunks(flash, offset, out, length);
    if (flash->reading == GIVEN_UP && reading != GIVEN_UP) /* some of it may be wrong */
        read_chunks(flash, offset, out, length);
    return 0;
}

int bare_flash_erase(struct bare_flash *flash, uint32_t offset, uint32_t length)
{
    if (wait_idle(flash) != 0)
        return -1;
    command(flash->spi, ENABLE_WRITE);
    if (length == 65536)
        run_at(flash->spi, ERASE_64K, ERASE_64K_4, offset, 0);
    else if (length == 32768)
        run_at(flash->spi, ERASE_32K, ERASE_32K_4, offset, 0);
    else
        run_at(flash->spi, ERASE_SECTOR, ERASE_SECTOR_4, offset, 0);
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

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
    DUMMY = 8,               /* cycles between address and data of a fast read */
    MOST_DELAY = 2,
    PROOFS = 8, /* chunks that read the same */
    FEW = 4,
    TRIAL = CHUNK + FEW,
};

/* How far something is trusted that no chip's manual promises. */
enum { UNPROVEN, PROVEN, GIVEN_UP };

/* Bits of COMMAND, which stay set while the controller is about it. It knows some commands of flash chips by
 * itself; START runs any other, as it is described in further registers. */
#define START        (1u << 18)
#define PROGRAM_PAGE (1u << 25) /* bytes in the address's top byte; three bytes of address */
#define GET_STATUS   (1u << 27)
#define ENABLE_WRITE (1u << 30)
#define GET_DATA     (1u << 31) /* as PROGRAM_PAGE, the other way */
#define FAST_READS                                                                                           \
    (1u << 13 | 1u << 14 | 1u << 20 | 1u << 23 | 1u << 24) /* fast, dual and quad, data and address */
#define BY_TWO_LINES        (1u << 13 | 1u << 14)
#define UNDIVIDED           (1u << 31) /* the clock */
#define FAST_WRITES         (0xfu << 12)
#define PHASES              (0x1fu << 27)
#define HAS_COMMAND         (1u << 31)
#define HAS_ADDRESS         (1u << 30)
#define HAS_DUMMY           (1u << 29)
#define HAS_INPUT           (1u << 28)
#define HAS_OUTPUT          (1u << 27)
#define WITH_24_BITS        0x1000000u /* bytes that a three-byte address reaches */
#define ADDRESS_BITS(count) ((uint32_t)((count)-1) << 26)

/* Bytes that lie in memory as words do. */
typedef uint32_t __attribute__((may_alias)) word_of_bytes;

/* Commands of 25Q flash chips, and those with four bytes of address. */
enum {
    PROGRAM = 0x02,
    READ = 0x03,
    PROGRAM_4 = 0x12,
    READ_4 = 0x13,
    ERASE_SECTOR = 0x20,
    ERASE_SECTOR_4 = 0x21,
    READ_DUAL = 0x3b,
    ERASE_32K = 0x52,
    ERASE_32K_4 = 0x5c,
    READ_ID = 0x9f,
    ERASE_64K = 0xd8,
    ERASE_64K_4 = 0xdc
};
enum { BUSY = 1 };

static void set_clock(const struct bare_spi *spi, uint32_t value)
{
    if (value)
        bare_put(spi->base + spi->clock, value);
}

/* Flash chips read by their plain command at 50 MHz, some at 33 MHz. */
static void slow_down(const struct bare_spi *spi)
{
    bool undivided = bare_get(spi->base + spi->clock) & UNDIVIDED;
    set_clock(spi, spi->slow || !undivided ? spi->slow : spi->half);
}

void bare_flash_begin(struct bare_flash *flash, const struct bare_spi *spi)
{
    *flash = (struct bare_flash){ .spi = spi, .busy = true, .delay = spi->delay }; /* it may be busy */
    while (bare_get(spi->base + COMMAND) != 0)
        continue;
    slow_down(spi);
    bare_change(spi->base + CONTROL, FAST_READS, 0);
    bare_change(spi->base + spi->user, FAST_WRITES | PHASES, 0);
    bare_change(spi->base + spi->pins, spi->keep, 0);
}

static void command(const struct bare_spi *spi, uint32_t bit)
{
    bare_put(spi->base + COMMAND, bit);
    while (bare_get(spi->base + COMMAND) & bit)
        continue;
}

struct exchange {
    uint8_t command; /* 0: none */
    uint8_t address_bits;
    uint8_t out, in; /* bytes; at most CHUNK, and one of them 0 */
};

/* All of it but the address, which may change from one run to the next. */
static void describe(const struct bare_spi *spi, struct exchange e)
{
    uint32_t phases = e.command ? HAS_COMMAND : 0;
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
    bare_put(spi->base + spi->user2, e.command ? 7u << 28 | e.command : 0);
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

/* ---- programming ----------------------------------------------------------------------------------------
 */

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

/* More than that by one command: the flash stays selected until the last part has come. */
static void program_kept(const struct bare_spi *spi, uint32_t address, const uint8_t *data, size_t length)
{
    bare_change(spi->base + spi->pins, 0, spi->keep);
    for (size_t at = 0, part; at < length; at += part) {
        part = length - at < CHUNK ? length - at : CHUNK;
        give(spi, data + at, part);
        if (at + part == length)
            bare_change(spi->base + spi->pins, spi->keep, 0);
        if (at == 0) {
            run_at(spi, PROGRAM, PROGRAM_4, address, part);
        } else {
            describe(spi, (struct exchange){ .out = (uint8_t)part });
            command(spi, START);
        }
    }
}

static bool is_all(const uint8_t *data, size_t length, uint8_t byte)
{
    for (size_t i = 0; i < length; i++)
        if (data[i] != byte)
            return false;
    return true;
}

/* Would it show by a few bytes behind a part whether the flash stays selected? If it does not, it is busy,
 * and they are a command of which nobody knows anything: not of a flash that is emulated, either. */
static bool would_tell(const uint8_t *data, size_t length)
{
    if (length < TRIAL || is_all(data + CHUNK, FEW, 0xff))
        return false;
    for (size_t i = CHUNK; i < TRIAL; i++)
        if (data[i] != 0 && data[i] != 0xff)
            return false;
    return true;
}

/* Bytes for one command. */
static size_t next_part(struct bare_flash *flash)
{
    flash->trial = flash->keeping == UNPROVEN && would_tell(flash->data, flash->left);
    size_t most = flash->trial ? TRIAL : flash->keeping == PROVEN ? flash->left : CHUNK;
    return flash->left < most ? flash->left : most;
}

/* Data go out without delay, so that they may go fast. */
static void program_part(struct bare_flash *flash)
{
    const struct bare_spi *spi = flash->spi;
    size_t part = next_part(flash);
    command(spi, ENABLE_WRITE);
    set_clock(spi, spi->fast);
    if (part > CHUNK) {
        program_kept(spi, flash->at, flash->data, part);
    } else {
        give(spi, flash->data, part);
        program(spi, flash->at, part);
    }
    set_clock(spi, spi->slow);
    flash->at += (uint32_t)part;
    flash->data += part;
    flash->left -= part;
    flash->polls = 0;
}

static void read_chunks(struct bare_flash *flash, uint32_t offset, uint8_t *at, size_t length);

/* If not all of it came, what is behind the first part comes again. */
static void judge_trial(struct bare_flash *flash)
{
    uint8_t seen[TRIAL];
    flash->trial = false;
    read_chunks(flash, flash->at - TRIAL, seen, TRIAL);
    if (memcmp(seen, flash->data - TRIAL, TRIAL) == 0) {
        flash->keeping = PROVEN;
        return;
    }
    flash->keeping = GIVEN_UP;
    flash->at -= FEW;
    flash->data -= FEW;
    flash->left += FEW;
}

static int give_up(struct bare_flash *flash)
{
    flash->left = 0;
    flash->polls = 0;
    flash->trial = false;
    return -1;
}

int bare_flash_busy(struct bare_flash *flash)
{
    if (!flash->busy)
        return 0;
    if (is_busy(flash->spi)) {
        flash->polls++;
        return flash->polls < LONGEST_POLLS ? 1 : give_up(flash);
    }
    if (flash->trial)
        judge_trial(flash);
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
static bool get_data(const struct bare_spi *spi, uint32_t offset, size_t length)
{
    bare_put(spi->base + ADDRESS, offset | (uint32_t)length << 24);
    bare_put(spi->base + COMMAND, GET_DATA);
    for (unsigned i = 0; i < LONGEST_GET; i++)
        if (!(bare_get(spi->base + COMMAND) & GET_DATA))
            return true;
    return false;
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

/* By two data lines, which every board has, at the fast rate. */
static void begin_dual(const struct bare_flash *flash)
{
    const struct bare_spi *spi = flash->spi;
    set_clock(spi, spi->fast);
    bare_change(spi->base + CONTROL, 0, BY_TWO_LINES);
    bare_put(spi->base + spi->user1, ADDRESS_BITS(24) | (DUMMY - 1u + flash->delay));
    bare_put(spi->base + spi->user2, 7u << 28 | READ_DUAL);
    bare_change(spi->base + spi->user, PHASES, HAS_COMMAND | HAS_ADDRESS | HAS_DUMMY | HAS_INPUT);
}

static void end_dual(const struct bare_flash *flash)
{
    const struct bare_spi *spi = flash->spi;
    bare_change(spi->base + spi->user, PHASES, 0);
    bare_change(spi->base + CONTROL, FAST_READS, 0);
    set_clock(spi, spi->slow);
}

static void read_dual(struct bare_flash *flash, uint32_t offset, uint8_t *at, size_t length)
{
    const struct bare_spi *spi = flash->spi;
    begin_dual(flash);
    for (size_t part; length > 0; at += part, offset += (uint32_t)part, length -= part) {
        part = length < CHUNK ? length : CHUNK;
        bare_put(spi->base + spi->miso_length, (uint32_t)part * 8u - 1);
        go(spi, 24, offset);
        take(spi, at, part);
    }
    end_dual(flash);
}

/* A chunk has been read: do the two lines say the same? With the wrong delay all comes shifted. */
static void try_dual(struct bare_flash *flash, uint32_t offset, const uint8_t *chunk)
{
    uint8_t seen[CHUNK];
    read_dual(flash, offset, seen, sizeof seen);
    if (memcmp(seen, chunk, sizeof seen) == 0) {
        flash->proofs++;
        flash->dual = flash->proofs == PROOFS ? PROVEN : UNPROVEN;
        return;
    }
    flash->proofs = 0;
    flash->delay = (uint8_t)((flash->delay + 1) % (MOST_DELAY + 1));
    if (flash->delay == flash->spi->delay)
        flash->dual = GIVEN_UP;
}

/* By one line. */
static void read_single(struct bare_flash *flash, uint32_t offset, uint8_t *at, size_t length)
{
    bool far = offset + length > WITH_24_BITS;
    struct exchange e = { far ? READ_4 : READ, far ? 32 : 24, 0, 0 };
    for (uint8_t chunk; length > 0; at += chunk, offset += chunk, length -= chunk) {
        chunk = (uint8_t)(length < CHUNK ? length : CHUNK);
        if (chunk != e.in) {
            e.in = chunk;
            describe(flash->spi, e);
        }
        if (far || !read_itself(flash, offset, at, chunk)) {
            go(flash->spi, e.address_bits, offset);
            take(flash->spi, at, chunk);
        }
        if (!far && chunk == CHUNK && flash->dual == UNPROVEN && !is_all(at, chunk, at[0])) {
            try_dual(flash, offset, at);
            e.in = 0; /* to be described anew */
        }
    }
}

static void read_chunks(struct bare_flash *flash, uint32_t offset, uint8_t *at, size_t length)
{
    uint8_t reading = flash->reading;
    if (flash->dual == PROVEN && offset + length <= WITH_24_BITS) {
        read_dual(flash, offset, at, length);
        return;
    }
    read_single(flash, offset, at, length);
    if (flash->reading == GIVEN_UP && reading != GIVEN_UP) /* some of it may be wrong */
        read_single(flash, offset, at, length);
}

int bare_flash_read(struct bare_flash *flash, uint32_t offset, void *out, size_t length)
{
    if (wait_idle(flash) != 0)
        return -1;
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

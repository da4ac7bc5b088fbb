#include "rom.h"

#include "cpu.h"

#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/hash.h"
#include "espota/hex.h"
#include "espota/rom_protocol.h"

#include <string.h>

#define SPI_CMD_USR   (1u << 18)
#define FLASH_READ_ID 0x9fu
#define SYNC_VALUE    0x20120707u
#define SYNC_ANSWERS  8

/* What the ROM's code takes, at the crystal's 40 MHz: cycles for a request, and for each byte of what it
 * works on. Made so that an ESP32's takes 7.6 KB/s of deflated data at 115200 baud, as measured on one that
 * is emulated: a third of the time passes between blocks. */
enum { REQUEST_CYCLES = 20000, INFLATE_CYCLES = 1600, STORE_CYCLES = 160, MD5_CYCLES = 60 };

static void work(const struct sim_rom *rom, uint64_t cycles)
{
    sim_time_spend(rom->flash->time, cycles * 1000 / SIM_ROM_MHZ);
}

static void respond(struct sim_rom *rom, uint8_t command, uint32_t value, const void *data, size_t length,
                    uint8_t error)
{
    uint8_t body[ESPOTA_ROM_HEADER_SIZE + 64 + ESPOTA_ROM_STATUS_SIZE] = { 1, command };
    uint8_t wire[ESPOTA_SLIP_MAX_ENCODED(sizeof body)];
    espota_put_le16(body + 2, (uint16_t)(length + ESPOTA_ROM_STATUS_SIZE));
    espota_put_le32(body + 4, value);
    if (length > 0)
        memcpy(body + ESPOTA_ROM_HEADER_SIZE, data, length);
    body[ESPOTA_ROM_HEADER_SIZE + length] = error ? 1 : 0;
    body[ESPOTA_ROM_HEADER_SIZE + length + 1] = error;
    size_t size = espota_slip_encode(body, ESPOTA_ROM_HEADER_SIZE + length + ESPOTA_ROM_STATUS_SIZE, wire);
    rom->events.send(rom->events.context, wire, size);
}

static void finish(struct sim_rom *rom, uint8_t command, uint8_t error)
{
    respond(rom, command, 0, NULL, 0, error);
}

/* ---- registers ------------------------------------------------------------------------------------------
 */

static uint32_t read_register(const struct sim_rom *rom, uint32_t address)
{
    for (unsigned i = 0; i < rom->written_count; i++)
        if (rom->written[i].address == address)
            return rom->written[i].value;
    return sim_efuse_word(rom->chip, &rom->identity, rom->baud, address);
}

static void store_register(struct sim_rom *rom, uint32_t address, uint32_t value)
{
    unsigned i = 0;
    while (i < rom->written_count && rom->written[i].address != address)
        i++;
    if (i == SIM_ROM_REGISTERS)
        return;
    rom->written[i].address = address;
    rom->written[i].value = value;
    if (i == rom->written_count)
        rom->written_count++;
}

/* The SPI controller runs a user command as soon as its bit is set, and clears the bit. */
static void run_spi_command(struct sim_rom *rom)
{
    uint32_t base = rom->chip->spi.base;
    uint32_t command = read_register(rom, base + rom->chip->spi.usr2) & 0xff;
    uint32_t answer = 0;
    if (command == FLASH_READ_ID && rom->attached)
        answer = sim_flash_id(rom->flash);
    store_register(rom, base + rom->chip->spi.w0, answer);
}

static void write_register(struct sim_rom *rom, uint32_t address, uint32_t value, uint32_t mask)
{
    value = (read_register(rom, address) & ~mask) | (value & mask);
    if (address == rom->chip->spi.base && (value & SPI_CMD_USR)) {
        run_spi_command(rom);
        value &= ~SPI_CMD_USR;
    }
    store_register(rom, address, value);
}

/* ---- flash ----------------------------------------------------------------------------------------------
 */

/* What the ROM's flash commands reach: behind the limit of its address bits comes the start again. Of
 * `length` bytes at `offset`, `*part` lie together at the address returned. */
static uint32_t reach(const struct sim_rom *rom, uint32_t offset, size_t length, size_t *part)
{
    uint32_t address = offset % rom->chip->rom_loader->flash_limit,
             room = rom->chip->rom_loader->flash_limit - address;
    *part = length < room ? length : room;
    return address;
}

static int flash_read(struct sim_rom *rom, uint32_t offset, uint8_t *data, size_t length)
{
    int result = 0;
    for (size_t done = 0, part; result == 0 && done < length; done += part) {
        uint32_t address = reach(rom, offset + (uint32_t)done, length - done, &part);
        result = sim_flash_read(rom->flash, address, data + done, part);
    }
    return result;
}

static int flash_program(struct sim_rom *rom, uint32_t offset, const uint8_t *data, size_t length)
{
    int result = 0;
    for (size_t done = 0, part; result == 0 && done < length; done += part) {
        uint32_t address = reach(rom, offset + (uint32_t)done, length - done, &part);
        result = sim_flash_program(rom->flash, address, data + done, part);
    }
    return result;
}

/* In blocks of 64K where those lie within the range, as SPIEraseArea does. */
static int erase_range(struct sim_rom *rom, uint32_t offset, uint32_t length)
{
    enum { SECTOR = 4096, BLOCK = 64 << 10 };
    uint64_t end = ((uint64_t)offset + length + SECTOR - 1) / SECTOR * SECTOR;
    for (uint64_t at = offset - offset % SECTOR, step; at < end; at += step) {
        step = at % BLOCK == 0 && end - at >= BLOCK ? BLOCK : SECTOR;
        uint32_t address = (uint32_t)(at % rom->chip->rom_loader->flash_limit);
        if (sim_flash_erase_block(rom->flash, address, (uint32_t)step) != 0)
            return -1;
    }
    sim_flash_wait(rom->flash);
    return 0;
}

static int flash_md5(struct sim_rom *rom, uint32_t offset, uint32_t length, uint8_t digest[ESPOTA_MD5_LENGTH])
{
    uint8_t data[4096];
    struct espota_hash *hash = espota_hash_new(ESPOTA_HASH_MD5);
    int result = hash ? hash->begin(hash->context) : -1;
    for (uint32_t done = 0; result == 0 && done < length;) {
        uint32_t part = length - done < sizeof data ? length - done : (uint32_t)sizeof data;
        result = flash_read(rom, offset + done, data, part);
        if (result == 0)
            result = hash->update(hash->context, data, part);
        work(rom, (uint64_t)part * MD5_CYCLES);
        done += part;
    }
    if (result == 0)
        result = hash->finish(hash->context, digest);
    espota_hash_free(hash);
    return result;
}

/* FLASH_DATA is programmed and read back. */
static uint8_t store_plain(struct sim_rom *rom, const uint8_t *data, size_t length)
{
    uint8_t back[4096];
    for (size_t done = 0; done < length;) {
        size_t chunk = length - done < sizeof back ? length - done : sizeof back;
        if (flash_program(rom, rom->at, data + done, chunk) != 0 ||
            flash_read(rom, rom->at, back, chunk) != 0 || memcmp(back, data + done, chunk) != 0)
            return ESPOTA_ROM_ERR_FLASH_WRITE;
        rom->at += (uint32_t)chunk;
        done += chunk;
    }
    return 0;
}

/* The window goes to flash whole, and nobody looks whether it worked. */
static void store_window(struct sim_rom *rom)
{
    if (rom->at < rom->flash->size) {
        uint32_t room = rom->flash->size - rom->at;
        (void)flash_program(rom, rom->at, rom->window, room < sizeof rom->window ? room : sizeof rom->window);
    }
    rom->at += (uint32_t)sizeof rom->window;
    rom->window_used = 0;
}

/* Inflate into the window; a full one is written, and at the last packet announced what is there is written
 * too, all 32K of it: so does the ESP32's ROM. */
static uint8_t store_compressed(struct sim_rom *rom, uint8_t *data, size_t length)
{
    z_stream *z = &rom->stream;
    z->next_in = data;
    z->avail_in = (uInt)length;
    while (z->avail_in > 0 && !rom->stream_ended) {
        z->next_out = rom->window + rom->window_used;
        z->avail_out = (uInt)(sizeof rom->window - rom->window_used);
        int result = inflate(z, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return z->msg && strstr(z->msg, "data check") ? ESPOTA_ROM_ERR_DEFLATE_ADLER
                                                          : ESPOTA_ROM_ERR_DEFLATE;
        rom->window_used = sizeof rom->window - z->avail_out;
        rom->stream_ended = result == Z_STREAM_END;
        if (rom->window_used == sizeof rom->window)
            store_window(rom);
    }
    if (rom->sequence == rom->packets)
        store_window(rom);
    return 0;
}

static void close_stream(struct sim_rom *rom)
{
    if (rom->stream_open)
        inflateEnd(&rom->stream);
    rom->stream_open = false;
}

static uint8_t begin_write(struct sim_rom *rom, const uint8_t *data, bool compressed)
{
    uint32_t size = espota_get_le32(data), offset = espota_get_le32(data + 12);
    close_stream(rom);
    rom->writing = false;
    if (size > 0 && (!rom->attached || offset > rom->flash->size || size > rom->flash->size - offset))
        return ESPOTA_ROM_ERR_FAILED;
    if (erase_range(rom, offset, size) != 0)
        return ESPOTA_ROM_ERR_FAILED;
    rom->stream = (z_stream){ 0 };
    if (compressed && inflateInit(&rom->stream) != Z_OK)
        return ESPOTA_ROM_ERR_DEFLATE_PARAMETER;
    rom->stream_open = compressed;
    rom->stream_ended = false;
    rom->writing = true;
    rom->compressed = compressed;
    rom->at = offset;
    rom->sequence = 0;
    rom->packets = espota_get_le32(data + 4);
    rom->window_used = 0;
    return 0;
}

static uint8_t write_data(struct sim_rom *rom, uint8_t *data, size_t length, uint32_t checksum,
                          bool compressed)
{
    if (length < 16 || espota_get_le32(data) != length - 16)
        return ESPOTA_ROM_ERR_INVALID_MESSAGE;
    if (!rom->writing || rom->compressed != compressed || espota_get_le32(data + 4) != rom->sequence)
        return ESPOTA_ROM_ERR_INVALID_MESSAGE;
    if ((checksum & 0xff) != espota_rom_checksum(data + 16, length - 16))
        return ESPOTA_ROM_ERR_CHECKSUM;
    rom->sequence++;
    work(rom, (uint64_t)length * (compressed ? INFLATE_CYCLES : STORE_CYCLES));
    return compressed ? store_compressed(rom, data + 16, length - 16)
                      : store_plain(rom, data + 16, length - 16);
}

static uint8_t load_data(struct sim_rom *rom, const uint8_t *data, size_t length, uint32_t checksum)
{
    if (length < ESPOTA_ROM_BLOCK_HEADER || espota_get_le32(data) != length - ESPOTA_ROM_BLOCK_HEADER)
        return ESPOTA_ROM_ERR_INVALID_MESSAGE;
    data += ESPOTA_ROM_BLOCK_HEADER;
    length -= ESPOTA_ROM_BLOCK_HEADER;
    if ((checksum & 0xff) != espota_rom_checksum(data, length))
        return ESPOTA_ROM_ERR_CHECKSUM;
    uint32_t sequence = espota_get_le32(data - ESPOTA_ROM_BLOCK_HEADER + 4);
    return sim_memory_store(&rom->memory, sequence, data, length) ? 0 : ESPOTA_ROM_ERR_INVALID_MESSAGE;
}

static void md5(struct sim_rom *rom, uint8_t command, uint32_t offset, uint32_t length)
{
    uint8_t digest[ESPOTA_MD5_LENGTH];
    char text[2 * ESPOTA_MD5_LENGTH + 1];
    bool inside = rom->attached && offset <= rom->flash->size && length <= rom->flash->size - offset;
    if (!inside || !rom->flash->powered || flash_md5(rom, offset, length, digest) != 0) {
        finish(rom, command, ESPOTA_ROM_ERR_FAILED);
        return;
    }
    espota_hex(digest, sizeof digest, text);
    respond(rom, command, 0, text, 2 * ESPOTA_MD5_LENGTH, 0);
}

static void read_slow(struct sim_rom *rom, uint8_t command, uint32_t offset, uint32_t length)
{
    uint8_t data[ESPOTA_ROM_READ_SIZE] = { 0 };
    if (length > sizeof data)
        finish(rom, command, ESPOTA_ROM_ERR_FLASH_READ_LENGTH);
    else if (!rom->attached || flash_read(rom, offset, data, length) != 0)
        finish(rom, command, ESPOTA_ROM_ERR_FLASH_READ);
    else
        respond(rom, command, 0, data, sizeof data, 0);
}

/* A command that the ROM does not know is answered as the last one was, number and count, with an error. */
static void refuse_unknown(struct sim_rom *rom)
{
    bool sync = rom->last_command == ESPOTA_ROM_SYNC;
    for (int i = 0; i < (sync ? SYNC_ANSWERS : 1); i++)
        respond(rom, rom->last_command, sync ? SYNC_VALUE : 0, NULL, 0, ESPOTA_ROM_ERR_INVALID_MESSAGE);
}

/* Chips after ESP32 tell their flags, crypt count and key purposes; those after ESP32-S2 their id too. */
static void security_info(struct sim_rom *rom, uint8_t command)
{
    enum { SECURE_BOOT = 1 << 0, SECURE_DOWNLOAD = 1 << 2, SHORT = 12 };
    const struct sim_identity *id = &rom->identity;
    uint8_t info[20] = { 0 };
    info[0] = (uint8_t)((id->secure_boot ? SECURE_BOOT : 0) | (id->secure_download ? SECURE_DOWNLOAD : 0));
    info[4] = id->flash_encryption;
    espota_put_le32(info + 12, rom->chip->image_id);
    respond(rom, command, 0, info, rom->chip->has_magic ? SHORT : sizeof info, 0);
}

/* What secure download mode leaves. */
static bool allowed(const struct sim_rom *rom, uint8_t command)
{
    return !rom->identity.secure_download ||
           (command != ESPOTA_ROM_READ_REG && command != ESPOTA_ROM_WRITE_REG &&
            command != ESPOTA_ROM_READ_FLASH_SLOW && command != ESPOTA_ROM_SPI_FLASH_MD5 &&
            command != ESPOTA_ROM_MEM_BEGIN && command != ESPOTA_ROM_MEM_DATA &&
            command != ESPOTA_ROM_MEM_END);
}

/* ---- commands -------------------------------------------------------------------------------------------
 */

/* A ROM that takes its crystal for another one makes another rate of it. */
static uint32_t actual_baud(const struct sim_rom *rom, uint32_t asked)
{
    uint32_t believed = rom->chip->rom_crystal_mhz;
    uint64_t baud = believed ? (uint64_t)asked * rom->identity.crystal_mhz / believed : asked;
    return baud > 0 && baud < UINT32_MAX ? (uint32_t)baud : 1;
}

/* Least length of a command's data. */
static size_t needs(uint8_t command)
{
    switch (command) {
    case ESPOTA_ROM_FLASH_BEGIN:
    case ESPOTA_ROM_FLASH_DEFL_BEGIN:
    case ESPOTA_ROM_SPI_FLASH_MD5:
    case ESPOTA_ROM_MEM_BEGIN:
        return 16;
    case ESPOTA_ROM_WRITE_REG:
        return 12;
    case ESPOTA_ROM_READ_FLASH_SLOW:
    case ESPOTA_ROM_CHANGE_BAUDRATE:
    case ESPOTA_ROM_MEM_END:
        return 8;
    case ESPOTA_ROM_READ_REG:
    case ESPOTA_ROM_FLASH_END:
    case ESPOTA_ROM_FLASH_DEFL_END:
        return 4;
    default:
        return 0;
    }
}

static void run_memory(struct sim_rom *rom, uint8_t command, const uint8_t *data, size_t length,
                       uint32_t checksum)
{
    uint8_t error = 0;
    if (command == ESPOTA_ROM_MEM_BEGIN &&
        !sim_memory_begin(&rom->memory, espota_get_le32(data + 12), espota_get_le32(data)))
        error = ESPOTA_ROM_ERR_FAILED;
    else if (command == ESPOTA_ROM_MEM_DATA)
        error = load_data(rom, data, length, checksum);
    finish(rom, command, error);
    if (command == ESPOTA_ROM_MEM_END && espota_get_le32(data) == 0) {
        rom->gone = true;
        rom->events.start(rom->events.context, espota_get_le32(data + 4));
    }
}

static void run(struct sim_rom *rom, uint8_t command, uint8_t *data, size_t length, uint32_t checksum)
{
    const struct sim_rom_events *e = &rom->events;
    switch (command) {
    case ESPOTA_ROM_SYNC:
        for (int i = 0; i < SYNC_ANSWERS; i++)
            respond(rom, command, SYNC_VALUE, NULL, 0, 0);
        break;
    case ESPOTA_ROM_READ_REG:
        respond(rom, command, read_register(rom, espota_get_le32(data)), NULL, 0, 0);
        break;
    case ESPOTA_ROM_WRITE_REG:
        write_register(rom, espota_get_le32(data), espota_get_le32(data + 4), espota_get_le32(data + 8));
        finish(rom, command, 0);
        break;
    case ESPOTA_ROM_SPI_ATTACH:
        rom->attached = true;
        finish(rom, command, 0);
        break;
    case ESPOTA_ROM_SPI_SET_PARAMS:
        finish(rom, command, 0);
        break;
    case ESPOTA_ROM_CHANGE_BAUDRATE:
        finish(rom, command, 0);
        rom->baud = actual_baud(rom, espota_get_le32(data));
        e->set_baud(e->context, rom->baud);
        break;
    case ESPOTA_ROM_FLASH_BEGIN:
    case ESPOTA_ROM_FLASH_DEFL_BEGIN:
        finish(rom, command, begin_write(rom, data, command == ESPOTA_ROM_FLASH_DEFL_BEGIN));
        break;
    case ESPOTA_ROM_FLASH_DATA:
    case ESPOTA_ROM_FLASH_DEFL_DATA:
        finish(rom, command, write_data(rom, data, length, checksum, command == ESPOTA_ROM_FLASH_DEFL_DATA));
        break;
    case ESPOTA_ROM_FLASH_END:
    case ESPOTA_ROM_FLASH_DEFL_END:
        finish(rom, command, rom->writing ? 0 : ESPOTA_ROM_ERR_FAILED);
        if (rom->writing)
            e->leave(e->context);
        break;
    case ESPOTA_ROM_MEM_BEGIN:
    case ESPOTA_ROM_MEM_DATA:
    case ESPOTA_ROM_MEM_END:
        run_memory(rom, command, data, length, checksum);
        break;
    case ESPOTA_ROM_SPI_FLASH_MD5:
        md5(rom, command, espota_get_le32(data), espota_get_le32(data + 4));
        break;
    case ESPOTA_ROM_READ_FLASH_SLOW:
        read_slow(rom, command, espota_get_le32(data), espota_get_le32(data + 4));
        break;
    case ESPOTA_ROM_GET_SECURITY_INFO:
        if (rom->chip->image_id == 0) { /* an ESP32's does not know it */
            refuse_unknown(rom);
            return;
        }
        security_info(rom, command);
        break;
    default:
        refuse_unknown(rom);
        return;
    }
    rom->last_command = command;
}

static void take_packet(struct sim_rom *rom, size_t length)
{
    uint8_t *p = rom->packet;
    if (length < ESPOTA_ROM_HEADER_SIZE || p[0] != 0)
        return;
    size_t data_length = espota_get_le16(p + 2);
    work(rom, REQUEST_CYCLES);
    if (data_length != length - ESPOTA_ROM_HEADER_SIZE || data_length < needs(p[1]) || !allowed(rom, p[1]))
        finish(rom, p[1], ESPOTA_ROM_ERR_INVALID_MESSAGE);
    else
        run(rom, p[1], p + ESPOTA_ROM_HEADER_SIZE, data_length, espota_get_le32(p + 4));
}

void sim_rom_start(struct sim_rom *rom, const struct espota_chip *chip, struct sim_flash *flash,
                   const struct sim_identity *identity, const struct sim_rom_events *events)
{
    memset(rom, 0, sizeof *rom);
    rom->chip = chip;
    rom->flash = flash;
    rom->events = *events;
    rom->identity = *identity;
    rom->baud = ESPOTA_ROM_INITIAL_BAUD;
    espota_slip_begin(&rom->decoder, rom->packet, sizeof rom->packet);
}

void sim_rom_stop(struct sim_rom *rom)
{
    close_stream(rom);
    sim_memory_clear(&rom->memory);
}

void sim_rom_input(struct sim_rom *rom, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length && !rom->gone; i++)
        if (espota_slip_byte(&rom->decoder, data[i]) == ESPOTA_SLIP_FRAME)
            take_packet(rom, rom->decoder.length);
}

/* Packets to and from the ROM. */
#include "rom.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <string.h>

enum { LONGEST_NOISE_MS = 1000 };

static const struct {
    uint8_t code;
    const char *text;
} error_texts[] = {
    { 0x00, "undefined error" },
    { 0x01, "invalid parameter" },
    { 0x02, "out of memory" },
    { 0x03, "failed to send" },
    { 0x04, "failed to receive" },
    { ESPOTA_ROM_ERR_INVALID_MESSAGE, "unknown command or malformed message" },
    { ESPOTA_ROM_ERR_FAILED, "operation failed" },
    { ESPOTA_ROM_ERR_CHECKSUM, "checksum error: the line is noisy" },
    { ESPOTA_ROM_ERR_FLASH_WRITE, "flash write error: what was written does not read back" },
    { ESPOTA_ROM_ERR_FLASH_READ, "flash read error" },
    { ESPOTA_ROM_ERR_FLASH_READ_LENGTH, "flash read length error" },
    { ESPOTA_ROM_ERR_DEFLATE, "inflate error" },
    { ESPOTA_ROM_ERR_DEFLATE_ADLER, "inflate checksum error" },
    { ESPOTA_ROM_ERR_DEFLATE_PARAMETER, "inflate parameter error" },
    { 0x0e, "invalid RAM binary size" },
    { 0x0f, "invalid RAM binary address" },
};

const char *espota_rom_error_text(uint8_t code)
{
    for (size_t i = 0; i < sizeof error_texts / sizeof error_texts[0]; i++)
        if (error_texts[i].code == code)
            return error_texts[i].text;
    return NULL;
}

unsigned rom_timeout(const struct rom *rom, uint32_t ms_per_mb, uint32_t length)
{
    uint64_t ms = (uint64_t)ms_per_mb * length / (1024 * 1024);
    return rom->loader->answer_ms + (unsigned)ms;
}

void rom_drain(struct rom *rom)
{
    espota_link_drain(rom->link);
    rom->in_at = rom->in_count = 0;
    espota_slip_begin(&rom->decoder, rom->frame, sizeof rom->frame);
}

/* Boot messages come outside of packets; what they say explains a failing connection. */
static void remember(struct rom *rom, uint8_t byte)
{
    if (rom->log_length < sizeof rom->log - 1 && (byte == '\n' || (byte >= ' ' && byte < 0x7f)))
        rom->log[rom->log_length++] = (char)byte;
    rom->log[rom->log_length] = '\0';
}

/* The next frame. @return 0; ESPOTA_ERR_TIMEOUT when there was none until `deadline`. */
static int next_frame(struct rom *rom, uint64_t deadline, struct espota_error *error)
{
    for (;;) {
        while (rom->in_at < rom->in_count) {
            uint8_t byte = rom->in[rom->in_at++];
            remember(rom, byte);
            if (espota_slip_byte(&rom->decoder, byte) == ESPOTA_SLIP_FRAME)
                return 0;
        }
        uint64_t now = espota_link_now_ms(rom->link);
        if (now >= deadline)
            return espota_fail(error, ESPOTA_ERR_TIMEOUT, "no answer from the ROM bootloader on %s",
                               rom->link->name);
        rom->in_at = rom->in_count = 0;
        int result = espota_device_receive(&rom->device, rom->link, rom->in, sizeof rom->in, deadline,
                                           &rom->in_count, error);
        if (result != 0)
            return result;
    }
}

static int send_request(struct rom *rom, enum espota_rom_command command, const void *data, size_t length,
                        uint32_t checksum, struct espota_error *error)
{
    uint8_t packet[ROM_MAX_REQUEST];
    uint8_t wire[ESPOTA_SLIP_MAX_ENCODED(ROM_MAX_REQUEST)];
    if (length > sizeof packet - ESPOTA_ROM_HEADER_SIZE)
        return espota_fail(error, ESPOTA_ERR_FAILED, "a request of %zu bytes is too long for the ROM",
                           length);
    packet[0] = 0;
    packet[1] = (uint8_t)command;
    espota_put_le16(packet + 2, (uint16_t)length);
    espota_put_le32(packet + 4, checksum);
    if (length > 0)
        memcpy(packet + ESPOTA_ROM_HEADER_SIZE, data, length);
    return espota_link_write(rom->link, wire,
                             espota_slip_encode(packet, ESPOTA_ROM_HEADER_SIZE + length, wire), error);
}

/* The status is behind the data; a short answer carries it alone. */
static int judge(struct rom *rom, enum espota_rom_command command, size_t data_length,
                 struct rom_response *response, struct espota_error *error)
{
    const uint8_t *data = rom->frame + ESPOTA_ROM_HEADER_SIZE;
    size_t length = rom->decoder.length - ESPOTA_ROM_HEADER_SIZE;
    if (data_length == ROM_ALL_DATA)
        data_length = length > rom->loader->status_size ? length - rom->loader->status_size : 0;
    const uint8_t *status = length >= data_length + 2 ? data + data_length : data;
    if (length < 2)
        return espota_fail(error, ESPOTA_ERR_DEVICE, "%s: the ROM's answer to command %02x has no status",
                           rom->link->name, command);
    rom->error_code = status[0] != 0 ? status[1] : 0;
    if (status[0] != 0) {
        const char *text = espota_rom_error_text(status[1]);
        return espota_fail(error, ESPOTA_ERR_DEVICE, "the ROM on %s refuses command %02x with error %02x: %s",
                           rom->link->name, command, status[1], text ? text : "unknown");
    }
    if (status == data && data_length > 0)
        return espota_fail(error, ESPOTA_ERR_DEVICE, "%s: the ROM's answer to command %02x is too short",
                           rom->link->name, command);
    response->value = espota_get_le32(rom->frame + 4);
    response->data = data;
    response->length = data_length;
    return 0;
}

/* A ROM may answer a command that it does not know more than once: as often as it answered the last one, and
 * a SYNC is answered eight times. Those answers must not be taken for others: let the line fall silent. Seen
 * on an ESP32's. */
static void let_fall_silent(struct rom *rom)
{
    struct espota_error ignored;
    uint64_t deadline = espota_link_now_ms(rom->link) + LONGEST_NOISE_MS;
    do {
        rom_drain(rom);
    } while (espota_link_read(rom->link, rom->in, sizeof rom->in, rom->loader->refusal_quiet, &rom->in_count,
                              &ignored) == 0 &&
             rom->in_count > 0 && espota_link_now_ms(rom->link) < deadline);
    rom->in_at = rom->in_count = 0;
}

void rom_skip_answers(struct rom *rom, unsigned count, unsigned quiet_ms)
{
    struct espota_error ignored;
    int result = 0;
    for (unsigned i = 0; result == 0 && i < count; i++)
        result = next_frame(rom, espota_link_now_ms(rom->link) + quiet_ms, &ignored);
}

/* Is the frame an answer to `command`? An error to a command that the ROM does not know carries any number.
 */
static bool answers(const struct rom *rom, enum espota_rom_command command)
{
    const uint8_t *f = rom->frame;
    size_t length = rom->decoder.length;
    if (length < ESPOTA_ROM_HEADER_SIZE || f[0] != 1)
        return false;
    return f[1] == command || (length >= ESPOTA_ROM_HEADER_SIZE + 2 && f[ESPOTA_ROM_HEADER_SIZE] != 0 &&
                               f[ESPOTA_ROM_HEADER_SIZE + 1] == ESPOTA_ROM_ERR_INVALID_MESSAGE);
}

static int exchange_once(struct rom *rom, enum espota_rom_command command, const void *data, size_t length,
                         uint32_t checksum, unsigned timeout_ms, size_t data_length,
                         struct rom_response *response, struct espota_error *error)
{
    int result = send_request(rom, command, data, length, checksum, error);
    uint64_t deadline = espota_link_now_ms(rom->link) + timeout_ms;
    while (result == 0) {
        result = next_frame(rom, deadline, error);
        if (result == 0 && answers(rom, command)) {
            result = judge(rom, command, data_length, response, error);
            if (result != 0 && rom->error_code == ESPOTA_ROM_ERR_INVALID_MESSAGE &&
                rom->loader->refusal_quiet > 0)
                let_fall_silent(rom);
            return result;
        }
    }
    return result;
}

/* May the command simply be sent again? Data may not: the ROM counts its packets. */
static bool repeatable(enum espota_rom_command command)
{
    return command != ESPOTA_ROM_SYNC && command != ESPOTA_ROM_FLASH_DATA &&
           command != ESPOTA_ROM_FLASH_DEFL_DATA && command != ESPOTA_ROM_FLASH_END &&
           command != ESPOTA_ROM_MEM_DATA && command != ESPOTA_ROM_MEM_END &&
           command != ESPOTA_ROM_GET_SECURITY_INFO && command != ESPOTA_ROM_CHANGE_BAUDRATE;
}

int rom_exchange(struct rom *rom, enum espota_rom_command command, const void *data, size_t length,
                 uint32_t checksum, unsigned timeout_ms, size_t data_length, struct rom_response *response,
                 struct espota_error *error)
{
    struct rom_response ignored;
    int attempts = repeatable(command) ? ROM_ATTEMPTS : 1;
    int result = 0;
    for (int i = 0; i < attempts; i++) {
        if (i > 0) {
            espota_device_detail(&rom->device, "%s; asking again", error->text);
            rom_drain(rom);
        }
        result = exchange_once(rom, command, data, length, checksum, timeout_ms, data_length,
                               response ? response : &ignored, error);
        bool misheard = result == ESPOTA_ERR_TIMEOUT ||
                        (result == ESPOTA_ERR_DEVICE && rom->error_code == ESPOTA_ROM_ERR_CHECKSUM);
        rom->misheard = rom->misheard || (misheard && command != ESPOTA_ROM_SYNC);
        if (result != ESPOTA_ERR_TIMEOUT && result != ESPOTA_ERR_DEVICE)
            break;
    }
    return result;
}

int rom_exchange_once(struct rom *rom, enum espota_rom_command command, const void *data, size_t length,
                      unsigned timeout_ms, size_t data_length, struct rom_response *response,
                      struct espota_error *error)
{
    return exchange_once(rom, command, data, length, 0, timeout_ms, data_length, response, error);
}

int rom_words(struct rom *rom, enum espota_rom_command command, const uint32_t *words, size_t count,
              unsigned timeout_ms, struct espota_error *error)
{
    uint8_t data[8 * 4];
    for (size_t i = 0; i < count; i++)
        espota_put_le32(data + 4 * i, words[i]);
    return rom_exchange(rom, command, data, 4 * count, 0, timeout_ms, 0, NULL, error);
}

int rom_read_register(struct rom *rom, uint32_t address, uint32_t *value, struct espota_error *error)
{
    uint8_t data[4];
    struct rom_response response;
    espota_put_le32(data, address);
    int result = rom_exchange(rom, ESPOTA_ROM_READ_REG, data, sizeof data, 0, rom->loader->answer_ms, 0,
                              &response, error);
    if (result == 0)
        *value = response.value;
    return result;
}

int rom_write_register(struct rom *rom, uint32_t address, uint32_t value, struct espota_error *error)
{
    return rom_words(rom, ESPOTA_ROM_WRITE_REG, (uint32_t[]){ address, value, UINT32_MAX, 0 }, 4,
                     rom->loader->answer_ms, error);
}

int rom_begin_write(struct rom *rom, enum espota_rom_command command, uint32_t erase, uint32_t blocks,
                    uint32_t offset, struct espota_error *error)
{
    uint32_t words[5] = { erase, blocks, rom->loader->block_size, offset, 0 };
    size_t count = rom->loader->encrypted_flag ? 5 : 4;
    return rom_words(rom, command, words, count, rom_timeout(rom, rom->loader->erase_ms_per_mb, erase),
                     error);
}

/* Numbered packets of data, to flash or to RAM. */
#include "rom.h"

#include "espota/bytes.h"
#include "espota/error.h"

#include <inttypes.h>
#include <string.h>

enum { JUMP_MS = 200, BYTES_PER_MS = 4 /* at the least */ };

/* A block that the ROM refused was not used and may be sent again. After silence it may have been taken, and
 * only its answer lost: then the ROM, which counts blocks, refuses the second copy. Refused twice after a
 * silence means taken; should that be wrong, a digest or a start that fails tells. */
int rom_send_block(struct rom *rom, enum espota_rom_command command, const uint8_t *data, size_t length,
                   uint32_t sequence, unsigned timeout_ms, unsigned attempts, struct espota_error *error)
{
    uint8_t packet[ESPOTA_ROM_BLOCK_HEADER + ROM_MAX_BLOCK] = { 0 };
    unsigned refused_after_silence = 0;
    bool silence = false;
    int result = ESPOTA_ERR_TIMEOUT;
    espota_put_le32(packet, (uint32_t)length);
    espota_put_le32(packet + 4, sequence);
    memcpy(packet + ESPOTA_ROM_BLOCK_HEADER, data, length);
    for (unsigned attempt = 0; attempt < attempts; attempt++) {
        result = rom_exchange(rom, command, packet, ESPOTA_ROM_BLOCK_HEADER + length,
                              espota_rom_checksum(data, length), timeout_ms, 0, NULL, error);
        bool refused = result == ESPOTA_ERR_DEVICE && (rom->error_code == ESPOTA_ROM_ERR_CHECKSUM ||
                                                       rom->error_code == ESPOTA_ROM_ERR_INVALID_MESSAGE);
        if (result != ESPOTA_ERR_TIMEOUT && !refused)
            return result;
        if (silence && refused && rom->error_code == ESPOTA_ROM_ERR_INVALID_MESSAGE &&
            ++refused_after_silence == 2)
            return 0;
        silence = silence || result == ESPOTA_ERR_TIMEOUT;
        rom_drain(rom);
    }
    return result;
}

/* ---- RAM ------------------------------------------------------------------------------------------------
 */

/* On a line that loses bytes, small packets come through where large ones do not. */
static const struct {
    uint16_t block;
    uint8_t attempts;
} sizes[] = { { ESPOTA_ROM_MEMORY_BLOCK, 2 }, { 0x400, 3 }, { 0x100, 6 } };

static int load_in_blocks(struct rom *rom, uint32_t address, const uint8_t *data, size_t length, size_t block,
                          unsigned attempts, struct espota_error *error)
{
    const uint32_t words[] = { (uint32_t)length, (uint32_t)((length + block - 1) / block), (uint32_t)block,
                               address };
    unsigned timeout_ms = rom->loader->answer_ms + (unsigned)block / BYTES_PER_MS;
    int result = rom_words(rom, ESPOTA_ROM_MEM_BEGIN, words, 4, rom->loader->answer_ms, error);
    for (uint32_t i = 0; result == 0 && i * block < length; i++) {
        size_t at = i * block, part = length - at < block ? length - at : block;
        result = espota_device_check_cancelled(&rom->device, error);
        if (result == 0)
            result =
                rom_send_block(rom, ESPOTA_ROM_MEM_DATA, data + at, part, i, timeout_ms, attempts, error);
    }
    return result;
}

int rom_load(struct rom *rom, uint32_t address, const uint8_t *data, size_t length,
             struct espota_error *error)
{
    int result = ESPOTA_ERR_TIMEOUT;
    for (size_t i = 0;
         i < sizeof sizes / sizeof sizes[0] && (result == ESPOTA_ERR_TIMEOUT || result == ESPOTA_ERR_DEVICE);
         i++)
        result = load_in_blocks(rom, address, data, length, sizes[i].block, sizes[i].attempts, error);
    return result ? espota_fail_while(error, "loading RAM 0x%" PRIx32 "+0x%zx", address, length) : 0;
}

/* What starts may change the line before the answer has left: no answer says nothing. A request that the ROM
 * did not understand it did not carry out. */
int rom_start(struct rom *rom, uint32_t entry, struct espota_error *error)
{
    const uint32_t words[] = { 0, entry };
    int result = ESPOTA_ERR_DEVICE;
    rom->error_code = ESPOTA_ROM_ERR_INVALID_MESSAGE;
    for (unsigned i = 0;
         i < ROM_ATTEMPTS && result == ESPOTA_ERR_DEVICE && rom->error_code == ESPOTA_ROM_ERR_INVALID_MESSAGE;
         i++)
        result = rom_words(rom, ESPOTA_ROM_MEM_END, words, 2, JUMP_MS, error);
    if (result == ESPOTA_ERR_TIMEOUT)
        result = 0;
    rom->handed_over = result == 0;
    rom_drain(rom);
    return result ? espota_fail_while(error, "starting at 0x%" PRIx32, entry) : 0;
}

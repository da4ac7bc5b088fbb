/* The ROM bootloader as a device. */
#include "rom.h"

#include "espota/bytes.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/hash.h"
#include "espota/hex.h"
#include "espota/link.h"
#include "espota/reset.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum { DEFLATE_LEVEL = 12, BLOCK_ATTEMPTS = 6 };

static struct rom *rom_of(struct espota_device *device)
{
    return (struct rom *)device;
}

static int ask_digest(struct rom *rom, uint32_t offset, uint32_t length, uint8_t *digest,
                      struct espota_error *error)
{
    uint8_t data[16] = { 0 };
    struct rom_response response;
    espota_put_le32(data, offset);
    espota_put_le32(data + 4, length);
    size_t size = rom->loader->digest_in_hex ? ESPOTA_ROM_MD5_TEXT : ESPOTA_MD5_LENGTH;
    int result = rom_exchange(rom, ESPOTA_ROM_SPI_FLASH_MD5, data, sizeof data, 0,
                              rom_timeout(rom, rom->loader->md5_ms_per_mb, length), size, &response, error);
    if (result != 0)
        return espota_fail_while(error, "MD5 of flash 0x%" PRIx32 "+0x%" PRIx32, offset, length);
    if (!rom->loader->digest_in_hex)
        memcpy(digest, response.data, size);
    else if (!espota_unhex((const char *)response.data, digest, ESPOTA_MD5_LENGTH))
        return espota_fail(error, ESPOTA_ERR_DEVICE, "the ROM on %s answers with something that is no MD5",
                           rom->device.name);
    return 0;
}

/* Its answers have no checksum: on a line that was noisy before, a digest is heard when it comes twice. */
static int rom_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                      struct espota_error *error)
{
    enum { MOST_TIMES = 8 };
    struct rom *rom = rom_of(device);
    uint8_t before[ESPOTA_MD5_LENGTH];
    int result = ask_digest(rom, offset, length, digest, error);
    bool heard = !rom->misheard;
    for (unsigned i = 0; result == 0 && !heard && i < MOST_TIMES; i++) {
        memcpy(before, digest, sizeof before);
        result = ask_digest(rom, offset, length, digest, error);
        heard = memcmp(before, digest, sizeof before) == 0;
    }
    if (result == 0 && !heard)
        return espota_fail(error, ESPOTA_ERR_TIMEOUT,
                           "the line to %s is too noisy for a digest to be heard twice", device->name);
    return result;
}

static int rom_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                    struct espota_error *error)
{
    struct rom *rom = rom_of(device);
    for (size_t done = 0; done < length;) {
        size_t chunk = length - done < rom->loader->read_size ? length - done : rom->loader->read_size;
        uint8_t data[8];
        struct rom_response response;
        espota_put_le32(data, offset + (uint32_t)done);
        espota_put_le32(data + 4, (uint32_t)chunk);
        int result = espota_device_check_cancelled(device, error);
        if (result == 0)
            result = rom_exchange(rom, ESPOTA_ROM_READ_FLASH_SLOW, data, sizeof data, 0,
                                  rom->loader->answer_ms, rom->loader->read_size, &response, error);
        if (result != 0)
            return espota_fail_while(error, "reading flash at 0x%zx", offset + done);
        memcpy((uint8_t *)buffer + done, response.data, chunk);
        done += chunk;
    }
    return 0;
}

/* Announcing a write of `length` bytes erases them; nothing says that they must follow. */
static int rom_erase(struct espota_device *device, uint32_t offset, uint32_t length,
                     struct espota_error *error)
{
    enum { STEP = 256 * 1024 };
    for (uint32_t done = 0; done < length;) {
        uint32_t step = length - done < STEP ? length - done : STEP;
        int result = espota_device_check_cancelled(device, error);
        if (result == 0)
            result = rom_begin_write(rom_of(device), ESPOTA_ROM_FLASH_BEGIN, step, 0, offset + done, error);
        if (result != 0)
            return espota_fail_while(error, "erasing flash 0x%" PRIx32 "+0x%" PRIx32, offset + done, step);
        done += step;
        espota_device_moved(device, step);
    }
    return 0;
}

/* Bytes on their way in blocks, and how much of flash they stand for. */
struct blocks {
    enum espota_rom_command command;
    const uint8_t *data;
    size_t size;
    size_t stands_for;
    unsigned timeout;
};

static int send_blocks(struct rom *rom, const struct blocks *b, struct espota_error *error)
{
    size_t told = 0, block = rom->loader->block_size;
    int result = 0;
    for (uint32_t i = 0; result == 0 && i * block < b->size; i++) {
        size_t at = i * block;
        size_t chunk = b->size - at < block ? b->size - at : block;
        result = espota_device_check_cancelled(&rom->device, error);
        if (result == 0)
            result =
                rom_send_block(rom, b->command, b->data + at, chunk, i, b->timeout, BLOCK_ATTEMPTS, error);
        if (result == 0) {
            size_t done = (size_t)((uint64_t)b->stands_for * (at + chunk) / b->size);
            espota_device_moved(&rom->device, (uint32_t)(done - told));
            told = done;
        }
    }
    return result;
}

static uint32_t block_count(const struct rom *rom, size_t size)
{
    return (uint32_t)((size + rom->loader->block_size - 1) / rom->loader->block_size);
}

static int write_plain(struct rom *rom, uint32_t offset, const uint8_t *data, size_t length,
                       struct espota_error *error)
{
    struct blocks blocks = { ESPOTA_ROM_FLASH_DATA, data, length, length, rom->loader->answer_ms };
    int result = rom_begin_write(rom, ESPOTA_ROM_FLASH_BEGIN, (uint32_t)length, block_count(rom, length),
                                 offset, error);
    return result ? result : send_blocks(rom, &blocks, error);
}

/* `padded` bytes of data, of which `length` count and the rest is FF. The ROM inflates into a window of 32K
 * and writes it when it is full. At the packet that BEGIN announced as the last one it writes the whole
 * window once more, whatever is in there, and so damages up to 32K behind the data (seen in the code of the
 * ESP32's ROM, and on its emulation). So one packet more is announced than comes, and the data is padded to
 * whole windows: programming FF changes nothing, and only `length` bytes are erased. */
static int write_compressed(struct rom *rom, uint32_t offset, const uint8_t *data, size_t padded,
                            size_t length, struct libdeflate_compressor *compressor,
                            struct espota_error *error)
{
    size_t bound = libdeflate_zlib_compress_bound(compressor, padded);
    uint8_t *packed = malloc(bound);
    if (!packed)
        return espota_fail_memory(error, "compressing");
    size_t size = libdeflate_zlib_compress(compressor, data, padded, packed, bound);
    struct blocks blocks = { ESPOTA_ROM_FLASH_DEFL_DATA, packed, size, length,
                             rom_timeout(rom, rom->loader->write_ms_per_mb, (uint32_t)padded) };
    int result = size > 0 ? 0 : espota_fail(error, ESPOTA_ERR_FAILED, "cannot compress %zu bytes", padded);
    if (result == 0)
        result = rom_begin_write(rom, ESPOTA_ROM_FLASH_DEFL_BEGIN, (uint32_t)length,
                                 block_count(rom, size) + 1, offset, error);
    if (result == 0)
        result = send_blocks(rom, &blocks, error);
    free(packed);
    return result;
}

static int write_padded(struct rom *rom, uint32_t offset, const uint8_t *data, size_t padded, size_t length,
                        struct espota_error *error)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(DEFLATE_LEVEL);
    uint8_t *copy = malloc(padded);
    int result;
    if (!compressor || !copy) {
        result = espota_fail_memory(error, "compressing");
    } else {
        memset(copy, 0xff, padded);
        memcpy(copy, data, length);
        result = write_compressed(rom, offset, copy, padded, length, compressor, error);
    }
    free(copy);
    libdeflate_free_compressor(compressor);
    return result;
}

static int rom_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                     struct espota_error *error)
{
    struct rom *rom = rom_of(device);
    size_t window = rom->loader->window_size;
    size_t padded = window ? (length + window - 1) / window * window : length;
    int result = offset + padded <= device->info.flash_size
                     ? write_padded(rom, offset, data, padded, length, error)
                     : write_plain(rom, offset, data, length, error); /* no room for padding: the last 256K */
    return result ? espota_fail_while(error, "writing flash 0x%" PRIx32 "+0x%zx", offset, length) : 0;
}

static int rom_restart(struct espota_device *device, struct espota_error *error)
{
    return rom_leave(rom_of(device), error);
}

/* Find each other again. A line that needs this often is too fast. */
static int rom_recover(struct espota_device *device, struct espota_error *error)
{
    enum { RECOVERIES_PER_RATE = 3, SYNCS = 10 };
    struct rom *rom = rom_of(device);
    int result = ESPOTA_ERR_TIMEOUT;
    espota_link_sleep_ms(rom->link, 200);
    rom_drain(rom);
    if (++rom->recoveries > RECOVERIES_PER_RATE) {
        rom->recoveries = 0;
        result = rom_slow_down(rom, error);
        if (result == ESPOTA_ERR_UNSUPPORTED)
            result = ESPOTA_ERR_TIMEOUT;
    }
    for (int i = 0; result == ESPOTA_ERR_TIMEOUT && i < SYNCS; i++)
        result = rom_sync(rom, error);
    return result;
}

static void rom_close(struct espota_device *device)
{
    struct rom *rom = rom_of(device);
    espota_link_close(rom->link);
    free(rom);
}

static const struct espota_device_ops rom_ops = {
    .digest = rom_digest,
    .read = rom_read,
    .erase = rom_erase,
    .write = rom_write,
    .restart = rom_restart,
    .details = rom_details,
    .recover = rom_recover,
    .close = rom_close,
};

/* At a rate that the line turns out not to carry, not even this much works. */
static int examine(struct rom *rom, struct espota_error *error)
{
    int result = rom_examine(rom, error);
    while ((result == ESPOTA_ERR_TIMEOUT || result == ESPOTA_ERR_DEVICE) &&
           rom->link->baud > ESPOTA_ROM_INITIAL_BAUD) {
        struct espota_error cause = *error;
        if (rom_slow_down(rom, error) != 0) {
            *error = cause;
            return (int)error->status;
        }
        result = rom_examine(rom, error);
    }
    return result;
}

int rom_begin(struct rom *rom, struct espota_error *error)
{
    const struct espota_rom_options *o = &rom->options;
    struct espota_link *link = rom->link;
    int result = rom_identify(rom, error);
    bool changes = o->baud && espota_link_has_baud(link) && o->baud != link->baud;
    if (result == 0 && changes && !o->baud_auto)
        result = rom_change_baud(rom, o->baud, error);
    if (result == 0)
        result = examine(rom, error);
    if (result == 0 && changes && o->baud_auto && link->usb_vid != ESPOTA_USB_VID_ESPRESSIF)
        result = rom_find_baud(rom, o->baud, error);
    return result;
}

int rom_return(struct rom *rom, struct espota_error *error)
{
    struct espota_link *link = rom->link;
    int result = 0;
    rom->handed_over = false;
    rom->recoveries = 0;
    if (rom_can_reset(rom) && espota_link_has_baud(link))
        result = espota_link_set_baud(link, ESPOTA_ROM_INITIAL_BAUD, error);
    if (result == 0)
        result = rom_connect(rom, error);
    return result ? result : rom_begin(rom, error);
}

/* It was brought into download mode, or may have been, and nothing was changed: a chip whose boot lines can
 * be driven goes back to its app. */
static void let_go(struct rom *rom)
{
    struct espota_error ignored;
    if (!rom_can_reset(rom))
        return;
    rom->device.observer = NULL; /* a request to stop is no reason to leave it there */
    rom->link->cancelled = NULL;
    if (rom->device.info.chip)
        (void)rom_leave(rom, &ignored);
    else if (rom->was_reset && rom->options.after != ESPOTA_AFTER_NO_RESET)
        (void)espota_reset_run(rom->link, espota_reset_hard_for(rom->link), &ignored);
}

int rom_give_up(struct rom *rom, int result)
{
    let_go(rom);
    rom_close(&rom->device);
    return result;
}

int rom_new(struct rom **rom, struct espota_link *link, const struct espota_rom_options *options,
            struct espota_error *error)
{
    struct rom *r = calloc(1, sizeof *r);
    if (!r) {
        espota_link_close(link);
        return espota_fail_memory(error, "connecting");
    }
    r->link = link;
    r->loader = &espota_rom_loader_any;
    r->options = *options;
    espota_device_init(&r->device, &rom_ops, "rom", ESPOTA_HASH_MD5, link->name);
    r->device.app_stopped = true;
    r->device.found_so = !rom_can_reset(r);
    r->device.observer = options->observer;
    *rom = r;
    return 0;
}

int espota_rom_open(struct espota_device **device, struct espota_link *link,
                    const struct espota_rom_options *options, struct espota_error *error)
{
    struct rom *rom = NULL;
    int result = rom_new(&rom, link, options, error);
    if (result != 0)
        return result;
    result = rom_connect(rom, error);
    if (result == 0)
        result = rom_begin(rom, error);
    if (result != 0)
        return rom_give_up(rom, result);
    *device = &rom->device;
    return 0;
}

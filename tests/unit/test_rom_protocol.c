/* Loaders that speak the ROM's protocol in different ways, by their data; and a ROM that answers too often.
 */
#include "device/rom/rom.h"

#include "espota/bytes.h"
#include "espota/clock.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ESP32_MAGIC    0x00f01d83u
#define ESP32_SPI_W0   (0x3ff42000u + 0x80u)
#define FLASH_4M       0x164020u
#define MAX_FRAME_SIZE (8u + 16u + 0x400u)

/* The other end of the link: a loader that says what `loader` says. */
struct fake {
    struct espota_link link;
    const struct espota_rom_loader *loader;
    struct espota_slip_decoder decoder;
    uint8_t frame[MAX_FRAME_SIZE];
    uint8_t out[4096]; /* answers on their way */
    size_t at, count;
    unsigned refusals;  /* how often it says that it does not know a command */
    uint64_t ms;        /* its time */
    size_t begin_words; /* of the last BEGIN */
    uint32_t begin_block;
    size_t largest_block, read_size;
};

static void answer(struct fake *f, uint32_t value, const void *data, size_t length, uint8_t error)
{
    uint8_t body[8 + 64 + 4] = { 1, f->frame[1] };
    uint8_t wire[ESPOTA_SLIP_MAX_ENCODED(sizeof body)];
    size_t status = f->loader->status_size;
    espota_put_le16(body + 2, (uint16_t)(length + status));
    espota_put_le32(body + 4, value);
    if (length > 0)
        memcpy(body + 8, data, length);
    body[8 + length] = error != 0;
    body[8 + length + 1] = error;
    size_t size = espota_slip_encode(body, 8 + length + status, wire);
    assert_true(f->count + size <= sizeof f->out);
    memcpy(f->out + f->count, wire, size);
    f->count += size;
}

static void answer_digest(struct fake *f)
{
    static const uint8_t raw[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                     0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
    if (f->loader->digest_in_hex)
        answer(f, 0, "00112233445566778899aabbccddeeff", 32, 0);
    else
        answer(f, 0, raw, sizeof raw, 0);
}

static void answer_read(struct fake *f)
{
    uint8_t data[64];
    uint32_t offset = espota_get_le32(f->frame + 8);
    f->read_size = espota_get_le32(f->frame + 12);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(offset + i);
    answer(f, 0, data, f->loader->read_size, 0);
}

static void answer_register(struct fake *f)
{
    uint32_t address = espota_get_le32(f->frame + 8);
    answer(f,
           address == ESPOTA_CHIP_MAGIC_REGISTER ? ESP32_MAGIC
           : address == ESP32_SPI_W0             ? FLASH_4M
                                                 : 0,
           NULL, 0, 0);
}

static void take_request(struct fake *f)
{
    uint16_t length = espota_get_le16(f->frame + 2);
    switch (f->frame[1]) {
    case ESPOTA_ROM_READ_REG:
        answer_register(f);
        return;
    case ESPOTA_ROM_SPI_FLASH_MD5:
        answer_digest(f);
        return;
    case ESPOTA_ROM_READ_FLASH_SLOW:
        answer_read(f);
        return;
    case ESPOTA_ROM_GET_SECURITY_INFO:
        for (unsigned i = 0; i < f->refusals; i++)
            answer(f, 0, NULL, 0, ESPOTA_ROM_ERR_INVALID_MESSAGE);
        return;
    case ESPOTA_ROM_FLASH_BEGIN:
    case ESPOTA_ROM_FLASH_DEFL_BEGIN:
        f->begin_words = length / 4u;
        f->begin_block = espota_get_le32(f->frame + 16);
        break;
    case ESPOTA_ROM_FLASH_DATA:
    case ESPOTA_ROM_FLASH_DEFL_DATA:
        f->largest_block = length - 16u > f->largest_block ? length - 16u : f->largest_block;
        break;
    default:
        break;
    }
    answer(f, 0, NULL, 0, 0);
}

static int fake_write(struct espota_link *link, const void *data, size_t size, struct espota_error *error)
{
    struct fake *f = (struct fake *)link;
    (void)error;
    for (size_t i = 0; i < size; i++)
        if (espota_slip_byte(&f->decoder, ((const uint8_t *)data)[i]) == ESPOTA_SLIP_FRAME)
            take_request(f);
    return 0;
}

/* A few bytes at a time. When there are none, time passes. */
static int fake_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error)
{
    struct fake *f = (struct fake *)link;
    size_t left = f->count - f->at, most = size < 20 ? size : 20;
    (void)error;
    *got = left < most ? left : most;
    memcpy(buffer, f->out + f->at, *got);
    f->at += *got;
    if (f->at == f->count)
        f->at = f->count = 0;
    f->ms += *got > 0 ? 0 : timeout_ms;
    return 0;
}

/* What is still on its way is not there yet. */
static void fake_drain(struct espota_link *link)
{
    (void)link;
}

static void fake_close(struct espota_link *link)
{
    (void)link;
}

static const struct espota_link_ops fake_ops = {
    .read = fake_read, .write = fake_write, .drain = fake_drain, .close = fake_close
};

static uint64_t fake_now(void *context)
{
    return ((struct fake *)context)->ms;
}

static void fake_sleep(void *context, unsigned ms)
{
    ((struct fake *)context)->ms += ms;
}

/* Connect to an ESP32's ROM that refuses that often, then let it speak as `loader`. */
static struct espota_device *open_fake(struct fake *f, unsigned refusals,
                                       const struct espota_rom_loader *loader)
{
    struct espota_rom_options options = { 0 };
    struct espota_device *device = NULL;
    struct espota_error error = { 0 };
    const struct espota_clock clock = { f, fake_now, fake_sleep };
    static struct espota_clock kept;
    kept = clock;
    *f = (struct fake){ .link = { .ops = &fake_ops, .name = "fake", .clock = &kept },
                        .loader = &espota_rom_loader_any,
                        .refusals = refusals };
    espota_slip_begin(&f->decoder, f->frame, sizeof f->frame);
    assert_int_equal(espota_rom_open(&device, &f->link, &options, &error), 0);
    assert_ptr_equal(((struct rom *)device)->loader, &espota_rom_loader_esp32);
    ((struct rom *)device)->loader = f->loader = loader;
    return device;
}

static const struct espota_rom_loader loaders[] = {
    { .flash_limit = 1 << 24,
      .block_size = 0x400,
      .read_size = 64,
      .window_size = 0x8000,
      .status_size = 4,
      .digest_in_hex = true,
      .encrypted_flag = true,
      .answer_ms = 100 },
    { .flash_limit = 1 << 24, .block_size = 0x100, .read_size = 16, .status_size = 2, .answer_ms = 100 },
    { .flash_limit = 1 << 24,
      .block_size = 0x200,
      .read_size = 32,
      .window_size = 0x1000,
      .status_size = 2,
      .digest_in_hex = true,
      .answer_ms = 100 },
};

enum { LOADERS = sizeof loaders / sizeof loaders[0] };

static void a_digest_comes_in_hex_or_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOADERS; i++) {
        static struct fake f;
        struct espota_device *device = open_fake(&f, 1, &loaders[i]);
        struct espota_error error = { 0 };
        uint8_t digest[16];
        assert_int_equal(espota_device_digest(device, 0, 4096, digest, &error), 0);
        for (size_t k = 0; k < sizeof digest; k++)
            assert_int_equal(digest[k], 0x11 * k);
        espota_device_close(device);
    }
}

static void reads_go_by_the_loaders_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOADERS; i++) {
        static struct fake f;
        struct espota_device *device = open_fake(&f, 1, &loaders[i]);
        struct espota_error error = { 0 };
        uint8_t data[128];
        assert_int_equal(espota_device_read(device, 0x1000, data, sizeof data, &error), 0);
        assert_int_equal(f.read_size, loaders[i].read_size);
        for (size_t k = 0; k < sizeof data; k++)
            assert_int_equal(data[k], k);
        espota_device_close(device);
    }
}

static void writes_go_by_the_loaders_blocks_and_words(void **state)
{
    static uint8_t data[0x2000];
    uint32_t random = 1;
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)((random = random * 1664525u + 1013904223u) >> 24); /* does not compress */
    for (size_t i = 0; i < LOADERS; i++) {
        static struct fake f;
        struct espota_device *device = open_fake(&f, 1, &loaders[i]);
        struct espota_error error = { 0 };
        assert_int_equal(espota_device_write(device, 0x10000, data, sizeof data, &error), 0);
        assert_int_equal(f.begin_words, loaders[i].encrypted_flag ? 5 : 4);
        assert_int_equal(f.begin_block, loaders[i].block_size);
        assert_int_equal(f.largest_block, loaders[i].block_size);
        espota_device_close(device);
    }
}

static void a_refusal_that_comes_several_times_is_one(void **state)
{
    (void)state;
    for (unsigned refusals = 1; refusals <= 8; refusals += 7) {
        static struct fake f;
        struct espota_device *device = open_fake(&f, refusals, &espota_rom_loader_esp32);
        assert_string_equal(device->info.chip->id, "esp32");
        assert_int_equal(device->info.flash_size, 4 << 20);
        espota_device_close(device);
    }
}

static void every_chip_says_how_its_rom_speaks(void **state)
{
    (void)state;
    for (const struct espota_chip *const *chip = espota_chips; *chip; chip++) {
        const struct espota_rom_loader *loader = (*chip)->rom_loader;
        assert_non_null(loader);
        assert_in_range(loader->block_size, 1, ESPOTA_ROM_LOADER_MAX_BLOCK);
        assert_in_range(loader->read_size, 1, ESPOTA_ROM_LOADER_MAX_READ);
        assert_in_range(loader->flash_limit, 1, UINT32_MAX);
        assert_int_equal(loader->encrypted_flag, strcmp((*chip)->id, "esp32") != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_comes_in_hex_or_as_it_is),
        cmocka_unit_test(reads_go_by_the_loaders_size),
        cmocka_unit_test(writes_go_by_the_loaders_blocks_and_words),
        cmocka_unit_test(a_refusal_that_comes_several_times_is_one),
        cmocka_unit_test(every_chip_says_how_its_rom_speaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

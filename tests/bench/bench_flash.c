/* What flashing through the ROM costs on the wire: bytes, exchanges, and seconds as modelled for a UART and a
 * typical flash chip. The model does not depend on the machine: bits at 10 per byte, 1 ms for each exchange
 * as on a USB adapter, flash as in src/sim/flash.c; nothing overlaps, so that it is an upper bound. With a
 * FILE as argument that is written, otherwise an image of 900 KiB that compresses to about two thirds. */
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/rom_device.h"
#include "espota/smart_write.h"

#include "fixtures/memory_board.h"

#include <stdio.h>
#include <stdlib.h>

#include <libdeflate.h>
#include <zlib.h>

static void write_image(const char *name, struct memory_board *b, const struct espota_bytes *image)
{
    struct espota_device *device = NULL;
    struct espota_rom_options options = { .before = ESPOTA_BEFORE_NO_RESET, .after = ESPOTA_AFTER_NO_RESET };
    struct espota_smart_write result = { 0 };
    struct espota_error error = { 0 };
    uint64_t out = b->link.bytes_out, in = b->link.bytes_in, busy = b->flash.busy_us;
    unsigned writes = b->writes;
    if (espota_rom_open(&device, &b->link, &options, &error) != 0 ||
        espota_smart_write(device, 0x10000, image->data, image->size, &result, &error) != 0) {
        fprintf(stderr, "bench: %s\n", error.text);
        exit(1);
    }
    espota_device_close(device);
    out = b->link.bytes_out - out;
    in = b->link.bytes_in - in;
    writes = b->writes - writes;
    double flash = (double)(b->flash.busy_us - busy) / 1e6 + writes / 1000.0;
    double wire = (double)(out + in) * 10;
    printf("%-22s %8llu out %6llu in %5u exchanges %8u bytes written  %6.1f s at 115200, %5.1f s at 921600\n",
           name, (unsigned long long)out, (unsigned long long)in, writes, result.written,
           wire / 115200 + flash, wire / 921600 + flash);
}

static void compare_encoders(const struct espota_bytes *image)
{
    size_t room = image->size + image->size / 10 + 1024;
    uint8_t *out = malloc(room);
    uLongf zlib_size = (uLongf)room;
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(12);
    memory_board_check(
        out && compressor && compress2(out, &zlib_size, image->data, (uLong)image->size, 9) == Z_OK, "zlib");
    size_t size = libdeflate_zlib_compress(compressor, image->data, image->size, out, room);
    printf("deflated: libdeflate 12 %zu bytes, zlib 9 %lu bytes\n", size, (unsigned long)zlib_size);
    libdeflate_free_compressor(compressor);
    free(out);
}

/* Half of it words that recur, half noise: about what machine code is to an encoder. */
static struct espota_bytes made_up(void)
{
    struct espota_bytes image = { 0 };
    struct espota_error error;
    uint32_t x = 1;
    for (unsigned i = 0; i < (900 << 10) / 4; i++) {
        x = x * 1664525u + 1013904223u;
        uint32_t word = x & 0x40000000 ? x >> 8 : 0x00410020u + (x >> 24) % 64 * 0x100;
        memory_board_check(espota_bytes_append(&image, &word, sizeof word, &error) == 0, "memory");
    }
    return image;
}

int main(int argc, char **argv)
{
    struct memory_board *b = memory_board_blank(MiB(4), "esp32");
    struct espota_bytes image = { 0 };
    struct espota_error error = { 0 };
    if (argc < 2) {
        image = made_up();
    } else if (espota_file_read(argv[1], MiB(3), &image, &error) != 0) {
        fprintf(stderr, "bench: %s\n", error.text);
        return 1;
    }
    printf("%zu bytes through the ROM of an ESP32\n", image.size);
    compare_encoders(&image);
    write_image("onto blank flash", b, &image);
    write_image("the same again", b, &image);
    image.data[5000 % image.size] ^= 1;
    image.data[600000 % image.size] ^= 1;
    write_image("two bytes changed", b, &image);
    espota_bytes_free(&image);
    memory_board_free(b);
    return 0;
}

/* What the image coder makes of firmware, beside deflate and LZMA, and how long the whole write takes at a
 * line's rate and a CPU's clock: the slowest of line, decoder and flash, as they overlap. Arguments: app
 * images; otherwise two that are like firmware to an encoder. The table of real images: firmware/CODER.md. */
#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/file.h"

#include "fixtures/code_like.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RAW, DEFLATE, LZMA, CODER, WAYS };
enum { SECTOR = 4096, LIKE_SIZE = 768 << 10, WINDOW = 16 << 10, TABLE = 16, BEST = 12 };

/* Instructions a byte that comes out, counted by tests/bench/instructions.sh at -O2. */
enum { INFLATE_CYCLES = 25, LZMA_CYCLES = 142 };

/* Flash: a page of 256 bytes 0.4 ms, a block of 64K erased in 150 ms (W25Q32JV datasheet, typical). */
#define FLASH_NS (400e3 / 256 + 150e6 / 65536)

struct firmware {
    const char *name;
    enum espota_isa isa;
    struct espota_bytes bytes; /* whole sectors, FF behind the image */
    size_t size;
};

/* One way to send it. */
struct way {
    const char *name;
    size_t size; /* bytes on the line; 0: not known here */
    unsigned cycles;
};

static void need(int result, const struct espota_error *error)
{
    if (result == 0)
        return;
    fprintf(stderr, "bench: %s\n", error->text);
    exit(1);
}

/* ---- firmware
 * ----------------------------------------------------------------------------------------------------- */
static enum espota_isa isa_of(const uint8_t *header)
{
    unsigned chip = header[12];
    return chip == 0 || chip == 2 || chip == 9 ? ESPOTA_ISA_XTENSA : ESPOTA_ISA_RISCV;
}

static void pad(struct firmware *f)
{
    static const uint8_t blank[SECTOR] = { 0 };
    struct espota_error error;
    f->size = f->bytes.size;
    need(espota_bytes_append(&f->bytes, blank, (SECTOR - f->size % SECTOR) % SECTOR, &error), &error);
    memset(f->bytes.data + f->size, 0xFF, f->bytes.size - f->size);
    f->isa = isa_of(f->bytes.data);
}

static struct firmware like_firmware(bool riscv)
{
    struct firmware f = { .name = riscv ? "(made, RISC-V)" : "(made, Xtensa)" };
    struct espota_error error;
    uint8_t header[32] = { 0xE9, 1 };
    uint8_t *code = malloc(LIKE_SIZE);
    if (code == NULL)
        exit(1);
    code_like_fill(code, LIKE_SIZE, 1, riscv);
    header[12] = riscv ? 5 : 0;
    espota_put_le32(header + 24, riscv ? 0x42000020 : 0x400D0020);
    espota_put_le32(header + 28, LIKE_SIZE);
    need(espota_bytes_append(&f.bytes, header, sizeof header, &error), &error);
    need(espota_bytes_append(&f.bytes, code, LIKE_SIZE, &error), &error);
    free(code);
    pad(&f);
    return f;
}

static struct firmware firmware_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct firmware f = { .name = slash != NULL ? slash + 1 : path };
    struct espota_error error;
    need(espota_file_read(path, 16u << 20, &f.bytes, &error), &error);
    if (f.bytes.size < SECTOR || f.bytes.data[0] != 0xE9) {
        fprintf(stderr, "bench: %s is no app image\n", path);
        exit(1);
    }
    pad(&f);
    return f;
}

/* ---- what each makes of it
 * ------------------------------------------------------------------------------------------ */
static size_t deflated(const struct firmware *f)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(BEST);
    size_t bound = libdeflate_deflate_compress_bound(compressor, f->size);
    uint8_t *out = malloc(bound);
    size_t size =
        out != NULL ? libdeflate_deflate_compress(compressor, f->bytes.data, f->size, out, bound) : 0;
    libdeflate_free_compressor(compressor);
    free(out);
    return size;
}

/* By xz, if it is there: a dictionary that a chip has RAM for. */
static size_t lzma(const struct firmware *f)
{
    char path[] = "/tmp/bench_coder.XXXXXX", command[128];
    int fd = mkstemp(path);
    size_t size = 0;
    if (fd < 0 || write(fd, f->bytes.data, f->size) != (ssize_t)f->size)
        exit(1);
    snprintf(command, sizeof command, "xz --format=raw --lzma1=preset=9e,dict=32KiB --stdout %s 2>&-", path);
    FILE *pipe = popen(command, "r");
    while (pipe != NULL && fgetc(pipe) != EOF)
        size++;
    if (pipe != NULL)
        (void)pclose(pipe);
    close(fd);
    unlink(path);
    return size;
}

static size_t coded(const struct firmware *f, unsigned table_log, double *seconds)
{
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    struct timespec from, to;
    uint32_t length = (uint32_t)f->bytes.size;
    clock_gettime(CLOCK_MONOTONIC, &from);
    need(espota_encode(f->isa, table_log, NULL, f->bytes.data, f->size, 0, length, &stream, &error), &error);
    clock_gettime(CLOCK_MONOTONIC, &to);
    *seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    size_t size = stream.size;
    espota_bytes_free(&stream);
    return size;
}

static void print_sizes(const struct firmware *f, struct way ways[WAYS])
{
    double seconds = 0;
    struct way *deflate = &ways[DEFLATE], *xz = &ways[LZMA];
    deflate->size = deflated(f);
    xz->size = lzma(f);
    printf("%-22s %9zu %8zu %.3f ", f->name, f->size, deflate->size, (double)deflate->size / (double)f->size);
    if (xz->size > 0)
        printf("%8zu %.3f ", xz->size, (double)xz->size / (double)f->size);
    else
        printf("%14s ", "SKIP: no xz");
    for (unsigned log = ESPOTA_CODER_TABLE_MIN; log <= ESPOTA_CODER_TABLE_MAX; log++) {
        size_t size = coded(f, log, &seconds);
        ways[CODER].size = log == TABLE ? size : ways[CODER].size;
        printf("%8zu %.3f ", size, (double)size / (double)f->size);
    }
    printf("%5.2f\n", seconds);
}

/* ---- seconds
 * -------------------------------------------------------------------------------------------------------- */
static double longest(double a, double b)
{
    return a > b ? a : b;
}

static unsigned coder_cycles(const struct firmware *f)
{
    return f->isa == ESPOTA_ISA_XTENSA ? ESPOTA_CODER_CYCLES_XTENSA : ESPOTA_CODER_CYCLES_RISCV;
}

/* Line, decoder and flash overlap. */
static double seconds_of(const struct firmware *f, const struct way *way, unsigned baud, unsigned mhz)
{
    double line = (double)way->size * 10 / baud, decoder = (double)f->size * way->cycles / (mhz * 1e6);
    return longest(longest(line, decoder), (double)f->size * FLASH_NS / 1e9);
}

/* Coded, with sectors stored for which the decoder has no time: sector by sector, as it goes. */
static double seconds_paced(const struct firmware *f, unsigned table_log, unsigned baud, unsigned mhz)
{
    double line_ns = 1e10 / baud, decode_ns = coder_cycles(f) * 1e3 / mhz, line = 0, done = 0;
    struct espota_bytes stream = { 0 };
    struct espota_error error;
    struct espota_encoder *encoder;
    need(espota_encoder_begin(&encoder, f->isa, table_log, NULL, f->bytes.data, f->size, 0,
                              (uint32_t)f->bytes.size, &stream, &error),
         &error);
    espota_encoder_pace(encoder, (uint32_t)line_ns, (uint32_t)decode_ns, WINDOW);
    for (size_t at = stream.size; espota_encoder_sector(encoder, &stream, &error) > 0; at = stream.size) {
        line += (double)(stream.size - at) * line_ns;
        done = longest(done, line);
        if (stream.data[at + 1] >> 6 == ESPOTA_CHUNK_CODED)
            done += decode_ns * SECTOR;
    }
    espota_encoder_end(encoder);
    espota_bytes_free(&stream);
    return longest(done, (double)f->size * FLASH_NS) / 1e9;
}

static void print_seconds(const struct firmware *f, const struct way ways[WAYS], unsigned mhz)
{
    static const unsigned rates[] = { 115200, 460800, 921600, 2000000, 8000000 };
    printf("%-22s %4u MHz ", f->name, mhz);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        printf("|");
        for (unsigned way = 0; way < CODER; way++)
            if (ways[way].size > 0)
                printf(" %5.1f", seconds_of(f, &ways[way], rates[i], mhz));
            else
                printf("     -");
        printf(" %5.1f ", seconds_paced(f, TABLE, rates[i], mhz));
    }
    printf("\n");
}

/* seconds_paced without encoding: as many sectors are stored as make line and decoder end together. */
static double seconds_mixed(const struct firmware *f, const struct way *coder, unsigned baud, unsigned mhz)
{
    double raw = (double)f->size * 10 / baud, line = (double)coder->size * 10 / baud;
    double decoder = (double)f->size * coder->cycles / (mhz * 1e6);
    double mixed = decoder > line ? raw * decoder / (decoder + raw - line) : line;
    return longest(mixed, (double)f->size * FLASH_NS / 1e9);
}

/* The rate from which on `other` is quicker than the coder by more than a twentieth; 0: at none. */
static unsigned crossover(const struct firmware *f, const struct way *other, const struct way *coder,
                          unsigned mhz)
{
    for (unsigned baud = 57600; other->size > 0 && baud < 16000000; baud += baud / 32)
        if (seconds_of(f, other, baud, mhz) * 1.05 < seconds_mixed(f, coder, baud, mhz))
            return baud;
    return 0;
}

static void print_crossovers(const struct firmware *f, const struct way ways[WAYS], unsigned mhz)
{
    printf("%-22s %4u MHz ", f->name, mhz);
    for (unsigned way = 0; way < CODER; way++) {
        unsigned baud = crossover(f, &ways[way], &ways[CODER], mhz);
        if (baud != 0)
            printf("  %s from %u", ways[way].name, baud);
        else
            printf("  %s never", ways[way].name);
    }
    printf("\n");
}

/* Sizes, and what is quick where, of one after the other. */
static void print(const struct firmware *all, struct way (*ways)[WAYS], size_t count)
{
    static const unsigned clocks[] = { 40, 160, 240 };
    for (size_t i = 0; i < count; i++)
        print_sizes(&all[i], ways[i]);
    printf(
        "\nseconds: raw, deflate, LZMA, coder (2^%d), at 115200, 460800, 921600, 2000000 and 8000000 baud\n",
        TABLE);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < sizeof clocks / sizeof *clocks; c++)
            print_seconds(&all[i], ways[i], clocks[c]);
    printf("\nfrom which rate on another is quicker than the coder by a twentieth\n");
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < sizeof clocks / sizeof *clocks; c++)
            print_crossovers(&all[i], ways[i], clocks[c]);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)argc - 1 : 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct firmware *all = calloc(count, sizeof *all);
    struct way(*ways)[WAYS] = calloc(count, sizeof *ways);
    if (all == NULL || ways == NULL) {
        free(all);
        free(ways);
        return 1;
    }
    printf(
        "bytes: image, deflate, LZMA 32K, coder with tables of 2^%u..2^%u; seconds to encode with the last\n",
        ESPOTA_CODER_TABLE_MIN, ESPOTA_CODER_TABLE_MAX);
    for (size_t i = 0; i < count; i++) {
        all[i] = argc > 1 ? firmware_of(argv[i + 1]) : like_firmware(i == 1);
        ways[i][RAW] = (struct way){ "raw", all[i].bytes.size, 0 };
        ways[i][DEFLATE] = (struct way){ "deflate", 0, INFLATE_CYCLES };
        ways[i][LZMA] = (struct way){ "LZMA", 0, LZMA_CYCLES };
        ways[i][CODER] = (struct way){ "coder", 0, coder_cycles(&all[i]) };
    }
    print(all, ways, count);
    for (size_t i = 0; i < count; i++)
        espota_bytes_free(&all[i].bytes);
    free(all);
    free(ways);
    return 0;
}

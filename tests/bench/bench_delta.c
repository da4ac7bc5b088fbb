/* What has to travel to make one image of another, and what making it takes: of consecutive images given as
 * arguments; without any, of images in the style of firmware, and of some that are made to take time. TABLE:
 * log2 of the table's bytes. Seconds are those of the CPU: a busy machine does not count. */
#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/file.h"

#include "fixtures/code_like.h"
#include "fixtures/decoded_stream.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SECTOR ESPOTA_CODER_SECTOR

enum { LIKE_SIZE = 768 << 10, OTHER_SIZE = 16 << 10 };

static void need(int result, const struct espota_error *error)
{
    if (result == 0)
        return;
    fprintf(stderr, "bench: %s\n", error->text);
    exit(1);
}

static enum espota_isa isa_of(const uint8_t *header)
{
    unsigned chip = header[12];
    return chip == 0 || chip == 2 || chip == 9 ? ESPOTA_ISA_XTENSA : ESPOTA_ISA_RISCV;
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Makes it, rebuilds the image from it, and says what it took. @return its bytes. */
static size_t delta(const char *name, const struct espota_bytes *old, const struct espota_bytes *image,
                    unsigned table_log)
{
    struct espota_error error;
    struct espota_base *base;
    struct espota_bytes stream = { 0 };
    struct rusage use;
    enum espota_isa isa = isa_of(image->data);
    uint32_t length = (uint32_t)((image->size + SECTOR - 1) / SECTOR * SECTOR);
    double start = now();
    need(espota_base_new(&base, isa, old->data, old->size, image->data, image->size, &error), &error);
    double matched = now();
    need(espota_encode(isa, table_log, base, image->data, image->size, 0, length, &stream, &error), &error);
    double coded = now();
    espota_base_free(base);
    getrusage(RUSAGE_SELF, &use);
    uint8_t *rebuilt = calloc(1, image->size);
    bool good = rebuilt != NULL && decode_stream(&stream, old, rebuilt, image->size) == 0 &&
                memcmp(rebuilt, image->data, image->size) == 0;
    printf("%-32s %9zu %8zu %6.2f %6.2f %6.2f %7ld%s\n", name, image->size, stream.size, matched - start,
           coded - matched, now() - coded, use.ru_maxrss / 1024, good ? "" : "  NOT REBUILT");
    size_t size = stream.size;
    free(rebuilt);
    espota_bytes_free(&stream);
    if (!good)
        exit(1);
    return size;
}

/* An image of the style of firmware, and one with some other code in it. */
static void make_pair(struct espota_bytes *old, struct espota_bytes *image, bool riscv)
{
    struct espota_error error;
    uint8_t header[32] = { 0xE9, 1 };
    uint8_t *code = malloc(LIKE_SIZE), *other = malloc(OTHER_SIZE);
    if (code == NULL || other == NULL)
        exit(1);
    code_like_fill(code, LIKE_SIZE, 1, riscv);
    code_like_fill(other, OTHER_SIZE, 2, riscv);
    header[12] = riscv ? 5 : 0;
    espota_put_le32(header + 24, riscv ? 0x42000020 : 0x400D0020);
    espota_put_le32(header + 28, LIKE_SIZE);
    need(espota_bytes_append(old, header, sizeof header, &error), &error);
    need(espota_bytes_append(old, code, LIKE_SIZE, &error), &error);
    need(espota_bytes_append(image, header, sizeof header, &error), &error);
    need(espota_bytes_append(image, code, LIKE_SIZE / 4, &error), &error);
    need(espota_bytes_append(image, other, OTHER_SIZE, &error), &error);
    need(espota_bytes_append(image, code + LIKE_SIZE / 4, LIKE_SIZE - LIKE_SIZE / 4 - OTHER_SIZE, &error),
         &error);
    free(code);
    free(other);
}

static size_t made(bool riscv, unsigned table_log)
{
    struct espota_bytes old = { 0 }, image = { 0 };
    make_pair(&old, &image, riscv);
    size_t size = delta(riscv ? "(made, RISC-V)" : "(made, Xtensa)", &old, &image, table_log);
    espota_bytes_free(&old);
    espota_bytes_free(&image);
    return size;
}

/* ---- pairs that have next to nothing in common ------------------------------------------------------- */
typedef void fill(uint8_t *bytes, size_t size, unsigned seed);

static void fill_code(uint8_t *bytes, size_t size, unsigned seed)
{
    code_like_fill(bytes, size, seed, false);
}

static void fill_random(uint8_t *bytes, size_t size, unsigned seed)
{
    uint32_t random = seed;
    for (size_t i = 0; i < size; i++) {
        random = random * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(random >> 24);
    }
}

/* All beginnings are the same, and no ends. */
static void fill_beginnings(uint8_t *bytes, size_t size, unsigned seed)
{
    fill_random(bytes, size, seed);
    for (size_t i = 0; i + 6 <= size; i += 8)
        memset(bytes + i, 0x77, 6);
}

/* The same again and again, with changes. */
static void fill_again(uint8_t *bytes, size_t size, unsigned seed)
{
    fill_random(bytes, 300, 1);
    for (size_t i = 300; i < size; i++)
        bytes[i] = (uint8_t)(bytes[i - 300] + ((i + seed * 50) % 120 == 0 ? i : 0));
}

static void make_strange(struct espota_bytes *image, fill *filler, size_t size, unsigned seed)
{
    struct espota_error error;
    uint8_t header[32] = { 0xE9, 1 };
    uint8_t *bytes = malloc(size);
    if (bytes == NULL)
        exit(1);
    espota_put_le32(header + 24, 0x400D0020);
    espota_put_le32(header + 28, (uint32_t)size);
    filler(bytes, size, seed);
    need(espota_bytes_append(image, header, sizeof header, &error), &error);
    need(espota_bytes_append(image, bytes, size, &error), &error);
    free(bytes);
}

static size_t strange(unsigned table_log)
{
    static const struct {
        const char *name;
        fill *filler;
        size_t size;
    } kinds[] = {
        { "(others' code)", fill_code, 1536 << 10 },     { "(random)", fill_random, 1536 << 10 },
        { "(beginnings)", fill_beginnings, 1536 << 10 }, { "(again)", fill_again, 1536 << 10 },
        { "(random)", fill_random, 15 << 20 },           { "(beginnings)", fill_beginnings, 15 << 20 },
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct espota_bytes old = { 0 }, image = { 0 };
        make_strange(&old, kinds[i].filler, kinds[i].size, 1);
        make_strange(&image, kinds[i].filler, kinds[i].size, 2);
        total += delta(kinds[i].name, &old, &image, table_log);
        espota_bytes_free(&old);
        espota_bytes_free(&image);
    }
    return total;
}

static size_t all_of(int argc, char **argv, unsigned table_log)
{
    struct espota_bytes old = { 0 };
    struct espota_error error;
    size_t total = 0;
    for (int i = 1; i < argc; i++) {
        struct espota_bytes image = { 0 };
        need(espota_file_read(argv[i], 16u << 20, &image, &error), &error);
        if (i > 1)
            total += delta(argv[i], &old, &image, table_log);
        espota_bytes_free(&old);
        old = image;
    }
    espota_bytes_free(&old);
    return total;
}

int main(int argc, char **argv)
{
    const char *table = getenv("TABLE");
    unsigned table_log = table != NULL ? (unsigned)atoi(table) : ESPOTA_CODER_TABLE_DEFAULT;
    printf("%-32s %9s %8s %6s %6s %6s %7s\n", "image", "bytes", "patch", "match", "code", "decode", "MB");
    size_t total = argc > 1 ? all_of(argc, argv, table_log)
                            : made(false, table_log) + made(true, table_log) + strange(table_log);
    printf("all: %zu bytes; decoder %zu bytes of RAM\n", total, espota_decoder.memory_with_base(table_log));
    return 0;
}

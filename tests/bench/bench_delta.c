/* What has to travel to make one image of another: of consecutive images given as arguments. TABLE: log2 of
 * the table's bytes. */
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
    clock_gettime(CLOCK_MONOTONIC, &at);
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
    size_t total = argc > 1 ? all_of(argc, argv, table_log) : made(false, table_log) + made(true, table_log);
    printf("all: %zu bytes; decoder %zu bytes of RAM\n", total, espota_decoder.memory_with_base(table_log));
    return 0;
}

/* What has to travel to make one image of another: of consecutive images given as arguments. TABLE: log2 of
 * the table's bytes. */
#include "espota/bytes.h"
#include "espota/coder.h"
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/file.h"

#include "fixtures/decoded_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECTOR ESPOTA_CODER_SECTOR

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

static size_t delta(const char *name, const struct espota_bytes *old, const struct espota_bytes *image,
                    unsigned table_log)
{
    struct espota_error error;
    struct espota_base *base;
    struct espota_bytes stream = { 0 };
    enum espota_isa isa = isa_of(image->data);
    uint32_t length = (uint32_t)((image->size + SECTOR - 1) / SECTOR * SECTOR);
    double start = now();
    need(espota_base_new(&base, isa, old->data, old->size, image->data, image->size, &error), &error);
    double matched = now();
    need(espota_encode(isa, table_log, base, image->data, image->size, 0, length, &stream, &error), &error);
    double coded = now();
    espota_base_free(base);
    uint8_t *rebuilt = calloc(1, image->size);
    if (rebuilt == NULL)
        exit(1);
    int bad = decode_stream(&stream, old, rebuilt, image->size);
    if (bad == 0 && memcmp(rebuilt, image->data, image->size) != 0)
        bad = 1;
    size_t map = ESPOTA_STREAM_HEAD_SIZE + ESPOTA_STREAM_BASE_SIZE;
    printf("%-20s %8zu  %7zu %s  match %.2f code %.2f decode %.2f\n", name, image->size, stream.size,
           bad == 0  ? "ok"
           : bad < 0 ? "BAD"
                     : "DIFFERS",
           matched - start, coded - matched, now() - coded);
    (void)map;
    free(rebuilt);
    size_t size = stream.size;
    espota_bytes_free(&stream);
    return size;
}

int main(int argc, char **argv)
{
    struct espota_bytes old = { 0 }, image = { 0 };
    struct espota_error error;
    const char *table = getenv("TABLE");
    size_t total = 0;
    for (int i = 1; i < argc; i++) {
        image = (struct espota_bytes){ 0 };
        need(espota_file_read(argv[i], 16u << 20, &image, &error), &error);
        if (i > 1)
            total += delta(argv[i], &old, &image,
                           table != NULL ? (unsigned)atoi(table) : ESPOTA_CODER_TABLE_DEFAULT);
        espota_bytes_free(&old);
        old = image;
    }
    espota_bytes_free(&old);
    printf("total %zu, decoder %zu bytes\n", total,
           espota_decoder.memory_with_base(ESPOTA_CODER_TABLE_DEFAULT));
    return 0;
}

/* Makes C source of a linked stub and its first stage: elf2stub ELF FIRST CHIP COMPILER, an
 * espota_stub_image. */
#include "pack.h"
#include "program.h"

#include "espota/bytes.h"
#include "espota/first_stage.h"
#include "espota/stub_image.h"
#include "stub/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { A_LINE = 32, SEGMENTS = 2 };

static void print_bytes(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        printf("%s%u,", i % A_LINE == 0 ? "\n" : "", data[i]);
}

static void add_words(struct stub_check *check, const uint8_t *data, size_t length)
{
    for (size_t at = 0; at + 4 <= length; at += 4)
        stub_check_add(check, espota_get_le32(data + at));
}

/* The sums of code, then of data, go into the last words of the data. */
static int fill_in_check(struct program *p, struct espota_error *error)
{
    struct stub_check check = { 0 };
    if (p->count != SEGMENTS)
        return espota_fail(error, ESPOTA_ERR_FAILED, "a stub is code and data");
    unsigned code = p->entry - p->part[0].load_address < p->part[0].length ? 0 : 1;
    struct espota_bytes *data = &p->data[1 - code];
    if (data->size < sizeof check)
        return espota_fail(error, ESPOTA_ERR_FAILED, "a stub's data ends with its check");
    add_words(&check, p->data[code].data, p->data[code].size);
    add_words(&check, data->data, data->size - sizeof check);
    espota_put_le32(data->data + data->size - sizeof check, check.sum);
    espota_put_le32(data->data + data->size - 4, check.sum_of_sums);
    return 0;
}

/* Pieces: address, length, words; then 0 and where it starts. */
static int put_word(struct espota_bytes *to, uint32_t value, struct espota_error *error)
{
    uint8_t word[4];
    espota_put_le32(word, value);
    return espota_bytes_append(to, word, sizeof word, error);
}

static int join(const struct program *p, struct espota_bytes *joined, struct espota_error *error)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < p->count; i++) {
        const struct espota_image_part *part = &p->part[i];
        result = put_word(joined, part->load_address, error);
        if (result == 0)
            result = put_word(joined, part->length, error);
        if (result == 0)
            result = espota_bytes_append(joined, part->data, part->length, error);
    }
    if (result == 0)
        result = put_word(joined, 0, error);
    return result ? result : put_word(joined, p->entry, error);
}

static int pack_program(const struct program *p, struct espota_bytes *packed, size_t *unpacked,
                        struct espota_error *error)
{
    struct espota_bytes joined = { 0 };
    int result = join(p, &joined, error);
    *unpacked = joined.size;
    if (result == 0 && joined.size > ESPOTA_FIRST_UNPACKED)
        result = espota_fail(error, ESPOTA_ERR_FAILED, "a stub is at most %u bytes", ESPOTA_FIRST_UNPACKED);
    if (result == 0)
        result = pack(joined.data, joined.size, packed, error);
    espota_bytes_free(&joined);
    return result;
}

static void print_image(const struct program *first, const struct espota_bytes *packed, size_t unpacked,
                        const char *chip, const char *compiler)
{
    const struct espota_image_part *part = &first->part[0];
    printf("/* Made by `make stubs-update`. Compiler: %s */\n", compiler);
    if (first->count > 0) {
        printf("static const uint8_t %s_first[] = {", chip);
        print_bytes(part->data, part->length);
        puts("\n};");
    }
    printf("static const uint8_t %s_packed[] = {", chip);
    print_bytes(packed->data, packed->size);
    printf("\n};\nstatic const struct espota_stub_image %s_image = {\n", chip);
    if (first->count > 0)
        printf("    { 0x%08" PRIx32 ", sizeof %s_first, %s_first }, 0x%08" PRIx32 ",\n", part->load_address,
               chip, chip, first->entry);
    else
        puts("    { 0, 0, NULL }, 0,");
    printf("    %s_packed, sizeof %s_packed, %zu\n};\n", chip, chip, unpacked);
}

/* NONE: the chip's loader takes all of the stub. */
static int read_first(struct program *first, const char *path, struct espota_error *error)
{
    *first = (struct program){ 0 };
    if (strcmp(path, "none") == 0)
        return 0;
    int result = program_read(first, path, error);
    if (result == 0 && first->count != 1)
        return espota_fail(error, ESPOTA_ERR_FAILED, "a first stage is code alone");
    return result;
}

int main(int argc, char **argv)
{
    struct program p = { 0 }, first = { 0 };
    struct espota_bytes packed = { 0 };
    struct espota_error error = { 0 };
    size_t unpacked = 0;
    if (argc != 5) {
        fputs("usage: elf2stub ELF FIRST|none CHIP COMPILER\n", stderr);
        return 2;
    }
    int result = program_read(&p, argv[1], &error);
    if (result == 0)
        result = fill_in_check(&p, &error);
    if (result == 0)
        result = read_first(&first, argv[2], &error);
    if (result == 0)
        result = pack_program(&p, &packed, &unpacked, &error);
    if (result == 0)
        print_image(&first, &packed, unpacked, argv[3], argv[4]);
    else
        fprintf(stderr, "elf2stub: %s\n", error.text);
    espota_bytes_free(&packed);
    program_free(&first);
    program_free(&p);
    return result == 0 && fflush(stdout) == 0 ? 0 : 1;
}

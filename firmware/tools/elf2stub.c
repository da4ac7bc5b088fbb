/* Makes C source of a linked stub: elf2stub ELF CHIP COMPILER. Its loadable segments become those of an
 * espota_stub_image. */
#include "program.h"

#include "espota/bytes.h"
#include "espota/stub_image.h"
#include "stub/check.h"

#include <inttypes.h>
#include <stdio.h>

enum { A_LINE = 32 };

static void print_bytes(const struct espota_image_part *part)
{
    for (uint32_t i = 0; i < part->length; i++)
        printf("%s%u,", i % A_LINE == 0 ? "\n" : "", part->data[i]);
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
    if (p->count != ESPOTA_STUB_SEGMENTS)
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

static void print_image(const struct program *p, const char *chip, const char *compiler)
{
    printf("/* Made by `make stubs-update`. Compiler: %s */\n", compiler);
    for (unsigned i = 0; i < p->count; i++) {
        printf("static const uint8_t %s_segment%u[] = {", chip, i);
        print_bytes(&p->part[i]);
        puts("\n};");
    }
    printf("static const struct espota_stub_image %s_image = {\n    0x%08" PRIx32 ",\n    {", chip, p->entry);
    for (unsigned i = 0; i < p->count; i++)
        printf("%s{ 0x%08" PRIx32 ", sizeof %s_segment%u, %s_segment%u }", i ? ",\n      " : " ",
               p->part[i].load_address, chip, i, chip, i);
    puts(" }\n};");
}

int main(int argc, char **argv)
{
    struct program p;
    struct espota_error error = { 0 };
    if (argc != 4) {
        fputs("usage: elf2stub ELF CHIP COMPILER\n", stderr);
        return 2;
    }
    int result = program_read(&p, argv[1], &error);
    if (result == 0)
        result = fill_in_check(&p, &error);
    if (result == 0)
        print_image(&p, argv[2], argv[3]);
    else
        fprintf(stderr, "elf2stub: %s\n", error.text);
    program_free(&p);
    return result == 0 && fflush(stdout) == 0 ? 0 : 1;
}

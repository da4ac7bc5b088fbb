/* Makes C source of a linked stub: elf2stub ELF CHIP COMPILER. Its loadable segments become those of an
 * espota_stub_image. */
#include "program.h"

#include "espota/stub_image.h"

#include <inttypes.h>
#include <stdio.h>

enum { A_LINE = 32 };

static void print_bytes(const struct espota_image_part *part)
{
    for (uint32_t i = 0; i < part->length; i++)
        printf("%s%u,", i % A_LINE == 0 ? "\n" : "", part->data[i]);
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
    if (result == 0 && p.count > ESPOTA_STUB_SEGMENTS)
        result = espota_fail(&error, ESPOTA_ERR_FAILED, "%s has too many segments", argv[1]);
    if (result == 0)
        print_image(&p, argv[2], argv[3]);
    else
        fprintf(stderr, "elf2stub: %s\n", error.text);
    program_free(&p);
    return result == 0 && fflush(stdout) == 0 ? 0 : 1;
}

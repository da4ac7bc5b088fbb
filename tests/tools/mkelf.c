/* Makes ELF files for the tests, as a linker makes those of an app. They are data: no chip could run them. */
#include "espota/chip.h"
#include "espota/error.h"
#include "espota/file.h"

#include "fixtures/elf_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const struct espota_chip *chip = argc == 4 || argc == 5 ? espota_chip_by_name(argv[2]) : NULL;
    struct espota_bytes file;
    struct espota_error error = { 0 };
    if (!chip || (argc == 5 && strcmp(argv[4], "--anonymous") != 0)) {
        fputs("usage: mkelf FILE CHIP SIZE [--anonymous]\n", stderr);
        return 2;
    }
    elf_file_make_app(&file, chip, (uint32_t)strtoul(argv[3], NULL, 0), argc == 4);
    int result = espota_file_write(argv[1], file.data, file.size, &error);
    if (result != 0)
        fprintf(stderr, "mkelf: %s\n", error.text);
    espota_bytes_free(&file);
    return result == 0 ? 0 : 1;
}

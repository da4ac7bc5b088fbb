/* encode IMAGE TABLE STREAM [BASE]: an app image as a coded stream, with a table of 2^TABLE bytes; made from
 * a base. */
#include "espota/encode.h"
#include "espota/error.h"
#include "espota/file.h"

#include <stdio.h>
#include <stdlib.h>

static enum espota_isa isa_of(const uint8_t *header)
{
    unsigned chip = header[12]; /* 0 ESP32, 2 ESP32-S2, 9 ESP32-S3; the others are RISC-V */
    return chip == 0 || chip == 2 || chip == 9 ? ESPOTA_ISA_XTENSA : ESPOTA_ISA_RISCV;
}

int main(int argc, char **argv)
{
    struct espota_bytes image = { 0 }, stream = { 0 }, old = { 0 };
    struct espota_error error = { 0 };
    struct espota_base *base = NULL;
    if (argc != 4 && argc != 5)
        return 2;
    int status = espota_file_read(argv[1], 16u << 20, &image, &error);
    if (status == 0 && image.size < 32)
        return 1;
    uint32_t length = (uint32_t)((image.size + ESPOTA_CODER_SECTOR - 1) & ~(size_t)(ESPOTA_CODER_SECTOR - 1));
    if (status == 0 && argc == 5)
        status = espota_file_read(argv[4], 16u << 20, &old, &error);
    if (status == 0 && argc == 5)
        status =
            espota_base_new(&base, isa_of(image.data), old.data, old.size, image.data, image.size, &error);
    if (status == 0)
        status = espota_encode(isa_of(image.data), (unsigned)atoi(argv[2]), base, image.data, image.size, 0,
                               length, &stream, &error);
    if (status == 0)
        status = espota_file_write(argv[3], stream.data, stream.size, &error);
    if (status != 0)
        fprintf(stderr, "encode: %s\n", error.text);
    espota_base_free(base);
    espota_bytes_free(&old);
    espota_bytes_free(&image);
    espota_bytes_free(&stream);
    return status != 0;
}

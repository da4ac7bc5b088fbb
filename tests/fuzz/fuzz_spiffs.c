/* SPIFFS: whatever its pages say, reading it ends, and stays within the partition. */
#include "fs_rounds.h"

#include "espota/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 4096, PAGE = 256, BLOCKS = 3, PAGES = BLOCKS * BLOCK / PAGE, PART = 40 };

/* A part of the input at the start of each page; the magic is right. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *image = malloc(BLOCKS * BLOCK);
    memset(image, 0xff, BLOCKS * BLOCK);
    for (unsigned page = 0; page < PAGES && size > 0; page++) {
        size_t part = size < PART ? size : PART;
        memcpy(image + page * PAGE, data, part);
        data += part;
        size -= part;
    }
    for (unsigned block = 0; block < BLOCKS; block++)
        espota_put_le16(image + block * BLOCK + PAGE - 4, (uint16_t)(0x0529 ^ PAGE ^ (BLOCKS - block)));
    fs_all(image, BLOCKS * BLOCK);
    free(image);
    return 0;
}

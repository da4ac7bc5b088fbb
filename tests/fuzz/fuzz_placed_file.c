/* Intel HEX and UF2: no bytes are placed that are not in the file. */
#include "espota/placed_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int add(void *context, uint32_t address, const uint8_t *data, size_t length)
{
    size_t *left = context;
    uint8_t sum = 0;
    (void)address;
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + data[i]);
    if (length > *left)
        abort();
    *left -= length;
    return sum == 0xa5; /* now and then: stop */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct espota_placed_problem problem;
    size_t left = size;
    (void)espota_intel_hex_walk(data, size, add, &left, &problem);
    left = size;
    (void)espota_uf2_walk(data, size, 0xc47e5767, add, &left, &problem);
    return 0;
}

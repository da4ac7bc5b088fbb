/* Prints the bytes that the decoder needs with the default table, without a base and with one; pointers are
 * longer here than on a chip. */
#include "espota/coder.h"

#include <stdio.h>

int main(void)
{
    printf("%zu %zu\n", espota_decoder.memory(ESPOTA_CODER_TABLE_DEFAULT),
           espota_decoder.memory_with_base(ESPOTA_CODER_TABLE_DEFAULT));
    return fflush(stdout) == 0 ? 0 : 1;
}

/* Prints the bytes that the decoder needs with the default table; pointers are longer here than on a chip. */
#include "espota/coder.h"

#include <stdio.h>

int main(void)
{
    printf("%zu\n", espota_decoder.memory(ESPOTA_CODER_TABLE_DEFAULT));
    return fflush(stdout) == 0 ? 0 : 1;
}

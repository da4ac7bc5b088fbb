/* SLIP: any bytes may come in; what is encoded comes out again. */
#include "espota/slip.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t small[16], whole[4096], wire[ESPOTA_SLIP_MAX_ENCODED(sizeof whole)];
    struct espota_slip_decoder decoder;
    espota_slip_begin(&decoder, small, sizeof small);
    for (size_t i = 0; i < size; i++)
        if (espota_slip_byte(&decoder, data[i]) == ESPOTA_SLIP_FRAME && decoder.length > sizeof small)
            abort();
    if (size == 0 || size > sizeof whole)
        return 0;
    size_t length = espota_slip_encode(data, size, wire), frames = 0;
    espota_slip_begin(&decoder, whole, sizeof whole);
    for (size_t i = 0; i < length; i++)
        frames += espota_slip_byte(&decoder, wire[i]) == ESPOTA_SLIP_FRAME;
    if (frames != 1 || decoder.length != size || memcmp(whole, data, size) != 0)
        abort();
    return 0;
}

/* What every unit of a sector ends with. */
#include "coder.h"

void coder_relax(struct coder *coder)
{
    if (coder->image != NULL && coder->image->relax != NULL)
        coder->image->relax(coder->image->context);
}

void coder_emit(struct coder *coder, uint32_t byte)
{
    uint8_t value = (uint8_t)byte;
    if (coder->in_header)
        coder->header[(sizeof coder->header - coder->place.left) & 7] = value;
    if (coder->filled < ESPOTA_CODER_SECTOR)
        coder->sector[coder->filled] = value;
    else
        coder->over[coder->filled - ESPOTA_CODER_SECTOR] = value;
    coder->window[coder->windowed++ & (coder->window_size - 1)] = value;
    coder->filled++;
    coder->place.address++;
    coder->place.left--;
    coder->before = coder->before >> 8 | (uint32_t)value << 24;
}

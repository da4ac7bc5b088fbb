/* otadata: choosing and selecting agree, whatever flash holds. */
#include "espota/otadata.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct espota_otadata otadata;
    if (size < 2 * ESPOTA_OTADATA_RECORD_SIZE + 2)
        return 0;
    espota_otadata_record_parse(&otadata.record[0], data);
    espota_otadata_record_parse(&otadata.record[1], data + ESPOTA_OTADATA_RECORD_SIZE);
    if (data[64] & 0x80) { /* most random CRCs are wrong: right ones are more interesting */
        otadata.record[0].crc = espota_otadata_crc(otadata.record[0].sequence);
        otadata.record[1].crc = espota_otadata_crc(otadata.record[1].sequence);
    }
    unsigned count = data[64] & 0x0f, slot = data[65] & 0x0f;
    int active = espota_otadata_active_slot(&otadata, count);
    if (active >= (int)count)
        abort();
    if (espota_otadata_select(&otadata, slot, count, ESPOTA_OTA_UNDEFINED) >= 0 &&
        espota_otadata_active_slot(&otadata, count) != (int)slot)
        abort();
    return 0;
}

/* Writing a partition that shares its first or last sector with its neighbours. */
#include "espota/device.h"
#include "espota/error.h"
#include "espota/smart_write.h"
#include "espota/table.h"

#include <stdlib.h>
#include <string.h>

#define SECTOR ESPOTA_SECTOR_SIZE

/* Fill `sectors` from flash where they lie outside of the range, and with the data in it. */
static int compose(struct espota_device *device, uint32_t lead, uint32_t offset, const void *data,
                   size_t length, uint32_t room, uint8_t *sectors, size_t total, struct espota_error *error)
{
    size_t end = (size_t)lead + room;
    int result = 0;
    memset(sectors, 0xff, total);
    if (lead > 0)
        result = espota_device_read(device, offset - lead, sectors, lead, error);
    if (result == 0 && end < total)
        result = espota_device_read(device, offset + room, sectors + end, total - end, error);
    memcpy(sectors + lead, data, length);
    return result;
}

int espota_smart_write_within(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                              uint32_t room, struct espota_smart_write *result, struct espota_error *error)
{
    uint32_t lead = offset % SECTOR;
    size_t total = espota_smart_write_total(lead + length);
    if (lead == 0 && total <= room)
        return espota_smart_write(device, offset, data, length, result, error);
    uint8_t *sectors = malloc(total);
    if (!sectors)
        return espota_fail_memory(error, "writing flash");
    int outcome = compose(device, lead, offset, data, length, room, sectors, total, error);
    if (outcome == 0)
        outcome = espota_smart_write(device, offset - lead, sectors, total, result, error);
    free(sectors);
    return outcome;
}

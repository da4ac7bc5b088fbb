#include "espota/flash_range.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/size.h"
#include "espota/slots.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int check_range(const struct espota_flash_range *r, const struct espota_device *device,
                       struct espota_error *error)
{
    uint64_t end = (uint64_t)r->offset + r->length;
    if (r->length > 0 && end <= device->info.flash_size)
        return espota_device_check_range(device, "use", r->offset, r->open_end ? 1 : r->length, error);
    return espota_fail(error, ESPOTA_ERR_USAGE, "%s is not within the 0x%" PRIx32 " bytes of flash of %s",
                       r->name, device->info.flash_size, device->name);
}

static int parse_range(struct espota_flash_range *r, const char *text, struct espota_device *device,
                       bool open_end, struct espota_error *error)
{
    char offset[24] = "";
    const char *plus = strchr(text, '+');
    size_t length = plus ? (size_t)(plus - text) : strlen(text);
    bool good = length > 0 && length < sizeof offset;
    if (good)
        snprintf(offset, sizeof offset, "%.*s", (int)length, text);
    good =
        good && espota_size_parse(offset, &r->offset) && (!plus || espota_size_parse(plus + 1, &r->length));
    r->open_end = !plus;
    if (!good || (!plus && !open_end))
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "'%s' is no part of flash: name a partition, OFFSET+LENGTH such as 0x10000+64K, or all", text);
    snprintf(r->text, sizeof r->text, "%.44s", text);
    if (r->open_end)
        r->length = r->offset < device->info.flash_size ? device->info.flash_size - r->offset : 0;
    return check_range(r, device, error);
}

/* A bootloader or a table may be listed; then it lies where it does. */
static void note_what_is_shared(struct espota_flash_range *r, const struct espota_table *table,
                                const struct espota_partition *p)
{
    struct espota_table_problem problem;
    bool listed = p->type == ESPOTA_TYPE_BOOTLOADER || p->type == ESPOTA_TYPE_PARTITION_TABLE;
    if (espota_table_verify_alone(table, p, &problem) != 0 &&
        !(listed && problem.fault == ESPOTA_TABLE_BELOW_TABLE))
        espota_table_problem_text(&problem, r->shared);
}

int espota_flash_range_check_alone(const struct espota_flash_range *r, struct espota_error *error)
{
    if (r->shared[0] == '\0')
        return 0;
    return espota_fail(error, ESPOTA_ERR_REFUSED,
                       "refused to change %s: %s; to do it all the same, give the offset instead of the name",
                       r->text, r->shared);
}

static int parse_name(struct espota_flash_range *r, const char *text, struct espota_device *device,
                      uint32_t table_offset, struct espota_error *error)
{
    struct espota_slots slots;
    int result = espota_slots_load(&slots, device, table_offset, error);
    if (result != 0)
        return espota_fail_while(error, "cannot look up the partition '%.40s'", text);
    const struct espota_partition *p = espota_table_find(&slots.table, text);
    if (!p)
        return espota_table_fail_absent(&slots.table, text, device->name, error);
    snprintf(r->text, sizeof r->text, "'%s' (0x%" PRIx32 ")", p->label, p->offset);
    r->offset = p->offset;
    r->length = p->size;
    r->named = true;
    r->type = p->type;
    note_what_is_shared(r, &slots.table, p);
    return check_range(r, device, error);
}

int espota_flash_range_parse(struct espota_flash_range *r, const char *text, struct espota_device *device,
                             uint32_t table_offset, bool open_end, struct espota_error *error)
{
    *r = (struct espota_flash_range){ 0 };
    snprintf(r->name, sizeof r->name, "%.47s", text);
    if (device->info.flash_size == 0)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s does not say how much flash it has",
                           device->name);
    if (strcmp(text, "all") == 0) {
        snprintf(r->text, sizeof r->text, "all of the flash");
        r->length = device->info.flash_size;
        return check_range(r, device, error);
    }
    return text[0] >= '0' && text[0] <= '9' ? parse_range(r, text, device, open_end, error)
                                            : parse_name(r, text, device, table_offset, error);
}

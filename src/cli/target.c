#include "target.h"

#include "espota/update.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_range(const struct target *t, const struct espota_device *device, struct espota_error *error)
{
    uint64_t end = (uint64_t)t->offset + t->length;
    if (t->length > 0 && end <= device->info.flash_size)
        return espota_device_check_range(device, "use", t->offset, t->open_end ? 1 : t->length, error);
    return espota_fail(error, ESPOTA_ERR_USAGE, "%s is not within the 0x%" PRIx32 " bytes of flash of %s",
                       t->name, device->info.flash_size, device->name);
}

static int parse_range(struct target *t, const char *text, struct espota_device *device, bool open_end,
                       struct espota_error *error)
{
    char offset[24] = "";
    const char *plus = strchr(text, '+');
    size_t length = plus ? (size_t)(plus - text) : strlen(text);
    bool good = length > 0 && length < sizeof offset;
    if (good)
        snprintf(offset, sizeof offset, "%.*s", (int)length, text);
    good =
        good && espota_size_parse(offset, &t->offset) && (!plus || espota_size_parse(plus + 1, &t->length));
    t->open_end = !plus;
    if (!good || (!plus && !open_end))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "'%s' is no part of flash: use " TARGET_HELP ", such as 0x10000+64K", text);
    snprintf(t->text, sizeof t->text, "%.44s", text);
    if (t->open_end)
        t->length = t->offset < device->info.flash_size ? device->info.flash_size - t->offset : 0;
    return check_range(t, device, error);
}

/* A bootloader or a table may be listed; then it lies where it does. */
static void note_what_is_shared(struct target *t, const struct espota_table *table,
                                const struct espota_partition *p)
{
    struct espota_table_problem problem;
    bool listed = p->type == ESPOTA_TYPE_BOOTLOADER || p->type == ESPOTA_TYPE_PARTITION_TABLE;
    if (espota_table_verify_alone(table, p, &problem) != 0 &&
        !(listed && problem.fault == ESPOTA_TABLE_BELOW_TABLE))
        espota_table_problem_text(&problem, t->shared);
}

int target_check_alone(const struct target *t, struct espota_error *error)
{
    if (t->shared[0] == '\0')
        return 0;
    return espota_fail(error, ESPOTA_ERR_REFUSED,
                       "refused to change %s: %s; to do it all the same, give the offset instead of the name",
                       t->text, t->shared);
}

static int parse_name(struct target *t, const char *text, struct espota_device *device, uint32_t table_offset,
                      struct espota_error *error)
{
    struct espota_slots slots;
    int result = espota_slots_load(&slots, device, table_offset, error);
    if (result != 0)
        return espota_fail_while(error, "cannot look up the partition '%.40s'", text);
    const struct espota_partition *p = espota_table_find(&slots.table, text);
    if (!p)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "there is no partition '%s' on %s: 'espota table --port ...' lists them", text,
                           device->name);
    snprintf(t->text, sizeof t->text, "'%s' (0x%" PRIx32 ")", p->label, p->offset);
    t->offset = p->offset;
    t->length = p->size;
    t->named = true;
    t->type = p->type;
    note_what_is_shared(t, &slots.table, p);
    return check_range(t, device, error);
}

int target_parse(struct target *t, const char *text, struct espota_device *device, uint32_t table_offset,
                 bool open_end, struct espota_error *error)
{
    *t = (struct target){ 0 };
    snprintf(t->name, sizeof t->name, "%.47s", text);
    if (device->info.flash_size == 0)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s does not say how much flash it has",
                           device->name);
    if (strcmp(text, "all") == 0) {
        snprintf(t->text, sizeof t->text, "all of the flash");
        t->length = device->info.flash_size;
        return check_range(t, device, error);
    }
    return text[0] >= '0' && text[0] <= '9' ? parse_range(t, text, device, open_end, error)
                                            : parse_name(t, text, device, table_offset, error);
}

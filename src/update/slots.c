#include "espota/slots.h"
#include "espota/bootsel.h"
#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/image.h"
#include "espota/otadata.h"
#include "espota/slot_image.h"
#include "espota/smart_write.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <string.h>

#define RECORD ESPOTA_OTADATA_RECORD_SIZE

static void warn(void *device, const struct espota_table_problem *problem)
{
    char words[ESPOTA_PROBLEM_TEXT];
    espota_device_warn(device, "the partition table: %s", espota_table_problem_text(problem, words));
}

void espota_slots_warn(struct espota_device *device, const struct espota_table *table)
{
    (void)espota_table_check(table, warn, device);
}

/* Most tables end within the first half kilobyte, and a line takes its time for the rest. */
static int read_table(struct espota_slots *slots, struct espota_device *device, uint32_t offset,
                      uint8_t data[ESPOTA_TABLE_BINARY_SIZE], bool *valid,
                      struct espota_table_problem *problem, struct espota_error *error)
{
    static const size_t ends[] = { 512, ESPOTA_TABLE_BINARY_SIZE };
    int result = 0;
    *valid = false;
    for (size_t i = 0, at = 0; result == 0 && !*valid && i < sizeof ends / sizeof ends[0]; at = ends[i++]) {
        result = espota_device_read(device, offset + (uint32_t)at, data + at, ends[i] - at, error);
        *valid = result == 0 && espota_table_parse_flash(&slots->table, data, ends[i], offset,
                                                         device->info.flash_size, espota_md5, problem) == 0;
    }
    return result;
}

static int load_table(struct espota_slots *slots, struct espota_device *device, uint32_t offset,
                      struct espota_error *error)
{
    uint8_t data[ESPOTA_TABLE_BINARY_SIZE];
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    bool valid;
    int result = read_table(slots, device, offset, data, &valid, &problem, error);
    if (result != 0)
        return espota_fail_while(error, "reading the partition table");
    if (data[0] == 0xff && data[1] == 0xff)
        return espota_fail_hint(error, ESPOTA_ERR_VERIFY, ESPOTA_HINT_FLASH_FIRST,
                                "%s has no partition table at 0x%" PRIx32, device->name, offset);
    if (!valid)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "the partition table of %s at 0x%" PRIx32 " is not valid: %s", device->name,
                           offset, espota_table_problem_text(&problem, words));
    espota_slots_warn(device, &slots->table);
    return 0;
}

int espota_otadata_load(struct espota_otadata *otadata, struct espota_device *device,
                        const struct espota_partition *partition, struct espota_error *error)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t data[RECORD];
        int result =
            espota_device_read(device, partition->offset + i * ESPOTA_SECTOR_SIZE, data, sizeof data, error);
        if (result != 0)
            return espota_fail_while(error, "reading otadata");
        espota_otadata_record_parse(&otadata->record[i], data);
    }
    return 0;
}

static const struct espota_partition *app_at(const struct espota_table *table, uint32_t offset)
{
    for (unsigned i = 0; i < table->count; i++)
        if (table->entry[i].type == ESPOTA_TYPE_APP && table->entry[i].offset == offset)
            return &table->entry[i];
    return NULL;
}

/* There is an otadata partition, and it is too small: the bootloader gives up. */
static bool otadata_is_cut(const struct espota_slots *slots)
{
    return !slots->otadata_partition &&
           espota_table_find_type(&slots->table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA);
}

static bool anything(void *unused, const struct espota_partition *partition)
{
    (void)unused;
    return partition != NULL;
}

/* What the bootloader starts when all images are valid, and a trial under way goes on. */
static const struct espota_partition *default_boot(const struct espota_slots *slots)
{
    struct espota_otadata otadata = slots->otadata;
    return espota_boot_choose(&slots->table, &otadata, false, anything, NULL).partition;
}

int espota_slots_load(struct espota_slots *slots, struct espota_device *device, uint32_t table_offset,
                      struct espota_error *error)
{
    memset(slots, 0, sizeof *slots);
    if (table_offset == 0)
        table_offset = device->info.table_offset ? device->info.table_offset : ESPOTA_TABLE_DEFAULT_OFFSET;
    int result = load_table(slots, device, table_offset, error);
    if (result != 0)
        return result;
    slots->otadata_partition = espota_table_otadata(&slots->table);
    for (int i = 0; i < 2; i++)
        slots->otadata.record[i].sequence = UINT32_MAX;
    if (slots->otadata_partition)
        result = espota_otadata_load(&slots->otadata, device, slots->otadata_partition, error);
    slots->boot = default_boot(slots);
    slots->running =
        device->info.has_running ? app_at(&slots->table, device->info.running_offset) : slots->boot;
    return result;
}

const struct espota_partition *espota_slots_boots(const struct espota_slots *slots,
                                                  espota_bootable_fn *bootable, void *context)
{
    struct espota_otadata otadata = slots->otadata;
    /* only a bootloader that honours trials writes states that matter here */
    return espota_boot_choose(&slots->table, &otadata, true, bootable, context).partition;
}

struct look {
    struct espota_device *device;
    struct espota_error *error;
    int result;
};

static bool holds_app(void *context, const struct espota_partition *partition)
{
    struct look *look = context;
    struct espota_image image;
    enum espota_slot_state state = ESPOTA_SLOT_EMPTY;
    if (look->result == 0)
        look->result = espota_slot_examine(look->device, partition, &image, &state, look->error);
    return look->result == 0 && (state == ESPOTA_SLOT_VALID || state == ESPOTA_SLOT_UNCHECKED);
}

int espota_slots_look(struct espota_slots *slots, struct espota_device *device, struct espota_error *error)
{
    struct look look = { device, error, 0 };
    const struct espota_partition *boots = espota_slots_boots(slots, holds_app, &look);
    if (look.result == 0)
        slots->boot = boots;
    return look.result;
}

/* Writing a slot that shares flash with something else would destroy that. */
static const struct espota_partition *writable(const struct espota_slots *slots,
                                               const struct espota_partition *p, struct espota_error *error)
{
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    if (espota_table_verify_writable(&slots->table, p, &problem) == 0)
        return p;
    espota_fail(error, ESPOTA_ERR_REFUSED, "refused to write partition '%s': %s; flash a sound table first",
                p->label, espota_table_problem_text(&problem, words));
    return NULL;
}

static const struct espota_partition *next_factory(const struct espota_slots *slots,
                                                   struct espota_error *error)
{
    const struct espota_partition *factory =
        espota_table_find_type(&slots->table, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY);
    if (!factory)
        espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_NOT_FACTORY,
                         "this device has no factory partition");
    else if (factory == slots->running)
        espota_fail_hint(error, ESPOTA_ERR_REFUSED, ESPOTA_HINT_NOT_FACTORY,
                         "cannot update the factory partition '%s' from itself", factory->label);
    else
        return writable(slots, factory, error);
    return NULL;
}

const struct espota_partition *espota_slots_next(const struct espota_slots *slots, bool factory,
                                                 struct espota_error *error)
{
    const struct espota_table *table = &slots->table;
    unsigned count = espota_table_slot_count(table);
    if (factory)
        return next_factory(slots, error);
    if (!slots->otadata_partition || count == 0) {
        espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_OTA_LAYOUT,
                         "this device has no %s: its layout knows no OTA",
                         count == 0              ? "OTA slot"
                         : otadata_is_cut(slots) ? "otadata partition of 8K"
                                                 : "otadata partition");
        return NULL;
    }
    unsigned next = 0;
    if (slots->running && espota_partition_is_slot(slots->running))
        next = ((unsigned)(slots->running->subtype - ESPOTA_APP_OTA_0) + 1u) % count;
    const struct espota_partition *p = espota_table_slot(table, next);
    if (!p || p == slots->running) {
        espota_fail_hint(
            error, ESPOTA_ERR_FAILED, ESPOTA_HINT_OTA_LAYOUT,
            "there is no slot to update: '%s' is running and is the only one; a layout with two OTA slots is "
            "needed",
            slots->running ? slots->running->label : "ota_0");
        return NULL;
    }
    return writable(slots, p, error);
}

/* ---- writing otadata through the device -----------------------------------------------------------------
 */

static int store(const struct espota_slots *slots, struct espota_device *device, int record,
                 struct espota_error *error)
{
    uint8_t sector[ESPOTA_SECTOR_SIZE];
    struct espota_smart_write result;
    if (!writable(slots, slots->otadata_partition, error))
        return (int)error->status;
    memset(sector, 0xff, sizeof sector);
    espota_otadata_record_format(&slots->otadata.record[record], sector);
    return espota_smart_write(device,
                              slots->otadata_partition->offset + (uint32_t)record * ESPOTA_SECTOR_SIZE,
                              sector, sizeof sector, &result, error);
}

static int clear(struct espota_slots *slots, struct espota_device *device, struct espota_error *error)
{
    int last = espota_otadata_active(&slots->otadata) == 1 ? 1 : 0;
    int result = 0;
    for (int i = 0; result == 0 && i < 2; i++) { /* the record in charge goes last */
        int record = i == 0 ? 1 - last : last;
        memset(&slots->otadata.record[record], 0xff, sizeof slots->otadata.record[record]);
        result = store(slots, device, record, error);
    }
    return result;
}

static int check_bootable(struct espota_device *device, const struct espota_partition *partition,
                          struct espota_error *error)
{
    struct espota_image image;
    enum espota_slot_state state;
    int result = espota_slot_examine(device, partition, &image, &state, error);
    if (result != 0)
        return result;
    if (state == ESPOTA_SLOT_VALID || state == ESPOTA_SLOT_UNCHECKED)
        return 0;
    return espota_fail_hint(error, ESPOTA_ERR_VERIFY, ESPOTA_HINT_WRITE_APP,
                            "cannot boot '%s': the partition holds no valid app (it is %s)", partition->label,
                            espota_slot_state_name(state));
}

static int select_here(struct espota_slots *slots, struct espota_device *device,
                       const struct espota_partition *partition, uint32_t state, struct espota_error *error)
{
    if (partition->subtype == ESPOTA_APP_FACTORY)
        return clear(slots, device, error);
    struct espota_otadata before = slots->otadata;
    int record = espota_otadata_select(&slots->otadata, (unsigned)(partition->subtype - ESPOTA_APP_OTA_0),
                                       espota_table_slot_count(&slots->table), state);
    if (record < 0)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "cannot boot '%s': otadata has no sequence number left for it", partition->label);
    if (memcmp(&before, &slots->otadata, sizeof before) == 0)
        return 0;
    return store(slots, device, record, error);
}

static int select_slot(struct espota_slots *slots, struct espota_device *device,
                       const struct espota_partition *partition, uint32_t state, bool verified,
                       struct espota_error *error)
{
    bool bootable = partition->type == ESPOTA_TYPE_APP &&
                    (partition->subtype == ESPOTA_APP_FACTORY || espota_partition_is_slot(partition));
    if (!bootable)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "cannot boot '%s': it is no factory or OTA app partition", partition->label);
    if (espota_table_find_type(&slots->table, partition->type, partition->subtype) != partition)
        return espota_fail(
            error, ESPOTA_ERR_FAILED,
            "cannot boot '%s': the table lists another partition of its kind after it, and the "
            "bootloader takes the last",
            partition->label);
    if (!slots->otadata_partition)
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "cannot choose what boots on %s: its layout has no otadata partition",
                           device->name);
    int result = verified && espota_device_can(device, ESPOTA_CAP_IMAGE | ESPOTA_CAP_BOOT)
                     ? 0
                     : check_bootable(device, partition, error);
    if (result == 0 && espota_device_can(device, ESPOTA_CAP_BOOT))
        result = espota_device_select_boot(device, partition->offset, state, error);
    else if (result == 0)
        result = select_here(slots, device, partition, state, error);
    if (result == 0)
        slots->boot = partition;
    return result;
}

int espota_slots_select(struct espota_slots *slots, struct espota_device *device,
                        const struct espota_partition *partition, uint32_t state, struct espota_error *error)
{
    return select_slot(slots, device, partition, state, false, error);
}

int espota_slots_select_verified(struct espota_slots *slots, struct espota_device *device,
                                 const struct espota_partition *partition, uint32_t state,
                                 struct espota_error *error)
{
    return select_slot(slots, device, partition, state, true, error);
}

/* Another app has to boot then, or nothing was won. */
static int check_another_boots(const struct espota_slots *slots, struct espota_device *device,
                               struct espota_error *error)
{
    struct look look = { device, error, 0 };
    const struct espota_partition *boots = espota_slots_boots(slots, holds_app, &look);
    if (look.result != 0 || (boots && boots != slots->running))
        return look.result;
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "cannot roll back: no other partition of %s that the bootloader would take holds a "
                       "valid app",
                       device->name);
}

static int mark(struct espota_slots *slots, struct espota_device *device, uint32_t state,
                struct espota_error *error)
{
    const struct espota_partition *running = slots->running;
    if (!slots->otadata_partition || !running || !espota_partition_is_slot(running))
        return espota_fail(error, ESPOTA_ERR_FAILED,
                           "'%s' is no OTA slot: there is nothing to confirm or roll back",
                           running ? running->label : "nothing");
    int record = espota_otadata_mark(&slots->otadata, (unsigned)(running->subtype - ESPOTA_APP_OTA_0),
                                     espota_table_slot_count(&slots->table), state);
    if (record == -1)
        return espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_SEE_STATUS,
                                "otadata does not have '%s' in charge", running->label);
    int result = state == ESPOTA_OTA_INVALID ? check_another_boots(slots, device, error) : 0;
    return result || record < 0 ? result : store(slots, device, record, error);
}

int espota_slots_confirm(struct espota_slots *slots, struct espota_device *device, struct espota_error *error)
{
    if (espota_device_can(device, ESPOTA_CAP_BOOT))
        return espota_device_confirm(device, error);
    return mark(slots, device, ESPOTA_OTA_VALID, error);
}

int espota_slots_rollback(struct espota_slots *slots, struct espota_device *device,
                          struct espota_error *error)
{
    if (espota_device_can(device, ESPOTA_CAP_BOOT))
        return espota_device_rollback(device, error);
    return mark(slots, device, ESPOTA_OTA_INVALID, error);
}

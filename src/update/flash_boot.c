/* Which slot an app goes into, and what the bootloader starts when all is written. */
#include "flash_plan.h"

#include "espota/bootsel.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file_kind.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/ota.h"
#include "espota/otadata.h"
#include "espota/slots.h"
#include "espota/table.h"

#include <stdio.h>
#include <string.h>

#define RECORD ESPOTA_OTADATA_RECORD_SIZE

/* ---- otadata --------------------------------------------------------------------------------------------
 */

/* One of less than two sectors, which the bootloader does not use, or that shares them, is none. */
static const struct espota_partition *otadata_partition(const struct flash_planning *p)
{
    const struct espota_table *table = &p->plan->table;
    struct espota_table_problem problem;
    const struct espota_partition *otadata_at =
        p->plan->has_table ? espota_table_find_type(table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA) : NULL;
    return otadata_at && otadata_at->size >= ESPOTA_OTADATA_SIZE &&
                   espota_table_verify_writable(table, otadata_at, &problem) == 0
               ? otadata_at
               : NULL;
}

static bool will_be_erased(const struct espota_flash_plan *plan, uint32_t offset)
{
    for (unsigned i = 0; !plan->erase_all && i < plan->erasure_count; i++)
        if (plan->erasure[i].offset == offset)
            return true;
    return plan->erase_all;
}

static void parse_records(struct espota_otadata *otadata, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < 2; i++) {
        uint8_t record[RECORD];
        memset(record, 0xff, sizeof record);
        if (size >= i * ESPOTA_SECTOR_SIZE + RECORD)
            memcpy(record, data + i * ESPOTA_SECTOR_SIZE, RECORD);
        espota_otadata_record_parse(&otadata->record[i], record);
    }
}

/* otadata that the files bring: of its own, or in a merged image. */
static bool given_otadata(struct flash_planning *p, const struct espota_partition *otadata_at)
{
    const struct espota_flash_file *file = espota_flash_files_get(p->request->files, ESPOTA_FLASH_OTADATA);
    const struct espota_flash_file *merged = espota_flash_files_get(p->request->files, ESPOTA_FLASH_MERGED);
    if (file) {
        parse_records(&p->otadata, file->data.data, file->data.size);
    } else if (merged) {
        uint32_t at = otadata_at->offset - flash_merged_base(merged);
        bool inside = otadata_at->offset >= flash_merged_base(merged) && at < merged->data.size;
        parse_records(&p->otadata, inside ? merged->data.data + at : NULL,
                      inside ? merged->data.size - at : 0);
    }
    return file || merged;
}

int flash_load_otadata(struct flash_planning *p)
{
    const struct espota_partition *otadata_at = otadata_partition(p);
    parse_records(&p->otadata, NULL, 0);
    if (!otadata_at || given_otadata(p, otadata_at) || p->new_layout ||
        will_be_erased(p->plan, otadata_at->offset))
        return 0;
    return espota_otadata_load(&p->otadata, p->device, otadata_at, p->error);
}

/* Does the bootloader start `app` for good, without any trial? */
static bool selects(const struct espota_otadata *otadata, const struct espota_table *table,
                    const struct espota_partition *app)
{
    int active = espota_otadata_active(otadata);
    if (!espota_partition_is_slot(app))
        return active < 0;
    if (active < 0)
        return false;
    uint32_t state = otadata->record[active].state;
    return espota_otadata_active_slot(otadata, espota_table_slot_count(table)) ==
               app->subtype - ESPOTA_APP_OTA_0 &&
           (state == ESPOTA_OTA_VALID || state == ESPOTA_OTA_UNDEFINED);
}

/* A merged image's own says already what it starts. */
static int make_otadata(struct flash_planning *p, bool merged, uint8_t out[ESPOTA_OTADATA_SIZE])
{
    const struct espota_partition *app = p->plan->app;
    bool slot = espota_partition_is_slot(app);
    memset(out, 0xff, ESPOTA_OTADATA_SIZE);
    if (!slot && !merged)
        parse_records(&p->otadata, NULL, 0);
    if (slot && !merged &&
        espota_otadata_select(&p->otadata, (unsigned)(app->subtype - ESPOTA_APP_OTA_0),
                              espota_table_slot_count(&p->plan->table), ESPOTA_OTA_UNDEFINED) < 0)
        return espota_fail(p->error, ESPOTA_ERR_FAILED,
                           "cannot boot '%s': otadata has no sequence number left for it", app->label);
    for (unsigned i = 0; i < 2; i++)
        if (espota_otadata_record_intact(&p->otadata.record[i]))
            espota_otadata_record_format(&p->otadata.record[i], out + i * ESPOTA_SECTOR_SIZE);
    return 0;
}

/* otadata decides what starts: it is made to say the partition just flashed. */
int flash_add_otadata(struct flash_planning *p)
{
    const struct espota_partition *otadata_at = otadata_partition(p), *app = p->plan->app;
    const struct espota_flash_file *file = espota_flash_files_get(p->request->files, ESPOTA_FLASH_OTADATA);
    bool merged = espota_flash_files_get(p->request->files, ESPOTA_FLASH_MERGED) != NULL;
    uint8_t out[ESPOTA_OTADATA_SIZE];
    if (file && !otadata_at)
        espota_flash_note(&p->plan->notes, true, "%s is not flashed: the layout has no otadata", file->path);
    if (!otadata_at || !(app || file))
        return 0;
    if (!app) /* as the file has it */
        return flash_add_file(p, ESPOTA_PIECE_OTADATA, "otadata", file, otadata_at);
    if (selects(&p->otadata, &p->plan->table, app) && !file && !merged && !p->new_layout)
        return 0;
    if (app->subtype != ESPOTA_APP_FACTORY && !espota_partition_is_slot(app))
        return 0; /* otadata has no word for a test app */
    int result = flash_check_writable(p, otadata_at);
    if (result == 0)
        result = make_otadata(p, merged, out);
    return result ? result
                  : flash_add_made(p, ESPOTA_PIECE_OTADATA, "otadata", file, otadata_at->offset, out,
                                   sizeof out);
}

/* ---- what is bootable -----------------------------------------------------------------------------------
 */

struct look {
    struct flash_planning *p;
    int result;
};

struct place {
    struct flash_planning *p;
    uint32_t offset;
};

static int read_place(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct place *place = context;
    return espota_device_read(place->p->device, place->offset + offset, buffer, length, place->p->error) == 0
               ? 0
               : -1;
}

static bool starts(const struct flash_planning *p, const struct espota_image *image)
{
    const struct espota_chip *chip = espota_chip_by_image_id(image->chip_id);
    if (!chip || (p->info.chip && chip != p->info.chip))
        return false;
    struct espota_file_chip facts = espota_chip_file_facts(chip);
    return !espota_image_overlaps_loader(image, &facts);
}

/* Headers only: over a link, reading an app whole would take minutes. */
static bool device_holds_image(struct look *look, uint32_t offset, uint32_t size, struct espota_image *image)
{
    struct flash_planning *p = look->p;
    struct place place = { p, offset };
    struct espota_image_source source = { &place, read_place, size };
    if (p->new_layout || will_be_erased(p->plan, offset))
        return false;
    enum espota_image_verdict verdict = espota_image_parse_headers(image, &source);
    if (verdict == ESPOTA_IMAGE_READ_FAILED)
        look->result = (int)p->error->status;
    return verdict == ESPOTA_IMAGE_OK;
}

static bool bootable(void *context, const struct espota_partition *partition)
{
    struct look *look = context;
    struct espota_image image;
    const struct espota_flash_piece *piece = flash_piece_at(look->p->plan, partition->offset);
    if (piece)
        return espota_image_examine_memory(&image, piece->data, piece->size) == ESPOTA_IMAGE_OK &&
               starts(look->p, &image);
    return device_holds_image(look, partition->offset, partition->size, &image) && starts(look->p, &image);
}

static struct espota_boot_choice choose(struct flash_planning *p, int *result)
{
    struct look look = { p, 0 };
    struct espota_otadata scratch = p->otadata;
    struct espota_boot_choice choice = espota_boot_choose(&p->plan->table, &scratch, false, bootable, &look);
    *result = look.result;
    return choice;
}

/* ---- the app --------------------------------------------------------------------------------------------
 */

static const struct espota_partition *any_app(const struct espota_table *table)
{
    const struct espota_partition *factory =
        espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY);
    for (unsigned i = 0; !factory && i < table->count; i++)
        if (table->entry[i].type == ESPOTA_TYPE_APP)
            factory = &table->entry[i];
    return factory;
}

/* A factory app that writes apps into the slots, and is no place for one: Tasmota's safeboot, TinyUF2. */
static bool is_updater(const struct espota_partition *p)
{
    return p && p->subtype == ESPOTA_APP_FACTORY &&
           (strcmp(p->label, "safeboot") == 0 || strcmp(p->label, "uf2") == 0);
}

static const struct espota_partition *beside_updater(const struct espota_table *table,
                                                     const struct espota_partition *chosen)
{
    const struct espota_partition *slot = espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_OTA_0);
    return is_updater(chosen) && slot ? slot : chosen;
}

static int refuse_target(struct flash_planning *p)
{
    const struct espota_table *table = &p->plan->table;
    char apps[256] = "";
    for (unsigned i = 0; i < table->count; i++) {
        size_t used = strlen(apps);
        if (table->entry[i].type == ESPOTA_TYPE_APP && used + 24 < sizeof apps)
            snprintf(apps + used, sizeof apps - used, "%s'%s'", used ? ", " : "", table->entry[i].label);
    }
    if (p->request->slot && *apps)
        return espota_fail(p->error, ESPOTA_ERR_USAGE, "the layout has no app partition '%s', but %s",
                           p->request->slot, apps);
    return espota_fail_hint(p->error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NEED_TABLE,
                            "the layout has no app partition");
}

/* The partition that the bootloader starts now, or would if it held an app. */
static int choose_target(struct flash_planning *p)
{
    const struct espota_table *table = &p->plan->table;
    const char *slot = p->request->slot;
    int result = 0;
    if (slot) {
        const struct espota_partition *named = espota_table_find(table, slot);
        p->plan->app = named && named->type == ESPOTA_TYPE_APP ? named : NULL;
    } else {
        struct espota_boot_choice choice = choose(p, &result);
        p->plan->app = choice.partition ? choice.partition : choice.wanted ? choice.wanted : any_app(table);
        p->plan->app = beside_updater(table, p->plan->app);
    }
    return result == 0 && !p->plan->app ? refuse_target(p) : result;
}

/* Why it boots next: what is in flash when the place is chosen. */
static const char *boot_reason(const struct flash_planning *p)
{
    unsigned apps = 0;
    for (unsigned i = 0; i < p->plan->table.count; i++)
        apps += p->plan->table.entry[i].type == ESPOTA_TYPE_APP;
    if (apps == 1)
        return "the only one for apps";
    if (!otadata_partition(p))
        return "there is no otadata";
    int active = espota_otadata_active(&p->otadata);
    if (active < 0)
        return "otadata is empty";
    return espota_partition_is_slot(p->plan->app) &&
                   espota_otadata_active_slot(&p->otadata, espota_table_slot_count(&p->plan->table)) ==
                       p->plan->app->subtype - ESPOTA_APP_OTA_0
               ? "otadata says so"
               : "the one that otadata names does not start";
}

static void note_place(struct flash_planning *p, const char *path)
{
    const struct espota_partition *factory =
        espota_table_find_type(&p->plan->table, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY);
    if (p->new_layout)
        espota_flash_note(&p->plan->notes, false, "%s goes into '%s'", path, p->plan->app->label);
    else if (is_updater(factory) && p->plan->app->subtype == ESPOTA_APP_OTA_0)
        espota_flash_note(&p->plan->notes, false, "%s goes into '%s', and '%s' stays", path,
                          p->plan->app->label, factory->label);
    else
        espota_flash_note(&p->plan->notes, false, "%s goes into '%s', the partition that boots next (%s)",
                          path, p->plan->app->label, boot_reason(p));
}

int flash_add_app(struct flash_planning *p, const struct espota_flash_file *file)
{
    struct espota_image image;
    char warning[ESPOTA_IMAGE_WARNING];
    int result = 0;
    if (file->file.kind == ESPOTA_FILE_MERGED || file->file.kind == ESPOTA_FILE_BOOTLOADER)
        result = flash_check_role(p, file, ESPOTA_FILE_APP, "an app");
    if (result == 0)
        result =
            espota_ota_check_image(&p->info, file->path, file->data.data, file->data.size, &image, p->error);
    if (result == 0 && espota_ota_size_warning(&p->info, file->path, &image, warning))
        espota_flash_note(&p->plan->notes, true, "%s", warning);
    if (result == 0)
        result = choose_target(p);
    if (result == 0)
        result = flash_add_file(p, ESPOTA_PIECE_APP, "app", file, p->plan->app);
    if (result == 0 && !p->request->slot)
        note_place(p, file->path);
    return result;
}

/* A merged image starts what its own otadata says. */
int flash_choose_merged_app(struct flash_planning *p, const struct espota_flash_file *file)
{
    int result = 0;
    struct espota_boot_choice choice = choose(p, &result);
    if (result != 0)
        return result;
    if (!choice.partition || !flash_piece_at(p->plan, choice.partition->offset))
        return espota_fail(p->error, ESPOTA_ERR_VERIFY,
                           "%s has no app that would start: none, a damaged one, or one for another chip",
                           file->path);
    p->plan->app = choice.partition;
    return 0;
}

/* ---- afterwards -----------------------------------------------------------------------------------------
 */

static int find_loader(struct flash_planning *p)
{
    struct espota_flash_plan *plan = p->plan;
    struct look look = { p, 0 };
    struct espota_image image;
    if (!p->info.chip)
        return 0;
    uint32_t offset = p->info.chip->bootloader_offset;
    const struct espota_flash_piece *piece = flash_piece_at(plan, offset);
    plan->loader = ESPOTA_FLASH_LOADER_NONE;
    if (piece && piece->kind == ESPOTA_PIECE_BOOTLOADER)
        plan->loader = ESPOTA_FLASH_LOADER_WRITTEN;
    else if (plan->table_offset > offset &&
             device_holds_image(&look, offset, plan->table_offset - offset, &image) &&
             image.chip_id == p->info.chip->image_id)
        plan->loader = ESPOTA_FLASH_LOADER_STAYS;
    return look.result;
}

int flash_find_boot(struct flash_planning *p)
{
    int result = find_loader(p);
    if (result != 0 || !p->plan->has_table || p->plan->loader == ESPOTA_FLASH_LOADER_NONE)
        return result;
    struct espota_boot_choice choice = choose(p, &result);
    p->plan->boots = choice.partition;
    return result;
}

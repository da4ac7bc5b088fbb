#include "espota/plan.h"

#include "published.h"

#include "espota/error.h"
#include "espota/size.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KIB         1024u
#define MIB         (1024u * KIB)
#define OTADATA     ESPOTA_OTADATA_SIZE
#define PHY         (4u * KIB)
#define NVS_SINGLE  (24u * KIB)
#define NVS_OTA     (16u * KIB)
#define NVS_MINIMUM (12u * KIB)
#define APP_DEFAULT (1u * MIB)

/* The request with every default and rounding applied. */
struct terms {
    enum espota_layout layout;
    uint32_t table_offset;
    uint32_t nvs_size;
    uint32_t app_size;
    unsigned app_count;
    uint32_t app_start;
    uint8_t fs_subtype;
};

const char *espota_layout_name(enum espota_layout layout)
{
    static const char *const names[] = { "auto", "single", "2p", "3p", "safeboot" };
    return names[layout];
}

static uint64_t round_up(uint64_t value, uint32_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

__attribute__((format(printf, 3, 4))) static void note(struct espota_plan *plan, bool warning,
                                                       const char *format, ...)
{
    if (plan->note_count == ESPOTA_PLAN_MAX_NOTES)
        return;
    struct espota_plan_note *n = &plan->note[plan->note_count++];
    va_list args;
    n->warning = warning;
    va_start(args, format);
    vsnprintf(n->text, sizeof n->text, format, args);
    va_end(args);
}

/* ---- reading the request --------------------------------------------------------------------------------
 */

static int check_flash(const struct espota_plan_request *r, struct espota_error *error)
{
    uint32_t size = r->flash_size;
    char text[ESPOTA_SIZE_TEXT];
    if (size < MIB || size > 128 * MIB || (size & (size - 1)) != 0)
        return espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_FLASH_SIZE,
                                "no ESP32 has %s of flash, but 1M, 2M, 4M, 8M, 16M, 32M, 64M or 128M",
                                espota_size_text(size, text));
    return 0;
}

static int choose_layout(enum espota_layout *layout, const struct espota_plan_request *r,
                         struct espota_error *error)
{
    *layout = r->layout;
    if (r->layout == ESPOTA_LAYOUT_AUTO)
        *layout = r->flash_size >= 16 * MIB ? ESPOTA_LAYOUT_3P : ESPOTA_LAYOUT_2P;
    if (*layout != ESPOTA_LAYOUT_3P || r->flash_size > 4 * MIB)
        return 0;
    espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_FEWER_APPS,
                     "a layout of factory and two OTA slots needs 8M of flash or more: %" PRIu32
                     "M have no room for three apps and a file system",
                     r->flash_size / MIB);
    error->hint_value[0] = ESPOTA_LAYOUT_2P;
    return ESPOTA_ERR_USAGE;
}

static int check_label(const char *what, const char *label, size_t longest, struct espota_error *error)
{
    size_t length = strlen(label);
    if (length == 0 || length > longest)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "the label of %s, '%s', is %s: here it has 1 to %zu bytes", what, label,
                           length ? "too long" : "empty", longest);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)label[i] < ' ' || label[i] == 0x7f)
            return espota_fail(error, ESPOTA_ERR_USAGE,
                               "the label of %s, '%s', has a control character in it", what, label);
    if (strpbrk(label, ",#$\"") || label[0] == ' ' || label[length - 1] == ' ')
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "the label of %s, '%s', has a character that CSV cannot carry (one of , # $ \" or "
                           "a space at an end)",
                           what, label);
    return 0;
}

static const char *app_name(const struct espota_plan_request *r)
{
    return r->app_name ? r->app_name : "MicroPython";
}

static const char *fs_name(const struct espota_plan_request *r)
{
    return r->fs_name ? r->fs_name : "internalfs";
}

static int check_names(const struct espota_plan_request *r, enum espota_layout layout,
                       struct espota_error *error)
{
    size_t longest = ESPOTA_LABEL_LENGTH - (layout == ESPOTA_LAYOUT_SINGLE ? 0 : 2);
    int result = check_label("the apps", app_name(r), longest, error);
    return result ? result : check_label("the file system", fs_name(r), ESPOTA_LABEL_LENGTH, error);
}

static int choose_fs(struct terms *t, const struct espota_plan_request *r, struct espota_error *error)
{
    char text[ESPOTA_SIZE_TEXT];
    int subtype = r->fs ? espota_subtype_from_name(ESPOTA_TYPE_DATA, r->fs) : ESPOTA_DATA_FAT;
    if (subtype != ESPOTA_DATA_FAT && subtype != ESPOTA_DATA_SPIFFS && subtype != ESPOTA_DATA_LITTLEFS)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "there is no file system type '%s', but fat, spiffs and littlefs", r->fs);
    t->fs_subtype = (uint8_t)subtype;
    if (r->fs_size_given && r->fs_size < ESPOTA_SECTOR_SIZE)
        return espota_fail(error, ESPOTA_ERR_USAGE, "a file system of %s is less than one 4K sector",
                           espota_size_text(r->fs_size, text));
    return 0;
}

static int choose_nvs(struct terms *t, const struct espota_plan_request *r, struct espota_error *error)
{
    char text[ESPOTA_SIZE_TEXT];
    t->nvs_size = r->nvs_size;
    if (t->nvs_size == 0)
        t->nvs_size = t->layout == ESPOTA_LAYOUT_SINGLE ? NVS_SINGLE : NVS_OTA;
    if (t->nvs_size < NVS_MINIMUM || t->nvs_size % ESPOTA_SECTOR_SIZE)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "nvs of %s does not do: it needs 12K or more, in whole 4K sectors",
                           espota_size_text(t->nvs_size, text));
    return 0;
}

static int choose_table_offset(struct terms *t, const struct espota_plan_request *r,
                               struct espota_error *error)
{
    t->table_offset = r->table_offset ? r->table_offset : ESPOTA_TABLE_DEFAULT_OFFSET;
    if (t->table_offset % ESPOTA_SECTOR_SIZE || t->table_offset >= r->flash_size)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "a partition table at 0x%" PRIx32
                           " does not do: it lies on a 4K boundary within the flash",
                           t->table_offset);
    return 0;
}

static int choose_app_size(struct espota_plan *plan, struct terms *t, const struct espota_plan_request *r,
                           struct espota_error *error)
{
    uint64_t wanted = r->app_size ? r->app_size : APP_DEFAULT;
    uint64_t size = round_up(wanted, ESPOTA_APP_ALIGNMENT);
    if (size != wanted)
        note(plan, false, "app size rounded up from %" PRIu64 " byte%s to %" PRIu64 "K, a multiple of 64K",
             wanted, ESPOTA_PLURAL(wanted), size / KIB);
    if (r->app_file_size > size) {
        uint64_t grown = round_up(r->app_file_size, ESPOTA_APP_ALIGNMENT);
        note(plan, false, "app size grown from %" PRIu64 "K to %" PRIu64 "K to hold %.80s", size / KIB,
             grown / KIB, r->app_file ? r->app_file : "the app");
        size = grown;
    }
    if (size > r->flash_size)
        return espota_fail_hint(error, ESPOTA_ERR_TOO_BIG, ESPOTA_HINT_SMALLER_APP,
                                "an app of %" PRIu64 "K does not fit a flash of %" PRIu32 "K: %" PRIu64
                                " bytes too many",
                                size / KIB, r->flash_size / KIB, size - r->flash_size);
    t->app_size = (uint32_t)size;
    return 0;
}

/* ---- laying out -----------------------------------------------------------------------------------------
 */

static uint32_t add(struct espota_table *table, const char *label, uint8_t type, uint8_t subtype,
                    uint32_t offset, uint32_t size)
{
    struct espota_partition *p = &table->entry[table->count++];
    snprintf(p->label, sizeof p->label, "%s", label);
    p->type = type;
    p->subtype = subtype;
    p->offset = offset;
    p->size = size;
    return offset + size;
}

static void add_small(struct espota_table *table, const struct terms *t)
{
    uint32_t at = t->table_offset + ESPOTA_TABLE_SECTOR_SIZE;
    at = add(table, "nvs", ESPOTA_TYPE_DATA, ESPOTA_DATA_NVS, at, t->nvs_size);
    if (t->layout != ESPOTA_LAYOUT_SINGLE)
        at = add(table, "otadata", ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA, at, OTADATA);
    add(table, "phy_init", ESPOTA_TYPE_DATA, ESPOTA_DATA_PHY, at, PHY);
}

static uint32_t add_apps(struct espota_table *table, const struct terms *t, const char *name)
{
    uint32_t at = t->app_start;
    if (t->layout != ESPOTA_LAYOUT_2P)
        at = add(table, name, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY, at, t->app_size);
    for (unsigned slot = 0; t->layout != ESPOTA_LAYOUT_SINGLE && slot < 2; slot++) {
        char label[ESPOTA_LABEL_LENGTH + 1];
        snprintf(label, sizeof label, "%.14s_%u", name, slot + 1);
        at = add(table, label, ESPOTA_TYPE_APP, (uint8_t)(ESPOTA_APP_OTA_0 + slot), at, t->app_size);
    }
    return at;
}

/* What would make it fit: a smaller app, a larger flash, the next smaller layout. */
static void advise(uint32_t value[3], const struct terms *t, const struct espota_plan_request *r)
{
    uint32_t usable = r->flash_size > t->app_start + ESPOTA_SECTOR_SIZE
                          ? r->flash_size - t->app_start - ESPOTA_SECTOR_SIZE
                          : 0;
    uint32_t largest = usable / t->app_count / ESPOTA_APP_ALIGNMENT * ESPOTA_APP_ALIGNMENT;
    uint32_t flash = r->flash_size;
    while (flash < 128 * MIB && (uint64_t)t->app_start + (uint64_t)t->app_size * t->app_count >= flash)
        flash *= 2;
    value[0] = largest >= r->app_file_size ? largest : 0;
    value[1] = flash;
    value[2] = t->layout == ESPOTA_LAYOUT_3P   ? ESPOTA_LAYOUT_2P
               : t->layout == ESPOTA_LAYOUT_2P ? ESPOTA_LAYOUT_SINGLE
                                               : 0;
}

/* The file system: what is left, or what was asked for. */
static int add_fs(struct espota_plan *plan, const struct terms *t, const struct espota_plan_request *r,
                  struct espota_error *error)
{
    uint64_t start = (uint64_t)t->app_start + (uint64_t)t->app_count * t->app_size;
    if (start + ESPOTA_SECTOR_SIZE > r->flash_size) {
        espota_fail_hint(error, ESPOTA_ERR_TOO_BIG, ESPOTA_HINT_MORE_ROOM,
                         "%u app partition%s of %" PRIu32 "K leave no room for a file system on %" PRIu32
                         "M of flash: %" PRIu64 " bytes too many",
                         t->app_count, t->app_count == 1 ? "" : "s", t->app_size / KIB, r->flash_size / MIB,
                         start + ESPOTA_SECTOR_SIZE - r->flash_size);
        advise(error->hint_value, t, r);
        return ESPOTA_ERR_TOO_BIG;
    }
    uint32_t room = r->flash_size - (uint32_t)start;
    uint32_t size = room;
    if (r->fs_size_given) {
        size = r->fs_size < room ? r->fs_size : room;
        size -= size % ESPOTA_SECTOR_SIZE;
    }
    if (r->fs_size_given && r->fs_size > room) {
        char from[ESPOTA_SIZE_TEXT];
        if (r->fs_size % KIB == 0)
            snprintf(from, sizeof from, "%" PRIu32 "K", r->fs_size / KIB);
        else
            snprintf(from, sizeof from, "%" PRIu32 " bytes", r->fs_size);
        note(plan, true, "file system reduced from %s to %" PRIu32 "K to fit", from, size / KIB);
    } else if (r->fs_size_given && size != r->fs_size) {
        note(plan, true, "file system reduced from %" PRIu32 " bytes to %" PRIu32 "K, a multiple of 4K",
             r->fs_size, size / KIB);
    }
    add(&plan->table, fs_name(r), ESPOTA_TYPE_DATA, t->fs_subtype, (uint32_t)start, size);
    return 0;
}

static int lay_out(struct espota_plan *plan, struct terms *t, const struct espota_plan_request *r,
                   struct espota_error *error)
{
    struct espota_table *table = &plan->table;
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    table->offset = t->table_offset;
    table->has_md5 = true;
    uint64_t small = (uint64_t)t->table_offset + ESPOTA_TABLE_SECTOR_SIZE + t->nvs_size + PHY +
                     (t->layout == ESPOTA_LAYOUT_SINGLE ? 0 : OTADATA);
    if (small > r->flash_size)
        return espota_fail_hint(error, ESPOTA_ERR_TOO_BIG, ESPOTA_HINT_SMALLER_NVS,
                                "the table and nvs alone need %" PRIu64 " bytes of %" PRIu32, small,
                                r->flash_size);
    t->app_count = t->layout == ESPOTA_LAYOUT_SINGLE ? 1 : t->layout == ESPOTA_LAYOUT_2P ? 2 : 3;
    t->app_start = (uint32_t)round_up(small, ESPOTA_APP_ALIGNMENT);
    uint64_t end = (uint64_t)t->app_start + (uint64_t)t->app_count * t->app_size;
    add_small(table, t);
    if (end <= r->flash_size)
        add_apps(table, t, app_name(r));
    int result = add_fs(plan, t, r, error);
    if (result == 0 && espota_table_verify(table, &problem) != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "this layout breaks a rule of partition tables: %s",
                           espota_table_problem_text(&problem, words));
    return result;
}

/* ---- layouts as they are published ----------------------------------------------------------------------
 */

static int refuse_choice(const struct espota_plan_request *r, struct espota_error *error)
{
    bool offset = r->table_offset && r->table_offset != ESPOTA_TABLE_DEFAULT_OFFSET;
    if (!(r->app_size || r->fs_size_given || r->nvs_size || r->fs || r->app_name || r->fs_name || offset))
        return 0;
    return espota_fail(error, ESPOTA_ERR_USAGE,
                       "the layout for %s is as its project has it: sizes, names and places in it cannot be "
                       "chosen",
                       espota_firmware_name(r->firmware));
}

static int refuse_size(const struct espota_plan_request *r, struct espota_error *error)
{
    char sizes[64] = "";
    for (uint32_t mib = 1; mib <= 128; mib *= 2)
        if (published_find(r->firmware, r->layout, mib)) {
            size_t used = strlen(sizes);
            snprintf(sizes + used, sizeof sizes - used, "%s%" PRIu32 "M", used ? ", " : "", mib);
        }
    const char *kind = r->layout == ESPOTA_LAYOUT_AUTO ? "" : espota_layout_name(r->layout);
    if (!published_has_layout(r->firmware, r->layout))
        return espota_fail(error, ESPOTA_ERR_USAGE, "there is no layout %s for %s", kind,
                           espota_firmware_name(r->firmware));
    return espota_fail_hint(error, ESPOTA_ERR_USAGE, ESPOTA_HINT_FLASH_SIZE,
                            "there is no layout%s%s for %s and %" PRIu32 "M of flash, but for %s",
                            *kind ? " " : "", kind, espota_firmware_name(r->firmware), r->flash_size / MIB,
                            sizes);
}

/* The partition that the app goes into: the first slot, or the only app. */
static const struct espota_partition *place_of_app(const struct espota_table *table)
{
    const struct espota_partition *slot = espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_OTA_0);
    return slot ? slot : espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY);
}

static int check_app_fits(const struct espota_plan *plan, const struct espota_plan_request *r,
                          struct espota_error *error)
{
    const struct espota_partition *place = place_of_app(&plan->table);
    if (!place || r->app_file_size <= place->size)
        return 0;
    return espota_fail_hint(error, ESPOTA_ERR_TOO_BIG, ESPOTA_HINT_SMALLER_APP,
                            "%s has %" PRIu32 " bytes, but '%s' in the layout for %s holds %" PRIu32
                            ": %" PRIu32 " too many",
                            r->app_file ? r->app_file : "the app", r->app_file_size, place->label,
                            espota_firmware_name(r->firmware), place->size, r->app_file_size - place->size);
}

static int copy_published(struct espota_plan *plan, const struct espota_plan_request *r,
                          struct espota_error *error)
{
    int result = refuse_choice(r, error);
    const struct published_layout *published = published_find(r->firmware, r->layout, r->flash_size / MIB);
    if (result != 0 || !published)
        return result ? result : refuse_size(r, error);
    plan->layout = published->layout;
    plan->table.offset = ESPOTA_TABLE_DEFAULT_OFFSET;
    plan->table.has_md5 = true;
    for (const struct published_row *row = published->rows; row->label; row++) {
        uint32_t offset = row->offset * KIB, size = row->size * KIB;
        add(&plan->table, row->label, row->type, row->subtype, offset, size ? size : r->flash_size - offset);
    }
    return check_app_fits(plan, r, error);
}

/* ---- what few chips can use -----------------------------------------------------------------------------
 */

/* 24 bits of address reach 16M; a bootloader takes no app partition larger than that. */
static void warn_about_apps(struct espota_plan *plan)
{
    for (unsigned i = 0; i < plan->table.count; i++) {
        const struct espota_partition *p = &plan->table.entry[i];
        if (p->type == ESPOTA_TYPE_APP && (uint64_t)p->offset + p->size > 16 * MIB) {
            note(plan, true,
                 "'%s' ends beyond the first 16M: most chips cannot run an app from there; an ESP32-S3, -P4, "
                 "-C5 or "
                 "-C61 can, built with 32-bit flash addresses",
                 p->label);
            return;
        }
    }
}

static int lay_out_own(struct espota_plan *plan, const struct espota_plan_request *request,
                       struct espota_error *error)
{
    struct terms t = { 0 };
    int result = choose_layout(&t.layout, request, error);
    if (result == 0)
        result = check_names(request, t.layout, error);
    if (result == 0)
        result = choose_fs(&t, request, error);
    if (result == 0)
        result = choose_nvs(&t, request, error);
    if (result == 0)
        result = choose_table_offset(&t, request, error);
    if (result == 0)
        result = choose_app_size(plan, &t, request, error);
    plan->layout = t.layout;
    return result ? result : lay_out(plan, &t, request, error);
}

int espota_plan_make(struct espota_plan *plan, const struct espota_plan_request *request,
                     struct espota_error *error)
{
    memset(plan, 0, sizeof *plan);
    plan->firmware = request->firmware;
    plan->flash_size = request->flash_size;
    int result = check_flash(request, error);
    if (result == 0)
        result = request->firmware == ESPOTA_FIRMWARE_LOBO ? lay_out_own(plan, request, error)
                                                           : copy_published(plan, request, error);
    if (result == 0)
        warn_about_apps(plan);
    return result;
}

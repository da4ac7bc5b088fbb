/* Which partition table, and may it be? */
#include "flash_plan.h"

#include "digest.h"

#include "espota/digest.h"
#include "espota/error.h"
#include "espota/image.h"
#include "espota/slots.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- the table that is wanted ---------------------------------------------------------------------------
 */

static int read_table(struct flash_planning *p, const struct espota_flash_file *file)
{
    struct espota_table_csv_options csv = { 0 };
    if (p->request->csv)
        csv = *p->request->csv;
    csv.table_offset = p->plan->table_offset;
    int result = espota_file_check_table(&file->file, file->path, p->error);
    if (result == 0)
        result = espota_table_read(&p->plan->table, &file->data, file->path, &csv, NULL, p->error);
    if (result == 0 && p->plan->table.count == 0)
        return espota_fail(p->error, ESPOTA_ERR_VERIFY,
                           "cannot flash %s as a partition table: there is no partition in it", file->path);
    return result;
}

/* The chip has the flash that it has; a file that is to be made may have more. */
static void offer_no_larger_flash(struct flash_planning *p)
{
    bool new_file = p->info.dump && p->request->layout.flash_size > 0;
    if (!new_file && p->error->hint_value[1] > p->info.flash_size)
        p->error->hint_value[1] = 0;
}

static int plan_table(struct flash_planning *p)
{
    const struct espota_flash_file *app = espota_flash_files_get(p->request->files, ESPOTA_FLASH_APP);
    struct espota_plan_request r = p->request->layout;
    struct espota_plan plan;
    if (r.flash_size == 0)
        r.flash_size = p->info.flash_size;
    r.table_offset = p->plan->table_offset;
    r.app_file = app ? app->path : NULL;
    r.app_file_size = app ? (uint32_t)app->data.size : 0;
    int result = espota_plan_make(&plan, &r, p->error);
    if (result != 0 && p->error->hint == ESPOTA_HINT_MORE_ROOM)
        offer_no_larger_flash(p);
    if (result != 0)
        return result;
    for (unsigned i = 0; i < plan.note_count; i++)
        espota_flash_note(&p->plan->notes, plan.note[i].warning, "%s", plan.note[i].text);
    p->plan->table = plan.table;
    p->plan->planned = true;
    p->plan->firmware = plan.firmware;
    p->plan->layout = plan.layout;
    return 0;
}

static int check_fits(struct flash_planning *p, const char *what)
{
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    if (p->info.flash_size == 0 ||
        espota_table_verify_fits(&p->plan->table, p->info.flash_size, &problem) == 0)
        return 0;
    return espota_fail(p->error, ESPOTA_ERR_TOO_BIG, "%s does not fit the device: %s", what,
                       espota_table_problem_text(&problem, words));
}

static int check_flash_size(struct flash_planning *p)
{
    uint32_t wanted = p->request->layout.flash_size;
    if (wanted == 0 || p->info.flash_size == 0 || wanted <= p->info.flash_size)
        return 0;
    return espota_fail(p->error, ESPOTA_ERR_TOO_BIG,
                       "cannot plan for %" PRIu32 "M of flash: that is more than the %" PRIu32
                       "M that the device has",
                       wanted >> 20, p->info.flash_size >> 20);
}

/* Does somebody ask for a layout: options, a table, a merged image? */
static int load_wanted(struct flash_planning *p)
{
    const struct espota_flash_files *files = p->request->files;
    const struct espota_flash_file *table = espota_flash_files_get(files, ESPOTA_FLASH_TABLE);
    const struct espota_flash_file *merged = espota_flash_files_get(files, ESPOTA_FLASH_MERGED);
    int result = check_flash_size(p);
    if (result != 0 || !(p->request->plan_layout || table || merged))
        return result;
    if (p->request->plan_layout)
        result = plan_table(p);
    else if (table)
        result = read_table(p, table);
    else
        result = flash_read_merged_table(p, merged, &p->plan->table);
    p->plan->has_table = result == 0;
    if (result == 0)
        result = check_fits(p, p->request->plan_layout ? "the layout" : table ? table->path : merged->path);
    return result;
}

/* ---- what the device holds ------------------------------------------------------------------------------
 */

static int look(struct flash_planning *p)
{
    struct espota_flash_contents *c = &p->plan->contents;
    if (p->info.addressable && p->info.addressable < p->info.flash_size)
        espota_flash_note(&p->plan->notes, true,
                          "only the first %" PRIu32
                          "M of flash can be reached: what lies behind is neither looked at nor "
                          "erased",
                          p->info.addressable >> 20);
    if (p->request->policy != ESPOTA_FLASH_ERASE)
        return espota_flash_look(c, p->device, p->plan->table_offset, p->error);
    c->table_offset = p->plan->table_offset; /* whatever it is, it goes */
    c->state = ESPOTA_FLASH_IS_BLANK;
    p->plan->erase_all = true;
    p->plan->erasure[p->plan->erasure_count++] =
        (struct espota_flash_erasure){ .name = "all of the flash", .length = p->info.flash_size };
    return 0;
}

/* A table that power interrupted while it was written: what is there is what we write, or FF. */
static bool is_ours_half_written(const struct flash_planning *p)
{
    uint8_t ours[ESPOTA_TABLE_BINARY_SIZE];
    const uint8_t *there = p->plan->contents.sector;
    struct espota_table_problem problem;
    if (!p->plan->has_table || update_is_blank(there, sizeof ours) ||
        espota_table_format_binary(&p->plan->table, ours, espota_md5, &problem) != 0)
        return false;
    for (size_t i = 0; i < sizeof ours; i++)
        if (there[i] != ours[i] && there[i] != 0xff)
            return false;
    return true;
}

static int refuse_contents(struct flash_planning *p)
{
    char words[ESPOTA_FLASH_CONTENTS_TEXT];
    const struct espota_flash_contents *c = &p->plan->contents;
    p->plan->refusal = ESPOTA_FLASH_NO_TABLE;
    p->plan->refused_at = c->offset;
    espota_fail_hint(p->error, ESPOTA_ERR_REFUSED,
                     c->state == ESPOTA_FLASH_TABLE_ELSEWHERE ? ESPOTA_HINT_OTHER_TABLE
                     : c->state == ESPOTA_FLASH_TABLE_DAMAGED ? ESPOTA_HINT_MEND_TABLE
                                                              : ESPOTA_HINT_WRITE_OVER,
                     "refused to write to %s, whose flash holds %s", p->device->name,
                     espota_flash_contents_text(c, words));
    p->error->hint_value[0] = c->offset;
    return ESPOTA_ERR_REFUSED;
}

/* ---- another layout than the device's -------------------------------------------------------------------
 */

static int refuse_layout(struct flash_planning *p)
{
    const struct espota_table *old = &p->plan->contents.table;
    char losses[512] = "";
    for (unsigned i = 0; i < old->count; i++) {
        size_t used = strlen(losses);
        if (p->plan->change[i].kind != ESPOTA_CHANGE_STAYS && used + 24 < sizeof losses)
            snprintf(losses + used, sizeof losses - used, "%s'%s'", used ? ", " : "", old->entry[i].label);
    }
    p->plan->refusal = ESPOTA_FLASH_OTHER_LAYOUT;
    return espota_fail_hint(p->error, ESPOTA_ERR_REFUSED, ESPOTA_HINT_CHANGE_LAYOUT,
                            "refused to change the partition table of %s: %s%s", p->device->name,
                            losses[0] ? "the content would be lost of " : "partitions are added", losses);
}

static int refuse_outside(struct flash_planning *p, const char *name, uint32_t where)
{
    p->plan->refusal = ESPOTA_FLASH_OUTSIDE;
    p->plan->refused_at = where;
    return espota_fail_hint(p->error, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_OVER,
                            "refused to write to %s: '%s' would take flash at 0x%" PRIx32
                            " that holds data outside all partitions of the device's table",
                            p->device->name, name, where);
}

/* The next stretch from `*at` on that no partition of the old table covers; false: there is none before
 * `end`. */
static bool uncovered(const struct espota_table *old, uint32_t *at, uint32_t end, uint32_t *until)
{
    *until = end;
    for (bool again = true; again && *at < end;) {
        again = false;
        for (unsigned i = 0; i < old->count; i++) {
            const struct espota_partition *o = &old->entry[i];
            if (o->offset <= *at && *at - o->offset < o->size) {
                *at = o->offset + o->size;
                again = true;
            } else if (o->offset > *at && o->offset < *until) {
                *until = o->offset;
            }
        }
        if (again)
            *until = end;
    }
    return *at < end;
}

/* No partition of the new layout may take what lies outside those of the old one, unless that is blank. */
static int check_outside(struct flash_planning *p, const struct espota_partition *new)
{
    uint32_t reach = update_reach(p->device), until = 0;
    uint32_t end = new->offset + new->size, at = new->offset;
    end = reach && end > reach ? reach : end;
    while (uncovered(&p->plan->contents.table, &at, end, &until)) {
        bool blank = false;
        uint32_t where = at;
        int result = espota_flash_is_blank(p->device, at, until - at, &blank, &where, p->error);
        if (result != 0)
            return result;
        if (!blank)
            return refuse_outside(p, new->label, where);
        at = until;
    }
    return 0;
}

static void plan_erasures(struct flash_planning *p)
{
    struct espota_layout_erasure list[ESPOTA_TABLE_MAX_ENTRIES];
    unsigned count = espota_layout_erasures(&p->plan->contents.table, &p->plan->table, list);
    for (unsigned i = 0; i < count; i++) {
        struct espota_flash_erasure *e = &p->plan->erasure[p->plan->erasure_count++];
        snprintf(e->name, sizeof e->name, "%s", list[i].partition->label);
        e->offset = list[i].partition->offset;
        e->length = list[i].length;
    }
}

static int check_all_outside(struct flash_planning *p)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && !p->request->force && i < p->plan->table.count; i++)
        if (p->plan->table.entry[i].type <= ESPOTA_TYPE_DATA)
            result = check_outside(p, &p->plan->table.entry[i]);
    return result;
}

/* What power left of the wanted table may pass for a shorter one. Behind what it names, flash has to be
 * blank, as an interrupted first run leaves it; an interrupted migration has erased what had to go. */
static int finish_table(struct flash_planning *p)
{
    p->half_written = true;
    return p->request->policy == ESPOTA_FLASH_MIGRATE ? 0 : check_all_outside(p);
}

static int change_layout(struct flash_planning *p)
{
    if (is_ours_half_written(p))
        return finish_table(p);
    p->plan->layout_differs = true;
    espota_layout_compare(&p->plan->contents.table, &p->plan->table, p->plan->change);
    if (p->request->policy != ESPOTA_FLASH_MIGRATE)
        return refuse_layout(p);
    int result = check_all_outside(p);
    if (result == 0)
        plan_erasures(p);
    return result;
}

/* Could what is there be a part of the layout that is planned for a blank device? A whole table has its MD5.
 */
static void expect_planned(struct flash_planning *p)
{
    struct espota_flash_plan *plan = p->plan;
    unsigned notes = plan->notes.count;
    bool whole = plan->contents.state == ESPOTA_FLASH_HAS_TABLE && plan->contents.table.has_md5;
    if (plan->has_table || whole || plan->contents.state == ESPOTA_FLASH_IS_BLANK ||
        !espota_flash_files_get(p->request->files, ESPOTA_FLASH_APP))
        return;
    plan->has_table = plan_table(p) == 0;
    plan->has_table = is_ours_half_written(p);
    if (plan->has_table)
        return;
    plan->planned = false;
    plan->notes.count = notes;
}

/* ---- both -----------------------------------------------------------------------------------------------
 */

/* Without a table in flash: an app gets a planned one; a bootloader alone needs none. */
static int plan_for_blank(struct flash_planning *p)
{
    bool app = espota_flash_files_get(p->request->files, ESPOTA_FLASH_APP) != NULL;
    const struct espota_flash_file *image = espota_flash_files_get(p->request->files, ESPOTA_FLASH_FS);
    const char *fs = image ? image->path : p->request->fs_folder;
    p->new_layout = true;
    if (p->plan->has_table)
        return 0;
    if (!app && fs)
        return espota_fail_hint(p->error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NEED_TABLE,
                                "where does %s go? The device has no partition table", fs);
    int result = app ? plan_table(p) : 0;
    p->plan->has_table = app && result == 0;
    return result == 0 && app ? check_fits(p, "the layout") : result;
}

static int judge(struct flash_planning *p)
{
    struct espota_flash_contents *c = &p->plan->contents;
    char words[ESPOTA_FLASH_CONTENTS_TEXT];
    switch (c->state) {
    case ESPOTA_FLASH_IS_BLANK:
        return plan_for_blank(p);
    case ESPOTA_FLASH_HAS_TABLE:
        if (!p->plan->has_table) {
            p->plan->table = c->table;
            espota_slots_warn(p->device, &c->table);
        }
        p->plan->has_table = true;
        return espota_layout_same(&c->table, &p->plan->table) ? 0 : change_layout(p);
    default:
        p->half_written = is_ours_half_written(p);
        if (p->half_written)
            return 0;
        if (!p->request->force)
            return refuse_contents(p);
        espota_flash_note(&p->plan->notes, true, "flash holds %s; writing over it",
                          espota_flash_contents_text(c, words));
        return plan_for_blank(p);
    }
}

static int choose_offset(struct flash_planning *p)
{
    const struct espota_flash_file *merged = espota_flash_files_get(p->request->files, ESPOTA_FLASH_MERGED);
    uint32_t of_image =
        merged && merged->file.merged.has_table ? flash_merged_base(merged) + merged->file.merged.table : 0;
    p->plan->table_offset = p->request->table_offset ? p->request->table_offset
                            : of_image               ? of_image
                                                     : ESPOTA_TABLE_DEFAULT_OFFSET;
    if (p->plan->table_offset % ESPOTA_SECTOR_SIZE)
        return espota_fail(p->error, ESPOTA_ERR_USAGE,
                           "a partition table cannot lie at 0x%" PRIx32 ", which is no multiple of 4K",
                           p->plan->table_offset);
    if (of_image && !p->request->plan_layout && of_image != p->plan->table_offset)
        return espota_fail(p->error, ESPOTA_ERR_USAGE,
                           "the table of %s lies at 0x%" PRIx32 ", not at 0x%" PRIx32, merged->path, of_image,
                           p->plan->table_offset);
    return 0;
}

/* ---- builds without a table -----------------------------------------------------------------------------
 */

/* Does flash hold at its place what an earlier build of the same kind left: an image, one for MCUboot, or
 * nothing? */
static int holds_such(struct flash_planning *p, const struct espota_flash_file *file, bool *such)
{
    uint8_t there[4];
    int result =
        espota_flash_is_blank(p->device, file->offset, (uint32_t)file->data.size, such, NULL, p->error);
    if (result != 0 || *such)
        return result;
    result = espota_device_read(p->device, file->offset, there, sizeof there, p->error);
    *such = result == 0 && file->data.size >= sizeof there &&
            (memcmp(there, file->data.data, sizeof there) == 0 ||
             (file->file.kind != ESPOTA_FILE_MCUBOOT && there[0] == ESPOTA_IMAGE_MAGIC));
    return result;
}

/* Its places are its own. Such a build may replace an earlier one; it knows no partitions to spare. */
static int choose_no_table(struct flash_planning *p)
{
    const struct espota_flash_files *files = p->request->files;
    bool such = true;
    p->plan->table_offset = ESPOTA_TABLE_DEFAULT_OFFSET;
    int result = look(p);
    p->new_layout = true;
    if (result != 0 || p->plan->contents.state == ESPOTA_FLASH_IS_BLANK || p->request->force)
        return result;
    bool table = p->plan->contents.state <= ESPOTA_FLASH_TABLE_ELSEWHERE;
    for (unsigned i = 0; result == 0 && such && i < files->count; i++)
        if (files->list[i].role == ESPOTA_FLASH_OTHER)
            result = holds_such(p, &files->list[i], &such);
    return result || (such && !table) ? result : refuse_contents(p);
}

/* The planner has warned already. */
static void warn_about_apps(struct flash_planning *p)
{
    const struct espota_table *table = &p->plan->table;
    if (p->plan->planned || !p->plan->has_table || !p->info.chip || p->info.chip->maps_beyond_16m)
        return;
    for (unsigned i = 0; i < table->count; i++)
        if (table->entry[i].type == ESPOTA_TYPE_APP &&
            (uint64_t)table->entry[i].offset + table->entry[i].size > 16u << 20) {
            espota_flash_note(&p->plan->notes, true,
                              "'%s' ends beyond the first 16M of flash: an %s cannot run an app from there",
                              table->entry[i].label, p->info.chip->name);
            return;
        }
}

int flash_choose_table(struct flash_planning *p)
{
    if (p->request->files->no_table)
        return choose_no_table(p);
    int result = choose_offset(p);
    if (result == 0)
        result = load_wanted(p);
    if (result == 0)
        result = look(p);
    if (result != 0)
        return result;
    expect_planned(p);
    result = judge(p);
    if (result == 0)
        warn_about_apps(p);
    return result;
}

#include "flash_job.h"

#include "espota/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 128 << 20 };

void job_free(struct job *job)
{
    for (unsigned i = 0; i < job->count; i++) {
        espota_bytes_free(&job->piece[i].data);
        free(job->piece[i].file);
    }
    memset(job, 0, sizeof *job);
}

static int add_piece(struct job *job, const char *what, const char *file, uint32_t offset,
                     struct piece **added, struct espota_error *error)
{
    if (job->count == JOB_MAX_PIECES)
        return espota_fail(error, ESPOTA_ERR_FAILED, "more than %d files to flash", JOB_MAX_PIECES);
    struct piece *p = &job->piece[job->count++];
    *p = (struct piece){ .what = what, .offset = offset };
    if (file && !(p->file = strdup(file)))
        return espota_fail_memory(error, "preparing to flash");
    if (added)
        *added = p;
    return file ? espota_file_read(file, LARGEST_FILE, &p->data, error) : 0;
}

static struct piece *find_piece(struct job *job, const char *what)
{
    for (unsigned i = 0; i < job->count; i++)
        if (strcmp(job->piece[i].what, what) == 0)
            return &job->piece[i];
    return NULL;
}

/* ---- bootloader -----------------------------------------------------------------------------------------
 */

static int add_bootloader(struct job *job, struct cli *cli, const struct job_request *request,
                          const char *file, const struct espota_device_info *info, struct espota_error *error)
{
    struct piece *p = NULL;
    struct espota_image image;
    char words[ESPOTA_PROBLEM_TEXT];
    if (!file)
        return 0;
    const struct espota_chip *chip = info->chip;
    if (!chip)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "where does the bootloader go? It depends on the chip: give --chip");
    int result = add_piece(job, "bootloader", file, chip->bootloader_offset, &p, error);
    if (result != 0)
        return result;
    enum espota_image_verdict verdict = espota_image_examine_memory(&image, p->data.data, p->data.size);
    if (verdict != ESPOTA_IMAGE_OK)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "the bootloader %s cannot boot: %s", file,
                           espota_image_verdict_text(verdict, &image, words));
    if (image.chip_id != chip->image_id)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "the bootloader %s is for chip id %u, but the device is an %s", file,
                           image.chip_id, chip->name);
    if (p->offset + p->data.size > request->table_offset)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG,
                           "the bootloader %s would overwrite the partition table at 0x%" PRIx32
                           ": move it with --table-offset, or build a smaller bootloader",
                           file, request->table_offset);
    if (info->security.secure_boot)
        return 0; /* a changed header would break the signature */
    return flash_header_apply(cli, &request->header, chip, info->flash_size, &p->data, error);
}

/* ---- table ----------------------------------------------------------------------------------------------
 */

static int read_table(struct job *job, const struct job_request *request, const char *file,
                      struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    struct espota_table_csv_options csv = { .table_offset = request->table_offset };
    struct espota_subtype_name names[LIST_MAX];
    int result = read_subtype_names(request->subtypes, names, &csv, error);
    if (result == 0)
        result = espota_file_read(file, 1 << 20, &bytes, error);
    if (result == 0)
        result = espota_table_read(&job->table, &bytes, file, &csv, NULL, error);
    espota_bytes_free(&bytes);
    return result;
}

static int plan_table(struct job *job, struct cli *cli, const struct job_request *request,
                      const char *app_file, uint32_t app_size, uint32_t flash_size,
                      struct espota_error *error)
{
    struct espota_plan plan;
    struct espota_plan_request r = plan_request(request->plan, flash_size, app_size);
    r.table_offset = request->table_offset;
    r.app_file = app_file;
    int result = espota_plan_make(&plan, &r, error);
    if (result != 0)
        return result;
    say_plan_notes(cli, &plan);
    espota_ui_say(&cli->ui, "Planned layout %s for %uM of flash", espota_layout_name(plan.layout),
                  flash_size >> 20);
    job->table = plan.table;
    return 0;
}

/* Options that shape a layout mean one; otherwise the build's table; otherwise the default layout. */
static int choose_table(struct job *job, struct cli *cli, const struct job_request *request,
                        const struct flash_files *files, const struct espota_device_info *info,
                        struct espota_error *error)
{
    struct espota_bytes app = { 0 };
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    bool planned = plan_options_given(request->plan) || !files->table;
    uint32_t flash_size = request->plan->flash.given ? request->plan->flash.value : info->flash_size;
    int result = 0;
    if (planned && !files->app && !plan_options_given(request->plan))
        return 0; /* only a bootloader or file system is flashed: the device's table stays */
    if (request->plan->flash.given && info->flash_size && flash_size > info->flash_size)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "--flash %uM is more than the %uM that the device has",
                           flash_size >> 20, info->flash_size >> 20);
    if (planned) {
        if (files->app)
            result = espota_file_read(files->app, LARGEST_FILE, &app, error);
        if (result == 0)
            result = plan_table(job, cli, request, files->app, (uint32_t)app.size, flash_size, error);
        espota_bytes_free(&app);
    } else {
        result = read_table(job, request, files->table, error);
    }
    job->has_table = result == 0;
    if (result == 0 && info->flash_size &&
        espota_table_verify_fits(&job->table, info->flash_size, &problem) != 0)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "%s does not fit the device: %s",
                           planned ? "the layout" : files->table, espota_table_problem_text(&problem, words));
    return result;
}

static int add_table(struct job *job, const struct job_request *request, struct espota_error *error)
{
    uint8_t binary[ESPOTA_TABLE_BINARY_SIZE];
    struct piece *p = NULL;
    int result = espota_table_to_binary(&job->table, binary, error);
    if (result == 0)
        result = add_piece(job, "table", NULL, request->table_offset, &p, error);
    return result ? result : espota_bytes_append(&p->data, binary, sizeof binary, error);
}

/* ---- partitions -----------------------------------------------------------------------------------------
 */

static int add_to_partition(struct job *job, const char *what, const char *file,
                            const struct espota_partition *target, struct espota_error *error)
{
    struct piece *p = NULL;
    int result = add_piece(job, what, file, target->offset, &p, error);
    if (result == 0 && p->data.size > target->size)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG,
                           "%s is %zu bytes, but partition '%s' holds %" PRIu32
                           ": %zu too many; plan a larger one",
                           file, p->data.size, target->label, target->size, p->data.size - target->size);
    return result;
}

static const struct espota_partition *default_app(const struct espota_table *table)
{
    const struct espota_partition *factory =
        espota_table_find_type(table, ESPOTA_TYPE_APP, ESPOTA_APP_FACTORY);
    return factory ? factory : espota_table_slot(table, 0);
}

static int add_app(struct job *job, const struct job_request *request, const char *file,
                   const struct espota_device_info *info, struct espota_error *error)
{
    if (!file)
        return 0;
    const struct espota_partition *target =
        request->slot ? espota_table_find(&job->table, request->slot) : default_app(&job->table);
    if (!target || target->type != ESPOTA_TYPE_APP)
        return espota_fail(error, ESPOTA_ERR_USAGE, "the layout has no app partition%s%s%s for %s",
                           request->slot ? " '" : "", request->slot ? request->slot : "",
                           request->slot ? "'" : "", file);
    int result = add_to_partition(job, "app", file, target, error);
    if (result != 0)
        return result;
    struct piece *p = find_piece(job, "app");
    job->app = target;
    return espota_ota_check_image(info, file, p->data.data, p->data.size, NULL, error);
}

/* otadata decides what starts: it is made to say the slot just flashed. */
static int add_otadata(struct job *job, struct espota_error *error)
{
    uint8_t data[ESPOTA_OTADATA_SIZE];
    const struct espota_partition *place =
        espota_table_find_type(&job->table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA);
    struct piece *p = NULL;
    if (!place || !job->app)
        return 0;
    espota_otadata_fresh(espota_partition_is_slot(job->app) ? job->app->subtype - ESPOTA_APP_OTA_0
                                                            : ESPOTA_SLOT_FACTORY,
                         data);
    int result = add_piece(job, "otadata", NULL, place->offset, &p, error);
    return result ? result : espota_bytes_append(&p->data, data, sizeof data, error);
}

static const struct espota_partition *fs_partition(const struct espota_table *table)
{
    static const uint8_t kinds[] = { ESPOTA_DATA_FAT, ESPOTA_DATA_SPIFFS, ESPOTA_DATA_LITTLEFS };
    for (size_t i = 0; i < sizeof kinds; i++) {
        const struct espota_partition *p = espota_table_find_type(table, ESPOTA_TYPE_DATA, kinds[i]);
        if (p)
            return p;
    }
    return NULL;
}

static int add_data(struct job *job, const char *what, const char *file,
                    const struct espota_partition *target, struct espota_error *error)
{
    if (!file)
        return 0;
    if (!target)
        return espota_fail(error, ESPOTA_ERR_USAGE, "the layout has no partition for the %s %s", what, file);
    return add_to_partition(job, what, file, target, error);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int add_extras(struct job *job, const struct flash_files *files, struct espota_error *error)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < files->extra_count; i++) {
        result = add_piece(job, base_name(files->extra[i].path), files->extra[i].path, files->extra[i].offset,
                           NULL, error);
        if (result == 0 && files->extra[i].offset % ESPOTA_SECTOR_SIZE)
            result =
                espota_fail(error, ESPOTA_ERR_FAILED, "%s goes to 0x%" PRIx32 ", which is no multiple of 4K",
                            files->extra[i].path, files->extra[i].offset);
    }
    return result;
}

/* ---- all of it ------------------------------------------------------------------------------------------
 */

static const char *piece_name(const struct piece *p)
{
    return p->file ? p->file : p->what;
}

static int check_overlaps(const struct job *job, const struct espota_device_info *info,
                          struct espota_error *error)
{
    for (unsigned i = 0; i < job->count; i++) {
        const struct piece *a = &job->piece[i];
        uint64_t end = (uint64_t)a->offset + espota_smart_write_total(a->data.size);
        if (info->flash_size && end > info->flash_size)
            return espota_fail(error, ESPOTA_ERR_TOO_BIG,
                               "%s ends at 0x%" PRIx64 ", beyond the flash of 0x%" PRIx32 " bytes",
                               piece_name(a), end, info->flash_size);
        for (unsigned k = 0; k < job->count; k++) {
            const struct piece *b = &job->piece[k];
            if (k != i && b->offset >= a->offset && b->offset < end)
                return espota_fail(error, ESPOTA_ERR_FAILED, "%s at 0x%" PRIx32 " overlaps %s at 0x%" PRIx32,
                                   piece_name(b), b->offset, piece_name(a), a->offset);
        }
    }
    return 0;
}

/* A flash file does not say its chip; an image does. */
static int chip_of_image(const char *file, const struct espota_chip **chip, struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    struct espota_image image;
    if (*chip || !file)
        return 0;
    int result = espota_file_read(file, LARGEST_FILE, &bytes, error);
    if (result == 0 && espota_image_examine_memory(&image, bytes.data, bytes.size) == ESPOTA_IMAGE_OK)
        *chip = espota_chip_by_image_id(image.chip_id);
    espota_bytes_free(&bytes);
    return result;
}

static int find_chip(const struct flash_files *files, const struct espota_chip **chip,
                     struct espota_error *error)
{
    const struct espota_chip *built = files->chip ? espota_chip_by_name(files->chip) : NULL;
    if (built && *chip && built != *chip)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "the build is for %s, but the device is an %s",
                           built->name, (*chip)->name);
    if (built)
        *chip = built;
    int result = chip_of_image(files->bootloader, chip, error);
    return result ? result : chip_of_image(files->app, chip, error);
}

static int add_partitions(struct job *job, const struct job_request *request, const struct flash_files *files,
                          const struct espota_device_info *info, struct espota_error *error)
{
    const struct espota_partition *phy =
        espota_table_find_type(&job->table, ESPOTA_TYPE_DATA, ESPOTA_DATA_PHY);
    int result = add_app(job, request, files->app, info, error);
    if (result == 0)
        result = add_data(job, "file system image", files->fs_image, fs_partition(&job->table), error);
    if (result == 0 && phy)
        result = add_data(job, "phy_init", files->phy, phy, error);
    if (result == 0)
        result = add_otadata(job, error);
    return result;
}

int job_prepare(struct job *job, struct cli *cli, const struct job_request *request,
                const struct flash_files *files, const struct espota_device_info *device,
                struct espota_error *error)
{
    struct espota_device_info known = *device;
    const struct espota_device_info *info = &known;
    int result = find_chip(files, &known.chip, error);
    if (result == 0)
        result = choose_table(job, cli, request, files, info, error);
    if (result == 0 && !job->has_table && files->fs_image)
        result = espota_fail(error, ESPOTA_ERR_USAGE,
                             "where does %s go? Give --table, or options that plan one", files->fs_image);
    if (result == 0)
        result = add_bootloader(job, cli, request, files->bootloader, info, error);
    if (result == 0 && job->has_table)
        result = add_table(job, request, error);
    if (result == 0 && job->has_table)
        result = add_partitions(job, request, files, info, error);
    if (result == 0)
        result = add_extras(job, files, error);
    if (result == 0)
        result = check_overlaps(job, info, error);
    return result;
}

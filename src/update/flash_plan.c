/* The flash procedure from end to end; its parts are in the other flash_*.c files. */
#include "flash_plan.h"

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/size.h"
#include "espota/smart_write.h"

#include <inttypes.h>
#include <string.h>

void espota_flash_plan_free(struct espota_flash_plan *plan)
{
    for (unsigned i = 0; i < plan->piece_count; i++)
        espota_bytes_free(&plan->piece[i].own);
    memset(plan, 0, sizeof *plan);
}

/* A flash file does not say its chip; an image does. */
static void chip_of_files(struct flash_planning *p)
{
    static const enum espota_flash_role roles[] = { ESPOTA_FLASH_BOOTLOADER, ESPOTA_FLASH_MERGED,
                                                    ESPOTA_FLASH_APP };
    for (size_t i = 0; !p->info.chip && i < sizeof roles / sizeof roles[0]; i++) {
        const struct espota_flash_file *file = espota_flash_files_get(p->request->files, roles[i]);
        if (file && file->file.has_chip)
            p->info.chip = espota_chip_by_image_id(file->file.chip.image_id);
    }
}

static int find_chip(struct flash_planning *p)
{
    const struct espota_chip *built = p->request->files->chip;
    if (built && p->info.chip && built != p->info.chip)
        return espota_fail(p->error, ESPOTA_ERR_VERIFY, "the build is for %s, but the device is an %s",
                           built->name, p->info.chip->name);
    if (built)
        p->info.chip = built;
    chip_of_files(p);
    p->plan->chip = p->info.chip;
    return 0;
}

static int add_pieces(struct flash_planning *p)
{
    const struct espota_flash_files *files = p->request->files;
    const struct espota_flash_file *merged = espota_flash_files_get(files, ESPOTA_FLASH_MERGED);
    const struct espota_flash_file *bootloader = espota_flash_files_get(files, ESPOTA_FLASH_BOOTLOADER);
    const struct espota_flash_file *app = espota_flash_files_get(files, ESPOTA_FLASH_APP);
    int result = flash_add_table(p);
    if (result == 0 && bootloader)
        result = flash_add_bootloader(p, bootloader, bootloader->data.data, bootloader->data.size);
    if (result == 0)
        result = flash_load_otadata(p);
    if (result == 0 && merged)
        result = flash_add_merged(p, merged);
    if (result == 0 && merged)
        result = flash_choose_merged_app(p, merged);
    if (result == 0 && app)
        result = flash_add_app(p, app);
    if (result == 0)
        result = flash_add_data(p);
    if (result == 0)
        result = flash_add_fs(p);
    if (result == 0)
        result = flash_add_nvs(p);
    return result ? result : flash_add_otadata(p);
}

int espota_flash_plan(struct espota_flash_plan *plan, struct espota_device *device,
                      const struct espota_flash_request *request, struct espota_error *error)
{
    struct flash_planning p = {
        .plan = plan, .device = device, .request = request, .info = device->info, .error = error
    };
    memset(plan, 0, sizeof *plan);
    int result = find_chip(&p);
    if (result == 0)
        result = flash_choose_table(&p);
    if (result == 0)
        result = add_pieces(&p);
    if (result == 0)
        result = flash_check_places(&p);
    return result ? result : flash_find_boot(&p);
}

/* ---- carrying it out ------------------------------------------------------------------------------------
 */

static int erase(struct espota_flash_plan *plan, struct espota_device *device, struct espota_error *error)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < plan->erasure_count; i++) {
        const struct espota_flash_erasure *e = &plan->erasure[i];
        device->what = e->name;
        result = espota_device_erase(device, e->offset, e->length, error);
        device->what = NULL;
        if (result == 0)
            espota_device_note(device, "0x%06" PRIx32 " erased for '%s'", e->offset, e->name);
    }
    return result;
}

static int write_piece(struct espota_flash_piece *piece, struct espota_device *device,
                       struct espota_error *error)
{
    device->what = piece->name;
    int result = espota_smart_write(device, piece->offset, piece->data, piece->size, &piece->result, error);
    device->what = NULL;
    if (result != 0)
        return espota_fail_while(error, "%s at 0x%" PRIx32, piece->name, piece->offset);
    if (piece->result.written == 0)
        espota_device_note(device, "0x%06" PRIx32 " %s: %zu byte%s, there already", piece->offset,
                           piece->name, piece->size, ESPOTA_PLURAL(piece->size));
    else
        espota_device_note(device, "0x%06" PRIx32 " %s: %zu byte%s, %" PRIu32 "K written, verified",
                           piece->offset, piece->name, piece->size, ESPOTA_PLURAL(piece->size),
                           piece->result.written / 1024);
    return 0;
}

/* Erased first, with the old table there: an interrupted run finds it again, and does all of it again. Then
 * the table: a run that is interrupted later finds the layout that it wanted. */
int espota_flash_run(struct espota_flash_plan *plan, struct espota_device *device, struct espota_error *error)
{
    int result = erase(plan, device, error);
    for (unsigned i = 0; result == 0 && i < plan->piece_count; i++)
        result = write_piece(&plan->piece[i], device, error);
    return result;
}

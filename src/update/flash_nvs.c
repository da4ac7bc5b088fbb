/* NVS that is put in with the rest: made of CSV for its partition, or a file of it. */
#include "flash_plan.h"

#include "espota/file.h"
#include "espota/file_kind.h"
#include "espota/nvs_csv.h"
#include "espota/random.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 16 << 20 };

static int make(struct flash_planning *p, const struct espota_bytes *csv, uint32_t size,
                struct espota_bytes *image)
{
    struct espota_nvs_builder builder;
    image->data = malloc((size_t)size + 1);
    if (!image->data)
        return espota_fail_memory(p->error, "making NVS");
    image->capacity = (size_t)size + 1;
    if (!espota_nvs_build_begin(&builder, image->data, size, 2))
        return espota_fail(p->error, ESPOTA_ERR_TOO_BIG, "the NVS partition is smaller than a page of 4K");
    image->size = espota_nvs_build_end(&builder);
    return espota_nvs_csv_read(&builder, p->request->nvs, csv->data, csv->size, p->error);
}

/* What it is follows from its content. */
static int prepare(struct flash_planning *p, uint32_t size, struct espota_bytes *image)
{
    struct espota_bytes bytes = { 0 };
    struct espota_file about;
    int result = espota_file_read(p->request->nvs, LARGEST_FILE, &bytes, p->error);
    if (result != 0)
        return result;
    espota_file_examine(&about, bytes.data, bytes.size);
    if (about.kind != ESPOTA_FILE_NVS) {
        result = make(p, &bytes, size, image);
        espota_wipe(bytes.data, bytes.size);
        espota_bytes_free(&bytes);
        return result;
    }
    *image = bytes;
    return 0;
}

int flash_add_nvs(struct flash_planning *p)
{
    const struct espota_partition *target =
        p->plan->has_table ? espota_table_find_type(&p->plan->table, ESPOTA_TYPE_DATA, ESPOTA_DATA_NVS)
                           : NULL;
    struct espota_bytes image = { 0 };
    if (!p->request->nvs)
        return 0;
    if (!target)
        return espota_fail_hint(p->error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NEED_TABLE,
                                "the layout has no partition for the NVS of %s", p->request->nvs);
    uint32_t room = espota_table_room(&p->plan->table, target) / ESPOTA_NVS_PAGE * ESPOTA_NVS_PAGE;
    int result = flash_check_writable(p, target);
    if (result == 0)
        result = prepare(p, room, &image);
    if (result == 0 && image.size > room)
        result = espota_fail_hint(p->error, ESPOTA_ERR_TOO_BIG, ESPOTA_HINT_LARGER_PARTITION,
                                  "%s is %zu bytes, but partition '%s' holds %" PRIu32, p->request->nvs,
                                  image.size, target->label, room);
    if (result == 0)
        result =
            flash_add_made(p, ESPOTA_PIECE_DATA, target->label, NULL, target->offset, image.data, image.size);
    if (image.data)
        espota_wipe(image.data, image.size);
    espota_bytes_free(&image);
    return result;
}

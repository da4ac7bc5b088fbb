/* A file system that is made of a folder, for the partition that is there for one. */
#include "flash_plan.h"

#include "espota/fs_make.h"
#include "espota/size.h"

#include <inttypes.h>

static bool is_fs(const struct espota_partition *p)
{
    return p->type == ESPOTA_TYPE_DATA &&
           (p->subtype == ESPOTA_DATA_FAT || p->subtype == ESPOTA_DATA_SPIFFS ||
            p->subtype == ESPOTA_DATA_LITTLEFS);
}

static const struct espota_partition *find_partition(const struct espota_table *table)
{
    for (unsigned i = 0; i < table->count; i++)
        if (is_fs(&table->entry[i]))
            return &table->entry[i];
    return NULL;
}

/* No library makes SPIFFS: the tools that do, as they are called for this partition. */
static int choose_type(struct flash_planning *p, const struct espota_partition *target,
                       enum espota_fs_type *type)
{
    *type = p->request->fs_type;
    if (p->request->has_fs_type || espota_fs_type_for(target, type))
        return 0;
    return espota_fail_hint(p->error, ESPOTA_ERR_UNSUPPORTED, ESPOTA_HINT_FS_TYPE,
                            "partition '%s' is one for SPIFFS, which is not made here. These make it: "
                            "mkspiffs -c %s -b 4096 -p 256 -s %" PRIu32
                            " fs.bin, or ESP-IDF's spiffsgen.py %" PRIu32 " %s fs.bin. Where the app keeps "
                            "littlefs or FAT in it, say which",
                            target->label, p->request->fs_folder, target->size, target->size,
                            p->request->fs_folder);
}

int flash_add_fs(struct flash_planning *p)
{
    const struct espota_partition *target = p->plan->has_table ? find_partition(&p->plan->table) : NULL;
    struct espota_bytes image = { 0 };
    struct espota_fs_made made;
    if (!p->request->fs_folder)
        return 0;
    if (!target)
        return espota_fail_hint(p->error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NEED_TABLE,
                                "the layout has no partition for the file system of %s",
                                p->request->fs_folder);
    struct espota_fs_request request = { .size = espota_table_room(&p->plan->table, target),
                                         .sector = p->request->fs_sector };
    request.size -= request.size % ESPOTA_SECTOR_SIZE;
    int result = choose_type(p, target, &request.type);
    if (result == 0)
        result = flash_check_writable(p, target);
    if (result == 0)
        result = espota_fs_make(&image, p->request->fs_folder, &request, &made, p->error);
    if (result == 0)
        result =
            flash_add_made(p, ESPOTA_PIECE_DATA, target->label, NULL, target->offset, image.data, image.size);
    if (result == 0)
        espota_flash_note(&p->plan->notes, false,
                          "'%s' gets %s of %s: %u file%s, %u director%s, %" PRIu64 " byte%s", target->label,
                          espota_fs_type_name(request.type), p->request->fs_folder, made.files,
                          ESPOTA_PLURAL(made.files), made.directories, made.directories == 1 ? "y" : "ies",
                          made.bytes, ESPOTA_PLURAL(made.bytes));
    if (result == 0 && made.long_names > 0)
        espota_flash_note(
            &p->plan->notes, true,
            "%u names are longer than 8.3: an app sees them only with long names on in its FatFs "
            "(CONFIG_FATFS_LFN_HEAP)",
            made.long_names);
    espota_bytes_free(&image);
    return result;
}

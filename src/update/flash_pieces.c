/* Bytes and their places. */
#include "flash_plan.h"

#include "digest.h"
#include "flash_folder.h"

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/flash_holds.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/smart_write.h"
#include "espota/table.h"
#include "espota/table_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct espota_flash_piece *flash_add_piece(struct flash_planning *p, enum espota_flash_piece_kind kind,
                                           const char *name, const struct espota_flash_file *file,
                                           uint32_t offset, const uint8_t *data, size_t size)
{
    struct espota_flash_plan *plan = p->plan;
    if (plan->piece_count == ESPOTA_FLASH_MAX_PIECES) {
        espota_fail(p->error, ESPOTA_ERR_FAILED, "more than %d parts to flash", ESPOTA_FLASH_MAX_PIECES);
        return NULL;
    }
    struct espota_flash_piece *piece = &plan->piece[plan->piece_count++];
    *piece = (struct espota_flash_piece){
        .kind = kind, .file = file ? file->path : NULL, .offset = offset, .data = data, .size = size
    };
    snprintf(piece->name, sizeof piece->name, "%s", name);
    return piece;
}

int flash_add_made(struct flash_planning *p, enum espota_flash_piece_kind kind, const char *name,
                   const struct espota_flash_file *file, uint32_t offset, const uint8_t *data, size_t size)
{
    struct espota_flash_piece *piece = flash_add_piece(p, kind, name, file, offset, NULL, size);
    if (!piece)
        return (int)p->error->status;
    int result = espota_bytes_append(&piece->own, data, size, p->error);
    piece->data = piece->own.data;
    return result;
}

const struct espota_flash_piece *flash_piece_at(const struct espota_flash_plan *plan, uint32_t offset)
{
    for (unsigned i = 0; i < plan->piece_count; i++)
        if (plan->piece[i].offset == offset)
            return &plan->piece[i];
    return NULL;
}

int flash_check_writable(struct flash_planning *p, const struct espota_partition *target)
{
    struct espota_table_problem problem;
    char words[ESPOTA_PROBLEM_TEXT];
    if (espota_table_verify_writable(&p->plan->table, target, &problem) == 0)
        return 0;
    return espota_fail(p->error, ESPOTA_ERR_REFUSED,
                       "refused to write partition '%s': %s; flash a sound table first", target->label,
                       espota_table_problem_text(&problem, words));
}

int flash_add_file(struct flash_planning *p, enum espota_flash_piece_kind kind, const char *name,
                   const struct espota_flash_file *file, const struct espota_partition *target)
{
    size_t size = file->data.size, room = espota_table_room(&p->plan->table, target);
    if (flash_check_writable(p, target) != 0)
        return (int)p->error->status;
    if (size > room)
        return espota_fail_hint(p->error, ESPOTA_ERR_TOO_BIG, ESPOTA_HINT_LARGER_PARTITION,
                                "%s is %zu bytes, but partition '%s' holds %zu: %zu too many", file->path,
                                size, target->label, room, size - room);
    return flash_add_piece(p, kind, name, file, target->offset, file->data.data, size)
               ? 0
               : (int)p->error->status;
}

int flash_add_table(struct flash_planning *p)
{
    struct espota_flash_plan *plan = p->plan;
    uint8_t binary[ESPOTA_TABLE_BINARY_SIZE];
    bool there = !p->new_layout && !p->half_written && !plan->layout_differs &&
                 plan->contents.state == ESPOTA_FLASH_HAS_TABLE;
    if (!plan->has_table || there)
        return 0;
    int result = espota_table_to_binary(&plan->table, binary, p->error);
    return result ? result
                  : flash_add_made(p, ESPOTA_PIECE_TABLE, "table", NULL, plan->table_offset, binary,
                                   sizeof binary);
}

/* ---- bootloader -----------------------------------------------------------------------------------------
 */

int flash_check_role(struct flash_planning *p, const struct espota_flash_file *file,
                     enum espota_file_kind kind, const char *as)
{
    char words[ESPOTA_FILE_WORDS];
    if (file->file.kind == kind)
        return 0;
    return espota_fail_hint(p->error, ESPOTA_ERR_VERIFY, flash_files_hint(file->file.kind),
                            "cannot flash %s as %s: it is %s", file->path, as,
                            espota_file_words(&file->file, words));
}

static int check_bootloader(struct flash_planning *p, const char *path, const uint8_t *data, size_t size)
{
    const struct espota_chip *chip = p->info.chip;
    struct espota_image image;
    char words[ESPOTA_PROBLEM_TEXT];
    enum espota_image_verdict verdict = espota_image_examine_memory(&image, data, size);
    if (verdict != ESPOTA_IMAGE_OK)
        return espota_fail(p->error, ESPOTA_ERR_VERIFY, "the bootloader %s cannot boot: %s", path,
                           espota_image_verdict_text(verdict, &image, words));
    if (image.chip_id != chip->image_id)
        return espota_fail(p->error, ESPOTA_ERR_VERIFY,
                           "the bootloader %s is for chip id %u, but the device is an %s", path,
                           image.chip_id, chip->name);
    if (chip->bootloader_offset + size > p->plan->table_offset)
        return espota_fail_hint(p->error, ESPOTA_ERR_TOO_BIG, ESPOTA_HINT_MOVE_TABLE,
                                "the bootloader %s would overwrite the partition table at 0x%" PRIx32, path,
                                p->plan->table_offset);
    return 0;
}

static int set_header(struct flash_planning *p, struct espota_flash_piece *piece)
{
    if (p->info.security.secure_boot)
        return 0; /* a changed header would break the signature */
    int result = espota_bytes_append(&piece->own, piece->data, piece->size, p->error);
    piece->data = piece->own.data;
    if (result == 0)
        result = espota_flash_header_apply(&p->request->header, p->info.chip, p->info.flash_size,
                                           piece->own.data, piece->own.size, &p->plan->notes, p->error);
    return result;
}

int flash_add_bootloader(struct flash_planning *p, const struct espota_flash_file *file, const uint8_t *data,
                         size_t size)
{
    if (!p->info.chip)
        return espota_fail_hint(p->error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NAME_CHIP,
                                "where does the bootloader go? It depends on the chip, which is not known");
    int result = 0;
    if (file->role == ESPOTA_FLASH_BOOTLOADER && file->file.kind != ESPOTA_FILE_DATA)
        result = flash_check_role(p, file, ESPOTA_FILE_BOOTLOADER, "a bootloader");
    if (result == 0)
        result = check_bootloader(p, file->path, data, size);
    if (result != 0)
        return result;
    struct espota_flash_piece *piece = flash_add_piece(p, ESPOTA_PIECE_BOOTLOADER, "bootloader", file,
                                                       p->info.chip->bootloader_offset, data, size);
    return piece ? set_header(p, piece) : (int)p->error->status;
}

/* ---- data partitions and places of their own ------------------------------------------------------------
 */

static bool is_fs(const struct espota_partition *p, uint8_t subtype)
{
    return p->type == ESPOTA_TYPE_DATA && p->subtype == subtype;
}

static const struct espota_partition *find_fs(const struct espota_table *table, const uint8_t *subtypes,
                                              size_t count)
{
    for (size_t k = 0; k < count; k++)
        for (unsigned i = 0; i < table->count; i++)
            if (is_fs(&table->entry[i], subtypes[k]))
                return &table->entry[i];
    return NULL;
}

/* By what is in the image, or else by the file's name. Arduino keeps LittleFS in partitions of subtype
 * spiffs. */
static const struct espota_partition *fs_partition(const struct espota_table *table,
                                                   const struct espota_flash_file *file)
{
    static const uint8_t fat[] = { ESPOTA_DATA_FAT }, spiffs[] = { ESPOTA_DATA_SPIFFS },
                         littlefs[] = { ESPOTA_DATA_LITTLEFS, ESPOTA_DATA_SPIFFS },
                         any[] = { ESPOTA_DATA_FAT, ESPOTA_DATA_SPIFFS, ESPOTA_DATA_LITTLEFS };
    if (file->file.kind == ESPOTA_FILE_LITTLEFS || strstr(file->path, "littlefs.bin"))
        return find_fs(table, littlefs, sizeof littlefs);
    if (file->file.kind == ESPOTA_FILE_SPIFFS || strstr(file->path, "spiffs.bin"))
        return find_fs(table, spiffs, sizeof spiffs);
    if (file->file.kind == ESPOTA_FILE_FAT || strstr(file->path, "fatfs.bin"))
        return find_fs(table, fat, sizeof fat);
    return find_fs(table, any, sizeof any);
}

static int add_to_partition(struct flash_planning *p, const struct espota_flash_file *file,
                            const struct espota_partition *target, const char *what)
{
    if (target)
        return flash_add_file(p, ESPOTA_PIECE_DATA, what, file, target);
    return espota_fail_hint(p->error, ESPOTA_ERR_USAGE, ESPOTA_HINT_NEED_TABLE,
                            "the layout has no partition for the %s %s", what, file->path);
}

static int add_at_offset(struct flash_planning *p, const struct espota_flash_file *file)
{
    if (file->offset % ESPOTA_SECTOR_SIZE)
        return espota_fail(p->error, ESPOTA_ERR_FAILED,
                           "%s goes to 0x%" PRIx32 ", which is no multiple of 4K", file->path, file->offset);
    bool loader =
        p->request->files->no_table && p->info.chip && file->offset == p->info.chip->bootloader_offset;
    struct espota_flash_piece *piece =
        flash_add_piece(p, loader ? ESPOTA_PIECE_BOOTLOADER : ESPOTA_PIECE_DATA, flash_base_name(file->path),
                        file, file->offset, file->data.data, file->data.size);
    if (!piece)
        return (int)p->error->status;
    return loader ? set_header(p, piece) : 0; /* what the ROM starts */
}

static int add_datum(struct flash_planning *p, const struct espota_flash_file *file)
{
    const struct espota_table *table = &p->plan->table;
    const struct espota_partition *phy = espota_table_find_type(table, ESPOTA_TYPE_DATA, ESPOTA_DATA_PHY);
    if (file->role == ESPOTA_FLASH_OTHER)
        return add_at_offset(p, file);
    if (file->role == ESPOTA_FLASH_FS)
        return add_to_partition(p, file, fs_partition(table, file), "file system image");
    if (file->role != ESPOTA_FLASH_PHY)
        return 0;
    if (phy)
        return flash_add_file(p, ESPOTA_PIECE_DATA, "phy_init", file, phy);
    espota_flash_note(&p->plan->notes, true, "%s is not flashed: the layout has no partition for it",
                      file->path);
    return 0;
}

int flash_add_data(struct flash_planning *p)
{
    const struct espota_flash_files *files = p->request->files;
    int result = 0;
    for (unsigned i = 0; result == 0 && i < files->count; i++)
        result = add_datum(p, &files->list[i]);
    return result;
}

/* ---- places ---------------------------------------------------------------------------------------------
 */

static const char *piece_name(const struct espota_flash_piece *piece)
{
    return piece->file ? piece->file : piece->name;
}

static int check_place(struct flash_planning *p, const struct espota_flash_piece *a)
{
    uint64_t end = (uint64_t)a->offset + espota_smart_write_total(a->size);
    uint32_t reach = update_reach(p->device);
    if (reach && reach < p->info.flash_size && end > reach)
        return espota_fail(p->error, ESPOTA_ERR_TOO_BIG,
                           "%s ends at 0x%" PRIx64 ", but only the first %" PRIu32
                           "M of flash can be reached",
                           piece_name(a), end, reach >> 20);
    if (p->info.flash_size && end > p->info.flash_size)
        return espota_fail(p->error, ESPOTA_ERR_TOO_BIG,
                           "%s ends at 0x%" PRIx64 ", beyond the flash of 0x%" PRIx32 " bytes", piece_name(a),
                           end, p->info.flash_size);
    for (unsigned k = 0; k < p->plan->piece_count; k++) {
        const struct espota_flash_piece *b = &p->plan->piece[k];
        if (b != a && b->offset >= a->offset && b->offset < end)
            return espota_fail(p->error, ESPOTA_ERR_FAILED, "%s at 0x%" PRIx32 " overlaps %s at 0x%" PRIx32,
                               piece_name(b), b->offset, piece_name(a), a->offset);
    }
    return 0;
}

static bool in_partition(const struct espota_flash_plan *plan, uint32_t at)
{
    for (unsigned i = 0; plan->has_table && i < plan->table.count; i++)
        if (plan->table.entry[i].offset <= at && at - plan->table.entry[i].offset < plan->table.entry[i].size)
            return true;
    return false;
}

/* What would be erased has to be within reach before anything is. */
static int check_erasures(struct flash_planning *p)
{
    uint32_t reach = update_reach(p->device);
    for (unsigned i = 0; reach && i < p->plan->erasure_count; i++) {
        const struct espota_flash_erasure *e = &p->plan->erasure[i];
        if ((uint64_t)e->offset + e->length > reach)
            return espota_fail(p->error, ESPOTA_ERR_TOO_BIG,
                               "cannot erase '%s' of %s, as only the first %" PRIu32
                               "M of its flash can be reached",
                               e->name, p->device->name, reach >> 20);
    }
    return 0;
}

/* Does flash hold at `at` neither FF nor what would be written there? */
static int would_lose(struct flash_planning *p, const struct espota_flash_piece *piece, uint32_t at,
                      bool *loses)
{
    uint8_t sector[ESPOTA_SECTOR_SIZE];
    size_t left = piece->size - (at - piece->offset);
    bool harmless = false;
    memset(sector, 0xff, sizeof sector);
    memcpy(sector, piece->data + (at - piece->offset), left < sizeof sector ? left : sizeof sector);
    int result = espota_flash_is_blank(p->device, at, sizeof sector, &harmless, NULL, p->error);
    if (result == 0 && !harmless)
        result = espota_flash_holds(p->device, at, sector, sizeof sector, &harmless, p->error);
    *loses = result == 0 && !harmless;
    return result;
}

/* A file with an offset of its own must not fall on data that no partition describes. */
static int check_unclaimed(struct flash_planning *p, const struct espota_flash_piece *piece)
{
    bool loses = false;
    int result = 0;
    if (piece->kind != ESPOTA_PIECE_DATA || p->request->force || p->plan->erase_all || p->new_layout)
        return 0;
    for (uint32_t at = piece->offset; result == 0 && !loses && at - piece->offset < piece->size;
         at += ESPOTA_SECTOR_SIZE) {
        if (!in_partition(p->plan, at))
            result = would_lose(p, piece, at, &loses);
        p->plan->refused_at = at;
    }
    if (result != 0 || !loses)
        return result;
    p->plan->refusal = ESPOTA_FLASH_OUTSIDE;
    return espota_fail_hint(p->error, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_OVER,
                            "refused to write %s to %s: flash at 0x%" PRIx32
                            " holds other data, outside all partitions",
                            piece_name(piece), p->device->name, p->plan->refused_at);
}

/* What is written from its start need not be erased before. */
static void drop_needless_erasures(struct espota_flash_plan *plan)
{
    unsigned kept = 0;
    for (unsigned i = 0; !plan->erase_all && i < plan->erasure_count; i++) {
        const struct espota_flash_piece *piece = flash_piece_at(plan, plan->erasure[i].offset);
        if (!piece || espota_smart_write_total(piece->size) < plan->erasure[i].length)
            plan->erasure[kept++] = plan->erasure[i];
    }
    plan->erasure_count = plan->erase_all ? plan->erasure_count : kept;
}

int flash_check_places(struct flash_planning *p)
{
    int result = 0;
    for (unsigned i = 0; result == 0 && i < p->plan->piece_count; i++)
        result = check_place(p, &p->plan->piece[i]);
    for (unsigned i = 0; result == 0 && i < p->plan->piece_count; i++)
        result = check_unclaimed(p, &p->plan->piece[i]);
    drop_needless_erasures(p->plan);
    return result ? result : check_erasures(p);
}

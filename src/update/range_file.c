#include "digest.h"

#include "espota/range_file.h"

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/elf_image.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/flash_holds.h"
#include "espota/placed_file.h"
#include "espota/smart_write.h"
#include "espota/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 256 << 20 };

#define SECTOR ESPOTA_SECTOR_SIZE

void espota_range_file_free(struct espota_range_file *file)
{
    espota_bytes_free(&file->bytes);
    free(file->image);
    free(file->stretch);
    memset(file, 0, sizeof *file);
}

/* ---- placed files ---------------------------------------------------------------------------------------
 */

struct placing {
    const struct espota_flash_range *target;
    uint32_t first, end; /* of what is placed */
    bool outside;        /* the target, at `at` */
    uint32_t at;
    uint8_t *image;
    bool *touched; /* by sector from `first` on */
};

static int measure(void *context, uint32_t address, const uint8_t *data, size_t length)
{
    struct placing *p = context;
    const struct espota_flash_range *t = p->target;
    (void)data;
    if (length == 0)
        return 0;
    p->at = address;
    p->outside =
        address < t->offset || address - t->offset > t->length || length > t->length - (address - t->offset);
    if (address < p->first)
        p->first = address;
    if (!p->outside && address + (uint32_t)length > p->end)
        p->end = address + (uint32_t)length;
    return p->outside;
}

static int put(void *context, uint32_t address, const uint8_t *data, size_t length)
{
    struct placing *p = context;
    if (length == 0)
        return 0;
    uint32_t at = address - p->first;
    memcpy(p->image + at, data, length);
    for (uint32_t s = at / SECTOR; s <= (at + length - 1) / SECTOR; s++)
        p->touched[s] = true;
    return 0;
}

static int walk(const struct espota_range_file *file, const struct espota_device *device,
                espota_placed_fn *place, struct placing *p, struct espota_placed_problem *problem)
{
    uint32_t family = device->info.chip ? device->info.chip->uf2_family : file->about.uf2_family;
    return file->about.kind == ESPOTA_FILE_UF2
               ? espota_uf2_walk(file->bytes.data, file->bytes.size, family, place, p, problem)
               : espota_intel_hex_walk(file->bytes.data, file->bytes.size, place, p, problem);
}

static int refuse(const struct espota_range_file *file, const char *path, const struct espota_device *device,
                  const struct placing *p, const struct espota_placed_problem *problem,
                  struct espota_error *error)
{
    static const char *const faults[] = { [ESPOTA_PLACED_BAD_RECORD] = "is not of that format",
                                          [ESPOTA_PLACED_BAD_SUM] = "has a wrong checksum",
                                          [ESPOTA_PLACED_BAD_TYPE] = "has an unknown type",
                                          [ESPOTA_PLACED_NO_END] = "is the last: the file is cut off" };
    char words[ESPOTA_FILE_WORDS];
    espota_file_words(&file->about, words);
    if (problem->fault == ESPOTA_PLACED_STOPPED)
        return espota_fail(error, ESPOTA_ERR_REFUSED,
                           "refused: %s is %s and has bytes for 0x%" PRIx32 ", which is not in %s", path,
                           words, p->at, p->target->text);
    if (problem->fault == ESPOTA_PLACED_OTHER_FAMILY)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is %s, but %s is an %s", path, words, device->name,
                           device->info.chip ? device->info.chip->name : "other chip");
    return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is %s, but %s %" PRIu32 " %s", path, words,
                       file->about.kind == ESPOTA_FILE_UF2 ? "block" : "line", problem->where,
                       faults[problem->fault]);
}

/* Neighbouring sectors that are touched are one stretch. */
static void find_stretches(struct espota_range_file *file, const struct placing *p, uint32_t sectors)
{
    for (uint32_t s = 0; s < sectors; s++) {
        if (!p->touched[s])
            continue;
        if (s == 0 || !p->touched[s - 1])
            file->stretch[file->count++] =
                (struct espota_stretch){ p->first + s * SECTOR, 0, p->image + (size_t)s * SECTOR };
        file->stretch[file->count - 1].length += SECTOR;
        file->total += SECTOR;
    }
}

static int place_all(struct espota_range_file *file, const struct espota_device *device, struct placing *p,
                     struct espota_error *error)
{
    struct espota_placed_problem problem;
    p->first -= p->first % SECTOR;
    uint32_t sectors = (p->end - p->first + SECTOR - 1) / SECTOR;
    p->image = malloc((size_t)sectors * SECTOR);
    p->touched = calloc(sectors, sizeof *p->touched);
    file->image = p->image;
    file->stretch = calloc(sectors, sizeof *file->stretch);
    int result = p->image && p->touched && file->stretch ? 0 : espota_fail_memory(error, "placing a file");
    if (result == 0) {
        memset(p->image, 0xff, (size_t)sectors * SECTOR);
        (void)walk(file, device, put, p, &problem); /* it went well before */
        find_stretches(file, p, sectors);
    }
    free(p->touched);
    return result;
}

static int place(struct espota_range_file *file, const char *path, const struct espota_flash_range *target,
                 const struct espota_device *device, struct espota_error *error)
{
    struct placing p = { .target = target, .first = UINT32_MAX };
    struct espota_placed_problem problem;
    file->placed = true;
    if (walk(file, device, measure, &p, &problem) != 0)
        return refuse(file, path, device, &p, &problem, error);
    if (p.end == 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "%s places no bytes in flash", path);
    return place_all(file, device, &p, error);
}

/* ---- any file -------------------------------------------------------------------------------------------
 */

static int take_as_it_is(struct espota_range_file *file, const char *path, const struct espota_flash_range *t,
                         struct espota_error *error)
{
    if (file->bytes.size == 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "%s is empty", path);
    if (file->bytes.size > t->length)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "%s is %zu bytes, but %s has room for %" PRIu32, path,
                           file->bytes.size, t->text, t->length);
    file->stretch = calloc(1, sizeof *file->stretch);
    if (!file->stretch)
        return espota_fail_memory(error, "reading a file");
    file->stretch[0] = (struct espota_stretch){ t->offset, (uint32_t)file->bytes.size, file->bytes.data };
    file->count = 1;
    file->total = (uint32_t)file->bytes.size;
    return 0;
}

int espota_range_file_load(struct espota_range_file *file, const char *path,
                           const struct espota_flash_range *target, const struct espota_device *device,
                           bool raw, struct espota_error *error)
{
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    memset(file, 0, sizeof *file);
    int result = espota_file_read(path, LARGEST_FILE, &file->bytes, error);
    if (result != 0)
        return result;
    if (!raw)
        result = espota_elf_image_replace(&file->bytes, name, device->info.chip, &file->converted, error);
    if (result != 0)
        return result;
    espota_file_examine(&file->about, file->bytes.data, file->bytes.size);
    bool placed = file->about.kind == ESPOTA_FILE_INTEL_HEX || file->about.kind == ESPOTA_FILE_UF2;
    return placed && !raw ? place(file, name, target, device, error)
                          : take_as_it_is(file, name, target, error);
}

/* ---- does it belong there? ------------------------------------------------------------------------------
 */

static bool is_image(enum espota_file_kind kind)
{
    return kind == ESPOTA_FILE_APP || kind == ESPOTA_FILE_BOOTLOADER || kind == ESPOTA_FILE_MERGED;
}

static bool is_any_data(enum espota_file_kind kind)
{
    return kind == ESPOTA_FILE_DATA || kind == ESPOTA_FILE_BLANK;
}

/* What a partition may hold: its own kind, what nobody knows, and in data partitions what people keep there.
 */
static bool partition_takes(const struct espota_flash_range *t, enum espota_file_kind kind)
{
    if (is_any_data(kind) || kind == ESPOTA_FILE_MCUBOOT)
        return true;
    if (t->type == ESPOTA_TYPE_APP)
        return kind == ESPOTA_FILE_APP;
    if (t->type == ESPOTA_TYPE_BOOTLOADER)
        return kind == ESPOTA_FILE_BOOTLOADER;
    if (t->type == ESPOTA_TYPE_PARTITION_TABLE)
        return kind == ESPOTA_FILE_TABLE;
    return kind != ESPOTA_FILE_BOOTLOADER && kind != ESPOTA_FILE_MERGED && kind != ESPOTA_FILE_TABLE;
}

/* Pages, archives, texts: what people keep in a file system, and no bootloader reads. */
static bool is_document(enum espota_file_kind kind)
{
    return kind == ESPOTA_FILE_TABLE_CSV || kind >= ESPOTA_FILE_HTML;
}

/* By offset: a merged image has one place, a bootloader its chip's, an app any that an app partition may
 * have, and a document none where bootloader and partition table lie. */
static bool offset_suits(const struct espota_flash_range *t, const struct espota_file *about,
                         const struct espota_device_info *info)
{
    uint32_t table = info->table_offset ? info->table_offset : ESPOTA_TABLE_DEFAULT_OFFSET;
    if (is_document(about->kind))
        return t->offset >= table + ESPOTA_TABLE_SECTOR_SIZE;
    if (about->kind == ESPOTA_FILE_MERGED)
        return t->offset == about->merged.flash_offset;
    if (about->kind == ESPOTA_FILE_BOOTLOADER)
        return t->offset == about->chip.bootloader_offset;
    if (about->kind == ESPOTA_FILE_APP)
        return t->offset != 0 && t->offset % ESPOTA_APP_ALIGNMENT == 0;
    return true;
}

int espota_range_file_check_place(const struct espota_range_file *file, const char *path,
                                  const struct espota_flash_range *t, const struct espota_device *device,
                                  struct espota_error *error)
{
    const struct espota_file *about = &file->about;
    const struct espota_chip *chip = device->info.chip;
    char words[ESPOTA_FILE_WORDS];
    if (file->placed)
        return 0;
    bool fits = t->named ? partition_takes(t, about->kind) : offset_suits(t, about, &device->info);
    bool other_chip =
        is_image(about->kind) && about->has_chip && chip && about->chip.image_id != chip->image_id;
    if (fits && !other_chip)
        return 0;
    return espota_fail_hint(error, ESPOTA_ERR_REFUSED, ESPOTA_HINT_WRITE_RAW,
                            "refused: %s is %s, which does not belong %s %s", path,
                            espota_file_words(about, words),
                            other_chip ? "on"
                            : t->named ? "into"
                                       : "at",
                            other_chip ? chip->name : t->text);
}

/* ---- writing and comparing ------------------------------------------------------------------------------
 */

int espota_range_file_write(const struct espota_range_file *file, struct espota_device *device,
                            const struct espota_flash_range *range, struct espota_smart_write *sum,
                            struct espota_error *error)
{
    int outcome = 0;
    *sum = (struct espota_smart_write){ 0 };
    for (unsigned i = 0; outcome == 0 && i < file->count; i++) {
        const struct espota_stretch *s = &file->stretch[i];
        struct espota_smart_write result;
        outcome = range->named && !file->placed
                      ? espota_smart_write_within(device, s->offset, s->data, s->length, range->length,
                                                  &result, error)
                      : espota_smart_write(device, s->offset, s->data, s->length, &result, error);
        sum->total += result.total;
        sum->written += result.written;
        sum->kept += result.kept;
        sum->repeats += result.repeats;
    }
    return outcome;
}

/* In one go. */
static int compare_digests(struct espota_device *device, const struct espota_stretch *s, uint8_t *digests,
                           uint32_t *different, struct espota_error *error)
{
    uint8_t expected[ESPOTA_SHA256_LENGTH];
    size_t size = espota_device_digest_length(device);
    int result = espota_device_digests(device, s->offset, s->length, SECTOR, digests, error);
    for (uint32_t at = 0; result == 0 && at < s->length; at += SECTOR, digests += size) {
        uint32_t part = s->length - at < SECTOR ? s->length - at : SECTOR;
        result = update_digest_of(device, s->data + at, part, expected, error);
        if (result == 0 && memcmp(digests, expected, size) != 0) {
            *different = at;
            return 0;
        }
    }
    return result;
}

static int look_at_once(struct espota_device *device, const struct espota_stretch *s, uint32_t *different,
                        struct espota_error *error)
{
    uint8_t *digests = malloc((s->length / SECTOR + 1) * espota_device_digest_length(device));
    int result = digests ? compare_digests(device, s, digests, different, error)
                         : espota_fail_memory(error, "comparing flash");
    free(digests);
    return result;
}

static int look_one_by_one(struct espota_device *device, const struct espota_stretch *s, uint32_t *different,
                           struct espota_error *error)
{
    int result = 0;
    for (uint32_t at = 0; result == 0 && at < s->length; at += SECTOR) {
        uint32_t part = s->length - at < SECTOR ? s->length - at : SECTOR;
        bool holds = false;
        result = espota_device_check_cancelled(device, error);
        if (result == 0)
            result = espota_flash_holds(device, s->offset + at, s->data + at, part, &holds, error);
        if (result == 0 && !holds) {
            *different = at;
            return 0;
        }
    }
    return result;
}

static int find_difference(struct espota_device *device, const struct espota_flash_range *t, const char *path,
                           const struct espota_stretch *s, struct espota_error *error)
{
    uint32_t different = UINT32_MAX;
    int result = espota_device_can(device, ESPOTA_CAP_DIGESTS)
                     ? look_at_once(device, s, &different, error)
                     : look_one_by_one(device, s, &different, error);
    if (result != 0)
        return result;
    if (different != UINT32_MAX)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "%s does not hold %s: the first difference is in the 4K at 0x%" PRIx32, t->text,
                           path, s->offset + different);
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "%s does not hold %s, but each of its sectors does: is something writing to it?",
                       t->text, path);
}

int espota_range_file_verify(const struct espota_range_file *file, const char *path,
                             struct espota_device *device, const struct espota_flash_range *range,
                             struct espota_error *error)
{
    int outcome = 0;
    for (unsigned i = 0; outcome == 0 && i < file->count; i++) {
        const struct espota_stretch *s = &file->stretch[i];
        bool holds = false;
        outcome = espota_flash_holds(device, s->offset, s->data, s->length, &holds, error);
        if (outcome == 0 && !holds)
            outcome = find_difference(device, range, path, s, error);
    }
    return outcome;
}

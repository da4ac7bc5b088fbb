/* An app or a merged image that comes with addresses: Intel HEX and UF2. */
#include "flash_folder.h"

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/placed_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_SPAN = 128 << 20 };

struct span {
    uint32_t first;
    uint64_t end;
    uint8_t *image; /* NULL: measure */
};

static int measure(void *context, uint32_t address, const uint8_t *data, size_t length)
{
    struct span *span = context;
    (void)data;
    if (length == 0)
        return 0;
    span->first = address < span->first ? address : span->first;
    span->end = (uint64_t)address + length > span->end ? (uint64_t)address + length : span->end;
    return span->end - span->first > LARGEST_SPAN;
}

static int put(void *context, uint32_t address, const uint8_t *data, size_t length)
{
    struct span *span = context;
    if (length > 0)
        memcpy(span->image + (address - span->first), data, length);
    return 0;
}

static int walk(const struct espota_flash_file *file, espota_placed_fn *place, struct span *span,
                struct espota_placed_problem *problem)
{
    const struct espota_bytes *data = &file->data;
    return file->file.kind == ESPOTA_FILE_UF2
               ? espota_uf2_walk(data->data, data->size, file->file.uf2_family, place, span, problem)
               : espota_intel_hex_walk(data->data, data->size, place, span, problem);
}

static int refuse(const struct espota_flash_file *file, const struct espota_placed_problem *problem,
                  struct espota_error *error)
{
    static const char *const faults[] = { [ESPOTA_PLACED_STOPPED] = "is too far from the others",
                                          [ESPOTA_PLACED_BAD_RECORD] = "is not of that format",
                                          [ESPOTA_PLACED_BAD_SUM] = "has a wrong checksum",
                                          [ESPOTA_PLACED_BAD_TYPE] = "has an unknown type",
                                          [ESPOTA_PLACED_NO_END] = "is the last: the file is cut off",
                                          [ESPOTA_PLACED_OTHER_FAMILY] = "is for another family of chips" };
    char words[ESPOTA_FILE_WORDS];
    return espota_fail(error, ESPOTA_ERR_VERIFY, "cannot flash %s: it is %s, but %s %" PRIu32 " %s",
                       file->path, espota_file_words(&file->file, words),
                       file->file.kind == ESPOTA_FILE_UF2 ? "block" : "line", problem->where,
                       faults[problem->fault]);
}

/* The places have to be those of a merged image; an app goes into a slot, wherever its file would have it. */
static int replace(struct espota_flash_file *file, struct espota_bytes *image, uint32_t first,
                   struct espota_error *error)
{
    struct espota_file inside;
    espota_file_examine(&inside, image->data, image->size);
    if (file->file.has_chip && inside.has_chip && file->file.chip.image_id != inside.chip.image_id)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "cannot flash %s: it says it is for the %s, but the image in it is for the %s",
                           file->path, file->file.chip.name, inside.chip.name);
    if (inside.kind == ESPOTA_FILE_MERGED && inside.merged.flash_offset != first)
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "cannot flash %s: the merged image in it belongs to 0x%" PRIx32
                           " in flash, but the file says 0x%" PRIx32,
                           file->path, inside.merged.flash_offset, first);
    espota_bytes_free(&file->data);
    file->data = *image;
    file->came_as = file->file.kind;
    file->file = inside;
    memset(image, 0, sizeof *image);
    return 0;
}

static int fill(struct espota_flash_file *file, struct span *span, struct espota_bytes *image,
                struct espota_error *error)
{
    struct espota_placed_problem problem;
    size_t size = (size_t)(span->end - span->first);
    span->image = malloc(size);
    if (!span->image)
        return espota_fail_memory(error, "placing a file");
    memset(span->image, 0xff, size);
    (void)walk(file, put, span, &problem); /* it went well before */
    int result = espota_bytes_append(image, span->image, size, error);
    free(span->image);
    return result;
}

int flash_placed_unpack(struct espota_flash_file *file, struct espota_error *error)
{
    struct span span = { .first = UINT32_MAX };
    struct espota_placed_problem problem;
    struct espota_bytes image = { 0 };
    if (walk(file, measure, &span, &problem) != 0)
        return refuse(file, &problem, error);
    if (span.end == 0)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "cannot flash %s: there is nothing in it", file->path);
    int result = fill(file, &span, &image, error);
    if (result == 0)
        result = replace(file, &image, span.first, error);
    espota_bytes_free(&image);
    return result;
}

/* Several files, each on its way into a range of flash. */
#include "espota/range_file.h"

#include "espota/device.h"
#include "espota/error.h"
#include "espota/smart_write.h"
#include "espota/table.h"

#include <inttypes.h>

struct sectors {
    uint64_t start, end; /* in flash */
};

/* What writing a stretch changes: whole sectors, but beside a partition nothing. */
static struct sectors changed(const struct espota_range_write *w, const struct espota_stretch *s)
{
    struct sectors range = { s->offset, (uint64_t)s->offset + s->length };
    if (!w->range.named || w->file.placed)
        range.end = (range.end + ESPOTA_SECTOR_SIZE - 1) / ESPOTA_SECTOR_SIZE * ESPOTA_SECTOR_SIZE;
    return range;
}

/* The first place that both change, or UINT64_MAX. */
static uint64_t meeting(const struct espota_range_write *one, const struct espota_range_write *other)
{
    for (unsigned i = 0; i < one->file.count; i++)
        for (unsigned k = 0; k < other->file.count; k++) {
            struct sectors a = changed(one, &one->file.stretch[i]),
                           b = changed(other, &other->file.stretch[k]);
            if (a.start < b.end && b.start < a.end)
                return a.start > b.start ? a.start : b.start;
        }
    return UINT64_MAX;
}

int espota_range_files_check_apart(const struct espota_range_write *writes, unsigned count,
                                   struct espota_error *error)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = i + 1; k < count; k++) {
            uint64_t at = meeting(&writes[i], &writes[k]);
            if (at != UINT64_MAX)
                return espota_fail(
                    error, ESPOTA_ERR_USAGE,
                    "%s for %s and %s for %s overlap: both would write to the 4K at 0x%" PRIx64,
                    writes[i].path, writes[i].range.text, writes[k].path, writes[k].range.text, at);
        }
    return 0;
}

static uint64_t bytes_of(const struct espota_range_write *w)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < w->file.count; i++)
        bytes += espota_smart_write_total(w->file.stretch[i].length);
    return bytes;
}

int espota_range_files_write(struct espota_range_write *writes, unsigned count, struct espota_device *device,
                             struct espota_error *error)
{
    int result = 0;
    device->progress_before = 0;
    device->progress_all = 0;
    for (unsigned i = 0; count > 1 && i < count; i++)
        device->progress_all += bytes_of(&writes[i]);
    for (unsigned i = 0; result == 0 && i < count; i++) {
        result = espota_range_file_write(&writes[i].file, device, &writes[i].range, &writes[i].result, error);
        device->progress_before += count > 1 ? bytes_of(&writes[i]) : 0;
    }
    device->progress_before = 0;
    device->progress_all = 0;
    return result;
}

/** A file on its way into a range of flash: as stretches of whole bytes, each with its place, by what the
 * file is. */
#ifndef ESPOTA_RANGE_FILE_H
#define ESPOTA_RANGE_FILE_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file_kind.h"
#include "espota/flash_range.h"
#include "espota/smart_write.h"

struct espota_stretch {
    uint32_t offset, length;
    const uint8_t *data;
};

struct espota_range_file {
    struct espota_bytes bytes; /* as they are in the file; of an ELF file its image */
    bool converted;            /* it was an ELF file */
    struct espota_file about;
    bool placed;                    /* the file says where its bytes belong */
    uint8_t *image;                 /* of a placed file: what the stretches point into */
    struct espota_stretch *stretch; /* ascending; of a placed file each begins and ends with a sector */
    unsigned count;
    uint32_t total; /* bytes of all stretches */
};

/** Read `path` and place it in `range`. `raw`: as it is, whatever it is. @return 0, or the error: the file
 * does not fit, places its bytes elsewhere, or is for another chip than `device`. An ELF file becomes an
 * image for the device's chip (espota/elf_image.h). */
int espota_range_file_load(struct espota_range_file *file, const char *path,
                           const struct espota_flash_range *range, const struct espota_device *device,
                           bool raw, struct espota_error *error);
void espota_range_file_free(struct espota_range_file *file);

/** Refuse what does not belong there: ESPOTA_ERR_REFUSED. */
int espota_range_file_check_place(const struct espota_range_file *file, const char *path,
                                  const struct espota_flash_range *range, const struct espota_device *device,
                                  struct espota_error *error);

/** Write it into `range`, in `result` the sum over its stretches; beside a partition nothing changes. The
 * range is one that may be changed (espota_flash_range_check_alone). */
int espota_range_file_write(const struct espota_range_file *file, struct espota_device *device,
                            const struct espota_flash_range *range, struct espota_smart_write *result,
                            struct espota_error *error);

/** One of several files, and where it goes. */
struct espota_range_write {
    const char *path; /* of the file, for messages */
    struct espota_flash_range range;
    struct espota_range_file file;
    struct espota_smart_write result; /* by espota_range_files_write */
};

/** Refuse files that would write to the same flash. @return ESPOTA_ERR_USAGE with both by name. */
int espota_range_files_check_apart(const struct espota_range_write *writes, unsigned count,
                                   struct espota_error *error);

/** Write all of them, as espota_range_file_write does; the device's observer hears of one job. */
int espota_range_files_write(struct espota_range_write *writes, unsigned count, struct espota_device *device,
                             struct espota_error *error);

/** Does flash hold it? @return ESPOTA_ERR_VERIFY with the first 4K that differ in the message. */
int espota_range_file_verify(const struct espota_range_file *file, const char *path,
                             struct espota_device *device, const struct espota_flash_range *range,
                             struct espota_error *error);

#pragma GCC visibility pop

#endif

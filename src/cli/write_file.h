/* A file on its way into flash: as stretches of whole bytes, each with its place, by what the file is. */
#ifndef ESPOTA_CLI_WRITE_FILE_H
#define ESPOTA_CLI_WRITE_FILE_H

#include "target.h"

#include "espota/file_kind.h"

struct stretch {
    uint32_t offset, length;
    const uint8_t *data;
};

struct write_file {
    struct espota_bytes bytes; /* as they are in the file */
    struct espota_file about;
    bool placed;    /* the file says where its bytes belong */
    uint8_t *image; /* of a placed file: flash from `first` on */
    uint32_t first;
    struct stretch *stretch; /* ascending; of a placed file each begins and ends with a sector */
    unsigned count;
    uint32_t total; /* bytes of all stretches */
};

/* Read `path` and place it in `target`. `raw`: as it is, whatever it is. @return 0, or the error: the file
 * does not fit, places its bytes elsewhere, or is for another chip than `device`. */
int write_file_load(struct write_file *file, const char *path, const struct target *target,
                    const struct espota_device *device, bool raw, struct espota_error *error);
void write_file_free(struct write_file *file);

/* Refuse what does not belong there: ESPOTA_ERR_REFUSED. */
int write_file_check_place(const struct write_file *file, const char *path, const struct target *target,
                           const struct espota_device *device, struct espota_error *error);

#endif

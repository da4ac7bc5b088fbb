/* What 'espota flash' writes: found in a build folder, or named by options. */
#ifndef ESPOTA_CLI_FLASH_FILES_H
#define ESPOTA_CLI_FLASH_FILES_H

#include "cli.h"

enum { FLASH_MAX_EXTRA = 16 };

/* Paths, owned by this struct; NULL: not there. */
struct flash_files {
    char *bootloader, *table, *app, *fs_image, *phy;
    struct {
        uint32_t offset;
        char *path;
    } extra[FLASH_MAX_EXTRA]; /* other files of flasher_args.json */
    unsigned extra_count;
    char *chip; /* that the build was for, or NULL */
};

/* Look into a build folder: flasher_args.json, or else files with conventional names. */
int flash_files_find(struct flash_files *files, const char *directory, struct espota_error *error);
void flash_files_free(struct flash_files *files);

#endif

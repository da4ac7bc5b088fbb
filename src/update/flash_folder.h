/* Looking into build folders. */
#ifndef ESPOTA_UPDATE_FLASH_FOLDER_H
#define ESPOTA_UPDATE_FLASH_FOLDER_H

#include "espota/error.h"
#include "espota/flash_files.h"

/* What flasher_args.json, `path` in `directory`, names. */
int flash_folder_read_args(struct espota_flash_files *files, const char *directory, const char *path,
                           struct espota_error *error);

/* What to do with a file of this kind, which does not belong where it was given. */
enum espota_hint flash_files_hint(enum espota_file_kind kind);

/* The last part of a path. */
const char *flash_base_name(const char *path);

/* Forget a file. */
void flash_files_drop(struct espota_flash_files *files, unsigned index);

#endif

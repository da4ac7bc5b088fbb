/* Looking into what toolchains leave. */
#ifndef ESPOTA_UPDATE_FLASH_FOLDER_H
#define ESPOTA_UPDATE_FLASH_FOLDER_H

#include "espota/error.h"
#include "espota/flash_files.h"

#include <limits.h>
#include <stdbool.h>

/* ---- flasher_args.c -------------------------------------------------------------------------------------
 */

/* What flasher_args.json, `path` in `directory`, names. `*elsewhere`: its app is not there, but one under
 * PlatformIO's name is; then nothing but the chip was taken. */
int flash_folder_read_args(struct espota_flash_files *files, const char *directory, const char *path,
                           bool *elsewhere, struct espota_error *error);

/* ---- flash_folder.c -------------------------------------------------------------------------------------
 */

/* The images in a folder, each for what its content or else its name says. */
int flash_folder_scan(struct espota_flash_files *files, const char *directory, struct espota_error *error);

/* ---- flash_idedata.c ------------------------------------------------------------------------------------
 */

/* Where a PlatformIO build has no bootloader in its folder: the one that its idedata.json names. */
void flash_idedata_find_bootloader(struct espota_flash_files *files, const char *directory);

/* ---- flash_zephyr.c -------------------------------------------------------------------------------------
 */

/* What Zephyr's build in `directory` (with zephyr/zephyr.bin) says is to be flashed. */
int flash_zephyr_read(struct espota_flash_files *files, const char *directory, struct espota_error *error);

/* ---- flash_builds.c -------------------------------------------------------------------------------------
 */

#define FLASH_MAX_BUILDS 32

struct flash_build {
    enum espota_flash_origin origin;
    char name[96]; /* by which it is chosen */
    char *path;    /* its folder; of Rust, its ELF file */
};

/* The builds of a folder; zero-initialise. Beyond the maximum they are not listed. */
struct flash_builds {
    struct flash_build list[FLASH_MAX_BUILDS];
    unsigned count;
};

/* Those of a project in `directory`. */
void flash_builds_of_project(struct flash_builds *builds, const char *directory);
/* Those right below `directory`. */
void flash_builds_below(struct flash_builds *builds, const char *directory);
/* The one that is meant: `name`, or else the only or usual one. NULL: the error says which there are. */
const struct flash_build *flash_builds_choose(const struct flash_builds *builds, const char *directory,
                                              const char *name, struct espota_flash_notes *notes,
                                              struct espota_error *error);
void flash_builds_free(struct flash_builds *builds);

/* What a folder with images in it is. */
enum espota_flash_origin flash_builds_origin(const char *directory);
/* "PlatformIO". */
const char *flash_builds_maker(enum espota_flash_origin origin);

/* ---- flash_files.c --------------------------------------------------------------------------------------
 */

/* What to do with a file of this kind, which does not belong where it was given. */
enum espota_hint flash_files_hint(enum espota_file_kind kind);

/* "app", "bootloader". */
const char *flash_role_name(enum espota_flash_role role);

/* The last part of a path. */
const char *flash_base_name(const char *path);

/* Forget a file. */
void flash_files_drop(struct espota_flash_files *files, unsigned index);

/* `directory`/`name`. @return does it fit? */
bool flash_path(char out[PATH_MAX], const char *directory, const char *name);
/* Is it a regular file, or a link to one? */
bool flash_is_file(const char *path);

/* Does a link lead from the folder to `path` outside it? */
bool flash_leads_out(const char *directory, const char *path);

/* ---- flash_placed.c -------------------------------------------------------------------------------------
 */

/* Put an Intel HEX or UF2 file into one piece, from the first byte that it has a place for. */
int flash_placed_unpack(struct espota_flash_file *file, struct espota_error *error);

#endif

/* The parts of making a flash plan. */
#ifndef ESPOTA_UPDATE_FLASH_PLAN_H
#define ESPOTA_UPDATE_FLASH_PLAN_H

#include "espota/device.h"
#include "espota/error.h"
#include "espota/flash_plan.h"
#include "espota/otadata.h"
#include "espota/table.h"

/* What the parts work on. */
struct flash_planning {
    struct espota_flash_plan *plan;
    struct espota_device *device;
    const struct espota_flash_request *request;
    struct espota_device_info info; /* with the chip, also where the files alone say it */
    struct espota_error *error;
    bool half_written; /* the table in flash is a part of the one that is wanted */
    bool new_layout;   /* nothing that the flash holds stays as it is, but for what a migration keeps */
    struct espota_otadata otadata; /* in charge when the app's place is chosen */
};

/* flash_table.c: look at the device, choose the table, judge whether it may be. */
int flash_choose_table(struct flash_planning *p);

/* flash_pieces.c */
struct espota_flash_piece *flash_add_piece(struct flash_planning *p, enum espota_flash_piece_kind kind,
                                           const char *name, const struct espota_flash_file *file,
                                           uint32_t offset, const uint8_t *data, size_t size);
/* A piece with bytes made here, which are copied. @return 0 or a status. */
int flash_add_made(struct flash_planning *p, enum espota_flash_piece_kind kind, const char *name,
                   const struct espota_flash_file *file, uint32_t offset, const uint8_t *data, size_t size);
/* Refuse a partition of an odd table that shares flash with something else. */
int flash_check_writable(struct flash_planning *p, const struct espota_partition *target);
/* The whole of a file. @return 0 or a status. */
int flash_add_file(struct flash_planning *p, enum espota_flash_piece_kind kind, const char *name,
                   const struct espota_flash_file *file, const struct espota_partition *target);
int flash_add_table(struct flash_planning *p);
int flash_add_bootloader(struct flash_planning *p, const struct espota_flash_file *file, const uint8_t *data,
                         size_t size);
int flash_add_data(struct flash_planning *p);
int flash_check_places(struct flash_planning *p);
const struct espota_flash_piece *flash_piece_at(const struct espota_flash_plan *plan, uint32_t offset);
/* Is the file what it is given as? */
int flash_check_role(struct flash_planning *p, const struct espota_flash_file *file,
                     enum espota_file_kind kind, const char *as);

/* flash_fs.c: what is made of a folder. */
int flash_add_fs(struct flash_planning *p);
/* flash_nvs.c */
int flash_add_nvs(struct flash_planning *p);

/* flash_merged.c */
int flash_read_merged_table(struct flash_planning *p, const struct espota_flash_file *merged,
                            struct espota_table *table);
int flash_add_merged(struct flash_planning *p, const struct espota_flash_file *merged);
/* Where in flash its first byte lies. */
uint32_t flash_merged_base(const struct espota_flash_file *merged);

/* flash_boot.c: which slot for the app, what boots afterwards. */
int flash_load_otadata(struct flash_planning *p);
int flash_add_app(struct flash_planning *p, const struct espota_flash_file *file);
int flash_choose_merged_app(struct flash_planning *p, const struct espota_flash_file *file);
int flash_add_otadata(struct flash_planning *p);
int flash_find_boot(struct flash_planning *p);

#endif

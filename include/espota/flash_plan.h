/** The flash procedure: files, what a device holds and what it may lose in, a plan out; and the plan carried
 * out.
 *
 * What is on the device decides. A valid partition table stays unless another one is asked for; an app alone
 * goes into the slot that its bootloader starts. A layout is planned for a device that is blank, or when
 * asked for. What would lose data that nobody said may go is refused, with the reason as data, before
 * anything is erased.
 *
 * The plan points into the files, which must outlive it, and into itself: do not copy it. */
#ifndef ESPOTA_FLASH_PLAN_H
#define ESPOTA_FLASH_PLAN_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/flash_contents.h"
#include "espota/flash_header.h"
#include "espota/fs_make.h"
#include "espota/layout_change.h"
#include "espota/plan.h"
#include "espota/smart_write.h"
#include "espota/table.h"

/** What may happen to the data of a device that holds another layout. */
enum espota_flash_policy {
    ESPOTA_FLASH_KEEP,    /* nothing: refuse */
    ESPOTA_FLASH_MIGRATE, /* erase what has to go, keep what stays */
    ESPOTA_FLASH_ERASE,   /* erase all of the flash */
};

struct espota_flash_request {
    const struct espota_flash_files *files;
    struct espota_plan_request layout; /* for planning; flash_size 0: what the device has */
    bool plan_layout;                  /* plan, whatever the files and the device bring */
    const char *slot;                  /* partition for the app; NULL: the one that boots next */
    uint32_t table_offset;             /* 0: where a merged image has it, or 0x8000 */
    struct espota_flash_header header;
    enum espota_flash_policy policy;
    const struct espota_table_csv_options *csv; /* how to read a table as CSV; NULL: as usual */
    const char *nvs;       /* NVS, or CSV that it is made of for its partition; NULL: none */
    const char *fs_folder; /* a file system is made of it; NULL: none is */
    bool has_fs_type;      /* `fs_type` says which; otherwise the partition does */
    enum espota_fs_type fs_type;
    uint32_t fs_sector; /* of FAT, bytes; 0: 4096 */
    bool force;         /* write over what is in flash although no table says what it is */
};

/** Why a plan is refused. */
enum espota_flash_refusal {
    ESPOTA_FLASH_GRANTED = 0,
    ESPOTA_FLASH_OTHER_LAYOUT, /* `change` says what becomes of each partition */
    ESPOTA_FLASH_NO_TABLE,     /* `contents` says what is there instead of one */
    ESPOTA_FLASH_OUTSIDE,      /* data outside the partitions, at `refused_at` */
};

/** The bootloader, when the plan has been carried out. */
enum espota_flash_loader {
    ESPOTA_FLASH_LOADER_UNKNOWN, /* the chip is not known, and so its place is not */
    ESPOTA_FLASH_LOADER_NONE,    /* there is none: nothing boots */
    ESPOTA_FLASH_LOADER_STAYS,   /* the one in flash */
    ESPOTA_FLASH_LOADER_WRITTEN, /* one of the plan's pieces */
};

enum espota_flash_piece_kind {
    ESPOTA_PIECE_TABLE,
    ESPOTA_PIECE_BOOTLOADER,
    ESPOTA_PIECE_APP,
    ESPOTA_PIECE_OTADATA,
    ESPOTA_PIECE_DATA,
};

struct espota_flash_piece {
    enum espota_flash_piece_kind kind;
    char name[48];       /* "bootloader", "app", or the name of a partition or file */
    const char *file;    /* NULL: made here */
    uint32_t offset;     /* bytes from the start of flash, a multiple of 4K */
    const uint8_t *data; /* of the files, or `own` */
    size_t size;
    struct espota_bytes own;
    struct espota_smart_write result; /* by espota_flash_run */
};

/** A range that is erased without being written over. */
struct espota_flash_erasure {
    char name[ESPOTA_LABEL_LENGTH + 1];
    uint32_t offset, length;
};

#define ESPOTA_FLASH_MAX_PIECES 40

struct espota_flash_plan {
    struct espota_flash_contents contents;
    const struct espota_chip *chip; /* NULL: not known */
    uint32_t table_offset;
    bool has_table; /* `table` is valid: that of the device, a given or a planned one */
    struct espota_table table;
    bool planned; /* it was planned here, as `layout` */
    enum espota_firmware firmware;
    enum espota_layout layout;

    bool layout_differs;                                          /* from the one of the device: */
    struct espota_layout_change change[ESPOTA_TABLE_MAX_ENTRIES]; /* of contents.table, entry by entry */
    bool erase_all;
    struct espota_flash_erasure erasure[ESPOTA_TABLE_MAX_ENTRIES];
    unsigned erasure_count;

    struct espota_flash_piece piece[ESPOTA_FLASH_MAX_PIECES]; /* in the order of writing */
    unsigned piece_count;

    const struct espota_partition *app; /* that an app goes into; NULL: no app is written */
    const struct espota_partition
        *boots; /* what the bootloader starts afterwards; NULL: nothing, or not known */
    enum espota_flash_loader loader;

    struct espota_flash_notes notes;
    enum espota_flash_refusal refusal;
    uint32_t refused_at;
};

/** Make the plan. Reads the device, writes nothing. `plan` need not be initialised, and is freed also after
 * an error, which leaves in it what was found out.
 * @return ESPOTA_ERR_REFUSED with `refusal` filled in; ESPOTA_ERR_VERIFY when a file is not what it is given
 * as, or damaged, or for another chip; ESPOTA_ERR_TOO_BIG; ESPOTA_ERR_USAGE; or what the device returned. */
int espota_flash_plan(struct espota_flash_plan *plan, struct espota_device *device,
                      const struct espota_flash_request *request, struct espota_error *error);
void espota_flash_plan_free(struct espota_flash_plan *plan);

/** Carry it out: erase, write what differs, verify. Interrupted, it is finished by making the same plan
 * again. The device's observer hears of each piece. The device is not restarted. */
int espota_flash_run(struct espota_flash_plan *plan, struct espota_device *device,
                     struct espota_error *error);

#pragma GCC visibility pop

#endif

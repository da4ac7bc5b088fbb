/** A file system in a flash partition, read: littlefs 2, FAT 12, 16 and 32, the latter also behind
 * ESP-IDF's wear levelling, and SPIFFS.
 *
 * SPIFFS has no directories: its files have paths for names ("lib/x.py"), which is what a walk over its root
 * gives.
 *
 * Only what is asked for is read, a few bytes at a time: whoever brings the bytes had better keep what came.
 * Nothing in it is believed: every place is checked before it is read, and walks end, whatever points where.
 * Names are as they are in it, and may be anything: "..", "/etc/passwd", control characters.
 *
 * Sources: littlefs, SPEC.md and DESIGN.md (CTZ skip-lists); Microsoft, FAT32 File System Specification;
 * elm-chan.org, FatFs (where it and Microsoft differ, FatFs, which runs on the device, is right); ESP-IDF,
 * components/wear_levelling/WL_Flash.cpp; github.com/pellepl/spiffs, docs/TECH_SPEC.
 *
 * Pure code: no allocation, no globals; I/O by the source alone. */
#ifndef ESPOTA_FS_H
#define ESPOTA_FS_H

#pragma GCC visibility push(default)

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where the bytes come from. */
struct espota_fs_source {
    /** Fill `buffer` from `offset` on; the range lies within `size`. @return 0, or anything else: the reason
     * is the source's to keep. */
    int (*read)(void *context, uint32_t offset, void *buffer, uint32_t length);
    void *context;
    uint32_t size; /* bytes of the partition */
};

enum espota_fs_status {
    ESPOTA_FS_OK = 0,
    ESPOTA_FS_END,       /* no more entries */
    ESPOTA_FS_SOURCE,    /* the source failed */
    ESPOTA_FS_UNKNOWN,   /* no file system that is read here */
    ESPOTA_FS_DAMAGED,   /* what it says cannot be: `fault` is where */
    ESPOTA_FS_NOT_FOUND, /* no such file or directory */
    ESPOTA_FS_NO_DIRECTORY,
    ESPOTA_FS_VERSION, /* of a version that is not known */
};

enum espota_fs_kind { ESPOTA_FS_NONE = 0, ESPOTA_FS_LITTLEFS, ESPOTA_FS_FAT, ESPOTA_FS_SPIFFS };

/** Where a file or directory lies; what it means is the file system's business. */
struct espota_fs_place {
    bool is_directory;
    uint8_t how;    /* littlefs: enum of its own; FAT: 1 is the root of FAT 12 and 16 */
    uint32_t at[2]; /* littlefs: pair, head and 0, or offset and 0; FAT: first cluster and 0; SPIFFS: object
                       and 0 */
    uint32_t size;  /* bytes of a file */
};

/** Bytes of the longest name, its NUL included: 255 units of UTF-16 as UTF-8. */
#define ESPOTA_FS_NAME 768

struct espota_fs_entry {
    char name[ESPOTA_FS_NAME];
    struct espota_fs_place place;
    bool has_time;
    int64_t
        time; /* of its last change: seconds since 1970; of FAT, which knows no time zones, as if in UTC */
};

#define ESPOTA_LITTLEFS_IDS 1024u

/* A metadata pair of littlefs, as its newer block has it. */
struct espota_littlefs_pair {
    uint32_t block[2]; /* the newer one first */
    bool loaded;
    uint32_t end; /* of the last commit that is whole */
    uint16_t count;
    bool hard_tail; /* the directory goes on in `tail` */
    uint32_t tail[2];
    struct espota_littlefs_id {
        uint32_t name, data; /* offsets in the block; 0: none */
        uint16_t name_size, data_size;
        uint8_t type, how;
        uint32_t time; /* offset of the attribute */
        uint8_t time_size, time_type;
    } id[ESPOTA_LITTLEFS_IDS];
};

struct espota_fs {
    enum espota_fs_kind kind;
    struct espota_fs_source source;
    uint32_t fault; /* of ESPOTA_FS_DAMAGED: offset in the partition */

    uint32_t version;    /* littlefs: as on flash, 0x00020001; FAT: 12, 16 or 32 */
    uint32_t block_size; /* littlefs: blocks; FAT: clusters */
    uint32_t block_count;
    struct espota_fs_place root;

    bool wear_levelling; /* FAT: */
    uint32_t wl_size;    /* bytes behind it */
    uint32_t wl_moves, wl_dummy;
    uint32_t sector_size;        /* FAT: of sectors; SPIFFS: of pages */
    uint32_t lookups, next_page; /* SPIFFS: pages looked at, and where the next part is likely to lie */
    uint32_t fat_offset, fat_size, fat_count, root_offset, root_entries, data_offset;

    struct espota_littlefs_pair pair; /* the one read last */
};

/** A walk over the entries of a directory. */
struct espota_fs_walk {
    struct espota_fs_place directory;
    uint32_t at[2], index, steps;
    bool ended;
};

/** Find out what is in the source, and how. `fs` is large: not for small stacks. */
enum espota_fs_status espota_fs_open(struct espota_fs *fs, const struct espota_fs_source *source);

/** Begin a walk; "." and ".." are no entries. */
void espota_fs_walk_begin(struct espota_fs_walk *walk, const struct espota_fs_place *directory);
enum espota_fs_status espota_fs_walk_next(struct espota_fs *fs, struct espota_fs_walk *walk,
                                          struct espota_fs_entry *entry);

/** What `path` names, from the root, parts separated by '/'; FAT compares ASCII letters without their case.
 * "" and "/" are the root. */
enum espota_fs_status espota_fs_find(struct espota_fs *fs, const char *path, struct espota_fs_entry *entry);

/** Read a file's bytes from `position` on; the range lies within its size. */
enum espota_fs_status espota_fs_read(struct espota_fs *fs, const struct espota_fs_place *place,
                                     uint32_t position, void *buffer, uint32_t length);

/** Number that tells directories apart, below espota_fs_directories: a walk that meets one twice is in a
 * circle. */
uint32_t espota_fs_directory_number(const struct espota_fs *fs, const struct espota_fs_place *directory);
uint32_t espota_fs_directories(const struct espota_fs *fs);

#pragma GCC visibility pop

#endif

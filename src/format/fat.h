/* FAT: what its parts share. */
#ifndef ESPOTA_FORMAT_FAT_H
#define ESPOTA_FORMAT_FAT_H

#include "fs_parts.h"

enum { FAT_ENTRY = 32, FAT_FIXED_ROOT = 1 };
#define FAT_LAST 0xffffffffu /* the next cluster of the last one */

/* Where a cluster begins, behind wear levelling. */
uint64_t fat_cluster_offset(const struct espota_fs *fs, uint32_t cluster);
bool fat_is_cluster(const struct espota_fs *fs, uint32_t cluster);
/* The cluster behind this one; FAT_LAST: none. */
fs_status fat_next_cluster(struct espota_fs *fs, uint32_t cluster, uint32_t *next);

/* fat_name.c: a short name with its case as NT keeps it in `flags`; `to` has room for 27 bytes, as letters
 * beyond ASCII become UTF-8. */
void fat_short_name(const uint8_t raw[11], uint8_t flags, char *to);
uint8_t fat_name_sum(const uint8_t raw[11]);
/* Units of UTF-16 as UTF-8, with a NUL; what is no character becomes U+FFFD. */
void fat_utf8(const uint16_t *units, unsigned count, char to[ESPOTA_FS_NAME]);

#endif

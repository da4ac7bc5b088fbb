/* The kinds of files that are no images of this family: each looks for one mark. */
#ifndef ESPOTA_FORMAT_FILE_CONTENT_H
#define ESPOTA_FORMAT_FILE_CONTENT_H

#include "espota/file_kind.h"

/* Is this a partition table of at least one entry, as it lies in flash? */
bool file_is_table(const uint8_t *data, size_t size);

/* ESPOTA_FILE_DATA where none is found; sets elf_machine and uf2_family. */
enum espota_file_kind file_content_kind(struct espota_file *file, const uint8_t *data, size_t size);

#endif

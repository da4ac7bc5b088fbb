/* What `image` does: show one, make one of an ELF file, merge several files, take a merged one apart. */
#ifndef ESPOTA_CLI_IMAGE_COMMAND_H
#define ESPOTA_CLI_IMAGE_COMMAND_H

#include "cli.h"

#include "espota/chip.h"
#include "espota/file_kind.h"
#include "espota/flash_header.h"
#include "espota/image_details.h"

struct image_options {
    const char *pubkey, *output, *chip, *format, *extract, *swu_version;
    struct espota_flash_header header;
    struct number_option min_revision, max_revision, oldest_revision, hash_offset, page_size, pad_to;
    struct number_option target_offset, chunk_size;
    bool padding_v1, padding_v2, no_hash, segments, ram_only_header;
    bool merge, no_md5, swu;
};

enum { IMAGE_LARGEST_FILE = 256 << 20 };

/* image_show.c: what an image is, on stdout or as JSON. */
void image_print(const char *name, const struct espota_image *image, const struct espota_bytes *bytes);
struct fields image_document(const struct espota_image *image, const struct espota_bytes *bytes);

/* image_make.c: the chip of --chip; NULL: auto, or not given. */
int image_chip(const struct image_options *o, const struct espota_chip **chip, struct espota_error *error);
/* Put the image of an ELF file into its place. `document` may be NULL. */
int image_make(struct cli *cli, const struct image_options *o, const char *name, struct espota_bytes *bytes,
               struct fields *document, struct espota_error *error);

/* image_swu.c: an app image, or one of an ELF file, as an SWU archive. */
int image_swu(struct cli *cli, const struct image_options *o, const char *name, struct espota_bytes *bytes,
              struct espota_error *error);

/* image_merge.c, image_extract.c */
int image_merge(struct cli *cli, const struct image_options *o, struct espota_error *error);
int image_extract(struct cli *cli, const struct image_options *o, const char *name,
                  struct espota_bytes *bytes, struct espota_error *error);

#endif

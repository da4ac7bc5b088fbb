/* Makes an app image of a linked program: elf2image ELF OUTPUT CHIP. Its loadable segments become the
 * image's, the one with the description first, whose hash is set to the SHA-256 of all of them. */
#include "espota/buffer.h"
#include "espota/bytes.h"
#include "espota/chip.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hash.h"
#include "espota/image.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PARTS = 4, HASH_AT = 144 };

struct program {
    struct espota_bytes file;
    struct espota_bytes data[MAX_PARTS]; /* of the parts, padded */
    struct espota_image_part part[MAX_PARTS];
    unsigned count;
    uint32_t entry;
};

static int add_segment(struct program *p, const Elf32_Phdr *h, struct espota_error *error)
{
    static const uint8_t padding[4];
    if (h->p_type != PT_LOAD || h->p_filesz == 0)
        return 0;
    if (p->count == MAX_PARTS || h->p_filesz > p->file.size || h->p_offset > p->file.size - h->p_filesz)
        return -1;
    struct espota_bytes *data = &p->data[p->count];
    if (espota_bytes_append(data, p->file.data + h->p_offset, h->p_filesz, error) != 0 ||
        espota_bytes_append(data, padding, (4 - h->p_filesz % 4) % 4, error) != 0)
        return -1;
    p->part[p->count++] = (struct espota_image_part){ h->p_vaddr, data->data, (uint32_t)data->size };
    return 0;
}

static int read_segments(struct program *p, struct espota_error *error)
{
    Elf32_Ehdr head;
    if (p->file.size < sizeof head)
        return -1;
    memcpy(&head, p->file.data, sizeof head);
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS32 ||
        head.e_phentsize != sizeof(Elf32_Phdr) || head.e_phoff > p->file.size)
        return -1;
    p->entry = head.e_entry;
    for (unsigned i = 0; i < head.e_phnum; i++) {
        Elf32_Phdr h;
        size_t at = head.e_phoff + i * sizeof h;
        if (at + sizeof h > p->file.size)
            return -1;
        memcpy(&h, p->file.data + at, sizeof h);
        if (add_segment(p, &h, error) != 0)
            return -1;
    }
    return p->count > 0 ? 0 : -1;
}

static bool is_described(const struct espota_image_part *part)
{
    return part->length >= ESPOTA_APP_DESC_SIZE && espota_get_le32(part->data) == ESPOTA_APP_DESC_MAGIC;
}

static int describe(struct program *p, const struct espota_hash *sha256)
{
    for (unsigned i = 1; i < p->count && !is_described(&p->part[0]); i++) {
        struct espota_image_part part = p->part[0];
        struct espota_bytes data = p->data[0];
        p->part[0] = p->part[i];
        p->data[0] = p->data[i];
        p->part[i] = part;
        p->data[i] = data;
    }
    if (!is_described(&p->part[0]) || sha256->begin(sha256->context) != 0)
        return -1;
    for (unsigned i = 0; i < p->count; i++)
        if (sha256->update(sha256->context, p->part[i].data, p->part[i].length) != 0)
            return -1;
    return sha256->finish(sha256->context, p->data[0].data + HASH_AT);
}

static int write_image(struct program *p, const struct espota_chip *chip, const struct espota_hash *sha256,
                       const char *path, struct espota_error *error)
{
    struct espota_image header = { .flash_mode = 2, /* dio */
                                   .flash_size = 2, /* 4M: a bootloader looks at its own */
                                   .entry = p->entry,
                                   .chip_id = chip->image_id,
                                   .max_revision = UINT16_MAX };
    size_t size = espota_image_build_size(p->part, p->count);
    uint8_t *image = size > 0 ? malloc(size) : NULL;
    int result = image && espota_image_build(&header, p->part, p->count, sha256, image) == 0
                     ? espota_file_write(path, image, size, error)
                     : espota_fail(error, ESPOTA_ERR_FAILED, "the segments make no image");
    free(image);
    return result;
}

int main(int argc, char **argv)
{
    const struct espota_chip *chip = argc == 4 ? espota_chip_by_name(argv[3]) : NULL;
    struct program p = { 0 };
    struct espota_error error = { 0 };
    if (!chip) {
        fputs("usage: elf2image ELF OUTPUT CHIP\n", stderr);
        return 2;
    }
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    int result = espota_file_read(argv[1], 16u << 20, &p.file, &error);
    if (result == 0 && (!sha256 || read_segments(&p, &error) != 0 || describe(&p, sha256) != 0))
        result = espota_fail(&error, ESPOTA_ERR_FAILED, "%s is no 32-bit program with an app description",
                             argv[1]);
    if (result == 0)
        result = write_image(&p, chip, sha256, argv[2], &error);
    if (result != 0)
        fprintf(stderr, "elf2image: %s\n", error.text);
    espota_hash_free(sha256);
    espota_bytes_free(&p.file);
    for (unsigned i = 0; i < MAX_PARTS; i++)
        espota_bytes_free(&p.data[i]);
    return result == 0 ? 0 : 1;
}

/* Images that a device with an owner may and may not start, and a guard that looks at flash whenever it has
 * changed: what the bootloader would start then is an image of the owner's, or what ran when the guard was
 * set; and no other image that could start has come into any slot. A failure to set it up ends the program.
 */
#ifndef ESPOTA_TESTS_SIGNED_IMAGES_H
#define ESPOTA_TESTS_SIGNED_IMAGES_H

#include "espota/bootsel.h"

#include "espota/agent_settings.h"

#include "memory_board.h"

#include <unistd.h>

#define PROJECT "the project"
enum { LEAST_VERSION = 2 };

enum signed_image_kind {
    IMAGE_FIRST,
    IMAGE_GOOD,
    IMAGE_LATER, /* what comes before may start */
    IMAGES_THAT_MAY,
    IMAGE_OLD = IMAGES_THAT_MAY,
    IMAGE_UNSIGNED,
    IMAGE_DAMAGED,
    IMAGE_OTHER_CHIP,
    IMAGE_OTHER_PROJECT,
    IMAGE_RECOVERY,
    IMAGE_STRANGERS, /* signed by somebody else */
    IMAGE_KINDS,
};

struct signed_images {
    struct espota_signer *owner;
    struct espota_bytes image[IMAGE_KINDS];
};

static inline struct espota_signer *signed_images_key(void)
{
    char folder[] = "/tmp/espota-test-XXXXXX", path[64], public_path[64];
    struct espota_signer *signer = NULL;
    struct espota_error error;
    memory_board_check(mkdtemp(folder) != NULL, "a scratch folder");
    snprintf(path, sizeof path, "%s/key", folder);
    snprintf(public_path, sizeof public_path, "%s/key.pub", folder);
    memory_board_check(espota_signer_create(path, &error) == 0 &&
                           espota_signer_load(&signer, path, true, &error) == 0,
                       "a key");
    unlink(path);
    unlink(public_path);
    rmdir(folder);
    return signer;
}

/* An app with a description; `settings`: with those of a recovery agent behind it. */
static inline struct espota_bytes described_image(uint32_t size, uint8_t seed, uint16_t chip,
                                                  uint32_t secure_version, const char *project, bool settings)
{
    struct espota_bytes image = { 0 };
    struct espota_error error;
    uint8_t *content = calloc(1, size), *data = malloc(size + 256);
    struct espota_image_part part = { 0x3f400020, content, size };
    struct espota_image header = { .flash_mode = 2, .flash_size = 2, .chip_id = chip };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    memory_board_check(content && data && sha256, "memory");
    for (uint32_t i = ESPOTA_APP_DESC_SIZE; i < size; i++)
        content[i] = (uint8_t)(i * seed + (i >> 8));
    espota_put_le32(content, ESPOTA_APP_DESC_MAGIC);
    espota_put_le32(content + 4, secure_version);
    snprintf((char *)content + 48, 32, "%s", project);
    if (settings)
        memcpy(content + ESPOTA_APP_DESC_SIZE, ESPOTA_SETTINGS_MAGIC, sizeof ESPOTA_SETTINGS_MAGIC - 1);
    memory_board_check(espota_image_build(&header, &part, 1, sha256, data) == 0 &&
                           espota_bytes_append(&image, data, espota_image_build_size(&part, 1), &error) == 0,
                       "an image");
    espota_hash_free(sha256);
    free(content);
    free(data);
    return image;
}

static inline void put_signed(struct signed_images *images, enum signed_image_kind kind,
                              const struct espota_signer *signer, struct espota_bytes image)
{
    struct espota_error error;
    memory_board_check(espota_sign_image(signer, &image, &images->image[kind], &error) == 0, "a signature");
    espota_bytes_free(&image);
}

static inline void signed_images_make(struct signed_images *s)
{
    struct espota_signer *stranger = signed_images_key();
    memset(s, 0, sizeof *s);
    s->owner = signed_images_key();
    put_signed(s, IMAGE_FIRST, s->owner, described_image(5008, 3, 0, LEAST_VERSION, PROJECT, false));
    put_signed(s, IMAGE_GOOD, s->owner, described_image(5008, 5, 0, LEAST_VERSION, PROJECT, false));
    put_signed(s, IMAGE_LATER, s->owner, described_image(9008, 7, 0, LEAST_VERSION + 1, PROJECT, false));
    put_signed(s, IMAGE_OLD, s->owner, described_image(5008, 9, 0, LEAST_VERSION - 1, PROJECT, false));
    s->image[IMAGE_UNSIGNED] = described_image(5008, 11, 0, LEAST_VERSION, PROJECT, false);
    put_signed(s, IMAGE_DAMAGED, s->owner, described_image(5008, 13, 0, LEAST_VERSION, PROJECT, false));
    s->image[IMAGE_DAMAGED].data[4500] ^= 1;
    put_signed(s, IMAGE_OTHER_CHIP, s->owner, described_image(5008, 15, 5, LEAST_VERSION, PROJECT, false));
    put_signed(s, IMAGE_OTHER_PROJECT, s->owner,
               described_image(5008, 17, 0, LEAST_VERSION, "another", false));
    put_signed(s, IMAGE_RECOVERY, s->owner, described_image(5008, 19, 0, LEAST_VERSION, PROJECT, true));
    put_signed(s, IMAGE_STRANGERS, stranger, described_image(5008, 21, 0, LEAST_VERSION, PROJECT, false));
    espota_signer_free(stranger);
}

static inline void signed_images_free(struct signed_images *s)
{
    for (int i = 0; i < IMAGE_KINDS; i++)
        espota_bytes_free(&s->image[i]);
    espota_signer_free(s->owner);
}

/* The owner moves in: from its next start the agent takes his images alone. */
static inline void signed_images_own(const struct signed_images *s, struct sim_board_options *options)
{
    options->owner = s->owner;
    options->min_secure_version = LEAST_VERSION;
    options->project = PROJECT;
}

/* ---- what boots -----------------------------------------------------------------------------------------
 */

enum {
    BOOT_GUARD_SIZE = 0x10000, /* of what is compared of a partition: more than an image */
    BOOT_GUARD_APPS = 6,       /* app partitions at most */
};

struct boot_guard {
    const struct signed_images *images;
    struct sim_board *board;
    uint8_t (*before)[BOOT_GUARD_SIZE];        /* app partitions, in the table's order, when it was set */
    const struct espota_partition *allowed[2]; /* what ran then, and what would have booted */
    unsigned long looks, faults;
};

struct boot_place {
    const struct sim_flash *flash;
    uint32_t offset;
};

static inline int boot_place_read(void *context, uint32_t offset, void *buffer, size_t length)
{
    const struct boot_place *p = context;
    memcpy(buffer, p->flash->data + p->offset + offset, length);
    return 0;
}

static inline bool boot_guard_bootable(void *context, const struct espota_partition *p)
{
    const struct boot_guard *g = context;
    struct boot_place place = { g->board->flash, p->offset };
    struct espota_image_source source = { &place, boot_place_read, p->size };
    struct espota_image image;
    uint8_t buffer[4096];
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    memory_board_check(sha256 != NULL, "a hash");
    enum espota_image_verdict verdict = espota_image_examine(&image, &source, sha256, buffer, sizeof buffer);
    espota_hash_free(sha256);
    return verdict == ESPOTA_IMAGE_OK && image.chip_id == g->board->options.chip->image_id;
}

static inline const struct espota_partition *boot_guard_choice(struct boot_guard *g)
{
    struct espota_otadata otadata;
    const struct espota_partition *place =
        espota_table_find_type(&g->board->table, ESPOTA_TYPE_DATA, ESPOTA_DATA_OTA);
    for (uint32_t i = 0; i < 2; i++)
        espota_otadata_record_parse(&otadata.record[i],
                                    g->board->flash->data + place->offset + i * ESPOTA_SECTOR_SIZE);
    return espota_boot_choose(&g->board->table, &otadata, g->board->options.rollback, boot_guard_bootable, g)
        .partition;
}

/* The app partitions one by one, or NULL. */
static inline const struct espota_partition *boot_guard_app(const struct boot_guard *g, unsigned index)
{
    const struct espota_table *t = &g->board->table;
    for (unsigned i = 0; i < t->count; i++)
        if (t->entry[i].type == ESPOTA_TYPE_APP && index-- == 0)
            return &t->entry[i];
    return NULL;
}

static inline bool boot_guard_unchanged(const struct boot_guard *g, const struct espota_partition *p)
{
    for (unsigned i = 0; i < BOOT_GUARD_APPS; i++)
        if (p == boot_guard_app(g, i))
            return memcmp(g->board->flash->data + p->offset, g->before[i], BOOT_GUARD_SIZE) == 0;
    return false;
}

static inline bool boot_guard_owners(const struct boot_guard *g, const struct espota_partition *p)
{
    for (int i = 0; i < IMAGES_THAT_MAY; i++)
        if (memcmp(g->board->flash->data + p->offset, g->images->image[i].data, g->images->image[i].size) ==
            0)
            return true;
    return false;
}

static inline bool boot_guard_may_boot(const struct boot_guard *g, const struct espota_partition *p)
{
    if (!p)
        return false;
    return boot_guard_owners(g, p) ||
           ((p == g->allowed[0] || p == g->allowed[1]) && boot_guard_unchanged(g, p));
}

static inline void boot_guard_look(void *context)
{
    struct boot_guard *g = context;
    const struct espota_partition *p;
    g->looks++;
    g->faults += !boot_guard_may_boot(g, boot_guard_choice(g));
    for (unsigned i = 0; (p = boot_guard_app(g, i)); i++)
        g->faults += !boot_guard_unchanged(g, p) && !boot_guard_owners(g, p) && boot_guard_bootable(g, p);
}

/* The app runs, and a session may begin. */
static inline void boot_guard_set(struct boot_guard *g)
{
    struct sim_flash *flash = g->board->flash;
    const struct espota_partition *p;
    if (!g->before)
        g->before = malloc(BOOT_GUARD_APPS * sizeof *g->before);
    memory_board_check(g->before != NULL && !boot_guard_app(g, BOOT_GUARD_APPS), "memory");
    g->allowed[0] = g->board->running;
    g->allowed[1] = boot_guard_choice(g);
    for (unsigned i = 0; (p = boot_guard_app(g, i)); i++)
        memcpy(g->before[i], flash->data + p->offset, BOOT_GUARD_SIZE);
    flash->watch = boot_guard_look;
    flash->watch_context = g;
}

static inline void boot_guard_free(struct boot_guard *g)
{
    g->board->flash->watch = NULL;
    free(g->before);
    g->before = NULL;
}

#endif

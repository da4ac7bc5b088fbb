/* What an update can be sent against: images that the user names, and those in the cache. */
#include "ota_bases.h"

#include "cached.h"

#include "espota/elf_image.h"
#include "espota/error.h"
#include "espota/file.h"

#include <string.h>

enum { LARGEST_FILE = 128 << 20 };

const struct option_spec base_options[] = {
    { "base", 0, OPTION_LIST, offsetof(struct base_options, files), "FILE",
      "an image that the device may hold, to send what changed, or 'device': read it back; can be repeated" },
    { "no-patch", 0, OPTION_FLAG, offsetof(struct base_options, no_patch), NULL,
      "send the image itself, not what changed" },
    { "no-cache", 0, OPTION_FLAG, offsetof(struct base_options, no_cache), NULL,
      "neither use nor fill the cache of images" },
    OPTION_END,
};

static int add_base(struct bases *bases, const char *path, const struct espota_chip *chip,
                    struct espota_error *error)
{
    const struct espota_device_info any = { .chip = chip };
    struct espota_bytes image = { 0 };
    bool converted;
    int result = espota_file_read(path, LARGEST_FILE, &image, error);
    if (result == 0)
        result = espota_elf_image_replace(&image, path, chip, &converted, error);
    if (result == 0)
        result = espota_ota_check_image(&any, path, image.data, image.size, NULL, error);
    if (result == 0)
        result = espota_known_images_add(bases->known, &image, error);
    espota_bytes_free(&image);
    return result;
}

/* Named in the place of a file: the device that is updated. */
static bool is_device(const char *name)
{
    return strcmp(name, "device") == 0;
}

static int add_bases(struct bases *bases, const struct base_options *o, const struct espota_chip *chip,
                     bool *device, struct espota_error *error)
{
    int result = 0;
    *device = false;
    for (unsigned i = 0; result == 0 && i < o->files.count; i++) {
        if (is_device(o->files.item[i]))
            *device = true;
        else
            result = add_base(bases, o->files.item[i], chip, error);
    }
    return result;
}

static int begin_read_back(const struct cli *cli, struct bases *bases, bool always,
                           struct espota_error *error)
{
    const struct espota_read_back_options options = { .always = always,
                                                      .devices = cli->devices,
                                                      .at_once = cli->at_once,
                                                      .known = bases->known,
                                                      .cache = bases->cache };
    return espota_read_back_new(&bases->read_back, &options, error);
}

int bases_open(struct cli *cli, const struct base_options *o, const struct espota_chip *chip,
               struct bases *bases, struct espota_error *error)
{
    int result = 0;
    bool device = false;
    bases->none = o->no_patch;
    if (o->no_patch && o->files.count > 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--base and --no-patch contradict each other");
    result = cache_open(cli, o->no_cache, &bases->cache, error);
    if (result == 0)
        result = espota_known_images_new(&bases->known, bases->cache, error);
    if (result == 0)
        result = add_bases(bases, o, chip, &device, error);
    if (result == 0)
        result = begin_read_back(cli, bases, device, error);
    if (result == 0)
        bases->source = espota_known_images_source(bases->known);
    return result;
}

static int find_image(void *context, const uint8_t sha256[ESPOTA_SHA256_LENGTH], uint32_t length,
                      const uint8_t **image, struct espota_error *error)
{
    const struct espota_base_source known = espota_known_images_source(((struct bases *)context)->known);
    return known.find(known.context, sha256, length, image, error);
}

static void release_image(void *context, const uint8_t *image)
{
    const struct espota_base_source known = espota_known_images_source(((struct bases *)context)->known);
    known.release(known.context, image);
}

static int find_patch(void *context, const struct espota_device *device,
                      const uint8_t sha256[ESPOTA_SHA256_LENGTH], uint32_t length,
                      const struct espota_base **prepared, unsigned *table_log, struct espota_error *error)
{
    struct bases *bases = context;
    return espota_published_patches_find(bases->published, sha256, length, device->observer, prepared,
                                         table_log, error);
}

static int read_back(void *context, struct espota_device *device, const struct espota_base_wanted *wanted,
                     uint32_t *read, struct espota_error *error)
{
    return espota_read_back(((struct bases *)context)->read_back, device, wanted, read, error);
}

int bases_add_published(struct bases *bases, const struct espota_patch_getter *getter,
                        const struct espota_bytes *image, struct espota_error *error)
{
    bases->source = (struct espota_base_source){ bases, find_image, release_image, find_patch, read_back };
    return espota_published_patches_new(&bases->published, getter, image->data, image->size, error);
}

void bases_close(struct bases *bases)
{
    espota_read_back_free(bases->read_back);
    espota_published_patches_free(bases->published);
    espota_known_images_free(bases->known);
    espota_image_cache_free(bases->cache);
}

const struct espota_base_source *bases_source(const struct bases *bases)
{
    return bases->none ? NULL : &bases->source;
}

void bases_fields(struct fields *document, bool ran, const struct espota_ota_result *r)
{
    bool based = ran && r->sent.patched > 0 && r->base_held.label[0];
    field_number(document, "sent", ran ? (int64_t)r->sent.bytes : 0);
    field_number(document, "read_back", ran ? (int64_t)r->read_back : 0);
    field_text(document, "no_base", ran && !based ? espota_no_base_name(r->sent.no_base) : NULL);
    if (!based) {
        field_null(document, "base");
        return;
    }
    struct fields base = fields_begin();
    field_text(&base, "name", r->base_held.label);
    field_number(&base, "size", r->sent.base.length);
    field_bytes(&base, "sha256", r->sent.base.sha256, sizeof r->sent.base.sha256);
    field_text_if_any(&base, "version", r->base_version);
    field_object(document, "base", base);
}

/* image: an app image as an SWU archive. */
#include "image_command.h"

#include "espota/file.h"
#include "espota/image_file.h"
#include "espota/swu.h"

#include <string.h>

static int examine(const char *name, const struct espota_bytes *bytes, struct espota_image *image,
                   struct espota_error *error)
{
    char words[ESPOTA_FILE_WORDS];
    enum espota_image_verdict verdict = espota_image_examine_memory(image, bytes->data, bytes->size);
    if (verdict == ESPOTA_IMAGE_OK)
        return 0;
    return espota_fail(error, ESPOTA_ERR_VERIFY, "%s: %s", name,
                       espota_image_fault_words(verdict, image, bytes->data, bytes->size, words));
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int set_swu_result(struct cli *cli, const struct image_options *o, const struct espota_swu_contents *c,
                          size_t size, struct espota_error *error)
{
    struct fields document = document_begin();
    field_text(&document, "output", o->output);
    field_text(&document, "image", c->name);
    field_text(&document, "version", c->version);
    field_number(&document, "size", (int64_t)size);
    return set_result(cli, document, error);
}

int image_swu(struct cli *cli, const struct image_options *o, const char *name, struct espota_bytes *bytes,
              struct espota_error *error)
{
    struct espota_file about;
    struct espota_image image;
    struct espota_bytes archive = { 0 };
    if (!o->output)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--swu needs --output FILE");
    espota_file_examine(&about, bytes->data, bytes->size);
    int result = about.kind == ESPOTA_FILE_ELF ? image_make(cli, o, name, bytes, NULL, error) : 0;
    if (result == 0)
        result = examine(name, bytes, &image, error);
    if (result != 0)
        return result;
    struct espota_swu_contents contents = { base_name(name), o->swu_version, bytes->data, bytes->size };
    if (!contents.version)
        contents.version = image.has_description ? image.description.version : "0";
    result = espota_swu_make(&archive, &contents, error);
    if (result == 0)
        result = espota_file_write(o->output, archive.data, archive.size, error);
    if (result == 0)
        espota_ui_say(&cli->ui, "Put into %s: %s, version %s, %zu bytes", o->output, contents.name,
                      contents.version, archive.size);
    if (result == 0 && cli->json)
        result = set_swu_result(cli, o, &contents, archive.size, error);
    espota_bytes_free(&archive);
    return result;
}

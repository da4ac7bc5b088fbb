/* provision: set key and least secure version in the image of a recovery agent. */
#include "connect.h"

#include "espota/agent_settings.h"
#include "espota/buffer.h"
#include "espota/bytes.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hash.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/random.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_IMAGE = 16 << 20 };

struct options {
    const char *key, *project, *output;
    struct number_option min_secure_version;
    struct number_option table_offset;
    bool rollback;
};

static const struct option_spec option_table[] = {
    { "key", 'k', OPTION_TEXT, offsetof(struct options, key), "FILE",
      "the device's key: the agent talks to nobody without it" },
    { "min-secure-version", 0, OPTION_NUMBER, offsetof(struct options, min_secure_version), "N",
      "the agent refuses apps with a lower secure version (0)" },
    { "project", 0, OPTION_TEXT, offsetof(struct options, project), "NAME",
      "the agent refuses apps of another project (any)" },
    { "rollback", 0, OPTION_FLAG, offsetof(struct options, rollback), NULL,
      "the bootloader was built with app rollback: trial boots are possible" },
    { "table-offset", 0, OPTION_SIZE, offsetof(struct options, table_offset), "OFFSET",
      "where the partition table lies (0x8000)" },
    { "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE", "write the agent to FILE" },
    OPTION_END,
};

static int set_key(struct cli *cli, const char *path, struct espota_agent_settings *settings,
                   struct espota_error *error)
{
    uint8_t key[64];
    size_t length = 0;
    int result = read_key(cli, path, key, &length, error);
    if (result == 0 && length > sizeof settings->key)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "%s is a key of %zu bytes, but the agent holds %zu",
                             path, length, sizeof settings->key);
    if (result == 0) {
        memcpy(settings->key, key, length);
        settings->key_length = (uint8_t)length;
    }
    espota_wipe(key, sizeof key);
    return result;
}

static int change_settings(struct cli *cli, const struct options *o, uint8_t *at, struct espota_error *error)
{
    struct espota_agent_settings settings = { .magic = ESPOTA_SETTINGS_MAGIC };
    if (o->project && strlen(o->project) >= sizeof settings.project)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--project '%s': a project's name has at most %zu characters", o->project,
                           sizeof settings.project - 1);
    if (o->project)
        memcpy(settings.project, o->project, strlen(o->project));
    espota_put_le32(settings.min_secure_version, o->min_secure_version.value);
    espota_put_le32(settings.table_offset, o->table_offset.value);
    settings.flags = o->rollback ? ESPOTA_SETTINGS_ROLLBACK : 0;
    int result = o->key ? set_key(cli, o->key, &settings, error) : 0;
    if (result == 0)
        memcpy(at, &settings, sizeof settings);
    espota_wipe(&settings, sizeof settings);
    return result;
}

/* The image with its content as it is now: checksum and hash are made new. */
static int build_again(const struct espota_image *found, const uint8_t *data, struct espota_bytes *out,
                       struct espota_error *error)
{
    struct espota_image_part part[ESPOTA_IMAGE_MAX_SEGMENTS];
    for (unsigned i = 0; i < found->segment_count; i++)
        part[i] = (struct espota_image_part){ found->segment[i].load_address, data + found->segment[i].offset,
                                              found->segment[i].length };
    struct espota_hash *sha256 = espota_hash_new(ESPOTA_HASH_SHA256);
    size_t size = espota_image_build_size(part, found->segment_count);
    uint8_t *image = malloc(size + 1);
    int result = sha256 && image && espota_image_build(found, part, found->segment_count, sha256, image) == 0
                     ? espota_bytes_append(out, image, size, error)
                     : espota_fail(error, ESPOTA_ERR_FAILED, "the image cannot be built again");
    espota_hash_free(sha256);
    free(image);
    return result;
}

static int provision(struct cli *cli, const struct options *o, const char *name, struct espota_bytes *image,
                     struct espota_bytes *out, struct espota_error *error)
{
    struct espota_image found;
    bool intact = espota_image_examine_memory(&found, image->data, image->size) == ESPOTA_IMAGE_OK;
    if (!intact || found.segment[0].length < ESPOTA_APP_DESC_SIZE + sizeof(struct espota_agent_settings))
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no recovery agent of espota", name);
    if (!espota_settings_present(image->data, image->size))
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no recovery agent of espota", name);
    int result = change_settings(cli, o, image->data + ESPOTA_SETTINGS_OFFSET, error);
    return result ? result : build_again(&found, image->data, out, error);
}

static int set_provision_result(struct cli *cli, const struct options *o, struct espota_error *error)
{
    struct fields document = document_begin();
    field_text(&document, "output", o->output);
    field_flag(&document, "keyed", o->key != NULL);
    field_number(&document, "min_secure_version", o->min_secure_version.value);
    return set_result(cli, document, error);
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    const char *name = cli->arguments[0];
    struct espota_bytes image = { 0 }, out = { 0 };
    if (!o->output)
        return espota_fail(error, ESPOTA_ERR_USAGE, "give --output FILE");
    int result = espota_file_read(name, LARGEST_IMAGE, &image, error);
    if (result == 0)
        result = provision(cli, o, name, &image, &out, error);
    if (result == 0)
        result = write_image(o->output, &out, error);
    if (result == 0)
        espota_ui_say(&cli->ui, "%s: %s, secure version %" PRIu32 " and later; flash it as an app", o->output,
                      o->key ? "a keyed agent" : "an open agent", o->min_secure_version.value);
    if (result == 0)
        espota_ui_say(
            &cli->ui,
            "It checks no signatures: an agent with an owner's key takes it neither signed nor unsigned");
    if (result == 0 && cli->json)
        result = set_provision_result(cli, o, error);
    espota_bytes_free(&image);
    espota_bytes_free(&out);
    return result;
}

const struct command command_provision = {
    .name = "provision",
    .summary = "set key and limits in a recovery agent",
    .usage = "AGENT",
    .description =
        "AGENT is the image of a recovery agent, as 'make firmware' builds it. What is not given is reset.\n"
        "The result holds the key: keep it as you keep the key. It checks no signatures: where an owner's "
        "key is\n"
        "set in the device's app, the agent there takes it neither signed nor unsigned.",
    .options = option_table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};

/* sign: put the owner's signature behind an image. */
#include "cli.h"

#include "espota/agent_settings.h"
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/file_kind.h"
#include "espota/sign.h"

enum { LARGEST_IMAGE = 16 << 20 };

struct options {
    const char *key, *output;
};

static const struct option_spec option_table[] = {
    { "key", 'k', OPTION_TEXT, offsetof(struct options, key), "PEM",
      "signing key, as 'espota key --signing' makes it" },
    { "output", 'o', OPTION_TEXT, offsetof(struct options, output), "FILE",
      "write the signed image to FILE" },
    OPTION_END,
};

static int set_sign_result(struct cli *cli, const char *output, size_t size, struct espota_error *error)
{
    struct fields document = document_begin();
    field_text(&document, "output", output);
    field_number(&document, "size", (int64_t)size);
    return set_result(cli, document, error);
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    const char *name = cli->arguments[0];
    struct espota_bytes image = { 0 }, out = { 0 };
    struct espota_file about;
    struct espota_signer *signer = NULL;
    if (!o->key || !o->output)
        return espota_fail(error, ESPOTA_ERR_USAGE, "give --key PEM and --output FILE");
    int result = espota_signer_load(&signer, o->key, true, error);
    warn_about_readers(cli, o->key);
    if (result == 0)
        result = espota_file_read(name, LARGEST_IMAGE, &image, error);
    if (result == 0) {
        espota_file_examine(&about, image.data, image.size);
        if (espota_file_check_app(&about, name, error) != 0)
            result = espota_fail_while(error, "cannot sign %s", name);
    }
    if (result == 0 && espota_sign_image(signer, &image, &out, error) != 0)
        result = espota_fail_while(error, "cannot sign %s", name);
    if (result == 0 && espota_settings_present(image.data, image.size))
        espota_ui_warn(
            &cli->ui,
            "%s is a recovery agent, which checks no signatures: an agent with an owner's key lets it "
            "in no more signed than unsigned",
            name);
    if (result == 0)
        result = write_image(o->output, &out, error);
    if (result == 0)
        espota_ui_say(&cli->ui, "%s signed: %zu bytes in %s", name, out.size, o->output);
    if (result == 0 && cli->json)
        result = set_sign_result(cli, o->output, out.size, error);
    espota_signer_free(signer);
    espota_bytes_free(&image);
    espota_bytes_free(&out);
    return result;
}

const struct command command_sign = {
    .name = "sign",
    .summary = "sign an image for devices that take nothing unsigned",
    .usage = "IMAGE",
    .description =
        "Appends a signature as ESP-IDF has it: block version 2, ECDSA P-256, behind the image padded "
        "to whole\n"
        "sectors. One that is there is replaced. 'espota image --pubkey' checks it. A recovery\n"
        "agent checks no signatures itself: an agent with an owner's key takes none, signed or not.",
    .options = option_table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};

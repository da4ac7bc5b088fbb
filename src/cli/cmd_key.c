/* key: make and show keys. A device's key is what host and agent prove to each other that they know; a
 * signing key is the owner's, for images. Neither is ever printed. */
#include "connect.h"

#include "espota/buffer.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/hash.h"
#include "espota/hex.h"
#include "espota/random.h"
#include "espota/sign.h"

#include <stdio.h>
#include <string.h>

enum { NEW_KEY = 32, FINGERPRINT = 8 };

struct options {
    bool new_key, signing;
};

static const struct option_spec option_table[] = {
    { "new", 'n', OPTION_FLAG, offsetof(struct options, new_key), NULL,
      "make a device's key: 32 random bytes" },
    { "signing", 's', OPTION_FLAG, offsetof(struct options, signing), NULL,
      "make a signing key, ECDSA P-256: FILE, and its public half FILE.pub" },
    OPTION_END,
};

static int set_key_result(struct cli *cli, const char *path, const char *kind, const uint8_t *digest,
                          struct espota_error *error)
{
    struct fields document = document_begin();
    field_text(&document, "file", path);
    field_text(&document, "kind", kind);
    field_bytes(&document, "fingerprint", digest, FINGERPRINT);
    return set_result(cli, document, error);
}

/* By which people tell keys apart: the start of the SHA-256. */
static int print_key(struct cli *cli, const char *path, const char *kind, const void *key, size_t length,
                     struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    char fingerprint[2 * FINGERPRINT + 1];
    if (espota_sha256(key, length, digest) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    espota_hex(digest, FINGERPRINT, fingerprint);
    if (strcmp(kind, "public") != 0)
        warn_about_readers(cli, path);
    if (cli->json)
        return set_key_result(cli, path, kind, digest, error);
    print("%s: %s key, fingerprint %s\n", path, kind, fingerprint);
    return 0;
}

static int make_device_key(const char *path, struct espota_error *error)
{
    uint8_t key[NEW_KEY];
    char text[2 * NEW_KEY + 2];
    if (espota_random(key, sizeof key) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "the crypto library has no random numbers");
    espota_hex(key, sizeof key, text);
    strcat(text, "\n");
    return espota_file_create(path, text, strlen(text), true, error);
}

static int show_pem(struct cli *cli, const char *path, const struct espota_bytes *pem,
                    struct espota_error *error)
{
    struct espota_signer *signer = NULL;
    uint8_t point[ESPOTA_P256_SIZE];
    bool secret = true;
    int result = espota_signer_parse(&signer, pem, path, true, error);
    if (result == ESPOTA_ERR_USAGE) {
        secret = false;
        result = espota_signer_parse(&signer, pem, path, false, error);
    }
    if (result == 0 && espota_signer_public(signer, point) != 0)
        result = espota_fail(error, ESPOTA_ERR_FAILED, "the crypto library refuses the key %s", path);
    if (result == 0)
        result = print_key(cli, path, secret ? "signing" : "public", point, sizeof point, error);
    espota_signer_free(signer);
    return result;
}

static bool is_pem(const struct espota_bytes *file)
{
    static const char begin[] = "-----BEGIN ";
    return file->size >= sizeof begin - 1 && memcmp(file->data, begin, sizeof begin - 1) == 0;
}

static int show_device_key(struct cli *cli, const char *path, const struct espota_bytes *file,
                           struct espota_error *error)
{
    uint8_t key[64];
    size_t length;
    int result = parse_key(path, file, key, &length, error);
    if (result == 0)
        result = print_key(cli, path, "device", key, length, error);
    espota_wipe(key, sizeof key);
    return result;
}

static int show(struct cli *cli, const char *path, struct espota_error *error)
{
    struct espota_bytes file = { 0 };
    int result = espota_file_read(path, ESPOTA_SIGNER_LARGEST, &file, error);
    if (result == 0)
        result = is_pem(&file) ? show_pem(cli, path, &file, error) : show_device_key(cli, path, &file, error);
    espota_wipe(file.data, file.size);
    espota_bytes_free(&file);
    return result;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    const char *path = cli->arguments[0];
    int result = 0;
    if (o->new_key && o->signing)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--new and --signing make different keys: give one");
    if (o->new_key)
        result = make_device_key(path, error);
    else if (o->signing)
        result = espota_signer_create(path, error);
    return result ? result : show(cli, path, error);
}

const struct command command_key = {
    .name = "key",
    .summary = "make and show keys",
    .usage = "FILE",
    .description =
        "Shows what kind of key FILE holds, and its fingerprint; the key itself is never printed. --new "
        "makes a\n"
        "device's key for --key, --signing a key for 'espota sign'. A file that is there is not overwritten.",
    .options = option_table,
    .options_size = sizeof(struct options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};

#include "espota/swu.h"

#include "espota/digest.h"
#include "espota/hex.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTION "sw-description"

enum { IMAGE_MAGIC = 0xE9, LARGEST_IMAGE = 16 << 20, LONGEST_NAME = 64, LONGEST_VERSION = 32 };

bool espota_swu_is(const void *data, size_t size)
{
    return size > 6 && memcmp(data, "07070", 5) == 0;
}

/* ---- reading --------------------------------------------------------------------------------------------
 */

static int damaged(struct archive *a, struct espota_error *error)
{
    const char *why = archive_error_string(a);
    return espota_fail(error, ESPOTA_ERR_VERIFY, "the SWU archive is damaged: %s",
                       why ? why : "it ends early");
}

/* The file at hand, as far as it is an image. */
static int read_file(struct archive *a, struct espota_bytes *bytes, struct espota_error *error)
{
    uint8_t block[16384];
    la_ssize_t got;
    while ((got = archive_read_data(a, block, sizeof block)) > 0) {
        if (bytes->size == 0 && block[0] != IMAGE_MAGIC)
            return 0;
        if (bytes->size + (size_t)got > LARGEST_IMAGE)
            return espota_fail(error, ESPOTA_ERR_VERIFY,
                               "a file in the SWU archive is too large for an image");
        int result = espota_bytes_append(bytes, block, (size_t)got, error);
        if (result != 0)
            return result;
    }
    return got < 0 ? damaged(a, error) : 0;
}

static int take_file(struct archive *a, struct espota_bytes *image, struct espota_error *error)
{
    struct espota_bytes bytes = { 0 };
    int result = read_file(a, &bytes, error);
    if (result == 0 && bytes.size > 0 && image->size > 0)
        result = espota_fail(error, ESPOTA_ERR_VERIFY, "the SWU archive has more images than one");
    if (result != 0 || bytes.size == 0) {
        espota_bytes_free(&bytes);
        return result;
    }
    espota_bytes_free(image);
    *image = bytes;
    return 0;
}

static int read_archive(struct archive *a, struct espota_bytes *image, struct espota_error *error)
{
    struct archive_entry *entry;
    int result = 0, got;
    bool first = true;
    while (result == 0 && (got = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);
        if (first && (!name || strcmp(name, DESCRIPTION) != 0))
            return espota_fail(error, ESPOTA_ERR_VERIFY, "it is no SWU archive: it does not begin with %s",
                               DESCRIPTION);
        if (!first && archive_entry_filetype(entry) == AE_IFREG)
            result = take_file(a, image, error);
        first = false;
    }
    if (result == 0 && got != ARCHIVE_EOF)
        result = damaged(a, error);
    if (result == 0 && image->size == 0)
        result = espota_fail(error, ESPOTA_ERR_VERIFY, "the SWU archive has no app image in it");
    return result;
}

int espota_swu_image(const struct espota_bytes *archive, struct espota_bytes *image,
                     struct espota_error *error)
{
    struct archive *a = archive_read_new();
    if (!a)
        return espota_fail_memory(error, "reading an SWU archive");
    int result = archive_read_support_format_cpio(a) == ARCHIVE_OK &&
                         archive_read_open_memory(a, archive->data, archive->size) == ARCHIVE_OK
                     ? read_archive(a, image, error)
                     : damaged(a, error);
    archive_read_free(a);
    return result;
}

/* ---- writing --------------------------------------------------------------------------------------------
 */

struct writing {
    struct espota_bytes *out;
    struct espota_error *error;
};

static la_ssize_t append(struct archive *a, void *context, const void *data, size_t size)
{
    struct writing *w = context;
    (void)a;
    return espota_bytes_append(w->out, data, size, w->error) == 0 ? (la_ssize_t)size : -1;
}

static bool add_file(struct archive *a, const char *name, const void *data, size_t size)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return false;
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    bool ok =
        archive_write_header(a, entry) == ARCHIVE_OK && archive_write_data(a, data, size) == (la_ssize_t)size;
    archive_entry_free(entry);
    return ok;
}

static bool is_plain(const char *text, size_t longest)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f || strchr("\"\\/", text[i]))
            return false;
    return length > 0 && length <= longest;
}

static int describe(char *text, size_t room, const struct espota_swu_contents *c, struct espota_error *error)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    char hex[2 * ESPOTA_SHA256_LENGTH + 1];
    if (espota_sha256(c->image, c->size, sha256) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    espota_hex(sha256, sizeof sha256, hex);
    snprintf(text, room,
             "software =\n{\n  version = \"%s\";\n  images: (\n    {\n      filename = \"%s\";\n"
             "      type = \"raw\";\n      device = \"app\";\n      sha256 = \"%s\";\n    }\n  );\n};\n",
             c->version, c->name, hex);
    return 0;
}

int espota_swu_make(struct espota_bytes *archive, const struct espota_swu_contents *c,
                    struct espota_error *error)
{
    struct writing w = { archive, error };
    char description[512];
    if (!is_plain(c->name, LONGEST_NAME) || !is_plain(c->version, LONGEST_VERSION))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "an SWU archive cannot say '%s', version '%s': letters, digits and .-_+ will do",
                           c->name, c->version);
    int result = describe(description, sizeof description, c, error);
    if (result != 0)
        return result;
    struct archive *a = archive_write_new();
    bool ok = a && archive_write_set_format_cpio_newc(a) == ARCHIVE_OK &&
              archive_write_set_bytes_in_last_block(a, 1) == ARCHIVE_OK &&
              archive_write_open(a, &w, NULL, append, NULL) == ARCHIVE_OK &&
              add_file(a, DESCRIPTION, description, strlen(description)) &&
              add_file(a, c->name, c->image, c->size) && archive_write_close(a) == ARCHIVE_OK;
    archive_write_free(a);
    return ok ? 0 : espota_fail_memory(error, "making an SWU archive");
}

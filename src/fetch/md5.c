/* What is said about MD5 sidecars. */
#include "espota/buffer.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/fetch.h"
#include "espota/hash.h"
#include "espota/hex.h"

#include <string.h>

static const char *last_part(const char *path)
{
    for (const char *at = path; *at; at++)
        if (*at == '/' || *at == '\\')
            path = at + 1;
    return path;
}

int espota_md5_sidecar(const struct espota_bytes *text, const char *name, const char *file,
                       uint8_t md5[ESPOTA_MD5_LENGTH], struct espota_error *error)
{
    switch (espota_md5_find(text->data, text->size, file, md5)) {
    case ESPOTA_MD5_FOUND:
        return 0;
    case ESPOTA_MD5_SEVERAL:
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "%s holds several MD5 sums, and does not say which one is that of %s", name,
                           last_part(file));
    case ESPOTA_MD5_NONE:
        break;
    }
    return espota_fail(
        error, ESPOTA_ERR_VERIFY,
        "%s does not hold the 32 hex digits of an MD5, in any of the forms that md5sum, openssl "
        "md5, Get-FileHash -Algorithm MD5 and certutil -hashfile write",
        name);
}

int espota_md5_check(const struct espota_bytes *image, const char *name, const uint8_t md5[ESPOTA_MD5_LENGTH],
                     struct espota_error *error)
{
    uint8_t found[ESPOTA_MD5_LENGTH];
    char is[2 * ESPOTA_MD5_LENGTH + 1], should[2 * ESPOTA_MD5_LENGTH + 1];
    if (espota_md5(image->data, image->size, found) != 0)
        return espota_fail(error, ESPOTA_ERR_FAILED, "MD5 is not available from the crypto library");
    if (memcmp(found, md5, sizeof found) == 0)
        return 0;
    espota_hex(found, sizeof found, is);
    espota_hex(md5, ESPOTA_MD5_LENGTH, should);
    return espota_fail(error, ESPOTA_ERR_VERIFY,
                       "MD5 check of %s failed: it is %s, but should be %s; nothing was written", name, is,
                       should);
}

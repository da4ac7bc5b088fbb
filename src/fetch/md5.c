#include "espota/fetch.h"

#include <string.h>

int espota_md5_sidecar(const struct espota_bytes *text, const char *name, uint8_t md5[ESPOTA_MD5_LENGTH],
                       struct espota_error *error)
{
    if (text->size < 2 * ESPOTA_MD5_LENGTH || !espota_unhex((const char *)text->data, md5, ESPOTA_MD5_LENGTH))
        return espota_fail(error, ESPOTA_ERR_VERIFY,
                           "%s does not begin with the 32 hex digits of an MD5: make it with md5sum", name);
    return 0;
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

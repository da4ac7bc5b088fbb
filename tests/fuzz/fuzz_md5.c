/* MD5 sidecars: the first bytes name the file. What is found alone is found whatever the file is called. */
#include "espota/fetch.h"
#include "espota/hash.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { NAME = 8 };
    char name[NAME + 1] = "";
    uint8_t md5[ESPOTA_MD5_LENGTH], again[ESPOTA_MD5_LENGTH];
    size_t length = size < NAME ? size : NAME;
    memcpy(name, data, length);
    enum espota_md5_search found = espota_md5_find(data + length, size - length, name, md5);
    enum espota_md5_search anonymous = espota_md5_find(data + length, size - length, NULL, again);
    if ((found == ESPOTA_MD5_NONE) != (anonymous == ESPOTA_MD5_NONE))
        abort();
    if (anonymous == ESPOTA_MD5_FOUND && (found != ESPOTA_MD5_FOUND || memcmp(md5, again, sizeof md5) != 0))
        abort();
    return 0;
}

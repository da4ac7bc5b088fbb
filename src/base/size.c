#include "espota/size.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool espota_size_parse(const char *text, uint32_t *size)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    if (!isdigit((unsigned char)text[0]) || (hex && !isxdigit((unsigned char)text[2])))
        return false;
    char *end = NULL;
    errno = 0;
    uint64_t value = strtoull(text, &end, hex ? 16 : 10);
    if (errno != 0)
        return false;
    uint64_t multiplier = 1;
    if (*end == 'K' || *end == 'k')
        multiplier = 1024;
    else if (*end == 'M' || *end == 'm')
        multiplier = 1024 * 1024;
    if (multiplier > 1)
        end++;
    if (*end == 'B' && multiplier > 1) /* "16MB", as esptool and flasher_args.json write it */
        end++;
    if (*end != '\0' || value > UINT32_MAX / multiplier)
        return false;
    *size = (uint32_t)(value * multiplier);
    return true;
}

const char *espota_size_text(uint64_t size, char text[ESPOTA_SIZE_TEXT])
{
    if (size > 0 && size % (1024 * 1024) == 0)
        snprintf(text, ESPOTA_SIZE_TEXT, "%" PRIu64 "M", size / (1024 * 1024));
    else if (size > 0 && size % 1024 == 0)
        snprintf(text, ESPOTA_SIZE_TEXT, "%" PRIu64 "K", size / 1024);
    else
        snprintf(text, ESPOTA_SIZE_TEXT, "%" PRIu64 " byte%s", size, size == 1 ? "" : "s");
    return text;
}

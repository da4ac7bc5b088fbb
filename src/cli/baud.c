#include "baud.h"

#include "port.h"

#include "espota/error.h"

#include <stdlib.h>
#include <string.h>

enum { HIGHEST_AUTO_BAUD = 2000000, MAX_BAUD = 5000000 };

int baud_choose(const struct connect_options *o, uint32_t *baud, bool *automatic, struct espota_error *error)
{
    const char *text = o->baud ? o->baud : port_environment("ESPOTA_BAUD", "ESPTOOL_BAUD");
    char *end = NULL;
    *baud = BAUD_USUAL;
    *automatic = text && strcmp(text, "auto") == 0;
    if (*automatic) {
        *baud = HIGHEST_AUTO_BAUD;
    } else if (text) {
        unsigned long value = strtoul(text, &end, 10);
        *baud = end != text && *end == '\0' && value <= MAX_BAUD ? (uint32_t)value : 0;
    }
    if (*baud < 300 || *baud > MAX_BAUD)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--baud (or ESPOTA_BAUD) must be auto, or a number from 300 to %d", MAX_BAUD);
    return 0;
}

#include "baud.h"

#include "port.h"

#include "espota/error.h"

#include <stdlib.h>
#include <string.h>

enum { HIGHEST_AUTO_BAUD = 2000000, LOWEST_BAUD = 300, MAX_BAUD = 5000000 };

/* 0: it is no rate. */
static uint32_t parse(const char *text)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    bool number = text[0] >= '0' && text[0] <= '9' && *end == '\0';
    return number && value >= LOWEST_BAUD && value <= MAX_BAUD ? (uint32_t)value : 0;
}

static const char *given(const struct connect_options *o)
{
    return o->baud ? o->baud : port_environment("ESPOTA_BAUD", "ESPTOOL_BAUD");
}

bool baud_is_given(const struct connect_options *o)
{
    return given(o) != NULL;
}

int baud_choose(const struct connect_options *o, uint32_t *baud, bool *automatic, struct espota_error *error)
{
    const char *text = given(o);
    *automatic = text && strcmp(text, "auto") == 0;
    *baud = *automatic ? HIGHEST_AUTO_BAUD : text ? parse(text) : BAUD_USUAL;
    if (*baud == 0)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--baud (or ESPOTA_BAUD) must be auto, or a number from %d to %d", LOWEST_BAUD,
                           MAX_BAUD);
    return 0;
}

int baud_of_console(const struct connect_options *o, uint32_t *baud, struct espota_error *error)
{
    const char *text = o->monitor_baud;
    if (!text)
        text = port_environment("ESPOTA_MONITOR_BAUD", "IDF_MONITOR_BAUD");
    if (!text)
        text = port_environment("MONITORBAUD", "MONITORBAUD"); /* esp-idf-monitor's older name */
    *baud = text ? parse(text) : BAUD_USUAL;
    if (*baud == 0)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--monitor-baud (or ESPOTA_MONITOR_BAUD) must be a number from %d to %d",
                           LOWEST_BAUD, MAX_BAUD);
    return 0;
}

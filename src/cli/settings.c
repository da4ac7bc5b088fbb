#include "settings.h"

#include "espota/address.h"
#include "espota/error.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The second names are esptool's. Source: esptool, docs/en/esptool/configuration-file.rst and
 * basic-options.rst. */
const struct setting settings_table[] = {
    { "port", "ESPOTA_PORT", "ESPTOOL_PORT", false, false, false },
    { "port-filter", "ESPOTA_PORT_FILTER", NULL, true, false, false },
    { "host", "ESPOTA_HOST", NULL, false, false, false },
    { "key", "ESPOTA_KEY", NULL, false, true, false },
    { "chip", "ESPOTA_CHIP", "ESPTOOL_CHIP", true, false, false },
    { "baud", "ESPOTA_BAUD", "ESPTOOL_BAUD", false, false, false },
    { "monitor-baud", "ESPOTA_MONITOR_BAUD", NULL, false, false, false },
    { "before", "ESPOTA_BEFORE", "ESPTOOL_BEFORE", false, false, false },
    { "after", "ESPOTA_AFTER", "ESPTOOL_AFTER", false, false, false },
    { "no-stub", "ESPOTA_NO_STUB", NULL, false, false, false },
    { "table-offset", "ESPOTA_TABLE_OFFSET", NULL, true, false, false },
    { "flash-mode", "ESPOTA_FLASH_MODE", "ESPTOOL_FM", true, false, false },
    { "flash-freq", "ESPOTA_FLASH_FREQ", "ESPTOOL_FF", true, false, false },
    { "flash-size", "ESPOTA_FLASH_SIZE", "ESPTOOL_FS", true, false, false },
    { "cache", "ESPOTA_CACHE", NULL, false, true, true },
    { "no-cache", "ESPOTA_NO_CACHE", NULL, false, false, false },
    { "cache-size", "ESPOTA_CACHE_SIZE", NULL, false, false, false },
    { NULL, NULL, NULL, false, false, false },
};

const struct setting *setting_find(const char *name)
{
    for (const struct setting *s = settings_table; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

static const char *variable(const char *name)
{
    const char *value = name ? getenv(name) : NULL;
    return value && *value ? value : NULL;
}

static const char *value_of(const struct setting *s)
{
    const char *value = variable(s->ours);
    return value ? value : variable(s->theirs);
}

const char *setting_value(const char *name)
{
    const struct setting *s = setting_find(name);
    return s ? value_of(s) : NULL;
}

char *setting_shown(const struct setting *s)
{
    const char *value = value_of(s);
    bool address = strcmp(s->name, "port") == 0 || strcmp(s->name, "host") == 0;
    return !value ? NULL : address ? espota_address_shown(value) : strdup(value);
}

bool setting_is_on(const char *name)
{
    static const char *const off[] = { "0", "no", "off", "false" };
    const char *value = setting_value(name);
    for (size_t i = 0; value && i < sizeof off / sizeof off[0]; i++)
        if (strcasecmp(value, off[i]) == 0)
            return false;
    return value != NULL;
}

const char *setting_origin(const struct settings *settings, const struct setting *setting)
{
    const char *origin = settings->origin[setting - settings_table];
    return *origin ? origin : variable(setting->ours) ? setting->ours : setting->theirs;
}

void setting_blame(const struct settings *settings, struct espota_error *error)
{
    for (const struct setting *s = settings_table; s->name; s++) {
        size_t length = strlen(error->text), name = strlen(s->name);
        if (settings->used[s - settings_table] && strncmp(error->text, "--", 2) == 0 &&
            strncmp(error->text + 2, s->name, name) == 0 && strchr(" :", error->text[2 + name]))
            snprintf(error->text + length, sizeof error->text - length, " (it is from %s)",
                     setting_origin(settings, s));
    }
}

/* The cache of images, as settings and options have it. */
#include "cached.h"

#include "settings.h"

#include "espota/error.h"
#include "espota/size.h"

#include <stdlib.h>
#include <string.h>

const struct option_spec cache_option[] = {
    { "no-cache", 0, OPTION_FLAG, 0, NULL, "neither use nor fill the cache of images" },
    OPTION_END,
};

/* Set and empty: there is none. */
static bool is_off(void)
{
    const char *folder = getenv(setting_find("cache")->ours);
    return (folder && !*folder) || setting_is_on("no-cache");
}

char *cache_folder(void)
{
    const char *named = setting_value("cache");
    if (is_off())
        return NULL;
    return named ? strdup(named) : espota_image_cache_folder(getenv("XDG_CACHE_HOME"), getenv("HOME"));
}

int cache_limit(const struct cli *cli, uint64_t *limit, struct espota_error *error)
{
    const struct setting *s = setting_find("cache-size");
    const char *text = setting_value(s->name);
    uint32_t size = CACHE_LIMIT;
    if (text && !espota_size_parse(text, &size))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "%s '%s' is not a size: use bytes, or a number with K or M (it is from %s)",
                           s->name, text, setting_origin(cli->settings, s));
    *limit = size;
    return 0;
}

int cache_open(struct cli *cli, bool off, struct espota_image_cache **cache, struct espota_error *error)
{
    uint64_t limit;
    *cache = NULL;
    int result = off || is_off() ? 0 : cache_limit(cli, &limit, error);
    if (off || is_off() || result != 0)
        return result;
    char *folder = cache_folder();
    if (folder)
        result = espota_image_cache_new(cache, folder, limit, error);
    else
        espota_ui_detail(&cli->ui, "No cache of images: there is no home directory");
    free(folder);
    return result;
}

void cache_keep(struct cli *cli, struct espota_image_cache *cache, const char *name, const void *image,
                size_t size)
{
    uint8_t sha256[ESPOTA_SHA256_LENGTH];
    struct espota_error error;
    if (cache && espota_image_cache_add(cache, name, image, size, sha256, &error) != 0)
        espota_ui_detail(&cli->ui, "%s is not in the cache: %s", name, error.text);
}

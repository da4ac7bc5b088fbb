/* The folder of the image cache: where it is, whose it is, what a file in it is called. */
#include "image_cache.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *espota_image_cache_folder(const char *xdg_cache_home, const char *home)
{
    if (xdg_cache_home && xdg_cache_home[0] == '/') /* others are to be ignored, says the specification */
        return espota_path_join(xdg_cache_home, "espota");
    return home && home[0] == '/' ? espota_path_join(home, ".cache/espota") : NULL;
}

/* mkdir -p. */
static int make_folders(const char *path, struct espota_error *error)
{
    char *copy = strdup(path);
    int result = 0;
    if (!copy)
        return espota_fail_memory(error, "making the cache's folder");
    for (char *at = copy + 1; result == 0 && *at; at++) {
        char *end = at + strcspn(at, "/");
        char ended = *end;
        *end = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            result = espota_fail(error, ESPOTA_ERR_IO, "cannot make the cache's folder %s: %s", copy,
                                 espota_reason(errno));
        *end = ended;
        at = ended ? end : end - 1;
    }
    free(copy);
    return result;
}

/* Whoever else can change what lies there could keep images out, or see who has which. */
static int check_owner(const struct espota_image_cache *cache, int fd, struct espota_error *error)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot look at the cache %s: %s", cache->folder,
                           espota_reason(errno));
    if (about.st_uid != geteuid())
        return espota_fail(error, ESPOTA_ERR_REFUSED, "the cache %s is not used: it belongs to somebody else",
                           cache->folder);
    if (about.st_mode & (S_IWGRP | S_IWOTH))
        return espota_fail(
            error, ESPOTA_ERR_REFUSED,
            "the cache %s is not used: others can change what is in it; 'chmod go-w' mends that",
            cache->folder);
    return 0;
}

int cache_folder_open(const struct espota_image_cache *cache, bool make, int *fd, struct espota_error *error)
{
    enum { FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
    *fd = open(cache->folder, FLAGS);
    int result = 0;
    if (*fd < 0 && errno == ENOENT && !make)
        return 0;
    if (*fd < 0 && errno == ENOENT) {
        result = make_folders(cache->folder, error);
        *fd = result == 0 ? open(cache->folder, FLAGS) : -1;
    }
    if (result == 0 && *fd < 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot open the cache %s: %s", cache->folder,
                           espota_reason(errno));
    if (result == 0)
        result = check_owner(cache, *fd, error);
    if (result != 0 && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return result;
}

const char *cached_name(const uint8_t sha256[ESPOTA_SHA256_LENGTH], char name[CACHED_NAME])
{
    espota_hex(sha256, ESPOTA_SHA256_LENGTH, name);
    memcpy(name + 2 * ESPOTA_SHA256_LENGTH, CACHED_ENDING, sizeof CACHED_ENDING);
    return name;
}

int espota_image_cache_new(struct espota_image_cache **cache, const char *folder, uint64_t limit,
                           struct espota_error *error)
{
    struct espota_image_cache *made = calloc(1, sizeof *made);
    *cache = NULL;
    if (made)
        made->folder = strdup(folder);
    if (!made || !made->folder) {
        free(made);
        return espota_fail_memory(error, "opening the cache of images");
    }
    made->limit = limit;
    *cache = made;
    return 0;
}

void espota_image_cache_free(struct espota_image_cache *cache)
{
    if (cache)
        free(cache->folder);
    free(cache);
}

/* What is in the image cache, and what has to leave it. */
#include "image_cache.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/hex.h"
#include "espota/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { UNFINISHED_FOR_S = 3600 }; /* by then whoever began it is gone */

struct listing {
    struct espota_cached_image *image;
    size_t count, room;
    uint64_t bytes;
};

/* "HEX.bin", as the cache writes it. */
static bool parse_name(const char *name, uint8_t sha256[ESPOTA_SHA256_LENGTH])
{
    char same[CACHED_NAME];
    return strlen(name) == CACHED_NAME - 1 && espota_unhex(name, sha256, ESPOTA_SHA256_LENGTH) &&
           strcmp(cached_name(sha256, same), name) == 0;
}

static int add(struct listing *l, const uint8_t *sha256, const struct stat *about, struct espota_error *error)
{
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        struct espota_cached_image *grown = realloc(l->image, room * sizeof *grown);
        if (!grown)
            return espota_fail_memory(error, "listing the cache");
        l->image = grown;
        l->room = room;
    }
    struct espota_cached_image *i = &l->image[l->count++];
    *i = (struct espota_cached_image){ .size = (uint64_t)about->st_size,
                                       .used_s = about->st_mtim.tv_sec,
                                       .used_ns = about->st_mtim.tv_nsec };
    memcpy(i->sha256, sha256, sizeof i->sha256);
    l->bytes += i->size;
    return 0;
}

static void remove_unfinished(int folder, const char *name, const struct stat *about, time_t now)
{
    if (strncmp(name, UNFINISHED_BEGIN, strlen(UNFINISHED_BEGIN)) == 0 && S_ISREG(about->st_mode) &&
        now - about->st_mtim.tv_sec > UNFINISHED_FOR_S)
        (void)unlinkat(folder, name, 0);
}

static int last_used_first(const void *a, const void *b)
{
    const struct espota_cached_image *x = a, *y = b;
    if (x->used_s != y->used_s)
        return x->used_s < y->used_s ? 1 : -1;
    if (x->used_ns != y->used_ns)
        return x->used_ns < y->used_ns ? 1 : -1;
    return memcmp(x->sha256, y->sha256, sizeof x->sha256);
}

/* Files by the names that the cache gives; others are none of its business. `tidy`: and away with what was
 * left unfinished. */
static int list(int folder, bool tidy, struct listing *l, struct espota_error *error)
{
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
    DIR *directory = own >= 0 ? fdopendir(own) : NULL;
    time_t now = time(NULL);
    if (!directory) {
        int reason = errno;
        if (own >= 0)
            close(own);
        return espota_fail(error, ESPOTA_ERR_IO, "cannot list the cache: %s", espota_reason(reason));
    }
    for (const struct dirent *entry; result == 0 && (entry = readdir(directory));) {
        uint8_t sha256[ESPOTA_SHA256_LENGTH];
        struct stat about;
        if (fstatat(folder, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (parse_name(entry->d_name, sha256) && S_ISREG(about.st_mode))
            result = add(l, sha256, &about, error);
        else if (tidy)
            remove_unfinished(folder, entry->d_name, &about, now);
    }
    closedir(directory);
    if (l->count > 0)
        qsort(l->image, l->count, sizeof l->image[0], last_used_first);
    return result;
}

/* Another process may have been quicker. */
static int remove_image(int folder, const struct espota_cached_image *image, struct espota_error *error)
{
    char name[CACHED_NAME];
    if (unlinkat(folder, cached_name(image->sha256, name), 0) == 0 || errno == ENOENT)
        return 0;
    return espota_fail(error, ESPOTA_ERR_IO, "cannot remove %s from the cache: %s", name,
                       espota_reason(errno));
}

int cache_trim(const struct espota_image_cache *cache, int folder, const uint8_t keep[ESPOTA_SHA256_LENGTH],
               struct espota_error *error)
{
    struct listing l = { 0 };
    int result = list(folder, true, &l, error);
    for (size_t i = l.count; result == 0 && i > 0 && l.bytes > cache->limit; i--) {
        if (memcmp(l.image[i - 1].sha256, keep, ESPOTA_SHA256_LENGTH) == 0)
            continue;
        result = remove_image(folder, &l.image[i - 1], error);
        l.bytes -= l.image[i - 1].size;
    }
    free(l.image);
    return result;
}

/* ---- for people -----------------------------------------------------------------------------------------
 */

static int read_file(void *context, uint32_t offset, void *buffer, size_t length)
{
    const int *fd = context;
    return pread(*fd, buffer, length, offset) == (ssize_t)length ? 0 : -1;
}

static void describe(int folder, struct espota_cached_image *i)
{
    char name[CACHED_NAME];
    struct espota_image image = { 0 };
    int fd = openat(folder, cached_name(i->sha256, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const struct espota_image_source source = { &fd, read_file,
                                                i->size > UINT32_MAX ? UINT32_MAX : (uint32_t)i->size };
    if (fd < 0)
        return;
    i->is_image = espota_image_parse_headers(&image, &source) == ESPOTA_IMAGE_OK;
    if (i->is_image) {
        i->chip_id = image.chip_id;
        snprintf(i->project, sizeof i->project, "%s", image.description.project);
        snprintf(i->version, sizeof i->version, "%s", image.description.version);
    }
    close(fd);
}

int espota_image_cache_list(struct espota_image_cache *cache, struct espota_cached_image **images,
                            size_t *count, struct espota_error *error)
{
    struct listing l = { 0 };
    int folder = -1, result = cache_folder_open(cache, false, &folder, error);
    *images = NULL;
    *count = 0;
    if (folder < 0)
        return result;
    result = list(folder, false, &l, error);
    for (size_t i = 0; result == 0 && i < l.count; i++)
        describe(folder, &l.image[i]);
    close(folder);
    if (result != 0) {
        free(l.image);
        return result;
    }
    *images = l.image;
    *count = l.count;
    return 0;
}

int espota_image_cache_clear(struct espota_image_cache *cache, int64_t before_s,
                             struct espota_image_cache_removed *removed, struct espota_error *error)
{
    struct listing l = { 0 };
    int folder = -1, result = cache_folder_open(cache, false, &folder, error);
    *removed = (struct espota_image_cache_removed){ 0 };
    if (folder < 0)
        return result;
    result = list(folder, true, &l, error);
    for (size_t i = 0; result == 0 && i < l.count; i++) {
        if (l.image[i].used_s >= before_s)
            continue;
        result = remove_image(folder, &l.image[i], error);
        removed->images += result == 0;
        removed->bytes += result == 0 ? l.image[i].size : 0;
    }
    free(l.image);
    close(folder);
    return result;
}

/* The image cache: getting images out, and putting them in. */
#include "image_cache.h"

#include "espota/agent_settings.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/file_kind.h"
#include "espota/image.h"
#include "espota/image_file.h"
#include "espota/size.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* https://bford.info/cachedir/ */
#define TAG_NAME "CACHEDIR.TAG"
static const char tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                          "# Images that were flashed, kept so that updates can be sent as what changed.\n"
                          "# Nothing is lost when this folder is removed. See https://bford.info/cachedir/\n";

/* What is no file is as good as nothing. */
static int open_image(const struct espota_image_cache *cache, int folder, const char *name, int *fd,
                      struct espota_error *error)
{
    struct stat about;
    *fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0 && errno != ENOENT && errno != ELOOP && errno != ENXIO)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot read %s/%s: %s", cache->folder, name,
                           espota_reason(errno));
    if (*fd >= 0 && (fstat(*fd, &about) != 0 || !S_ISREG(about.st_mode))) {
        close(*fd);
        *fd = -1;
    }
    return 0;
}

/* At most one byte more than an image can have. */
static int read_all(int fd, struct espota_bytes *bytes, struct espota_error *error)
{
    enum { MOST = ESPOTA_IMAGE_MAX_LENGTH + 2 * 4096 }; /* and a signature */
    uint8_t chunk[65536];
    size_t before = bytes->size;
    ssize_t count = 1;
    while (count != 0 && bytes->size - before <= MOST) {
        count = read(fd, chunk, sizeof chunk);
        if (count < 0 && errno != EINTR)
            return espota_fail(error, ESPOTA_ERR_IO, "cannot read from the cache: %s", espota_reason(errno));
        if (count > 0 && espota_bytes_append(bytes, chunk, (size_t)count, error) != 0)
            return ESPOTA_ERR_NOMEM;
    }
    return 0;
}

static int read_image(int folder, int fd, const uint8_t sha256[ESPOTA_SHA256_LENGTH],
                      enum espota_image_cache_answer *answer, struct espota_bytes *image,
                      struct espota_error *error)
{
    uint8_t digest[ESPOTA_SHA256_LENGTH];
    char name[CACHED_NAME];
    size_t before = image->size;
    int result = read_all(fd, image, error);
    if (result == 0 && espota_sha256(image->data + before, image->size - before, digest) != 0)
        result = espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    if (result == 0 && memcmp(digest, sha256, sizeof digest) == 0) {
        *answer = ESPOTA_IMAGE_CACHED;
        (void)futimens(fd, NULL); /* one that cannot be marked as used is good all the same */
        return 0;
    }
    image->size = before;
    if (result == 0) {
        *answer = ESPOTA_IMAGE_DAMAGED;
        (void)unlinkat(folder, cached_name(sha256, name), 0);
    }
    return result;
}

int espota_image_cache_get(struct espota_image_cache *cache, const uint8_t sha256[ESPOTA_SHA256_LENGTH],
                           enum espota_image_cache_answer *answer, struct espota_bytes *image,
                           struct espota_error *error)
{
    char name[CACHED_NAME];
    int folder = -1, fd = -1, result = cache_folder_open(cache, false, &folder, error);
    *answer = ESPOTA_IMAGE_ABSENT;
    if (folder < 0)
        return result;
    result = open_image(cache, folder, cached_name(sha256, name), &fd, error);
    if (fd >= 0) {
        result = espota_bytes_append(image, "", 0, error);
        if (result == 0)
            result = read_image(folder, fd, sha256, answer, image, error);
        close(fd);
    }
    close(folder);
    return result;
}

/* ---- putting --------------------------------------------------------------------------------------------
 */

static int write_all(int fd, const uint8_t *at, size_t size)
{
    while (size > 0) {
        ssize_t count = write(fd, at, size);
        if (count < 0 && errno != EINTR)
            return -1;
        at += count > 0 ? count : 0;
        size -= count > 0 ? (size_t)count : 0;
    }
    return 0;
}

/* A new file under a name of its own, then the image's; nobody ever sees half of it. It need not survive a
 * power cut: it is compared with its name when it is read. */
static int write_image(const struct espota_image_cache *cache, int folder, const char *name,
                       const void *image, size_t size, struct espota_error *error)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/" UNFINISHED_BEGIN "XXXXXX", cache->folder);
    int fd = length < (int)sizeof path ? mkostemp(path, O_CLOEXEC) : (errno = ENAMETOOLONG, -1);
    if (fd < 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot write to the cache %s: %s", cache->folder,
                           espota_reason(errno));
    int reason = write_all(fd, image, size) != 0 ? errno : 0;
    if (close(fd) != 0 && reason == 0)
        reason = errno;
    if (reason == 0 && renameat(AT_FDCWD, path, folder, name) != 0)
        reason = errno;
    if (reason == 0)
        return 0;
    unlink(path);
    return espota_fail(error, ESPOTA_ERR_IO, "cannot write to the cache %s: %s", cache->folder,
                       espota_reason(reason));
}

static void write_tag(int folder)
{
    int fd = openat(folder, TAG_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)write_all(fd, (const uint8_t *)tag, sizeof tag - 1);
    close(fd);
}

static int check_image(const struct espota_image_cache *cache, const char *name, const uint8_t *data,
                       size_t size, struct espota_error *error)
{
    struct espota_image image;
    struct espota_file file;
    char words[ESPOTA_FILE_WORDS], limit[ESPOTA_SIZE_TEXT];
    enum espota_image_verdict verdict = espota_image_examine_memory(&image, data, size);
    if (verdict != ESPOTA_IMAGE_OK)
        return espota_fail(error, ESPOTA_ERR_VERIFY, "%s is no app image: %s", name,
                           espota_image_fault_words(verdict, &image, data, size, words));
    espota_file_examine(&file, data, size);
    int result = espota_file_check_app(&file, name, error);
    if (result == 0 && espota_settings_hold_key(data, size))
        return espota_fail(error, ESPOTA_ERR_REFUSED, "%s is not kept: it has a device's key in it", name);
    if (result == 0 && size > cache->limit)
        return espota_fail(error, ESPOTA_ERR_TOO_BIG, "%s is not kept: it is larger than the cache, %s", name,
                           espota_size_text(cache->limit, limit));
    return result;
}

/* There already, and undamaged. */
static int is_kept(struct espota_image_cache *cache, const uint8_t sha256[ESPOTA_SHA256_LENGTH], bool *kept,
                   struct espota_error *error)
{
    enum espota_image_cache_answer answer;
    struct espota_bytes bytes = { 0 };
    int result = espota_image_cache_get(cache, sha256, &answer, &bytes, error);
    *kept = result == 0 && answer == ESPOTA_IMAGE_CACHED;
    espota_bytes_free(&bytes);
    return result;
}

static int keep(const struct espota_image_cache *cache, const uint8_t sha256[ESPOTA_SHA256_LENGTH],
                const void *image, size_t size, struct espota_error *error)
{
    char name[CACHED_NAME];
    int folder = -1, result = cache_folder_open(cache, true, &folder, error);
    if (result != 0)
        return result;
    result = write_image(cache, folder, cached_name(sha256, name), image, size, error);
    if (result == 0)
        write_tag(folder);
    if (result == 0)
        result = cache_trim(cache, folder, sha256, error);
    close(folder);
    return result;
}

int espota_image_cache_add(struct espota_image_cache *cache, const char *name, const void *image, size_t size,
                           uint8_t sha256[ESPOTA_SHA256_LENGTH], struct espota_error *error)
{
    bool kept = false;
    int result = check_image(cache, name, image, size, error);
    if (result == 0 && espota_sha256(image, size, sha256) != 0)
        result = espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    if (result == 0)
        result = is_kept(cache, sha256, &kept, error);
    if (result == 0 && !kept)
        result = keep(cache, sha256, image, size, error);
    return result;
}

int espota_image_cache_remove(struct espota_image_cache *cache, const uint8_t sha256[ESPOTA_SHA256_LENGTH],
                              struct espota_error *error)
{
    char name[CACHED_NAME];
    int folder = -1, result = cache_folder_open(cache, false, &folder, error);
    if (result != 0)
        return result;
    int reason = folder < 0 ? ENOENT : unlinkat(folder, cached_name(sha256, name), 0) != 0 ? errno : 0;
    if (folder >= 0)
        close(folder);
    if (reason == ENOENT)
        return espota_fail(error, ESPOTA_ERR_FAILED, "there is no image %.64s in the cache %s", name,
                           cache->folder);
    return reason ? espota_fail(error, ESPOTA_ERR_IO, "cannot remove %s from the cache %s: %s", name,
                                cache->folder, espota_reason(reason))
                  : 0;
}

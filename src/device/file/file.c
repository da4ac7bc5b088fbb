/* A raw flash dump on disk as a device. Every write is in the file when it returns. */
#include "espota/file_device.h"

#include "espota/device.h"
#include "espota/digest.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/size.h"
#include "espota/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Open for reading until the first write, so that a file that may only be read can be. */
struct file_device {
    struct espota_device device;
    int fd; /* -1: not there yet, and so it is blank; the first write makes it */
    bool writable;
    char path[];
};

static int failed(struct espota_device *device, const char *what, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_IO, "cannot %s %s: %s", what, device->name, espota_reason(errno));
}

static int file_read(struct espota_device *device, uint32_t offset, void *buffer, size_t length,
                     struct espota_error *error)
{
    struct file_device *f = (struct file_device *)device;
    if (f->fd < 0)
        memset(buffer, 0xff, length);
    for (size_t done = f->fd < 0 ? length : 0; done < length;) {
        ssize_t count = pread(f->fd, (uint8_t *)buffer + done, length - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count == 0)
            errno = EIO;
        if (count <= 0)
            return failed(device, "read", error);
        done += (size_t)count;
    }
    return 0;
}

/* Blank flash of `size` bytes; nothing that is there is overwritten. */
static int make_file(const char *path, uint32_t size, struct espota_error *error)
{
    uint8_t *blank = malloc(size);
    if (!blank)
        return espota_fail_memory(error, "making a flash file");
    memset(blank, 0xff, size);
    int result = espota_file_create(path, blank, size, false, error);
    free(blank);
    return result;
}

/* Somebody who reads it meanwhile, as we do until here, would see half a change. */
static int make_writable(struct file_device *f, struct espota_error *error)
{
    if (f->writable)
        return 0;
    int result = f->fd < 0 ? make_file(f->path, f->device.info.flash_size, error) : 0;
    if (result != 0)
        return result;
    int fd = open(f->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return failed(&f->device, "write", error);
    if (f->fd >= 0)
        close(f->fd);
    f->fd = fd;
    result = espota_file_lock(fd, f->path, true, error);
    f->writable = result == 0;
    return result;
}

static int file_write(struct espota_device *device, uint32_t offset, const void *data, size_t length,
                      struct espota_error *error)
{
    struct file_device *f = (struct file_device *)device;
    int result = make_writable(f, error);
    if (result != 0)
        return result;
    for (size_t done = 0; done < length;) {
        ssize_t count = pwrite(f->fd, (const uint8_t *)data + done, length - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return failed(device, "write", error);
        done += (size_t)count;
    }
    espota_device_moved(device, (uint32_t)length);
    return fdatasync(f->fd) == 0 ? 0 : failed(device, "write", error);
}

static int file_digest(struct espota_device *device, uint32_t offset, uint32_t length, uint8_t *digest,
                       struct espota_error *error)
{
    uint8_t *data = malloc(length > 0 ? length : 1);
    if (!data)
        return espota_fail_memory(error, "reading a flash file");
    int result = file_read(device, offset, data, length, error);
    if (result == 0 && espota_sha256(data, length, digest) != 0)
        result = espota_fail(error, ESPOTA_ERR_FAILED, "SHA-256 is not available from the crypto library");
    free(data);
    return result;
}

static int file_erase(struct espota_device *device, uint32_t offset, uint32_t length,
                      struct espota_error *error)
{
    uint8_t blank[ESPOTA_SECTOR_SIZE];
    int result = 0;
    memset(blank, 0xff, sizeof blank);
    for (uint32_t done = 0; result == 0 && done < length; done += ESPOTA_SECTOR_SIZE)
        result = file_write(device, offset + done, blank, sizeof blank, error);
    return result;
}

static int file_restart(struct espota_device *device, struct espota_error *error)
{
    (void)device;
    (void)error;
    return 0; /* whoever boots the file next starts from what it holds */
}

static void file_close(struct espota_device *device)
{
    struct file_device *f = (struct file_device *)device;
    if (f->fd >= 0)
        close(f->fd);
    free(f);
}

static const struct espota_device_ops file_ops = {
    .digest = file_digest,
    .read = file_read,
    .erase = file_erase,
    .write = file_write,
    .restart = file_restart,
    .close = file_close,
};

/* Takes `fd`, also on failure. */
static int open_device(struct espota_device **device, int fd, const char *path, uint32_t size,
                       const struct espota_chip *chip, struct espota_error *error)
{
    struct file_device *f = calloc(1, sizeof *f + strlen(path) + 1);
    if (!f) {
        if (fd >= 0)
            close(fd);
        return espota_fail_memory(error, "opening a flash file");
    }
    f->fd = fd;
    strcpy(f->path, path);
    espota_device_init(&f->device, &file_ops, "file", ESPOTA_HASH_SHA256, path);
    f->device.info.chip = chip;
    f->device.info.dump = true;
    f->device.info.flash_size = size;
    *device = &f->device;
    return 0;
}

int espota_file_device_open(struct espota_device **device, const char *path, const struct espota_chip *chip,
                            struct espota_error *error)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe is no dump */
    if (fd < 0)
        return espota_fail_hint(error, ESPOTA_ERR_NO_DEVICE,
                                errno == ENOENT ? ESPOTA_HINT_MAKE_FILE : ESPOTA_HINT_NONE,
                                "cannot open the flash file %s: %s", path,
                                errno == ENOENT ? "it is not there" : espota_reason(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)(64 << 10) ||
        st.st_size > (off_t)(128 << 20) || st.st_size % ESPOTA_SECTOR_SIZE != 0) {
        close(fd);
        return espota_fail(error, ESPOTA_ERR_NO_DEVICE,
                           "%s is no flash dump: expected a file of whole 4K sectors, 64K to 128M", path);
    }
    int result = espota_file_lock(fd, path, false, error);
    if (result == 0)
        return open_device(device, fd, path, (uint32_t)st.st_size, chip, error);
    close(fd);
    return result;
}

int espota_file_device_new(struct espota_device **device, const char *path, uint32_t size,
                           const struct espota_chip *chip, struct espota_error *error)
{
    char text[ESPOTA_SIZE_TEXT];
    if (size < (64u << 10) || size > (128u << 20) || (size & (size - 1)) != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "no flash chip has %s, but 1M, 2M, 4M and so on up to 128M",
                           espota_size_text(size, text));
    return open_device(device, -1, path, size, chip, error);
}

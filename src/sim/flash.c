#include "flash.h"

#include "espota/error.h"
#include "espota/file.h"
#include "espota/size.h"
#include "espota/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 256, COMMAND = 64, BLOCK32 = 32 << 10, BLOCK64 = 64 << 10 };

const struct sim_flash_timing sim_flash_typical = { .sector_us = 45000,
                                                    .block32_us = 120000,
                                                    .block64_us = 150000,
                                                    .page_us = 400,
                                                    .first_ns = 30000,
                                                    .next_ns = 2500,
                                                    .read_ns = 200,
                                                    .dual_ns = 100,
                                                    .command_ns = 3000 };

static int cannot(const char *path, const char *what, int fd, struct espota_error *error)
{
    int reason = errno;
    if (fd >= 0)
        close(fd);
    return espota_fail(error, ESPOTA_ERR_IO, "cannot %s the flash file %s: %s", what, path, strerror(reason));
}

static int fill_blank(int fd, uint32_t size)
{
    uint8_t blank[ESPOTA_SECTOR_SIZE];
    memset(blank, 0xff, sizeof blank);
    for (uint32_t at = 0; at < size; at += (uint32_t)sizeof blank)
        if (pwrite(fd, blank, sizeof blank, (off_t)at) != (ssize_t)sizeof blank)
            return -1;
    return 0;
}

static int check_size(const char *path, uint64_t size, struct espota_error *error)
{
    char text[ESPOTA_SIZE_TEXT];
    if (size >= (64 << 10) && size <= (128 << 20) && (size & (size - 1)) == 0)
        return 0;
    return espota_fail(error, ESPOTA_ERR_USAGE,
                       "%s: no flash chip has %s, but 1M, 2M, 4M and so on up to 128M", path,
                       espota_size_text(size, text));
}

static int check_there(const char *path, uint64_t has, uint32_t wanted, struct espota_error *error)
{
    char there[ESPOTA_SIZE_TEXT], named[ESPOTA_SIZE_TEXT];
    if (wanted != 0 && has != wanted)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "%s has %s, not the %s of --flash: leave --flash out, or remove the file", path,
                           espota_size_text(has, there), espota_size_text(wanted, named));
    return check_size(path, has, error);
}

/* A new flash file; an empty one, as mktemp makes it, counts as new. A refusal or a failure leaves none. */
static int make(const char *path, uint32_t size, struct espota_error *error)
{
    if (size == 0)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "there is no flash file %s yet: give its size with --flash, "
                           "for example --flash 4M",
                           path);
    int result = check_size(path, size, error);
    int fd = result == 0 ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (fd < 0)
        return result ? result : cannot(path, "make", fd, error);
    result = espota_file_lock(fd, path, true, error);
    if (result == 0 && fill_blank(fd, size) != 0) {
        result = cannot(path, "fill", -1, error);
        unlink(path);
    }
    close(fd);
    return result;
}

static int map(struct sim_flash *flash, const char *path, int fd, uint64_t size, struct espota_error *error)
{
    flash->data = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (flash->data == MAP_FAILED)
        return cannot(path, "map", -1, error);
    flash->fd = fd;
    flash->size = (uint32_t)size;
    return 0;
}

int sim_flash_open(struct sim_flash *flash, const char *path, uint32_t size, struct espota_error *error)
{
    struct stat st;
    *flash = (struct sim_flash){ .fd = -1, .powered = true, .timing = sim_flash_typical };
    if (stat(path, &st) != 0 || (S_ISREG(st.st_mode) && st.st_size == 0)) {
        int result = make(path, size, error);
        if (result != 0)
            return result;
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return cannot(path, "open", fd, error);
    int result = espota_file_lock(fd, path, true, error);
    if (result == 0)
        result = check_there(path, (uint64_t)st.st_size, size, error);
    if (result == 0)
        result = map(flash, path, fd, (uint64_t)st.st_size, error);
    if (result != 0)
        close(fd);
    return result;
}

int sim_flash_memory(struct sim_flash *flash, uint32_t size, struct espota_error *error)
{
    *flash = (struct sim_flash){
        .data = malloc(size), .size = size, .fd = -1, .powered = true, .timing = sim_flash_typical
    };
    if (!flash->data)
        return espota_fail_memory(error, "simulating flash");
    memset(flash->data, 0xff, size);
    return 0;
}

void sim_flash_close(struct sim_flash *flash)
{
    if (flash->fd >= 0) {
        munmap(flash->data, flash->size);
        close(flash->fd);
    } else {
        free(flash->data);
    }
    flash->data = NULL;
    flash->fd = -1;
}

uint32_t sim_flash_id(const struct sim_flash *flash)
{
    enum { WINBOND_40 = 0x40ef };
    uint32_t capacity = 0;
    while ((1u << capacity) < flash->size)
        capacity++;
    return WINBOND_40 | capacity << 16;
}

static bool inside(const struct sim_flash *flash, uint32_t offset, size_t length)
{
    return flash->powered && offset <= flash->size && length <= flash->size - offset;
}

bool sim_flash_busy(const struct sim_flash *flash)
{
    return flash->time && sim_time_now(flash->time) < flash->busy_until_ns;
}

/* Commands and their data. */
static uint64_t bus_ns(const struct sim_flash_timing *timing, size_t length, uint32_t byte_ns)
{
    return (length + COMMAND - 1) / COMMAND * timing->command_ns + (uint64_t)length * byte_ns;
}

/* The operation goes on for so long from now. */
static void be_busy(struct sim_flash *flash, uint64_t ns)
{
    flash->busy_ns += ns;
    flash->busy_until_ns = sim_time_now(flash->time) + ns;
}

/* The next command of a page that takes several, which somebody has to give when the one before is over. */
static void program_part(struct sim_flash *flash)
{
    size_t part = flash->left < flash->most ? flash->left : flash->most;
    sim_time_spend(flash->time, bus_ns(&flash->timing, part, flash->timing.read_ns));
    be_busy(flash, sim_flash_program_ns(&flash->timing, part));
    flash->left -= part;
}

int sim_flash_poll(struct sim_flash *flash)
{
    sim_time_spend(flash->time, flash->timing.command_ns);
    if (!flash->powered)
        return -1;
    if (sim_flash_busy(flash))
        return 1;
    if (flash->left == 0)
        return 0;
    program_part(flash);
    return 1;
}

void sim_flash_wait(struct sim_flash *flash)
{
    sim_time_wait_until(flash->time, flash->busy_until_ns);
    while (flash->left > 0) {
        program_part(flash);
        sim_time_wait_until(flash->time, flash->busy_until_ns);
    }
}

static int read_by(struct sim_flash *flash, uint32_t byte_ns, uint32_t offset, void *buffer, size_t length)
{
    if (!inside(flash, offset, length))
        return -1;
    sim_flash_wait(flash);
    sim_time_spend(flash->time, bus_ns(&flash->timing, length, byte_ns));
    memcpy(buffer, flash->data + offset, length);
    return 0;
}

int sim_flash_read(struct sim_flash *flash, uint32_t offset, void *buffer, size_t length)
{
    return read_by(flash, flash->timing.read_ns, offset, buffer, length);
}

int sim_flash_read_dual(struct sim_flash *flash, uint32_t offset, void *buffer, size_t length)
{
    return read_by(flash, flash->timing.dual_ns, offset, buffer, length);
}

static void show(struct sim_flash *flash)
{
    if (flash->watch)
        flash->watch(flash->watch_context);
}

static uint8_t random_byte(struct sim_flash *flash)
{
    uint32_t x = flash->bits ? flash->bits : 1;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    flash->bits = x;
    return (uint8_t)(x >> 8);
}

/* Erasing sets bits, programming clears them. @return how many bytes came to be as they should. */
static size_t change(struct sim_flash *flash, uint32_t offset, const uint8_t *data, size_t length,
                     enum sim_cut cut)
{
    size_t whole = cut == SIM_CUT_NONE || cut == SIM_CUT_AFTER ? length
                   : cut == SIM_CUT_TORN                       ? length / 2
                                                               : 0;
    size_t reached = cut == SIM_CUT_BITS ? length : whole;
    for (size_t i = 0; i < reached; i++) {
        uint8_t *byte = flash->data + offset + i;
        uint8_t wanted = data ? *byte & data[i] : 0xff;
        uint8_t mask = cut == SIM_CUT_BITS ? random_byte(flash) : 0xff;
        if (flash->watch && i == length / 2)
            show(flash);
        *byte = (uint8_t)((*byte & ~mask) | (wanted & mask));
    }
    show(flash);
    return whole;
}

/* Does the power fail at this operation, and how? */
static enum sim_cut begin(struct sim_flash *flash)
{
    flash->operations++;
    if (flash->cut == SIM_CUT_NONE || flash->operations != flash->cut_at)
        return SIM_CUT_NONE;
    flash->powered = false;
    return flash->cut;
}

uint64_t sim_flash_program_ns(const struct sim_flash_timing *timing, size_t length)
{
    uint64_t page = timing->page_us * (uint64_t)1000;
    uint64_t bytes = length > 0 ? timing->first_ns + (length - 1) * (uint64_t)timing->next_ns : 0;
    return bytes < page ? bytes : page;
}

int sim_flash_erase_block(struct sim_flash *flash, uint32_t offset, uint32_t length)
{
    if (!inside(flash, offset, length) || offset % length ||
        (length != ESPOTA_SECTOR_SIZE && length != BLOCK32 && length != BLOCK64))
        return -1;
    sim_flash_wait(flash);
    (void)change(flash, offset, NULL, length, begin(flash));
    flash->erases++;
    uint32_t us = length == BLOCK64   ? flash->timing.block64_us
                  : length == BLOCK32 ? flash->timing.block32_us
                                      : flash->timing.sector_us;
    be_busy(flash, us * (uint64_t)1000);
    return flash->powered ? 0 : -1;
}

int sim_flash_erase(struct sim_flash *flash, uint32_t offset)
{
    return sim_flash_erase_block(flash, offset, ESPOTA_SECTOR_SIZE);
}

static int program_by(struct sim_flash *flash, size_t most, uint32_t offset, const void *data, size_t length)
{
    if (!inside(flash, offset, length))
        return -1;
    sim_flash_wait(flash);
    flash->programmed_bytes += change(flash, offset, data, length, begin(flash));
    for (size_t part; length > 0; offset += (uint32_t)part, length -= part) {
        part = PAGE - offset % PAGE < length ? PAGE - offset % PAGE : length;
        sim_flash_wait(flash);
        flash->left = part;
        flash->most = most;
        program_part(flash);
    }
    return flash->powered ? 0 : -1;
}

int sim_flash_program(struct sim_flash *flash, uint32_t offset, const void *data, size_t length)
{
    return program_by(flash, COMMAND, offset, data, length);
}

int sim_flash_program_page(struct sim_flash *flash, uint32_t offset, const void *data, size_t length)
{
    return program_by(flash, flash->parted ? COMMAND : PAGE, offset, data, length);
}

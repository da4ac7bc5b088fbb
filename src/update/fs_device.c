#include "espota/fs_device.h"

#include <stdlib.h>
#include <string.h>

/* What is asked for at once at least: a question costs a round trip, a byte its time on the line. */
#define LINE 1024u

enum { MOST_READS = 64 };

static uint32_t line_length(const struct espota_fs_device *p, uint32_t line)
{
    uint32_t left = p->size - line * LINE;
    return left < LINE ? left : LINE;
}

/* Lines from `*line` on, up to `last`, that have to travel; joined where they follow each other. */
static size_t collect(struct espota_fs_device *p, uint32_t *line, uint32_t last, struct espota_read *read)
{
    size_t count = 0;
    bool open = false;
    for (; *line <= last; (*line)++) {
        if (p->known[*line]) {
            open = false;
            continue;
        }
        if (!open && count == MOST_READS)
            break;
        if (!open)
            read[count++] = (struct espota_read){ p->offset + *line * LINE, 0, p->data + *line * LINE };
        open = true;
        read[count - 1].length += line_length(p, *line);
    }
    return count;
}

static int fetch(struct espota_fs_device *p, uint32_t first, uint32_t last)
{
    struct espota_read read[MOST_READS];
    for (uint32_t line = first; line <= last;) {
        uint32_t begin = line;
        size_t count = collect(p, &line, last, read);
        if (count > 0 && espota_device_reads(p->device, read, count, &p->error) != 0)
            return -1;
        for (size_t i = 0; i < count; i++)
            p->travelled += read[i].length;
        for (; begin < line; begin++)
            p->known[begin] = true;
    }
    return 0;
}

static int read_partition(void *context, uint32_t offset, void *buffer, uint32_t length)
{
    struct espota_fs_device *p = context;
    if (length == 0)
        return 0;
    if (fetch(p, offset / LINE, (offset + length - 1) / LINE) != 0)
        return -1;
    memcpy(buffer, p->data + offset, length);
    return 0;
}

int espota_fs_device_init(struct espota_fs_device *p, struct espota_device *device, uint32_t offset,
                          uint32_t size, struct espota_error *error)
{
    memset(p, 0, sizeof *p);
    int result = espota_device_check_range(device, "read", offset, size, error);
    if (result != 0)
        return result;
    p->device = device;
    p->offset = offset;
    p->size = size;
    p->data = calloc(1, (size_t)size + 1);
    p->known = calloc(size / LINE + 1, sizeof *p->known);
    return p->data && p->known ? 0 : espota_fail_memory(error, "reading a file system");
}

void espota_fs_device_free(struct espota_fs_device *p)
{
    free(p->data);
    free(p->known);
    p->data = NULL;
    p->known = NULL;
}

struct espota_fs_source espota_fs_device_source(struct espota_fs_device *p)
{
    return (struct espota_fs_source){ read_partition, p, p->size };
}

/* Segments of an app image: where its bytes are when it runs. */
#include "coder_base.h"

#ifdef ESPOTA_CODER_BASE

#include "espota/bytes.h"

enum { IMAGE_MAGIC = 0xE9, IMAGE_HEADER = 24, SEGMENT_HEADER = 8 };

int coder_segments_parse(struct coder_segments *segments, uint32_t length,
                         int (*read)(void *context, uint32_t offset, void *buffer, size_t length),
                         void *context)
{
    uint8_t header[SEGMENT_HEADER];
    segments->count = 0;
    if (length < IMAGE_HEADER)
        return 0;
    if (read(context, 0, header, sizeof header) != 0)
        return -1;
    uint32_t count = header[0] == IMAGE_MAGIC && header[1] <= CODER_SEGMENTS ? header[1] : 0;
    for (uint32_t at = IMAGE_HEADER; count > 0 && length - at >= SEGMENT_HEADER; count--) {
        if (read(context, at, header, sizeof header) != 0)
            return -1;
        struct coder_segment next = { at + SEGMENT_HEADER, espota_get_le32(header + 4),
                                      espota_get_le32(header) };
        if (next.length > length - next.offset)
            break;
        segments->at[segments->count++] = next;
        at = next.offset + next.length;
    }
    return 0;
}

bool coder_segments_offset(const struct coder_segments *segments, uint32_t address, uint32_t *offset)
{
    for (uint32_t i = 0; i < segments->count; i++) {
        const struct coder_segment *s = &segments->at[i];
        if (address - s->address < s->length) {
            *offset = s->offset + (address - s->address);
            return true;
        }
    }
    return false;
}

bool coder_segments_address(const struct coder_segments *segments, uint32_t offset, uint32_t *address)
{
    for (uint32_t i = 0; i < segments->count; i++) {
        const struct coder_segment *s = &segments->at[i];
        if (offset - s->offset < s->length) {
            *address = s->address + (offset - s->offset);
            return true;
        }
    }
    return false;
}

#else
typedef int coder_segments_is_empty; /* a file of C is not */
#endif

/* The range coder's other half, which only the host needs. */
#include "coder.h"

static void put(struct coder_sink *sink, uint32_t byte)
{
    if (sink->size < sink->capacity)
        sink->out[sink->size] = (uint8_t)byte;
    sink->size++;
}

/* The top byte of `low` is done, but for a carry. */
static void shift(struct coder_sink *sink)
{
    if (sink->low < 0xFF000000u || sink->low > 0xFFFFFFFFu) {
        uint32_t carry = (uint32_t)(sink->low >> 32);
        if (sink->holds)
            put(sink, sink->held + carry);
        for (; sink->pending > 0; sink->pending--)
            put(sink, 0xFF + carry);
        sink->held = (uint8_t)(sink->low >> 24);
        sink->holds = true;
    } else {
        sink->pending++;
    }
    sink->low = (sink->low & 0x00FFFFFFu) << 8;
}

static void note(struct coder_record *record, uint32_t bit, uint32_t p)
{
    if (record->count < record->room)
        record->bit[record->count] = p << 1 | bit;
    record->count++;
}

void coder_encode_bit(struct coder *coder, uint32_t bit, uint32_t p)
{
    struct coder_sink *sink = coder->sink;
    uint32_t bound = (coder->range >> 16) * p;
    if (sink->record != NULL)
        note(sink->record, bit, p);
    if (bit != 0) {
        coder->range = bound;
    } else {
        sink->low += bound;
        coder->range -= bound;
    }
    while (coder->range < 1u << 24) {
        coder->range <<= 8;
        shift(sink);
    }
}

void coder_encode_again(struct coder *coder, const struct coder_record *record)
{
    for (size_t i = 0; i < record->count; i++)
        coder_encode_bit(coder, record->bit[i] & 1, record->bit[i] >> 1);
}

/* Of all numbers that mean the same, the one with most zeros at the end: those the decoder adds itself. */
void coder_encode_end(struct coder *coder)
{
    struct coder_sink *sink = coder->sink;
    for (uint32_t mask = 0xFFFFFFu; mask != 0; mask >>= 8) {
        uint64_t rounded = (sink->low + mask) & ~(uint64_t)mask;
        if (rounded - sink->low < coder->range) {
            sink->low = rounded;
            break;
        }
    }
    for (int i = 0; i < 5; i++)
        shift(sink);
    for (int i = 0; i < 4 && sink->size > 1 && sink->size <= sink->capacity && sink->out[sink->size - 1] == 0;
         i++)
        sink->size--;
}

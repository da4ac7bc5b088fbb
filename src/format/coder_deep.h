/* Inside the coder: the deep model, which takes more time and memory than the quick one, and makes fewer
 * bytes. */
#ifndef ESPOTA_FORMAT_CODER_DEEP_H
#define ESPOTA_FORMAT_CODER_DEEP_H

#include "coder.h"

/* Bytes that it takes beside a table of that size. */
size_t coder_deep_size(unsigned table_log);
/* coder->deep is memory for it. */
void coder_deep_begin(struct coder *coder, unsigned table_log);
uint32_t coder_deep_bits(struct coder *coder, struct coder_value value, unsigned count, unsigned set);
/* The next four bytes as they are expected: those that came last time behind what was coded last, and if it
 * is an instruction, as it would be here. */
uint32_t coder_deep_expected(struct coder *coder, bool instruction);
/* The four bytes behind those; and where they come from. */
uint32_t coder_deep_expected_behind(const struct coder *coder);
uint32_t coder_deep_expected_from(const struct coder *coder);
/* Nothing is expected of the next bits. */
void coder_deep_unexpected(struct coder *coder);
/* A unit is done; `key` tells it from others. */
void coder_deep_unit(struct coder *coder, uint32_t key);
/* A unit was copied from `distance` bytes before. */
void coder_deep_copied(struct coder *coder, uint32_t key, uint32_t distance);

#ifdef ESPOTA_CODER_DEEP_MODEL
static inline bool coder_is_deep(const struct coder *coder)
{
    return coder->deep != NULL;
}
#else
static inline bool coder_is_deep(const struct coder *coder)
{
    (void)coder;
    return false;
}
#endif

static inline uint32_t coder_expected(struct coder *coder, bool instruction)
{
    return coder_is_deep(coder) ? coder_deep_expected(coder, instruction) : 0;
}

/* The four bytes behind those; and the address that they came from. */
static inline uint32_t coder_expected_behind(const struct coder *coder)
{
    return coder_is_deep(coder) ? coder_deep_expected_behind(coder) : 0;
}

static inline uint32_t coder_expected_from(const struct coder *coder)
{
    return coder_is_deep(coder) ? coder_deep_expected_from(coder) : 0;
}

static inline void coder_unit_done(struct coder *coder, uint32_t key)
{
    if (coder_is_deep(coder))
        coder_deep_unit(coder, key);
}

static inline void coder_unit_copied(struct coder *coder, uint32_t key, uint32_t distance)
{
    if (coder_is_deep(coder))
        coder_deep_copied(coder, key, distance);
}

static inline void coder_unexpected(struct coder *coder)
{
    if (coder_is_deep(coder))
        coder_deep_unexpected(coder);
}

/* `count` bits of a value. */
static inline struct coder_value coder_value_bits(struct coder_value value, unsigned low, unsigned count)
{
    uint32_t mask = 0xFFFFFFFFu >> (32 - count);
    (void)mask;
    return CODER_BOTH(value.actual >> low & mask, value.expected >> low & mask);
}

#endif

/* Whether all of the stub came over the line: the ROM's own checksum is an XOR of bytes, and lets errors
 * pass. Two sums over the words of the image; the second weighs each word by its place. */
#ifndef ESPOTA_STUB_CHECK_H
#define ESPOTA_STUB_CHECK_H

#include <stdint.h>

/* The last words of the image, which they do not cover. firmware/tools/elf2stub fills them in. */
struct stub_check {
    uint32_t sum, sum_of_sums;
};

static inline void stub_check_add(struct stub_check *check, uint32_t word)
{
    check->sum += word;
    check->sum_of_sums += check->sum;
}

#endif

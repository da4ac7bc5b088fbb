/* Which chip is an ELF program for? */
#ifndef ESPOTA_IMAGE_ELF_CHIP_H
#define ESPOTA_IMAGE_ELF_CHIP_H

#include "elf.h"

#include "espota/chip.h"
#include "espota/elf_image.h"

#include <stdbool.h>

/* The chips in whose memory the most of it lies; `data` is the whole file. @return how many, 0: none. */
unsigned elf_chips_by_memory(const struct elf_program *program,
                             const struct espota_chip *chips[ESPOTA_ELF_MAX_CHIPS]);

/* Does all of it have a place on the chip? */
bool elf_fits_wholly(const struct elf_program *program, const struct espota_chip *chip);

/* Of these chips the one that the strings in the file name most of all by far, or NULL. */
const struct espota_chip *elf_chip_by_name(const uint8_t *data, size_t size,
                                           const struct espota_chip *const *chips, unsigned count);

/* Is flash mapped there? */
bool elf_address_is_mapped(const struct espota_chip *chip, uint32_t address);

/* Do the same kinds of memory begin before both addresses? */
bool elf_same_memory(const struct espota_chip *chip, uint32_t one, uint32_t other);

#endif

#include "elf_chip.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* By so much the chip that is meant is named more often than any other. */
enum { CLEARLY = 4 };

/* ---- by addresses ---------------------------------------------------------------------------------------
 */

static bool is_in(uint32_t start, uint32_t end, uint32_t address)
{
    return start <= address && address < end;
}

bool elf_address_is_mapped(const struct espota_chip *chip, uint32_t address)
{
    return is_in(chip->mapped[0].start, chip->mapped[0].end, address) ||
           is_in(chip->mapped[1].start, chip->mapped[1].end, address);
}

static bool lies_in(uint32_t start, uint32_t end, const struct elf_part *part)
{
    return is_in(start, end, part->address) && (uint64_t)part->address + part->length <= end;
}

/* Memory that a program can have to itself: no ROM, and no words that span several kinds. */
static bool is_for_programs(const char *type)
{
    return !strstr(type, "MASK") && strcmp(type, "BYTE_ACCESSIBLE") != 0 && strcmp(type, "MEM_INTERNAL") != 0;
}

static bool finds_memory(const struct espota_chip *chip, const struct elf_part *part)
{
    for (unsigned i = 0; i < ESPOTA_CHIP_MAX_MEMORY && chip->memory[i].type; i++)
        if (is_for_programs(chip->memory[i].type) &&
            lies_in(chip->memory[i].start, chip->memory[i].end, part))
            return true;
    return false;
}

/* Code at the start of the ESP8266's RAM, where an ESP32 has mapped flash, and none where an ESP32 has RAM
 * for it. */
static bool is_esp8266(const struct elf_program *program)
{
    bool begins = false;
    for (unsigned i = 0; i < program->sections; i++) {
        begins = begins || program->section[i].address == 0x40100000u;
        if (is_in(0x40080000u, 0x400a0000u, program->section[i].address))
            return false;
    }
    return begins && program->machine == ELF_MACHINE_XTENSA;
}

/* Bytes of a program, those that have a place on a chip, and whether any of these go into RAM. */
struct fit {
    uint64_t all, placed;
    bool loads;
};

static struct fit fit_of(const struct elf_program *program, const struct espota_chip *chip)
{
    struct fit fit = { 0, 0, false };
    for (unsigned i = 0; i < program->sections; i++) {
        const struct elf_part *part = &program->section[i];
        bool mapped = lies_in(chip->mapped[0].start, chip->mapped[0].end, part) ||
                      lies_in(chip->mapped[1].start, chip->mapped[1].end, part);
        fit.all += part->length;
        if (!mapped && !finds_memory(chip, part))
            continue;
        fit.placed += part->length;
        fit.loads = fit.loads || !mapped;
    }
    return fit;
}

static bool is_for_its_cores(const struct elf_program *program, const struct espota_chip *chip)
{
    return chip->xtensa == (program->machine == ELF_MACHINE_XTENSA);
}

/* How well it fits: twice the bytes that have a place on the chip, which are nearly all, and one more when
 * there are any that go into RAM, as every program has some. */
static uint64_t fitness(const struct elf_program *program, const struct espota_chip *chip)
{
    struct fit fit = fit_of(program, chip);
    bool fits = is_for_its_cores(program, chip) && fit.placed >= fit.all - fit.all / 8;
    return fits ? 2 * fit.placed + fit.loads : 0;
}

bool elf_fits_wholly(const struct elf_program *program, const struct espota_chip *chip)
{
    struct fit fit = fit_of(program, chip);
    return is_for_its_cores(program, chip) && !is_esp8266(program) && fit.all > 0 && fit.placed == fit.all;
}

unsigned elf_chips_by_memory(const struct elf_program *program,
                             const struct espota_chip *chips[ESPOTA_ELF_MAX_CHIPS])
{
    uint64_t most = 1;
    unsigned count = 0;
    if (is_esp8266(program))
        return 0;
    for (unsigned i = 0; espota_chips[i]; i++) {
        uint64_t fits = fitness(program, espota_chips[i]);
        if (fits > most)
            count = 0;
        if (fits >= most && count < ESPOTA_ELF_MAX_CHIPS)
            chips[count++] = espota_chips[i];
        most = fits > most ? fits : most;
    }
    return count;
}

/* The next kind of memory from `*i` on that has the address, or NULL. */
static const char *next_type(const struct espota_chip *chip, uint32_t address, unsigned *i)
{
    while (*i < ESPOTA_CHIP_MAX_MEMORY && chip->memory[*i].type) {
        unsigned k = (*i)++;
        if (is_in(chip->memory[k].start, chip->memory[k].end, address))
            return chip->memory[k].type;
    }
    return NULL;
}

bool elf_same_memory(const struct espota_chip *chip, uint32_t one, uint32_t other)
{
    unsigned i = 0, k = 0;
    for (;;) {
        const char *a = next_type(chip, one, &i), *b = next_type(chip, other, &k);
        if (!a || !b)
            return a == b;
        if (strcmp(a, b) != 0)
            return false;
    }
}

/* ---- by what its strings say ----------------------------------------------------------------------------
 */

/* Does the text at `at` go on with the chip's name, and no further? */
static bool names_chip(const uint8_t *at, const uint8_t *end, const struct espota_chip *chip)
{
    size_t length = strlen(chip->id);
    return (size_t)(end - at) > length && memcmp(at, chip->id, length) == 0 && !isalnum(at[length]);
}

const struct espota_chip *elf_chip_by_name(const uint8_t *data, size_t size,
                                           const struct espota_chip *const *chips, unsigned count)
{
    uint64_t times[ESPOTA_ELF_MAX_CHIPS] = { 0 }, all = 0;
    const uint8_t *end = data + size, *at = data;
    unsigned best = 0;
    while ((at = memmem(at, (size_t)(end - at), "esp32", 5))) {
        for (unsigned i = 0; (at == data || !isalnum(at[-1])) && i < count; i++)
            times[i] += names_chip(at, end, chips[i]);
        at += 5;
    }
    for (unsigned i = 0; i < count; i++) {
        all += times[i];
        best = times[i] > times[best] ? i : best;
    }
    return count > 0 && times[best] > 0 && times[best] >= CLEARLY * (all - times[best]) ? chips[best] : NULL;
}

/* ---- both -----------------------------------------------------------------------------------------------
 */

int espota_elf_chips(const char *name, const void *elf, size_t size,
                     const struct espota_chip *chips[ESPOTA_ELF_MAX_CHIPS], unsigned *count,
                     struct espota_error *error)
{
    struct elf_program program = { 0 };
    int result = elf_program_open(&program, name, elf, size, error);
    *count = 0;
    if (result == 0 && (*count = elf_chips_by_memory(&program, chips)) == 0)
        result = espota_fail(
            error, ESPOTA_ERR_VERIFY,
            "%s is an ELF file for %s, but no ESP32 that is known here has memory where it wants it", name,
            program.machine == ELF_MACHINE_XTENSA ? "Xtensa" : "RISC-V");
    const struct espota_chip *named = *count > 1 ? elf_chip_by_name(elf, size, chips, *count) : NULL;
    if (named) {
        chips[0] = named;
        *count = 1;
    }
    elf_program_close(&program);
    return result;
}

/* SHA-256 by the engine of an Espressif chip. Sources: ESP32 Technical Reference Manual, SHA Accelerator;
 * ESP-IDF, components/hal/CHIP/include/hal/sha_ll.h, components/soc/CHIP. */
#ifndef ESPOTA_BARE_SHA_ENGINE_H
#define ESPOTA_BARE_SHA_ENGINE_H

#include "digest.h"
#include "registers.h"

#include <stdbool.h>
#include <stdint.h>

struct bare_sha_engine {
    uint32_t base;
    bool first_kind;               /* that of the ESP32 */
    const struct bare_step *steps; /* that give it its clock, and take it out of reset */
    uint8_t count;
};

/* `*hasher` is it, if it computes what is computed without it; `engine` must outlive it. */
bool bare_sha_engine_begin(const struct bare_sha_engine *engine, struct bare_hasher *hasher);

#endif

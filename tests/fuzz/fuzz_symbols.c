/* An ELF file of anybody's, asked for its places, and for a backtrace through a stack of anybody's: its last
 * bytes. */
#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/panic.h"
#include "espota/symbols.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What libdw forgets of a file that is broken in the middle is not ours. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libdw";
}

enum { STACK = 96, PLACES = 8, FRAMES = 16 };

static void ask(struct espota_symbols *symbols, uint32_t address)
{
    struct espota_symbols_place places[PLACES];
    size_t count = espota_symbols_find(symbols, address, places, PLACES);
    if (count > PLACES)
        abort();
    for (size_t i = 0; i < count; i++)
        if (!memchr(places[i].function, '\0', sizeof places[i].function))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct espota_panic panic;
    struct espota_symbols_frame frames[FRAMES];
    struct espota_symbols *symbols = NULL;
    struct espota_error error;
    struct espota_bytes file = { 0 };
    if (size < STACK)
        return 0;
    file.data = malloc(size);
    file.size = size;
    if (!file.data)
        return 0;
    memcpy(file.data, data, size);
    if (espota_symbols_take(&symbols, "fuzz", &file, &error) != 0)
        return 0;
    espota_panic_begin(&panic);
    panic.pc = 0x42000008;
    panic.has_pc = true;
    panic.known = UINT32_MAX;
    panic.x[2] = panic.stack_base = 0x3fc90000;
    panic.stack_length = STACK;
    memcpy(panic.stack, data + size - STACK, STACK);
    for (uint32_t at = 0; at < 0x80; at += 6) {
        ask(symbols, 0x42000000 + at);
        ask(symbols, 0x400d0000 + at);
    }
    size_t count = espota_symbols_unwind(symbols, &panic, frames, FRAMES);
    if (count > FRAMES)
        abort();
    for (size_t i = 0; i < count; i++)
        ask(symbols, frames[i].source);
    espota_symbols_close(symbols);
    return 0;
}

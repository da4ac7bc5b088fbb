#include "espota/log_decoder.h"

#include "espota/error.h"
#include "espota/hex.h"
#include "espota/panic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PLACES = 16, MOST_FRAMES = 64, NOTE_TEXT = 1024, SHORT_SHA256 = 9 };

struct espota_log_decoder {
    struct espota_symbols **files;
    size_t count;
    espota_log_note_fn *tell;
    void *context;
    struct espota_panic panic;
    bool other_build;                         /* the device runs something else */
    char build[2 * ESPOTA_SHA256_LENGTH + 1]; /* what it said last */
};

int espota_log_decoder_open(struct espota_log_decoder **decoder, const char *const *paths, size_t count,
                            espota_log_note_fn *tell, void *context, struct espota_error *error)
{
    struct espota_log_decoder *d = calloc(1, sizeof *d);
    int result = 0;
    if (d)
        d->files = calloc(count + 1, sizeof(void *));
    if (!d || !d->files)
        result = espota_fail_memory(error, "reading ELF files");
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = espota_symbols_open(&d->files[i], paths[i], error);
        d->count += result == 0;
    }
    if (result != 0) {
        espota_log_decoder_close(d);
        return result;
    }
    d->tell = tell;
    d->context = context;
    espota_panic_begin(&d->panic);
    *decoder = d;
    return 0;
}

void espota_log_decoder_close(struct espota_log_decoder *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->count; i++)
        espota_symbols_close(d->files[i]);
    free(d->files);
    free(d);
}

/* ---- places ---------------------------------------------------------------------------------------------
 */

static size_t find_places(struct espota_log_decoder *d, uint32_t address, struct espota_symbols_place *places)
{
    size_t count = 0;
    for (size_t i = 0; i < d->count && count == 0; i++)
        count = espota_symbols_find(d->files[i], address, places, MOST_PLACES);
    return count;
}

/* "read_sensor at src/main.c:12" */
static void describe(char text[NOTE_TEXT], const char *before, const struct espota_symbols_place *place)
{
    const char *function = place->function[0] ? place->function : "??";
    if (!place->file)
        snprintf(text, NOTE_TEXT, "%s%s", before, function);
    else if (place->line == 0)
        snprintf(text, NOTE_TEXT, "%s%s at %s", before, function, place->file);
    else
        snprintf(text, NOTE_TEXT, "%s%s at %s:%u", before, function, place->file, place->line);
}

static void tell_places(struct espota_log_decoder *d, enum espota_log_note note, const char *head,
                        const char *indent, const struct espota_symbols_place *places, size_t count)
{
    char text[NOTE_TEXT], before[64];
    snprintf(before, sizeof before, "%s(inlined by) ", indent);
    for (size_t i = 0; i < count; i++) {
        describe(text, i == 0 ? head : before, &places[i]);
        d->tell(d->context, note, text);
    }
}

/* Of a line that tells where the program was: the ROM is code that no app's ELF file has. Source: the memory
 * maps in the chips' technical reference manuals. */
static bool is_rom(const char *text, size_t length, uint32_t address)
{
    static const char *const words[] = { "Backtrace:", "PC      : ", "MEPC    : ", " at PC " };
    bool tells = false;
    for (size_t i = 0; !tells && i < sizeof words / sizeof words[0]; i++)
        tells = memmem(text, length, words[i], strlen(words[i])) != NULL;
    return tells && ((address >= 0x40000000 && address < 0x40070000) ||
                     (address >= 0x4fc00000 && address < 0x4fc20000));
}

static void decode_addresses(struct espota_log_decoder *d, const char *text, size_t length)
{
    struct espota_symbols_place places[MOST_PLACES];
    uint32_t address;
    for (size_t at = 0; espota_panic_address(text, length, &at, &address);) {
        char head[32];
        bool is_return = address > 0 && espota_panic_is_return(text, at - strlen("0x00000000"));
        size_t count = find_places(d, address - is_return, places);
        snprintf(head, sizeof head, "0x%08" PRIx32 ": ", address);
        if (count == 0 && is_rom(text, length, address)) {
            strcat(head, "in ROM");
            d->tell(d->context, ESPOTA_LOG_NOTE_PLACE, head);
        }
        tell_places(d, ESPOTA_LOG_NOTE_PLACE, head, " ", places, count);
    }
}

/* ---- a panic's backtrace --------------------------------------------------------------------------------
 */

static void decode_panic(struct espota_log_decoder *d)
{
    struct espota_symbols_frame frames[MOST_FRAMES];
    struct espota_symbols_place places[MOST_PLACES];
    size_t count = 0;
    for (size_t i = 0; i < d->count && count < 2; i++)
        count = espota_symbols_unwind(d->files[i], &d->panic, frames, MOST_FRAMES);
    if (count == 0)
        return;
    d->tell(d->context, ESPOTA_LOG_NOTE_FRAME, "Backtrace:");
    for (size_t i = 0; i < count; i++) {
        char head[48];
        size_t found = find_places(d, frames[i].source, places);
        snprintf(head, sizeof head, "#%-2zu 0x%08" PRIx32 " in ", i, frames[i].pc);
        if (found == 0)
            d->tell(d->context, ESPOTA_LOG_NOTE_FRAME, strcat(head, "??"));
        tell_places(d, ESPOTA_LOG_NOTE_FRAME, head, "    ", places, found);
    }
}

/* ---- which build ----------------------------------------------------------------------------------------
 */

/* The file may have been built anew since it was read. */
static bool is_build(struct espota_symbols **file, const char *digits, size_t count)
{
    struct espota_symbols *fresh = NULL;
    struct espota_error ignored;
    if (espota_symbols_is_build(*file, digits, count))
        return true;
    if (espota_symbols_open(&fresh, espota_symbols_path(*file), &ignored) != 0)
        return false;
    if (!espota_symbols_is_build(fresh, digits, count)) {
        espota_symbols_close(fresh);
        return false;
    }
    espota_symbols_close(*file);
    *file = fresh;
    return true;
}

static void tell_other_build(struct espota_log_decoder *d)
{
    char text[NOTE_TEXT], ours[2 * ESPOTA_SHA256_LENGTH + 1];
    espota_hex(espota_symbols_sha256(d->files[0]), ESPOTA_SHA256_LENGTH, ours);
    snprintf(
        text, sizeof text,
        "the app on the device was made from another build (ELF SHA-256 %s) than %s (%.*s): functions and "
        "lines may be wrong",
        d->build, espota_symbols_path(d->files[0]), SHORT_SHA256, ours);
    d->tell(d->context, ESPOTA_LOG_NOTE_OTHER_BUILD, text);
}

static void check_build(struct espota_log_decoder *d, const char *digits, size_t count)
{
    char text[NOTE_TEXT];
    bool same = false;
    if (count >= sizeof d->build)
        return;
    bool said_before = strlen(d->build) == count && memcmp(d->build, digits, count) == 0;
    if (said_before)
        return;
    memcpy(d->build, digits, count);
    d->build[count] = '\0';
    for (size_t i = 0; !same && i < d->count; i++)
        same = is_build(&d->files[i], digits, count);
    if (!same)
        tell_other_build(d);
    else if (d->other_build) {
        snprintf(text, sizeof text, "the device runs the build of %s now", espota_symbols_path(d->files[0]));
        d->tell(d->context, ESPOTA_LOG_NOTE_SAME_BUILD, text);
    }
    d->other_build = !same;
}

void espota_log_decoder_line(struct espota_log_decoder *d, const char *text, size_t length, bool shown)
{
    const char *digits;
    enum espota_panic_event event = espota_panic_line(&d->panic, text, length);
    size_t count = espota_panic_elf_sha256(text, length, &digits);
    if (count > 0 && d->count > 0)
        check_build(d, digits, count);
    if (event == ESPOTA_PANIC_COMPLETE)
        decode_panic(d);
    else if (shown && event == ESPOTA_PANIC_NOTHING)
        decode_addresses(d, text, length);
}

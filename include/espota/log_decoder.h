/** What a console says in addresses, said in the words of the source: with each line that it is given, the
 * places of the code that its addresses stand for, the backtrace of a panic, and whether the app on the
 * device is the build that the ELF files are of. */
#ifndef ESPOTA_LOG_DECODER_H
#define ESPOTA_LOG_DECODER_H

#pragma GCC visibility push(default)

#include "espota/error.h"
#include "espota/symbols.h"

#include <stdbool.h>
#include <stddef.h>

struct espota_log_decoder;

enum espota_log_note {
    ESPOTA_LOG_NOTE_PLACE, /* "0x4200554a: take at src/main.c:11" and " (inlined by) ..." */
    ESPOTA_LOG_NOTE_FRAME, /* of a backtrace: "#0  0x4200554a in take at src/main.c:11"; before the first,
                              "Backtrace:" */
    ESPOTA_LOG_NOTE_OTHER_BUILD, /* the device runs another build: what follows may be wrong */
    ESPOTA_LOG_NOTE_SAME_BUILD,  /* after such a warning: the device runs the build of the file again */
};

/** Told of each line of text that belongs behind the line given. It has no line break. */
typedef void espota_log_note_fn(void *context, enum espota_log_note note, const char *text);

/** A decoder that goes by the ELF files at `paths`, the app's first (a bootloader's, a ROM's may follow).
 * @return 0 and `*decoder`, owned by the caller (espota_log_decoder_close); or what espota_symbols_open
 * returned. */
int espota_log_decoder_open(struct espota_log_decoder **decoder, const char *const *paths, size_t count,
                            espota_log_note_fn *tell, void *context, struct espota_error *error);

/** Close and free. NULL is ignored. */
void espota_log_decoder_close(struct espota_log_decoder *decoder);

/** Take a line of the console, without line break and escape sequences. A file that was built anew is read
 * anew when the device says that it runs that build. `shown`: the line is seen, so that its addresses are of
 * interest; of others only panics are. */
void espota_log_decoder_line(struct espota_log_decoder *decoder, const char *text, size_t length, bool shown);

#pragma GCC visibility pop

#endif

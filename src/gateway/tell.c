/* What all parts of the gateway use: its log, and its patience. */
#include "unit.h"

#include "espota/random.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRST_PAUSE_MS = 10000, LONGEST_PAUSE_S = 3600 };

void gateway_tell(const struct gateway *g, size_t device, enum espota_gateway_event event, const char *format,
                  ...)
{
    char text[1400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    g->options->event(g->options->context, device, event, text);
}

uint64_t gateway_pause_ms(const struct gateway *g, unsigned failures)
{
    uint64_t longest =
        1000ull * (g->options->longest_pause_s ? g->options->longest_pause_s : LONGEST_PAUSE_S);
    uint64_t pause = FIRST_PAUSE_MS;
    uint8_t chance = 128;
    for (unsigned i = 1; i < failures && pause < longest; i++)
        pause *= 2;
    if (pause > longest)
        pause = longest;
    (void)espota_random(&chance, sizeof chance);
    return pause * 3 / 4 + pause * chance / 512; /* 3/4 to 5/4 of it */
}

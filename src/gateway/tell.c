/* What all parts of the gateway use: its log, and its patience. */
#include "unit.h"

#include "espota/clock.h"
#include "espota/random.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    FIRST_PAUSE_MS = 10000,
    LONGEST_PAUSE_S = 3600,
    TOLD_AGAIN_MS = 3600000,
    TOLD_ANEW_MS = 300000, /* after it went well in between */
};

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

void gateway_complain(const struct gateway *g, size_t device, struct trouble *t, const char *format, ...)
{
    char text[1300];
    uint64_t now = espota_now_ms();
    va_list args;
    t->times++;
    if (t->told_ms != 0 && now - t->told_ms < (uint64_t)(t->told ? TOLD_AGAIN_MS : TOLD_ANEW_MS))
        return;
    t->told = true;
    t->told_ms = now;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (t->times > 1)
        gateway_tell(g, device, ESPOTA_GATEWAY_WARNING, "%s (%u times so far)", text, t->times);
    else
        gateway_tell(g, device, ESPOTA_GATEWAY_WARNING, "%s", text);
}

void gateway_relieve(const struct gateway *g, size_t device, struct trouble *t, const char *text)
{
    if (t->told)
        gateway_tell(g, device, ESPOTA_GATEWAY_NOTE, "%s, after %u failure%s", text, t->times,
                     t->times == 1 ? "" : "s");
    t->told = false;
    t->times = 0;
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

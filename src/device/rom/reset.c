#include "espota/reset.h"

#include "espota/error.h"
#include "espota/link.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_WAIT_S = 30 };

struct step {
    bool sets_dtr, sets_rts, dtr, rts;
    unsigned wait_ms;
};

static bool is_level(char c)
{
    return c == '0' || c == '1';
}

/* A wait in seconds, such as 0.1; `end` is behind it. */
static bool parse_wait(const char *text, const char *end, unsigned *ms)
{
    char *stop = NULL;
    double seconds = strtod(text, &stop);
    bool number = text + strspn(text, "0123456789.") == end;
    if (!number || stop != end || !(seconds >= 0 && seconds <= LONGEST_WAIT_S))
        return false;
    *ms = (unsigned)(seconds * 1000 + 0.5);
    return true;
}

static bool parse_step(const char *text, const char *end, struct step *step)
{
    size_t length = (size_t)(end - text);
    *step = (struct step){ 0 };
    if (length == 2 && text[0] == 'D' && is_level(text[1])) {
        step->sets_dtr = true;
        step->dtr = text[1] == '1';
    } else if (length == 2 && text[0] == 'R' && is_level(text[1])) {
        step->sets_rts = true;
        step->rts = text[1] == '1';
    } else if (length == 4 && text[0] == 'U' && is_level(text[1]) && text[2] == ',' && is_level(text[3])) {
        step->sets_dtr = step->sets_rts = true;
        step->dtr = text[1] == '1';
        step->rts = text[3] == '1';
    } else {
        return length >= 2 && text[0] == 'W' && parse_wait(text + 1, end, &step->wait_ms);
    }
    return true;
}

static int take_step(struct espota_link *link, const struct step *step, struct espota_error *error)
{
    if (step->sets_dtr || step->sets_rts)
        return espota_link_set_lines(link, step->sets_dtr ? step->dtr : link->dtr,
                                     step->sets_rts ? step->rts : link->rts, error);
    espota_link_sleep_ms(link, step->wait_ms);
    return 0;
}

/* `link` NULL: only look. */
static int walk(struct espota_link *link, const char *sequence, struct espota_error *error)
{
    int result = 0;
    const char *at = sequence;
    for (;;) {
        const char *end = at + strcspn(at, "|");
        struct step step;
        if (!parse_step(at, end, &step))
            return espota_fail(
                error, ESPOTA_ERR_USAGE,
                "'%.*s' is no step of a reset sequence: use D0 D1 R0 R1 U0,1 and W0.1 between '|'",
                (int)(end - at), at);
        if (link)
            result = take_step(link, &step, error);
        if (result != 0 || *end == '\0')
            return result;
        at = end + 1;
    }
}

int espota_reset_check(const char *sequence, struct espota_error *error)
{
    return walk(NULL, sequence, error);
}

int espota_reset_run(struct espota_link *link, const char *sequence, struct espota_error *error)
{
    int result = walk(NULL, sequence, error);
    return result ? result : walk(link, sequence, error);
}

static bool is_usb_jtag(const struct espota_link *link)
{
    return link->usb_vid == ESPOTA_USB_VID_ESPRESSIF && link->usb_pid == ESPOTA_USB_PID_JTAG;
}

const char *espota_reset_hard_for(const struct espota_link *link)
{
    return link->usb_vid == ESPOTA_USB_VID_ESPRESSIF ? ESPOTA_RESET_HARD_USB : ESPOTA_RESET_HARD;
}

/* CP2102C: its CTS hangs on the chip's RTS, and releasing DTR would reset the chip once more. */
static bool couples_lines(const struct espota_link *link)
{
    return link->usb_vid == 0x10c4 && link->usb_pid == 0xea64;
}

const char *espota_reset_download_for(const struct espota_link *link, unsigned number)
{
    static const char *const known[] = { ESPOTA_RESET_CLASSIC, ESPOTA_RESET_CLASSIC_SLOW };
    static const char *const unknown[] = { ESPOTA_RESET_CLASSIC, ESPOTA_RESET_CLASSIC_SLOW,
                                           ESPOTA_RESET_USB_JTAG };
    if (is_usb_jtag(link))
        return ESPOTA_RESET_USB_JTAG;
    if (couples_lines(link))
        return ESPOTA_RESET_CLASSIC_FLOW;
    return link->usb_vid ? known[number % 2] : unknown[number % 3];
}

/* The door of a WebREPL: extmod/modwebrepl.c and webrepl.py of MicroPython. */
#include "repl.h"

#include "espota/error.h"
#include "espota/link.h"

#include <string.h>

enum {
    PROMPT_MS = 10000,
    LONGEST = 9, /* password that MicroPython takes */
};

/* It lets in one at a time: who comes second is connected, and thrown out without a word. */
static int not_let_in(struct repl *r, int result, struct espota_error *error)
{
    if (result == ESPOTA_ERR_CANCELLED || result == ESPOTA_ERR_NOMEM || result == ESPOTA_ERR_DEVICE)
        return result;
    bool thrown_out = result == ESPOTA_ERR_NO_DEVICE;
    return espota_fail(error, ESPOTA_ERR_NO_DEVICE,
                       thrown_out
                           ? "%s hangs up before it asks for a password: a WebREPL lets in one at a time; "
                             "is somebody else connected?"
                           : "%s does not ask for a password, as a WebREPL does",
                       r->device->name);
}

static int denied(struct repl *r, const char *password, struct espota_error *error)
{
    return espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_GIVE_PASSWORD, "%s has another password%s",
                            r->device->name,
                            strlen(password) > LONGEST ? " (MicroPython's have 9 characters at most)" : "");
}

/* Traces are kept, and shown to others. */
static int send_untraced(struct espota_link *link, const char *password, struct espota_error *error)
{
    void (*trace)(void *, bool, const uint8_t *, size_t) = link->trace;
    link->trace = NULL;
    int result = espota_link_write(link, password, strlen(password), error);
    link->trace = trace;
    return result;
}

int repl_log_in(struct repl *r, const char *password, struct espota_error *error)
{
    static const char *const prompt[] = { "Password: " }, *const verdict[] = { "WebREPL connected",
                                                                               "Access denied" };
    size_t which = 0;
    int result = repl_receive_any(r, prompt, 1, PROMPT_MS, &which, error);
    if (result != 0)
        return not_let_in(r, result, error);
    if (!password)
        return espota_fail_hint(error, ESPOTA_ERR_FAILED, ESPOTA_HINT_GIVE_PASSWORD, "%s asks for a password",
                                r->device->name);
    result = send_untraced(r->link, password, error);
    if (result == 0)
        result = espota_link_write(r->link, "\r", 1, error);
    if (result == 0)
        result = repl_receive_any(r, verdict, 2, PROMPT_MS, &which, error);
    return result == 0 && which == 1 ? denied(r, password, error) : result;
}

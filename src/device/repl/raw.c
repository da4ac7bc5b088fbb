#include "repl.h"

#include <stdio.h>
#include <string.h>

#define CTRL_A "\x01"
#define CTRL_B "\x02"
#define CTRL_C "\x03"
#define CTRL_D "\x04"

enum {
    ATTEMPTS = 5,
    ENTER_MS = 1000,
    ANSWER_MS = 5000,
    PASTE_MS = 30000, /* until it has taken what it runs, however little at a time */
    LOOK_MS = 100,
    LARGEST = 1 << 16, /* what code may print, */
    AT_MOST = 4,       /* and how much longer than it may be silent */
    PIECE = 128,       /* without raw paste: what the receive buffer of any board has room for, */
    PIECE_MS = 20,     /* and how long it takes to be read */
    END = 4,
};

static int receive_byte(struct repl *r, uint8_t *byte, uint64_t deadline, struct espota_error *error)
{
    while (r->input_at == r->input_size) {
        r->input_at = r->input_size = 0;
        if (espota_link_now_ms(r->link) >= deadline)
            return espota_fail(error, ESPOTA_ERR_TIMEOUT, "%s does not come to an end", r->device->name);
        int result = espota_device_receive(r->device, r->link, r->input, sizeof r->input, deadline,
                                           &r->input_size, error);
        if (result == 0 && r->input_size == 0 && espota_link_now_ms(r->link) >= deadline)
            result = espota_fail(error, ESPOTA_ERR_TIMEOUT, "%s does not answer any more", r->device->name);
        if (result != 0)
            return result;
    }
    *byte = r->input[r->input_at++];
    return 0;
}

static bool ends_with(const struct espota_bytes *bytes, const char *end)
{
    size_t length = strlen(end);
    return bytes->size >= length && memcmp(bytes->data + bytes->size - length, end, length) == 0;
}

/* It is at work as long as it prints, but not for ever. */
int repl_receive_any(struct repl *r, const char *const *ends, size_t count, unsigned timeout_ms,
                     size_t *which, struct espota_error *error)
{
    uint64_t last = espota_link_now_ms(r->link) + (uint64_t)AT_MOST * timeout_ms;
    r->printed.size = 0;
    for (;;) {
        uint8_t byte;
        uint64_t deadline = espota_link_now_ms(r->link) + timeout_ms;
        int result = receive_byte(r, &byte, deadline < last ? deadline : last, error);
        if (result == 0 && r->printed.size > LARGEST)
            result = espota_fail(error, ESPOTA_ERR_DEVICE, "%s prints without an end", r->device->name);
        if (result == 0)
            result = espota_bytes_append(&r->printed, &byte, 1, error);
        if (result != 0)
            return result;
        for (*which = 0; *which < count; (*which)++)
            if (ends_with(&r->printed, ends[*which])) {
                r->printed.size -= strlen(ends[*which]);
                r->printed.data[r->printed.size] = '\0';
                return 0;
            }
    }
}

static int receive_until(struct repl *r, const char *end, unsigned timeout_ms, struct espota_error *error)
{
    size_t which;
    return repl_receive_any(r, &end, 1, timeout_ms, &which, error);
}

static int send(struct repl *r, const char *text, size_t length, struct espota_error *error)
{
    return espota_link_write(r->link, text, length, error);
}

static int send_text(struct repl *r, const char *text, struct espota_error *error)
{
    return send(r, text, strlen(text), error);
}

/* ---- entering -------------------------------------------------------------------------------------------
 */

static int try_to_enter(struct repl *r, struct espota_error *error)
{
    int result = send_text(r, "\r" CTRL_C CTRL_C, error);
    if (result != 0)
        return result;
    espota_link_sleep_ms(r->link, LOOK_MS);
    espota_link_drain(r->link);
    r->input_at = r->input_size = 0;
    result = send_text(r, "\r" CTRL_A, error);
    return result ? result : receive_until(r, "raw REPL; CTRL-B to exit\r\n>", ENTER_MS, error);
}

int repl_enter(struct repl *r, struct espota_error *error)
{
    int result = 0;
    for (int i = 0; i < ATTEMPTS; i++) {
        result = try_to_enter(r, error);
        if (result != ESPOTA_ERR_TIMEOUT && result != ESPOTA_ERR_DEVICE)
            return result;
    }
    return espota_fail(
        error, ESPOTA_ERR_NO_DEVICE,
        "no MicroPython REPL answers on %s: does it run MicroPython, with its REPL on this port?",
        r->device->name);
}

/* ---- code -----------------------------------------------------------------------------------------------
 */

static int not_taken(const struct repl *r, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_DEVICE, "%s does not take the code that it was sent",
                       r->device->name);
}

/* More room is told of, that nobody needs: no more often than there is code for. */
static int end_paste(struct repl *r, size_t most, uint64_t deadline, struct espota_error *error)
{
    uint8_t byte = 1;
    int result = send_text(r, CTRL_D, error);
    for (size_t i = 0; result == 0 && byte == 1 && i <= most; i++)
        result = receive_byte(r, &byte, deadline, error);
    return result == 0 && byte != END ? not_taken(r, error) : result;
}

/* Raw paste: it says how much it has room for. */
static int paste(struct repl *r, const char *code, size_t room, size_t window, struct espota_error *error)
{
    size_t left = strlen(code), most = left / window + 2;
    uint64_t deadline = espota_link_now_ms(r->link) + PASTE_MS;
    uint8_t byte = 0;
    while (left > 0) {
        while (room == 0) {
            int result = receive_byte(r, &byte, deadline, error);
            if (result == 0 && byte != 1)
                result = not_taken(r, error);
            if (result != 0)
                return result;
            room += window;
        }
        size_t part = left < room ? left : room;
        int result = send(r, code, part, error);
        if (result != 0)
            return result;
        code += part;
        left -= part;
        room -= part;
    }
    return end_paste(r, most, deadline, error);
}

static int send_pieces(struct repl *r, const char *code, struct espota_error *error)
{
    size_t left = strlen(code);
    int result = 0;
    while (result == 0 && left > 0) {
        size_t part = left < PIECE ? left : PIECE;
        result = send(r, code, part, error);
        code += part;
        left -= part;
        espota_link_sleep_ms(r->link, PIECE_MS);
    }
    if (result == 0)
        result = send_text(r, CTRL_D, error);
    return result ? result : receive_until(r, "OK", ANSWER_MS, error);
}

/* What it answers where it has no raw paste: 'R' 0, or, when it takes it for Ctrl-E, A, Ctrl-A, its greeting.
 */
static int begin_paste(struct repl *r, bool *can, size_t *window, struct espota_error *error)
{
    uint64_t deadline = espota_link_now_ms(r->link) + ANSWER_MS;
    uint8_t answer[2], size[2];
    int result = send_text(r,
                           "\x05"
                           "A" CTRL_A,
                           error);
    for (size_t i = 0; result == 0 && i < sizeof answer; i++)
        result = receive_byte(r, &answer[i], deadline, error);
    *can = result == 0 && answer[0] == 'R' && answer[1] == 1;
    for (size_t i = 0; result == 0 && *can && i < sizeof size; i++)
        result = receive_byte(r, &size[i], deadline, error);
    if (result != 0)
        return result;
    if (*can) {
        *window = size[0] | (size_t)size[1] << 8;
        return *window > 0 ? 0 : espota_fail(error, ESPOTA_ERR_DEVICE, "%s takes no code", r->device->name);
    }
    r->no_paste = true;
    return answer[0] == 'R' ? 0 : receive_until(r, ">", ANSWER_MS, error);
}

static int send_code(struct repl *r, const char *code, struct espota_error *error)
{
    bool can = false;
    size_t window = 0;
    int result = r->no_paste ? 0 : begin_paste(r, &can, &window, error);
    if (result != 0)
        return result;
    return can ? paste(r, code, window, window, error) : send_pieces(r, code, error);
}

/* "Traceback ...\r\nOSError: 5": the last line. */
static int raised(struct repl *r, const char *text, struct espota_error *error)
{
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == '\r' || text[length - 1] == '\n'))
        length--;
    size_t begin = length;
    while (begin > 0 && text[begin - 1] != '\n')
        begin--;
    if (length == 0)
        return espota_fail(error, ESPOTA_ERR_DEVICE, "MicroPython on %s failed, and does not say why",
                           r->device->name);
    return espota_fail(error, ESPOTA_ERR_DEVICE, "MicroPython on %s says %.*s", r->device->name,
                       (int)(length - begin), text + begin);
}

int repl_run(struct repl *r, const char *code, unsigned timeout_ms, struct espota_error *error)
{
    struct espota_bytes printed = { 0 };
    int result = send_code(r, code, error);
    if (result == 0)
        result = receive_until(r, CTRL_D, timeout_ms, error);
    if (result != 0)
        return result;
    printed = r->printed; /* what it raised comes next */
    r->printed = (struct espota_bytes){ 0 };
    result = receive_until(r, CTRL_D ">", ANSWER_MS, error);
    if (result == 0 && r->printed.size > 0)
        result = raised(r, (const char *)r->printed.data, error);
    espota_bytes_free(&r->printed);
    r->printed = printed;
    return result;
}

int repl_start(struct repl *r, const char *code, struct espota_error *error)
{
    int result = send_code(r, code, error);
    espota_link_sleep_ms(r->link, LOOK_MS); /* until it has left the adapter */
    return result;
}

int repl_leave(struct repl *r, bool restart, struct espota_error *error)
{
    int result = send_text(r, restart ? "\r" CTRL_B CTRL_D : "\r" CTRL_B, error);
    espota_link_sleep_ms(r->link, LOOK_MS);
    return result;
}

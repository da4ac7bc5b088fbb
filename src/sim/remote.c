#include "remote.h"

#include <string.h>

void sim_remote_begin(struct sim_remote *remote, const struct sim_remote_events *events)
{
    memset(remote, 0, sizeof *remote);
    remote->events = *events;
}

static void answer_option(struct sim_remote *r, uint8_t verb)
{
    const uint8_t message[] = { ESPOTA_TELNET_IAC, verb, r->telnet.option };
    r->events.send(r->events.context, message, sizeof message);
}

/* Callers such as pySerial's wait for word of the modem's inputs. */
static void tell_modem_state(struct sim_remote *r)
{
    const uint8_t ready = 0x30; /* clear to send, data set ready */
    uint8_t message[ESPOTA_COM_MAX_SIZE];
    r->events.send(r->events.context, message,
                   espota_com_command(ESPOTA_COM_NOTIFY_MODEM_STATE, &ready, 1, message));
}

/* What we know is agreed to, once, and the rest declined. */
static void take_option(struct sim_remote *r)
{
    uint8_t verb = r->telnet.verb, option = r->telnet.option;
    bool known = option == ESPOTA_TELNET_BINARY || option == ESPOTA_TELNET_SUPPRESS_GO_AHEAD ||
                 option == ESPOTA_TELNET_COM_PORT;
    bool *answered = &r->answered[verb == ESPOTA_TELNET_WILL][option];
    if ((verb != ESPOTA_TELNET_WILL && verb != ESPOTA_TELNET_DO) || *answered)
        return;
    *answered = true;
    if (verb == ESPOTA_TELNET_WILL)
        answer_option(r, known ? ESPOTA_TELNET_DO : ESPOTA_TELNET_DONT);
    else
        answer_option(r, known ? ESPOTA_TELNET_WILL : ESPOTA_TELNET_WONT);
    if (option == ESPOTA_TELNET_COM_PORT)
        tell_modem_state(r);
}

static void control(struct sim_remote *r, uint8_t value)
{
    switch (value) {
    case ESPOTA_COM_DTR_ON:
    case ESPOTA_COM_DTR_OFF:
        r->dtr = value == ESPOTA_COM_DTR_ON;
        break;
    case ESPOTA_COM_RTS_ON:
    case ESPOTA_COM_RTS_OFF:
        r->rts = value == ESPOTA_COM_RTS_ON;
        break;
    default:
        return;
    }
    r->events.lines(r->events.context, r->dtr, r->rts);
}

/* Whatever is asked for is confirmed as it was asked. */
static void take_command(struct sim_remote *r)
{
    const uint8_t *sub = r->telnet.sub;
    uint8_t message[ESPOTA_COM_MAX_SIZE];
    if (r->telnet.sub_length < 3 || sub[0] != ESPOTA_TELNET_COM_PORT || sub[1] >= ESPOTA_COM_ANSWER)
        return;
    size_t size = r->telnet.sub_length - 2;
    if (sub[1] == ESPOTA_COM_CONTROL)
        control(r, sub[2]);
    if (sub[1] == ESPOTA_COM_BAUDRATE && size == 4)
        r->events.baud(r->events.context,
                       (uint32_t)sub[2] << 24 | (uint32_t)sub[3] << 16 | (uint32_t)sub[4] << 8 | sub[5]);
    r->events.send(r->events.context, message,
                   espota_com_command((uint8_t)(sub[1] + ESPOTA_COM_ANSWER), sub + 2, size, message));
}

bool sim_remote_byte(struct sim_remote *r, uint8_t byte)
{
    enum espota_telnet_event event = espota_telnet_byte(&r->telnet, byte);
    if (event == ESPOTA_TELNET_OPTION)
        take_option(r);
    else if (event == ESPOTA_TELNET_SUB)
        take_command(r);
    return event == ESPOTA_TELNET_DATA;
}

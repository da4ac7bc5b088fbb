#include "espota/telnet.h"

enum state { IN_DATA, AFTER_IAC, AFTER_VERB, IN_SUB, IAC_IN_SUB };

static void store(struct espota_telnet *t, uint8_t byte)
{
    if (t->sub_length < ESPOTA_TELNET_MAX_SUB)
        t->sub[t->sub_length++] = byte;
}

static enum espota_telnet_event after_iac(struct espota_telnet *t, uint8_t byte)
{
    t->verb = byte;
    t->sub_length = 0;
    t->state = IN_DATA;
    if (byte == ESPOTA_TELNET_SB)
        t->state = IN_SUB;
    else if (byte >= ESPOTA_TELNET_WILL && byte <= ESPOTA_TELNET_DONT)
        t->state = AFTER_VERB;
    return byte == ESPOTA_TELNET_IAC ? ESPOTA_TELNET_DATA : ESPOTA_TELNET_NOTHING;
}

enum espota_telnet_event espota_telnet_byte(struct espota_telnet *t, uint8_t byte)
{
    switch ((enum state)t->state) {
    case IN_DATA:
        if (byte != ESPOTA_TELNET_IAC)
            return ESPOTA_TELNET_DATA;
        t->state = AFTER_IAC;
        break;
    case AFTER_IAC:
        return after_iac(t, byte);
    case AFTER_VERB:
        t->option = byte;
        t->state = IN_DATA;
        return ESPOTA_TELNET_OPTION;
    case IN_SUB:
        if (byte == ESPOTA_TELNET_IAC)
            t->state = IAC_IN_SUB;
        else
            store(t, byte);
        break;
    case IAC_IN_SUB:
        t->state = byte == ESPOTA_TELNET_SE ? IN_DATA : IN_SUB;
        if (byte == ESPOTA_TELNET_SE)
            return ESPOTA_TELNET_SUB;
        store(t, byte);
        break;
    }
    return ESPOTA_TELNET_NOTHING;
}

size_t espota_telnet_escape(const void *data, size_t size, uint8_t *out)
{
    const uint8_t *bytes = data;
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        out[length++] = bytes[i];
        if (bytes[i] == ESPOTA_TELNET_IAC)
            out[length++] = ESPOTA_TELNET_IAC;
    }
    return length;
}

size_t espota_com_command(uint8_t command, const void *value, size_t size, uint8_t out[ESPOTA_COM_MAX_SIZE])
{
    size_t length = 0;
    out[length++] = ESPOTA_TELNET_IAC;
    out[length++] = ESPOTA_TELNET_SB;
    out[length++] = ESPOTA_TELNET_COM_PORT;
    length += espota_telnet_escape(&command, 1, out + length);
    length += espota_telnet_escape(value, size < 8 ? size : 8, out + length);
    out[length++] = ESPOTA_TELNET_IAC;
    out[length++] = ESPOTA_TELNET_SE;
    return length;
}

/** Telnet as RFC 2217 needs it to carry a serial port: data bytes, options, subnegotiations.
 *
 * 255 (IAC) begins everything that is not data; as data it is doubled. Sources: RFC 854, RFC 855, RFC 2217.
 * Pure: no I/O, no allocation. */
#ifndef ESPOTA_TELNET_H
#define ESPOTA_TELNET_H

#pragma GCC visibility push(default)

#include <stddef.h>
#include <stdint.h>

enum espota_telnet_code {
    ESPOTA_TELNET_SE = 240,
    ESPOTA_TELNET_SB = 250,
    ESPOTA_TELNET_WILL = 251,
    ESPOTA_TELNET_WONT = 252,
    ESPOTA_TELNET_DO = 253,
    ESPOTA_TELNET_DONT = 254,
    ESPOTA_TELNET_IAC = 255,
};

enum espota_telnet_option {
    ESPOTA_TELNET_BINARY = 0,
    ESPOTA_TELNET_SUPPRESS_GO_AHEAD = 3,
    ESPOTA_TELNET_COM_PORT = 44,
};

/** Commands of the COM port option; a server answers with 100 more. */
enum espota_com_port {
    ESPOTA_COM_BAUDRATE = 1, /* 4 bytes, big-endian */
    ESPOTA_COM_DATASIZE = 2,
    ESPOTA_COM_PARITY = 3,
    ESPOTA_COM_STOPSIZE = 4,
    ESPOTA_COM_CONTROL = 5,
    ESPOTA_COM_PURGE = 12,
    ESPOTA_COM_ANSWER = 100,
    ESPOTA_COM_NOTIFY_MODEM_STATE = 107, /* from a server, unasked: the modem's inputs */
};

/** Values of ESPOTA_COM_CONTROL. */
enum espota_com_control {
    ESPOTA_COM_NO_FLOW_CONTROL = 1,
    ESPOTA_COM_DTR_ON = 8,
    ESPOTA_COM_DTR_OFF = 9,
    ESPOTA_COM_RTS_ON = 11,
    ESPOTA_COM_RTS_OFF = 12,
};

#define ESPOTA_TELNET_MAX_SUB 16u

enum espota_telnet_event {
    ESPOTA_TELNET_NOTHING, /* part of something */
    ESPOTA_TELNET_DATA,    /* the byte is data */
    ESPOTA_TELNET_OPTION,  /* `verb` (WILL, WONT, DO, DONT) for `option` */
    ESPOTA_TELNET_SUB,     /* `sub` of `sub_length` bytes: option, command, value */
};

/** What has come so far. Zero-initialise. */
struct espota_telnet {
    int state;
    uint8_t verb, option;
    uint8_t sub[ESPOTA_TELNET_MAX_SUB]; /* cut off at its size */
    size_t sub_length;
};

/** Take the next byte from the other end. */
enum espota_telnet_event espota_telnet_byte(struct espota_telnet *telnet, uint8_t byte);

/** Data as it goes over the wire; `out` has room for 2 * size. @return its length. */
size_t espota_telnet_escape(const void *data, size_t size, uint8_t *out);

/** A command of the COM port option with up to 8 bytes of value; `out` has room for ESPOTA_COM_MAX_SIZE.
 * @return its length. */
#define ESPOTA_COM_MAX_SIZE 24u
size_t espota_com_command(uint8_t command, const void *value, size_t size, uint8_t out[ESPOTA_COM_MAX_SIZE]);

#pragma GCC visibility pop

#endif

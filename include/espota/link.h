/** Byte streams to a device: a serial port (also a pty), TCP to a serial bridge, an emulator or an agent, or
 * a serial port on another machine by RFC 2217; a WebSocket's text frames (RFC 6455), for WebREPL.
 *
 * A link moves bytes and knows nothing of protocols. Framing (espota/slip.h) and the devices stand above it.
 */
#ifndef ESPOTA_LINK_H
#define ESPOTA_LINK_H

#pragma GCC visibility push(default)

#include "espota/clock.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct espota_link;

/** What a kind of link can do. `set_baud` and `set_lines` are NULL where the link has no such thing. Who uses
 * a link asks the functions below, not this table. */
struct espota_link_ops {
    /** Read what is there, at most `size` bytes; wait up to `timeout_ms` for the first. `*got` 0: nothing
     * came in time. @return 0, or ESPOTA_ERR_NO_DEVICE when the link broke. */
    int (*read)(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                struct espota_error *error);
    /** Write all bytes. @return 0, or ESPOTA_ERR_NO_DEVICE when the link broke or does not take them. */
    int (*write)(struct espota_link *link, const void *data, size_t size, struct espota_error *error);
    /** Bits per second for both directions, after what was written has left. */
    int (*set_baud)(struct espota_link *link, uint32_t baud, struct espota_error *error);
    /** Drive the modem control lines DTR and RTS (true: asserted, electrically low): both at once where the
     * link can, otherwise DTR first. */
    int (*set_lines)(struct espota_link *link, bool dtr, bool rts, struct espota_error *error);
    /** Open the same port again, after the device behind it has left the bus and come back. NULL: cannot. */
    int (*reopen)(struct espota_link *link, struct espota_error *error);
    /** Call the same address again, after the other end has hung up. NULL: cannot. */
    int (*call_again)(struct espota_link *link, struct espota_error *error);
    /** Throw away what was received and not read. */
    void (*drain)(struct espota_link *link);
    void (*close)(struct espota_link *link);
};

struct espota_link {
    const struct espota_link_ops *ops;
    char name[256];            /* as the user gave it, for messages */
    bool kept;                 /* the next espota_link_close leaves it open, and takes this back */
    bool lost;                 /* reading or writing found the connection broken */
    bool has_lines;            /* set_lines works here */
    bool dtr, rts;             /* their state, once they were set */
    uint16_t usb_vid, usb_pid; /* of the USB device that the port is on, 0: not known */
    uint32_t baud;             /* current rate, 0 where there is none */
    uint8_t *unread;           /* what espota_link_unread gave back; its bytes from unread_at on */
    size_t unread_at, unread_count;
    uint64_t bytes_in, bytes_out;     /* since it was opened */
    const struct espota_clock *clock; /* by which whoever uses the link waits; NULL: the system's */
    /** Called with everything that goes over the link when set (-v -v). */
    void (*trace)(void *context, bool out, const uint8_t *data, size_t size);
    void *trace_context;
    /** Asked while a write has to wait, when set. */
    bool (*cancelled)(void *context);
    void *cancelled_context;
};

/** Open `port`: a device path, tcp://host:port (also socket://, as pySerial writes it), rfc2217://host:port
 * (what follows a '?' is ignored), or ws://host:port/path (80, /). `baud` is for serial ports. @return 0 and
 * `*link`, owned by the caller (espota_link_close); or ESPOTA_ERR_USAGE for a malformed address,
 * ESPOTA_ERR_NO_DEVICE when it cannot be opened, ESPOTA_ERR_UNSUPPORTED for wss://, ESPOTA_ERR_NOMEM. */
int espota_link_open(struct espota_link **link, const char *port, uint32_t baud, struct espota_error *error);

/** How long to wait until a link is open, where that can take long: for a name server, a host. */
struct espota_link_patience {
    unsigned timeout_ms;              /* for all of it; 0: 10000 */
    bool (*cancelled)(void *context); /* shall it stop? Asked while waiting; NULL: it never shall */
    void *context;
};

/** The same with patience of its own. @return also ESPOTA_ERR_CANCELLED. */
int espota_link_open_within(struct espota_link **link, const char *port, uint32_t baud,
                            const struct espota_link_patience *patience, struct espota_error *error);

/** A link over a connected stream socket or pipe pair end, which it then owns (used by the simulator's
 * tests). */
int espota_link_from_fd(struct espota_link **link, int fd, const char *name, struct espota_error *error);

/** Close and free, unless it is `kept`: a device closes the link that it was given, and somebody may go on
 * with it. NULL is ignored. */
void espota_link_close(struct espota_link *link);

int espota_link_read(struct espota_link *link, void *buffer, size_t size, unsigned timeout_ms, size_t *got,
                     struct espota_error *error);
int espota_link_write(struct espota_link *link, const void *data, size_t size, struct espota_error *error);

/** Give back what was read and is for who reads next: a console that begins right behind an answer. What
 * there is no memory for is lost. */
void espota_link_unread(struct espota_link *link, const void *data, size_t size);

/** Is there a rate to change? */
bool espota_link_has_baud(const struct espota_link *link);

/** Change the rate where there is one; nothing to do on other links. */
int espota_link_set_baud(struct espota_link *link, uint32_t baud, struct espota_error *error);

/** Drive DTR and RTS. @return ESPOTA_ERR_UNSUPPORTED where there are no control lines. */
int espota_link_set_lines(struct espota_link *link, bool dtr, bool rts, struct espota_error *error);

/** For kinds of links: whether to stop waiting. */
bool espota_link_cancelled(const struct espota_link *link);

/** Throw away what was received and not read. */
void espota_link_drain(struct espota_link *link);

/** Time by the link's clock. */
uint64_t espota_link_now_ms(const struct espota_link *link);
void espota_link_sleep_ms(const struct espota_link *link, unsigned ms);

/** Can the same port be opened again, after the device behind it has left the bus? */
bool espota_link_can_reopen(const struct espota_link *link);

/** Open the same port again, waiting up to `wait_ms` for it to come back. @return ESPOTA_ERR_NO_DEVICE when
 * it does not, ESPOTA_ERR_UNSUPPORTED on links that cannot. */
int espota_link_reopen(struct espota_link *link, unsigned wait_ms, struct espota_error *error);

/** Call the same address again, where the other end has hung up (`lost`): a device on a network that has room
 * for few callers gives the place of one who has not proved himself to the next. What was not read is gone.
 * @return ESPOTA_ERR_NO_DEVICE when nobody answers there, ESPOTA_ERR_CANCELLED, ESPOTA_ERR_UNSUPPORTED on
 * links that call nobody. */
int espota_link_call_again(struct espota_link *link, struct espota_error *error);

#pragma GCC visibility pop

#endif

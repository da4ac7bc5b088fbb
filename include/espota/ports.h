/** Serial ports of this machine: which there are, which of them look like boards, and what keeps one from
 * being opened. */
#ifndef ESPOTA_PORTS_H
#define ESPOTA_PORTS_H

#pragma GCC visibility push(default)

#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum espota_port_state {
    ESPOTA_PORT_FREE,
    ESPOTA_PORT_DENIED, /* no permission */
    ESPOTA_PORT_BUSY,   /* another program has it open */
    ESPOTA_PORT_GONE,   /* unplugged, or no port at all */
};

struct espota_port {
    char path[128];
    uint16_t vid, pid; /* USB; 0: not on USB */
    char product[64];  /* what the USB device calls itself; may be empty */
    char serial[64];
    const char *adapter; /* what it is, when the ids are known (espota_port_adapter); or NULL */
    enum espota_port_state state;
    char reason[256]; /* why it cannot be opened and what to do, empty when it can */
};

/** What kind of adapter or chip these USB ids stand for: "CP2102", "USB-Serial/JTAG". NULL when unknown.
 * Static storage. */
const char *espota_port_adapter(uint16_t vid, uint16_t pid);

/** All serial ports. @return 0 and `*ports`, for the caller to free(); ESPOTA_ERR_IO, ESPOTA_ERR_NOMEM. */
int espota_ports_list(struct espota_port **ports, size_t *count, struct espota_error *error);

/** The one port that looks like a board. @return ESPOTA_ERR_USAGE when there is none or more than one, with
 * them named. */
int espota_ports_choose(const struct espota_port *ports, size_t count, const struct espota_port **chosen,
                        struct espota_error *error);

/** Leave those that are as `filter` says: conditions vid=NUMBER, pid=NUMBER (hexadecimal, with 0x or
 * without), serial=TEXT, name=TEXT (a part of the serial number, of path or product), separated by commas. Of
 * several of one kind, one has to hold. The words are esptool's. @return ESPOTA_ERR_USAGE for what is no
 * filter. */
int espota_ports_filter(struct espota_port *ports, size_t *count, const char *filter,
                        struct espota_error *error);

/** The one port that a filter has left, whatever it looks like. @return ESPOTA_ERR_NO_DEVICE when there is
 * none, ESPOTA_ERR_USAGE when there are more, with them named. */
int espota_ports_only(const struct espota_port *ports, size_t count, const char *filter,
                      const struct espota_port **chosen, struct espota_error *error);

/** Look whether `path` can be opened: fills in state and reason. */
void espota_port_examine(struct espota_port *port);

/** Another program that has the terminal at `path` open: "minicom (pid 4711)". Whoever made a
 * pseudo-terminal does not count. @return false when none was found. */
bool espota_port_holder(const char *path, char *text, size_t room);

#pragma GCC visibility pop

#endif

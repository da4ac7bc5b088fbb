/* Options and helpers of the commands that talk to a device. */
#ifndef ESPOTA_CLI_CONNECT_H
#define ESPOTA_CLI_CONNECT_H

#include "cli.h"

#include "espota/device.h"

struct connect_options {
    const char *port, *host, *chip, *before, *after, *key, *baud, *via;
    uint32_t create_size; /* of a file: that is not there; 0: it has to be */
};

#define CONNECT_OPTION(type, member, field) offsetof(type, member) + offsetof(struct connect_options, field)
/* `letter` stands for --baud; 0 where the command has another use for b. */
#define CONNECT_PORT_ROWS_WITH(type, member, letter)                                                          \
    {                                                                                                         \
        "port",      'p',                                                                                     \
        OPTION_TEXT, CONNECT_OPTION(type, member, port),                                                      \
        "PORT",      "serial port, tcp://host:port, rfc2217://host:port, or file:FLASH (the one board found)" \
    },                                                                                                        \
        { "baud",      letter,                                                                                \
          OPTION_TEXT, CONNECT_OPTION(type, member, baud),                                                    \
          "RATE",      "bits per second, or auto: the highest that works (115200)" },                         \
    {                                                                                                         \
        "chip", 'c', OPTION_TEXT, CONNECT_OPTION(type, member, chip), "CHIP", "esp32, esp32c3 ... (auto)"     \
    }
#define CONNECT_PORT_ROWS(type, member) CONNECT_PORT_ROWS_WITH(type, member, 'b')
#define CONNECT_AGENT_ROWS(type, member)                                                                     \
    { "host",      0,                                                                                        \
      OPTION_TEXT, CONNECT_OPTION(type, member, host),                                                       \
      "HOST",      "agent on the network: NAME or NAME:PORT (3232)" },                                       \
    {                                                                                                        \
        "key", 'k', OPTION_TEXT, CONNECT_OPTION(type, member, key), "FILE", "file with the device's key"     \
    }
#define CONNECT_VIA_ROW(type, member, usual)                                                                 \
    {                                                                                                        \
        "via", 0, OPTION_TEXT, CONNECT_OPTION(type, member, via), "WHAT",                                    \
            "rom: the chip's bootloader; agent: espota's agent on it (" usual ")"                            \
    }
#define CONNECT_ROM_ROWS(type, member)                                                                       \
    { "before",    0,                                                                                        \
      OPTION_TEXT, CONNECT_OPTION(type, member, before),                                                     \
      "HOW",       "default-reset, classic-reset, usb-reset, no-reset, or a sequence: D0|R1|W0.1|..." },     \
    {                                                                                                        \
        "after", 0, OPTION_TEXT, CONNECT_OPTION(type, member, after), "HOW",                                 \
            "hard-reset, soft-reset, watchdog-reset, no-reset, or a sequence (hard-reset)"                   \
    }

enum connect_via { VIA_ROM, VIA_AGENT };

/* Open the device that the options name; `usual` is how when they do not say. --port file:X is a flash file
 * for either. */
int connect_device(struct cli *cli, const struct connect_options *options, enum connect_via usual,
                   struct espota_device **device, struct espota_error *error);

/* Do the options name a device, and make sense? Nothing is opened. */
int connect_check(const struct cli *cli, const struct connect_options *options, enum connect_via usual,
                  struct espota_error *error);

/* Through the ROM, for looking only: a chip in secure download mode will do. */
int connect_to_look(struct cli *cli, const struct connect_options *options, struct espota_device **device,
                    struct espota_error *error);

/* Close it. When all went well, or was stopped on request before anything changed, and its app was stopped
 * for us, restart it first. `result` is that of the work done. @return `result`, or what the restart
 * returned. */
int disconnect_device(struct espota_device *device, int result, struct espota_error *error);

/* Connect, work, disconnect. */
int work_on_device(struct cli *cli, const struct connect_options *connect, enum connect_via usual,
                   int (*work)(struct cli *cli, const void *options, struct espota_device *device,
                               struct espota_error *error),
                   const void *options, struct espota_error *error);

/* The port alone, for what is no device: reset, monitor. `port` is the choice made. */
int connect_port(struct cli *cli, const struct connect_options *options, struct espota_link **link,
                 struct espota_error *error);

/* Writing to a chip that boots only what is signed, or whose flash is encrypted, breaks it: refuse, unless
 * `force`. */
int check_security(struct cli *cli, const struct espota_device *device, bool force,
                   struct espota_error *error);

/* The key in a file: 32 to 64 bytes as hex, with a warning when others can read it. `key` has room for 64. */
int read_key(struct cli *cli, const char *path, uint8_t *key, size_t *length, struct espota_error *error);

/* "AA:BB:..." */
#define MAC_TEXT 18
const char *mac_text(const uint8_t mac[6], char text[MAC_TEXT]);
/* Null where it has none. */
void field_mac(struct fields *to, const char *key, const struct espota_device_info *info);

#endif

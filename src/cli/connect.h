/* Options and helpers of the commands that talk to a device. */
#ifndef ESPOTA_CLI_CONNECT_H
#define ESPOTA_CLI_CONNECT_H

#include "cli.h"

#include "espota/device.h"

struct connect_options {
    const char *port, *host, *chip, *before, *after, *key;
    struct number_option baud;
};

#define CONNECT_OPTION(type, member, field) offsetof(type, member) + offsetof(struct connect_options, field)
#define CONNECT_PORT_ROWS(type, member)                                                                      \
    { "port",      'p',                                                                                      \
      OPTION_TEXT, CONNECT_OPTION(type, member, port),                                                       \
      "PORT",      "serial port, tcp://host:port, or file:FLASH (or ESPOTA_PORT, ESPTOOL_PORT)" },           \
        { "baud",        'b',                                                                                \
          OPTION_NUMBER, CONNECT_OPTION(type, member, baud),                                                 \
          "RATE",        "bits per second (or ESPOTA_BAUD, ESPTOOL_BAUD)" },                                 \
    {                                                                                                        \
        "chip", 'c', OPTION_TEXT, CONNECT_OPTION(type, member, chip), "CHIP", "esp32, esp32c3 ... (auto)"    \
    }
#define CONNECT_AGENT_ROWS(type, member)                                                                     \
    { "host",      0,                                                                                        \
      OPTION_TEXT, CONNECT_OPTION(type, member, host),                                                       \
      "HOST",      "agent on the network: NAME or NAME:PORT (3232)" },                                       \
    {                                                                                                        \
        "key", 'k', OPTION_TEXT, CONNECT_OPTION(type, member, key), "FILE", "file with the device's key"     \
    }
#define CONNECT_ROM_ROWS(type, member)                                                                       \
    { "before",    0,                                                                                        \
      OPTION_TEXT, CONNECT_OPTION(type, member, before),                                                     \
      "HOW",       "default-reset, or no-reset: already in download mode" },                                 \
    {                                                                                                        \
        "after", 0, OPTION_TEXT, CONNECT_OPTION(type, member, after), "HOW",                                 \
            "hard-reset (default), or no-reset: stay in download mode"                                       \
    }

/* Open the device that the options name. --port file:X is a flash file for either. */
int connect_rom(struct cli *cli, const struct connect_options *options, struct espota_device **device,
                struct espota_error *error);
int connect_agent(struct cli *cli, const struct connect_options *options, struct espota_device **device,
                  struct espota_error *error);

/* The key in a file: 32 to 64 bytes as hex. `key` has room for 64. */
int read_key(const char *path, uint8_t *key, size_t *length, struct espota_error *error);

/* Progress of `what`, `total` bytes, through the device's watch. */
void start_progress(struct cli *cli, const char *what, uint64_t total);

/* "AA:BB:..." */
#define MAC_TEXT 18
const char *mac_text(const uint8_t mac[6], char text[MAC_TEXT]);

#endif

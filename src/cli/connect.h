/* Options and helpers of the commands that talk to a device. */
#ifndef ESPOTA_CLI_CONNECT_H
#define ESPOTA_CLI_CONNECT_H

#include "cli.h"

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/link.h"

struct connect_options {
    const char *port, *host, *chip, *before, *after, *key, *baud, *monitor_baud, *via, *password_file;
    struct list_option port_filter;
    bool no_stub;
    bool no_flash;   /* the command works with no flash: the stub is not loaded for it */
    bool rom_itself; /* nor is one of an earlier command good enough */
    bool starts;     /* what the command leaves is to run, also where that cannot be undone */
    struct espota_link *
        *console;         /* the link stays open for who watches it, and is left here; NULL: it does not */
    uint32_t create_size; /* of a file: that is not there; 0: it has to be */
    struct list_option ports, hosts; /* as given; `port` and `host` are the one */
};

/* The device, where one was named. */
void connect_settle(struct connect_options *options);

/* Option groups over struct connect_options. */
extern const struct option_spec port_options[], agent_options[], rom_options[];
/* --via, by what is usual; where a REPL will do, with its password. */
extern const struct option_spec via_rom_option[], via_agent_option[], via_lines_option[];

/* All of them, for a command whose struct options has them as `connect`. */
#define CONNECT_GROUP(group)                                                                                 \
    {                                                                                                        \
        group, offsetof(struct options, connect)                                                             \
    }
#define CONNECT_GROUPS(via_option)                                                                           \
    CONNECT_GROUP(port_options), CONNECT_GROUP(agent_options), CONNECT_GROUP(via_option),                    \
        CONNECT_GROUP(rom_options)

enum connect_via { VIA_ROM, VIA_AGENT, VIA_REPL };

/* Open the device that the options name; `usual` is how when they do not say. --port file:X is a flash file
 * for either. */
int connect_device(struct cli *cli, const struct connect_options *options, enum connect_via usual,
                   struct espota_device **device, struct espota_error *error);

/* Is the device meant to be a WebREPL, where one was named? When it restarts, the connection is gone. */
bool connect_is_web(const struct connect_options *options);

/* Do the options name a device, and make sense? Nothing is opened. */
int connect_check(const struct cli *cli, const struct connect_options *options, enum connect_via usual,
                  struct espota_error *error);

/* Through the ROM, for looking only: a chip in secure download mode will do. So does a stub that runs
 * already. */
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
/* The same of a file that was read. */
int parse_key(const char *path, const struct espota_bytes *text, uint8_t *key, size_t *length,
              struct espota_error *error);

/* The password in the first line of a file, with the same warning. */
enum { PASSWORD_ROOM = 256 };
int read_password(struct cli *cli, const char *path, char password[PASSWORD_ROOM],
                  struct espota_error *error);

/* Null where it has none. */
void field_mac(struct fields *to, const char *key, const struct espota_device_info *info);

#endif

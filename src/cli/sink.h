/* Devices of others, as 'espota ota' reaches them: firmware that takes whole images over the network. */
#ifndef ESPOTA_CLI_SINK_H
#define ESPOTA_CLI_SINK_H

#include "cli.h"
#include "connect.h"

#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"

#include <stdbool.h>

struct sink_options {
    const char *arduino, *esphome, *http_upload, *listen_at;
    struct number_option listen_port, return_timeout;
    bool file_system;
    bool listed; /* some of many devices are such ones */
};

/* An option group over struct sink_options. */
extern const struct option_spec sink_options[];

/* Is the device one of those? */
bool sink_is_wanted(const struct sink_options *options);

/* What speaks there, where `address` (arduino://HOST, esphome://HOST, a URL) is that of such a device; else
 * NULL. */
const char *sink_speaks(const char *address);
/* It is meant, and no agent; `password` is its file, NULL: what the options say. */
void sink_take(struct sink_options *options, struct connect_options *connect, const char *address,
               const char *password);

/* Before anything is done; also where none is wanted: these options are for one. */
int sink_check(const struct sink_options *options, const struct connect_options *connect,
               struct espota_error *error);

/* What is known of the device before it is asked. */
int sink_info(const struct sink_options *options, const struct connect_options *connect,
              struct espota_device_info *info, struct espota_error *error);

/* Open it for an image, and say what it does not promise. */
int sink_open(struct cli *cli, const struct sink_options *options, const struct connect_options *connect,
              const char *name, const struct espota_bytes *image, struct espota_device **device,
              struct espota_error *error);

/* It has the image, and restarts by itself: wait for it, and set `*returned`. */
int sink_await_return(struct cli *cli, const struct sink_options *options, struct espota_device *device,
                      bool *returned, struct espota_error *error);

/* What a result says of it: what it lacks, and whether it came back. */
void sink_fields(struct fields *document, const struct espota_device *device, bool returned);
/* The same in words. @return false when it is of another device. */
bool sink_sum_up(const struct fields *result, char words[FLEET_WORDS]);

#endif

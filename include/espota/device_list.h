/** A file that lists devices: CSV with a title line. `name` and `address` are needed, `key`, `tags` and
 * `token` may be there, columns that are not known are passed over:
 *
 *     name,address,key,tags
 *     kitchen,192.168.1.20,kitchen.key,beta heated
 *     bench,/dev/ttyUSB0,,lab
 *     plug,arduino://plug.local,plug.password
 *
 * Blank lines and lines that begin with # are passed over. A field in "quotes" may hold commas, and quotes
 * doubled. A relative path of a key or token is relative to the list. */
#ifndef ESPOTA_DEVICE_LIST_H
#define ESPOTA_DEVICE_LIST_H

#pragma GCC visibility push(default)

#include "espota/buffer.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { ESPOTA_DEVICE_LIST_MOST = 100000, ESPOTA_DEVICE_LIST_MOST_BYTES = 64 << 20 };

struct espota_listed_device {
    const char *name;    /* each once */
    const char *address; /* see enum espota_address_kind */
    const char *key;     /* path of its key, or of the password of firmware of others; NULL: none */
    const char *tags;    /* separated by blanks; may be empty */
    const char *token;   /* path of its token for an update server; NULL: none */
};

struct espota_device_list {
    struct espota_listed_device *device;
    size_t count;
    char *text; /* in which all of the above lies */
};

/** Read a list. @return ESPOTA_ERR_IO when it cannot be read, ESPOTA_ERR_USAGE when it is no such list: the
 * message names the line. Free it with espota_device_list_free. */
int espota_device_list_read(struct espota_device_list *list, const char *path, struct espota_error *error);
/** The same of a file that was read already; `path` is where from, for messages and for what lies beside it.
 */
int espota_device_list_parse(struct espota_device_list *list, const char *path,
                             const struct espota_bytes *file, struct espota_error *error);
void espota_device_list_free(struct espota_device_list *list);

/** A list in the making: what reads another format takes one device after another. */
struct espota_device_list_maker;
/** `path` of the list, for messages and for what lies beside it, has to outlive it. */
int espota_device_list_begin(struct espota_device_list_maker **maker, const char *path,
                             struct espota_error *error);
/** Copies the device, without blanks around its fields; NULL: it has none of that. `where` in the list, such
 * as "line 3". @return ESPOTA_ERR_USAGE for one without a name or an address, or with control characters. */
int espota_device_list_add(struct espota_device_list_maker *maker, const struct espota_listed_device *device,
                           const char *where, struct espota_error *error);
/** The list; frees the maker. @return ESPOTA_ERR_USAGE when a name is there twice. */
int espota_device_list_end(struct espota_device_list_maker *maker, struct espota_device_list *list,
                           struct espota_error *error);
/** In its place. NULL is allowed. */
void espota_device_list_abandon(struct espota_device_list_maker *maker);

/** Where a device is, and what is expected to answer there. */
enum espota_address_kind {
    ESPOTA_ADDRESS_HOST,       /* an agent: NAME or NAME:PORT */
    ESPOTA_ADDRESS_PORT,       /* a path, tcp://..., rfc2217://..., file:... */
    ESPOTA_ADDRESS_ARDUINO,    /* arduino://NAME, with or without :PORT (espota/arduino_device.h) */
    ESPOTA_ADDRESS_ESPHOME,    /* esphome://NAME, likewise (espota/esphome_device.h) */
    ESPOTA_ADDRESS_HTTP_UPLOAD /* an http or https URL of a page for updates (espota/http_upload.h) */
};

/** `*rest`: the address itself, without a scheme that only says its kind; may be NULL. */
enum espota_address_kind espota_device_address_kind(const char *address, const char **rest);
/** Is it an address of a port, and not of a host? */
bool espota_device_address_is_port(const char *address);
/** Has the device this tag? */
bool espota_listed_device_has_tag(const struct espota_listed_device *device, const char *tag);

#pragma GCC visibility pop

#endif

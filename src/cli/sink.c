#include "sink.h"

#include "espota/address.h"
#include "espota/arduino_device.h"
#include "espota/arduino_ota.h"
#include "espota/chip.h"
#include "espota/device_list.h"
#include "espota/error.h"
#include "espota/esphome_device.h"
#include "espota/esphome_ota.h"
#include "espota/file_kind.h"
#include "espota/http_upload.h"
#include "espota/random.h"

#include <stdio.h>
#include <string.h>

enum { RETURN_S = 60 };

#define SINK(field) offsetof(struct sink_options, field)

const struct option_spec sink_options[] = {
    { "arduino", 0, OPTION_TEXT, SINK(arduino), "HOST",
      "a device with ArduinoOTA: NAME or NAME:PORT (3232; for an image of the ESP8266 8266)" },
    { "esphome", 0, OPTION_TEXT, SINK(esphome), "HOST",
      "a device with ESPHome: NAME or NAME:PORT (3232; for an image of the ESP8266 8266)" },
    { "http-upload", 0, OPTION_TEXT, SINK(http_upload), "URL",
      "a device with a web page for updates: HTTPUpdateServer, ElegantOTA (/update), Tasmota (/up)" },
    { "file-system", 0, OPTION_FLAG, SINK(file_system), NULL,
      "the image is of its file system, and not an app (--arduino, --http-upload)" },
    { "listen-port", 0, OPTION_NUMBER, SINK(listen_port), "PORT",
      "our TCP port, to which the device connects (--arduino; any)" },
    { "listen-at", 0, OPTION_TEXT, SINK(listen_at), "ADDRESS",
      "our address, to which it connects (--arduino; the one on the way to it)" },
    { "return-timeout", 0, OPTION_NUMBER, SINK(return_timeout), "SECONDS",
      "wait so long for it to come back; 0: do not (60)" },
    OPTION_END,
};

struct kind {
    const char *name; /* of its option */
    size_t option;    /* the field of that */
    enum espota_address_kind address_kind;
    const char *speaks;
    uint16_t port, esp8266_port; /* 0: its address is a URL */
    int (*open)(struct cli *cli, const struct sink_options *options, const char *address,
                const char *password, struct espota_device **device, struct espota_error *error);
};

static int open_arduino(struct cli *cli, const struct sink_options *o, const char *address,
                        const char *password, struct espota_device **device, struct espota_error *error)
{
    const struct espota_arduino_options options = { .password = password,
                                                    .file_system = o->file_system,
                                                    .listen_at = o->listen_at,
                                                    .listen_port = (uint16_t)o->listen_port.value,
                                                    .observer = &cli->observer };
    return espota_arduino_open(device, address, &options, error);
}

static int open_esphome(struct cli *cli, const struct sink_options *o, const char *address,
                        const char *password, struct espota_device **device, struct espota_error *error)
{
    const struct espota_esphome_options options = { .password = password, .observer = &cli->observer };
    (void)o;
    return espota_esphome_open(device, address, &options, error);
}

static int open_http_upload(struct cli *cli, const struct sink_options *o, const char *address,
                            const char *password, struct espota_device **device, struct espota_error *error)
{
    const struct espota_http_upload_options options = { .password = password,
                                                        .file_system = o->file_system,
                                                        .observer = &cli->observer };
    return espota_http_upload_open(device, address, &options, error);
}

static const struct kind kinds[] = {
    { "arduino", SINK(arduino), ESPOTA_ADDRESS_ARDUINO, "ArduinoOTA", ESPOTA_ARDUINO_PORT,
      ESPOTA_ARDUINO_PORT_ESP8266, open_arduino },
    { "esphome", SINK(esphome), ESPOTA_ADDRESS_ESPHOME, "ESPHome's OTA", ESPOTA_ESPHOME_PORT,
      ESPOTA_ESPHOME_PORT_ESP8266, open_esphome },
    { "http-upload", SINK(http_upload), ESPOTA_ADDRESS_HTTP_UPLOAD, "HTTP", 0, 0, open_http_upload },
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Its address, as its option gives it; NULL: no such device is meant. */
static const char *address_of(const struct sink_options *o, const struct kind **kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        const char *address = *(const char *const *)((const char *)o + kinds[i].option);
        *kind = &kinds[i];
        if (address)
            return address;
    }
    return NULL;
}

bool sink_is_wanted(const struct sink_options *o)
{
    const struct kind *kind;
    return address_of(o, &kind) != NULL;
}

/* By its address; NULL: it is no such device. */
static const struct kind *kind_of(const char *address, const char **rest)
{
    enum espota_address_kind kind = espota_device_address_kind(address, rest);
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].address_kind == kind)
            return &kinds[i];
    return NULL;
}

const char *sink_speaks(const char *address)
{
    const char *rest;
    const struct kind *kind = kind_of(address, &rest);
    return kind ? kind->speaks : NULL;
}

void sink_take(struct sink_options *o, struct connect_options *connect, const char *address,
               const char *password)
{
    const char *rest;
    const struct kind *kind = kind_of(address, &rest);
    *(const char **)((char *)o + kind->option) = rest;
    if (password)
        connect->password_file = password;
    connect->host = NULL;
    connect->hosts.count = 0;
}

/* ---- options --------------------------------------------------------------------------------------------
 */

/* Without one of them, what is meant for one. */
static int check_none(const struct sink_options *o, struct espota_error *error)
{
    const char *name = o->listen_at              ? "listen-at"
                       : o->listen_port.given    ? "listen-port"
                       : o->file_system          ? "file-system"
                       : o->return_timeout.given ? "return-timeout"
                                                 : NULL;
    return name ? espota_fail(error, ESPOTA_ERR_USAGE,
                              "--%s goes with --arduino HOST, --esphome HOST or --http-upload URL", name)
                : 0;
}

/* With many devices, of which some are such ones, what is meant for one of them. */
static int check_listed(const struct sink_options *o, struct espota_error *error)
{
    const char *name = o->file_system ? "file-system" : o->listen_port.given ? "listen-port" : NULL;
    return name ? espota_fail(error, ESPOTA_ERR_USAGE, "--%s is for one device, and not for many", name) : 0;
}

int sink_check(const struct sink_options *o, const struct connect_options *connect,
               struct espota_error *error)
{
    const struct kind *kind;
    if (!address_of(o, &kind))
        return o->listed ? check_listed(o, error) : check_none(o, error);
    if (connect->port || connect->host || connect->ports.count + connect->hosts.count > 0 || connect->via ||
        connect->key || connect->before || connect->after || connect->no_stub || connect->baud)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--%s is reached over the network, by its own rules: of the options of connections it "
            "takes --chip alone",
            kind->name);
    if (!!o->arduino + !!o->esphome + !!o->http_upload > 1)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--arduino, --esphome and --http-upload are different devices: give one");
    if (o->esphome && o->file_system)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--file-system goes with --arduino HOST or --http-upload URL");
    if (!o->arduino && (o->listen_at || o->listen_port.given))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--listen-at and --listen-port go with --arduino HOST");
    if (o->listen_port.given && (o->listen_port.value == 0 || o->listen_port.value > 65535))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--listen-port takes a port from 1 to 65535");
    return 0;
}

int sink_info(const struct sink_options *o, const struct connect_options *connect,
              struct espota_device_info *info, struct espota_error *error)
{
    const struct kind *kind;
    const char *chip = connect->chip;
    memset(info, 0, sizeof *info);
    if (!address_of(o, &kind) && !o->listed)
        return 0;
    info->esp8266 = ESPOTA_MAYBE_ESP8266;
    if (chip && strcmp(chip, "esp8266") == 0)
        info->esp8266 = ESPOTA_IS_ESP8266;
    else if (chip && strcmp(chip, "auto") != 0 && !(info->chip = espota_chip_by_name(chip)))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--chip '%s' is not known: use esp8266, esp32, esp32c3 ...", chip);
    return 0;
}

/* ---- opening --------------------------------------------------------------------------------------------
 */

/* Its port is 8266 where the image is for an ESP8266; a device that does not say what it is would boot the
 * other one, too. */
static int choose_port(const struct kind *kind, const struct espota_device_info *info, const char *named,
                       const char *image_name, const struct espota_bytes *image,
                       struct espota_address *address, struct espota_error *error)
{
    struct espota_file file;
    espota_file_examine(&file, image->data, image->size);
    bool for_esp8266 = file.kind == ESPOTA_FILE_ESP8266 || info->esp8266 == ESPOTA_IS_ESP8266;
    int result = espota_address_parse(address, named, for_esp8266 ? kind->esp8266_port : kind->port, error);
    if (result == 0 && file.kind == ESPOTA_FILE_APP && address->port == kind->esp8266_port && !info->chip)
        return espota_fail(
            error, ESPOTA_ERR_VERIFY,
            "%s is an image for %s, and port %u is where an ESP8266 listens, which would not start "
            "it: if it is none, say so with --chip",
            image_name, file.has_chip ? file.chip.name : "another chip", address->port);
    return result;
}

static void say_lacks(struct cli *cli, const struct kind *kind, const struct espota_device *device)
{
    espota_ui_say(
        &cli->ui,
        "%s speaks %s: %san update that is interrupted begins anew, and what its flash holds in the end "
        "cannot be verified from here; it restarts by itself",
        device->name, kind->speaks, device->lacks & ESPOTA_LACKS_ENCRYPTION ? "nothing is encrypted, " : "");
}

int sink_open(struct cli *cli, const struct sink_options *o, const struct connect_options *connect,
              const char *name, const struct espota_bytes *image, struct espota_device **device,
              struct espota_error *error)
{
    const struct kind *kind;
    const char *named = address_of(o, &kind);
    struct espota_device_info info;
    struct espota_address address = { .text = "" };
    char password[PASSWORD_ROOM] = "";
    int result = sink_info(o, connect, &info, error);
    if (result == 0 && kind->port)
        result = choose_port(kind, &info, named, name, image, &address, error);
    if (result == 0 && connect->password_file)
        result = read_password(cli, connect->password_file, password, error);
    cli_catch_interrupts();
    if (result == 0)
        result = kind->open(cli, o, kind->port ? address.text : named,
                            connect->password_file ? password : NULL, device, error);
    espota_wipe(password, sizeof password);
    if (result != 0)
        return result;
    (*device)->info.chip = info.chip;
    (*device)->info.esp8266 = info.esp8266;
    say_lacks(cli, kind, *device);
    return 0;
}

/* ---- afterwards -----------------------------------------------------------------------------------------
 */

int sink_await_return(struct cli *cli, const struct sink_options *o, struct espota_device *device,
                      bool *returned, struct espota_error *error)
{
    unsigned seconds = o->return_timeout.given ? o->return_timeout.value : RETURN_S;
    *returned = false;
    if (!espota_device_can(device, ESPOTA_CAP_RETURN) || seconds == 0)
        return 0;
    espota_ui_say(&cli->ui, "Waiting for it to come back");
    int result = espota_device_await_return(device, seconds > 3600 ? 3600000 : 1000 * seconds, error);
    *returned = result == 0;
    if (result == 0)
        espota_ui_say(&cli->ui, "It is back");
    else if (result == ESPOTA_ERR_CANCELLED)
        espota_fail(error, ESPOTA_ERR_CANCELLED,
                    "stopped while waiting for %s to come back: it has the image", device->name);
    else
        espota_fail_while(error, "it has the image, but did not come back in %u s", seconds);
    return result;
}

void sink_fields(struct fields *document, const struct espota_device *device, bool returned)
{
    static const char *const names[] = { "verification", "encryption", "resume" };
    struct items lacks = items_begin();
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (device->lacks >> i & 1u)
            item_text(&lacks, names[i]);
    field_text(document, "kind", device->kind);
    field_list(document, "lacks", lacks);
    field_flag_if(document, "returned", espota_device_can(device, ESPOTA_CAP_RETURN), returned);
}

bool sink_sum_up(const struct fields *result, char words[FLEET_WORDS])
{
    char lacks[80];
    if (!field_list_of(result, "lacks", lacks, sizeof lacks))
        return false;
    snprintf(words, FLEET_WORDS, "sent%s; not promised: %s",
             field_flag_of(result, "returned") ? ", and it came back" : "", lacks);
    return true;
}

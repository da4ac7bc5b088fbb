#include "connect.h"

#include "espota/agent_device.h"
#include "espota/file_device.h"
#include "espota/ports.h"
#include "espota/reset.h"
#include "espota/rom_device.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_BAUD = 115200,
    HIGHEST_AUTO_BAUD = 2000000,
    MAX_BAUD = 5000000,
    AGENT_PORT = 3232,
    MIN_KEY = 32,
    MAX_KEY = 64,
    MAX_PORT = 300,
};

static const char *from_environment(const char *ours, const char *theirs)
{
    const char *value = getenv(ours);
    if (!value || !*value)
        value = getenv(theirs);
    return value && *value ? value : NULL;
}

/* A number, or "auto". */
static int choose_baud(const struct connect_options *o, uint32_t *baud, bool *automatic,
                       struct espota_error *error)
{
    const char *text = o->baud ? o->baud : from_environment("ESPOTA_BAUD", "ESPTOOL_BAUD");
    char *end = NULL;
    *baud = DEFAULT_BAUD;
    *automatic = text && strcmp(text, "auto") == 0;
    if (*automatic) {
        *baud = HIGHEST_AUTO_BAUD;
    } else if (text) {
        unsigned long value = strtoul(text, &end, 10);
        *baud = end != text && *end == '\0' && value <= MAX_BAUD ? (uint32_t)value : 0;
    }
    if (*baud < 300 || *baud > MAX_BAUD)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--baud (or ESPOTA_BAUD) must be auto, or a number from 300 to %d", MAX_BAUD);
    return 0;
}

/* The port named, or the only one that looks like a board. */
static int choose_port(struct cli *cli, const struct connect_options *o, char *port, size_t room,
                       struct espota_error *error)
{
    const char *named = o->port ? o->port : from_environment("ESPOTA_PORT", "ESPTOOL_PORT");
    struct espota_port *ports = NULL;
    const struct espota_port *chosen = NULL;
    size_t count = 0;
    int result = 0;
    if (!named) {
        result = espota_ports_list(&ports, &count, error);
        if (result == 0)
            result = espota_ports_choose(ports, count, &chosen, error);
        if (result == 0)
            espota_ui_say(&cli->ui, "Using %s (%s)", chosen->path, chosen->adapter);
        named = chosen ? chosen->path : "";
    }
    if (result == 0 && strlen(named) >= room)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "--port '%.60s...' is too long", named);
    if (result == 0)
        memcpy(port, named, strlen(named) + 1);
    free(ports);
    return result;
}

static int choose_chip(const struct connect_options *o, const struct espota_chip **chip,
                       struct espota_error *error)
{
    *chip = NULL;
    if (!o->chip || strcmp(o->chip, "auto") == 0)
        return 0;
    *chip = espota_chip_by_name(o->chip);
    if (*chip)
        return 0;
    char names[256] = "";
    for (size_t i = 0; espota_chips[i]; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", espota_chips[i]->id);
    }
    return espota_fail(error, ESPOTA_ERR_USAGE, "--chip '%s' is not known: use auto, %s", o->chip, names);
}

/* ---- opening --------------------------------------------------------------------------------------------
 */

/* -v -v: every byte on the link. */
static void trace(void *context, bool out, const uint8_t *data, size_t size)
{
    struct cli *cli = context;
    for (size_t at = 0; at < size; at += 16) {
        char line[16 * 3 + 1] = "";
        for (size_t i = at; i < size && i < at + 16; i++)
            snprintf(line + 3 * (i - at), 4, "%02x ", data[i]);
        espota_ui_detail(&cli->ui, "%s %s", out ? "->" : "<-", line);
    }
}

static int open_link(struct cli *cli, const char *port, uint32_t baud, struct espota_link **link,
                     struct espota_error *error)
{
    int result = espota_link_open(link, port, baud, error);
    cli_catch_interrupts(); /* a device is in hand */
    if (result == 0)
        (*link)->cancelled = cli_interrupted;
    if (result == 0 && cli->ui.verbosity > 1) {
        (*link)->trace = trace;
        (*link)->trace_context = cli;
    }
    return result;
}

static int open_file(struct cli *cli, const char *path, const struct espota_chip *chip, uint32_t create_size,
                     struct espota_device **device, struct espota_error *error)
{
    cli_catch_interrupts();
    int result = create_size > 0 && !espota_file_exists(path)
                     ? espota_file_device_new(device, path, create_size, chip, error)
                     : espota_file_device_open(device, path, chip, error);
    if (result == 0)
        (*device)->observer = &cli->observer;
    return result;
}

static const char *file_of(const char *port)
{
    return strncmp(port, "file:", 5) == 0 ? port + 5 : NULL;
}

/* esptool 4 wrote its words with underscores. */
static bool is_word(const char *text, const char *word)
{
    for (; *text && *word; text++, word++)
        if (*text != *word && !(*text == '_' && *word == '-'))
            return false;
    return *text == *word;
}

static bool is_sequence(const char *text)
{
    return strchr(text, '|') || strspn(text, "DRUW") == 1;
}

static int parse_before(const char *text, struct espota_rom_options *rom, struct espota_error *error)
{
    rom->before = ESPOTA_BEFORE_SEQUENCE;
    if (!text || is_word(text, "default-reset"))
        rom->before = ESPOTA_BEFORE_DEFAULT;
    else if (is_word(text, "no-reset"))
        rom->before = ESPOTA_BEFORE_NO_RESET;
    else if (is_word(text, "classic-reset"))
        rom->before_sequence = ESPOTA_RESET_CLASSIC;
    else if (is_word(text, "usb-reset"))
        rom->before_sequence = ESPOTA_RESET_USB_JTAG;
    else if (is_sequence(text))
        rom->before_sequence = text;
    else
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--before '%s': use default-reset, classic-reset, usb-reset, no-reset, or a sequence "
            "such as 'D0|R1|W0.1|D1|R0|W0.05|D0'",
            text);
    return rom->before_sequence ? espota_reset_check(rom->before_sequence, error) : 0;
}

static int parse_after(const char *text, struct espota_rom_options *rom, struct espota_error *error)
{
    static const struct {
        const char *word;
        enum espota_reset_after after;
    } words[] = { { "hard-reset", ESPOTA_AFTER_HARD_RESET },
                  { "soft-reset", ESPOTA_AFTER_SOFT_RESET },
                  { "watchdog-reset", ESPOTA_AFTER_WATCHDOG },
                  { "no-reset", ESPOTA_AFTER_NO_RESET } };
    rom->after = ESPOTA_AFTER_HARD_RESET;
    for (size_t i = 0; text && i < sizeof words / sizeof words[0]; i++)
        if (is_word(text, words[i].word)) {
            rom->after = words[i].after;
            return 0;
        }
    if (!text)
        return 0;
    rom->after = ESPOTA_AFTER_SEQUENCE;
    rom->after_sequence = text;
    if (is_sequence(text))
        return espota_reset_check(text, error);
    return espota_fail(
        error, ESPOTA_ERR_USAGE,
        "--after '%s': use hard-reset, soft-reset, watchdog-reset, no-reset, or a sequence such as "
        "'R1|W0.1|R0'",
        text);
}

/* Where the connection is lost in the middle, the next run takes up what is there. */
static int connect_rom(struct cli *cli, const struct connect_options *o, bool look,
                       struct espota_device **device, struct espota_error *error)
{
    struct espota_rom_options rom = { .observer = &cli->observer, .identify_only = look };
    char port[MAX_PORT];
    struct espota_link *link = NULL;
    int result = choose_port(cli, o, port, sizeof port, error);
    if (result == 0)
        result = choose_chip(o, &rom.chip, error);
    if (result == 0)
        result = choose_baud(o, &rom.baud, &rom.baud_auto, error);
    if (result == 0)
        result = parse_before(o->before, &rom, error);
    if (result == 0)
        result = parse_after(o->after, &rom, error);
    if (result != 0)
        return result;
    if (file_of(port))
        return open_file(cli, file_of(port), rom.chip, o->create_size, device, error);
    espota_ui_detail(&cli->ui, "connecting to the ROM bootloader on %s", port);
    result = open_link(cli, port, DEFAULT_BAUD, &link, error);
    return result ? result : espota_rom_open(device, link, &rom, error);
}

int connect_to_look(struct cli *cli, const struct connect_options *o, struct espota_device **device,
                    struct espota_error *error)
{
    return connect_rom(cli, o, true, device, error);
}

int connect_port(struct cli *cli, const struct connect_options *o, struct espota_link **link,
                 struct espota_error *error)
{
    char port[MAX_PORT];
    uint32_t baud = 0;
    bool automatic = false;
    int result = choose_port(cli, o, port, sizeof port, error);
    if (result == 0)
        result = choose_baud(o, &baud, &automatic, error);
    if (result == 0 && automatic)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "--baud auto needs a ROM to try with: give a number");
    if (result == 0 && file_of(port))
        result = espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                             "%s is a flash file: there is nothing to listen to or "
                             "reset",
                             file_of(port));
    return result ? result : open_link(cli, port, baud, link, error);
}

int read_key(struct cli *cli, const char *path, uint8_t *key, size_t *length, struct espota_error *error)
{
    struct espota_bytes text = { 0 };
    int result = espota_file_read(path, 4096, &text, error);
    if (result != 0)
        return result;
    warn_about_readers(cli, path);
    size_t digits = text.size;
    while (digits > 0 && isspace(text.data[digits - 1]))
        digits--;
    *length = digits / 2;
    if (digits % 2 || *length < MIN_KEY || *length > MAX_KEY ||
        !espota_unhex((const char *)text.data, key, *length))
        result =
            espota_fail(error, ESPOTA_ERR_USAGE,
                        "%s holds no key: expected %d to %d bytes in hex, as 'espota key --new' makes them",
                        path, MIN_KEY, MAX_KEY);
    espota_bytes_free(&text);
    return result;
}

/* NAME, NAME:PORT, [ADDRESS]:PORT, or an IPv6 address, which is full of colons; as a link's address. */
static int host_address(const char *host, char *address, size_t room, struct espota_error *error)
{
    const char *colon = strrchr(host, ':');
    bool bracketed = host[0] == '[';
    bool bare_ipv6 = !bracketed && colon && strchr(host, ':') != colon;
    bool has_port = colon && !bare_ipv6 && (!bracketed || colon[-1] == ']');
    int length = has_port    ? snprintf(address, room, "tcp://%s", host)
                 : bare_ipv6 ? snprintf(address, room, "tcp://[%s]:%d", host, AGENT_PORT)
                             : snprintf(address, room, "tcp://%s:%d", host, AGENT_PORT);
    if (length < 0 || (size_t)length >= room)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--host '%.60s...' is too long", host);
    return 0;
}

static int agent_address(struct cli *cli, const struct connect_options *o, char *address, size_t room,
                         struct espota_error *error)
{
    if (o->host && o->port)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--host and --port both name a device: give one");
    if (o->host && !o->key)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--host needs --key FILE: over a network the device and espota prove themselves to each "
            "other");
    return o->host ? host_address(o->host, address, room, error) : choose_port(cli, o, address, room, error);
}

static int connect_agent(struct cli *cli, const struct connect_options *o, struct espota_device **device,
                         struct espota_error *error)
{
    uint8_t key[MAX_KEY];
    struct espota_agent_options agent = { .observer = &cli->observer, .key_required = o->key != NULL };
    char address[MAX_PORT];
    uint32_t baud = 0;
    bool automatic = false;
    struct espota_link *link = NULL;
    const struct espota_chip *chip = NULL;
    int result = agent_address(cli, o, address, sizeof address, error);
    if (result == 0)
        result = choose_baud(o, &baud, &automatic, error);
    if (automatic) /* the app chose its rate, and nobody can ask for another */
        baud = DEFAULT_BAUD;
    if (result == 0)
        result = choose_chip(o, &chip, error);
    if (result == 0 && o->key)
        result = read_key(cli, o->key, key, &agent.key_length, error);
    if (result == 0 && file_of(address)) {
        result = open_file(cli, file_of(address), chip, o->create_size, device, error);
    } else if (result == 0) {
        agent.key = key;
        espota_ui_detail(&cli->ui, "looking for an agent on %s", address);
        result = open_link(cli, address, baud, &link, error);
        if (result == 0)
            result = espota_agent_open(device, link, &agent, error); /* copies the key */
    }
    espota_wipe(key, sizeof key);
    return result;
}

static int choose_via(const struct connect_options *o, enum connect_via usual, enum connect_via *via,
                      struct espota_error *error)
{
    *via = usual;
    if (o->via && strcmp(o->via, "rom") == 0)
        *via = VIA_ROM;
    else if (o->via && strcmp(o->via, "agent") == 0)
        *via = VIA_AGENT;
    else if (o->via)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--via '%s': use rom or agent", o->via);
    else if (o->host || o->key)
        *via = VIA_AGENT;
    if (*via == VIA_ROM && (o->host || o->key))
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--host and --key go with an agent, not with --via rom: a ROM is reached by --port");
    if (*via == VIA_AGENT && (o->before || o->after))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--before and --after go with the ROM: give --via rom");
    return 0;
}

int connect_check(const struct cli *cli, const struct connect_options *o, enum connect_via usual,
                  struct espota_error *error)
{
    struct cli silent = *cli; /* which port was chosen is said when it is opened */
    char address[MAX_PORT];
    uint32_t baud = 0;
    bool automatic = false;
    const struct espota_chip *chip = NULL;
    enum connect_via via = usual;
    silent.ui.quiet = true;
    int result = choose_via(o, usual, &via, error);
    if (result == 0 && via == VIA_AGENT)
        result = agent_address(&silent, o, address, sizeof address, error);
    else if (result == 0)
        result = choose_port(&silent, o, address, sizeof address, error);
    if (result == 0)
        result = choose_baud(o, &baud, &automatic, error);
    return result ? result : choose_chip(o, &chip, error);
}

int connect_device(struct cli *cli, const struct connect_options *o, enum connect_via usual,
                   struct espota_device **device, struct espota_error *error)
{
    enum connect_via via = usual;
    int result = choose_via(o, usual, &via, error);
    if (result != 0)
        return result;
    return via == VIA_ROM ? connect_rom(cli, o, false, device, error) : connect_agent(cli, o, device, error);
}

int disconnect_device(struct espota_device *device, int result, struct espota_error *error)
{
    struct espota_error ignored;
    if (device && result == 0 && device->app_stopped)
        result = espota_device_restart(device, error);
    else if (device && result == ESPOTA_ERR_CANCELLED && device->app_stopped && !device->changed) {
        device->observer = NULL; /* nothing was changed: its app may go on */
        (void)espota_device_restart(device, &ignored);
    }
    espota_device_close(device);
    return result;
}

int work_on_device(struct cli *cli, const struct connect_options *connect, enum connect_via usual,
                   int (*work)(struct cli *cli, const void *options, struct espota_device *device,
                               struct espota_error *error),
                   const void *options, struct espota_error *error)
{
    struct espota_device *device = NULL;
    int result = connect_device(cli, connect, usual, &device, error);
    if (result == 0)
        result = work(cli, options, device, error);
    return disconnect_device(device, result, error);
}

int check_security(struct cli *cli, const struct espota_device *device, bool force,
                   struct espota_error *error)
{
    const struct espota_security *s = &device->info.security;
    if (!s->secure_boot && !s->flash_encryption)
        return 0;
    const char *what = s->secure_boot && s->flash_encryption
                           ? "boots only signed images and its flash is encrypted"
                       : s->secure_boot ? "boots only signed images (secure boot)"
                                        : "has its flash encrypted: plain data would not be understood";
    if (!force)
        return espota_fail(
            error, ESPOTA_ERR_REFUSED,
            "refused to write to %s: the chip %s, and may never start again; --force writes anyway",
            device->name, what);
    espota_ui_warn(&cli->ui, "the chip %s; writing anyway, as --force says", what);
    return 0;
}

const char *mac_text(const uint8_t mac[6], char text[MAC_TEXT])
{
    snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return text;
}

void field_mac(struct fields *to, const char *key, const struct espota_device_info *info)
{
    char text[MAC_TEXT];
    field_text(to, key, info->has_mac ? mac_text(info->mac, text) : NULL);
}

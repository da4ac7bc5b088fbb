#include "connect.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_BAUD = 115200, MAX_BAUD = 5000000, AGENT_PORT = 3232, MIN_KEY = 32, MAX_KEY = 64 };

static const char *from_environment(const char *ours, const char *theirs)
{
    const char *value = getenv(ours);
    if (!value || !*value)
        value = getenv(theirs);
    return value && *value ? value : NULL;
}

static int choose_baud(const struct connect_options *o, uint32_t *baud, struct espota_error *error)
{
    const char *text = from_environment("ESPOTA_BAUD", "ESPTOOL_BAUD");
    char *end = NULL;
    *baud = DEFAULT_BAUD;
    if (o->baud.given) {
        *baud = o->baud.value;
    } else if (text) {
        unsigned long value = strtoul(text, &end, 10);
        *baud = *end == '\0' && value <= MAX_BAUD ? (uint32_t)value : 0;
    }
    if (*baud < 300 || *baud > MAX_BAUD)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--baud (or ESPOTA_BAUD) must be from 300 to %d",
                           MAX_BAUD);
    return 0;
}

static int choose_port(const struct connect_options *o, const char **port, struct espota_error *error)
{
    *port = o->port ? o->port : from_environment("ESPOTA_PORT", "ESPTOOL_PORT");
    if (!*port)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "which device? Give --port, for example --port /dev/ttyUSB0, or set ESPOTA_PORT");
    return 0;
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

/* ---- watching -------------------------------------------------------------------------------------------
 */

static void advance(void *context, uint32_t bytes)
{
    struct cli *cli = context;
    cli->progress.done += bytes;
    if (cli->progress.what)
        espota_ui_progress(&cli->ui, cli->progress.what, cli->progress.done, cli->progress.total,
                           espota_now_ms());
}

static void remark(void *context, const char *text)
{
    struct cli *cli = context;
    espota_ui_detail(&cli->ui, "%s", text);
}

void start_progress(struct cli *cli, const char *what, uint64_t total)
{
    cli->progress.what = what;
    cli->progress.done = 0;
    cli->progress.total = total;
    espota_ui_progress(&cli->ui, what, 0, total, espota_now_ms());
}

static struct espota_device_watch watch_of(struct cli *cli)
{
    return (struct espota_device_watch){ cli, advance, cli_interrupted, remark };
}

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
    if (result == 0 && cli->ui.verbosity > 1) {
        (*link)->trace = trace;
        (*link)->trace_context = cli;
    }
    return result;
}

/* ---- opening --------------------------------------------------------------------------------------------
 */

static int open_file(struct cli *cli, const char *path, const struct espota_chip *chip,
                     struct espota_device **device, struct espota_error *error)
{
    int result = espota_file_device_open(device, path, chip, error);
    if (result == 0)
        (*device)->watch = watch_of(cli);
    return result;
}

static const char *file_of(const char *port)
{
    return strncmp(port, "file:", 5) == 0 ? port + 5 : NULL;
}

static int parse_resets(const struct connect_options *o, struct espota_rom_options *rom,
                        struct espota_error *error)
{
    rom->before = ESPOTA_BEFORE_DEFAULT;
    rom->after = ESPOTA_AFTER_HARD_RESET;
    if (o->before && (strcmp(o->before, "no-reset") == 0 || strcmp(o->before, "no_reset") == 0))
        rom->before = ESPOTA_BEFORE_NO_RESET;
    else if (o->before && strcmp(o->before, "default-reset") != 0 && strcmp(o->before, "default_reset") != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--before '%s': use default-reset or no-reset",
                           o->before);
    if (o->after && (strcmp(o->after, "no-reset") == 0 || strcmp(o->after, "no_reset") == 0))
        rom->after = ESPOTA_AFTER_NO_RESET;
    else if (o->after && strcmp(o->after, "hard-reset") != 0 && strcmp(o->after, "hard_reset") != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--after '%s': use hard-reset or no-reset", o->after);
    return 0;
}

int connect_rom(struct cli *cli, const struct connect_options *o, struct espota_device **device,
                struct espota_error *error)
{
    struct espota_rom_options rom = { .watch = watch_of(cli) };
    const char *port = NULL;
    struct espota_link *link = NULL;
    int result = choose_port(o, &port, error);
    if (result == 0)
        result = choose_chip(o, &rom.chip, error);
    if (result == 0)
        result = choose_baud(o, &rom.baud, error);
    if (result == 0)
        result = parse_resets(o, &rom, error);
    if (result == 0)
        result = cli_catch_interrupts(cli, error);
    if (result != 0)
        return result;
    if (file_of(port))
        return open_file(cli, file_of(port), rom.chip, device, error);
    espota_ui_detail(&cli->ui, "connecting to the ROM bootloader on %s", port);
    result = open_link(cli, port, DEFAULT_BAUD, &link, error);
    return result ? result : espota_rom_open(device, link, &rom, error);
}

int read_key(const char *path, uint8_t *key, size_t *length, struct espota_error *error)
{
    struct espota_bytes text = { 0 };
    int result = espota_file_read(path, 4096, &text, error);
    if (result != 0)
        return result;
    size_t digits = text.size;
    while (digits > 0 && isspace(text.data[digits - 1]))
        digits--;
    *length = digits / 2;
    if (digits % 2 || *length < MIN_KEY || *length > MAX_KEY ||
        !espota_unhex((const char *)text.data, key, *length))
        result = espota_fail(
            error, ESPOTA_ERR_USAGE,
            "%s holds no key: expected %d to %d bytes in hex, as 'openssl rand -hex 32' makes them", path,
            MIN_KEY, MAX_KEY);
    espota_bytes_free(&text);
    return result;
}

/* NAME or NAME:PORT, as a link's address. */
static int host_address(const char *host, char *address, size_t room, struct espota_error *error)
{
    bool bracketed = host[0] == '[';
    const char *colon = strrchr(host, ':');
    bool has_port = colon && (!bracketed || colon[-1] == ']');
    int length = has_port ? snprintf(address, room, "tcp://%s", host)
                          : snprintf(address, room, "tcp://%s:%d", host, AGENT_PORT);
    if (length < 0 || (size_t)length >= room)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--host '%.60s...' is too long", host);
    return 0;
}

static int agent_address(const struct connect_options *o, char *address, size_t room,
                         struct espota_error *error)
{
    const char *port = NULL;
    if (o->host && o->port)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--host and --port both name a device: give one");
    if (o->host && !o->key)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--host needs --key FILE: over a network the device and espota prove themselves to each "
            "other");
    if (o->host)
        return host_address(o->host, address, room, error);
    int result = choose_port(o, &port, error);
    if (result == 0 && strlen(port) >= room)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--port '%.60s...' is too long", port);
    if (result == 0)
        memcpy(address, port, strlen(port) + 1);
    return result;
}

int connect_agent(struct cli *cli, const struct connect_options *o, struct espota_device **device,
                  struct espota_error *error)
{
    uint8_t key[MAX_KEY];
    struct espota_agent_options agent = { .watch = watch_of(cli), .key_required = o->key != NULL };
    char address[300];
    uint32_t baud = 0;
    struct espota_link *link = NULL;
    const struct espota_chip *chip = NULL;
    int result = agent_address(o, address, sizeof address, error);
    if (result == 0)
        result = choose_baud(o, &baud, error);
    if (result == 0)
        result = choose_chip(o, &chip, error);
    if (result == 0 && o->key)
        result = read_key(o->key, key, &agent.key_length, error);
    if (result == 0)
        result = cli_catch_interrupts(cli, error);
    if (result != 0)
        return result;
    if (file_of(address))
        return open_file(cli, file_of(address), chip, device, error);
    agent.key = key;
    espota_ui_detail(&cli->ui, "looking for an agent on %s", address);
    result = open_link(cli, address, baud, &link, error);
    if (result == 0)
        result = espota_agent_open(device, link, &agent, error);
    return result;
}

const char *mac_text(const uint8_t mac[6], char text[MAC_TEXT])
{
    snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    return text;
}

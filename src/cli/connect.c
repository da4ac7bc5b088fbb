#include "connect.h"

#include "baud.h"
#include "port.h"
#include "reset_words.h"
#include "settings.h"
#include "trace.h"

#include "espota/address.h"
#include "espota/agent_client.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/file_device.h"
#include "espota/hex.h"
#include "espota/link.h"
#include "espota/random.h"
#include "espota/repl_device.h"
#include "espota/rom_device.h"
#include "espota/stub_device.h"

#include <stdio.h>
#include <string.h>

enum { MAX_PORT = 300 };

static const char *option_or_setting(const char *option, const char *name)
{
    return option ? option : setting_value(name);
}

void connect_settle(struct connect_options *o)
{
    if (o->ports.count == 1)
        o->port = o->ports.item[0];
    if (o->hosts.count == 1)
        o->host = o->hosts.item[0];
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

static int open_link(struct cli *cli, const char *port, uint32_t baud, struct espota_link **link,
                     struct espota_error *error)
{
    const struct espota_link_patience patience = { .cancelled = cli_interrupted };
    int result = espota_link_open_within(link, port, baud, &patience, error);
    cli_catch_interrupts(); /* a device is in hand */
    if (result == 0)
        (*link)->cancelled = cli_interrupted;
    if (result == 0)
        trace_link(cli, *link);
    return result;
}

static void keep_link(const struct connect_options *o, struct espota_link *link)
{
    if (!o->console)
        return;
    link->kept = true;
    *o->console = link;
}

static int open_file(struct cli *cli, const struct connect_options *o, const char *path,
                     const struct espota_chip *chip, struct espota_device **device,
                     struct espota_error *error)
{
    if (o->console)
        return espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s is a flash file: it has no console to watch",
                           path);
    cli_catch_interrupts();
    int result = o->create_size > 0 && !espota_file_exists(path)
                     ? espota_file_device_new(device, path, o->create_size, chip, error)
                     : espota_file_device_open(device, path, chip, error);
    if (result == 0)
        (*device)->observer = &cli->observer;
    return result;
}

/* Where no line resets the chip, its owner has brought it into download mode, and would have to do so again
 * for the next command: it stays there, unless the command's purpose is that it runs. */
static int open_rom(struct cli *cli, const struct connect_options *o, const struct espota_rom_options *rom,
                    struct espota_link *link, struct espota_device **device, struct espota_error *error)
{
    struct espota_stub_options stub = { .rom = *rom,
                                        .streams = cli->streams,
                                        .only_if_running = rom->identify_only || o->no_flash || o->no_stub ||
                                                           setting_is_on("no-stub") };
    bool stays = !link->has_lines && !option_or_setting(o->after, "after") && !o->starts;
    if (stays)
        stub.rom.after = ESPOTA_AFTER_NO_RESET;
    int result = o->rom_itself ? espota_rom_open(device, link, &stub.rom, error)
                               : espota_stub_open(device, link, &stub, error);
    if (result == 0 && stays)
        espota_ui_say(
            &cli->ui,
            "%s has no lines that could reset the chip: it stays in download mode; its RESET button or "
            "'espota reset --via rom' starts its app",
            (*device)->name);
    return result;
}

/* Where the connection is lost in the middle, the next run takes up what is there. */
static int connect_rom(struct cli *cli, const struct connect_options *o, bool look,
                       struct espota_device **device, struct espota_error *error)
{
    struct espota_rom_options rom = { .observer = &cli->observer, .identify_only = look };
    char port[MAX_PORT];
    struct espota_link *link = NULL;
    uint32_t console = 0;
    int result = port_choose(cli, o, port, sizeof port, error);
    if (result == 0)
        result = choose_chip(o, &rom.chip, error);
    if (result == 0)
        result = baud_choose(o, &rom.baud, &rom.baud_auto, error);
    if (result == 0)
        result = baud_of_console(o, &console, error);
    if (result == 0)
        result = reset_before(option_or_setting(o->before, "before"), &rom, error);
    if (result == 0)
        result = reset_after(option_or_setting(o->after, "after"), &rom, error);
    if (result != 0)
        return result;
    if (port_file(port))
        return open_file(cli, o, port_file(port), rom.chip, device, error);
    espota_ui_detail(&cli->ui, "connecting to the ROM bootloader on %s", port);
    rom.console_baud = o->console ? console : 0;
    result = open_link(cli, port, BAUD_USUAL, &link, error);
    if (result == 0)
        keep_link(o, link);
    return result ? result : open_rom(cli, o, &rom, link, device, error);
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
    int result = port_choose(cli, o, port, sizeof port, error);
    if (result == 0) /* what the environment says of flashing is not meant */
        result = o->baud ? baud_choose(o, &baud, &automatic, error) : baud_of_console(o, &baud, error);
    if (result == 0 && automatic)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "--baud auto needs a ROM to try with: give a number");
    if (result == 0 && port_file(port))
        result = espota_fail(error, ESPOTA_ERR_UNSUPPORTED,
                             "%s is a flash file: there is nothing to listen to or "
                             "reset",
                             port_file(port));
    return result ? result : open_link(cli, port, baud, link, error);
}

/* To the highest rate that works, of those from `baud` down; or to `baud` alone. Where none does, all is as
 * it was. */
static int raise_rate(struct cli *cli, struct espota_device *device, uint32_t baud, bool automatic,
                      struct espota_error *error)
{
    static const uint32_t lower[] = { 921600, 460800, 230400 };
    if (!espota_agent_client_has_rate(device)) {
        espota_ui_detail(&cli->ui, "the agent has no other rate to offer");
        return 0;
    }
    int result = espota_agent_client_set_rate(device, baud, error);
    for (size_t i = 0; result == ESPOTA_ERR_UNSUPPORTED && automatic && i < sizeof lower / sizeof lower[0];
         i++)
        result = espota_agent_client_set_rate(device, lower[i], error);
    return result == ESPOTA_ERR_UNSUPPORTED ? 0 : result;
}

/* An agent is at the rate that its app chose: that of the console, from which it may be asked to another, or
 * that one already. */
static int open_agent(struct cli *cli, const struct connect_options *o, const char *address,
                      struct espota_agent_client_options *agent, struct espota_device **device,
                      struct espota_error *error)
{
    struct espota_link *link = NULL;
    uint32_t baud = 0, console = 0;
    bool automatic = false;
    int result = baud_choose(o, &baud, &automatic, error);
    if (result == 0)
        result = baud_of_console(o, &console, error);
    if (result == 0 && !baud_is_given(o))
        baud = console;
    espota_ui_detail(&cli->ui, "looking for an agent on %s", address);
    if (result == 0)
        result = open_link(cli, address, console, &link, error);
    if (result == 0)
        keep_link(o, link);
    if (!automatic && baud != console)
        agent->other_baud = baud;
    if (result == 0)
        result = espota_agent_client_open(device, link, agent, error); /* copies the key */
    return result || baud == console ? result : raise_rate(cli, *device, baud, automatic, error);
}

static int connect_agent(struct cli *cli, const struct connect_options *o, struct espota_device **device,
                         struct espota_error *error)
{
    uint8_t key[64];
    struct espota_agent_client_options agent = { .observer = &cli->observer,
                                                 .key = key,
                                                 .streams = cli->streams };
    char address[MAX_PORT];
    const struct espota_chip *chip = NULL;
    int result = port_of_agent(cli, o, address, sizeof address, error);
    if (result == 0)
        result = choose_chip(o, &chip, error);
    const char *key_file = option_or_setting(o->key, "key");
    if (result == 0 && key_file)
        result = read_key(cli, key_file, key, &agent.key_length, error);
    if (result == 0 && port_file(address))
        result = open_file(cli, o, port_file(address), chip, device, error);
    else if (result == 0)
        result = open_agent(cli, o, address, &agent, device, error);
    espota_wipe(key, sizeof key);
    return result;
}

static bool is_web(const char *port)
{
    return port && espota_address_after(port, "ws://");
}

bool connect_is_web(const struct connect_options *o)
{
    return is_web(o->port) || (o->host && o->via && strcmp(o->via, "repl") == 0);
}

static int check_via(const struct connect_options *o, enum connect_via via, struct espota_error *error)
{
    if (via == VIA_ROM && (o->host || o->key))
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--host and --key go with an agent, not with --via rom, which is reached by --port");
    if (via == VIA_REPL && o->key)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--key goes with an agent: a REPL has none");
    if (is_web(o->host))
        return espota_fail(error, ESPOTA_ERR_USAGE, "--host %s: what leads to a WebREPL goes to --port",
                           o->host);
    if (via == VIA_REPL && o->host && o->port)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--host and --port both name a device: give one");
    if (via == VIA_REPL && o->console && connect_is_web(o))
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--monitor needs the console, which is gone with the network when the board restarts: "
            "give --port");
    if (via != VIA_REPL && is_web(o->port))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "%s leads to a WebREPL: neither an agent nor a ROM is there", o->port);
    if (via != VIA_REPL && o->password_file)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--password-file goes with --arduino, --esphome or --http-upload of 'espota ota', and "
            "with --via repl");
    if (via != VIA_ROM && (o->before || o->after || o->no_stub))
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--before, --after and --no-stub go with the ROM: give --via rom");
    return 0;
}

static int choose_via(const struct connect_options *o, enum connect_via usual, enum connect_via *via,
                      struct espota_error *error)
{
    int result = o->port ? port_without_user(o->port, error) : 0;
    if (result == 0 && o->host)
        result = port_without_user(o->host, error);
    if (result != 0)
        return result;
    *via = usual;
    if (o->via && strcmp(o->via, "rom") == 0)
        *via = VIA_ROM;
    else if (o->via && strcmp(o->via, "agent") == 0)
        *via = VIA_AGENT;
    else if (o->via && strcmp(o->via, "repl") == 0 && usual == VIA_AGENT)
        *via = VIA_REPL;
    else if (o->via)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--via '%s': use rom or agent%s", o->via,
                           usual == VIA_AGENT ? ", or repl for a board with MicroPython" : "");
    else if (is_web(o->port) && usual == VIA_AGENT)
        *via = VIA_REPL;
    else if (o->host || o->key)
        *via = VIA_AGENT;
    return check_via(o, *via, error);
}

/* By a serial port, or over the network. */
static int port_of_repl(struct cli *cli, const struct connect_options *o, char *port, size_t room,
                        struct espota_error *error)
{
    struct espota_address address;
    int result = o->host ? espota_address_parse(&address, o->host, ESPOTA_WEBREPL_PORT, error)
                         : port_choose(cli, o, port, room, error);
    if (result == 0 && o->host)
        snprintf(port, room, "ws://%s", address.text);
    return result;
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
        result = port_of_agent(&silent, o, address, sizeof address, error);
    else if (result == 0 && via == VIA_REPL)
        result = port_of_repl(&silent, o, address, sizeof address, error);
    else if (result == 0)
        result = port_choose(&silent, o, address, sizeof address, error);
    if (result == 0)
        result = baud_choose(o, &baud, &automatic, error);
    if (result == 0)
        result = baud_of_console(o, &baud, error);
    return result ? result : choose_chip(o, &chip, error);
}

static int open_webrepl(struct cli *cli, const struct connect_options *o, const char *port,
                        struct espota_device **device, struct espota_error *error)
{
    char password[PASSWORD_ROOM] = "";
    struct espota_link *link = NULL;
    int result = o->password_file ? read_password(cli, o->password_file, password, error) : 0;
    if (result == 0)
        result = open_link(cli, port, 0, &link, error);
    if (result == 0)
        result = espota_webrepl_open(device, link, o->password_file ? password : NULL, &cli->observer, error);
    espota_wipe(password, sizeof password);
    return result;
}

/* MicroPython's REPL is at the console's rate, whatever rate is for flashing. */
static int connect_repl(struct cli *cli, const struct connect_options *o, struct espota_device **device,
                        struct espota_error *error)
{
    char port[MAX_PORT];
    struct espota_link *link = NULL;
    uint32_t console = 0;
    int result = port_of_repl(cli, o, port, sizeof port, error);
    if (result == 0 && port_file(port))
        result = espota_fail(error, ESPOTA_ERR_UNSUPPORTED, "%s is a flash file: no MicroPython runs there",
                             port_file(port));
    if (result == 0 && is_web(port))
        return open_webrepl(cli, o, port, device, error);
    if (result == 0)
        result = baud_of_console(o, &console, error);
    if (result == 0)
        result = open_link(cli, port, console, &link, error);
    if (result == 0)
        keep_link(o, link);
    return result ? result : espota_repl_open(device, link, &cli->observer, error);
}

int connect_device(struct cli *cli, const struct connect_options *o, enum connect_via usual,
                   struct espota_device **device, struct espota_error *error)
{
    enum connect_via via = usual;
    int result = choose_via(o, usual, &via, error);
    if (result != 0)
        return result;
    return via == VIA_ROM    ? connect_rom(cli, o, false, device, error)
           : via == VIA_REPL ? connect_repl(cli, o, device, error)
                             : connect_agent(cli, o, device, error);
}

int disconnect_device(struct espota_device *device, int result, struct espota_error *error)
{
    struct espota_error ignored;
    if (device && result == 0 && device->app_stopped)
        result = espota_device_restart(device, error);
    else if (device && result != 0)
        cli_let_finish();
    if (device && result != 0 && device->app_stopped && !device->found_so && !device->changed) {
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

void field_mac(struct fields *to, const char *key, const struct espota_device_info *info)
{
    char text[ESPOTA_MAC_TEXT];
    field_text(to, key, info->has_mac ? espota_mac_text(info->mac, text) : NULL);
}

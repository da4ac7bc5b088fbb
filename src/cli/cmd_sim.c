#include "connect.h"

#include "espota/error.h"
#include "espota/sign.h"
#include "sim/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MILLION = 1000000 };

/* What the simulator takes as it is given goes where it takes it from. */
struct options {
    struct espota_sim_options sim;
    const char *chip, *key, *pubkey, *power_cut, *revision, *lines, *stub_fault;
    const char *password_file, *arduino_auth, *esphome_like;
    struct number_option flash, tcp, rfc2217, listen, arduino, esphome, webrepl;
    bool repl, no_pty, exit_with_parent;
};

#define SIM(field)   offsetof(struct options, sim.field)
#define FAULT(field) SIM(faults.field)

static const struct option_spec option_table[] = {
    { "flash-file", 'f', OPTION_TEXT, SIM(flash_file), "FILE",
      "flash content; created blank when it does not exist (needed)" },
    { "flash", 0, OPTION_SIZE, offsetof(struct options, flash), "SIZE",
      "size of a new flash file: 4M, 16M ..." },
    { "chip", 'c', OPTION_TEXT, offsetof(struct options, chip), "CHIP", "chip to simulate (esp32)" },
    { "link", 'l', OPTION_TEXT, SIM(link), "PATH", "make PATH a symbolic link to the pseudo-terminal" },
    { "no-pty", 0, OPTION_FLAG, offsetof(struct options, no_pty), NULL, "no pseudo-terminal" },
    { "tcp", 't', OPTION_NUMBER, offsetof(struct options, tcp), "PORT",
      "offer the UART on 127.0.0.1:PORT; 0: any free port" },
    { "rfc2217", 0, OPTION_NUMBER, offsetof(struct options, rfc2217), "PORT",
      "offer the UART by RFC 2217 on 127.0.0.1:PORT, with DTR and RTS; 0: any free port" },
    { "lines", 0, OPTION_TEXT, offsetof(struct options, lines), "WHAT",
      "DTR and RTS drive an auto-reset circuit, a usb-jtag controller, or none (auto-reset)" },
    { "rise", 0, OPTION_VALUE, SIM(rise_ms), "MS",
      "the capacitor on EN lets the chip start so late after a reset by the lines (1)" },
    { "listen", 0, OPTION_NUMBER, offsetof(struct options, listen), "PORT",
      "offer the agent on 127.0.0.1:PORT as on a network; needs --key" },
    { "arduino-ota", 0, OPTION_NUMBER, offsetof(struct options, arduino), "PORT",
      "the app has ArduinoOTA, on 127.0.0.1:PORT by UDP; 0: any free port" },
    { "arduino-auth", 0, OPTION_TEXT, offsetof(struct options, arduino_auth), "HOW",
      "it asks for its password by sha256, sha256-of-md5, md5, or none (sha256)" },
    { "esphome-ota", 0, OPTION_NUMBER, offsetof(struct options, esphome), "PORT",
      "the app is one of ESPHome, as far as its OTA goes, on 127.0.0.1:PORT; 0: any free port" },
    { "esphome-like", 0, OPTION_TEXT, offsetof(struct options, esphome_like), "WHAT",
      "of which it is: current, gzip (an ESP8266, which takes that), 2024, 2021 (current)" },
    { "repl", 0, OPTION_FLAG, offsetof(struct options, repl), NULL,
      "a board with MicroPython instead: its REPL, played by python3" },
    { "webrepl", 0, OPTION_NUMBER, offsetof(struct options, webrepl), "PORT",
      "with --repl: its WebREPL, on 127.0.0.1:PORT; 0: any free port" },
    { "repl-like", 0, OPTION_TEXT, SIM(repl_like), "WHAT",
      "which MicroPython: current, old (no raw paste), no-esp, encrypted, chatty, slow, lies (current)" },
    { "password-file", 0, OPTION_TEXT, offsetof(struct options, password_file), "FILE",
      "the first line of FILE is the password of updates that are not the agent's" },
    { "announce", 0, OPTION_TEXT, SIM(announce), "NAME",
      "announce that agent by mDNS, to this machine alone" },
    { "pubkey", 0, OPTION_TEXT, offsetof(struct options, pubkey), "PEM",
      "the agent takes images alone that are signed with this key" },
    { "min-secure-version", 0, OPTION_VALUE, SIM(min_secure_version), "N",
      "the agent refuses apps with a lower secure version" },
    { "project", 0, OPTION_TEXT, SIM(project), "NAME", "the agent refuses apps of another project" },
    { "key", 'k', OPTION_TEXT, offsetof(struct options, key), "FILE", "the agent asks for the key in FILE" },
    { "no-pull", 0, OPTION_FLAG, SIM(no_pull), NULL, "the agent does not fetch images by itself" },
    { "download", 0, OPTION_FLAG, SIM(download), NULL, "start in download mode, as with GPIO0 held low" },
    { "wait-boot", 0, OPTION_FLAG, SIM(wait_boot), NULL,
      "say where it can be reached when an app runs; fail when none does" },
    { "exit-with-parent", 0, OPTION_FLAG, offsetof(struct options, exit_with_parent), NULL,
      "end when the process ends that started it" },
    { "rollback", 0, OPTION_FLAG, SIM(rollback), NULL,
      "the bootloader honours trial boots (app rollback enabled)" },
    { "revision", 0, OPTION_TEXT, offsetof(struct options, revision), "N.N", "revision of the chip" },
    { "crystal", 0, OPTION_VALUE, SIM(crystal_mhz), "MHZ",
      "crystal of a chip that comes with several: 26, 40, 48" },
    { "secure-boot", 0, OPTION_FLAG, SIM(secure_boot), NULL,
      "the chip says that it boots signed images only" },
    { "flash-encryption", 0, OPTION_FLAG, SIM(flash_encryption), NULL,
      "the chip says that its flash is encrypted" },
    { "secure-download", 0, OPTION_FLAG, SIM(secure_download), NULL,
      "the ROM is in secure download mode (not on an ESP32)" },
    { "real-time", 0, OPTION_FLAG, SIM(real_time), NULL, "UART and flash take as long as on a board" },
    { "seed", 0, OPTION_VALUE, FAULT(seed), "N", "of the random faults below (1)" },
    { "drop", 0, OPTION_VALUE, FAULT(drop_per_million), "PPM", "lose so many of a million UART bytes" },
    { "flip", 0, OPTION_VALUE, FAULT(flip_per_million), "PPM",
      "flip a bit in so many of a million UART bytes" },
    { "duplicate", 0, OPTION_VALUE, FAULT(duplicate_per_million), "PPM",
      "repeat so many of a million UART bytes" },
    { "stall", 0, OPTION_VALUE, FAULT(stall_per_million), "PPM",
      "hold up the line for up to 1.5 s before so many of a million UART bytes" },
    { "clean-baud", 0, OPTION_VALUE, FAULT(clean_baud), "RATE", "at a higher rate the line is noisy" },
    { "disconnect-after", 0, OPTION_VALUE, FAULT(disconnect_after), "BYTES",
      "break the TCP connection once, after so many bytes from the host" },
    { "stub-fault", 0, OPTION_TEXT, offsetof(struct options, stub_fault), "WHAT",
      "what the stub does that is loaded: silent, babbles, or dies:BYTES, after so many bytes from the "
      "host; with first- before it, what its first stage does" },
    { "power-cut", 0, OPTION_TEXT, offsetof(struct options, power_cut), "N[:KIND]",
      "power fails at flash operation N; KIND: before, torn, after or bits (torn)" },
    OPTION_END,
};

static int parse_power_cut(const char *text, struct espota_sim_faults *faults, struct espota_error *error)
{
    static const char *const kinds[] = { "before", "torn", "after", "bits" };
    char kind[16] = "torn";
    if (!text)
        return 0;
    int count = sscanf(text, "%" SCNu64 ":%15s", &faults->power_cut_at, kind);
    for (int i = 0; i < 4; i++)
        if (strcmp(kind, kinds[i]) == 0)
            faults->power_cut_kind = i + 1;
    if (count < 1 || faults->power_cut_at == 0 || faults->power_cut_kind == 0 || text[0] == '-')
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--power-cut '%s': give a flash operation, counted from 1, and before, torn, after or bits, "
            "for example 17:torn",
            text);
    return 0;
}

static int parse_stub_fault(const char *text, struct espota_sim_faults *faults, struct espota_error *error)
{
    bool first = text && strncmp(text, "first-", 6) == 0;
    const char *what = first ? text + 6 : text;
    char rest = '\0';
    if (!text)
        return 0;
    if (strcmp(what, "silent") == 0)
        faults->stub = 1;
    else if (strcmp(what, "babbles") == 0)
        faults->stub = 2;
    else if (sscanf(what, "dies:%" SCNu32 "%c", &faults->stub_dies_after, &rest) == 1)
        faults->stub = 3;
    else
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--stub-fault '%s': use silent, babbles or dies:1000, or first-silent and so on",
                           text);
    faults->stub += first ? 3 : 0;
    return 0;
}

/* As a number, and as it is given to --port or --host. */
static void field_listener(struct fields *to, const char *name, const char *scheme, uint16_t port)
{
    char key[24], url[48];
    snprintf(key, sizeof key, "%s_port", name);
    field_number_if(to, key, port > 0, port);
    snprintf(key, sizeof key, "%s_url", name);
    snprintf(url, sizeof url, "%s127.0.0.1:%u", scheme, port);
    field_text(to, key, port > 0 ? url : NULL);
}

static void ready(void *context, const struct espota_sim_listeners *d)
{
    struct cli *cli = context;
    if (cli->json) {
        struct espota_error ignored;
        struct fields document = document_begin();
        field_text(&document, "pty", d->pty);
        field_listener(&document, "tcp", "tcp://", d->tcp_port);
        field_listener(&document, "rfc2217", "rfc2217://", d->rfc2217_port);
        field_listener(&document, "listen", "", d->network_port);
        field_listener(&document, "arduino", "", d->arduino_port);
        field_listener(&document, "esphome", "", d->esphome_port);
        field_listener(&document, "webrepl", "ws://", d->webrepl_port);
        (void)print_document(&document, &ignored); /* a broken stdout shows at the end */
    } else {
        if (d->pty)
            print("pty: %s\n", d->pty);
        if (d->tcp_port)
            print("uart: tcp://127.0.0.1:%u\n", d->tcp_port);
        if (d->rfc2217_port)
            print("rfc2217: rfc2217://127.0.0.1:%u\n", d->rfc2217_port);
        if (d->network_port)
            print("agent: 127.0.0.1:%u\n", d->network_port);
        if (d->arduino_port)
            print("arduino: 127.0.0.1:%u\n", d->arduino_port);
        if (d->esphome_port)
            print("esphome: 127.0.0.1:%u\n", d->esphome_port);
        if (d->webrepl_port)
            print("webrepl: ws://127.0.0.1:%u\n", d->webrepl_port);
    }
    fflush(stdout);
}

static void log_line(void *context, const char *line)
{
    struct cli *cli = context;
    espota_ui_say(&cli->ui, "%s", line);
}

/* What a board with MicroPython has not. */
static int check_repl(const struct options *o, struct espota_error *error)
{
    static const char *const likes[] = { "current", "old", "no-esp", "encrypted", "chatty", "slow", "lies" };
    const char *like = o->sim.repl_like;
    bool known = !like;
    if (!o->repl)
        return o->webrepl.given || like
                   ? espota_fail(error, ESPOTA_ERR_USAGE, "--webrepl and --repl-like go with --repl")
                   : 0;
    for (size_t i = 0; i < sizeof likes / sizeof likes[0]; i++)
        known = known || strcmp(like, likes[i]) == 0;
    if (!known)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--repl-like '%s': use current, old, no-esp, encrypted, chatty, slow or lies",
                           like);
    if (o->rfc2217.given || o->listen.given || o->arduino.given || o->esphome.given || o->sim.download ||
        o->sim.real_time || o->power_cut || o->stub_fault || o->key)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--repl is a board without ROM and agent: of the ways to reach one it takes "
                           "--link, --tcp and --webrepl");
    if (o->webrepl.given && !o->password_file)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--webrepl needs --password-file FILE");
    return o->webrepl.value > 65535
               ? espota_fail(error, ESPOTA_ERR_USAGE, "--webrepl takes a port from 0 to 65535")
               : 0;
}

static int check_options(const struct options *o, struct espota_error *error)
{
    const struct espota_sim_faults *f = &o->sim.faults;
    uint32_t crystal = o->sim.crystal_mhz;
    if (!o->sim.flash_file)
        return espota_fail(error, ESPOTA_ERR_USAGE, "where is the flash? Give --flash-file FILE");
    if (o->sim.wait_boot && o->sim.download)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--wait-boot and --download contradict each other: no app runs in download mode");
    if (o->no_pty && o->sim.link)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--no-pty and --link contradict each other");
    if (o->no_pty && !o->tcp.given && !o->rfc2217.given && !o->listen.given && !o->arduino.given &&
        !o->esphome.given && !o->webrepl.given)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--no-pty needs --tcp, --rfc2217, --listen or the like: nobody could reach it");
    if (o->tcp.value > 65535 || o->rfc2217.value > 65535 || o->listen.value > 65535 ||
        o->arduino.value > 65535 || o->esphome.value > 65535)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--tcp, --rfc2217, --listen and the like take a port from 0 to 65535");
    if (o->listen.given && !o->key)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--listen needs --key FILE: on a network an agent has a key");
    if (o->sim.announce && !o->listen.given)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--announce needs --listen: what is there to be reached?");
    if (f->drop_per_million > MILLION || f->flip_per_million > MILLION ||
        f->duplicate_per_million > MILLION || f->stall_per_million > MILLION)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--drop, --flip, --duplicate and --stall count bytes of a million");
    if (crystal && crystal != 26 && crystal != 40 && crystal != 48)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--crystal: 26, 40 or 48");
    return 0;
}

static int parse_revision(const char *text, uint16_t *revision, struct espota_error *error)
{
    unsigned major = 0, minor = 0;
    char rest = '\0';
    if (!text)
        return 0;
    if (sscanf(text, "%u.%u%c", &major, &minor, &rest) != 2 || major > 7 || minor > 15)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--revision '%s': write 3.1, for example", text);
    *revision = (uint16_t)(major * 100 + minor);
    return 0;
}

static int parse_lines(const char *text, struct espota_sim_options *sim, struct espota_error *error)
{
    if (!text || strcmp(text, "auto-reset") == 0)
        return 0;
    sim->usb_jtag = strcmp(text, "usb-jtag") == 0;
    sim->no_circuit = strcmp(text, "none") == 0;
    if (sim->usb_jtag || sim->no_circuit)
        return 0;
    return espota_fail(error, ESPOTA_ERR_USAGE, "--lines '%s': use auto-reset, usb-jtag or none", text);
}

/* What a chip has not. Source: ESP-IDF, soc_caps.h: SOC_SUPPORTS_SECURE_DL_MODE,
 * SOC_USB_SERIAL_JTAG_SUPPORTED.
 */
static int check_chip(const struct espota_sim_options *sim, struct espota_error *error)
{
    static const char *const without_usb[] = { "esp32", "esp32s2", "esp32c2" };
    if (sim->secure_download && strcmp(sim->chip->id, "esp32") == 0)
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--secure-download: an ESP32 has no secure download mode: from revision 3 on, download mode can "
            "be switched off as a whole; later chips have it (--chip esp32c3)");
    for (size_t i = 0; sim->usb_jtag && i < sizeof without_usb / sizeof without_usb[0]; i++)
        if (strcmp(sim->chip->id, without_usb[i]) == 0)
            return espota_fail(
                error, ESPOTA_ERR_USAGE,
                "--lines usb-jtag: an %s has no USB-Serial/JTAG controller (--chip esp32c3 has)",
                sim->chip->name);
    return 0;
}

static int parse_auth(const struct options *o, enum espota_arduino_auth *auth, struct espota_error *error)
{
    static const char *const names[] = { "none", "md5", "sha256", "sha256-of-md5" };
    const char *name = o->arduino_auth ? o->arduino_auth : o->password_file ? "sha256" : "none";
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            *auth = (enum espota_arduino_auth)i;
    if (*auth == ESPOTA_ARDUINO_NO_AUTH && strcmp(name, "none") != 0)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--arduino-auth '%s': use none, md5, sha256 or sha256-of-md5", name);
    if (*auth != ESPOTA_ARDUINO_NO_AUTH && !o->password_file)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--arduino-auth needs --password-file FILE");
    return 0;
}

static int parse_like(const struct options *o, int *like, struct espota_error *error)
{
    static const char *const names[] = { "current", "gzip", "2024", "2021" };
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
        if (!o->esphome_like || strcmp(o->esphome_like, names[i]) == 0) {
            *like = i;
            return 0;
        }
    return espota_fail(error, ESPOTA_ERR_USAGE, "--esphome-like '%s': use current, gzip, 2024 or 2021",
                       o->esphome_like);
}

/* What has to be understood first. */
static int complete(const struct options *o, struct espota_sim_options *sim, struct espota_error *error)
{
    sim->chip = espota_chip_by_name(o->chip ? o->chip : "esp32");
    sim->flash_size = o->flash.value;
    sim->pty = !o->no_pty;
    sim->tcp = o->tcp.given;
    sim->tcp_port = (uint16_t)o->tcp.value;
    sim->rfc2217 = o->rfc2217.given;
    sim->rfc2217_port = (uint16_t)o->rfc2217.value;
    sim->network = o->listen.given;
    sim->network_port = (uint16_t)o->listen.value;
    sim->arduino = o->arduino.given;
    sim->arduino_port = (uint16_t)o->arduino.value;
    sim->esphome = o->esphome.given;
    sim->esphome_port = (uint16_t)o->esphome.value;
    sim->webrepl = o->webrepl.given;
    sim->webrepl_port = (uint16_t)o->webrepl.value;
    int result = check_options(o, error);
    if (result == 0)
        result = check_repl(o, error);
    if (result == 0)
        result = parse_auth(o, &sim->arduino_auth, error);
    if (result == 0)
        result = parse_like(o, &sim->esphome_like, error);
    if (result == 0 && !sim->chip)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "--chip '%s' is not known here", o->chip);
    if (result == 0)
        result = parse_power_cut(o->power_cut, &sim->faults, error);
    if (result == 0)
        result = parse_stub_fault(o->stub_fault, &sim->faults, error);
    if (result == 0)
        result = parse_revision(o->revision, &sim->revision, error);
    if (result == 0)
        result = parse_lines(o->lines, sim, error);
    return result ? result : check_chip(sim, error);
}

/* SIGTERM when the parent ends; it may have ended before this was asked for. */
static int end_with_parent(pid_t parent, struct espota_error *error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        return espota_fail(error, ESPOTA_ERR_IO, "cannot ask for a signal at the end of process %ld: %s",
                           (long)parent, strerror(errno));
    if (getppid() != parent)
        return espota_fail(error, ESPOTA_ERR_IO, "process %ld, which started the simulator, has ended",
                           (long)parent);
    return 0;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    pid_t parent = getppid();
    uint8_t key[64];
    char password[PASSWORD_ROOM] = "";
    struct espota_signer *owner = NULL;
    struct espota_sim_options sim = o->sim;
    sim.context = cli;
    sim.ready = ready;
    sim.log = log_line;
    int result = complete(o, &sim, error);
    if (result == 0 && o->exit_with_parent)
        result = end_with_parent(parent, error);
    if (result == 0 && o->key)
        result = read_key(cli, o->key, key, &sim.key_length, error);
    sim.key = o->key ? key : NULL;
    if (result == 0 && o->password_file)
        result = read_password(cli, o->password_file, password, error);
    sim.password = o->password_file ? password : NULL;
    if (result == 0 && o->pubkey)
        result = espota_signer_load(&owner, o->pubkey, false, error);
    sim.owner = owner;
    if (result == 0)
        result = o->repl ? espota_sim_run_repl(&sim, error) : espota_sim_run(&sim, error);
    espota_signer_free(owner);
    return result;
}

const struct command command_sim = {
    .name = "sim",
    .summary = "simulate an ESP32, on a pseudo-terminal and TCP",
    .usage = "--flash-file FILE",
    .description =
        "A board with its flash in a file: ROM download mode, second-stage bootloader, agent. Prints "
        "where it\n"
        "can be reached, then its console on stderr. SIGUSR1 presses reset, SIGUSR2 presses reset with "
        "GPIO0\n"
        "low (download mode), SIGHUP pulls the power and gives it back, SIGINT and SIGTERM end it.",
    .options = option_table,
    .options_size = sizeof(struct options),
    .is_simulator = true,
    .run = run,
};

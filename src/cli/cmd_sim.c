#include "connect.h"

#include "espota/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MILLION = 1000000 };

struct options {
    const char *flash_file, *link, *chip, *key, *power_cut;
    struct size_option flash;
    struct number_option tcp, listen, seed, drop, flip, disconnect_after;
    bool no_pty, tcp_any, listen_any, download, rollback, real_time;
};

static const struct option_spec option_table[] = {
    { "flash-file", 'f', OPTION_TEXT, offsetof(struct options, flash_file), "FILE",
      "flash content; created blank when it does not exist (needed)" },
    { "flash", 0, OPTION_SIZE, offsetof(struct options, flash), "SIZE",
      "size of a new flash file: 4M, 16M ..." },
    { "chip", 'c', OPTION_TEXT, offsetof(struct options, chip), "CHIP", "chip to simulate (esp32)" },
    { "link", 'l', OPTION_TEXT, offsetof(struct options, link), "PATH",
      "make PATH a symbolic link to the pseudo-terminal" },
    { "no-pty", 0, OPTION_FLAG, offsetof(struct options, no_pty), NULL, "no pseudo-terminal" },
    { "tcp", 't', OPTION_NUMBER, offsetof(struct options, tcp), "PORT",
      "offer the UART on 127.0.0.1:PORT; 0: any free port" },
    { "listen", 0, OPTION_NUMBER, offsetof(struct options, listen), "PORT",
      "offer the agent on 127.0.0.1:PORT as on a network; needs --key" },
    { "key", 'k', OPTION_TEXT, offsetof(struct options, key), "FILE", "the agent asks for the key in FILE" },
    { "download", 0, OPTION_FLAG, offsetof(struct options, download), NULL,
      "start in download mode, as with GPIO0 held low" },
    { "rollback", 0, OPTION_FLAG, offsetof(struct options, rollback), NULL,
      "the bootloader honours trial boots (app rollback enabled)" },
    { "real-time", 0, OPTION_FLAG, offsetof(struct options, real_time), NULL,
      "UART and flash take as long as on a board" },
    { "seed", 0, OPTION_NUMBER, offsetof(struct options, seed), "N", "of the random faults below (1)" },
    { "drop", 0, OPTION_NUMBER, offsetof(struct options, drop), "PPM",
      "lose so many of a million UART bytes" },
    { "flip", 0, OPTION_NUMBER, offsetof(struct options, flip), "PPM",
      "flip a bit in so many of a million UART bytes" },
    { "disconnect-after", 0, OPTION_NUMBER, offsetof(struct options, disconnect_after), "BYTES",
      "break the TCP connection once, after so many bytes from the host" },
    { "power-cut", 0, OPTION_TEXT, offsetof(struct options, power_cut), "N[:KIND]",
      "power fails at flash operation N; KIND: before, torn or after (torn)" },
    OPTION_END,
};

static int parse_power_cut(const char *text, struct espota_sim_faults *faults, struct espota_error *error)
{
    static const char *const kinds[] = { "before", "torn", "after" };
    char kind[16] = "torn";
    if (!text)
        return 0;
    int count = sscanf(text, "%" SCNu64 ":%15s", &faults->power_cut_at, kind);
    for (int i = 0; i < 3; i++)
        if (strcmp(kind, kinds[i]) == 0)
            faults->power_cut_kind = i + 1;
    if (count < 1 || faults->power_cut_at == 0 || faults->power_cut_kind == 0 || text[0] == '-')
        return espota_fail(
            error, ESPOTA_ERR_USAGE,
            "--power-cut '%s': give a flash operation, counted from 1, and before, torn or after, "
            "for example 17:torn",
            text);
    return 0;
}

static void ready(void *context, const char *pty, uint16_t tcp_port, uint16_t network_port)
{
    struct cli *cli = context;
    if (cli->json) {
        json_t *document = json_pack("{s:o, s:o, s:o}", "pty", pty ? json_string(pty) : json_null(),
                                     "tcp_port", tcp_port ? json_integer(tcp_port) : json_null(),
                                     "listen_port", network_port ? json_integer(network_port) : json_null());
        struct espota_error ignored;
        if (document)
            (void)print_json(document, &ignored); /* a broken stdout shows at the end */
    } else {
        if (pty)
            printf("pty: %s\n", pty);
        if (tcp_port)
            printf("uart: tcp://127.0.0.1:%u\n", tcp_port);
        if (network_port)
            printf("agent: 127.0.0.1:%u\n", network_port);
    }
    fflush(stdout);
}

static void log_line(void *context, const char *line)
{
    struct cli *cli = context;
    espota_ui_say(&cli->ui, "%s", line);
}

static int check_options(const struct options *o, struct espota_error *error)
{
    if (!o->flash_file)
        return espota_fail(error, ESPOTA_ERR_USAGE, "where is the flash? Give --flash-file FILE");
    if (o->no_pty && o->link)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--no-pty and --link contradict each other");
    if (o->no_pty && !o->tcp.given && !o->listen.given)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--no-pty needs --tcp or --listen: nobody could reach it");
    if (o->tcp.value > 65535 || o->listen.value > 65535)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--tcp and --listen take a port from 0 to 65535");
    if (o->listen.given && !o->key)
        return espota_fail(error, ESPOTA_ERR_USAGE,
                           "--listen needs --key FILE: on a network an agent has a key");
    if (o->drop.value > MILLION || o->flip.value > MILLION)
        return espota_fail(error, ESPOTA_ERR_USAGE, "--drop and --flip count bytes of a million");
    return 0;
}

static int run(struct cli *cli, const void *options, struct espota_error *error)
{
    const struct options *o = options;
    uint8_t key[64];
    struct espota_sim_options sim = {
        .chip = espota_chip_by_name(o->chip ? o->chip : "esp32"),
        .flash_file = o->flash_file,
        .flash_size = o->flash.value,
        .pty = !o->no_pty,
        .link = o->link,
        .tcp = o->tcp.given,
        .tcp_port = (uint16_t)o->tcp.value,
        .network = o->listen.given,
        .network_port = (uint16_t)o->listen.value,
        .download = o->download,
        .rollback = o->rollback,
        .real_time = o->real_time,
        .faults = { .seed = o->seed.value,
                    .drop_per_million = o->drop.value,
                    .flip_per_million = o->flip.value,
                    .disconnect_after = o->disconnect_after.value },
        .context = cli,
        .ready = ready,
        .log = log_line,
    };
    int result = check_options(o, error);
    if (result == 0 && !sim.chip)
        result = espota_fail(error, ESPOTA_ERR_USAGE, "--chip '%s' is not known here", o->chip);
    if (result == 0)
        result = parse_power_cut(o->power_cut, &sim.faults, error);
    if (result == 0 && o->key)
        result = read_key(o->key, key, &sim.key_length, error);
    sim.key = o->key ? key : NULL;
    return result ? result : espota_sim_run(&sim, error);
}

const struct command command_sim = {
    .name = "sim",
    .summary = "simulate an ESP32, on a pseudo-terminal and TCP",
    .usage = "--flash-file FILE",
    .story = "A board with its flash in a file: ROM download mode, second-stage bootloader, agent. Prints "
             "where it\n"
             "can be reached, then its console on stderr. SIGUSR1 presses reset, SIGUSR2 presses reset with "
             "GPIO0\n"
             "low (download mode), SIGHUP pulls the power and gives it back, SIGINT and SIGTERM end it.",
    .options = option_table,
    .options_size = sizeof(struct options),
    .run = run,
};

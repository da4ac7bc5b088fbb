/* A simulated board at work: bytes from its listeners, signals for its buttons, DTR and RTS for its reset. */
#include "server.h"

#include "espota/clock.h"
#include "espota/error.h"
#include "espota/table.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { CHUNK = 1024, STUB_IDLE_MS = 5, RATE_IDLE_MS = 100 };

static int failed(const char *what, struct espota_error *error)
{
    return espota_fail(error, ESPOTA_ERR_IO, "cannot %s: %s", what, strerror(errno));
}

/* ---- out ------------------------------------------------------------------------------------------------
 */

static void send_uart(struct sim_server *s, const uint8_t *data, size_t length)
{
    uint8_t wire[2 * CHUNK], escaped[4 * CHUNK];
    size_t left = sim_line_pass(&s->line, data, length, wire);
    sim_listener_write(s, SIM_PTY, wire, left);
    sim_listener_write(s, SIM_TCP, wire, left);
    sim_listener_write(s, SIM_RFC2217, escaped, espota_telnet_escape(wire, left, escaped));
}

static void send_bytes(void *context, enum sim_stream stream, const uint8_t *data, size_t length)
{
    struct sim_server *s = context;
    while (length > 0) {
        size_t chunk = length < CHUNK ? length : CHUNK;
        if (stream == SIM_UART)
            send_uart(s, data, chunk);
        else
            sim_listener_write(s, (enum sim_listener_index)(SIM_AGENT + stream - SIM_NETWORK), data, chunk);
        data += chunk;
        length -= chunk;
    }
}

static void set_baud(void *context, uint32_t baud)
{
    struct sim_server *s = context;
    s->line.baud = baud;
}

static void log_line(void *context, const char *line)
{
    struct sim_server *s = context;
    if (s->options->log)
        s->options->log(s->options->context, line);
}

/* ---- the lines ------------------------------------------------------------------------------------------
 */

static void act(struct sim_server *s, enum sim_circuit_event event)
{
    switch (event) {
    case SIM_CIRCUIT_NOTHING:
        break;
    case SIM_CIRCUIT_HOLD:
        sim_board_hold(&s->board);
        break;
    case SIM_CIRCUIT_START:
    case SIM_CIRCUIT_DOWNLOAD:
        sim_board_reset(&s->board, event == SIM_CIRCUIT_DOWNLOAD);
        break;
    }
}

static void drive_lines(void *context, bool dtr, bool rts)
{
    struct sim_server *s = context;
    act(s, sim_circuit_drive(&s->circuit, dtr, rts, espota_clock_now_ms(s->options->clock)));
}

static void set_host_baud(void *context, uint32_t baud)
{
    struct sim_server *s = context;
    s->line.host_baud = baud;
}

static void answer_remote(void *context, const uint8_t *data, size_t size)
{
    sim_listener_write(context, SIM_RFC2217, data, size);
}

/* ---- in -------------------------------------------------------------------------------------------------
 */

static bool breaks_now(struct sim_server *s, size_t count)
{
    s->received += count;
    if (s->options->faults.disconnect_after == 0 || s->disconnected ||
        s->received < s->options->faults.disconnect_after)
        return false;
    s->disconnected = true;
    return true;
}

static void report_power(struct sim_server *s)
{
    if (s->flash.powered || s->cut_reported)
        return;
    s->cut_reported = true;
    log_line(s, "power failed; SIGHUP gives it back");
}

static void input(struct sim_server *s, enum sim_stream stream, const uint8_t *data, size_t length)
{
    uint8_t wire[2 * CHUNK];
    if (stream == SIM_UART) {
        length = sim_line_pass(&s->line, data, length, wire);
        data = wire;
    }
    sim_board_input(&s->board, stream, data, length);
    report_power(s);
}

/* Data in between commands arrives before what they do. */
static void input_remote(struct sim_server *s, const uint8_t *data, size_t length)
{
    uint8_t plain[CHUNK];
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        if (data[i] == ESPOTA_TELNET_IAC && count > 0) {
            input(s, SIM_UART, plain, count);
            count = 0;
        }
        if (sim_remote_byte(&s->remote, data[i]))
            plain[count++] = data[i];
    }
    if (count > 0)
        input(s, SIM_UART, plain, count);
}

static void take_bytes(struct sim_server *s, enum sim_listener_index which)
{
    struct sim_listener *listener = &s->listener[which];
    uint8_t data[CHUNK];
    ssize_t count = read(listener->fd, data, sizeof data);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        sim_listener_hang_up(s, which);
        return;
    }
    if (count < 0)
        return;
    bool breaks = breaks_now(s, (size_t)count);
    if (which == SIM_RFC2217)
        input_remote(s, data, (size_t)count);
    else
        input(s, listener->stream, data, (size_t)count);
    if (breaks && listener->fd >= 0)
        sim_listener_hang_up(s, which);
}

static void take_caller(struct sim_server *s, enum sim_listener_index which)
{
    const struct sim_remote_events events = { s, answer_remote, set_host_baud, drive_lines };
    if (!sim_listener_accept(s, which))
        return;
    s->line.host_baud = 0;
    if (which == SIM_RFC2217)
        sim_remote_begin(&s->remote, &events);
}

/* @return false when it is time to end. */
static bool take_signal(struct sim_server *s)
{
    struct signalfd_siginfo info;
    if (read(s->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return true;
    s->cut_reported = false;
    sim_circuit_press(&s->circuit);
    if (info.ssi_signo == SIGHUP)
        s->flash.cut = SIM_CUT_NONE;
    if (info.ssi_signo == SIGUSR1 || info.ssi_signo == SIGHUP)
        sim_board_reset(&s->board, false);
    else if (info.ssi_signo == SIGUSR2)
        sim_board_reset(&s->board, true);
    return info.ssi_signo != SIGINT && info.ssi_signo != SIGTERM;
}

/* What hosts that are there have sent was sent before that: a host that has gone may have moved its lines. */
static bool take_press(struct sim_server *s, const struct pollfd *p)
{
    enum { READS_MOST = 64 }; /* of one who never stops */
    for (int i = 0; i < SIM_LISTENERS; i++) {
        struct pollfd more = p[2 + 2 * i];
        for (int reads = 0; reads < READS_MOST; reads++)
            if (more.fd >= 0 && s->listener[i].fd == more.fd && poll(&more, 1, 0) == 1)
                take_bytes(s, (enum sim_listener_index)i);
    }
    return take_signal(s);
}

/* Of two waits, of which -1 is for ever. */
static int sooner(int a, int b)
{
    return a >= 0 && (b < 0 || a < b) ? a : b;
}

/* Milliseconds until something is to be done that nobody asks for; -1: nothing. */
static int next_event(struct sim_server *s)
{
    uint64_t now = espota_clock_now_ms(s->options->clock);
    int circuit = sim_circuit_timeout(&s->circuit, now), caller = sim_listeners_expire(s, now);
    bool at_other_rate = s->board.state == SIM_RUNNING && s->board.agent.rate.stream;
    int board = s->board.state == SIM_STUB || s->board.state == SIM_FIRST ? STUB_IDLE_MS
                : at_other_rate                                           ? RATE_IDLE_MS
                                                                          : -1;
    int app = sooner(sim_arduino_timeout(&s->arduino, now), sim_esphome_timeout(&s->esphome, now));
    app = sooner(app, sim_pull_timeout(&s->pull, now));
    return sooner(sooner(sooner(circuit, caller), board), app);
}

/* What it does besides being an agent. */
static void run_app(struct sim_server *s, const struct pollfd *arduino, const struct pollfd *esphome)
{
    uint64_t now = espota_clock_now_ms(s->options->clock);
    sim_arduino_step(&s->arduino, arduino, now);
    sim_esphome_step(&s->esphome, esphome, now);
    sim_pull_step(&s->pull, now);
    report_power(s);
}

static int serve(struct sim_server *s, struct espota_error *error)
{
    for (;;) {
        int wait = next_event(s); /* may hang up */
        sim_announce_what_runs(s);
        enum {
            ARDUINO = 1 + 2 * SIM_LISTENERS,
            ESPHOME = ARDUINO + SIM_ARDUINO_FDS,
            PULL = ESPHOME + SIM_ESPHOME_FDS,
            WATCHED = PULL + SIM_PULL_FDS
        };
        struct pollfd p[WATCHED] = { { s->signals, POLLIN, 0 } };
        for (int i = 0; i < SIM_LISTENERS; i++) {
            p[1 + 2 * i] = (struct pollfd){ s->listener[i].listen_fd, POLLIN, 0 };
            p[2 + 2 * i] = (struct pollfd){ s->listener[i].fd, POLLIN, 0 };
        }
        sim_arduino_watch(&s->arduino, p + ARDUINO);
        sim_esphome_watch(&s->esphome, p + ESPHOME);
        sim_pull_watch(&s->pull, p + PULL);
        int ready = poll(p, WATCHED, wait);
        if (ready < 0 && errno != EINTR)
            return failed("wait for something to happen", error);
        act(s, sim_circuit_wait(&s->circuit, espota_clock_now_ms(s->options->clock)));
        run_app(s, p + ARDUINO, p + ESPHOME);
        if (ready <= 0) {
            (void)sim_board_step(&s->board); /* what it goes on with by itself */
            continue;
        }
        if (p[0].revents && !take_press(s, p))
            return 0;
        for (int i = 0; i < SIM_LISTENERS; i++) {
            if (p[2 + 2 * i].revents && s->listener[i].fd == p[2 + 2 * i].fd)
                take_bytes(s, (enum sim_listener_index)i);
            if (p[1 + 2 * i].revents)
                take_caller(s, (enum sim_listener_index)i);
        }
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------
 */

int sim_server_take_signals(struct sim_server *s, int another, struct espota_error *error)
{
    static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
    sigset_t set;
    sigemptyset(&set);
    if (another)
        sigaddset(&set, another);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        sigaddset(&set, wanted[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || (s->signals = signalfd(-1, &set, SFD_CLOEXEC)) < 0)
        return failed("take signals", error);
    return 0;
}

static struct sim_identity identity_of(const struct espota_sim_options *o)
{
    enum { USUAL_REVISION = 1, USUAL_ESP32_REVISION = 301, USUAL_CRYSTAL_MHZ = 40 };
    uint32_t crystal = o->chip->crystal_mhz ? o->chip->crystal_mhz : USUAL_CRYSTAL_MHZ;
    return (struct sim_identity){
        .mac = { 0x24, 0x0a, 0xc4, 0x00, 0x01, 0x10 },
        .revision = o->revision                  ? o->revision
                    : o->chip->major_counts_bits ? USUAL_ESP32_REVISION
                                                 : USUAL_REVISION,
        .crystal_mhz = o->crystal_mhz ? o->crystal_mhz : crystal,
        .secure_boot = o->secure_boot,
        .flash_encryption = o->flash_encryption,
        .secure_download = o->secure_download,
    };
}

static int power_on(struct sim_server *s, struct espota_error *error)
{
    const struct espota_sim_options *o = s->options;
    struct sim_board_options board = {
        .chip = o->chip,
        .identity = identity_of(o),
        .rollback = o->rollback,
        .key = o->key,
        .key_length = o->key_length,
        .owner = o->owner,
        .min_secure_version = o->min_secure_version,
        .project = o->project,
        .pulls = !o->no_pull,
        .stub_fault = (enum sim_stub_fault)o->faults.stub,
        .stub_dies_after = o->faults.stub_dies_after,
        .table_offset = ESPOTA_TABLE_DEFAULT_OFFSET,
        .clock = o->clock,
        .context = s,
        .send = send_bytes,
        .log = log_line,
        .baud = set_baud,
    };
    s->circuit.kind = o->usb_jtag ? SIM_CIRCUIT_USB_JTAG : SIM_CIRCUIT_AUTO_RESET;
    if (o->no_circuit)
        s->circuit.kind = SIM_CIRCUIT_NONE;
    s->circuit.rise_ms = o->rise_ms ? o->rise_ms : 1;
    sim_real_time_init(&s->real);
    s->flash.time = o->real_time ? &s->real.time : NULL;
    s->flash.cut = (enum sim_cut)o->faults.power_cut_kind;
    s->flash.cut_at = o->faults.power_cut_at;
    int result = sim_board_init(&s->board, &s->flash, &board, error);
    if (result == 0)
        sim_board_reset(&s->board, o->download);
    return result;
}

static void tell_ready(struct sim_server *s)
{
    const struct espota_sim_options *o = s->options;
    const struct espota_sim_listeners listeners = { o->pty ? s->pty_name : NULL,
                                                    s->port[SIM_TCP],
                                                    s->port[SIM_RFC2217],
                                                    s->port[SIM_AGENT],
                                                    s->arduino_port,
                                                    s->esphome_port,
                                                    0 };
    if (o->ready)
        o->ready(o->context, &listeners);
}

static int begin(struct sim_server *s, struct espota_error *error)
{
    const struct espota_sim_options *o = s->options;
    if (!o->wait_boot)
        tell_ready(s);
    int result = power_on(s, error);
    if (result != 0 || !o->wait_boot)
        return result;
    if (s->board.state != SIM_RUNNING) {
        sim_board_end(&s->board);
        return espota_fail(error, ESPOTA_ERR_FAILED, "nothing boots from %s: flash it first", o->flash_file);
    }
    tell_ready(s);
    return 0;
}

static int open_app(struct sim_server *s, struct espota_error *error)
{
    const struct espota_sim_options *o = s->options;
    int result = 0;
    s->arduino_port = o->arduino_port;
    s->esphome_port = o->esphome_port;
    if (o->arduino)
        result =
            sim_arduino_open(&s->arduino, &s->board, o->arduino_auth, o->password, &s->arduino_port, error);
    if (result == 0 && o->esphome)
        result = sim_esphome_open(&s->esphome, &s->board, (enum sim_esphome_like)o->esphome_like, o->password,
                                  &s->esphome_port, error);
    return result;
}

/* With the flash open: listeners, power, service. */
static int run(struct sim_server *s, struct espota_error *error)
{
    int result = sim_server_take_signals(s, 0, error);
    if (result == 0)
        result = sim_listeners_open(s, error);
    if (result == 0)
        result = open_app(s, error);
    if (result == 0)
        result = sim_announce_begin(s, error);
    if (result == 0)
        result = begin(s, error);
    if (result == 0) {
        result = serve(s, error);
        sim_pull_close(&s->pull);
        sim_board_end(&s->board);
    }
    sim_arduino_close(&s->arduino);
    sim_announce_end(s);
    sim_esphome_close(&s->esphome);
    sim_listeners_close(s);
    if (s->signals >= 0)
        close(s->signals);
    return result;
}

int espota_sim_run(const struct espota_sim_options *options, struct espota_error *error)
{
    if (options->network && options->key_length == 0)
        return espota_fail(error, ESPOTA_ERR_USAGE, "an agent on a network needs a key");
    struct sim_server *s = calloc(1, sizeof *s);
    if (!s)
        return espota_fail_memory(error, "simulating");
    s->options = options;
    s->pull.board = &s->board;
    s->signals = s->arduino.udp = s->arduino.tcp = s->esphome.listener = s->esphome.fd = -1;
    sim_line_init(&s->line, options);
    for (int i = 0; i < SIM_LISTENERS; i++)
        s->listener[i] = (struct sim_listener){ SIM_UART, -1, -1, -1, 0 };
    int result = sim_flash_open(&s->flash, options->flash_file, options->flash_size, error);
    if (result == 0) {
        result = run(s, error);
        sim_flash_close(&s->flash);
    }
    free(s);
    return result;
}

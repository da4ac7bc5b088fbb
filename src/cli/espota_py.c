/* The command line of Arduino's espota.py, taken as it stands: options, what is said, exit status.
 *
 * Sources: arduino-esp32, tools/espota.py, 2.0 and 3.3; esp8266 Arduino, tools/espota.py, 3.1; what calls it:
 * platform-espressif32, builder/main.py; arduino-esp32, platform.txt. */
#include "espota_py.h"

#include "cli.h"
#include "connect.h"

#include "espota/address.h"
#include "espota/arduino_device.h"
#include "espota/arduino_ota.h"
#include "espota/buffer.h"
#include "espota/device.h"
#include "espota/error.h"
#include "espota/file.h"
#include "espota/file_kind.h"
#include "espota/ota.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LARGEST_IMAGE = 16 << 20, BAR = 60, USUAL_TIMEOUT_S = 10, FAILED = 1, WRONG_USAGE = 2 };

struct upload {
    const char *ip, *host_ip, *auth, *file;
    unsigned port, host_port, timeout; /* 0: as it comes */
    bool md5_target, spiffs, debug, progress;
    struct cli *cli;
    unsigned shown; /* dots or per cent so far */
    bool begun;
};

static const struct option long_options[] = {
    { "ip", required_argument, NULL, 'i' },
    { "host_ip", required_argument, NULL, 'I' },
    { "host-ip", required_argument, NULL, 'I' },
    { "port", required_argument, NULL, 'p' },
    { "host_port", required_argument, NULL, 'P' },
    { "host-port", required_argument, NULL, 'P' },
    { "auth", required_argument, NULL, 'a' },
    { "md5-target", no_argument, NULL, 'm' },
    { "file", required_argument, NULL, 'f' },
    { "spiffs", no_argument, NULL, 's' },
    { "debug", no_argument, NULL, 'd' },
    { "progress", no_argument, NULL, 'r' },
    { "timeout", required_argument, NULL, 't' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const char help[] =
    "Usage: espota -i IP -f FILE [options]\n\n"
    "Transmit an image over the air to an ESP32 or ESP8266 with ArduinoOTA, with the options of Arduino's\n"
    "espota.py. 'espota ota --arduino' does the same, and more: man espota-ota.\n\n"
    "  -i, --ip IP            address or name of the device\n"
    "  -p, --port PORT        its port (3232; for an image of the ESP8266 8266)\n"
    "  -I, --host_ip IP       our address, to which it connects\n"
    "  -P, --host_port PORT   our port (any)\n"
    "  -a, --auth PASSWORD    password\n"
    "  -m, --md5-target       the sketch has but the MD5 of the password\n"
    "  -f, --file FILE        image\n"
    "  -s, --spiffs           it is one of the file system\n"
    "  -d, --debug            more messages\n"
    "  -r, --progress         a bar\n"
    "  -t, --timeout SECONDS  for each of ten invitations (10)\n";

/* ---- what is said ---------------------------------------------------------------------------------------
 */

/* As Python's logging is set up there. */
__attribute__((format(printf, 3, 4))) static void say(const struct upload *u, const char *level,
                                                      const char *format, ...)
{
    char text[1200], stamp[16] = "";
    time_t now = time(NULL);
    struct tm local;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (localtime_r(&now, &local))
        strftime(stamp, sizeof stamp, "%H:%M:%S", &local);
    for (char *at = text; *at; at++) /* a device's words are no commands to a terminal */
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?';
    if (u->begun)
        fputc('\n', stderr);
    espota_ui_print(stderr, "%s [%s]: %s\n", stamp, level, text);
}

static void on_progress(void *context, const char *device, const struct espota_progress *p)
{
    struct upload *u = context;
    unsigned percent = p->total ? (unsigned)(100 * p->done / p->total) : 0;
    (void)device;
    if (!u->begun)
        espota_ui_print(stderr, "%s", u->progress ? "" : "Uploading");
    if (u->begun && u->shown == percent)
        return;
    if (u->progress) {
        char bar[BAR + 1];
        memset(bar, ' ', BAR);
        memset(bar, '=', BAR * percent / 100);
        bar[BAR] = '\0';
        fputc('\r', stderr);
        espota_ui_print(stderr, "Uploading: [%s] %u%% ", bar, percent);
        if (percent == 100)
            espota_ui_print(stderr, "Done...\n");
    } else {
        fputc('.', stderr);
    }
    u->begun = true;
    u->shown = percent;
}

static void on_message(void *context, const char *device, enum espota_message kind, const char *text)
{
    const struct upload *u = context;
    (void)device;
    if (kind == ESPOTA_MESSAGE_WARNING)
        say(u, "WARNING", "%s", text);
    else if (u->debug)
        say(u, "INFO", "%s", text);
}

static bool on_cancelled(void *context)
{
    return cli_interrupted(context);
}

/* ---- options --------------------------------------------------------------------------------------------
 */

static bool parse_number(const char *text, unsigned most, unsigned *number)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value > most)
        return false;
    *number = (unsigned)value;
    return true;
}

/* @return false when the value is none. */
static bool take_option(struct upload *u, int letter)
{
    switch (letter) {
    case 'i':
        u->ip = optarg;
        return true;
    case 'I':
        u->host_ip = optarg;
        return true;
    case 'a':
        u->auth = optarg;
        return true;
    case 'f':
        u->file = optarg;
        return true;
    case 'm':
        return u->md5_target = true;
    case 's':
        return u->spiffs = true;
    case 'd':
        return u->debug = true;
    case 'r':
        return u->progress = true;
    case 'p':
        return parse_number(optarg, 65535, &u->port);
    case 'P':
        return parse_number(optarg, 65535, &u->host_port);
    case 't':
        return parse_number(optarg, 3600, &u->timeout);
    default:
        return false;
    }
}

/* @return -1 to go on, or the exit status. */
static int parse(struct upload *u, int argc, char **argv)
{
    int letter;
    opterr = 1;
    while ((letter = getopt_long(argc, argv, "i:I:p:P:a:mf:sdrt:h", long_options, NULL)) != -1) {
        if (letter == 'h') {
            print("%s", help);
            return 0;
        }
        if (letter == '?')
            return WRONG_USAGE; /* getopt has said it */
        if (!take_option(u, letter)) {
            espota_ui_print(stderr, "espota: error: argument -%c: invalid int value: '%.40s'\n", letter,
                            optarg);
            return WRONG_USAGE;
        }
    }
    if (u->ip && u->file)
        return -1;
    say(u, "CRITICAL", "Not enough arguments.");
    return FAILED;
}

/* ---- the upload -----------------------------------------------------------------------------------------
 */

/* The ESP8266's takes a signed image that lies beside it. */
static int read_image(struct upload *u, struct espota_bytes *image, struct espota_file *file,
                      struct espota_error *error)
{
    char signed_name[4096];
    int result = espota_file_read(u->file, LARGEST_IMAGE, image, error);
    if (result != 0)
        return result;
    espota_file_examine(file, image->data, image->size);
    snprintf(signed_name, sizeof signed_name, "%s.signed", u->file);
    if (file->kind != ESPOTA_FILE_ESP8266 || !espota_file_exists(signed_name))
        return 0;
    espota_ui_print(stderr, "Detected Signed Update. %s will be uploaded instead.\n", signed_name);
    espota_bytes_free(image);
    *image = (struct espota_bytes){ 0 };
    return espota_file_read(signed_name, LARGEST_IMAGE, image, error);
}

static int open_device(struct upload *u, const struct espota_file *file,
                       const struct espota_observer *observer, struct espota_device **device,
                       struct espota_error *error)
{
    unsigned timeout = u->timeout ? u->timeout : USUAL_TIMEOUT_S;
    uint16_t usual = file->kind == ESPOTA_FILE_ESP8266 ? ESPOTA_ARDUINO_PORT_ESP8266 : ESPOTA_ARDUINO_PORT;
    const struct espota_arduino_options options = { .password = u->auth && *u->auth ? u->auth : NULL,
                                                    .md5_password = u->md5_target,
                                                    .file_system = u->spiffs,
                                                    .listen_at = u->host_ip,
                                                    .listen_port = (uint16_t)u->host_port,
                                                    .answer_ms = 1000 * timeout,
                                                    .observer = observer };
    struct espota_address address;
    int result = espota_address_parse(&address, u->ip, u->port ? (uint16_t)u->port : usual, error);
    return result ? result : espota_arduino_open(device, address.text, &options, error);
}

static int send_image(struct upload *u, const struct espota_bytes *image, const struct espota_file *file,
                      struct espota_error *error)
{
    const struct espota_observer observer = { u, on_progress, on_message, on_cancelled };
    const struct espota_ota_request request = { .name = u->file,
                                                .payload = espota_payload_raw(image->data, image->size),
                                                .file_system = u->spiffs };
    struct espota_ota_result ignored;
    struct espota_device *device = NULL;
    cli_catch_interrupts();
    int result = open_device(u, file, &observer, &device, error);
    if (result == 0) {
        espota_ui_print(stderr, "Sending invitation to %s\n", u->ip);
        result = espota_ota_run(device, &request, &ignored, error);
    }
    espota_device_close(device);
    return result;
}

static int upload(struct upload *u)
{
    struct espota_bytes image = { 0 };
    struct espota_error error = { 0 };
    struct espota_file file = { 0 };
    if (u->auth && *u->auth)
        say(u, "WARNING",
            "others can see a password on a command line: 'espota ota --arduino' takes it from a file");
    int result = read_image(u, &image, &file, &error);
    if (result == 0)
        result = send_image(u, &image, &file, &error);
    espota_bytes_free(&image);
    if (result != 0)
        say(u, "ERROR", "%s", error.text);
    else if (u->begun && !u->progress)
        fputc('\n', stderr);
    u->begun = false;
    if (result == 0 && u->debug)
        say(u, "INFO", "Success");
    cli_end_if_interrupted();
    return result ? FAILED : 0;
}

int run_as_espota_py(int argc, char **argv)
{
    struct upload u = { 0 };
    int status = parse(&u, argc, argv);
    return status >= 0 ? status : upload(&u);
}

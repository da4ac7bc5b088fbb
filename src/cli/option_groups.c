/* Options that several commands share, with one wording each. */
#include "connect.h"
#include "plan_options.h"
#include "watch.h"

#define CONNECT(field) offsetof(struct connect_options, field)
#define PLAN(field)    offsetof(struct plan_options, field)
#define WATCH(field)   offsetof(struct watch_options, field)
#define VIA(usual)                                                                                           \
    {                                                                                                        \
        "via", 0, OPTION_TEXT, CONNECT(via), "WHAT",                                                         \
            "rom: the chip's bootloader; agent: espota's agent on it (" usual ")"                            \
    }

const struct option_spec port_options[] = {
    { "port", 'p', OPTION_LIST, CONNECT(ports), "PORT",
      "serial port, tcp://host:port, rfc2217://host:port, or file:FLASH (the one board found)" },
    { "port-filter", 0, OPTION_LIST, CONNECT(port_filter), "WHAT",
      "take the one port that is so: vid=NUMBER, pid=NUMBER, serial=TEXT, name=TEXT" },
    { "baud", 'b', OPTION_TEXT, CONNECT(baud), "RATE",
      "bits per second, or auto: the highest that works (115200)" },
    { "monitor-baud", 0, OPTION_TEXT, CONNECT(monitor_baud), "RATE",
      "rate of the console, and of an agent that an app has there (115200)" },
    { "chip", 'c', OPTION_TEXT, CONNECT(chip), "CHIP", "esp32, esp32c3 ... (auto)" },
    OPTION_END,
};

const struct option_spec agent_options[] = {
    { "host", 0, OPTION_LIST, CONNECT(hosts), "HOST", "agent on the network: NAME or NAME:PORT (3232)" },
    { "key", 'k', OPTION_TEXT, CONNECT(key), "FILE", "file with the device's key" },
    OPTION_END,
};

const struct option_spec via_rom_option[] = { VIA("rom"), OPTION_END };
const struct option_spec via_agent_option[] = {
    { "via", 0, OPTION_TEXT, CONNECT(via), "WHAT",
      "agent: espota's agent on it; rom: the chip's bootloader; repl: MicroPython's REPL, with --host its "
      "WebREPL (agent)" },
    { "password-file", 0, OPTION_TEXT, CONNECT(password_file), "FILE",
      "the first line of FILE is the password of its WebREPL, or of its updates" },
    OPTION_END,
};
const struct option_spec via_lines_option[] = { VIA("the lines alone"), OPTION_END };

const struct option_spec rom_options[] = {
    { "before", 0, OPTION_TEXT, CONNECT(before), "HOW",
      "default-reset, classic-reset, usb-reset, no-reset, or a sequence: D0|R1|W0.1|..." },
    { "after", 0, OPTION_TEXT, CONNECT(after), "HOW",
      "hard-reset, soft-reset, watchdog-reset, no-reset, or a sequence (hard-reset)" },
    { "no-stub", 0, OPTION_FLAG, CONNECT(no_stub), NULL,
      "stay with the ROM: no faster code is loaded into the chip's RAM" },
    OPTION_END,
};

const struct option_spec layout_options[] = {
    { "for", 0, OPTION_TEXT, PLAN(firmware), "FIRMWARE",
      "layout of micropython, circuitpython, arduino, esphome, tasmota or lobo (lobo)" },
    { "appsize", 0, OPTION_SIZE, PLAN(app_size), "SIZE",
      "size of each app partition (1M); rounded up to 64K" },
    { "fssize", 0, OPTION_SIZE, PLAN(fs_size), "SIZE", "size of the file system (all that is left)" },
    { "force2p", 0, OPTION_CHOICE, PLAN(layout), NULL, "two OTA slots, on any flash" },
    { "force3p", 0, OPTION_CHOICE, PLAN(layout), NULL, "factory and two OTA slots, on 8M or more" },
    { "no-ota", 0, OPTION_CHOICE, PLAN(layout), NULL, "one app, no OTA" },
    { "fs", 0, OPTION_TEXT, PLAN(fs), "TYPE", "fat (default), spiffs or littlefs" },
    { "app-name", 0, OPTION_TEXT, PLAN(app_name), "NAME", "label of the app partitions (MicroPython)" },
    { "fs-name", 0, OPTION_TEXT, PLAN(fs_name), "NAME", "label of the file system (internalfs)" },
    { "nvs-size", 0, OPTION_SIZE, PLAN(nvs_size), "SIZE", "size of nvs (24K, or 16K with OTA)" },
    { "table-offset", 0, OPTION_SIZE, PLAN(table_offset), "OFFSET",
      "where the partition table lies (0x8000)" },
    OPTION_END,
};

const struct option_spec table_offset_option[] = {
    { "table-offset", 0, OPTION_SIZE, 0, "OFFSET",
      "where the partition table lies (as the device says, or 0x8000)" },
    OPTION_END,
};

const struct option_spec subtypes_option[] = {
    { "extra-partition-subtypes", 0, OPTION_LIST, 0, "SUBTYPE",
      "one more subtype that CSV may name: 'type, name, value'; can be repeated" },
    OPTION_END,
};

const struct option_spec trial_option[] = {
    { "trial", 0, OPTION_FLAG, 0, NULL,
      "boot it once on trial: unless it is confirmed, the boot after returns" },
    OPTION_END,
};

const struct option_spec restart_option[] = {
    { "restart", 'r', OPTION_FLAG, 0, NULL, "restart the device afterwards" },
    OPTION_END,
};

const struct option_spec force_option[] = {
    { "force", 0, OPTION_FLAG, 0, NULL, "write to a chip with secure boot or flash encryption" },
    OPTION_END,
};

const struct option_spec monitor_option[] = {
    { "monitor", 0, OPTION_FLAG, WATCH(monitor), NULL,
      "restart the device, and show its console from the first byte on" },
    { "monitor-timeout", 0, OPTION_NUMBER, WATCH(timeout), "SECONDS",
      "end the console after so long: with status 3 when --until has not matched" },
    OPTION_END,
};

const struct option_spec watch_options[] = {
    { "until", 'u', OPTION_TEXT, WATCH(until), "REGEX",
      "end, with status 0, when a line of the console matches this extended regular expression" },
    { "fail-on", 0, OPTION_TEXT, WATCH(fail_on), "REGEX",
      "end, with status 1, when a line matches this one" },
    { "elf", 0, OPTION_LIST, WATCH(elf), "FILE",
      "explain addresses and panics by this ELF file (that of the build folder); can be repeated" },
    { "no-decode", 0, OPTION_FLAG, WATCH(no_decode), NULL, "leave addresses and panics as they are" },
    { "print-filter", 0, OPTION_TEXT, WATCH(filter), "RULES",
      "lines of the log to show: 'wifi:W *:I' is tag wifi from warnings up, all others from info up" },
    { "timestamps", 't', OPTION_FLAG, WATCH(timestamps), NULL,
      "begin each line with the seconds since the start" },
    { "timestamp-format", 0, OPTION_TEXT, WATCH(time_format), "FORMAT",
      "begin each line with the time, as strftime(3) writes it; %f is microseconds" },
    { "log", 0, OPTION_TEXT, WATCH(log), "FILE", "append what the device sends to this file, too" },
    OPTION_END,
};

const struct option_spec console_options[] = {
    { "timeout", 0, OPTION_NUMBER, WATCH(timeout), "SECONDS",
      "end after so long: with status 3 when --until has not matched" },
    { "raw", 0, OPTION_FLAG, WATCH(raw), NULL,
      "let everything through to the terminal that the device sends, not colours alone" },
    { "no-color", 0, OPTION_FLAG, WATCH(no_colour), NULL, "no colours, of the device's neither" },
    { "eol", 0, OPTION_TEXT, WATCH(eol), "EOL",
      "what the device gets for Enter: CR, LF or CRLF (as typed: CR)" },
    { "menu-key", 0, OPTION_TEXT, WATCH(menu_key), "KEY",
      "the key, with Ctrl, before others of the monitor's (T)" },
    { "exit-key", 0, OPTION_TEXT, WATCH(exit_key), "KEY", "the key, with Ctrl, that ends it (])" },
    { "no-reconnect", 0, OPTION_FLAG, WATCH(no_reconnect), NULL,
      "end when the device leaves its USB, and do not wait for it to come back" },
    OPTION_END,
};

/** The simulated ESP32: a board with flash in a file, offered on a pseudo-terminal and on TCP.
 *
 * In download mode it speaks the ROM's protocol; otherwise a model of the second-stage bootloader chooses an
 * app and the agent answers, as if it ran in that app. See espota-sim(1). */
#ifndef ESPOTA_SIM_H
#define ESPOTA_SIM_H

#include "espota/arduino_ota.h"
#include "espota/chip.h"
#include "espota/clock.h"
#include "espota/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What goes wrong, and when. All zero: nothing. */
struct espota_sim_faults {
    uint32_t seed;                  /* of the random faults below */
    uint32_t drop_per_million;      /* bytes on the UART that get lost, either way */
    uint32_t flip_per_million;      /* bytes on the UART of which a bit is flipped */
    uint32_t duplicate_per_million; /* bytes on the UART that come twice */
    uint32_t stall_per_million;     /* bytes on the UART before which nothing moves for a while */
    uint32_t clean_baud;            /* rate above which bytes are flipped in numbers; 0: none is too high */
    uint64_t power_cut_at;          /* flash operation, counted from 1, at which power fails; 0: never */
    int power_cut_kind;             /* 1: operation not done, 2: half done, 3: done, 4: some of its bits */
    int stub;                  /* 1: it never answers, 2: it babbles, 3: it dies; 4 to 6: its first stage */
    uint32_t stub_dies_after;  /* bytes from the host after which it does, each time that it runs */
    uint32_t disconnect_after; /* bytes from the host after which the connection breaks once; 0: never */
};

/** Where a simulator can be reached. */
struct espota_sim_listeners {
    const char *pty;                               /* NULL: none */
    uint16_t tcp_port, rfc2217_port, network_port; /* 0: none */
    uint16_t arduino_port;                         /* by UDP */
    uint16_t esphome_port, webrepl_port;
};

struct espota_sim_options {
    const struct espota_chip *chip;
    const char *flash_file;
    uint32_t flash_size;   /* to create the file with; 0: it exists */
    bool pty;              /* offer a pseudo-terminal */
    const char *link;      /* symbolic link to it, or NULL */
    bool tcp;              /* offer the UART on TCP */
    uint16_t tcp_port;     /* 0: any */
    bool rfc2217;          /* offer the UART by RFC 2217, with its control lines */
    uint16_t rfc2217_port; /* 0: any */
    bool usb_jtag;         /* the lines drive a USB-Serial/JTAG controller, not an auto-reset circuit */
    bool no_circuit;       /* the lines lead nowhere */
    unsigned rise_ms;      /* from letting go of reset to the chip's start; 0: 1 */
    uint16_t revision;     /* of the chip: major * 100 + minor; 0: a usual one */
    uint32_t crystal_mhz;  /* 0: a usual one */
    bool secure_boot, flash_encryption, secure_download;
    bool network;          /* offer the agent on TCP, as a device on the network does */
    uint16_t network_port; /* 0: any */
    bool arduino;          /* the app has ArduinoOTA */
    uint16_t arduino_port; /* UDP; 0: any */
    enum espota_arduino_auth arduino_auth;
    bool esphome;          /* the app is one of ESPHome, as far as its OTA goes */
    uint16_t esphome_port; /* TCP; 0: any */
    int esphome_like;      /* 0: current, 1: that takes gzip, 2: of 2024, 3: of 2021 */
    bool webrepl;          /* with espota_sim_run_repl: offer a WebREPL */
    uint16_t webrepl_port; /* 0: any */
    const char *repl_like; /* current, old, no-esp, encrypted, chatty, slow, lies; NULL: current */
    const char *password;  /* of these three; or NULL */
    const char *announce;  /* the agent by this name on mDNS, for this machine alone; NULL: not */
    bool no_pull;          /* the agent does not fetch images by itself */
    bool download;         /* start in download mode */
    bool wait_boot;        /* ready when an app runs; none does: an error */
    bool rollback;         /* the bootloader honours trial states */
    bool real_time;        /* UART and flash take the time that they take on a board */
    const uint8_t *key;    /* of the agent */
    size_t key_length;
    const struct espota_signer *owner; /* whose signature images need (espota/sign.h); or NULL */
    uint32_t min_secure_version;
    const char *project; /* images of this project alone; NULL: any */
    struct espota_sim_faults faults;
    const struct espota_clock *clock; /* of the board and its faults; NULL: the system's */
    void *context;
    /** It is ready: where to reach it. */
    void (*ready)(void *context, const struct espota_sim_listeners *listeners);
    /** A console line. */
    void (*log)(void *context, const char *line);
};

/** Run until SIGINT or SIGTERM. SIGUSR1 presses reset; SIGUSR2 presses reset with GPIO0 low, which ends in
 * download mode; SIGHUP pulls the power and gives it back. @return 0 after a signal. */
int espota_sim_run(const struct espota_sim_options *options, struct espota_error *error);

/** Instead a board with MicroPython and no agent: its REPL on the pseudo-terminal, TCP and a WebREPL. What is
 * sent to it is run by python3, with the rights of who runs this. Signals as above, but there is no download
 * mode. @return also ESPOTA_ERR_FAILED when nothing boots, or there is no python3. */
int espota_sim_run_repl(const struct espota_sim_options *options, struct espota_error *error);

#endif

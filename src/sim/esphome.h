/* An app of ESPHome on a simulated board, as far as its OTA goes. Source: ESPHome,
 * esphome/components/esphome/ota/ ota_esphome.cpp. */
#ifndef ESPOTA_SIM_ESPHOME_H
#define ESPOTA_SIM_ESPHOME_H

#include "updater.h"

#include "espota/buffer.h"
#include "espota/error.h"
#include "espota/esphome_ota.h"

#include <poll.h>

enum { SIM_ESPHOME_FDS = 2, SIM_ESPHOME_MOST = 1024 };

/* What it is like. */
enum sim_esphome_like {
    SIM_ESPHOME_CURRENT, /* version 2, with flags; a password by SHA-256 alone */
    SIM_ESPHOME_GZIP,    /* takes gzip, as an ESP8266 does */
    SIM_ESPHOME_2024,    /* version 2, a password by MD5 */
    SIM_ESPHOME_2021,    /* version 1, the same */
};

enum sim_esphome_state {
    SIM_ESPHOME_MAGIC,
    SIM_ESPHOME_FEATURES,
    SIM_ESPHOME_PROOF,
    SIM_ESPHOME_KIND,
    SIM_ESPHOME_SIZE,
    SIM_ESPHOME_MD5,
    SIM_ESPHOME_DATA,
    SIM_ESPHOME_END
};

struct sim_esphome {
    struct sim_board *board;
    enum sim_esphome_like like;
    const char *password; /* NULL: none */
    int listener, fd;     /* -1: none */
    enum sim_esphome_state state;
    uint8_t held[SIM_ESPHOME_MOST]; /* of what the state waits for */
    size_t count;
    uint64_t heard_ms, started_ms; /* started: of the board */
    bool flags, gzip;
    char nonce[ESPOTA_ESPHOME_HEX], md5[2 * ESPOTA_MD5_LENGTH + 1];
    uint32_t size, taken, acknowledged;
    struct espota_bytes packed; /* what comes compressed is unpacked at the end */
    struct sim_updater updater;
};

/* On 127.0.0.1, at `*port`, or where that is 0 at any, which is put there. */
int sim_esphome_open(struct sim_esphome *esphome, struct sim_board *board, enum sim_esphome_like like,
                     const char *password, uint16_t *port, struct espota_error *error);
void sim_esphome_close(struct sim_esphome *esphome);

/* What to wait for; how long at most, or -1; and what to do when that has come. */
void sim_esphome_watch(const struct sim_esphome *esphome, struct pollfd p[SIM_ESPHOME_FDS]);
int sim_esphome_timeout(const struct sim_esphome *esphome, uint64_t now);
void sim_esphome_step(struct sim_esphome *esphome, const struct pollfd p[SIM_ESPHOME_FDS], uint64_t now);

#endif

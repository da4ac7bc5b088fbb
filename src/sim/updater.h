/* What an app does that takes an update by itself: into the slot that does not run, by sectors, with an MD5,
 * the first 16 bytes last, and then boot is switched. Sources: arduino-esp32,
 * libraries/Update/src/Updater.cpp; ESP-IDF, app_update/esp_ota_ops.c. */
#ifndef ESPOTA_SIM_UPDATER_H
#define ESPOTA_SIM_UPDATER_H

#include "board.h"

#include "espota/hash.h"
#include "espota/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_UPDATER_HEAD = 16 };

enum sim_update_error {
    SIM_UPDATE_OK,
    SIM_UPDATE_NO_PARTITION,
    SIM_UPDATE_SIZE,
    SIM_UPDATE_MAGIC,
    SIM_UPDATE_WRITE,
    SIM_UPDATE_MD5,
    SIM_UPDATE_IMAGE, /* it would not boot */
    SIM_UPDATE_ABORTED,
};

struct sim_updater {
    struct sim_board *board;
    const struct espota_partition *partition; /* NULL: no update is under way */
    uint64_t started_ms;                      /* of the board: after a reset there is no update any more */
    bool app;
    uint32_t size, taken;
    uint8_t sector[ESPOTA_SECTOR_SIZE];
    uint8_t head[SIM_UPDATER_HEAD];
    struct espota_hash *md5;
    enum sim_update_error error;
};

/* Each @return whether all is well, else `error` says why not, and the update is over. */
bool sim_updater_begin(struct sim_updater *updater, struct sim_board *board, uint32_t size, bool app);
bool sim_updater_write(struct sim_updater *updater, const uint8_t *data, size_t length);
/* Check the MD5, in hex, where there is one, and the image; boot is switched. */
bool sim_updater_end(struct sim_updater *updater, const char *md5);
void sim_updater_abort(struct sim_updater *updater);

/* Is an update under way, and the board as it was when that began? */
bool sim_updater_runs(const struct sim_updater *updater);

#endif

#include "updater.h"

#include "espota/digest.h"
#include "espota/hex.h"
#include "espota/image.h"
#include "espota/otadata.h"

#include <string.h>
#include <strings.h>

static bool fail(struct sim_updater *u, enum sim_update_error error)
{
    espota_hash_free(u->md5);
    u->md5 = NULL;
    u->partition = NULL;
    u->error = error;
    return false;
}

/* esp_ota_get_next_update_partition: the slot after the running one. */
static const struct espota_partition *next_slot(const struct sim_board *board)
{
    unsigned count = espota_table_slot_count(&board->table), next = 0;
    if (count == 0 || !espota_table_otadata(&board->table))
        return NULL;
    if (espota_partition_is_slot(board->running))
        next = ((unsigned)(board->running->subtype - ESPOTA_APP_OTA_0) + 1u) % count;
    const struct espota_partition *slot = espota_table_slot(&board->table, next);
    return slot == board->running ? NULL : slot;
}

/* As Arduino looks for a file system: SPIFFS, which may be LittleFS, or FAT. */
static const struct espota_partition *file_system(const struct sim_board *board)
{
    enum { SPIFFS = 0x82, FAT = 0x81 };
    static const uint8_t subtypes[] = { SPIFFS, FAT };
    for (size_t s = 0; s < sizeof subtypes; s++)
        for (unsigned i = 0; i < board->table.count; i++)
            if (board->table.entry[i].type == ESPOTA_TYPE_DATA &&
                board->table.entry[i].subtype == subtypes[s])
                return &board->table.entry[i];
    return NULL;
}

bool sim_updater_runs(const struct sim_updater *u)
{
    return u->partition && u->board->state == SIM_RUNNING && u->board->started_ms == u->started_ms;
}

bool sim_updater_begin(struct sim_updater *u, struct sim_board *board, uint32_t size, bool app)
{
    sim_updater_abort(u);
    u->board = board;
    u->app = app;
    u->size = size;
    u->taken = 0;
    u->started_ms = board->started_ms;
    u->error = SIM_UPDATE_OK;
    const struct espota_partition *partition = app ? next_slot(board) : file_system(board);
    if (!partition)
        return fail(u, SIM_UPDATE_NO_PARTITION);
    if (size == 0 || size > partition->size)
        return fail(u, SIM_UPDATE_SIZE);
    u->md5 = espota_hash_new(ESPOTA_HASH_MD5);
    u->partition = partition;
    return u->md5 ? true : fail(u, SIM_UPDATE_ABORTED);
}

/* The sector that has been filled, or the last one. */
static bool flush(struct sim_updater *u, uint32_t at, uint32_t length)
{
    uint32_t skipped = u->app && at == 0 ? SIM_UPDATER_HEAD : 0, offset = u->partition->offset + at;
    if (skipped && u->sector[0] != ESPOTA_IMAGE_MAGIC)
        return fail(u, SIM_UPDATE_MAGIC);
    memcpy(u->head, u->sector, skipped);
    if (length < skipped)
        return fail(u, SIM_UPDATE_SIZE);
    if (sim_flash_erase(u->board->flash, offset) != 0 ||
        sim_flash_program(u->board->flash, offset + skipped, u->sector + skipped, length - skipped) != 0)
        return fail(u, SIM_UPDATE_WRITE);
    return true;
}

bool sim_updater_write(struct sim_updater *u, const uint8_t *data, size_t length)
{
    if (!sim_updater_runs(u))
        return fail(u, SIM_UPDATE_ABORTED);
    if (length > u->size - u->taken)
        return fail(u, SIM_UPDATE_SIZE);
    if (u->md5->update(u->md5->context, data, length) != 0)
        return fail(u, SIM_UPDATE_ABORTED);
    for (size_t i = 0; i < length; i++) {
        u->sector[u->taken % sizeof u->sector] = data[i];
        uint32_t held = u->taken % sizeof u->sector + 1;
        u->taken++;
        if ((held == sizeof u->sector || u->taken == u->size) && !flush(u, u->taken - held, held))
            return false;
    }
    return true;
}

static bool md5_is(struct sim_updater *u, const char *wanted)
{
    uint8_t digest[ESPOTA_MD5_LENGTH];
    char hex[2 * ESPOTA_MD5_LENGTH + 1];
    if (u->md5->finish(u->md5->context, digest) != 0)
        return false;
    espota_hex(digest, sizeof digest, hex);
    return strcasecmp(hex, wanted) == 0;
}

static void load_otadata(struct sim_board *board, uint32_t offset, struct espota_otadata *otadata)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t data[ESPOTA_OTADATA_RECORD_SIZE];
        memset(data, 0xff, sizeof data);
        (void)sim_flash_read(board->flash, offset + i * ESPOTA_SECTOR_SIZE, data, sizeof data);
        espota_otadata_record_parse(&otadata->record[i], data);
    }
}

/* esp_ota_set_boot_partition. */
static bool select_boot(struct sim_updater *u)
{
    struct sim_board *board = u->board;
    const struct espota_partition *at = espota_table_otadata(&board->table);
    struct espota_otadata otadata;
    uint8_t data[ESPOTA_OTADATA_RECORD_SIZE];
    load_otadata(board, at->offset, &otadata);
    int changed = espota_otadata_select(&otadata, (unsigned)(u->partition->subtype - ESPOTA_APP_OTA_0),
                                        espota_table_slot_count(&board->table),
                                        board->options.rollback ? ESPOTA_OTA_NEW : ESPOTA_OTA_UNDEFINED);
    if (changed < 0)
        return false;
    uint32_t offset = at->offset + (uint32_t)changed * ESPOTA_SECTOR_SIZE;
    espota_otadata_record_format(&otadata.record[changed], data);
    return sim_flash_erase(board->flash, offset) == 0 &&
           sim_flash_program(board->flash, offset, data, sizeof data) == 0;
}

static bool activate(struct sim_updater *u)
{
    if (sim_flash_program(u->board->flash, u->partition->offset, u->head, sizeof u->head) != 0)
        return fail(u, SIM_UPDATE_WRITE);
    if (!sim_boot_takes(u->board, u->partition))
        return fail(u, SIM_UPDATE_IMAGE);
    return select_boot(u) ? true : fail(u, SIM_UPDATE_WRITE);
}

bool sim_updater_end(struct sim_updater *u, const char *md5)
{
    if (u->error != SIM_UPDATE_OK)
        return false; /* as was said before */
    if (!sim_updater_runs(u) || u->taken < u->size)
        return fail(u, SIM_UPDATE_ABORTED);
    if (md5 && !md5_is(u, md5))
        return fail(u, SIM_UPDATE_MD5);
    if (u->app && !activate(u))
        return false;
    (void)fail(u, SIM_UPDATE_OK);
    return true;
}

void sim_updater_abort(struct sim_updater *u)
{
    (void)fail(u, SIM_UPDATE_ABORTED);
}
